"""The texts, tables and figures of the page of a comparison, ready for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autogsas.comparepage.tables import (
    Sheet,
    figures_sheet,
    findings_sheet,
    groups_sheet,
    parameter_sheets,
    shared_groups,
)
from autogsas.comparison import Comparison, Growth, Overlay, Pair, Refinement, overlays
from autogsas.figures.forest import Line, describe_forest, draw_forest, forest_lines, largest, reach
from autogsas.figures.overlay import describe_overlay, draw_overlay
from autogsas.figures.series import letter, series, versus
from autogsas.pages.embed import markup
from autogsas.pages.parts import Figure, with_stop
from autogsas.text.formatting import count, percent
from autogsas.text.prose import joined

__all__ = ["Judgement", "Page", "Series", "build_page"]

_SIGNS: Mapping[str, tuple[str, str]] = {
    "better and consistent": ("good", "✓"),
    "same": ("even", "="),
    "lower but unphysical": ("bad", "!"),
    "different structure": ("mind", "≠"),
    "not comparable": ("none", "?"),
}
_KINDS: Mapping[str, str] = {
    "run": "best trial of a run",
    "recipe": "recipe, refined for this page",
    "project": "finished refinement",
    "cif": "CIF",
}


@dataclass(frozen=True)
class Series:
    """One refinement; its letter and colour identify it everywhere on the page."""

    letter: str
    colour: str
    label: str
    kind: str
    engine: str
    source: str
    order: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """The verdict on a pair; ``kind`` and ``sign`` are the style and symbol of the ``word``."""

    pair: str
    kind: str
    sign: str
    word: str
    sentence: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """The content of the page as text; only ``svg`` of the figures is markup."""

    title: str
    series: tuple[Series, ...]
    judgements: tuple[Judgement, ...]
    warnings: tuple[str, ...]
    figures: Sheet
    patterns: tuple[Figure, ...]
    forest: Figure | None
    rest: Figure | None
    parameters: tuple[Sheet, ...]
    findings: Sheet | None
    shared: str
    groups: Sheet | None
    command: str
    version: str


def build_page(comparison: Comparison, command: str, version: str) -> Page:
    """Return the content of the page; ``command`` repeats the comparison, ``version`` is that of autogsas."""
    labels = [one.label for one in comparison.refinements]
    lines = forest_lines(comparison)
    first, others = largest(lines)
    return Page(
        title=f"{labels[0]} against {joined(labels[1:])}",
        series=tuple(_series(place, one) for place, one in enumerate(comparison.refinements)),
        judgements=tuple(_judgement(place, pair) for place, pair in enumerate(comparison.pairs, start=1)),
        warnings=tuple(with_stop(text) for text in comparison.warnings),
        figures=figures_sheet(comparison),
        patterns=tuple(_pattern(i, overlay, labels) for i, overlay in enumerate(overlays(comparison))),
        forest=_forest("forest", first, _forest_notes(comparison, lines, first)) if first else None,
        rest=_forest("forest-rest", others, ()) if others else None,
        parameters=tuple(parameter_sheets(comparison)),
        findings=findings_sheet(comparison),
        shared=shared_groups(comparison),
        groups=groups_sheet(comparison),
        command=command,
        version=version,
    )


def _series(place: int, one: Refinement) -> Series:
    return Series(
        letter=letter(place),
        colour=series(place),
        label=one.label,
        kind=_KINDS[one.kind],
        engine=one.engine,
        source=one.source,
        order=one.order,
        notes=tuple(with_stop(note) for note in one.notes),
    )


def _judgement(place: int, pair: Pair) -> Judgement:
    verdict = pair.verdict
    kind, sign = _SIGNS[verdict.word]
    remarks = tuple(with_stop(text) for text in verdict.remarks)
    return Judgement(f"A against {letter(place)}", kind, sign, verdict.word, verdict.sentence, remarks)


def _pattern(index: int, overlay: Overlay, labels: Sequence[str]) -> Figure:
    drawing = draw_overlay(overlay, labels, identity=f"overlay{index}")
    description = describe_overlay(overlay, labels)
    notes = [_growth_words(growth) for growth in overlay.growths]
    if notes:
        only = overlay.growths[0].other
        whose, other = (versus(only), letter(only)) if len(notes) == 1 else ("a difference", "the other")
        notes.append(f"Where {whose} rises, {other} fits better; where it falls, A does.")
    elif len(overlay.fits) == 1:
        notes.append(f"Only {letter(overlay.fits[0][0])} has this pattern.")
    elif overlay.fits[0][0] == 0:
        notes.append("No point counts in both, so χ² cannot be compared.")
    return Figure(
        f"pattern-{index}",
        overlay.name,
        markup(drawing.inline("The patterns", description)),
        description,
        ("Thin lines are the backgrounds.", *notes),
    )


def _growth_words(growth: Growth) -> str:
    points = f"{count(growth.two_theta.size)} points that count in both A and {letter(growth.other)}"
    return f"χ² over the {points}: A {percent(growth.one[-1], 1)}, {letter(growth.other)} {percent(growth.two[-1], 1)}."


def _forest(identity: str, lines: Sequence[Line], notes: tuple[str, ...]) -> Figure:
    description = describe_forest(lines)
    drawing = draw_forest(lines)
    return Figure(identity, "", markup(drawing.inline("Differences", description)), description, notes)


def _forest_notes(comparison: Comparison, lines: Sequence[Line], shown: Sequence[Line]) -> tuple[str, ...]:
    notes = [describe_forest(lines)]
    if len(shown) < len(lines):
        notes.append(f"The {len(shown)} largest differences are shown; the others are in the folded part below.")
    if any(line.size > reach(shown) for line in shown):
        notes.append("Differences outside the range are marked at its edge with their value.")
    without = sum(
        any(gap is not None for gap in row.gaps) and all(gap is None or gap.esds is None for gap in row.gaps)
        for row in comparison.rows
    )
    if without:
        words = "parameter without an esd is" if without == 1 else "parameters without an esd are"
        notes.append(f"{without} {words} shown only in the table.")
    return tuple(notes)

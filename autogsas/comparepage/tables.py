"""The tables on the page of a comparison; each refinement has a column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autogsas.comparison import Comparison, Difference, Figures, Fit, Pair, Refinement, Row, overlays
from autogsas.figures.forest import LIMIT, SECTIONS, gap_words
from autogsas.figures.series import letter, versus
from autogsas.model.recipe import GROUPS
from autogsas.model.result import Severity
from autogsas.text.formatting import MISSING, count, interval, percent, with_esd
from autogsas.text.prose import group_name, joined

__all__ = [
    "Block",
    "Line",
    "Sheet",
    "figures_sheet",
    "findings_sheet",
    "groups_sheet",
    "parameter_sheets",
    "shared_groups",
]

LONG = 16
"""A section with more parameters is folded."""

_SEVERITIES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Notes"}


@dataclass(frozen=True)
class Line:
    """A row: its heading and cells; the cells with the indices ``strong`` are emphasised."""

    head: str
    cells: tuple[str, ...]
    strong: frozenset[int] = frozenset()
    kind: str = ""


@dataclass(frozen=True)
class Block:
    """Rows that belong together, with a label if it is not empty."""

    lines: tuple[Line, ...]
    label: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table with row headings; a ``numeric`` one is aligned to the right, a ``folded`` one opens on a click."""

    caption: str
    header: tuple[str, ...]
    blocks: tuple[Block, ...]
    numeric: bool = True
    folded: bool = False


def figures_sheet(comparison: Comparison) -> Sheet:
    """Return the figures of each refinement, over its own points and, where these differ, over the common points."""
    everyone = comparison.refinements
    blocks = [Block(tuple(_figures([one.figures for one in everyone])), "Over its own points")]
    blocks += [
        Block(tuple(_common(place, pair, len(everyone))), f"Over the points that count in both A and {letter(place)}")
        for place, pair in enumerate(comparison.pairs, start=1)
        if pair.common is not None and pair.common.differ
    ]
    blocks += [Block(tuple(lines), name) for name, lines in _by_pattern(comparison)]
    blocks.append(Block(tuple(_counts(everyone)), "Findings"))
    return Sheet("", ("", *(letter(place) for place in range(len(everyone)))), tuple(blocks))


_FIGURES: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("Rwp (%)", lambda item: percent(item.rwp, 3)),
    ("Rexp (%)", lambda item: percent(item.rexp, 3)),
    ("GoF", lambda item: percent(item.gof, 3)),
    ("χ²", lambda item: percent(item.chi2, 1)),
    ("BIC", lambda item: percent(item.bic, 1)),
    ("Variables", lambda item: count(item.n_variables)),
    ("Observations", lambda item: count(item.n_observations)),
)


def _figures(figures: Sequence[Figures | None]) -> Iterator[Line]:
    for head, write in _FIGURES:
        yield Line(head, tuple("" if item is None else write(item) for item in figures))


def _common(place: int, pair: Pair, size: int) -> Iterator[Line]:
    if pair.common is None:
        return
    both: dict[int, Figures] = {0: pair.common.one, place: pair.common.two}
    yield from _figures([both.get(i) for i in range(size)])
    for name, limits in pair.common.ranges:
        yield Line(f"2θ of {name}", tuple(interval(limits) if i in both else "" for i in range(size)))


def _by_pattern(comparison: Comparison) -> Iterator[tuple[str, list[Line]]]:
    """Return for each pattern, by its name in the first refinement, how each refinement fitted it."""
    shown = overlays(comparison)
    for overlay in shown:
        having = dict(overlay.fits)
        fits = [having.get(place) for place in range(len(comparison.refinements))]
        phases = dict.fromkeys(phase for fit in having.values() for phase, _ in fit.r_bragg)
        lines = [_line("Rwp (%)", fits, lambda fit: percent(fit.rwp, 3))] if len(shown) > 1 else []
        for phase in phases:
            head = f"R_Bragg of {phase} (%)"
            bragg = ("" if fit is None else percent(dict(fit.r_bragg).get(phase)) for fit in fits)
            lines.append(Line(head, tuple(bragg)))
        lines.append(_line("Background", fits, lambda fit: fit.background or MISSING))
        lines.append(_line("Background terms", fits, lambda fit: count(fit.terms) if fit.terms else MISSING))
        lines.append(_line("2θ", fits, lambda fit: interval(fit.limits)))
        if any(fit.excluded for fit in having.values()):
            lines.append(_line("Excluded", fits, lambda fit: ", ".join(map(interval, fit.excluded)) or "none"))
        yield overlay.name, lines


def _line(head: str, fits: Sequence[Fit | None], write: Callable[[Fit], str]) -> Line:
    return Line(head, tuple("" if fit is None else write(fit) for fit in fits))


def _counts(everyone: Sequence[Refinement]) -> Iterator[Line]:
    for severity, head in _SEVERITIES.items():
        numbers = [sum(finding.severity is severity for finding in one.findings) for one in everyone]
        cells = tuple(count(n) if one.fitted else MISSING for n, one in zip(numbers, everyone, strict=True))
        strong = frozenset(i for i, n in enumerate(numbers) if n and severity is Severity.ERROR)
        yield Line(head, cells, strong)


def findings_sheet(comparison: Comparison) -> Sheet | None:
    """Return the findings, the most severe first, with one row for each code."""
    everyone = comparison.refinements
    lines = []
    for severity in _SEVERITIES:
        codes = dict.fromkeys(item.code for one in everyone for item in one.findings if item.severity is severity)
        for code in codes:
            found = [
                [item.message for item in one.findings if item.severity is severity and item.code == code]
                for one in everyone
            ]
            cells = tuple("\n".join(_itemised(messages)) or MISSING for messages in found)
            lines.append(Line(code, cells, kind=severity.value))
    header = ("", *(letter(place) for place in range(len(everyone))))
    return Sheet("", header, (Block(tuple(lines)),), numeric=False) if lines else None


def _itemised(messages: Sequence[str]) -> list[str]:
    return list(messages) if len(messages) < 2 else [f"• {message}" for message in messages]


def shared_groups(comparison: Comparison) -> str:
    """Return a sentence with the groups that all refined, as far as known; empty if there are none."""
    known = [one.groups for one in comparison.refinements if one.groups]
    shared = [_words(group) for group in _known(comparison) if all(group in groups for groups in known)]
    return f"Refined by each: {joined(shared)}." if shared and len(known) > 1 else ""


def groups_sheet(comparison: Comparison) -> Sheet | None:
    """Return the groups that only some refined, None if there are none; a dash if the groups are unknown."""
    everyone = comparison.refinements
    known = [one.groups for one in everyone if one.groups]
    lines = []
    for group in _known(comparison):
        if len(known) < 2 or not all(group in groups for groups in known):
            cells = tuple(("refined" if group in one.groups else "not") if one.groups else MISSING for one in everyone)
            lines.append(Line(_words(group), cells))
    header = ("", *(letter(place) for place in range(len(everyone))))
    return Sheet("", header, (Block(tuple(lines)),), numeric=False) if lines else None


def _known(comparison: Comparison) -> list[str]:
    found = dict.fromkeys(group for one in comparison.refinements for group in one.groups)
    return [*(group for group in GROUPS if group in found), *(group for group in found if group not in GROUPS)]


def _words(group: str) -> str:
    found = next((known for known in GROUPS if known == group), None)
    return group if found is None else group_name(found)


def parameter_sheets(comparison: Comparison) -> list[Sheet]:
    """Return all parameters by section: values with esds, and differences from the first, also in esds."""
    size = len(comparison.refinements)
    header = ("", *(letter(place) for place in range(size)))
    for place in range(1, size):
        header += (versus(place), "in esds")
    sheets = []
    for section, title in SECTIONS.items():
        owners: dict[str, list[Line]] = {}
        for row in comparison.rows:
            if row.section == section:
                owners.setdefault(row.owner, []).append(_parameter(row, comparison))
        number = sum(map(len, owners.values()))
        blocks = tuple(Block(tuple(lines), owner) for owner, lines in owners.items())
        if blocks:
            far = sum(bool(line.strong) for block in blocks for line in block.lines)
            caption = (
                f"{title}: {number} parameters" + (f", {far} of them strong" if far else "") if number > LONG else title
            )
            sheets.append(Sheet(caption, header, blocks, folded=number > LONG))
    return sheets


def _parameter(row: Row, comparison: Comparison) -> Line:
    cells = ["" if cell is None else with_esd(cell.value, cell.esd) for cell in row.cells]
    strong = set()
    for place, gap in enumerate(row.gaps, start=1):
        words = ("", "") if gap is None else gap_words(row, place, gap)
        far = gap is not None and gap.esds is not None and abs(gap.esds) > LIMIT
        if far and _noticed(row, comparison.pairs[place - 1].differences):
            strong |= {len(cells), len(cells) + 1}
        cells += words
    return Line(f"{row.name} ({row.unit})" if row.unit else row.name, tuple(cells), frozenset(strong))


def _noticed(row: Row, differences: Sequence[Difference]) -> bool:
    """Return whether a difference is noticeable; parameters other than structural ones are judged by esds alone."""
    if row.section not in ("cell", "atoms"):
        return True
    atom, _, what = row.name.rpartition(" ")
    for item in differences:
        if item.phase != row.owner or not item.noticed:
            continue
        if row.section == "cell":
            if item.kind == "cell" and row.name in (item.name.rpartition(":")[2], "volume"):
                return True
        elif item.atom == atom:
            kind = {"U_iso": "uiso", "occupancy": "occupancy"}.get(what, "position")
            if item.kind == kind and (kind != "position" or what in item.axes):
                return True
    return False

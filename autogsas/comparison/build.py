"""Building a comparison: refinements are aligned, measured over their common points, and judged in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autogsas.comparison.matching import Alignment, align
from autogsas.comparison.measuring import Common, common_ground
from autogsas.comparison.refinement import Fit, Refinement
from autogsas.comparison.rows import Row, parameter_rows
from autogsas.comparison.verdict import Verdict, judge
from autogsas.crystal.endpoints import Difference, EndPoint, compare

__all__ = ["Comparison", "Pair", "build_comparison"]


@dataclass(frozen=True)
class Pair:
    """The first refinement against another: ``fits`` of the same data, structural differences, and the verdict."""

    one: Refinement
    two: Refinement
    fits: tuple[tuple[Fit, Fit], ...]
    common: Common | None
    differences: tuple[Difference, ...]
    verdict: Verdict


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two or more refinements; all use the names of the first for histograms, phases and sites.

    Its ``repr`` lists the verdicts and warnings.
    """

    refinements: tuple[Refinement, ...]
    pairs: tuple[Pair, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        lines = [
            f"{pair.one.label} against {pair.two.label}: {pair.verdict.word}. {pair.verdict.sentence}"
            for pair in self.pairs
        ]
        return "\n".join((*lines, *self.warnings))


def build_comparison(given: Sequence[Refinement]) -> Comparison:
    """Compare the first of ``given`` (two or more, with distinct labels) with each of the others."""
    first = given[0]
    found = [align(first, other) for other in given[1:]]
    pairs = tuple(_pair(first, alignment) for alignment in found)
    everyone = (first, *(alignment.other for alignment in found))
    return Comparison(everyone, pairs, parameter_rows(everyone), _warnings(pairs))


def _pair(first: Refinement, found: Alignment) -> Pair:
    common = common_ground(first, found.other, found.pairs) if found.pairs else None
    differences = _differences(first, found.other, common)
    verdict = judge(first, found.other, common, differences, found.obstacles, found.changes)
    return Pair(first, found.other, found.pairs, common, differences, verdict)


def _differences(one: Refinement, two: Refinement, common: Common | None) -> tuple[Difference, ...]:
    """Return the differences of the first from the second, in phases that both have with the same atoms.

    The margins are those of the better fit.
    """
    shared = [
        (phase, other)
        for phase in one.end.phases
        for other in two.end.phases
        if phase.name == other.name and phase.labels == other.labels and phase.space_group == other.space_group
    ]
    rwp = (one.end.rwp, two.end.rwp) if common is None else (common.one.rwp or 0.0, common.two.rwp or 0.0)
    ends = [EndPoint(rwp[side], tuple(replace(pair[side]) for pair in shared)) for side in (0, 1)]
    if not rwp[0] <= rwp[1]:
        return tuple(compare(ends[1], ends[0]))
    # Measured from the better fit, but reported as the first minus the second.
    return tuple(
        replace(item, shift=item.shift if item.kind == "position" else -item.shift)
        for item in compare(ends[0], ends[1])
    )


def _warnings(pairs: Sequence[Pair]) -> tuple[str, ...]:
    out: list[str] = []
    for pair in pairs:
        if pair.common is not None:
            if pair.common.differ:
                out.append(
                    f"{pair.one.label} and {pair.two.label} do not count the same points; the figures of both are"
                    " calculated again over the common points"
                )
            out += pair.common.notes
        without = [item.label for item in (pair.one, pair.two) if all(part.esd is None for part in item.parameters)]
        if len(without) == 1:
            other = pair.two.label if without[0] == pair.one.label else pair.one.label
            out.append(f"{without[0]} has no esds; differences are given in the esds of {other} alone")
    return tuple(dict.fromkeys(out))

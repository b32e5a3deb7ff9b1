"""The verdict on two refinements, by fixed rules, with the numbers behind it. All thresholds stand here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from autogsas.comparison.measuring import Common
from autogsas.comparison.refinement import Refinement
from autogsas.crystal.endpoints import Difference
from autogsas.runfolder.candidates import differences_words
from autogsas.text.formatting import general, percent
from autogsas.text.prose import joined

__all__ = ["MANY_ESDS", "PAYS", "SAME_RWP", "VERDICTS", "Verdict", "Word", "judge"]

Word = Literal["better and consistent", "same", "lower but unphysical", "different structure", "not comparable"]
VERDICTS: tuple[Word, ...] = (
    "better and consistent",
    "same",
    "lower but unphysical",
    "different structure",
    "not comparable",
)

SAME_RWP = 0.01
"""Below this share of Rwp two fits are the same: weighting, rounding and how long one waits make that much."""
MANY_ESDS = 3.0
"""A difference of the structure above it is said, even where it sets no two minima apart."""
PAYS = 10.0
"""BIC lower by so much is very strong evidence (Kass & Raftery, J. Am. Stat. Assoc. 90, 773 (1995), sec. 3.2)."""


@dataclass(frozen=True)
class Verdict:
    """A verdict: ``lower`` is the label of the refinement with the lower Rwp, None where they are the same or unknown.

    ``sentence`` says it with the numbers behind it; ``numbers`` are those, for programs; ``remarks`` are what else
    has to be known.
    """

    word: Word
    lower: str | None
    sentence: str
    numbers: tuple[tuple[str, float], ...]
    remarks: tuple[str, ...] = ()


def judge(
    one: Refinement,
    two: Refinement,
    common: Common | None,
    differences: Sequence[Difference],
    obstacles: Sequence[str],
    changes: Sequence[str],
) -> Verdict:
    """Return the verdict on ``one`` against ``two``.

    ``common`` are both fits over the points that both count; ``differences`` of their structures with what sets them
    apart first; ``obstacles`` keep the fits, ``changes`` the structures from being compared. The rules, the first that
    holds:

    1. *not comparable*: other measurements, patterns missing, no points in common, findings that forbid both; without
       a fit on one side, structures alone are compared where there are any.
    2. *lower but unphysical*: Rwp lower by more than `SAME_RWP` of itself, with a finding at the level of an error.
    3. *different structure*: another phase, space group or set of atoms, or a cell parameter, position, U or occupancy
       farther apart than two refinements of one minimum can be (see `autogsas.crystal.endpoints.compare`).
    4. *same*: Rwp within `SAME_RWP` of itself, or lower by variables that BIC does not pay for.
    5. *better and consistent*: all else.
    """
    apart = [difference for difference in differences if difference.excess > 1.0]
    told = _told(apart, changes)
    lone = [item for item in (one, two) if not item.fitted]
    if lone and (differences or changes):
        return _structures_alone(one, two, lone, differences, apart, changes, told)
    if obstacles or common is None or common.one.rwp is None or common.two.rwp is None:
        reasons = list(obstacles) or ["no points are counted by both"]
        return Verdict("not comparable", None, f"Not comparable: {joined(reasons)}.", (), _different(told))
    rwp = {one.label: common.one.rwp, two.label: common.two.rwp}
    first, second = common.one.rwp, common.two.rwp
    low, high = (one, two) if first <= second else (two, one)
    lower, higher = min(first, second), max(first, second)
    numbers = [("rwp_one", first), ("rwp_two", second)]
    paid = _paid(common, first <= second)
    if paid is not None:
        numbers.append(("bic_lower_by", paid))
    if apart:
        numbers.append(("largest_excess", apart[0].excess))
    near = higher - lower <= SAME_RWP * higher
    fits = f"Rwp {percent(rwp[low.label], 3)} % against {percent(rwp[high.label], 3)} %"
    if one.impossible and two.impossible:
        why = f"{_why(one)}; {_why(two)}"
        return Verdict(
            "not comparable", None, f"Not comparable: neither can stand ({why}).", tuple(numbers), _different(told)
        )
    if low.impossible and not near:
        sentence = f"{low.label} is lower but unphysical: {fits}, but {_why(low)}."
        return Verdict("lower but unphysical", low.label, sentence, tuple(numbers), _different(told))
    remarks = [f"{item.label} cannot stand: {_why(item)}" for item in (one, two) if item.impossible]
    if told:
        sentence = f"Another structure: {joined(told[:3])}; {low.label} has {fits}."
        return Verdict("different structure", low.label, sentence, tuple(numbers), tuple(remarks))
    remarks += _farthest(differences)
    if near:
        return Verdict(
            "same", None, f"The same: {fits}, and no parameter of the structure apart.", tuple(numbers), tuple(remarks)
        )
    if paid is not None and paid < PAYS:
        more = (low.figures.n_variables or 0) - (high.figures.n_variables or 0)
        sentence = f"The same: {low.label} has {fits}, but its {more} more variables do not pay (BIC {_signed(-paid)})."
        return Verdict("same", low.label, sentence, tuple(numbers), tuple(remarks))
    bic = "" if paid is None else f", BIC lower by {general(paid, 3)}"
    sentence = f"{low.label} is better and consistent: {fits}{bic}, and no parameter of the structure apart."
    return Verdict("better and consistent", low.label, sentence, tuple(numbers), tuple(remarks))


def _structures_alone(
    one: Refinement,
    two: Refinement,
    lone: Sequence[Refinement],
    differences: Sequence[Difference],
    apart: Sequence[Difference],
    changes: Sequence[str],
    told: Sequence[str],
) -> Verdict:
    without = f"{joined([item.label for item in lone])} {'holds' if len(lone) == 1 else 'hold'} no fit to compare"
    numbers = (("largest_excess", apart[0].excess),) if apart else ()
    if told:
        return Verdict("different structure", None, f"Another structure: {joined(told[:3])}.", numbers, (without,))
    largest = (("largest_excess", differences[0].excess),) if differences else ()
    return Verdict("same", None, "The same structure: no parameter is apart.", largest, (without,))


def _farthest(differences: Sequence[Difference]) -> list[str]:
    """Return what is farthest by its esds where that is much, though it sets no two minima apart."""
    known = [difference for difference in differences if difference.esds is not None and difference.esds > MANY_ESDS]
    if not known:
        return []
    words = _told([max(known, key=lambda difference: difference.esds or 0.0)], ())
    return [f"farthest by esds: {words[0]}; corrections and weights move one minimum by as much"]


def _told(apart: Sequence[Difference], changes: Sequence[str]) -> list[str]:
    several = len({difference.phase for difference in apart}) > 1
    return [*changes, *differences_words(apart, several)]


def _different(told: Sequence[str]) -> tuple[str, ...]:
    return (f"the structures differ too: {joined(list(told[:3]))}",) if told else ()


def _why(item: Refinement) -> str:
    return item.impossible[0].message


def _paid(common: Common, first_is_lower: bool) -> float | None:
    """Return by how much BIC is lower in the lower fit; negative where its variables do not pay."""
    if common.one.bic is None or common.two.bic is None:
        return None
    return common.two.bic - common.one.bic if first_is_lower else common.one.bic - common.two.bic


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{general(value, 3)}"

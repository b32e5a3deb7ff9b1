"""The verdict on two refinements, by fixed rules, with the numbers behind it. All thresholds are here."""

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

__all__ = ["MANY_ESDS", "SAME_RWP", "STRONG_BIC", "VERDICTS", "Verdict", "Word", "judge"]

Word = Literal["better and consistent", "same", "lower but unphysical", "different structure", "not comparable"]
VERDICTS: tuple[Word, ...] = (
    "better and consistent",
    "same",
    "lower but unphysical",
    "different structure",
    "not comparable",
)

SAME_RWP = 0.01
"""Two fits are the same if their Rwp differ by less than this fraction, which weights and rounding alone can cause."""
MANY_ESDS = 3.0
"""A structural difference of more esds is reported, even if it does not separate two minima."""
STRONG_BIC = 10.0
"""A BIC lower by this is very strong evidence (Kass & Raftery, J. Am. Stat. Assoc. 90, 773 (1995), sec. 3.2)."""

_SHOWN = 3  # differences in one sentence


@dataclass(frozen=True)
class Verdict:
    """A verdict on two refinements.

    ``lower`` is the label of the refinement with the lower Rwp, None if they are the same or it is unknown.
    ``sentence`` gives the reason with numbers, ``numbers`` the same for programs, ``remarks`` what else is important.
    """

    word: Word
    lower: str | None
    sentence: str
    numbers: tuple[tuple[str, float], ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fits:
    """Two fits over common points; ``low`` has the lower Rwp, and a BIC lower by ``bic_gain`` (None if unknown)."""

    low: Refinement
    high: Refinement
    low_rwp: float
    high_rwp: float
    bic_gain: float | None

    @property
    def near(self) -> bool:
        """Whether both Rwp are the same."""
        return self.high_rwp - self.low_rwp <= SAME_RWP * self.high_rwp

    @property
    def phrase(self) -> str:
        """Both Rwp, the lower one first."""
        return f"Rwp {percent(self.low_rwp, 3)} % against {percent(self.high_rwp, 3)} %"


def judge(
    one: Refinement,
    two: Refinement,
    common: Common | None,
    differences: Sequence[Difference],
    obstacles: Sequence[str],
    changes: Sequence[str],
) -> Verdict:
    """Return the verdict on ``one`` against ``two``.

    ``common`` are both fits over the points that count in both; ``differences`` of their structures, the largest first;
    ``obstacles`` are reasons why the fits cannot be compared, ``changes`` why the structures cannot. The first of these
    rules that applies gives the verdict:

    1. *not comparable*: other measurements, missing patterns, no points in common, errors found in both. If one has no
       fit, only the structures are compared.
    2. *lower but unphysical*: Rwp is lower by more than `SAME_RWP` of itself, but a check found an error.
    3. *different structure*: another phase, space group or set of atoms, or a cell parameter, position, U or occupancy
       that differs by more than two refinements of one minimum can (see `autogsas.crystal.endpoints.compare`).
    4. *same*: Rwp within `SAME_RWP` of itself, or lower by more variables than BIC justifies.
    5. *better and consistent*: all other cases.
    """
    apart = [difference for difference in differences if difference.excess > 1.0]
    structural = _structural(apart, changes)
    without = [item for item in (one, two) if not item.fitted]
    if without and (differences or changes):
        return _structures_only(without, differences, structural)
    if obstacles or common is None or common.one.rwp is None or common.two.rwp is None:
        reasons = list(obstacles) or ["no point counts in both"]
        return Verdict("not comparable", None, f"Not comparable: {joined(reasons)}.", (), _also(structural))
    fits = _fits(one, two, common, common.one.rwp, common.two.rwp)
    numbers = [("rwp_one", common.one.rwp), ("rwp_two", common.two.rwp)]
    if fits.bic_gain is not None:
        numbers.append(("bic_lower_by", fits.bic_gain))
    if apart:
        numbers.append(("largest_excess", apart[0].excess))
    return _with_errors(one, two, fits, structural, tuple(numbers)) or _acceptable(
        fits, differences, structural, tuple(numbers), _errors(one, two)
    )


def _fits(one: Refinement, two: Refinement, common: Common, first: float, second: float) -> _Fits:
    gain = None if common.one.bic is None or common.two.bic is None else common.two.bic - common.one.bic
    if first <= second:
        return _Fits(one, two, first, second, gain)
    return _Fits(two, one, second, first, None if gain is None else -gain)


def _with_errors(
    one: Refinement, two: Refinement, fits: _Fits, structural: Sequence[str], numbers: tuple[tuple[str, float], ...]
) -> Verdict | None:
    """Return the verdict if errors found by checks decide it."""
    if one.impossible and two.impossible:
        sentence = f"Not comparable: checks found errors in both ({_error(one)}; {_error(two)})."
        return Verdict("not comparable", None, sentence, numbers, _also(structural))
    if fits.low.impossible and not fits.near:
        sentence = f"{fits.low.label} has the lower Rwp but is unphysical: {fits.phrase}, but {_error(fits.low)}."
        return Verdict("lower but unphysical", fits.low.label, sentence, numbers, _also(structural))
    return None


def _acceptable(
    fits: _Fits,
    differences: Sequence[Difference],
    structural: Sequence[str],
    numbers: tuple[tuple[str, float], ...],
    remarks: tuple[str, ...],
) -> Verdict:
    """Return the verdict on two fits whose errors do not decide it."""
    low = fits.low.label
    if structural:
        sentence = f"Different structures: {joined(structural[:_SHOWN])}; {low} has {fits.phrase}."
        return Verdict("different structure", low, sentence, numbers, remarks)
    remarks += _largest_in_esds(differences)
    if fits.near:
        sentence = f"The same: {fits.phrase}, and the structural parameters agree."
        return Verdict("same", None, sentence, numbers, remarks)
    if fits.bic_gain is not None and fits.bic_gain < STRONG_BIC:
        sentence = f"The same: {low} has {fits.phrase}, but {_weak_bic(fits, fits.bic_gain)}."
        return Verdict("same", low, sentence, numbers, remarks)
    bic = "" if fits.bic_gain is None else f", BIC lower by {general(fits.bic_gain, 3)}"
    sentence = f"{low} is better and consistent: {fits.phrase}{bic}, and the structural parameters agree."
    return Verdict("better and consistent", low, sentence, numbers, remarks)


def _weak_bic(fits: _Fits, gain: float) -> str:
    """Return why a BIC lower by ``gain``, less than `STRONG_BIC`, does not support the lower Rwp."""
    low, high = fits.low.figures.n_variables, fits.high.figures.n_variables
    more = 0 if low is None or high is None else low - high
    additional = f"its {more} additional variable{'' if more == 1 else 's'}"
    if gain < 0:
        return f"BIC is {general(-gain, 3)} higher{f' because of {additional}' if more > 0 else ''}"
    purpose = f"to justify {additional}" if more > 0 else "to prefer it"
    return f"BIC is only {general(gain, 3)} lower, and {STRONG_BIC:g} is needed {purpose}"


def _structures_only(
    without: Sequence[Refinement], differences: Sequence[Difference], structural: Sequence[str]
) -> Verdict:
    """Return the verdict where a refinement has no fit."""
    remark = f"{joined([item.label for item in without])} {'has' if len(without) == 1 else 'have'} no fit to compare"
    if structural:
        largest = next((("largest_excess", item.excess) for item in differences if item.excess > 1.0), None)
        sentence = f"Different structures: {joined(structural[:_SHOWN])}."
        return Verdict("different structure", None, sentence, () if largest is None else (largest,), (remark,))
    numbers = (("largest_excess", differences[0].excess),) if differences else ()
    return Verdict("same", None, "The same structure: the structural parameters agree.", numbers, (remark,))


def _largest_in_esds(differences: Sequence[Difference]) -> tuple[str, ...]:
    """Return the largest difference in esds if it is large, although it does not separate two minima."""
    known = [difference for difference in differences if difference.esds is not None and difference.esds > MANY_ESDS]
    if not known:
        return ()
    (phrase,) = _structural([max(known, key=lambda difference: difference.esds or 0.0)], ())
    return (
        f"largest difference in esds: {phrase}; other corrections or weights can cause this within the same minimum",
    )


def _structural(apart: Sequence[Difference], changes: Sequence[str]) -> list[str]:
    several = len({difference.phase for difference in apart}) > 1
    return [*changes, *differences_words(apart, several)]


def _also(structural: Sequence[str]) -> tuple[str, ...]:
    return (f"the structures differ too: {joined(list(structural[:_SHOWN]))}",) if structural else ()


def _errors(one: Refinement, two: Refinement) -> tuple[str, ...]:
    return tuple(f"a check found an error in {item.label}: {_error(item)}" for item in (one, two) if item.impossible)


def _error(item: Refinement) -> str:
    return item.impossible[0].message

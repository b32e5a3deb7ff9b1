"""When to stop a trial early: it is judged by what became of earlier trials that were as bad at the same point."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autogsas.model.recipe import Recipe
from autogsas.model.trial import TrialRecord, TrialState

__all__ = ["ENOUGH", "SLOWER", "TrialProgress", "decisive_step", "hopeless_above", "progress_of", "slow_after"]

ENOUGH = 10
"""How many trials must have finished before any is stopped early. Not measured."""

SLOWER = 6.0
"""How many times as long as usual a trial may take. Not measured."""

# How many trials must have been timed before any counts as slow. Not measured.
_TIMED = 4
# No trial is slow before this time, in seconds: the computer may have been busy with something else. Not measured.
_LEAST_SECONDS = 20.0
# How many trials must show that a state is hopeless, and how near to the best Rwp a trial counts as good. Replayed over
# Y2O3 with the built-in engine, 40 whole trials, two seeds (python -m autogsas.benchmarks --pruning-proof): none and 16
# trials stopped, 0 and 37 % of the time saved, the best trial never stopped; the nearest one stopped would have
# ended at 1.04 times the best.
_WITNESSES = 4
_NEAR = 1.1

_FINISHED = (TrialState.COMPLETE, TrialState.INFEASIBLE)


def decisive_step(recipe: Recipe) -> int:
    """Return the index of the step before which a trial is judged; 0 if it is not judged.

    It is the first of the last steps that run to convergence, which take most of a trial's time.
    """
    index = len(recipe.steps) - 1
    while index > 1 and recipe.steps[index - 1].cycles is None:
        index -= 1
    return index


@dataclass(frozen=True)
class TrialProgress:
    """Rwp of a finished trial before its decisive step, and at its end; over the full range, in per cent."""

    before: float
    end: float
    valid: bool


def progress_of(record: TrialRecord) -> TrialProgress | None:
    """Return the progress of a trial; None if the engine does not report it, or the trial was pruned or failed.

    None also if the score is not Rwp: then the Rwp on the way tells nothing about it.
    """
    decisive = decisive_step(record.recipe)
    if record.state not in _FINISHED or record.metrics is None or decisive < 1:
        return None
    if len(record.steps) < decisive:
        return None
    if record.score != record.metrics.rwp:
        return None
    before = record.steps[decisive - 1].full_rwp
    if not math.isfinite(before):
        return None
    return TrialProgress(before, record.metrics.rwp, record.state is TrialState.COMPLETE)


def hopeless_above(finished: Sequence[TrialProgress]) -> float | None:
    """Return the Rwp above which a trial is hopeless before its decisive step; None if too little is known.

    It is the smallest value such that at least four trials were at it or above, and all of them ended more than a tenth
    above the best valid trial. Invalid trials count by their own Rwp, which shows how low such a trial can get. So no
    earlier trial that came near the best would have been stopped.
    """
    valid = [item.end for item in finished if item.valid]
    if len(finished) < ENOUGH or not valid:
        return None
    near = _NEAR * min(valid)
    threshold = None
    for count, item in enumerate(sorted(finished, key=lambda item: (-item.before, item.end)), start=1):
        if item.end <= near:
            break
        if count >= _WITNESSES:
            threshold = item.before
    return threshold


def slow_after(records: Iterable[TrialRecord]) -> float | None:
    """Return the seconds after which a trial is stopped as slow; None if too little is known.

    A refinement that diverges computes peaks as wide as the pattern, again and again: it takes many times as long as
    others and never gives a usable result. Never less than 20 s.
    """
    times = [record.seconds for record in records if record.state in _FINISHED and record.seconds > 0]
    return max(SLOWER * statistics.median(times), _LEAST_SECONDS) if len(times) >= _TIMED else None

"""When a trial is hopeless: judged by what became of earlier trials that stood as badly before their decisive step."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autogsas.model.recipe import Recipe
from autogsas.model.trial import TrialRecord, TrialState

__all__ = ["ENOUGH", "SLOWER", "Standing", "decisive_step", "hopeless_above", "slow_after", "standing"]

ENOUGH = 10
"""Trials whose way is known before any is given up."""

SLOWER = 6.0
"""How many times as long as usual a trial may take."""

_TIMED = 4
_LEAST_SECONDS = 20.0
_WITNESSES = 4
_NEAR = 1.1

_FINISHED = (TrialState.COMPLETE, TrialState.INFEASIBLE)


def decisive_step(recipe: Recipe) -> int:
    """Return the index of the step before which a trial is judged; 0 where it is not.

    It is the first of the steps at the end that go on to convergence, which take most of a trial's time.
    """
    index = len(recipe.steps) - 1
    while index > 1 and recipe.steps[index - 1].cycles is None:
        index -= 1
    return index


@dataclass(frozen=True)
class Standing:
    """How a finished trial stood before its decisive step, and where it ended; Rwp over the full range in per cent."""

    before: float
    end: float
    valid: bool


def standing(record: TrialRecord) -> Standing | None:
    """Return how a trial stood; None where the engine does not say it, or the trial was given up or failed.

    None also where it is scored by something else than Rwp, of which Rwp on the way says nothing.
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
    return Standing(before, record.metrics.rwp, record.state == TrialState.COMPLETE)


def hopeless_above(known: Sequence[Standing]) -> float | None:
    """Return the Rwp above which a trial is hopeless before its decisive step, None where too little is known.

    It is the least value such that at least four trials stood at it or worse and every one of them ended more than a
    tenth above the best valid trial, an invalid one by its own Rwp, for it says how low that way leads. So no earlier
    trial that came near the best would have been given up.
    """
    valid = [item.end for item in known if item.valid]
    if len(known) < ENOUGH or not valid:
        return None
    near = _NEAR * min(valid)
    threshold = None
    for count, item in enumerate(sorted(known, key=lambda item: (-item.before, item.end)), start=1):
        if item.end <= near:
            break
        if count >= _WITNESSES:
            threshold = item.before
    return threshold


def slow_after(records: Iterable[TrialRecord]) -> float | None:
    """Return the seconds after which a trial is given up as slow, None where too little is known.

    A refinement that has gone astray computes lines as broad as the pattern, over and over: it takes many times as long
    as others, and comes to nothing. Never less than 20 s, in which a computer may have had something else to do.
    """
    times = [record.seconds for record in records if record.state in _FINISHED and record.seconds > 0]
    return max(SLOWER * statistics.median(times), _LEAST_SECONDS) if len(times) >= _TIMED else None

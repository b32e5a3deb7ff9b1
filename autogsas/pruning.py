"""When a trial is hopeless: judged by what became of earlier trials that stood as badly before their last step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autogsas.hookspecs import TrialRecord

__all__ = ["ENOUGH", "Standing", "hopeless_above", "standing"]

ENOUGH = 10
"""Trials whose way is known before any is given up."""

_WITNESSES = 4
_NEAR = 1.1


@dataclass(frozen=True)
class Standing:
    """How a finished trial stood before its last step, and where it ended; Rwp over the full range in per cent."""

    before: float
    end: float
    valid: bool


def standing(record: TrialRecord) -> Standing | None:
    """Return how a trial stood; None where the engine does not say it, or the trial was given up or failed.

    None also where it is scored by something else than Rwp, of which Rwp on the way says nothing.
    """
    if record.state not in ("complete", "infeasible") or record.metrics is None or len(record.steps) < 2:
        return None
    if record.score != record.metrics.rwp:
        return None
    before = record.steps[-2].full_rwp
    if not math.isfinite(before):
        return None
    return Standing(before, record.metrics.rwp, record.state == "complete")


def hopeless_above(known: Sequence[Standing]) -> float | None:
    """Return the Rwp above which a trial is hopeless before its last step, None where too little is known.

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

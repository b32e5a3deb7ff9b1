"""Whether a fit is as good as the counting statistics allow, so that there is nothing left to search for."""

from __future__ import annotations

import math

from autogsas.model.result import Severity
from autogsas.model.trial import TrialRecord, TrialState

__all__ = ["at_noise"]

_ESDS = 3.0  # by which chi^2/(N-P) may be above 1: its scatter about 1 is the square root of 2/(N-P)
_MORE = 0.02  # of chi^2/(N-P): profiles and backgrounds are never exact; not measured
_ORDINARY = frozenset({"correlated"})  # warnings that good refinements have too


def at_noise(record: TrialRecord | None, *, decided: bool = False) -> bool:
    """Whether a trial leaves nothing but noise and gives no reason to doubt it.

    Values that are kept as the project has them are a reason, unless the data ``decided`` that.
    """
    if record is None or record.state is not TrialState.COMPLETE or record.metrics is None:
        return False
    ordinary = {*_ORDINARY, "kept"} if decided else _ORDINARY
    if any(f.severity is not Severity.INFO and f.code not in ordinary for f in record.findings):
        return False
    freedom = record.metrics.n_observations - record.metrics.n_variables
    if freedom <= 0:
        return False
    # Far below 1 the weights are not those of counting statistics, and say nothing (a finding warns of that).
    return record.metrics.gof**2 < 1.0 + _ESDS * math.sqrt(2.0 / freedom) + _MORE

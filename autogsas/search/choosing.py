"""Which of a run's usable trials is its best: the lowest score, or among those near it the one with most evidence.

A lower Rwp can always be had for more parameters. Among trials that fit about as well, the Bayesian information
criterion says which one the data support (Schwarz, Ann. Stat. 6, 461 (1978)). It would also rather not refine what a
weak pattern tells little of, though people want to know it: a value that is determined may cost something.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from autogsas.model.answers import WORTH
from autogsas.model.metrics import bic_fall
from autogsas.model.result import Severity
from autogsas.model.trial import TrialRecord, TrialState

__all__ = ["Best", "Entry", "evidence_over"]

_NEAR = 1.01
"""Scores, or goodnesses of fit, up to this ratio of the lowest are near it. From the specification, not measured."""

_WARNING = 10.0
"""What a warning counts against a trial, in BIC: very strong evidence (Kass & Raftery, J. Am. Stat. Assoc. 90, 773
(1995))."""

_ROUNDING = 1e-9  # of BIC: evidence that is only rounding; of equal trials the first stays


@dataclass(frozen=True)
class Entry:
    """A usable trial, the number of independent points that its residuals are worth, and how much it answers.

    See `effective_points` and `answered`.
    """

    record: TrialRecord
    points: float
    answers: int


class Best:
    """The best trials so far: ``lowest`` by score, and ``chosen``, the one that the run reports as its best.

    ``by_evidence`` False: both are the same.
    """

    def __init__(self, *, by_evidence: bool) -> None:
        self._by_evidence = by_evidence
        self._near: list[Entry] = []
        self.lowest: TrialRecord | None = None
        self.chosen: TrialRecord | None = None

    def add(self, record: TrialRecord, points: float, answers: int) -> bool:
        """Take a finished trial into account; return whether another trial is chosen now."""
        if record.state is not TrialState.COMPLETE or record.score is None:
            return False
        before = self.chosen
        if self.lowest is None or self.lowest.score is None or record.score < self.lowest.score:
            self.lowest = record
        self._near.append(Entry(record, points, answers))
        self._near = [entry for entry in self._near if _is_near(entry.record, self.lowest)]
        self.chosen = _most_evident(self._near) if self._by_evidence and _is_rwp(self.lowest) else self.lowest
        return self.chosen is not before

    @property
    def near(self) -> tuple[int, ...]:
        """The numbers of the trials that are chosen from."""
        return tuple(entry.record.number for entry in self._near)


def evidence_over(entry: Entry, other: Entry, points: float) -> float:
    """Return the evidence for one trial over another of the same data.

    It is the fall of BIC, with what answers are worth, less what warnings count.
    """
    one, two = entry.record.metrics, other.record.metrics
    if one is None or two is None or one.chi2 <= 0 or two.chi2 <= 0:
        return 0.0
    gain = bic_fall(two.chi2, one.chi2, one.n_variables - two.n_variables, points)
    # It makes up for the cost of a variable, and is no reason to refine what changes nothing.
    gain += min(WORTH, math.log(max(points, 1.0))) * (entry.answers - other.answers)
    return gain - _WARNING * (_warnings(entry.record) - _warnings(other.record))


def _most_evident(entries: Iterable[Entry]) -> TrialRecord:
    best: Entry | None = None
    entries = list(entries)
    # One number of points for all comparisons, so that their order does not matter; that of the best fit.
    points = min(entries, key=lambda entry: (_chi2(entry.record), entry.record.number)).points
    for entry in entries:
        if best is None or evidence_over(entry, best, points) > _ROUNDING:
            best = entry
    assert best is not None
    return best.record


def _warnings(record: TrialRecord) -> int:
    return len({finding.code for finding in record.findings if finding.severity is Severity.WARNING})


def _chi2(record: TrialRecord) -> float:
    return math.inf if record.metrics is None else record.metrics.chi2


def _is_rwp(record: TrialRecord) -> bool:
    """Whether a trial was scored by Rwp; the evidence is no measure beside the score of a plugin."""
    return record.metrics is not None and record.score == record.metrics.rwp


def _is_near(record: TrialRecord, lowest: TrialRecord) -> bool:
    """Whether a trial is near the lowest one by score, or by goodness of fit, which allows for fewer variables."""
    assert record.score is not None
    assert lowest.score is not None
    if record.score <= _NEAR * lowest.score:
        return True
    one, other = record.metrics, lowest.metrics
    return one is not None and other is not None and _is_rwp(lowest) and one.gof <= _NEAR * other.gof

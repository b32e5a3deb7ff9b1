"""Options and results of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autogsas.model.result import Result
from autogsas.model.trial import Finished, TrialRecord
from autogsas.search.database import PriorTrials
from autogsas.trial.assessment import Assessment

__all__ = ["Found", "Options", "Prior", "Refined"]


@dataclass(frozen=True)
class Options:
    """How to search; durations in seconds. ``own_patience``: the user has said how patient, not the strategy."""

    trials: int = 40
    jobs: int = 1
    seed: int = 0
    sampler: str = "tpe"
    timeout: float | None = None
    trial_timeout: float = 300.0
    prune: bool = True
    patience: int | None = None
    own_patience: bool = False
    by_evidence: bool = True
    terminator: bool = False

    @property
    def lead(self) -> int:
        """How many trials may be proposed and not yet reported."""
        return 1 if self.jobs == 1 else 2 * self.jobs


@dataclass(frozen=True)
class Refined:
    """What a trial of this session came to."""

    assessment: Assessment
    result: Result


@dataclass(frozen=True)
class Found:
    """The result of a search: how it ended, all its trials, and the best of them (None if none is usable).

    ``refined`` is the result of the best one, None if an earlier session found it; ``lowest`` is the usable trial with
    the lowest score, which need not be the best.
    """

    finished: Finished
    records: tuple[TrialRecord, ...]
    best: TrialRecord | None
    refined: Refined | None = None
    lowest: TrialRecord | None = None


@dataclass(frozen=True)
class Prior:
    """Trials of another run over the same choices, from which the sampler learns.

    ``scores`` are the other run's scores of recipes that this run tries again, by this run's number.
    """

    trials: PriorTrials
    scores: Mapping[int, float]

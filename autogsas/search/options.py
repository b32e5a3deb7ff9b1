"""What a search is given and what it gives: how much effort, what is known beforehand, what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autogsas.model.trial import TrialRecord
from autogsas.runfolder.summary import Finished
from autogsas.search.sampler import Known

__all__ = ["Found", "Options", "Recall"]


@dataclass(frozen=True)
class Options:
    """How to search; durations in seconds."""

    trials: int = 40
    jobs: int = 1
    seed: int = 0
    sampler: str = "tpe"
    timeout: float | None = None
    trial_timeout: float = 300.0
    prune: bool = True
    patience: int | None = None
    terminator: bool = False

    @property
    def lead(self) -> int:
        """How many trials may be asked for and not told."""
        return 1 if self.jobs == 1 else 2 * self.jobs


@dataclass(frozen=True)
class Found:
    """What a search found: how it ended, all its trials, and the best of them.

    It ends "complete", "interrupted", by "timeout", for "no gain", or by Optuna's "terminator".
    """

    finished: Finished
    records: tuple[TrialRecord, ...]
    best: TrialRecord | None


@dataclass(frozen=True)
class Recall:
    """What is known of another run over the same choices, and what it found for the first trials of this one.

    ``pairs`` gives the other run's score by this run's number.
    """

    known: Known
    pairs: Mapping[int, float]

"""What giving up hopeless trials would have saved and lost: the rule replayed over runs that carried all through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autogsas.model.trial import TrialRecord
from autogsas.runfolder.writer import RunFolder
from autogsas.trial.pruning import TrialProgress, decisive_step, hopeless_above, progress_of

__all__ = ["Replay", "read_trials", "replay"]


@dataclass(frozen=True)
class Replay:
    """What the rule would have done: which trials given up, how many of all seconds saved, Rwp of the best trial.

    ``best`` is with all trials carried through, ``kept`` among those not given up; ``nearest`` is the lowest Rwp at
    which any trial given up did end, as a multiple of the best. None where there is none.
    """

    trials: int
    given_up: tuple[int, ...]
    seconds: float
    saved: float
    best: float | None
    kept: float | None
    nearest: float | None

    @property
    def lost(self) -> bool:
        """Whether the best trial would have been given up."""
        return self.kept != self.best


def read_trials(folder: Path) -> list[tuple[TrialRecord, int | None]]:
    """Return the trials of a run, each with the number of the one whose result it took over, if any."""
    with RunFolder(folder) as run:
        count = len(list((run.folder / "trials").glob("*.json")))
        stored = [run.read_trial(number) for number in range(count)]
        return [(trial.record, trial.same_as) for trial in stored]


def replay(trials: Sequence[tuple[TrialRecord, int | None]], lead: int = 1) -> Replay:
    """Replay the rule over trials in the order of their numbers, each judged by those told before it was asked for.

    The trials are those that were made: a sampler that is told of trials given up would have proposed others.
    ``lead`` is how many trials were asked for and not told at the most.
    """
    given_up: list[int] = []
    stood: list[TrialProgress | None] = []
    saved = 0.0
    for record, same_as in trials:
        known = [item for item in stood[: max(0, record.number - lead + 1)] if item is not None]
        if same_as is not None:
            hopeless = same_as in given_up
        else:
            # Whole recipes that somebody gave are never given up.
            threshold = hopeless_above(known) if record.choices else None
            decisive = decisive_step(record.recipe)
            hopeless = (
                threshold is not None
                and 1 <= decisive <= len(record.steps)
                and record.steps[decisive - 1].full_rwp > threshold
            )
            if hopeless:
                saved += sum(step.seconds for step in record.steps[decisive:])
        if hopeless:
            given_up.append(record.number)
        stood.append(None if hopeless else progress_of(record))
    gone = set(given_up)
    every = [(record.number, rwp) for record, _ in trials if (rwp := _usable(record)) is not None]
    best = min((rwp for _, rwp in every), default=None)
    ends = [rwp for number, rwp in every if number in gone]
    return Replay(
        trials=len(trials),
        given_up=tuple(given_up),
        seconds=sum(record.seconds for record, _ in trials),
        saved=saved,
        best=best,
        kept=min((rwp for number, rwp in every if number not in gone), default=None),
        nearest=min(ends) / best if ends and best else None,
    )


def _usable(record: TrialRecord) -> float | None:
    return record.metrics.rwp if record.state == "complete" and record.metrics is not None else None

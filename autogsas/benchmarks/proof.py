"""Effect of pruning: the rule is replayed on runs in which all trials were completed."""

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
    """Effect of the rule: which trials it stops, and how many of all ``seconds`` that would have saved.

    ``best`` is the lowest Rwp of all trials, ``kept`` that of the trials that are not stopped; ``nearest`` is the
    lowest Rwp among the stopped ones as a multiple of the best. None if there is no such trial.
    """

    trials: int
    pruned: tuple[int, ...]
    seconds: float
    saved: float
    best: float | None
    kept: float | None
    nearest: float | None

    @property
    def lost(self) -> bool:
        """Whether the rule would have stopped the best trial."""
        return self.kept != self.best


def read_trials(folder: Path) -> list[tuple[TrialRecord, int | None]]:
    """Return the trials of a run, each with the number of the earlier trial whose result it reused, if any."""
    with RunFolder(folder) as run:
        count = len(list((run.folder / "trials").glob("*.json")))
        stored = [run.read_trial(number) for number in range(count)]
        return [(trial.record, trial.same_as) for trial in stored]


def replay(trials: Sequence[tuple[TrialRecord, int | None]], lead: int = 1) -> Replay:
    """Replay the rule on trials in the order of their numbers; each is judged by those reported before its proposal.

    The trials stay the same, although a sampler that knows of pruned trials would have proposed others. ``lead`` is
    the largest number of trials that were proposed and not yet reported.
    """
    pruned: list[int] = []
    stood: list[TrialProgress | None] = []
    saved = 0.0
    for record, same_as in trials:
        known = [item for item in stood[: max(0, record.number - lead + 1)] if item is not None]
        if same_as is not None:
            hopeless = same_as in pruned
        else:
            # Complete recipes given by the user are never stopped.
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
            pruned.append(record.number)
        stood.append(None if hopeless else progress_of(record))
    gone = set(pruned)
    every = [(record.number, rwp) for record, _ in trials if (rwp := _usable(record)) is not None]
    best = min((rwp for _, rwp in every), default=None)
    ends = [rwp for number, rwp in every if number in gone]
    return Replay(
        trials=len(trials),
        pruned=tuple(pruned),
        seconds=sum(record.seconds for record, _ in trials),
        saved=saved,
        best=best,
        kept=min((rwp for number, rwp in every if number not in gone), default=None),
        nearest=min(ends) / best if ends and best else None,
    )


def _usable(record: TrialRecord) -> float | None:
    return record.metrics.rwp if record.state == "complete" and record.metrics is not None else None

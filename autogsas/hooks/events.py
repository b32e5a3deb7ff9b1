"""Events of a run for progress displays: plain frozen data, and one line of text for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autogsas.model.result import StepResult
from autogsas.model.trial import Finished, TrialRecord

__all__ = [
    "Event",
    "Notice",
    "Progress",
    "RunFinished",
    "RunStarted",
    "StepFinished",
    "TrialFinished",
    "TrialStarted",
    "describe",
]


@dataclass(frozen=True)
class RunStarted:
    """A run starts, or is resumed after ``restored`` trials; ``timeout`` in seconds; ``scout``: it is a scout's.

    ``by_hand`` are the names of the user's own recipes.
    """

    folder: Path
    project: str
    backend: str
    trials: int
    restored: int = 0
    jobs: int = 1
    timeout: float | None = None
    scout: bool = False
    by_hand: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialStarted:
    """A trial has started; ``origin`` is a seed's name or "search"."""

    number: int
    origin: str
    steps: int


@dataclass(frozen=True)
class StepFinished:
    """One step of a trial has finished."""

    number: int
    step: StepResult


@dataclass(frozen=True)
class TrialFinished:
    """A trial has ended. ``same_as`` is the number of the earlier trial with the same recipe, whose result is reused.

    ``best`` is the best trial so far, this one included; ``done`` of ``total`` trials have ended.
    """

    record: TrialRecord
    best: TrialRecord | None
    done: int
    total: int
    same_as: int | None = None

    @property
    def is_best(self) -> bool:
        """Whether this trial is the best one so far."""
        return self.best is not None and self.best.number == self.record.number


@dataclass(frozen=True)
class Notice:
    """Something the user should know; the run continues."""

    message: str


@dataclass(frozen=True)
class RunFinished:
    """A run has ended."""

    finished: Finished
    best: TrialRecord | None


Event = RunStarted | TrialStarted | StepFinished | TrialFinished | Notice | RunFinished
Progress = Callable[[Event], None]


def describe(event: Event) -> str:
    """Return an event as one line of plain text."""
    match event:
        case RunStarted():
            what = "scout for" if event.scout else "run of"
            text = (
                f"{what} {event.project!r} with {event.backend}: {event.trials} trial{'' if event.trials == 1 else 's'}"
            )
            if event.jobs > 1:
                text += f", {event.jobs} at a time"
            return text + (f", resumed after {event.restored}" if event.restored else "")
        case TrialStarted():
            return f"trial {event.number} started ({event.origin}, {event.steps} steps)"
        case StepFinished():
            step = event.step
            how = "converged" if step.converged else "not converged"
            dropped = f", dropped {', '.join(step.dropped)}" if step.dropped else ""
            return (
                f"trial {event.number}: {step.title or 'step'}: Rwp {step.rwp:.3f}, "
                f"{step.n_variables} variables, {how}{dropped}"
            )
        case TrialFinished():
            return _finished(event)
        case Notice():
            return event.message
        case RunFinished():
            return f"run {event.finished}: " + ("nothing usable found" if event.best is None else _best(event.best))


def _finished(event: TrialFinished) -> str:
    record = event.record
    text = f"trial {record.number} {record.state} ({record.origin})"
    if record.metrics is not None:
        text += f": Rwp {record.metrics.rwp:.3f}, GoF {record.metrics.gof:.2f}, {record.metrics.n_variables} variables"
    if record.cause:
        text += f": {record.cause}: {record.message}"
    if event.same_as is not None:
        text += f"; same recipe as trial {event.same_as}, its result is reused"
    text += f", {record.seconds:.1f} s"
    return " ".join((text + (" (best so far)" if event.is_best else "")).split())


def _best(record: TrialRecord) -> str:
    rwp = "" if record.metrics is None else f", Rwp {record.metrics.rwp:.3f}"
    return f"best is trial {record.number} ({record.origin}){rwp}"

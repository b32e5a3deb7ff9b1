"""One finished trial of a search, and how trials and runs end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from autogsas.model.metrics import Metrics
from autogsas.model.recipe import Recipe
from autogsas.model.result import Finding, StepResult

__all__ = ["Cause", "Choice", "Choices", "Finished", "TrialRecord", "TrialState"]

Choice = str | int | float | bool
Choices = Mapping[str, Choice]
"""The values that a trial chose, by the name of the dimension, in the order of choosing."""


class TrialState(StrEnum):
    """How a trial ended; an ``INFEASIBLE`` trial finished, but one of its findings is an error."""

    COMPLETE = "complete"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    PRUNED = "pruned"


class Finished(StrEnum):
    """How a run ended.

    ``NOISE``: the best trial fits as well as counting statistics allow; ``NO_GAIN``: the last trials were not better;
    ``TERMINATOR``: Optuna expects no improvement.
    """

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    TIMEOUT = "timeout"
    NOISE = "noise"
    NO_GAIN = "no gain"
    TERMINATOR = "terminator"


class Cause(StrEnum):
    """Why a trial is not complete, as far as the host finds out; an engine may give causes of its own as text."""

    # The trial was stopped early.
    PRUNED = "pruned"
    SLOW = "slow"
    # The result cannot be used.
    FINDINGS = "findings"
    RESULT = "result"
    COVERAGE = "coverage"
    NAN = "nan"
    HOOK = "hook"
    # The engine or the computer failed.
    TIMEOUT = "timeout"
    CRASH = "crash"
    PROTOCOL = "protocol"
    FILES = "files"
    DISK_FULL = "disk-full"
    OUT_OF_MEMORY = "out-of-memory"
    ENGINE_ERROR = "engine-error"
    ENGINE_MISSING = "engine-missing"


@dataclass(frozen=True)
class TrialRecord:
    """One finished trial as hooks and run folders see it.

    ``cause`` is a `Cause` or an engine's own word, empty if the trial is complete. ``origin`` is the seed's name,
    "search", or "trial N repaired" (older versions wrote another last word). ``ended`` is when the trial ended, in
    seconds since the run began, including the scout and earlier sessions; None in folders of older versions.
    """

    number: int
    state: TrialState
    origin: str
    recipe: Recipe
    choices: Choices
    score: float | None = None
    metrics: Metrics | None = None
    steps: tuple[StepResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    cause: str = ""
    message: str = ""
    seconds: float = 0.0
    ended: float | None = None

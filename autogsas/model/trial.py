"""One finished trial of a search."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autogsas.model.metrics import Metrics
from autogsas.model.recipe import Recipe
from autogsas.model.result import Finding, StepResult

__all__ = ["TrialRecord", "TrialState"]


class TrialState(StrEnum):
    """How a trial ended; an ``INFEASIBLE`` trial finished, but one of its findings is an error."""

    COMPLETE = "complete"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    PRUNED = "pruned"


@dataclass(frozen=True)
class TrialRecord:
    """One finished trial as hooks and stores see it.

    ``state`` is "complete", "infeasible" (finished, but a finding is an error), "failed" or "pruned"; ``cause``
    says why where it is not "complete". ``origin`` is the seed's name, "search", or "trial N mended". ``ended`` is when
    it was over, in seconds since the run began, the scout and earlier sessions counted; None where an older version
    did not keep it.
    """

    number: int
    state: TrialState
    origin: str
    recipe: Recipe
    choices: dict[str, Any]
    score: float | None = None
    metrics: Metrics | None = None
    steps: tuple[StepResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    cause: str = ""
    message: str = ""
    seconds: float = 0.0
    ended: float | None = None

"""A trial from its proposal to its record."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from autogsas.hooks.host import Host
from autogsas.model.advice import Guide
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe
from autogsas.model.result import StepResult
from autogsas.model.trial import Cause, Choices, TrialRecord, TrialState
from autogsas.trial.assessment import Assessment, assess
from autogsas.trial.pool import Outcome

__all__ = ["Proposed", "assess_outcome", "identity"]


@dataclass
class Proposed:
    """A trial that was proposed and is not reported yet.

    ``proposed`` is what the database stores of the proposal. ``same_as`` is an earlier trial with this recipe, whose
    result is taken over. ``steps``, ``outcome`` and ``ended`` (seconds since the run began) come in while it runs.
    """

    number: int
    origin: str
    recipe: Recipe
    choices: Choices
    proposed: Any
    guide: Guide | None = None
    same_as: int | None = None
    hopeless: float | None = None
    steps: list[StepResult] = field(default_factory=list)
    outcome: Outcome | None = None
    ended: float | None = None

    def record(self, outcome: Outcome, assessment: Assessment) -> TrialRecord:
        """Return the record of a trial that was run."""
        return TrialRecord(
            number=self.number,
            state=assessment.state,
            origin=self.origin,
            recipe=outcome.recipe or self.recipe,
            choices=self.choices,
            score=assessment.score,
            metrics=assessment.metrics,
            steps=outcome.result.steps if outcome.result is not None else tuple(self.steps),
            findings=assessment.findings,
            cause=assessment.cause,
            message=assessment.message,
            seconds=outcome.seconds,
            ended=self.ended,
        )

    def repeating(self, earlier: TrialRecord, ended: float) -> TrialRecord:
        """Return the record of a trial that takes over the result of an earlier one."""
        return replace(
            earlier,
            number=self.number,
            origin=self.origin,
            recipe=self.recipe,
            choices=self.choices,
            message=earlier.message or f"the recipe of trial {earlier.number}",
            seconds=0.0,
            ended=ended,
        )


def assess_outcome(host: Host, project: Project, outcome: Outcome) -> Assessment:
    """Return the assessment of a trial that was run; without a result it is "failed", or "pruned" if it was stopped."""
    if outcome.result is not None:
        return assess(host, project, outcome.result)
    stopped = outcome.cause in (Cause.PRUNED, Cause.SLOW)
    state = TrialState.PRUNED if stopped else TrialState.FAILED
    return Assessment(state, cause=outcome.cause, message=outcome.message)


def identity(recipe: Recipe) -> str:
    """Return what makes two recipes the same: everything but names and titles."""
    steps = [step.model_dump(mode="json", exclude={"title"}) for step in recipe.steps]
    return json.dumps(steps, sort_keys=True)

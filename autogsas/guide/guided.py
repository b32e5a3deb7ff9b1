"""A guided refinement from its beginning to a recipe that repeats it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from autogsas.errors import BackendError
from autogsas.guide.recipes import path_recipe, short_recipe
from autogsas.guide.standing import Standing, standing
from autogsas.guide.walk import Walk
from autogsas.hooks.backend import AdvisingSession, Session
from autogsas.model.advice import Guide
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe, Step
from autogsas.model.result import Result, StepResult

__all__ = ["Guided", "guided_refinement"]

_SAME = 1.002
"""Ratio of chi^2 up to which a recipe counts as repeating the way it was found; not measured."""


@dataclass(frozen=True)
class Guided:
    """The end of a guided refinement: the session of its ``recipe``, repeated from the beginning, and its result.

    ``result`` holds as alternatives the other models that the evidence does not rule out.
    """

    recipe: Recipe
    session: Session
    result: Result


def guided_refinement(
    project: Project,
    guide: Guide,
    open_session: Callable[[], Session],
    step_done: Callable[[StepResult], None],
) -> Guided:
    """Refine a project as the data ask, and repeat it from the start by the recipe that this gives.

    The recipe is one of a few steps; where that does not end at the same fit, the way itself. Raises BackendError
    where no beginning gives a pattern, or the engine fails.
    """
    beginning, start = _best_beginning(guide, open_session)
    step_done(start.result.steps[-1])
    walk = Walk(project, guide, lambda model: step_done(model.result.steps[-1]))
    end = walk.end_from(start)
    alternatives = tuple(walk.alternatives.values())
    best: Guided | None = None
    chi2 = 0.0
    for make in (short_recipe, path_recipe):
        recipe = make("", beginning, guide.function, end)
        try:
            session, result, reached = _repeat(recipe, open_session, step_done, end)
        except BackendError:
            continue
        if best is None or reached < chi2:
            if best is not None:
                best.session.close()
            best, chi2 = Guided(recipe, session, replace(result, alternatives=alternatives)), reached
        if chi2 <= _SAME * end.chi2:
            break
    if best is None:
        raise BackendError("recipe", "the recipe that was found cannot be repeated")
    if chi2 <= _SAME * end.chi2:
        return best
    # What fits as well as another end says nothing of this one.
    note = f"the recipe ends at chi^2 {chi2:.4g}, the guided refinement that it repeats at {end.chi2:.4g}"
    return replace(best, result=replace(best.result, alternatives=(), notes=(*best.result.notes, note)))


def _best_beginning(guide: Guide, open_session: Callable[[], Session]) -> tuple[Step, Standing]:
    found: list[tuple[Step, Standing]] = []
    failure = BackendError("recipe", "a guided refinement has no beginning")
    for step in guide.beginnings:
        session = open_session()
        if not isinstance(session, AdvisingSession):
            session.close()
            raise BackendError("recipe", "this engine cannot tell what a refinement should free next")
        try:
            session.refine(step)
            found.append((step, standing(session, (), _terms(step, session))))
        except BackendError as error:
            session.close()
            failure = error
    if not found:
        raise failure
    return min(found, key=lambda one: one[1].chi2)


def _terms(step: Step, session: Session) -> dict[str, int]:
    names = [curves.histogram for curves in session.result().curves]
    return {
        name: background.terms
        for background in step.background
        for name in names
        if background.histogram in (None, name)
    }


def _repeat(
    recipe: Recipe, open_session: Callable[[], Session], step_done: Callable[[StepResult], None], end: Standing
) -> tuple[Session, Result, float]:
    session = open_session()
    try:
        for step in recipe.steps:
            step_done(session.refine(step))
        result = session.result()
    except BackendError:
        session.close()
        raise
    chi2 = sum(float((c.weights * (c.observed - c.calculated) ** 2).sum()) for c in result.curves)
    return session, result, chi2

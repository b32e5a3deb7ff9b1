"""The Le Bail floor: Rwp of the best refinement with free intensities, which shows what the structure leaves.

The best recipe is refined once more, and then one step with the same cell and profile and the intensities of all
phases taken from the pattern (Le Bail, Duroy & Fourquet, Mater. Res. Bull. 23, 447 (1988)). What is left then is not
the structure's: peak shapes, background, other phases, noise.
"""

from __future__ import annotations

import time

from autogsas.errors import AutogsasError
from autogsas.hooks.backend import Backend
from autogsas.model.recipe import Free, Recipe, Step
from autogsas.model.trial import Finished, TrialRecord
from autogsas.runfolder.summary import FloorPart
from autogsas.search.context import RunContext
from autogsas.search.repeating import ended_alike
from autogsas.search.stopping import stop_signals
from autogsas.trial.assessment import measure_result
from autogsas.trial.cells import with_found_cells
from autogsas.trial.cutting import fit_recipe
from autogsas.trial.pool import Interrupt, Outcome, Workers

__all__ = ["floor_recipe", "le_bail_floor"]

TITLE = "free intensities"
# Such a trial may take so many times as long as the best one took, since the extraction adds cycles. Not measured.
_PATIENCE = 4.0
_LEAST = 30.0  # seconds: starting an engine takes time as well. Not measured.


def floor_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe with a last step in which nothing but intensities and background is refined."""
    freed = dict.fromkeys(free.group for step in recipe.steps for free in step.free)
    last = Step(
        title=TITLE,
        intensities="Le Bail",
        free=(Free(group="background"),),
        fix=tuple(Free(group=group) for group in freed if group != "background"),
    )
    return recipe.model_copy(update={"steps": (*recipe.steps, last)})


def le_bail_floor(context: RunContext, best: TrialRecord, finished: Finished) -> FloorPart | None:
    """Return the Le Bail floor of the best trial, or why there is none; None where the question does not arise.

    It is refined in a worker process, as a trial is, by the engine of the run, or if that cannot free intensities by
    one that can and knows all of the project. Nothing that goes wrong here ends the run.
    """
    if all(phase.intensities == "Le Bail" for phase in context.project.phases):
        return None
    engine = _engine(context)
    if engine is None:
        return None
    if finished in (Finished.INTERRUPTED, Finished.TIMEOUT):
        return FloorPart(rwp=None, engine=engine.name, seconds=0.0, note=f"not refined: {finished}")
    began = time.monotonic()
    try:
        rwp, note = _refined(context, engine, best)
    except AutogsasError as error:
        rwp, note = None, f"not refined: {error}"
    return FloorPart(rwp=rwp, engine=engine.name, seconds=round(time.monotonic() - began, 3), note=note)


def _engine(context: RunContext) -> Backend | None:
    others = () if context.project.beyond else context.host.backends().values()
    fast = (backend for backend in others if backend.capabilities().may_scout)
    return next((b for b in (context.backend, *fast) if "intensities" in b.capabilities().starts), None)


def _refined(context: RunContext, engine: Backend, best: TrialRecord) -> tuple[float | None, str]:
    limit = min(context.options.trial_timeout, max(_LEAST, _PATIENCE * best.seconds))
    project = with_found_cells(context.host, context.project)
    recipe = fit_recipe(floor_recipe(best.recipe), project, engine.capabilities())
    with (
        Workers(project, engine, context.host.files, trial_timeout=limit) as workers,
        stop_signals(workers.interrupt),
    ):
        workers.submit(best.number, recipe)
        event = workers.wait()
        while not isinstance(event, (Outcome, Interrupt)):
            event = workers.wait()
    if isinstance(event, Interrupt):
        return None, "not refined: interrupted"
    if event.result is None:
        return None, f"not refined: {event.message or event.cause}"
    before = event.result.steps[-2].full_rwp
    if not ended_alike(before, None if best.metrics is None else best.metrics.rwp):
        return None, f"not refined: the recipe ended at Rwp {before:.3f} % when it was repeated"
    metrics = measure_result(project, event.result)
    return (None, "not refined: the result cannot be measured") if metrics is None else (metrics.rwp, "")

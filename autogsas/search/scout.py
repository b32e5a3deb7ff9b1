"""The scout: a faster engine searches the same space first, and its best recipes are tried in the slower engine.

With a slow engine each trial costs much time, and most of what a search has to learn (which background, which widths,
which order of steps fails) is the same in any engine that computes the same pattern.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autogsas.hooks.backend import Backend, Capabilities, Probe, Session
from autogsas.hooks.choices import Seed
from autogsas.hooks.events import Notice, Progress
from autogsas.hooks.host import Host
from autogsas.model.project import Project, Scout
from autogsas.model.trial import Finished, TrialRecord, TrialState
from autogsas.runfolder.summary import ScoutPart, ScoutRecipePart
from autogsas.runfolder.trials import read_stored_trial
from autogsas.runfolder.writer import RunFolder
from autogsas.search.context import RunContext
from autogsas.search.database import Database, PriorTrials
from autogsas.search.handover import from_the_end
from autogsas.search.loop import search
from autogsas.search.options import Found, Prior
from autogsas.search.seeds import collect_seeds, distinct

__all__ = ["Scouted", "run_scout", "summary_of", "worth_repeating"]

FOLDER = "scout"
# Trials of "auto". Not measured.
_TRIALS = 24
# "auto" stops after so many trials without gain. Not measured.
_PATIENCE = 6
# How many distinct recipes the slower engine tries again. Not measured.
_HANDED_OVER = 5
# Recipes with a score higher than this ratio of the best one's are not tried again: the engines agree better than that.
# Not measured.
_NEAR = 1.02
# But so many are, since the other engine may fail where this one does not.
_AT_LEAST = 2
# "auto" does not scout for a run of at most so many trials, in which nothing is left to learn. Not measured.
_FEW = 3
# The part of a run's time limit that the scout may use. Not measured.
_SHARE_OF_TIME = 0.25


@dataclass(frozen=True)
class Scouted:
    """The result of a scout: seeds and trials to learn from; ``note`` says why there are none.

    ``found`` are the scout's trials that the seeds repeat, in the order of ``seeds``.
    """

    seeds: tuple[Seed, ...] = ()
    found: tuple[TrialRecord, ...] = ()
    trials_made: PriorTrials | None = None
    trials: int = 0
    seconds: float = 0.0
    rwp: float | None = None
    note: str = ""
    interrupted: bool = False

    def prior(self, first: int) -> Prior | None:
        """Return what the sampler may learn, if the scout's seeds start with trial ``first`` of the run."""
        if self.trials_made is None:
            return None
        scores = {first + i: record.score for i, record in enumerate(self.found) if record.score is not None}
        return Prior(self.trials_made, scores)


@dataclass(frozen=True)
class _Within:
    """A backend restricted to what another one can do too."""

    inner: Backend
    can: Capabilities

    @property
    def name(self) -> str:
        return self.inner.name

    def probe(self) -> Probe:
        return self.inner.probe()

    def capabilities(self) -> Capabilities:
        return self.can

    def open(self, project: Project, folder: Path) -> Session:
        return self.inner.open(project, folder)


def run_scout(context: RunContext, requested: Scout, seeds: tuple[Seed, ...]) -> Scouted | None:
    """Search with a faster engine in a folder of its own within the run's; None if no scout is wanted.

    ``requested`` is "off", a number of trials, or "auto": a couple of dozen, for searches of more than a few trials.
    There is no scout for an engine that is fast itself. A scout that was interrupted is resumed.
    """
    engine = _fast_engine(context.host)
    if requested == "off" or context.capabilities.may_scout or engine is None:
        return None
    if requested == "auto" and (context.options.trials <= _FEW or not context.strategy.scouted):
        return None
    common = _common(engine.capabilities(), context.capabilities)
    reason = _reason_against(context, engine, common)
    if reason:
        return _skipped(f"scout skipped: {reason}", context.progress)
    options = replace(
        context.options,
        trials=_TRIALS if requested == "auto" else requested,
        patience=_PATIENCE if requested == "auto" else None,
        timeout=None if context.options.timeout is None else _SHARE_OF_TIME * context.options.timeout,
        terminator=False,
    )
    began = time.monotonic()
    with (
        RunFolder(context.folder.folder / FOLDER) as folder,
        contextlib.closing(Database(folder.study)) as database,
    ):
        own = replace(
            context,
            backend=_Within(engine, common),
            folder=folder,
            database=database,
            options=options,
            elapsed=0.0,
            scouting=True,
        )
        # The engine that scouts can do more than the other: it may let the data guide a trial.
        guided = [seed for seed in collect_seeds(own.host, own.project, own.backend) if seed.guide is not None]
        return _scouted(own, search(own, (*guided, *seeds)), began)


def _fast_engine(host: Host) -> Backend | None:
    return next((backend for backend in host.backends().values() if backend.capabilities().may_scout), None)


def _scouted(context: RunContext, found: Found, began: float) -> Scouted:
    made = [record for record in found.records if record.state is TrialState.COMPLETE]
    best = worth_repeating(distinct(made, _HANDED_OVER))
    if found.best is not None and found.best not in best:
        best = [*best[:-1], found.best]
    base = Scouted(
        trials=len(found.records),
        seconds=time.monotonic() - began,
        interrupted=found.finished is Finished.INTERRUPTED,
    )
    if not best:
        note = "the scout found nothing usable; the run starts without it"
        if context.progress is not None and not base.interrupted:
            context.progress(Notice(note))
        return replace(base, note=note)
    top = best[0].metrics
    return replace(
        base,
        seeds=tuple(_as_seed(record, context.folder.folder) for record in best),
        found=tuple(best),
        trials_made=context.database.usable(),
        rwp=None if top is None else top.rwp,
    )


def worth_repeating(best: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the recipes that may be the best ones in another engine too."""
    return [
        record
        for i, record in enumerate(best)
        if i < _AT_LEAST or record.score is None or best[0].score is None or record.score <= _NEAR * best[0].score
    ]


def _as_seed(record: TrialRecord, folder: Path) -> Seed:
    """Return a trial of the scout as a seed: by its choices, or by the recipe that the data led it to.

    Such a recipe begins where the scout ended.
    """
    name = f"scout {record.number}"
    if record.choices:
        return Seed(name, choices=record.choices)
    parameters = read_stored_trial(folder, record.number).parameters
    return Seed(name, recipe=from_the_end(record.recipe, parameters))


def _skipped(note: str, progress: Progress | None) -> Scouted:
    if progress is not None:
        progress(Notice(note))
    return Scouted(note=note)


def _common(one: Capabilities, other: Capabilities) -> Capabilities:
    return replace(
        other,
        groups=one.groups & other.groups,
        radiation=one.radiation & other.radiation,
        geometry=one.geometry & other.geometry,
        backgrounds=tuple(name for name in other.backgrounds if name in one.backgrounds),
        starts=one.starts & other.starts,
        advises=one.advises,
    )


def _reason_against(context: RunContext, engine: Backend, common: Capabilities) -> str:
    """Return why the scout cannot search for this run; empty if it can."""
    project = context.project
    cannot = f"the {engine.name} engine does not support"
    if not context.strategy.scouted:
        return f"{context.strategy.title} does not use one"
    if project.beyond:
        return f"{cannot} {', '.join(project.beyond)}"
    for histogram in project.histograms:
        instrument = histogram.instrument
        if instrument.radiation not in common.radiation:
            return f"{cannot} the radiation of {histogram.name}, {instrument.radiation}"
        if instrument.geometry is not None and instrument.geometry not in common.geometry:
            return f"{cannot} the geometry of {histogram.name}, {instrument.geometry}"
    if not common.backgrounds:
        return f"{cannot} any background function of the {context.backend.name} engine"
    return ""


def summary_of(scouted: Scouted | None, first: int, records: Iterable[TrialRecord]) -> ScoutPart | None:
    """Return the part of summary.json about the scout, whose seeds start with trial ``first``."""
    if scouted is None:
        return None
    by_number: Mapping[int, TrialRecord] = {record.number: record for record in records}
    recipes = []
    for i, record in enumerate(scouted.found):
        here = by_number.get(first + i)
        recipes.append(
            ScoutRecipePart(
                scout_trial=record.number,
                scout_rwp=record.metrics.rwp if record.metrics else None,
                trial=None if here is None else here.number,
                state=None if here is None else here.state.value,
                rwp=here.metrics.rwp if here is not None and here.metrics else None,
            )
        )
    return ScoutPart(
        trials=scouted.trials,
        seconds=round(scouted.seconds, 3),
        rwp=scouted.rwp,
        recipes=recipes,
        note=scouted.note,
    )

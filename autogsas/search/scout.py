"""The scout: the numpy engine searches the same space first; what it finds is tried in the slower engine.

With a slow engine each trial is dear, and most of what a search has to learn (which background, which widths, which
order leads astray) is the same in any engine that computes the same pattern.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autogsas.hooks.backend import Backend, Capabilities, Probe, Session
from autogsas.hooks.choices import Seed
from autogsas.hooks.events import Notice, Progress
from autogsas.hooks.host import Host
from autogsas.model.project import Project, Scout
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.summary import ScoutPart, ScoutRecipePart
from autogsas.runfolder.writer import STUDY, RunFolder
from autogsas.search.loop import search
from autogsas.search.options import Found, Options, Recall
from autogsas.search.sampler import Known, known_trials
from autogsas.search.seeds import distinct

__all__ = ["Scouted", "send_scout", "summary_of"]

ENGINE = "numpy"
FOLDER = "scout"
_TRIALS = 24
_PATIENCE = 14
_HANDED_OVER = 5
_FEW = 3
_SHARE_OF_TIME = 0.25


@dataclass(frozen=True)
class Scouted:
    """What the scout gave: seeds and knowledge for the run; ``note`` says why there is none.

    ``found`` are the scout's trials behind the seeds, in the order of ``seeds``.
    """

    seeds: tuple[Seed, ...] = ()
    found: tuple[TrialRecord, ...] = ()
    known: Known | None = None
    trials: int = 0
    seconds: float = 0.0
    rwp: float | None = None
    note: str = ""
    interrupted: bool = False

    def recall(self, first: int) -> Recall | None:
        """Return what the sampler may learn, where the scout's seeds begin with trial ``first`` of the run."""
        if self.known is None:
            return None
        scores = {first + i: record.score for i, record in enumerate(self.found) if record.score is not None}
        return Recall(self.known, scores)


@dataclass(frozen=True)
class _Within:
    """A backend cut to what another one can do too."""

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


def send_scout(
    host: Host,
    project: Project,
    backend: Backend,
    folder: Path,
    options: Options,
    wish: Scout,
    *,
    seeds: tuple[Seed, ...],
    progress: Progress | None = None,
) -> Scouted | None:
    """Search with the numpy engine in a folder of its own within ``folder``; None where nobody asked for it.

    ``wish`` is "off", a number of trials, or "auto": a couple of dozen, for engines other than numpy and searches of
    more than a few trials. A folder that holds a scout already is gone on with.
    """
    engine = host.backends().get(ENGINE)
    if wish == "off" or backend.name == ENGINE or engine is None:
        return None
    if wish == "auto" and (options.trials <= _FEW or project.search.space != "default"):
        return None
    if project.search.space != "default":
        return _said("the scout stands aside: the published search has none", progress)
    if project.beyond:
        return _said(f"the scout stands aside: the numpy engine does not know {', '.join(project.beyond)}", progress)
    common = _common(engine.capabilities(), backend.capabilities())
    lacks = _lacks(common, project)
    if lacks:
        return _said(f"the scout stands aside: {lacks}", progress)
    own = replace(
        options,
        trials=_TRIALS if wish == "auto" else wish,
        patience=_PATIENCE if wish == "auto" else None,
        timeout=None if options.timeout is None else _SHARE_OF_TIME * options.timeout,
        terminator=False,
    )
    began = time.monotonic()
    with RunFolder(folder / FOLDER) as inner:
        found = search(
            host, project, _Within(engine, common), inner, own, seeds=seeds, progress=progress, scouting=True
        )
    return _scouted(found, folder / FOLDER / STUDY, time.monotonic() - began, progress)


def _scouted(found: Found, study: Path, seconds: float, progress: Progress | None) -> Scouted:
    made = [record for record in found.records if record.choices and record.state == TrialState.COMPLETE]
    best = distinct(made, _HANDED_OVER)
    base = Scouted(trials=len(found.records), seconds=seconds, interrupted=found.finished == "interrupted")
    if not best:
        note = "the scout found nothing usable; the run begins without it"
        if progress is not None and not base.interrupted:
            progress(Notice(note))
        return replace(base, note=note)
    top = best[0].metrics
    return replace(
        base,
        seeds=tuple(Seed(f"scout {record.number}", choices=record.choices) for record in best),
        found=tuple(best),
        known=known_trials(study),
        rwp=None if top is None else top.rwp,
    )


def _said(note: str, progress: Progress | None) -> Scouted:
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
    )


def _lacks(can: Capabilities, project: Project) -> str:
    """Say what of a project the numpy engine has not; empty where it has all."""
    for histogram in project.histograms:
        instrument = histogram.instrument
        if instrument.radiation not in can.radiation:
            return f"the numpy engine does not know the radiation of {histogram.name}, {instrument.radiation}"
        if instrument.geometry is not None and instrument.geometry not in can.geometry:
            return f"the numpy engine does not know the geometry of {histogram.name}, {instrument.geometry}"
    if not can.backgrounds:
        return "the numpy engine has none of the engine's background functions"
    return ""


def summary_of(scouted: Scouted | None, first: int, records: Iterable[TrialRecord]) -> ScoutPart | None:
    """Return what summary.json says of the scout, whose seeds begin with trial ``first``."""
    if scouted is None:
        return None
    told: Mapping[int, TrialRecord] = {record.number: record for record in records}
    recipes = []
    for i, record in enumerate(scouted.found):
        here = told.get(first + i)
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

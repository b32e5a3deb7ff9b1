"""The commands run, refine and report: each calls the rooms below, one after the other."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from autogsas.commands.request import RefineRequest, RunRequest
from autogsas.errors import AutogsasError, PluginError, UserError
from autogsas.hooks.backend import Backend
from autogsas.hooks.choices import Section, Seed
from autogsas.hooks.events import Notice, Progress
from autogsas.hooks.host import Host
from autogsas.input.loading import load_project, load_recipe
from autogsas.input.yamlfile import naming_lines
from autogsas.model.project import Project, Scout
from autogsas.model.recipe import Recipe
from autogsas.model.trial import Finished, TrialRecord
from autogsas.runfolder.nearest import with_nearest_miss
from autogsas.runfolder.reader import read_summary
from autogsas.runfolder.summarise import RunInfo, build_summary
from autogsas.runfolder.summary import BackendPart, Summary
from autogsas.runfolder.uncertainty import uncertainty_of
from autogsas.runfolder.writer import RunFolder, choose_folder
from autogsas.search.campaign import Seeding, explore
from autogsas.search.context import RunContext
from autogsas.search.database import REUSE, Database
from autogsas.search.floor import le_bail_floor
from autogsas.search.importances import importances
from autogsas.search.options import Found, Options
from autogsas.search.resuming import check_resumable, fingerprint, seconds_before
from autogsas.search.sampler import check_terminator
from autogsas.search.seeds import collect_seeds, seeds_like
from autogsas.search.settings import RunSettings
from autogsas.text.prose import describe_floor
from autogsas.trial.building import rehearse
from autogsas.trial.cells import with_found_cells

__all__ = ["FinishedRun", "RefineRequest", "RunRequest", "WrittenReport", "refine", "report", "run"]

Given = Path | str | tuple[Project, Host]
T = TypeVar("T")


@dataclass(frozen=True)
class FinishedRun:
    """A run that has ended.

    ``exit_status`` is 0 if a usable result was found, 1 if not, 130 if the run was interrupted.
    """

    folder: Path
    summary: Summary
    best: TrialRecord | None
    exit_status: int


@dataclass(frozen=True)
class WrittenReport:
    """A report page that was written, and what the user should know about it."""

    page: Path
    notices: tuple[str, ...] = ()


def run(project: Given, request: RunRequest | None = None, *, progress: Progress | None = None) -> FinishedRun:
    """Refine a project by a search over recipes and write the results to a folder.

    ``project`` is a project file or its folder, or what `autogsas.input.loading.load_project` returned. ``progress`` is
    called with each event of `autogsas.hooks.events`. Raises UserError for wrong input, BackendMissing if the engine
    cannot be used.
    """
    request = request or RunRequest()
    read, host = project if isinstance(project, tuple) else load_project(Path(project))
    formats = _figures(request.figures)
    engine = _backend(read, host, request.backend)
    strategy = host.strategy(read.search.space)
    target = choose_folder(read, None if request.out is None else Path(request.out), request.resume)
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(_open(target)) if request.resume else None
        kept = None if opened is None else opened.database.settings()
        if kept is not None:
            check_resumable(target, kept, read, engine, request.seed)
        elif opened is not None and opened.folder.has_trials:
            raise UserError(
                f"the database of the run is empty, but there are trials beside it; {REUSE}", file=opened.folder.study
            )
        search = read.search
        options = Options(
            trials=_at_least_one(request.trials, "--trials") or search.trials,
            jobs=_at_least_one(request.jobs, "--jobs") or search.jobs,
            seed=_first(request.seed, None if kept is None else kept.seed, search.seed),
            sampler=_first(None if kept is None else kept.sampler, search.sampler, strategy.sampler),
            timeout=request.timeout if request.timeout is not None else search.timeout,
            trial_timeout=search.trial_timeout,
            prune=search.prune and strategy.prunes,
            patience=_first(request.patience, search.patience, strategy.patience),
            own_patience=request.patience is not None or search.patience is not None,
            by_evidence=_first(search.choose, strategy.choose) == "evidence",
            terminator=search.terminator,
        )
        if options.terminator:
            check_terminator()
        read = with_found_cells(host, read)
        rehearse(host, read, engine.capabilities())
        scout: Scout = _first(request.scout, None if kept is None else kept.scout, search.scout)
        stored_like = None if kept is None else kept.like
        earlier_run = request.like if request.like is not None else stored_like
        like = None if earlier_run is None else Path(earlier_run)
        if like is not None and not strategy.takes_earlier:
            raise UserError(f"cannot be used with {strategy.title}", key="--like", found=like)
        earlier = () if like is None else seeds_like(like)
        plan = Seeding(collect_seeds(host, read, engine), earlier, scout, None if like is None else like.resolve())
        folder, database = opened or stack.enter_context(_open(target))
        return _carry_out(RunContext(host, read, engine, folder, database, options, progress), plan, formats)


def refine(
    project: Given,
    recipe: Path | str | Recipe,
    request: RefineRequest | None = None,
    *,
    progress: Progress | None = None,
) -> FinishedRun:
    """Refine a project by one recipe and write the results to a folder, as a run of one trial does.

    Arguments and errors as in `run`.
    """
    request = request or RefineRequest()
    read, host = project if isinstance(project, tuple) else load_project(Path(project))
    made = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe), read)
    formats = _figures(request.figures)
    engine = _backend(read, host, request.backend)
    target = choose_folder(read, None if request.out is None else Path(request.out), False)
    options = Options(
        trials=1, seed=read.search.seed, sampler="random", trial_timeout=request.timeout or read.search.trial_timeout
    )
    plan = Seeding((Seed(made.name or "recipe", recipe=made),))
    with _open(target) as (folder, database):
        return _carry_out(RunContext(host, read, engine, folder, database, options, progress), plan, formats)


def report(folder: Path | str, *, figures: str | Sequence[str] = ()) -> WrittenReport:
    """Write report.html of a run folder again, with figures for print ("pdf,svg,png").

    Sections that plugins add need the project file at the place where the run found it; without it they are left out.
    A section hook that fails is left out too, and named in the notices. Raises UserError for a folder that does not
    hold a run, and for figures that cannot be made.
    """
    from autogsas.report import write_report  # drawing is imported where it is used

    formats = _figures(figures)
    folder = Path(folder)
    sections, notices = _sections(read_summary(folder))
    return WrittenReport(write_report(folder, sections, formats), tuple(notices))


def _sections(summary: Summary) -> tuple[list[Section], list[str]]:
    """Return the sections that plugins add to the report of an earlier run, and what went wrong with them."""
    try:
        project, host = load_project(Path(summary.project_file or ""))
    except AutogsasError:
        return [], []
    return _ask_sections(host, project, summary)


def _ask_sections(host: Host, project: Project, summary: Summary) -> tuple[list[Section], list[str]]:
    answers, notices = _call(host, "report_section", project=project, summary=summary.plain())
    return [answer for answer in answers or () if isinstance(answer, Section)], notices


class _Opened(NamedTuple):
    folder: RunFolder
    database: Database


@contextlib.contextmanager
def _open(target: Path) -> Iterator[_Opened]:
    with RunFolder(target) as folder, contextlib.closing(Database(folder.study)) as database:
        yield _Opened(folder, database)


def _carry_out(context: RunContext, plan: Seeding, figures: Sequence[str]) -> FinishedRun:
    began = time.monotonic()
    folder, host, project, options = context.folder, context.host, context.project, context.options
    stored = context.database.settings()
    created = stored.created if stored is not None else datetime.now().astimezone().isoformat(timespec="seconds")
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    engine = BackendPart(name=context.backend.name, version=context.backend.probe().version)
    settings = RunSettings(
        created=created,
        backend=context.backend.name,
        seed=options.seed,
        sampler=options.sampler,
        fingerprint=fingerprint(project),
        scout=plan.scout,
        like=None if plan.like is None else str(plan.like),
    )
    before = seconds_before(folder.folder)
    try:
        found, scouted = explore(replace(context, elapsed=before + time.monotonic() - began), plan, settings)
    except AutogsasError as error:
        folder.log(str(error))
        context.database.close()  # some systems cannot remove a file that is open
        folder.discard()
        raise
    floor = None if found.best is None else le_bail_floor(context, found.best, found.finished)
    if floor is not None:
        folder.log(f"Le Bail floor: {floor.note or f'Rwp {floor.rwp:.3f} %'}")
    seconds = round(before + time.monotonic() - began, 3)
    info = RunInfo(
        command,
        created,
        engine,
        options.seed,
        seconds,
        found.finished,
        scouted,
        le_bail_floor=floor,
        lowest=found.lowest,
    )
    summary = _write(context, found, info)
    notices = _report(folder.folder, project, host, summary, figures)
    notices += _call(host, "after_run", project=project, folder=folder.folder, summary=summary.plain())[1]
    for notice in notices:
        folder.log(notice)
        if context.progress is not None:
            context.progress(Notice(notice))
    interrupted = found.finished is Finished.INTERRUPTED
    status = 130 if interrupted else 0 if found.best is not None else 1
    return FinishedRun(folder.folder, summary, found.best, status)


def _write(context: RunContext, found: Found, info: RunInfo) -> Summary:
    context.folder.write_trials(list(found.records))
    trials = [context.folder.read_trial(record.number) for record in found.records]
    mattered = None
    if len(found.records) > 1:
        mattered = importances(context.database, found.records, info.seed, context.strategy)
    uncertainty = None if found.best is None else uncertainty_of(trials[found.best.number], trials)
    summary = build_summary(context.project, trials, found.best, replace(info, importances=mattered), uncertainty)
    if found.best is None:
        summary = with_nearest_miss(summary, context.project, trials, info)
        if summary.nearest_miss is not None:
            context.folder.write_nearest(trials[summary.nearest_miss.trial], context.project)
    if found.best is not None and found.refined is not None:
        refined = found.refined
        floor = info.le_bail_floor
        notes = () if floor is None else (describe_floor(floor.rwp, floor.note),)
        context.folder.write_values(found.best, refined.assessment, refined.result, context.project, uncertainty, notes)
    context.folder.write_json("summary.json", summary.plain())
    return summary


def _report(folder: Path, project: Project, host: Host, summary: Summary, figures: Sequence[str] = ()) -> list[str]:
    """Write report.html and return what went wrong; the results of the run are kept without it."""
    from autogsas.report import write_report  # drawing is imported where it is used

    sections, notices = _ask_sections(host, project, summary)
    try:
        write_report(folder, sections, figures)
    except (AutogsasError, OSError) as error:
        notices.append(f"report.html could not be written: {error}")
    return notices


def _figures(wanted: str | Sequence[str]) -> tuple[str, ...]:
    if not wanted:
        return ()
    from autogsas.figures.publication import check_formats  # drawing is imported where it is used

    return check_formats(wanted)


def _call(host: Host, hook: str, **arguments: Any) -> tuple[Any, list[str]]:
    try:
        return host.call(hook, **arguments), []
    except PluginError as error:
        return None, [str(error)]


def _backend(project: Project, host: Host, name: str | None) -> Backend:
    with naming_lines(project.file):
        backend = host.backend(name or project.backend)
    can = backend.capabilities()
    for histogram in project.histograms:
        instrument = histogram.instrument
        for what, value, allowed in (
            ("radiation", instrument.radiation, can.radiation),
            ("geometry", instrument.geometry, can.geometry),
        ):
            if value is not None and value not in allowed:
                raise UserError(
                    f"backend {backend.name!r} does not support this {what}",
                    file=project.file,
                    key=histogram.name,
                    found=value,
                    allowed=sorted(allowed),
                )
    for several, count, what in (
        (can.several_phases, len(project.phases), "phase"),
        (can.several_histograms, len(project.histograms), "histogram"),
    ):
        if count > 1 and not several:
            raise UserError(
                f"backend {backend.name!r} supports only one {what}",
                file=project.file,
                key=f"{what}s",
                found=count,
                allowed="1",
            )
    return backend


def _first(*values: T | None) -> T:
    """Return the first value that is given; the last one always is."""
    return next(value for value in values if value is not None)


def _at_least_one(value: int | None, key: str) -> int | None:
    if value is not None and value < 1:
        raise UserError("must be at least 1", key=key, found=value)
    return value

"""The verbs: run, refine, report. Each a thin line through the rooms below."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from autogsas.errors import AutogsasError, PluginError, UserError
from autogsas.hooks.backend import Backend
from autogsas.hooks.choices import Section, Seed
from autogsas.hooks.events import Notice, Progress
from autogsas.hooks.host import Host
from autogsas.input.loading import load_project, load_recipe
from autogsas.model.project import Project, Scout
from autogsas.model.recipe import Recipe
from autogsas.model.trial import TrialRecord
from autogsas.runfolder.reader import read_summary
from autogsas.runfolder.summarise import build_summary
from autogsas.runfolder.summary import Summary
from autogsas.runfolder.writer import RunFolder, choose_folder
from autogsas.search.campaign import Seeding, explore
from autogsas.search.importances import importances
from autogsas.search.options import Found, Options
from autogsas.search.resuming import check_resumable, fingerprint, seconds_before, settings_of
from autogsas.search.sampler import check_terminator
from autogsas.search.seeds import collect_seeds, seeds_like
from autogsas.trial.building import rehearse
from autogsas.trial.cells import with_found_cells

__all__ = ["Run", "refine", "report", "run"]

_SAMPLER_OF = {"default": "tpe", "published-2020": "tpe-2020"}


@dataclass(frozen=True)
class Run:
    """A run that is over.

    ``exit_status`` is 0 where something usable was found, 1 where not, 130 where it was interrupted.
    """

    folder: Path
    summary: Summary
    best: TrialRecord | None
    exit_status: int


def run(
    project: Path | str | tuple[Project, Host],
    *,
    backend: str | None = None,
    trials: int | None = None,
    timeout: float | None = None,
    jobs: int | None = None,
    seed: int | None = None,
    patience: int | None = None,
    scout: Scout | None = None,
    like: Path | str | None = None,
    out: Path | str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    figures: str | Sequence[str] = (),
) -> Run:
    """Refine a project by a search over recipes and leave the results in a folder.

    ``project`` is a project file or its folder, or what `autogsas.input.loading.load_project` returned; ``timeout`` in
    seconds; ``patience`` stops after so many trials without gain; ``scout`` is "auto", "off" or a number of trials of
    the numpy engine before a slower one; ``like`` is the folder of an earlier run whose best recipes are tried first.
    What is None is taken from the project.
    ``progress`` is called with each event of `autogsas.hooks.events`. ``figures``: formats of figures for print, such
    as "pdf,svg,png".
    Raises UserError for mistakes in what was given, BackendMissing where the engine cannot be used.
    """
    read, host = project if isinstance(project, tuple) else load_project(Path(project))
    formats = _figures(figures)
    engine = _backend(read, host, backend)
    target = choose_folder(read, None if out is None else Path(out), resume)
    kept = settings_of(target) if resume else {}
    check_resumable(target, kept, read, engine, seed)
    asked = read.search
    options = Options(
        trials=_at_least_one(trials, "--trials") or asked.trials,
        jobs=_at_least_one(jobs, "--jobs") or asked.jobs,
        seed=seed if seed is not None else kept.get("seed", asked.seed),
        sampler=kept.get("sampler", asked.sampler or _SAMPLER_OF[asked.space]),
        timeout=timeout if timeout is not None else asked.timeout,
        trial_timeout=asked.trial_timeout,
        # The published search carries every trial through.
        prune=asked.prune and asked.space == "default",
        patience=_at_least_one(patience, "--patience") or asked.patience,
        terminator=asked.terminator,
    )
    if options.terminator:
        check_terminator()
    read = with_found_cells(host, read)
    rehearse(host, read, engine.capabilities())
    wish = scout if scout is not None else kept.get("scout", asked.scout)
    model = Path(like) if like is not None else Path(kept["like"]) if kept.get("like") else None
    if model is not None and asked.space != "default":
        raise UserError("the published search begins with nothing but its sampler", key="--like", found=model)
    earlier = () if model is None else seeds_like(model)
    plan = Seeding(collect_seeds(host, read, engine), earlier, wish, None if model is None else model.resolve())
    return _carry_out(read, host, engine, target, options, plan, progress, formats)


def refine(
    project: Path | str | tuple[Project, Host],
    recipe: Path | str | Recipe,
    *,
    backend: str | None = None,
    timeout: float | None = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
    figures: str | Sequence[str] = (),
) -> Run:
    """Refine a project by one recipe and leave the results in a folder, as a run of one trial does.

    ``timeout`` in seconds; ``figures`` as in `run`. Raises as `run` does.
    """
    read, host = project if isinstance(project, tuple) else load_project(Path(project))
    made = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe), read)
    formats = _figures(figures)
    engine = _backend(read, host, backend)
    target = choose_folder(read, None if out is None else Path(out), False)
    options = Options(
        trials=1, seed=read.search.seed, sampler="random", trial_timeout=timeout or read.search.trial_timeout
    )
    plan = Seeding((Seed(made.name or "recipe", recipe=made),))
    return _carry_out(read, host, engine, target, options, plan, progress, formats)


def report(folder: Path | str, *, figures: str | Sequence[str] = ()) -> Path:
    """Write report.html of a run folder anew, with figures for print ("pdf,svg,png"), and return its path.

    Sections that plugins add need the project file where the run found it; without it they are left out.
    Raises UserError for a folder that holds no run, and for figures that cannot be made.
    """
    from autogsas.report import write_report  # drawing is imported where it is used

    formats = _figures(figures)
    folder = Path(folder)
    target = write_report(folder, figures=formats)
    summary = read_summary(folder)
    try:
        project, host = load_project(Path(summary.project_file or ""))
    except AutogsasError:
        return target
    _report(folder, project, host, summary.plain())
    return target


def _carry_out(
    project: Project,
    host: Host,
    backend: Backend,
    target: Path,
    options: Options,
    plan: Seeding,
    progress: Progress | None,
    figures: Sequence[str] = (),
) -> Run:
    began = time.monotonic()
    kept = settings_of(target)
    about: dict[str, Any] = {
        "created": kept.get("created") or datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "backend": {"name": backend.name, "version": backend.probe().version},
        "seed": options.seed,
    }
    settings = {
        "created": about["created"],
        "backend": backend.name,
        "seed": options.seed,
        "sampler": options.sampler,
        "fingerprint": fingerprint(project),
        "scout": plan.scout,
        "like": None if plan.like is None else str(plan.like),
    }
    with RunFolder(target) as folder:
        before = seconds_before(folder.folder)
        try:
            found, scouted = explore(
                host, project, backend, folder, options, plan, progress, settings, before + time.monotonic() - began
            )
        except AutogsasError as error:
            folder.log(str(error))
            folder.discard()
            raise
        about |= {"finished": found.finished, "seconds": round(before + time.monotonic() - began, 3)}
        about["scout"] = scouted
        summary = _write(folder, project, found, about)
        notices = _report(folder.folder, project, host, summary.plain(), figures)
        notices += _call(host, "after_run", project=project, folder=folder.folder, summary=summary.plain())[1]
        for notice in notices:
            folder.log(notice)
            if progress is not None:
                progress(Notice(notice))
    status = 130 if found.finished == "interrupted" else 0 if found.best is not None else 1
    return Run(folder.folder, summary, found.best, status)


def _write(folder: RunFolder, project: Project, found: Found, about: Mapping[str, Any]) -> Summary:
    folder.write_trials(list(found.records))
    trials = [folder.read_trial(record.number) for record in found.records]
    mattered = importances(folder.study, found.records, about["seed"]) if len(found.records) > 1 else None
    about = {**about, "importances": mattered}
    summary = build_summary(project, trials, found.records, found.best, **about)
    folder.write_json("summary.json", summary.plain())
    return summary


def _report(
    folder: Path,
    project: Project | None,
    host: Host | None,
    summary: dict[str, Any],
    figures: Sequence[str] = (),
) -> list[str]:
    """Write report.html; return what went wrong with it, for what was found stands without it."""
    from autogsas.report import write_report  # drawing is imported where it is used

    sections: list[Section] = []
    notices: list[str] = []
    if project is not None and host is not None:
        answers, notices = _call(host, "report_section", project=project, summary=summary)
        sections = [answer for answer in answers or () if isinstance(answer, Section)]
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
                    f"backend {backend.name!r} cannot do this {what}",
                    file=project.file,
                    key=histogram.name,
                    found=value,
                    allowed=sorted(allowed),
                )
    for several, count, what in (
        (can.several_phases, len(project.phases), "phases"),
        (can.several_histograms, len(project.histograms), "histograms"),
    ):
        if count > 1 and not several:
            raise UserError(
                f"backend {backend.name!r} takes one of the {what}",
                file=project.file,
                key=what,
                found=count,
                allowed="1",
            )
    return backend


def _at_least_one(value: int | None, key: str) -> int | None:
    if value is not None and value < 1:
        raise UserError("must be at least 1", key=key, found=value)
    return value

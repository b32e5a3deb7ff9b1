"""The Python interface: the commands of the command line as functions, with the same names for the same settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autogsas.commands import verbs
from autogsas.commands.request import RefineRequest, RunRequest
from autogsas.commands.results import Run
from autogsas.hooks.events import Progress
from autogsas.hooks.host import Host
from autogsas.model.project import Project, Scout
from autogsas.model.recipe import Recipe

__all__ = ["open_run", "refine", "run"]


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
    figures: str | Sequence[str] = (),
    progress: Progress | None = None,
) -> Run:
    """Refine a project by a search over recipes, write the results to a folder, and return them.

    ``project`` is a project file, its folder or a GSAS-II .gpx. The settings are those of
    `autogsas.commands.request.RunRequest`; errors as in `autogsas.commands.verbs.run`.
    """
    request = RunRequest(
        backend=backend,
        trials=trials,
        timeout=timeout,
        jobs=jobs,
        seed=seed,
        patience=patience,
        scout=scout,
        like=like,
        out=out,
        resume=resume,
        figures=figures,
    )
    return Run(verbs.run(project, request, progress=progress).folder)


def refine(
    project: Path | str | tuple[Project, Host],
    recipe: Path | str | Recipe,
    *,
    backend: str | None = None,
    timeout: float | None = None,
    out: Path | str | None = None,
    figures: str | Sequence[str] = (),
    progress: Progress | None = None,
) -> Run:
    """Refine a project by one recipe, write the results to a folder, and return them.

    The settings are those of `autogsas.commands.request.RefineRequest`; errors as in `autogsas.commands.verbs.refine`.
    """
    request = RefineRequest(backend=backend, timeout=timeout, out=out, figures=figures)
    return Run(verbs.refine(project, recipe, request, progress=progress).folder)


def open_run(folder: Path | str) -> Run:
    """Return an earlier run by its folder. Raises UserError if the folder does not hold a run."""
    return Run(folder)

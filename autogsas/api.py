"""What one calls from Python: as short as the command line, and with the same words."""

from __future__ import annotations

from pathlib import Path

from autogsas.commands import verbs
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
    progress: Progress | None = None,
) -> Run:
    """Refine a project by a search over recipes, leave the results in a folder, and return them.

    ``project`` is a project file, its folder or a GSAS-II .gpx; all else, and what is raised, as in
    `autogsas.commands.verbs.run`.
    """
    done = verbs.run(
        project,
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
        progress=progress,
    )
    return Run(done.folder)


def refine(
    project: Path | str | tuple[Project, Host],
    recipe: Path | str | Recipe,
    *,
    backend: str | None = None,
    timeout: float | None = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> Run:
    """Refine a project by one recipe and return what it gave (see `autogsas.commands.verbs.refine`)."""
    return Run(verbs.refine(project, recipe, backend=backend, timeout=timeout, out=out, progress=progress).folder)


def open_run(folder: Path | str) -> Run:
    """Return an earlier run by its folder. Raises UserError where it holds none."""
    return Run(folder)

"""The command ``autogsas compare``: read or refine what is named, and compare it (see `autogsas.comparison`)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from autogsas.commands.request import RefineRequest
from autogsas.commands.results import Run
from autogsas.commands.verbs import refine
from autogsas.comparison import Comparison, Refinement, build_comparison
from autogsas.comparison.fromcif import refinement_from_cif
from autogsas.comparison.fromresult import refinement_from_result
from autogsas.comparison.fromrun import refinement_from_run
from autogsas.errors import PluginError, UserError
from autogsas.hooks.events import Progress
from autogsas.hooks.host import Host
from autogsas.input.loading import find_project_file, load_project
from autogsas.model.project import Project
from autogsas.model.result import Result
from autogsas.runfolder.reader import read_summary

__all__ = ["compare", "write_page"]

Given = Path | str | Run

ALLOWED = "the folder of a run, a .gpx, a recipe (.yaml) with its project, or a CIF"


def compare(
    *given: Given,
    project: Path | str | None = None,
    backend: str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare the first refinement with each of the others.

    Each is a run or its folder, a file that a plugin reads as a finished refinement (.gpx), a recipe, or a CIF. A
    recipe is refined now, and its files are not kept. It uses ``project``, or else the project in its own folder, or
    else that of the first run given; ``backend``, or else the engine of that run.
    Raises UserError for input that cannot be read or compared, BackendMissing if a required engine is not available.
    """
    if len(given) < 2:
        raise UserError("compare needs two or more refinements", found=len(given), allowed=ALLOWED)
    paths = [item.folder if isinstance(item, Run) else Path(item) for item in given]
    for path in paths:
        if not path.exists():
            raise UserError("no such file or folder", file=path, allowed=ALLOWED)
    labels = _labels(paths)
    first_run = next((path for path in paths if (path / "summary.json").is_file()), None)
    found = []
    for path, label in zip(paths, labels, strict=True):
        if path.suffix.lower() in (".yaml", ".yml"):
            found.append(_refined(path, label, project, backend, first_run, progress))
        else:
            found.append(_read(path, label))
    return build_comparison(found)


def write_page(comparison: Comparison, file: Path | str, command: str = "") -> Path:
    """Write a comparison as one HTML page that opens offline, and return its path.

    ``command`` is the command line that repeats it, shown on the page. Raises UserError if the file cannot be written.
    """
    from autogsas.comparepage import write_comparison  # drawing is imported where it is used

    return write_comparison(comparison, Path(file), command)


def _labels(paths: Sequence[Path]) -> list[str]:
    """Return short distinct names: those of the files, with as many of their folders as necessary."""
    resolved = [path.resolve() for path in paths]
    names = [path.name.removesuffix(".yaml").removesuffix(".recipe") for path in resolved]
    for depth in range(2, 6):
        if len(set(names)) == len(names):
            return names
        names = [
            name if names.count(name) == 1 else "/".join(path.parts[-depth:])
            for name, path in zip(names, resolved, strict=True)
        ]
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def _read(path: Path, label: str) -> Refinement:
    if (path / "summary.json").is_file():
        return refinement_from_run(path, label)
    host = Host()
    if path.suffix.lower() in (".cif", ".mcif"):
        return refinement_from_cif(host, path, label)
    answer = host.call("read_refinement", path=path)
    if answer is None:
        why = "not a refinement"
        if path.suffix.lower() == ".gpx":
            why = "reading a .gpx file needs the plugin autogsas-gsas2, which is not installed"
        raise UserError(why, file=path, allowed=ALLOWED)
    if not (
        isinstance(answer, tuple)
        and len(answer) == 2
        and isinstance(answer[0], Project)
        and isinstance(answer[1], Result)
    ):
        whose = host.whose("autogsas_read_refinement")
        raise PluginError(
            f"hook autogsas_read_refinement ({whose}) gave a wrong answer",
            found=repr(answer),
            allowed="a Project and a Result, or None",
        )
    return refinement_from_result(host, answer[0], answer[1], label, str(path))


def _refined(
    recipe: Path,
    label: str,
    project: Path | str | None,
    backend: str | None,
    first_run: Path | None,
    progress: Progress | None,
) -> Refinement:
    with tempfile.TemporaryDirectory(prefix="autogsas-") as folder:
        done = refine(
            load_project(_project_of(recipe, project, first_run)),
            recipe,
            RefineRequest(backend=backend or _engine_of(first_run), out=Path(folder) / "run"),
            progress=progress,
        )
        if done.best is None:
            cause = next(iter(done.summary.causes), "no usable result")
            raise UserError(f"the refinement by this recipe failed ({cause})", file=recipe)
        return refinement_from_run(done.folder, label, "recipe", str(recipe))


def _project_of(recipe: Path, project: Path | str | None, first_run: Path | None) -> Path:
    if project is not None:
        return Path(project)
    if find_project_file(recipe.resolve().parent) is not None:
        return recipe.resolve().parent
    if first_run is not None:
        named = _project_file_of(first_run)
        if named is not None and named.exists():
            return named
    raise UserError("no project found for this recipe; name it with --project", file=recipe)


def _project_file_of(run: Path) -> Path | None:
    """Return the project file of a run, from its summary."""
    file = read_summary(run).project_file
    return None if file is None else Path(file)


def _engine_of(first_run: Path | None) -> str | None:
    return None if first_run is None else read_summary(first_run).backend.name

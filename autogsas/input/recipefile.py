"""Recipes in YAML: read, and checked against the project they are for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from autogsas.errors import UserError
from autogsas.input import yamlfile
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe, Step

__all__ = ["check_recipe", "load_recipe"]


def load_recipe(path: Path, project: Project | None = None) -> Recipe:
    """Return the recipe of a YAML file, checked against ``project`` where one is given. Raises UserError."""
    if not path.exists():
        raise UserError("no such file", file=path)
    recipe = yamlfile.check(Recipe, yamlfile.read(path), path)
    if not recipe.name:
        recipe = recipe.model_copy(update={"name": path.name.removesuffix(".yaml").removesuffix(".recipe")})
    if project is not None:
        check_recipe(recipe, project, path)
    return recipe


def check_recipe(recipe: Recipe, project: Project, file: Path | None = None) -> None:
    """Raise UserError where a recipe names a histogram, phase or site the project has not, or limits without data."""
    histograms = [item.name for item in project.histograms]
    phases = [item.name for item in project.phases]
    for number, step in enumerate(recipe.steps):
        for key, histogram, phase, site in _named(step):
            where = f"steps[{number}].{key}"
            _known("histogram", histogram, histograms, file, where)
            _known("phase", phase, phases, file, where)
            if site is not None:
                chosen = [item for item in project.phases if phase in (None, item.name)]
                labels = [item.label for each in chosen for item in each.sites]
                _known("site", site, labels, file, where)
        if isinstance(step.limits, dict):
            for name in step.limits:
                _known("histogram", name, histograms, file, f"steps[{number}].limits")
        for name in step.geometry if isinstance(step.geometry, dict) else ():
            _known("histogram", name, histograms, file, f"steps[{number}].geometry")
        for start in step.start:
            _known("phase", start.phase, phases, file, f"steps[{number}].start")
            labels = [site.label for phase in project.phases if phase.name == start.phase for site in phase.sites]
            for label in start.sites:
                _known("site", label, labels, file, f"steps[{number}].start.{start.phase}.sites")
        _check_limits(step, number, project, file)


def _named(step: Step) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    for index, background in enumerate(step.background):
        yield f"background[{index}].histogram", background.histogram, None, None
    for word in ("free", "fix", "set"):
        for index, item in enumerate(getattr(step, word)):
            yield f"{word}[{index}] ({item.group})", item.histogram, item.phase, item.site


def _known(kind: str, name: str | None, allowed: Iterable[str], file: Path | None, key: str) -> None:
    names = list(allowed)
    if name is not None and name not in names:
        raise UserError(f"unknown {kind}", file=file, key=key, found=name, allowed=names)


def _check_limits(step: Step, number: int, project: Project, file: Path | None) -> None:
    for histogram in project.histograms:
        limits = step.limits_for(histogram.name)
        if limits is None:
            continue
        low, high = histogram.limits
        if limits[0] >= high or limits[1] <= low:
            raise UserError(
                f"the step's limits lie outside those of histogram {histogram.name}",
                file=file,
                key=f"steps[{number}].limits",
                found=list(limits),
                allowed=f"within {low:g} to {high:g}",
            )
        counted = histogram.pattern.mask(limits, histogram.excluded) & histogram.pattern.mask(histogram.limits)
        if not (histogram.pattern.weights[counted] > 0).any():
            raise UserError(
                f"the step's limits leave no points of histogram {histogram.name}",
                file=file,
                key=f"steps[{number}].limits",
                found=list(limits),
            )

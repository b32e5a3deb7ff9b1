"""Read recipes from YAML and check them against the project they are for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autogsas.errors import UserError
from autogsas.input import yamlfile
from autogsas.input.yamlfile import Document
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Recipe, Setting, Step

__all__ = ["check_recipe", "load_recipe"]


def load_recipe(path: Path, project: Project | None = None) -> Recipe:
    """Return the recipe of a YAML file, checked against ``project`` if one is given. Raises UserError."""
    if not path.exists():
        raise UserError("no such file", file=path)
    document = yamlfile.read(path)
    if {"data", "phases"} & document.data.keys() and "steps" not in document.data:
        raise document.error("this is a project, not a recipe; a recipe has steps, such as best.recipe.yaml of a run")
    recipe = yamlfile.check(Recipe, document)
    if not recipe.name:
        recipe = recipe.model_copy(update={"name": path.name.removesuffix(".yaml").removesuffix(".recipe")})
    if project is not None:
        check_recipe(recipe, project, document)
    return recipe


def check_recipe(recipe: Recipe, project: Project, document: Document) -> None:
    """Raise UserError if a recipe names a histogram, phase or site that the project does not have, or limits
    without data. ``document`` is the file of the recipe.
    """
    for number, step in enumerate(recipe.steps):
        _check_names(step, f"steps[{number}]", project, document)
        _check_limits(step, f"steps[{number}].limits", project, document)


@dataclass(frozen=True)
class _Reference:
    """The names that one item of a step uses; ``key`` is its place in the step."""

    key: str
    histogram: str | None = None
    phase: str | None = None
    site: str | None = None


def _references(step: Step) -> Iterator[_Reference]:
    for index, background in enumerate(step.background):
        yield _Reference(f"background[{index}].histogram", background.histogram)
    named: dict[str, Sequence[Free | Setting]] = {"free": step.free, "fix": step.fix, "set": step.set}
    for word, items in named.items():
        for index, item in enumerate(items):
            yield _Reference(f"{word}[{index}] ({item.group})", item.histogram, item.phase, item.site)
    if isinstance(step.limits, dict):
        yield from (_Reference("limits", name) for name in step.limits)
    if isinstance(step.geometry, dict):
        yield from (_Reference("geometry", name) for name in step.geometry)
    for start in step.start:
        yield _Reference("start", phase=start.phase)
        yield from (_Reference(f"start.{start.phase}.sites", phase=start.phase, site=label) for label in start.sites)


def _check_names(step: Step, key: str, project: Project, document: Document) -> None:
    for reference in _references(step):
        where = f"{key}.{reference.key}"
        _check_name("histogram", reference.histogram, (item.name for item in project.histograms), document, where)
        _check_name("phase", reference.phase, (item.name for item in project.phases), document, where)
        phases = [phase for phase in project.phases if reference.phase in (None, phase.name)]
        labels = (site.label for phase in phases for site in phase.sites)
        _check_name("site", reference.site, labels, document, where)


def _check_name(kind: str, name: str | None, allowed: Iterable[str], document: Document, key: str) -> None:
    names = list(allowed)
    if name is not None and name not in names:
        raise document.error(f"unknown {kind}", key, found=name, allowed=names)


def _check_limits(step: Step, key: str, project: Project, document: Document) -> None:
    for histogram in project.histograms:
        limits = step.limits_for(histogram.name)
        if limits is None:
            continue
        low, high = histogram.limits
        if limits[0] >= high or limits[1] <= low:
            raise document.error(
                f"the step's limits are outside those of histogram {histogram.name}",
                key,
                found=list(limits),
                allowed=f"within {low:g} to {high:g}",
            )
        counted = histogram.pattern.mask(limits, histogram.excluded) & histogram.pattern.mask(histogram.limits)
        if not (histogram.pattern.weights[counted] > 0).any():
            raise document.error(
                f"the step's limits leave no points of histogram {histogram.name}", key, found=list(limits)
            )

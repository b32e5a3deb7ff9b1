"""Cutting a recipe to what a backend, a geometry and a project have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.model.instrument import Geometry
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Group, Recipe, Setting, Start, Step

__all__ = ["Cut", "fit_recipe"]

Item = TypeVar("Item", Free, Setting)

# Which sample corrections a geometry has; all other groups apply to every geometry.
_GEOMETRY: Mapping[Group, tuple[Geometry, ...]] = {
    "displacement": ("Bragg-Brentano", "Debye-Scherrer"),
    "transparency": ("Bragg-Brentano",),
    "absorption": ("Debye-Scherrer",),
}


def fit_recipe(recipe: Recipe, project: Project, capabilities: Capabilities) -> Recipe:
    """Return a recipe that a user or plugin gave, without what the backend or the geometry does not have.

    Raises PluginError for a phase, histogram or site that the project does not have, and for a background function that
    the backend does not have.
    """
    cut = Cut(project, capabilities)
    for step in recipe.steps:
        for background in step.background:
            if background.function not in capabilities.backgrounds:
                raise PluginError(
                    "the backend does not have this background function",
                    key=recipe.name or "recipe",
                    found=background.function,
                    allowed=capabilities.backgrounds,
                )
    return recipe.model_copy(update={"steps": tuple(cut.step(step) for step in recipe.steps)})


class Cut:
    """Leaves out of steps, taken in order, what does not apply to this backend, geometry, phase or histogram.

    Raises PluginError for an unknown phase, histogram or site.
    """

    def __init__(self, project: Project, capabilities: Capabilities) -> None:
        self._project = project
        self._groups = capabilities.groups
        self._starts = capabilities.starts
        # A step that changes a geometry changes what the steps after it can refine.
        self._geometry = {histogram.name: histogram.instrument.geometry for histogram in project.histograms}
        self._names = {
            "phase": [phase.name for phase in project.phases],
            "histogram": [histogram.name for histogram in project.histograms],
            "site": [site.label for phase in project.phases for site in phase.sites],
        }

    def step(self, step: Step) -> Step:
        """Return what applies of a step."""
        for background in step.background:
            self._known("histogram", background.histogram)
        for by_histogram in (step.limits, step.geometry):
            for name in by_histogram if isinstance(by_histogram, dict) else ():
                self._known("histogram", name)
        geometry = step.geometry if "geometry" in self._starts else None
        for histogram in self._project.histograms if geometry is not None else ():
            self._geometry[histogram.name] = step.geometry_for(histogram.name) or self._geometry[histogram.name]
        return step.model_copy(
            update={
                "geometry": geometry,
                "intensities": step.intensities if "intensities" in self._starts else None,
                "start": tuple(cut for start in step.start if (cut := self._start(start)) is not None),
                "free": tuple(self.frees(step.free)),
                "fix": tuple(self.frees(step.fix)),
                "set": tuple(item for setting in step.set for item in self._fitting(setting)),
            }
        )

    def _start(self, start: Start) -> Start | None:
        self._known("phase", start.phase)
        sites = [site.label for phase in self._project.phases if phase.name == start.phase for site in phase.sites]
        unknown = next((label for label in start.sites if label not in sites), None)
        if unknown is not None:
            raise PluginError("the recipe names an unknown site", key=start.phase, found=unknown, allowed=sites)
        cut = start.model_copy(
            update={
                "cell": start.cell if "cell" in self._starts else None,
                "sites": start.sites if "sites" in self._starts else {},
                "axis": start.axis if "axis" in self._starts else None,
                "size": start.size if "broadening" in self._starts else None,
                "strain": start.strain if "broadening" in self._starts else None,
            }
        )
        return cut if cut.cell or cut.sites or cut.axis or cut.size or cut.strain else None

    def frees(self, frees: Sequence[Free]) -> Iterator[Free]:
        """Give what applies of some frees, each once."""
        seen: set[Free] = set()
        for free in (item for given in frees for item in self._fitting(given)):
            if free not in seen:
                seen.add(free)
                yield free

    def _fitting(self, item: Item) -> Iterator[Item]:
        """Give the free or setting unchanged, or once for each histogram it applies to, or not at all."""
        for key in ("phase", "histogram", "site"):
            self._known(key, getattr(item, key))
        if item.group not in self._groups:
            return
        geometries = _GEOMETRY.get(item.group)
        concerned = [h for h in self._project.histograms if item.histogram in (None, h.name)]
        fits = [h for h in concerned if geometries is None or self._geometry[h.name] in geometries]
        if len(fits) == len(concerned):
            yield item
        else:
            for histogram in fits:
                yield item.model_copy(update={"histogram": histogram.name})

    def _known(self, key: str, name: str | None) -> None:
        if name is not None and name not in self._names[key]:
            raise PluginError(f"the recipe names an unknown {key}", key=key, found=name, allowed=self._names[key])

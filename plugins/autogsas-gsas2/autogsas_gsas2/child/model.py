"""A project that is open in GSAS-II: its histograms and phases under both names, and what was done to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autogsas_gsas2.child.gsas import Gsas
from autogsas_gsas2.protocol import StepReport

__all__ = ["SAMPLE", "HistogramModel", "Model", "PhaseModel", "frozen_list", "limit", "thaw"]

SAMPLE = {
    "Bragg-Brentano": ("Shift", "Transparency", "SurfRoughA", "SurfRoughB"),
    "Debye-Scherrer": ("Absorption", "DisplaceX", "DisplaceY"),
}
"""What GSAS-II reads of the sample, besides the scale, in each geometry."""


@dataclass
class HistogramModel:
    """A histogram: the host's name, GSAS-II's, its number there, and the project's full limits.

    ``absorption`` is muR that the project gives it, for when its geometry has one.
    """

    name: str
    key: str
    number: int
    limits: list[float]
    excluded: list[list[float]]
    absorption: float = 0.0


@dataclass
class PhaseModel:
    """A phase: the host's name, GSAS-II's, its number there, the host's labels of its sites.

    ``places`` are the sites, by number, that share one; ``ties`` those whose isotropic U a recipe has made one.
    """

    name: str
    key: str
    number: int
    labels: list[str]
    places: list[list[int]] = field(default_factory=list)
    ties: list[set[int]] = field(default_factory=list)

    def together(self, site: int) -> list[int]:
        """Return the numbers of all sites at the place of one."""
        return next((place for place in self.places if site in place), [site])


@dataclass
class Model:
    """A project that is open in GSAS-II, with what its steps have done."""

    g2: Gsas
    gpx: Any
    folder: str
    histograms: list[HistogramModel]
    phases: list[PhaseModel]
    from_gpx: bool
    notes: list[str] = field(default_factory=list)
    freed: set[tuple[Any, ...]] = field(default_factory=set)
    backgrounds: dict[str, list[Any]] = field(default_factory=dict)
    numbers_kept: set[str] = field(default_factory=set)
    reports: list[StepReport] = field(default_factory=list)
    record: list[dict[str, Any]] = field(default_factory=list)
    equivalent: list[tuple[str, ...]] = field(default_factory=list)
    equated: list[tuple[str, ...]] = field(default_factory=list)
    sums: list[list[Any]] = field(default_factory=list)
    limited: dict[str, list[float]] = field(default_factory=dict)
    extracted: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    calculated: bool = False

    def histogram(self, item: HistogramModel) -> dict[str, Any]:
        """Return a histogram's own tree in the project."""
        tree: dict[str, Any] = self.gpx.data[item.key]
        return tree

    def phase(self, item: PhaseModel) -> dict[str, Any]:
        """Return a phase's own tree in the project."""
        tree: dict[str, Any] = self.gpx.data["Phases"][item.key]
        return tree

    def pair(self, phase: PhaseModel, histogram: HistogramModel) -> dict[str, Any] | None:
        """Return what belongs to a phase in a histogram, or None where the histogram does not use the phase."""
        found: dict[str, Any] | None = self.phase(phase)["Histograms"].get(histogram.key)
        return found if found is not None and found.get("Use", True) else None

    def geometry(self, item: HistogramModel) -> str:
        """Return "Bragg-Brentano" or "Debye-Scherrer"."""
        return str(self.histogram(item)["Sample Parameters"]["Type"])

    def points(self, item: HistogramModel, limits: list[float]) -> slice:
        """Return which points GSAS-II takes for these limits: from the first inside to one past the last."""
        x = np.ma.getdata(self.histogram(item)["data"][1][0])
        return slice(int(np.searchsorted(x, limits[0])), min(int(np.searchsorted(x, limits[1])) + 1, x.size))

    def without_structure(self, phase: PhaseModel | None, histogram: HistogramModel | None) -> bool:
        """Return whether intensities are Le Bail's in all that a phase or histogram (None: any) has to do with."""
        pairs = [
            self.pair(one, other)
            for one in ([phase] if phase else self.phases)
            for other in ([histogram] if histogram else self.histograms)
        ]
        found = [pair for pair in pairs if pair is not None]
        return bool(found) and all(pair.get("LeBail") for pair in found)

    def le_bail(self) -> list[tuple[PhaseModel, HistogramModel]]:
        """Return the phases whose intensities are Le Bail's, each with the histogram they are from."""
        every = ((phase, item) for phase in self.phases for item in self.histograms)
        return [(phase, item) for phase, item in every if self.without_structure(phase, item)]

    def alone(self, histogram: HistogramModel) -> bool:
        """Return whether one phase alone scatters in a histogram: then the histogram's own scale is refined."""
        return sum(self.pair(phase, histogram) is not None for phase in self.phases) <= 1


def frozen_list(gpx: Any) -> list[Any]:
    """Return the variables that GSAS-II keeps out of refinements since they went beyond a limit."""
    found: list[Any] = gpx.data["Controls"]["data"].get("parmFrozen", {}).get("FrozenList", [])
    return found


def limit(model: Model, variable: str, least: float, most: float | None = None) -> None:
    """Stop a variable of GSAS-II's at limits, unless it has some: ours, or the user's for all of its name."""
    controls = model.gpx.data["Controls"]["data"]
    given = {str(key) for kind in ("parmMinDict", "parmMaxDict") for key in controls.get(kind, {})}
    name = variable.rpartition(":")[2]
    if variable in model.limited or any(key.endswith(name) for key in given - set(model.limited)):
        return
    model.limited[variable] = [least] if most is None else [least, most]
    for kind, value in zip(("parmMin", "parmMax"), model.limited[variable], strict=False):
        model.gpx.set_Controls(kind, value, variable)


def thaw(model: Model) -> None:
    """Let variables go again that a limit of ours stopped; what the user's own limits froze stays."""
    frozen = frozen_list(model.gpx)
    frozen[:] = [item for item in frozen if str(item) not in model.limited]

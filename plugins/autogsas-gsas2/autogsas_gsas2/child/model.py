"""A project that is open in GSAS-II: its histograms and phases by both names, and the state between steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from autogsas_gsas2.child.gsas import Gsas
from autogsas_gsas2.protocol import RefinementRecord, StepReport, SumConstraint, VariableLimits

__all__ = [
    "SAMPLE_PARAMETERS",
    "HistogramModel",
    "Model",
    "ParameterKey",
    "PhaseModel",
    "frozen_list",
    "set_limits_of_variable",
    "unfreeze",
]

SAMPLE_PARAMETERS = {
    "Bragg-Brentano": ("Shift", "Transparency", "SurfRoughA", "SurfRoughB"),
    "Debye-Scherrer": ("Absorption", "DisplaceX", "DisplaceY"),
}
"""The sample parameters that GSAS-II uses in each geometry, besides the scale."""


class ParameterKey(NamedTuple):
    """Identifies a parameter group of one phase, histogram or site from step to step."""

    group: str
    phase: str | None = None
    histogram: str | None = None
    site: str | None = None


@dataclass
class HistogramModel:
    """A histogram: the host's name, GSAS-II's name and number, and the project's full limits.

    ``absorption`` is the project's muR; it is used when the geometry is Debye-Scherrer.
    """

    name: str
    key: str
    number: int
    limits: list[float]
    excluded: list[list[float]]
    absorption: float = 0.0


@dataclass
class PhaseModel:
    """A phase: the host's name, GSAS-II's name and number, and the host's labels of its sites.

    ``same_position`` lists the sites (by index) that share one position; ``shared_uiso`` the sites for which a recipe
    refines one common isotropic U.
    """

    name: str
    key: str
    number: int
    labels: list[str]
    same_position: list[list[int]] = field(default_factory=list)
    shared_uiso: list[set[int]] = field(default_factory=list)

    def sites_at_position_of(self, site: int) -> list[int]:
        """Return the indices of all sites at the position of one."""
        return next((sites for sites in self.same_position if site in sites), [site])


@dataclass
class Model:
    """A project that is open in GSAS-II, with the state its steps have left.

    ``freed`` are the parameter groups that are refined. ``background_limits`` are, by histogram, the limits in which
    the present background coefficients were refined; ``coefficients_kept`` the histograms whose coefficients stay when
    function, terms or limits change. ``initial_equivalences`` were made on opening, ``equivalences`` are those of the
    last step. ``limits`` are our limits of GSAS-II's variables, ``extraction_limits`` the limits for which a phase's Le
    Bail intensities were made. ``dropped`` are variables that the last refinement could not determine;
    ``recalculated`` whether the pattern was calculated over the full limits after the last refinement.
    """

    g2: Gsas
    gpx: Any
    folder: str
    histograms: list[HistogramModel]
    phases: list[PhaseModel]
    from_gpx: bool
    notes: list[str] = field(default_factory=list)
    freed: set[ParameterKey] = field(default_factory=set)
    background_limits: dict[str, list[float]] = field(default_factory=dict)
    coefficients_kept: set[str] = field(default_factory=set)
    reports: list[StepReport] = field(default_factory=list)
    record: list[RefinementRecord] = field(default_factory=list)
    initial_equivalences: list[tuple[str, ...]] = field(default_factory=list)
    equivalences: list[tuple[str, ...]] = field(default_factory=list)
    sums: list[SumConstraint] = field(default_factory=list)
    limits: dict[str, VariableLimits] = field(default_factory=dict)
    extraction_limits: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    recalculated: bool = False

    def histogram(self, item: HistogramModel) -> dict[str, Any]:
        """Return a histogram's tree in the project."""
        tree: dict[str, Any] = self.gpx.data[item.key]
        return tree

    def phase(self, item: PhaseModel) -> dict[str, Any]:
        """Return a phase's tree in the project."""
        tree: dict[str, Any] = self.gpx.data["Phases"][item.key]
        return tree

    def pair(self, phase: PhaseModel, histogram: HistogramModel) -> dict[str, Any] | None:
        """Return the settings of a phase in a histogram, or None if the histogram does not use the phase."""
        found: dict[str, Any] | None = self.phase(phase)["Histograms"].get(histogram.key)
        return found if found is not None and found.get("Use", True) else None

    def geometry(self, item: HistogramModel) -> str:
        """Return "Bragg-Brentano" or "Debye-Scherrer"."""
        return str(self.histogram(item)["Sample Parameters"]["Type"])

    def points(self, item: HistogramModel, limits: list[float]) -> slice:
        """Return the points that GSAS-II uses for these limits: from the first inside to one after the last."""
        x = np.ma.getdata(self.histogram(item)["data"][1][0])
        return slice(int(np.searchsorted(x, limits[0])), min(int(np.searchsorted(x, limits[1])) + 1, x.size))

    def without_structure(self, phase: PhaseModel | None, histogram: HistogramModel | None) -> bool:
        """Return whether all intensities of a phase in a histogram are Le Bail's; None stands for all of them."""
        pairs = [
            self.pair(one, other)
            for one in ([phase] if phase else self.phases)
            for other in ([histogram] if histogram else self.histograms)
        ]
        found = [pair for pair in pairs if pair is not None]
        return bool(found) and all(pair.get("LeBail") for pair in found)

    def le_bail(self) -> list[tuple[PhaseModel, HistogramModel]]:
        """Return each phase and histogram with Le Bail intensities."""
        every = ((phase, item) for phase in self.phases for item in self.histograms)
        return [(phase, item) for phase, item in every if self.without_structure(phase, item)]

    def single_phase(self, histogram: HistogramModel) -> bool:
        """Return whether a histogram uses one phase only: then the histogram's own scale is refined."""
        return sum(self.pair(phase, histogram) is not None for phase in self.phases) <= 1


def frozen_list(gpx: Any) -> list[Any]:
    """Return the variables that GSAS-II no longer refines, because they reached a limit."""
    found: list[Any] = gpx.data["Controls"]["data"].get("parmFrozen", {}).get("FrozenList", [])
    return found


def set_limits_of_variable(model: Model, variable: str, limits: VariableLimits) -> None:
    """Limit a variable of GSAS-II, unless it has limits already: ours, or the user's for all variables of its name."""
    controls = model.gpx.data["Controls"]["data"]
    given = {str(key) for kind in ("parmMinDict", "parmMaxDict") for key in controls.get(kind, {})}
    name = variable.rpartition(":")[2]
    if variable in model.limits or any(key.endswith(name) for key in given - set(model.limits)):
        return
    model.limits[variable] = limits
    model.gpx.set_Controls("parmMin", limits.least, variable)
    if limits.greatest is not None:
        model.gpx.set_Controls("parmMax", limits.greatest, variable)


def unfreeze(model: Model) -> None:
    """Refine again the variables that reached a limit of ours; those at the user's own limits stay frozen."""
    frozen = frozen_list(model.gpx)
    frozen[:] = [item for item in frozen if str(item) not in model.limits]

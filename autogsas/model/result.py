"""The result of a refinement: plain, frozen, picklable data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from autogsas.model.instrument import Geometry
from autogsas.model.recipe import GROUPS, Group
from autogsas.model.structure import Phase

__all__ = [
    "Alternative",
    "Curves",
    "Finding",
    "FindingTable",
    "Parameter",
    "ParameterGroup",
    "Reflections",
    "Result",
    "Severity",
    "StepResult",
    "parameter_group",
]

Array = npt.NDArray[np.float64]

ParameterGroup = Group | Literal["weight_fraction"]
"""The group that a recipe frees a parameter by; weight fractions follow from other parameters."""
_PARAMETER_GROUPS: Mapping[str, ParameterGroup] = {
    **{group: group for group in GROUPS},
    "weight_fraction": "weight_fraction",
}


def parameter_group(text: str) -> ParameterGroup:
    """Return the group of a parameter from stored text. Raises ValueError for an unknown one."""
    if text not in _PARAMETER_GROUPS:
        raise ValueError(f"{text!r} is not a group of parameters")
    return _PARAMETER_GROUPS[text]


class Severity(StrEnum):
    """Severity of a finding: an error makes a trial infeasible; a warning or information is only shown."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class FindingTable:
    """What a finding lists: the run folder keeps that of the best trial as ``best.NAME.csv``.

    ``rows`` have an entry for each of the ``columns``.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]


@dataclass(frozen=True)
class Finding:
    """A finding of a check: a fixed code, a severity, one sentence, and its numbers.

    ``about`` names the subject for programs, by "phase", "histogram", "site" and similar keys. Findings of one trial
    whose tables have one name share a file. ``advice`` is what to try against an error, where no trial is usable.
    """

    code: str
    severity: Severity
    message: str
    numbers: dict[str, float] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    table: FindingTable | None = None
    advice: str = ""


@dataclass(frozen=True)
class Parameter:
    """One parameter at the end of a refinement.

    ``name`` is unique in a result, such as "fluorapatite:Ca2:x", "fluorapatite:a", "FAP:U"; programs go by ``group``,
    ``phase``, ``histogram`` and ``site``. ``esd`` is None where it was not refined. Several parameters of one group
    come in a fixed order: displacement of a Debye-Scherrer sample along the beam and across it, uniaxial size and
    strain equatorial and axial, background coefficients by their number.
    """

    name: str
    value: float
    esd: float | None
    unit: str
    group: ParameterGroup
    phase: str | None = None
    histogram: str | None = None
    site: str | None = None


@dataclass(frozen=True)
class Reflections:
    """Reflections of one phase in one histogram, K-alpha1 only; arrays of length n.

    ``hkl`` (n, 3) int; ``d`` in Angstrom; ``two_theta`` in degrees with all corrections;
    ``fwhm`` in degrees; ``f2_observed`` divides the observed intensity in proportion to the calculated one
    (Rietveld, J. Appl. Cryst. 2, 65 (1969)).
    ``sigma`` Gaussian standard deviation and ``gamma`` Lorentzian full width, in degrees.
    """

    phase: str
    hkl: npt.NDArray[np.int64]
    multiplicity: npt.NDArray[np.int64]
    d: Array
    two_theta: Array
    f2_calculated: Array
    f2_observed: Array
    intensity: Array
    fwhm: Array
    sigma: Array
    gamma: Array


@dataclass(frozen=True)
class Curves:
    """The curves of one histogram at its measured points, over the project's full limits; arrays of shape (n,).

    ``weights`` is zero at points that do not count (excluded regions, missing values). ``geometry`` is the one that the
    histogram was refined in, None where the engine does not report it. ``background_function`` is the
    recipe's name of the background function, "" where the engine does not report it; its coefficients are the
    histogram's parameters of the group "background".
    """

    histogram: str
    x: Array
    observed: Array
    calculated: Array
    background: Array
    weights: Array
    reflections: tuple[Reflections, ...] = ()
    background_function: str = ""
    geometry: Geometry | None = None


@dataclass(frozen=True)
class StepResult:
    """The result of one step.

    ``dropped`` names the parameters removed as singular; ``shift_esd`` is the largest last shift over esd;
    ``rwp`` the engine's own Rwp in per cent over the step's limits; ``full_rwp`` that of the model after the step
    over the project's full limits, less the excluded regions, NaN if the engine does not report it.
    """

    title: str
    converged: bool
    cycles: int
    n_variables: int
    rwp: float
    shift_esd: float
    dropped: tuple[str, ...] = ()
    at_bound: tuple[str, ...] = ()
    message: str = ""
    seconds: float = 0.0
    full_rwp: float = math.nan


@dataclass(frozen=True)
class Alternative:
    """Another model of the same data, refined from the same start: ``name`` says in what it differs.

    ``chi2`` is sum w (yo-yc)^2 over all histograms, ``n_variables`` the number of refined variables.
    """

    name: str
    chi2: float
    n_variables: int
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Result:
    """The final state of a refinement.

    ``correlation`` is (p, p) for the ``varied`` names in their order, with unit diagonal.
    ``engine_rwp`` is the engine's own Rwp in per cent, for comparison with the host's. ``n_restraints`` is the number
    of restraints; the host's agreement factors do not include them. ``alternatives`` are other models that were
    refined on the way and fit about as well.
    """

    backend: str
    backend_version: str
    curves: tuple[Curves, ...]
    parameters: tuple[Parameter, ...]
    varied: tuple[str, ...]
    correlation: Array
    phases: tuple[Phase, ...]
    steps: tuple[StepResult, ...]
    engine_rwp: float
    notes: tuple[str, ...] = ()
    n_restraints: int = 0
    alternatives: tuple[Alternative, ...] = ()

    @property
    def n_variables(self) -> int:
        """The number of refined variables of the last step."""
        return len(self.varied)

    @property
    def converged(self) -> bool:
        """Whether the last step converged."""
        return bool(self.steps) and self.steps[-1].converged

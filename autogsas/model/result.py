"""The result of a refinement: plain, frozen, picklable data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from autogsas.model.structure import Phase

__all__ = ["Curves", "Finding", "Parameter", "Reflections", "Result", "Severity", "StepResult"]

Array = npt.NDArray[np.float64]


class Severity(StrEnum):
    """Severity of a finding: an error makes a trial infeasible; a warning or information is only shown."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """A finding of a check: a fixed code, a severity, one sentence, and its numbers.

    ``about`` names the subject for programs, by "phase", "histogram", "site" and similar keys.
    """

    code: str
    severity: Severity
    message: str
    numbers: dict[str, float] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parameter:
    """One parameter at the end of a refinement.

    ``name`` is unique in a result, such as "fluorapatite:Ca2:x", "fluorapatite:a", "FAP:U"; ``group`` is the
    recipe's name for its group. ``esd`` is None if it was not refined.
    """

    name: str
    value: float
    esd: float | None
    unit: str
    group: str
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

    ``weights`` is zero at points that do not count (excluded regions, missing values). ``background_function`` is the
    recipe's name of the function, "" if the engine does not report it; its terms are the parameters
    "<histogram>:background 1" and so on.
    """

    histogram: str
    x: Array
    observed: Array
    calculated: Array
    background: Array
    weights: Array
    reflections: tuple[Reflections, ...] = ()
    background_function: str = ""


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
class Result:
    """The final state of a refinement.

    ``correlation`` is (p, p) for the ``varied`` names in their order, with unit diagonal.
    ``engine_rwp`` is the engine's own Rwp in per cent, for comparison with the host's. ``n_restraints`` is the number
    of restraints; the host's agreement factors do not include them.
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

    @property
    def n_variables(self) -> int:
        """The number of refined variables of the last step."""
        return len(self.varied)

    @property
    def converged(self) -> bool:
        """Whether the last step converged."""
        return bool(self.steps) and self.steps[-1].converged

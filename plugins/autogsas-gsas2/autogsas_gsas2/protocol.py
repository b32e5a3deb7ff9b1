"""Messages between the host and the child process. `serialisation` turns them into lines of JSON.

Both sides import this module, so it uses the standard library only. Both sides are installed together: when a message
changes, `VERSION` goes up and no older child is supported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "VERSION",
    "BackgroundData",
    "BackgroundPeakData",
    "BroadeningData",
    "BroadeningModelData",
    "Change",
    "Close",
    "Closed",
    "CurveData",
    "Failed",
    "GroupSelection",
    "Hello",
    "HistogramData",
    "LeastSquares",
    "Open",
    "Opened",
    "ParameterData",
    "PhaseData",
    "PhaseInHistogram",
    "PhaseResult",
    "Read",
    "ReadLastRefinement",
    "Refine",
    "RefinementRecord",
    "ReflectionData",
    "ResultData",
    "Save",
    "Saved",
    "SiteResult",
    "SpecimenData",
    "StartData",
    "StepData",
    "StepReport",
    "SumConstraint",
    "SumData",
    "VariableLimits",
]

VERSION = 6

Array = Any
"""An array of float64. Numpy's own type is not used here, because GSAS-II's interpreter may have another numpy."""


@dataclass(frozen=True)
class Hello:
    """First message of the child: versions of the protocol, of GSAS-II and of Python, process id, lines for the log."""

    version: int
    gsas2: str
    python: str
    pid: int
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BackgroundPeakData:
    """A broad peak of the background: position in degrees, area in counts x centidegrees.

    ``sigma`` is the Gaussian variance in centidegrees^2, ``gamma`` the Lorentzian full width in centidegrees.
    """

    position: float
    intensity: float
    sigma: float
    gamma: float


@dataclass(frozen=True)
class HistogramData:
    """A pattern with its settings; ``instprm`` is the text of an instrument parameter file.

    ``limits`` and ``excluded`` in degrees, ``radius`` in mm, ``absorption`` is muR, ``peaks`` those of the background.
    """

    name: str
    x: Array
    y: Array
    weights: Array
    limits: list[float]
    excluded: list[list[float]]
    instprm: str
    radius: float
    absorption: float = 0.0
    peaks: list[BackgroundPeakData] = field(default_factory=list)


@dataclass(frozen=True)
class BroadeningData:
    """Size (micrometre) or strain (1e-6) as GSAS-II stores it.

    ``values`` are [isotropic or equatorial, axial, Lorentzian fraction], ``coefficients`` the S_hkl of a generalised
    strain.
    """

    model: str
    values: list[float]
    axis: list[int]
    coefficients: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class BroadeningModelData:
    """A model of size or strain by GSAS-II's name; ``axis`` (hkl) is that of the uniaxial one."""

    model: str
    axis: list[int]


@dataclass(frozen=True)
class SpecimenData:
    """Size, strain and preferred orientation of a phase, the same in all histograms.

    ``ratio`` and ``axis`` (hkl) are those of the March-Dollase model.
    """

    size: BroadeningData
    strain: BroadeningData
    ratio: float
    axis: list[int]


@dataclass(frozen=True)
class SumData:
    """Occupancies that add up to ``total``; ``sites`` are indices into the phase's sites."""

    sites: list[int]
    total: float


@dataclass(frozen=True)
class PhaseData:
    """A phase: the text of a CIF, the labels of its sites, and all images of a general position, shape (n, 3).

    The images show whether GSAS-II uses the same setting of the space group. ``specimen`` is None where the .gpx
    defines it.
    """

    name: str
    cif: str
    labels: list[str]
    images: Array
    specimen: SpecimenData | None = None
    le_bail: bool = False
    sums: list[SumData] = field(default_factory=list)


@dataclass(frozen=True)
class Open:
    """Open a project in ``folder``, from a copy of a ``gpx`` or from the data given; GSAS-II prints into ``log``."""

    folder: str
    log: str
    histograms: list[HistogramData]
    phases: list[PhaseData]
    gpx: str | None = None


@dataclass(frozen=True)
class Opened:
    """The project is open in process ``pid``."""

    pid: int
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class GroupSelection:
    """A parameter group, optionally of one phase, histogram or site; ``value`` where a step sets one."""

    group: str
    phase: str | None = None
    histogram: str | None = None
    site: str | None = None
    value: float | None = None


@dataclass(frozen=True)
class StartData:
    """Starting values of a phase that agree with its symmetry.

    ``cell`` in Angstrom and degrees, ``sites`` fractional coordinates by label, ``axis`` that of March-Dollase;
    ``size`` and ``strain`` are models of broadening for all histograms.
    """

    phase: str
    cell: list[float] | None = None
    sites: dict[str, list[float]] = field(default_factory=dict)
    axis: list[int] | None = None
    size: BroadeningModelData | None = None
    strain: BroadeningModelData | None = None


@dataclass(frozen=True)
class BackgroundData:
    """A background function with its number of terms.

    ``keep_curve``: the new coefficients reproduce the present curve; otherwise the present coefficients are kept.
    """

    function: str
    terms: int
    keep_curve: bool


@dataclass(frozen=True)
class StepData:
    """A step of a recipe; ``limits`` [low, high], ``backgrounds`` and ``geometry`` by histogram.

    ``starts`` and ``geometry`` are applied first.
    """

    title: str
    limits: dict[str, list[float]]
    backgrounds: dict[str, BackgroundData]
    sets: list[GroupSelection]
    free: list[GroupSelection]
    fix: list[GroupSelection]
    cycles: int | None = None
    starts: list[StartData] = field(default_factory=list)
    geometry: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refine:
    """Refine one step."""

    step: StepData


@dataclass(frozen=True)
class StepReport:
    """Outcome of a step; the fields are those of `autogsas.model.result.StepResult`."""

    converged: bool
    cycles: int
    n_variables: int
    rwp: float
    shift_esd: float
    dropped: list[str]
    at_bound: list[str]
    message: str
    full_rwp: float = math.nan


@dataclass(frozen=True)
class ReadLastRefinement:
    """Use the last refinement stored in the .gpx as the result of a step, without refining again."""


@dataclass(frozen=True)
class Read:
    """Return the present state as `ResultData`."""


@dataclass(frozen=True)
class ParameterData:
    """One parameter; the fields are those of `autogsas.model.result.Parameter`.

    ``coordinate`` is 0, 1 or 2 for a site's x, y or z, None for all other parameters.
    """

    name: str
    value: float
    esd: float | None
    unit: str
    group: str
    phase: str | None = None
    histogram: str | None = None
    site: str | None = None
    coordinate: int | None = None


@dataclass(frozen=True)
class ReflectionData:
    """Reflections of a phase in a histogram, as in `autogsas.model.result.Reflections`; ``hkl`` has shape (n, 3)."""

    phase: str
    hkl: Array
    multiplicity: Array
    d: Array
    two_theta: Array
    f2_calculated: Array
    f2_observed: Array
    intensity: Array
    fwhm: Array
    sigma: Array
    gamma: Array


@dataclass(frozen=True)
class CurveData:
    """Curves of a histogram over its full limits, as in `autogsas.model.result.Curves`."""

    histogram: str
    x: Array
    observed: Array
    calculated: Array
    background: Array
    weights: Array
    reflections: list[ReflectionData]
    background_function: str = ""
    geometry: str = ""


@dataclass(frozen=True)
class SiteResult:
    """A site with fractional coordinates; U in Angstrom^2."""

    label: str
    xyz: list[float]
    occupancy: float
    uiso: float
    uaniso: list[float] | None = None


@dataclass(frozen=True)
class PhaseResult:
    """A phase with its cell in Angstrom and degrees."""

    name: str
    cell: list[float]
    sites: list[SiteResult]


@dataclass(frozen=True)
class ResultData:
    """The state after the last step; ``correlation`` has shape (p, p) for the p names in ``varied``.

    ``rwp`` in per cent is GSAS-II's; ``restraints`` is the number of restraints that acted on the refinement.
    """

    parameters: list[ParameterData]
    varied: list[str]
    correlation: Array
    curves: list[CurveData]
    phases: list[PhaseResult]
    rwp: float
    notes: list[str]
    restraints: int = 0


@dataclass(frozen=True)
class Save:
    """Write GSAS-II's own files into ``folder``.

    ``data`` by histogram and ``structures`` by phase are the user's files: the child tries whether GSAS-II's own
    readers find the same in them.
    """

    folder: str
    data: dict[str, str] = field(default_factory=dict)
    structures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A value written into the project, at a path of keys from its root."""

    path: list[Any]
    value: Any


@dataclass(frozen=True)
class LeastSquares:
    """One call of GSAS-II's refinement; no cycles only calculate the pattern.

    ``tolerance`` is the relative change of chi^2 that ends it.
    """

    cycles: int
    tolerance: float


@dataclass(frozen=True)
class PhaseInHistogram:
    """A phase in a histogram, by GSAS-II's names."""

    phase: str
    histogram: str


@dataclass(frozen=True)
class RefinementRecord:
    """One step as it was done, for the script that repeats it.

    The order is: ``changes``; ``equivalences`` replace those of the step before (None: they stay); new Le Bail
    intensities for ``extracted``; ``refinements``, with ``extractions_between`` cycles of Le Bail between them.
    """

    title: str
    changes: list[Change]
    refinements: list[LeastSquares]
    extracted: list[PhaseInHistogram] = field(default_factory=list)
    extractions_between: int = 0
    equivalences: list[list[str]] | None = None


@dataclass(frozen=True)
class SumConstraint:
    """Variables of GSAS-II that add up to ``total``."""

    total: float
    variables: list[str]


@dataclass(frozen=True)
class VariableLimits:
    """The range allowed for a variable of GSAS-II; ``greatest`` None: no upper limit."""

    least: float
    greatest: float | None = None


@dataclass(frozen=True)
class Saved:
    """The files are written.

    ``record`` has an entry for each step. ``histograms`` and ``phases`` are GSAS-II's names. ``equivalences``,
    ``sums`` and ``limits`` were set when the project was opened. ``identical`` tells for each file of the user's
    whether GSAS-II reads the same from it as the host.
    """

    record: list[RefinementRecord]
    histograms: list[str]
    phases: list[str]
    equivalences: list[list[str]]
    limits: dict[str, VariableLimits]
    sums: list[SumConstraint] = field(default_factory=list)
    identical: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Close:
    """Close the project."""


@dataclass(frozen=True)
class Closed:
    """The project is closed."""


@dataclass(frozen=True)
class Failed:
    """The request failed: ``cause`` is a stable word for programs, ``message`` one line for people."""

    cause: str
    message: str
    traceback: str = ""

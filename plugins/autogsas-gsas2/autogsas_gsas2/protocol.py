"""What the host and the child say to each other: typed messages. `wire` carries them.

Shared by both sides, so the standard library only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "VERSION",
    "BroadeningData",
    "Close",
    "Closed",
    "CurveData",
    "Failed",
    "Hello",
    "HistogramData",
    "Open",
    "Opened",
    "ParameterData",
    "PhaseData",
    "PhaseResult",
    "Read",
    "Refine",
    "ReflectionData",
    "ResultData",
    "Save",
    "Saved",
    "SiteResult",
    "Slot",
    "SpecimenData",
    "Stand",
    "StartData",
    "StepData",
    "StepReport",
    "SumData",
]

VERSION = 4

Array = Any
"""An array of float64; numpy's own type would tie this module to a version of its typing."""


@dataclass(frozen=True)
class Hello:
    """The child's first word: versions of the protocol, of GSAS-II and of Python, its process, and what to log."""

    version: int
    gsas2: str
    python: str
    pid: int
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class HistogramData:
    """A pattern as the host has it; ``instprm`` is the text of an instrument parameter file.

    ``absorption`` is muR; ``peaks`` of the background are [position, intensity, sig, gam] in GSAS-II's units.
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
    peaks: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class BroadeningData:
    """Size or strain as GSAS-II keeps it: model, [isotropic or equatorial, axial, Lorentzian share], axis."""

    model: str
    values: list[float]
    axis: list[int]


@dataclass(frozen=True)
class SpecimenData:
    """What a phase's crystallites do to every histogram; the orientation is March and Dollase's."""

    size: BroadeningData
    strain: BroadeningData
    ratio: float
    axis: list[int]


@dataclass(frozen=True)
class SumData:
    """Occupancies, by the numbers of their sites, that add up to a total."""

    sites: list[int]
    total: float


@dataclass(frozen=True)
class PhaseData:
    """A phase: the text of a CIF, labels of its sites, and all images of a general point under its group, (n, 3).

    ``specimen`` is None where the project's own stands.
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
    """Open a project in ``folder``: a copy of a ``gpx``, or data; what is printed goes to ``log``."""

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
class Slot:
    """A group, narrowed or not, with a value where one is set."""

    group: str
    phase: str | None = None
    histogram: str | None = None
    site: str | None = None
    value: float | None = None


@dataclass(frozen=True)
class StartData:
    """Where a phase goes on from, symmetry seen to: cell in Angstrom and degrees, coordinates by label, March axis."""

    phase: str
    cell: list[float] | None = None
    sites: dict[str, list[float]] = field(default_factory=dict)
    axis: list[int] | None = None


@dataclass(frozen=True)
class StepData:
    """A recipe's step with its limits settled: by histogram [low, high]; backgrounds by histogram [function, terms,
    carry].

    ``starts`` and ``geometry`` by histogram come before all else.
    """

    title: str
    limits: dict[str, list[float]]
    backgrounds: dict[str, list[Any]]
    sets: list[Slot]
    free: list[Slot]
    fix: list[Slot]
    cycles: int | None = None
    starts: list[StartData] = field(default_factory=list)
    geometry: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refine:
    """Refine one step."""

    step: StepData


@dataclass(frozen=True)
class StepReport:
    """What a step did, as in `autogsas.model.result.StepResult`."""

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
class Stand:
    """Take the project as its last refinement left it for a step."""


@dataclass(frozen=True)
class Read:
    """Read the present state."""


@dataclass(frozen=True)
class ParameterData:
    """One parameter, as in `autogsas.model.result.Parameter`."""

    name: str
    value: float
    esd: float | None
    unit: str
    group: str
    phase: str | None = None
    histogram: str | None = None
    site: str | None = None


@dataclass(frozen=True)
class ReflectionData:
    """Reflections of a phase in a histogram, as in `autogsas.model.result.Reflections`; ``hkl`` is (n, 3)."""

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
    """The curves of a histogram over its full limits, as in `autogsas.model.result.Curves`."""

    histogram: str
    x: Array
    observed: Array
    calculated: Array
    background: Array
    weights: Array
    reflections: list[ReflectionData]
    background_function: str = ""


@dataclass(frozen=True)
class SiteResult:
    """A refined site."""

    label: str
    xyz: list[float]
    occupancy: float
    uiso: float
    uaniso: list[float] | None = None


@dataclass(frozen=True)
class PhaseResult:
    """A refined phase: cell in Angstrom and degrees."""

    name: str
    cell: list[float]
    sites: list[SiteResult]


@dataclass(frozen=True)
class ResultData:
    """The state after the last step; ``correlation`` is (p, p) for the names in ``varied``.

    ``restraints`` is how many act on the refinement.
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

    ``data`` by histogram and ``structures`` by phase are files of the user's to try GSAS-II's own readers on.
    """

    folder: str
    data: dict[str, str] = field(default_factory=dict)
    structures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """Written; ``record`` is what each refinement was told, ``alike`` which files GSAS-II reads as the host does.

    ``histograms`` and ``phases`` are GSAS-II's names for them; at the start the variables in ``equivalent`` were made
    one (what steps make one instead is in the record), those in each of ``sums``, [total, variables], made to add up,
    and those in ``limited`` given a least value, and a greatest one or none.
    """

    record: list[dict[str, Any]]
    histograms: list[str]
    phases: list[str]
    equivalent: list[list[str]]
    limited: dict[str, list[float]]
    sums: list[list[Any]] = field(default_factory=list)
    alike: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Close:
    """Give the project up."""


@dataclass(frozen=True)
class Closed:
    """Given up."""


@dataclass(frozen=True)
class Failed:
    """What was asked could not be done: a stable cause, what happened, and where."""

    cause: str
    message: str
    traceback: str = ""

"""A project: what its file may say (`ProjectFile`), and the plain data it becomes (`Project`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from autogsas.model.instrument import Geometry, Instrument, Radiation
from autogsas.model.pattern import Pattern
from autogsas.model.recipe import BACKGROUNDS, AxisEntry, BackgroundFunction, Group, Limits, Recipe
from autogsas.model.sample import BackgroundPeak, BroadeningModel
from autogsas.model.structure import Intensities, Phase

__all__ = [
    "AxialSum",
    "BackgroundPeakEntry",
    "BackgroundSearch",
    "BroadeningEntry",
    "CellValues",
    "DataEntry",
    "FirstSearch",
    "GroupSearch",
    "Histogram",
    "OccupancySumEntry",
    "OrientationEntry",
    "PerturbSearch",
    "PhaseEntry",
    "Project",
    "ProjectFile",
    "Scout",
    "Search",
    "seconds",
]

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|h)?\s*$")


def seconds(value: Any) -> Any:
    """Return a duration in seconds from a number or a text such as "90s", "10m", "1.5h"; other values unchanged.

    Raises ValueError for a text of another form.
    """
    if not isinstance(value, str):
        return value
    match = _DURATION.match(value)
    if match is None:
        raise ValueError("must be a duration: a number of seconds or a text such as '90s', '10m' or '1.5h'")
    return float(match[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}[match[2]]


def _terms(value: tuple[int, int]) -> tuple[int, int]:
    if value[0] > value[1]:
        raise ValueError("the smallest number of terms must not exceed the largest")
    return value


def _wavelengths(value: Any) -> Any:
    return (value,) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _check_excluded(value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    return tuple(sorted(value))


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
Terms = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(le=100)]], AfterValidator(_terms)]


CellValues = tuple[float, float, float, float, float, float]
"""a, b, c in Angstrom and alpha, beta, gamma in degrees."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AxialSum = Literal["GSAS-II", "converged"]


class BackgroundPeakEntry(_Frozen):
    """A fixed hump of the background, such as a sample holder's."""

    position: Annotated[float, Field(gt=0, lt=180, description="degrees 2theta")]
    intensity: Annotated[float, Field(ge=0, description="area, in counts times centidegrees")]
    sig: Annotated[float, Field(gt=0, description="Gaussian variance, centidegree^2")]
    gam: Annotated[float, Field(ge=0, description="Lorentzian full width, centidegree")] = 0.1


class DataEntry(_Frozen):
    """One measured pattern, with its instrument. What is said here wins over the instrument file."""

    file: Annotated[str, Field(description="the measured pattern")]
    name: Annotated[str | None, Field(description="a short name; default: the file's name without its ending")] = None
    instrument: Annotated[str | None, Field(description="a GSAS .prm/.inst or GSAS-II .instprm file")] = None
    bank: Annotated[int | None, Field(ge=1, description="which bank of the files, counted from 1")] = None
    radiation: Annotated[Radiation | None, Field(description="xray or neutron")] = None
    geometry: Annotated[Geometry | None, Field(description="which sample corrections apply")] = None
    wavelength: Annotated[
        Annotated[tuple[Positive, ...], Field(min_length=1, max_length=2), BeforeValidator(_wavelengths)] | None,
        Field(description="Angstrom; one, or [K-alpha1, K-alpha2]"),
    ] = None
    ratio: Annotated[float | None, Field(ge=0, le=1, description="I(K-alpha2)/I(K-alpha1)")] = None
    polarization: Annotated[float | None, Field(ge=0, le=1, description="GSAS-II's Polariz.")] = None
    radius: Annotated[Positive | None, Field(description="goniometer radius in mm")] = None
    limits: Annotated[Limits | None, Field(description="2theta range in degrees; default: all data")] = None
    exclude: Annotated[
        tuple[Limits, ...], AfterValidator(_check_excluded), Field(description="2theta regions left out")
    ] = ()
    absorption: Annotated[float, Field(ge=0, le=30, description="muR of a Debye-Scherrer sample")] = 0.0
    background_peaks: Annotated[
        tuple[BackgroundPeakEntry, ...], Field(description="fixed humps, added to the background function")
    ] = ()
    axial_sum: Annotated[
        AxialSum,
        Field(description="built-in engine: axial divergence summed as GSAS-II does, or to convergence"),
    ] = "GSAS-II"


class BroadeningEntry(_Frozen):
    """Size (micrometre) or strain (1e-6) of a phase's crystallites: where a refinement starts."""

    model: Annotated[BroadeningModel, Field(description="isotropic or uniaxial")] = "isotropic"
    value: Annotated[Positive | None, Field(description="isotropic, or equatorial; default: 1 and 1000")] = None
    axial: Annotated[Positive | None, Field(description="along the axis; default: as value")] = None
    axis: AxisEntry = (0, 0, 1)
    mix: Annotated[float, Field(ge=0, le=1, description="Lorentzian share")] = 1.0

    @model_validator(mode="after")
    def _axial_is_uniaxial(self) -> Self:
        if self.axial is not None and self.model != "uniaxial":
            raise ValueError("an axial value needs model: uniaxial")
        return self


class OrientationEntry(_Frozen):
    """Preferred orientation (March-Dollase)."""

    axis: AxisEntry = (0, 0, 1)
    ratio: Annotated[float, Field(ge=0.1, le=10, description="1: none; below 1: plates lie flat")] = 1.0


class OccupancySumEntry(_Frozen):
    """Occupancies that add up to a total."""

    sites: Annotated[tuple[str, ...], Field(min_length=2, description="labels of the sites")]
    total: Annotated[Positive, Field(description="what their occupancies add up to")] = 1.0


class PhaseEntry(_Frozen):
    """One phase."""

    file: Annotated[str, Field(description="a CIF")]
    name: Annotated[str | None, Field(description="a short name; default: the CIF's own")] = None
    block: Annotated[str | None, Field(description="the data block of the CIF; default: the first with atoms")] = None
    intensities: Annotated[
        Intensities, Field(description="from the structure, or from the pattern alone (Le Bail)")
    ] = "structure"
    size: BroadeningEntry = BroadeningEntry()
    strain: BroadeningEntry = BroadeningEntry()
    preferred_orientation: OrientationEntry = OrientationEntry()
    occupancy_sums: Annotated[tuple[OccupancySumEntry, ...], Field(description="kept while refining")] = ()


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the smaller share comes first")
    return value


_StartShare = Annotated[float, Field(ge=0, le=0.9)]
_WidthShare = Annotated[float, Field(ge=0.1, le=1)]
Starts = Annotated[tuple[_StartShare, _StartShare], AfterValidator(_rising)]
Widths = Annotated[tuple[_WidthShare, _WidthShare], AfterValidator(_rising)]
Scout = Literal["auto", "off"] | Annotated[int, Field(ge=1)]


class BackgroundSearch(_Frozen):
    """Which backgrounds the search may choose."""

    functions: Annotated[tuple[BackgroundFunction, ...], Field(min_length=1)] = BACKGROUNDS
    terms: Annotated[Terms, Field(description="smallest and largest number of terms")] = (3, 24)


class GroupSearch(_Frozen):
    """Which groups the search frees: ``always``, ``never``, and by choice all others that apply.

    Occupancies and absorption are offered only where ``offer`` asks for them: few patterns can pay for them.
    """

    always: tuple[Group, ...] = ()
    never: tuple[Group, ...] = ()
    offer: Annotated[tuple[Group, ...], Field(description="also by choice: occupancy, absorption")] = ()


class FirstSearch(_Frozen):
    """Which 2theta range the first steps may take, in shares of the whole."""

    start: Annotated[Starts, Field(description="where it begins, in shares of the full range")] = (0.0, 0.4)
    width: Annotated[Widths, Field(description="how much of what is left it takes")] = (0.4, 1.0)


class PerturbSearch(_Frozen):
    """How far starting structures are moved about, so that other solutions are met; 0: not at all."""

    positions: Annotated[float, Field(ge=0, le=1, description="Angstrom, root mean square")] = 0.0
    cell: Annotated[float, Field(ge=0, le=0.05, description="largest change, as a fraction")] = 0.0


class Search(_Frozen):
    """How to search."""

    trials: Annotated[int, Field(ge=1)] = 40
    timeout: Annotated[Seconds | None, Field(description="for the whole run; seconds, or '10m'")] = None
    trial_timeout: Annotated[Seconds, Field(description="for one trial")] = 300.0
    jobs: Annotated[int, Field(ge=1, le=256, description="trials at a time")] = 1
    seed: Annotated[int, Field(ge=0)] = 0
    sampler: Annotated[str | None, Field(description="what proposes trials; default: the strategy's own")] = None
    space: Annotated[str, Field(description="the strategy: what is searched")] = "default"
    scout: Annotated[Scout, Field(description="trials of a faster engine before a slower one")] = "auto"
    prune: Annotated[bool, Field(description="give up trials that are hopeless before their last step")] = True
    patience: Annotated[int | None, Field(ge=1, description="stop after so many trials without gain")] = None
    terminator: Annotated[bool, Field(description="stop where Optuna's terminator expects no more")] = False
    background: BackgroundSearch = BackgroundSearch()
    groups: GroupSearch = GroupSearch()
    first: FirstSearch = FirstSearch()
    cycles: Annotated[Terms, Field(description="fewest and most cycles of the early steps")] = (2, 8)
    perturb: PerturbSearch = PerturbSearch()


class ProjectFile(_Frozen):
    """The whole of project.yaml."""

    name: Annotated[str | None, Field(description="a title; default: the folder's name")] = None
    backend: Annotated[str, Field(description="auto, or the name of an engine")] = "auto"
    data: Annotated[tuple[DataEntry, ...], Field(min_length=1)]
    phases: Annotated[tuple[PhaseEntry, ...], Field(min_length=1)]
    search: Search = Search()
    recipes: Annotated[tuple[str, ...], Field(description="hand-made recipes, tried first")] = ()
    plugins: Annotated[tuple[str, ...], Field(description="Python files with hooks of this project's own")] = ()


@dataclass(frozen=True)
class Histogram:
    """One pattern of a project with everything that belongs to it.

    ``limits`` and ``excluded`` in degrees 2theta; ``files`` the user's own files it was read from. ``absorption`` is
    muR of a Debye-Scherrer sample. ``axial_sum`` says how the built-in engine sums axial divergence: "GSAS-II" with as
    many terms as GSAS-II takes (one to a few for most lines), "converged" the integral itself. ``geometry_declared``
    says whether anybody said which geometry it is; where not, a search may try the other one.
    """

    name: str
    pattern: Pattern
    instrument: Instrument
    limits: tuple[float, float]
    excluded: tuple[tuple[float, float], ...] = ()
    files: tuple[Path, ...] = ()
    absorption: float = 0.0
    background_peaks: tuple[BackgroundPeak, ...] = ()
    axial_sum: AxialSum = "GSAS-II"
    geometry_declared: bool = True


@dataclass(frozen=True)
class Project:
    """A project with all its files read: what hooks and backends work on.

    ``file`` is the project file (None where the project was put together in Python); ``files`` are all the user's
    files the project uses; ``recipes`` hand-made ones with the names of their files. In a trial, which works on
    copies, ``originals`` pairs each copy with the user's own file, to be named and never touched. ``beyond`` names what
    the user's project holds that this plain data cannot say, such as rigid bodies: only its own engine applies it.
    ``held_rwp`` is the Rwp, in per cent over the limits, of the refinement that the user's project held when it was
    read; None where it held none. ``found_cells`` are the cells, by the phase's name, that the patterns show and that
    certainly differ from the project's; None where nobody has looked for them.
    """

    name: str
    histograms: tuple[Histogram, ...]
    phases: tuple[Phase, ...]
    search: Search
    backend: str = "auto"
    file: Path | None = None
    phase_files: tuple[Path, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    plugins: tuple[Path, ...] = ()
    originals: tuple[tuple[Path, Path], ...] = ()
    beyond: tuple[str, ...] = ()
    held_rwp: float | None = None
    found_cells: Mapping[str, CellValues] | None = None

    def histogram(self, name: str) -> Histogram:
        """Return a histogram by name. Raises KeyError."""
        for histogram in self.histograms:
            if histogram.name == name:
                return histogram
        raise KeyError(name)

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the user that this project reads."""
        seen = dict.fromkeys(path for histogram in self.histograms for path in histogram.files)
        seen.update(dict.fromkeys(self.phase_files))
        return tuple(seen)

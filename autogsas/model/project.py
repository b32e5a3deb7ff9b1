"""A project: the contents of its file (`ProjectFile`), and the plain data made from it (`Project`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from autogsas.model.instrument import Geometry, Instrument, Radiation
from autogsas.model.pattern import Pattern
from autogsas.model.quantification import QuantificationSettings
from autogsas.model.recipe import BACKGROUNDS, AxisEntry, BackgroundFunction, Group, Limits, Recipe
from autogsas.model.sample import BackgroundPeak, BroadeningModel
from autogsas.model.structure import Intensities, Phase

__all__ = [
    "AxialSum",
    "BackgroundPeakEntry",
    "BackgroundSearch",
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
    "SizeEntry",
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
    """A fixed broad background peak, such as that of a sample holder."""

    position: Annotated[float, Field(gt=0, lt=180, description="degrees 2theta")]
    intensity: Annotated[float, Field(ge=0, description="area, in counts times centidegrees")]
    sig: Annotated[float, Field(gt=0, description="Gaussian variance, centidegree^2")]
    gam: Annotated[float, Field(ge=0, description="Lorentzian full width, centidegree")] = 0.1


class DataEntry(_Frozen):
    """One measured pattern with its instrument. Values given here take precedence over the instrument file."""

    file: Annotated[str, Field(description="the measured pattern")]
    name: Annotated[str | None, Field(description="a short name; default: the file's name without its ending")] = None
    instrument: Annotated[str | None, Field(description="a GSAS .prm/.inst or GSAS-II .instprm file")] = None
    bank: Annotated[int | None, Field(ge=1, description="bank of the files, counted from 1")] = None
    radiation: Annotated[Radiation | None, Field(description="xray or neutron")] = None
    geometry: Annotated[Geometry | None, Field(description="geometry, which decides the sample corrections")] = None
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
        tuple[BackgroundPeakEntry, ...], Field(description="fixed broad peaks, added to the background function")
    ] = ()
    axial_sum: Annotated[
        AxialSum,
        Field(description="built-in engine: axial divergence summed as in GSAS-II, or integrated to convergence"),
    ] = "GSAS-II"


class SizeEntry(_Frozen):
    """Starting values of the size (micrometre) of a phase's crystallites."""

    model: Annotated[Literal["isotropic", "uniaxial"], Field(description="isotropic or uniaxial")] = "isotropic"
    value: Annotated[Positive | None, Field(description="isotropic or equatorial value; default: 1")] = None
    axial: Annotated[Positive | None, Field(description="value along the axis; default: as value")] = None
    axis: AxisEntry = (0, 0, 1)
    mix: Annotated[float, Field(ge=0, le=1, description="Lorentzian fraction, 0 to 1")] = 1.0

    @model_validator(mode="after")
    def _axial_is_uniaxial(self) -> Self:
        if self.axial is not None and self.model != "uniaxial":
            raise ValueError("an axial value needs model: uniaxial")
        return self


class StrainEntry(_Frozen):
    """Starting values of the strain of a phase's crystallites."""

    model: Annotated[BroadeningModel, Field(description="isotropic, uniaxial or generalized (Stephens 1999)")] = (
        "isotropic"
    )
    value: Annotated[Positive | None, Field(description="isotropic or equatorial value; default: 1000")] = None
    axial: Annotated[Positive | None, Field(description="value along the axis; default: as value")] = None
    axis: AxisEntry = (0, 0, 1)
    coefficients: Annotated[
        tuple[float, ...], Field(description="generalized: S_hkl in GSAS-II's order and units; default: as value")
    ] = ()
    mix: Annotated[float, Field(ge=0, le=1, description="Lorentzian fraction, 0 to 1")] = 1.0

    @model_validator(mode="after")
    def _values_of_the_model(self) -> Self:
        if self.axial is not None and self.model != "uniaxial":
            raise ValueError("an axial value needs model: uniaxial")
        if self.coefficients and self.model != "generalized":
            raise ValueError("coefficients need model: generalized")
        return self


class OrientationEntry(_Frozen):
    """Preferred orientation (March-Dollase)."""

    axis: AxisEntry = (0, 0, 1)
    ratio: Annotated[float, Field(ge=0.1, le=10, description="1: none; below 1: plates parallel to the surface")] = 1.0


class OccupancySumEntry(_Frozen):
    """Occupancies that add up to a total."""

    sites: Annotated[tuple[str, ...], Field(min_length=2, description="labels of the sites")]
    total: Annotated[Positive, Field(description="sum of their occupancies")] = 1.0


class PhaseEntry(_Frozen):
    """One phase."""

    file: Annotated[str, Field(description="a CIF")]
    name: Annotated[str | None, Field(description="a short name; default: the CIF's own")] = None
    block: Annotated[str | None, Field(description="the data block of the CIF; default: the first with atoms")] = None
    intensities: Annotated[
        Intensities, Field(description="calculated from the structure, or each taken from the pattern (Le Bail)")
    ] = "structure"
    size: SizeEntry = SizeEntry()
    strain: StrainEntry = StrainEntry()
    preferred_orientation: OrientationEntry = OrientationEntry()
    occupancy_sums: Annotated[
        tuple[OccupancySumEntry, ...], Field(description="sums of occupancies kept while refining")
    ] = ()


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the smaller fraction must come first")
    return value


_StartShare = Annotated[float, Field(ge=0, le=0.9)]
_WidthShare = Annotated[float, Field(ge=0.1, le=1)]
Starts = Annotated[tuple[_StartShare, _StartShare], AfterValidator(_rising)]
Widths = Annotated[tuple[_WidthShare, _WidthShare], AfterValidator(_rising)]
Choosing = Literal["evidence", "rwp"]
Scout = Literal["auto", "off"] | Annotated[int, Field(ge=1)]


class BackgroundSearch(_Frozen):
    """Background functions and numbers of terms that the search chooses from."""

    functions: Annotated[tuple[BackgroundFunction, ...], Field(min_length=1)] = BACKGROUNDS
    terms: Annotated[Terms, Field(description="smallest and largest number of terms")] = (3, 24)


class GroupSearch(_Frozen):
    """Groups the search frees ``always`` or ``never``; for all others that apply it decides.

    Occupancies and absorption must be listed in ``offer``, because few patterns determine them.
    """

    always: tuple[Group, ...] = ()
    never: tuple[Group, ...] = ()
    offer: Annotated[
        tuple[Group, ...], Field(description="let the search decide on these too: occupancy, absorption")
    ] = ()


class FirstSearch(_Frozen):
    """2theta range of the first steps, as fractions of the full range."""

    start: Annotated[Starts, Field(description="smallest and largest start, as a fraction of the full range")] = (
        0.0,
        0.4,
    )
    width: Annotated[Widths, Field(description="smallest and largest width, as a fraction of the rest")] = (0.4, 1.0)


class PerturbSearch(_Frozen):
    """Random changes of the starting structure, to find other solutions; 0 for none."""

    positions: Annotated[float, Field(ge=0, le=1, description="Angstrom, root mean square")] = 0.0
    cell: Annotated[float, Field(ge=0, le=0.05, description="largest change, as a fraction")] = 0.0


class Search(_Frozen):
    """Options of the search."""

    trials: Annotated[int, Field(ge=1)] = 40
    timeout: Annotated[Seconds | None, Field(description="time for the whole run, in seconds or as '10m'")] = None
    trial_timeout: Annotated[Seconds, Field(description="time for one trial, in seconds or as '10m'")] = 300.0
    jobs: Annotated[int, Field(ge=1, le=256, description="trials at a time")] = 1
    seed: Annotated[int, Field(ge=0)] = 0
    sampler: Annotated[str | None, Field(description="how trials are proposed; default: the strategy's own")] = None
    space: Annotated[str, Field(description="the strategy: what is searched")] = "default"
    scout: Annotated[
        Scout, Field(description="trials with a faster engine before a slower one; auto, off or a number")
    ] = "auto"
    prune: Annotated[bool, Field(description="stop hopeless trials before their last step")] = True
    patience: Annotated[
        int | None,
        Field(
            ge=0,
            description="stop at noise, or after so many proposals without improvement; 0: never; default: the "
            "strategy's",
        ),
    ] = None
    choose: Annotated[
        Choosing | None,
        Field(description="the best of the trials that fit about as well: by evidence, or the lowest rwp"),
    ] = None
    terminator: Annotated[bool, Field(description="stop when Optuna's terminator expects no improvement")] = False
    background: BackgroundSearch = BackgroundSearch()
    groups: GroupSearch = GroupSearch()
    first: FirstSearch = FirstSearch()
    cycles: Annotated[Terms, Field(description="smallest and largest number of cycles of the early steps")] = (2, 8)
    perturb: PerturbSearch = PerturbSearch()


class ProjectFile(_Frozen):
    """The contents of project.yaml."""

    name: Annotated[str | None, Field(description="a title; default: the folder's name")] = None
    backend: Annotated[str, Field(description="auto, or the name of an engine")] = "auto"
    data: Annotated[tuple[DataEntry, ...], Field(min_length=1)]
    phases: Annotated[tuple[PhaseEntry, ...], Field(min_length=1)]
    quantification: QuantificationSettings = QuantificationSettings()
    search: Search = Search()
    recipes: Annotated[tuple[str, ...], Field(description="hand-made recipes, tried first")] = ()
    plugins: Annotated[tuple[str, ...], Field(description="Python files with hooks of this project")] = ()


@dataclass(frozen=True)
class Histogram:
    """One pattern of a project with its instrument and model options.

    ``limits`` and ``excluded`` in degrees 2theta; ``files`` are the user's files it was read from. ``absorption`` is
    muR of a Debye-Scherrer sample. ``axial_sum`` is how the built-in engine sums axial divergence: "GSAS-II" with as
    many terms as GSAS-II takes (one to a few for most peaks), "converged" the integral itself. ``geometry_declared``
    is False if neither the user nor a file gave the geometry; a search may then try the other one.
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
    """A project with all its files read; hooks and backends work on it.

    ``file`` is the project file (None for a project made in Python); ``files`` are all files of the user that the
    project uses; ``recipes`` are hand-made, with the names of their files. A trial works on copies: ``originals``
    pairs each copy with the user's own file, for messages only. ``beyond`` names features of the user's project that
    this plain data cannot express, such as rigid bodies: only its own engine applies them. ``held_rwp`` is the Rwp,
    in per cent over the limits, of the refinement stored in the user's project when it was read, or None.
    ``found_cells`` are cells, by phase name, that the patterns show and that clearly differ from the project's; None
    if they were not searched for.
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
    quantification: QuantificationSettings = field(default_factory=QuantificationSettings)

    def histogram(self, name: str) -> Histogram:
        """Return a histogram by name. Raises KeyError."""
        for histogram in self.histograms:
            if histogram.name == name:
                return histogram
        raise KeyError(name)

    @property
    def recipe_names(self) -> tuple[str, ...]:
        """The names of the user's own recipes, under which they are tried."""
        return tuple(recipe.name or f"recipe {i + 1}" for i, recipe in enumerate(self.recipes))

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the user that this project reads."""
        seen = dict.fromkeys(path for histogram in self.histograms for path in histogram.files)
        seen.update(dict.fromkeys(self.phase_files))
        return tuple(seen)

"""Recipes: the ordered steps of one refinement; a step sets, frees and fixes, then runs least squares.

Values are in GSAS-II's units (see `GROUPS`), so that a recipe means the same in every engine. Parameters that a step
frees stay free in later steps until one fixes them, as in GSAS-II.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from autogsas.model.instrument import Geometry
from autogsas.model.starts import AxisEntry, SizeModel, Start, StrainModel

__all__ = [
    "ALL_BACKGROUNDS",
    "BACKGROUNDS",
    "GROUPS",
    "AxisEntry",
    "Background",
    "BackgroundFunction",
    "Free",
    "Group",
    "GroupInfo",
    "Recipe",
    "Setting",
    "SizeModel",
    "Start",
    "Step",
    "StrainModel",
]

BackgroundFunction = Literal[
    "chebyschev-1",
    "cosine",
    "Q^2 power series",
    "Q^-2 power series",
    "lin interpolate",
    "inv interpolate",
    "log interpolate",
    "power series",
]
BACKGROUNDS: tuple[BackgroundFunction, ...] = (
    "chebyschev-1",
    "cosine",
    "Q^2 power series",
    "Q^-2 power series",
    "lin interpolate",
    "inv interpolate",
    "log interpolate",
)
"""Background functions that a search chooses from."""
ALL_BACKGROUNDS: tuple[BackgroundFunction, ...] = (*BACKGROUNDS, "power series")
"""Background functions that a recipe may name. A power series ("chebyschev" in GSAS-II) gives the same curves as
"chebyschev-1", but is numerically less stable."""

Group = Literal[
    "scale",
    "background",
    "cell",
    "zero",
    "displacement",
    "transparency",
    "U",
    "V",
    "W",
    "X",
    "Y",
    "Z",
    "SH/L",
    "size",
    "strain",
    "size_mix",
    "strain_mix",
    "positions",
    "uiso",
    "uiso_shared",
    "uaniso",
    "occupancy",
    "preferred_orientation",
    "absorption",
]


@dataclass(frozen=True)
class GroupInfo:
    """A group of parameters: the object it belongs to, its unit, and one sentence."""

    of: Literal["histogram", "phase", "phase and histogram", "site"]
    unit: str
    about: str


GROUPS: Mapping[Group, GroupInfo] = {
    "scale": GroupInfo("phase and histogram", "", "overall scale; with several phases one for each"),
    "background": GroupInfo("histogram", "", "all terms of the background function"),
    "cell": GroupInfo("phase", "Å, °", "lattice parameters within their symmetry"),
    "zero": GroupInfo("histogram", "°", "zero of 2θ"),
    "displacement": GroupInfo("histogram", "µm", "sample displacement; Debye-Scherrer: along and across the beam"),
    "transparency": GroupInfo("histogram", "cm", "1/µ_eff of a Bragg-Brentano sample"),
    "U": GroupInfo("histogram", "0.01° squared", "Gaussian variance, coefficient of tan²θ"),
    "V": GroupInfo("histogram", "0.01° squared", "Gaussian variance, coefficient of tanθ"),
    "W": GroupInfo("histogram", "0.01° squared", "Gaussian variance, constant"),
    "X": GroupInfo("histogram", "0.01°", "Lorentzian width, coefficient of 1/cosθ"),
    "Y": GroupInfo("histogram", "0.01°", "Lorentzian width, coefficient of tanθ"),
    "Z": GroupInfo("histogram", "0.01°", "Lorentzian width, constant"),
    "SH/L": GroupInfo("histogram", "", "axial divergence, S/L + H/L"),
    "size": GroupInfo("phase and histogram", "µm", "crystallite size; uniaxial: equatorial and axial"),
    "strain": GroupInfo(
        "phase and histogram", "1e-6", "microstrain; uniaxial: equatorial and axial; generalized: S_hkl"
    ),
    "size_mix": GroupInfo("phase and histogram", "", "Lorentzian share of the size broadening"),
    "strain_mix": GroupInfo("phase and histogram", "", "Lorentzian share of the strain broadening"),
    "positions": GroupInfo("site", "", "fractional coordinates within the site's symmetry"),
    "uiso": GroupInfo("site", "Å²", "isotropic displacement parameter"),
    "uiso_shared": GroupInfo("phase", "Å²", "one isotropic displacement parameter for all isotropic sites"),
    "uaniso": GroupInfo("site", "Å²", "anisotropic displacement parameters within the site's symmetry"),
    "occupancy": GroupInfo("site", "", "site occupancy"),
    "preferred_orientation": GroupInfo("phase and histogram", "", "March-Dollase ratio"),
    "absorption": GroupInfo("histogram", "", "µR of a Debye-Scherrer sample"),
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Background(_Frozen):
    """A background function with its number of terms, for one histogram or for all.

    With ``carry``, a new function, number of terms or range gets coefficients that reproduce the old curve. Without
    it, the coefficients themselves are kept, cut or filled with zeros, as GSAS-II's own scripting does (a new project
    has 1, 0, 0); they then give another curve. This holds until a background with ``carry`` is set.
    """

    function: BackgroundFunction
    terms: Annotated[int, Field(ge=1, le=100)]
    histogram: str | None = None
    carry: Annotated[bool, Field(description="reproduce the old curve; false: keep the old coefficients")] = True


class Free(_Frozen):
    """A group to free or fix; ``phase``, ``histogram`` and ``site`` restrict it (None: all of them)."""

    group: Group
    phase: str | None = None
    histogram: str | None = None
    site: str | None = None

    def __str__(self) -> str:
        narrowed = [text for text in (self.phase, self.histogram, self.site) if text]
        return f"{self.group} ({', '.join(narrowed)})" if narrowed else str(self.group)


class Setting(_Frozen):
    """A value for all parameters of a group, set before the least squares of the step, in the group's unit."""

    group: Group
    value: float
    phase: str | None = None
    histogram: str | None = None
    site: str | None = None


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if not limits[0] < limits[1]:
        raise ValueError("the lower limit must be below the upper one")
    return limits


Limits = Annotated[tuple[float, float], AfterValidator(_ordered)]


def _as_free(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [{"group": item} if isinstance(item, str) else item for item in value]
    return value


def _as_settings(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [{"group": group, "value": number} for group, number in value.items()]
    return value


def _as_starts(value: Any) -> Any:
    if isinstance(value, Mapping) and "phase" not in value:
        return [{"phase": phase, **(start if isinstance(start, Mapping) else {})} for phase, start in value.items()]
    return [value] if isinstance(value, Mapping) else value


def _as_backgrounds(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) else value


FreeList = Annotated[tuple[Free, ...], BeforeValidator(_as_free)]


class Step(_Frozen):
    """One step: values to set, groups to free and fix, then one least-squares run.

    ``limits`` in degrees 2theta for all histograms or by histogram name; None for the project's limits.
    ``cycles`` is the largest number of cycles; None refines to convergence. ``start`` and ``geometry`` (for all
    histograms or by name) replace the project's values from this step on; they are set before anything else. From a
    step with ``intensities`` "Le Bail" on, those of all phases are taken from the pattern, and nothing that they absorb
    is refined any more: scales, orientation, positions, displacement parameters, occupancies.

    Freeing "uaniso" of an isotropic site makes it anisotropic, with the tensor of its U_iso; freeing "uiso_shared"
    sets all isotropic sites to their mean and refines them together, until "uiso" is freed.
    """

    title: str = ""
    limits: Limits | dict[str, Limits] | None = None
    background: Annotated[tuple[Background, ...], BeforeValidator(_as_backgrounds)] = ()
    set: Annotated[tuple[Setting, ...], BeforeValidator(_as_settings)] = ()
    start: Annotated[tuple[Start, ...], BeforeValidator(_as_starts)] = ()
    geometry: Geometry | dict[str, Geometry] | None = None
    intensities: Literal["Le Bail"] | None = None
    free: FreeList = ()
    fix: FreeList = ()
    cycles: Annotated[int, Field(ge=1, le=1000)] | None = None

    def beginning_at(self, starts: Sequence[Start]) -> Step:
        """Return the step with phases starting from ``starts``; the step's own starting values take precedence."""
        merged = {start.phase: start for start in starts}
        for own in self.start:
            given = merged.get(own.phase, own)
            values = {
                "cell": own.cell or given.cell,
                "sites": {**given.sites, **own.sites},
                "axis": own.axis or given.axis,
                "size": own.size or given.size,
                "strain": own.strain or given.strain,
            }
            merged[own.phase] = own.model_copy(update=values)
        return self.model_copy(update={"start": tuple(merged.values())})

    def limits_for(self, histogram: str) -> tuple[float, float] | None:
        """Return this step's own limits for a histogram, or None if it uses the project's."""
        if isinstance(self.limits, dict):
            return self.limits.get(histogram)
        return self.limits

    def geometry_for(self, histogram: str) -> Geometry | None:
        """Return the geometry this step sets for a histogram, or None if it does not change it."""
        if isinstance(self.geometry, dict):
            return self.geometry.get(histogram)
        return self.geometry


class Recipe(_Frozen):
    """One refinement, step by step. ``schema`` is the version of this format."""

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    name: str = ""
    about: str = ""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    def plain(self) -> dict[str, Any]:
        """Return the recipe as plain lists, dicts, numbers and strings, without default values."""
        data: dict[str, Any] = {"schema": 1}
        if self.name:
            data["name"] = self.name
        if self.about:
            data["about"] = self.about
        data["steps"] = [_plain_step(step) for step in self.steps]
        return data


def _plain_step(step: Step) -> dict[str, Any]:
    out: dict[str, Any] = step.model_dump(mode="json", exclude_defaults=True)
    for key in ("free", "fix"):
        if key in out:
            out[key] = [item["group"] if set(item) == {"group"} else item for item in out[key]]
    if "background" in out and len(out["background"]) == 1:
        out["background"] = out["background"][0]
    if "set" in out and all(set(item) == {"group", "value"} for item in out["set"]):
        out["set"] = {item["group"]: item["value"] for item in out["set"]}
    return out

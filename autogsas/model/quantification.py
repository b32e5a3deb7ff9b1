"""How much there is of each phase: what a project may say about it, and the result. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "ExternalStandard",
    "InternalStandard",
    "MeasuredAmounts",
    "Method",
    "Microabsorption",
    "PhaseAmount",
    "Quantification",
    "QuantificationSettings",
    "Regime",
    "Share",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_Positive = Annotated[float, Field(gt=0)]
_Esd = Annotated[float, Field(ge=0)]


class InternalStandard(_Frozen):
    """A phase that was weighed into the sample."""

    phase: Annotated[str, Field(description="the name of the phase that was added")]
    weight_fraction: Annotated[
        float, Field(gt=0, lt=1, description="mass of the standard / mass of standard and sample, 0 to 1")
    ]
    weight_fraction_esd: Annotated[_Esd, Field(description="its esd, from weighing")] = 0.0
    crystallinity: Annotated[
        float, Field(gt=0, le=1, description="crystalline share of the standard itself, as certified")
    ] = 1.0
    crystallinity_esd: Annotated[_Esd, Field(description="its esd")] = 0.0


class ExternalStandard(_Frozen):
    """The instrument factor G from a pattern of a pure standard, measured and refined in the same way."""

    g: Annotated[_Positive, Field(description="the instrument factor; `autogsas quantify STANDARD_RUN --g` prints it")]
    g_esd: Annotated[_Esd, Field(description="its esd")] = 0.0
    mass_attenuation: Annotated[_Positive, Field(description="mass attenuation coefficient of the sample, cm²/g")]
    histogram: Annotated[str | None, Field(description="the pattern that G belongs to; default: the only one")] = None


class QuantificationSettings(_Frozen):
    """What is known beyond the patterns about the amounts of the phases."""

    internal_standard: Annotated[
        InternalStandard | None, Field(description="a phase of known amount: gives absolute and amorphous shares")
    ] = None
    external_standard: Annotated[
        ExternalStandard | None, Field(description="the instrument factor G: gives absolute and amorphous shares")
    ] = None
    particle_radius: Annotated[
        dict[str, _Positive],
        Field(description="radius of the particles of each phase, micrometre: corrects microabsorption of X-rays"),
    ] = {}

    @model_validator(mode="after")
    def _one_standard(self) -> Self:
        if self.internal_standard is not None and self.external_standard is not None:
            raise ValueError("give an internal_standard or an external_standard, not both")
        return self


@dataclass(frozen=True)
class Share:
    """A mass fraction, 1 for everything; ``esd`` is None where nothing that it depends on was refined."""

    value: float
    esd: float | None = None


@dataclass(frozen=True)
class MeasuredAmounts:
    """What one refinement says about amounts in one histogram; n phases.

    ``shares`` are the engine's weight fractions, empty for a single phase. ``amounts`` are S M in Dalton, with the
    scale S per unit cell and the mass M of the cell; ``covariance`` (n, n) is that of their logarithms.
    """

    histogram: str
    phases: tuple[str, ...]
    shares: tuple[Share, ...]
    amounts: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]


class Method(StrEnum):
    """How the amounts were found: from the scales alone, or with a standard."""

    SCALES = "scales"
    INTERNAL = "internal standard"
    EXTERNAL = "external standard"


class Regime(StrEnum):
    """The classes of powders of Brindley, Phil. Mag. 36, 347 (1945), by mu D."""

    FINE = "fine"
    MEDIUM = "medium"
    COARSE = "coarse"
    VERY_COARSE = "very coarse"


@dataclass(frozen=True)
class Microabsorption:
    """Absorption in the particles of one phase.

    ``absorption`` is the linear coefficient mu in 1/cm, ``mu_d`` its product with the diameter of the particles;
    ``factor`` is Brindley's tau, by which the amount was divided; 1 if the correction was refused.
    """

    absorption: float
    mu_d: float
    regime: Regime
    factor: float


@dataclass(frozen=True)
class PhaseAmount:
    """The amount of one phase.

    ``crystalline`` is its share of the mass of all phases in the model: what is amorphous, or not in the model, is
    left out. With a standard, ``specimen`` is its share of everything in the beam, and ``original`` of the sample
    before an internal standard was added; the standard itself has no original share.
    """

    phase: str
    crystalline: Share
    specimen: Share | None = None
    original: Share | None = None
    microabsorption: Microabsorption | None = None


@dataclass(frozen=True)
class Quantification:
    """The amounts of all phases as one histogram gives them.

    ``amorphous`` is what the standard says is not in the model, as a share of the original sample, and
    ``amorphous_specimen`` of the specimen. ``standard`` is the phase that was added. ``corrected`` says whether the
    amounts were corrected for microabsorption.
    """

    histogram: str
    phases: tuple[PhaseAmount, ...]
    method: Method = Method.SCALES
    standard: str | None = None
    standard_share: Share | None = None
    standard_crystallinity: Share | None = None
    amorphous: Share | None = None
    amorphous_specimen: Share | None = None
    g: Share | None = None
    mass_attenuation: float | None = None
    corrected: bool = False

    def shown(self) -> list[tuple[str, Share]]:
        """Return what is shown first: the name and the share of each phase, then the amorphous rest if it is known."""
        if self.amorphous is None:
            return [(amount.phase, amount.crystalline) for amount in self.phases]
        known = [(amount.phase, amount.original) for amount in self.phases if amount.original is not None]
        return [*known, ("amorphous", self.amorphous)]

    @property
    def basis(self) -> str:
        """What the shares shown first are parts of, in words."""
        parts = {
            Method.SCALES: "of the crystalline phases in the model",
            Method.INTERNAL: f"of the sample without the standard {self.standard}",
            Method.EXTERNAL: "of the whole sample",
        }
        return parts[self.method] + (", corrected for microabsorption" if self.corrected else "")

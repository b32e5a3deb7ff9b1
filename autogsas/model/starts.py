"""Starting values and models of a phase that a step of a recipe may set."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from autogsas.model.sample import Axis, BroadeningModel, Specimen

__all__ = ["AxisEntry", "SizeModel", "Start", "StrainModel"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _some_axis(value: Axis) -> Axis:
    if value == (0, 0, 0):
        raise ValueError("the axis 0 0 0 has no direction")
    return value


AxisEntry = Annotated[Axis, AfterValidator(_some_axis), Field(description="h k l of the planes normal to the axis")]
Length = Annotated[float, Field(gt=0)]
Angle = Annotated[float, Field(gt=0, lt=180)]


class _BroadeningModel(_Frozen):
    """How broadening depends on the direction; ``axis`` is for the uniaxial model."""

    model: BroadeningModel
    axis: AxisEntry = (0, 0, 1)

    @model_validator(mode="after")
    def _axis_is_uniaxial(self) -> Self:
        if self.model != "uniaxial" and self.axis != (0, 0, 1):
            raise ValueError("an axis needs model: uniaxial")
        return self


class SizeModel(_BroadeningModel):
    """The model of the size: isotropic, or uniaxial along the axis."""

    model: Literal["isotropic", "uniaxial"]


class StrainModel(_BroadeningModel):
    """The model of the strain: isotropic, uniaxial along the axis, or generalized (Stephens' S_hkl)."""


class Start(_Frozen):
    """Starting values of a phase, in place of the project's.

    ``cell`` (a, b, c, alpha, beta, gamma) in Angstrom and degrees, with the phase's symmetry; ``sites`` fractional
    coordinates by label; ``axis`` of preferred orientation in all histograms; ``size`` and ``strain`` models of
    broadening in all histograms. A new model begins with the broadening of the old one, or with its mean over all
    directions where it cannot have the same; what was refined stays refined.
    """

    phase: str
    cell: tuple[Length, Length, Length, Angle, Angle, Angle] | None = None
    sites: dict[str, tuple[float, float, float]] = {}
    axis: AxisEntry | None = None
    size: SizeModel | None = None
    strain: StrainModel | None = None

    def specimen(self, before: Specimen) -> Specimen:
        """Return a specimen with the axis of orientation and the models of this start; values stay as they were."""
        size, strain = (
            present
            if wanted is None
            else replace(present, model=wanted.model, axial=None, axis=wanted.axis, coefficients=())
            for present, wanted in ((before.size, self.size), (before.strain, self.strain))
        )
        axis = self.axis or before.orientation.axis
        return Specimen(size, strain, replace(before.orientation, axis=axis))

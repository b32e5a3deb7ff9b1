"""The specimen: broadening, preferred orientation, background peaks. Plain data in GSAS-II's units."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

__all__ = ["Axis", "BackgroundPeak", "Broadening", "BroadeningModel", "OccupancySum", "Orientation", "Specimen"]

Axis = tuple[int, int, int]
"""Indices h k l of a set of planes; the direction is their normal."""

BroadeningModel = Literal["isotropic", "uniaxial", "generalized"]
"""How broadening depends on the direction; "generalized" is for strain only."""


@dataclass(frozen=True)
class Broadening:
    """Crystallite size in micrometre, or microstrain in 1e-6, along each reflection's plane normal.

    ``value`` is the isotropic or the equatorial one; ``axial`` the one along ``axis`` (uniaxial only; None: as
    ``value``). Generalised strain (Stephens, J. Appl. Cryst. 32, 281 (1999)) has ``coefficients`` S_hkl in GSAS-II's
    order and units; without them, those of the isotropic ``value``. ``mix`` is the Lorentzian share of the broadening:
    1 Lorentzian, 0 Gaussian.
    """

    value: float
    model: BroadeningModel = "isotropic"
    axial: float | None = None
    axis: Axis = (0, 0, 1)
    mix: float = 1.0
    coefficients: tuple[float, ...] = ()

    def __repr__(self) -> str:
        # Runs store a digest of this text: without coefficients it is that of runs before there were any.
        own = [(one.name, getattr(self, one.name)) for one in fields(self)]
        return f"Broadening({', '.join(f'{key}={value!r}' for key, value in own if value != ())})"


@dataclass(frozen=True)
class Orientation:
    """Preferred orientation after March and Dollase along ``axis``; a ``ratio`` of 1 means none."""

    axis: Axis = (0, 0, 1)
    ratio: float = 1.0


@dataclass(frozen=True)
class Specimen:
    """Broadening and orientation of the crystallites of one phase: starting values for every histogram.

    The defaults of size and strain are GSAS-II's, for which its instrument files are made.
    """

    size: Broadening = Broadening(1.0)
    strain: Broadening = Broadening(1000.0)
    orientation: Orientation = Orientation()


@dataclass(frozen=True)
class OccupancySum:
    """A constraint: the occupancies of ``sites`` (labels) add up to ``total``."""

    sites: tuple[str, ...]
    total: float = 1.0


@dataclass(frozen=True)
class BackgroundPeak:
    """A fixed broad background peak: ``position`` in degrees 2theta, ``intensity`` its area (counts, centidegree).

    ``sig`` is its Gaussian variance in centidegree^2, ``gam`` its Lorentzian full width in centidegree.
    """

    position: float
    intensity: float
    sig: float
    gam: float

"""The diffractometer and its peak widths: plain data in GSAS-II's terms and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Geometry", "Instrument", "Radiation"]

Radiation = Literal["xray", "neutron"]
Geometry = Literal["Bragg-Brentano", "Debye-Scherrer"]


@dataclass(frozen=True)
class Instrument:
    """A constant-wavelength diffractometer.

    ``wavelengths`` in Angstrom: one, or K-alpha1 and K-alpha2 with ``ratio`` = I(K-alpha2)/I(K-alpha1).
    ``U V W`` in centidegree^2, ``X Y Z`` in centidegree, ``SH_L`` = S/L + H/L, ``zero`` in degrees,
    ``polarization`` as GSAS-II's Polariz. (0.5 unpolarised, 1 fully polarised in the plane),
    ``radius`` of the goniometer in mm. ``geometry`` is None if neither a file nor the user gave it.
    """

    radiation: Radiation
    wavelengths: tuple[float, ...]
    ratio: float = 0.5
    polarization: float = 0.5
    zero: float = 0.0
    U: float = 2.0
    V: float = -2.0
    W: float = 5.0
    X: float = 0.0
    Y: float = 0.0
    Z: float = 0.0
    SH_L: float = 0.002
    geometry: Geometry | None = None
    radius: float = 200.0
    notes: tuple[str, ...] = ()

    @property
    def doublet(self) -> bool:
        """Whether there are two wavelengths."""
        return len(self.wavelengths) == 2

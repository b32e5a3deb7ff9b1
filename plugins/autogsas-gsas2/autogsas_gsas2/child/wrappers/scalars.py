"""Wrappers "distance", "intensity" and "search": small calculations for each reflection, without small arrays."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

from .guard import Guard, module


def distance(guard: Guard) -> None:
    """Calculate 1/d^2 as a sum of six numbers, in the order in which numpy adds them.

    1/d^2 = A0 h^2 + A1 k^2 + A2 l^2 + A3 hk + A4 hl + A5 kl.
    """
    lattice = module("GSASIIlattice")
    inner = lattice.calc_rDsq

    def fast(H: Any, A: Any) -> Any:
        h, k, l = H.tolist()  # noqa: E741  Miller indices
        a, b, c, d, e, f = A
        return np.float64(a * (h * h) + b * (k * k) + c * (l * l) + d * (h * k) + e * (h * l) + f * (k * l))

    def calc_rDsq(H: Any, A: Any) -> Any:
        # Only for integer indices, whose squares are exact in any order of calculation.
        if type(H) is not np.ndarray or H.dtype != np.float64 or type(A) is not list or not (np.rint(H) == H).all():
            return inner(H, A)
        case = "cubic" if not (A[3] or A[4] or A[5]) else "any"
        if guard.proven(case):
            return fast(H, A)
        return guard.sample(case, lambda: inner(H, A), lambda: fast(H, A))

    lattice.calc_rDsq = calc_rDsq


def intensity(guard: Guard) -> None:
    """Skip extinction and roughness if their coefficients are zero; cache the azimuth's part of the polarization."""
    math, powder = module("GSASIIstrMath"), module("GSASIIpwd")
    polarization, roughness, extinction = powder.Polarization, powder.SurfaceRough, math.GetPwdrExt
    azimuths: dict[float, tuple[Any, Any]] = {}

    def polarized(Pola: Any, Tth: Any, Azm: float) -> Any:
        if Azm not in azimuths:
            azimuths[Azm] = (powder.npcosd(Azm) ** 2, powder.npsind(Azm) ** 2)
        cosine, sine = azimuths[Azm]
        correction = (
            ((1.0 - Pola) * cosine + Pola * sine) * powder.npcosd(Tth) ** 2 + (1.0 - Pola) * sine + Pola * cosine
        )
        return correction, -(powder.npsind(Tth) ** 2) * (sine - cosine)

    def Polarization(Pola: Any, Tth: Any, Azm: Any = 0.0) -> Any:
        if type(Azm) is not float or not isinstance(Tth, float):
            return polarization(Pola, Tth, Azm)
        if guard.proven("polarization"):
            return polarized(Pola, Tth, Azm)
        return guard.sample("polarization", lambda: polarization(Pola, Tth, Azm), lambda: polarized(Pola, Tth, Azm))

    def SurfaceRough(SRA: Any, SRB: Any, Tth: Any) -> Any:
        if SRA != 0.0 or SRB != 0.0 or not isinstance(Tth, float) or not 0.0 < Tth < 180.0:
            return roughness(SRA, SRB, Tth)
        if guard.proven("roughness"):
            return np.float64(1.0)
        return guard.sample("roughness", lambda: roughness(SRA, SRB, Tth), lambda: np.float64(1.0))

    def without_extinction(angle: Any) -> Any:
        sine = math.sind(angle / 2.0) ** 2
        return sine + (1.0 - sine)

    def GetPwdrExt(refl: Any, im: Any, pfx: Any, phfx: Any, hfx: Any, calcControls: Any, parmDict: Any) -> Any:
        def plain() -> Any:
            return extinction(refl, im, pfx, phfx, hfx, calcControls, parmDict)

        time_of_flight = "T" in calcControls[hfx + "histType"]
        if time_of_flight or parmDict[phfx + "Extinction"] != 0.0 or not np.isfinite(refl[9 + im]):
            return plain()
        if guard.proven("extinction"):
            return without_extinction(refl[5 + im])
        return guard.sample("extinction", plain, lambda: without_extinction(refl[5 + im]))

    powder.Polarization, powder.SurfaceRough, math.GetPwdrExt = Polarization, SurfaceRough, GetPwdrExt


def search(guard: Guard) -> None:
    """Let GSASIIstrMath search a plain array with the array's own method.

    numpy.searchsorted calls the same method, but its checks cost more than the search. GSASIIstrMath gets a copy of
    numpy's namespace in which this function is replaced; numpy itself is not changed.
    """
    math = module("GSASIIstrMath")
    inner = math.np.searchsorted

    def searchsorted(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
        if type(a) is not np.ndarray or side != "left" or sorter is not None:
            return inner(a, v, side=side, sorter=sorter)
        if guard.proven("left"):
            return a.searchsorted(v)
        return guard.sample("left", lambda: inner(a, v), lambda: a.searchsorted(v))

    names = types.ModuleType(math.np.__name__)
    names.__dict__.update(vars(math.np))
    names.__dict__["searchsorted"] = searchsorted
    math.np = names

"""Microabsorption: strongly absorbing phases shadow themselves (Brindley, Phil. Mag. 36, 347 (1945))."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autogsas.model.quantification import Regime

__all__ = ["absorption_factor", "particle_factors", "regime_of"]

Array = npt.NDArray[np.float64]

# The upper limits of the classes in mu D, with the diameter D of the particles (Brindley 1945; Madsen, Scarlett,
# Kleeberg & Knorr, Int. Tables H (2019), 3.9). Brindley's factors hold for fine and medium powders.
_LIMITS = ((0.01, Regime.FINE), (0.1, Regime.MEDIUM), (1.0, Regime.COARSE))
_SMALL = 0.05  # below, the closed form loses digits and the series has converged to 1e-9
_MOST_ROUNDS = 200
_PER_MICROMETRE = 1e-4  # 1/cm in 1/micrometre


def regime_of(mu_d: float) -> Regime:
    """Return Brindley's class of a powder from the absorption mu D through the diameter of a particle."""
    return next((regime for limit, regime in _LIMITS if mu_d < limit), Regime.VERY_COARSE)


def absorption_factor(x: float) -> float:
    """Return Brindley's tau for x = (mu - mean mu) R of spheres of radius R; below 1 for absorbing phases.

    tau = 1/V int exp(-(mu - mean mu) p) dV with the path p along parallel chords: 3/(4 x^3) (1 - (1 + 2x + 2x^2)
    exp(-2x)) = 1 - 3x/2 + 6x^2/5 - ..., the absorption of a sphere at 2theta = 0.
    """
    if abs(x) < _SMALL:
        return sum(3.0 * (-2.0 * x) ** n / (math.factorial(n) * (n + 3)) for n in range(9))
    return 3.0 / (4.0 * x**3) * (1.0 - (1.0 + 2.0 * x + 2.0 * x * x) * math.exp(-2.0 * x))


def particle_factors(
    amounts: Sequence[float], densities: Sequence[float], absorption: Sequence[float], radii: Sequence[float]
) -> Array:
    """Return tau of each phase (n,); ``amounts`` before correction, ``absorption`` in 1/cm, ``radii`` in micrometre.

    The mean absorption of the solid is weighted by volumes, which follow from the corrected amounts and ``densities``
    in g/cm^3; so both are repeated until they agree.
    """
    given, mu = np.array(amounts, dtype=float), np.array(absorption, dtype=float)
    volumes, reach = given / np.array(densities, dtype=float), np.array(radii, dtype=float) * _PER_MICROMETRE
    factors = np.ones_like(given)
    for _ in range(_MOST_ROUNDS):
        solid = volumes / factors
        mean = float(solid @ mu / solid.sum())
        latest = np.array([absorption_factor(float(x)) for x in (mu - mean) * reach])
        if np.allclose(latest, factors, rtol=1e-12, atol=0.0):
            break
        factors = latest
    return factors

"""Absorption of a cylindrical sample that is fully in the beam."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["transmission"]

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

_STEP = 1e-30  # of the complex-step derivative, which has no cancellation (Squire & Trapp, SIAM Rev. 40, 110 (1998))


def transmission(mu_r: float, two_theta: Array) -> tuple[Array, Array, Array]:
    """Return the share of intensity that a cylinder transmits at ``two_theta`` (n,) in degrees, and its derivatives.

    ``mu_r`` >= 0 is the absorption coefficient times the radius; derivatives are by mu_r and by 2theta in degrees, all
    (n,). Lobanov & Alte da Veiga, 6th European Powder Diffraction Conference (1998), abstract P12-16, with the
    coefficients of GSAS-II: one fit up to mu_r = 3, another above.
    """
    half = np.radians(two_theta) / 2.0
    square = np.maximum(np.sin(half) ** 2, 1e-12)
    fit = _below if mu_r <= 3.0 else _above
    zero = np.zeros_like(square)
    value = fit(mu_r + 0j * zero, square + 0j).real
    by_mu = fit(mu_r + 1j * (zero + _STEP), square + 0j).imag / _STEP
    by_square = fit(mu_r + 0j * zero, square + 1j * _STEP).imag / _STEP
    return value, by_mu, by_square * np.sin(half) * np.cos(half) * np.pi / 180.0


def _below(m: Complex, s: Complex) -> Complex:
    t1 = (25.99978 - 0.01911 * s**0.25) * np.exp(-0.024551 * s) + 0.109561 * np.sqrt(s) - 26.04556
    t2 = -0.02489 - 0.39499 * s + 1.219077 * s**1.5 - 1.31268 * s**2 + 0.871081 * s**2.5 - 0.2327 * s**3
    t3 = 0.003045 + 0.018167 * s - 0.03305 * s**2
    return np.asarray(np.exp(-16.0 / (3.0 * np.pi) * m - t1 * m**2 - t2 * m**3 - t3 * m**4))


def _above(m: Complex, s: Complex) -> Complex:
    t1 = 1.433902 + 11.07504 * s - 8.77629 * s**2 + 10.02088 * s**3 - 3.36778 * s**4
    t2 = (0.013869 - 0.01249 * s) * np.exp(3.27094 * s) + (0.337894 + 13.77317 * s) / (1.0 + 11.53544 * s) ** 1.555039
    t3 = 1.933433 / (1.0 + 23.12967 * s) ** 1.686715 - 0.13576 * np.sqrt(s) + 1.163198
    t4 = 0.044365 - 0.04259 / (1.0 + 0.41051 * s) ** 148.4202
    return np.asarray(((t1 - t4) / (1.0 + t2 * (m - 3.0)) ** t3 + t4) / 100.0)

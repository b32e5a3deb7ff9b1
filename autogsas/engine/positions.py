"""2theta of reflections with the corrections of zero and sample, and its derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.model.instrument import Instrument

__all__ = ["Positions", "positions"]

Array = npt.NDArray[np.float64]

_DEGREE = np.pi / 180.0
_LAST_SINE = 0.99999  # sin(theta) from which a reflection counts as out of reach; 2theta is then 179.5 degrees


@dataclass(frozen=True)
class Positions:
    """k reflections: ``q`` = 1/d^2 in 1/Angstrom^2 and ``two_theta`` in degrees with all corrections.

    ``seen`` (k,) is False where the wavelength does not reach the reflection. ``by_bragg`` is the slope of the
    corrections by the uncorrected 2theta, ``by_shift1`` and ``by_shift2`` those of 2theta by displacement and
    transparency, or by the displacements along and across the beam.
    """

    wavelength: float
    q: Array
    sine: Array
    seen: npt.NDArray[np.bool_]
    two_theta: Array
    by_bragg: Array
    by_shift1: Array
    by_shift2: Array

    def along(self, q_by: Array, instrument: Mapping[str, Array]) -> Array:
        """Return the derivatives (k, v) of 2theta by v variables.

        ``q_by`` (k, v) is dq/dv, ``instrument`` d(parameter)/dv, each (v,). From Bragg's law
        d(2theta)/dq = lambda/(2 sqrt(q) cos(theta)), here in degrees.
        """
        bragg_by_q = self.wavelength / (2.0 * np.sqrt(self.q) * np.sqrt(1.0 - self.sine**2)) / _DEGREE
        return np.asarray(
            ((1.0 + self.by_bragg) * bragg_by_q)[:, None] * q_by
            + instrument["zero"]
            + np.outer(self.by_shift1, instrument["shift1"])
            + np.outer(self.by_shift2, instrument["shift2"])
        )


def positions(instrument: Instrument, values: Mapping[str, float], form: Array, metric: Array) -> Positions:
    """Return the positions: 2theta = 2 asin(lambda sqrt(q)/2) + shift + zero, with q = h.G*.h.

    ``form`` (k, 6) has the products of indices of `quadratic_form`, so that q = form @ metric; ``values`` are "zero",
    "shift1", "shift2". Raises ValueError where a q is not positive.
    """
    wavelength = instrument.wavelengths[0]
    q = form @ metric
    if np.any(q <= 0):
        raise ValueError("the cell has no volume")
    sine = wavelength * np.sqrt(q) / 2.0
    seen = sine < _LAST_SINE
    sine = np.minimum(sine, _LAST_SINE)
    bragg = 2.0 * np.arcsin(sine) / _DEGREE
    shift, by_bragg, by_shift1, by_shift2 = _corrections(instrument, values["shift1"], values["shift2"], bragg)
    two_theta = bragg + shift + values["zero"]
    return Positions(wavelength, q, sine, seen, two_theta, by_bragg, by_shift1, by_shift2)


def _corrections(
    instrument: Instrument, first: float, second: float, bragg: Array
) -> tuple[Array, Array, Array, Array]:
    """Return the shift of each reflection in degrees, and its derivatives by 2theta and by the two corrections.

    Bragg-Brentano, displacement s (micrometre) and transparency T at goniometer radius R (mm):
    -(0.36 s cos(theta) + 9 T sin(2theta))/(pi R), after Wilson, Mathematical Theory of X-ray Powder Diffractometry
    (1963), with GSAS-II's coefficients. Debye-Scherrer, displacement along (X) and across (Y) the beam:
    -0.18 (X cos(2theta) + Y sin(2theta))/(pi R).
    """
    factor = 0.09 / (np.pi * instrument.radius)
    angle = bragg * _DEGREE
    if instrument.geometry == "Bragg-Brentano":
        by_first = -4.0 * factor * np.cos(angle / 2.0)
        by_second = -100.0 * factor * np.sin(angle)
        by_bragg = 2.0 * factor * first * np.sin(angle / 2.0) - 100.0 * factor * second * np.cos(angle)
    else:
        by_first = -2.0 * factor * np.cos(angle)
        by_second = -2.0 * factor * np.sin(angle)
        by_bragg = 2.0 * factor * (first * np.sin(angle) - second * np.cos(angle))
    return by_first * first + by_second * second, by_bragg * _DEGREE, by_first, by_second

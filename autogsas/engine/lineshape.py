"""One line: the Thompson-Cox-Hastings pseudo-Voigt, and the sum of its copies that axial divergence makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.engine import axial

__all__ = ["SIGMA_TO_FWHM", "Copies", "Mix", "pseudo_voigt_mix", "sum_copies"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SIGMA_TO_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
_FOUR_LN2 = 4.0 * np.log(2.0)
_GAUSS = np.sqrt(_FOUR_LN2 / np.pi)
_TCH = (1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0)


@dataclass(frozen=True)
class Mix:
    """Width and mixing of pseudo-Voigts from their Gaussian and Lorentzian parts; all arrays of one shape.

    ``fwhm`` and ``eta``, and their derivatives by the Gaussian variance and the Lorentzian width.
    """

    fwhm: Array
    eta: Array
    fwhm_by_variance: Array
    fwhm_by_gamma: Array
    eta_by_variance: Array
    eta_by_gamma: Array


def pseudo_voigt_mix(variance: Array, gamma: Array) -> Mix:
    """Return width and mixing after Thompson, Cox & Hastings, J. Appl. Cryst. 20, 79 (1987), eqs 9 and 10.

    ``variance`` is the Gaussian variance, ``gamma`` the Lorentzian full width, in x^2 and x; ``variance`` > 0.
    """
    gauss = SIGMA_TO_FWHM * np.sqrt(variance)
    total = np.zeros_like(gauss)
    by_gauss = np.zeros_like(gauss)
    by_gamma = np.zeros_like(gauss)
    for power, coefficient in enumerate(_TCH):
        total += coefficient * gauss ** (5 - power) * gamma**power
        if power < 5:
            by_gauss += coefficient * (5 - power) * gauss ** (4 - power) * gamma**power
        if power > 0:
            by_gamma += coefficient * power * gauss ** (5 - power) * gamma ** (power - 1)
    fwhm = total**0.2
    slope = 0.2 * fwhm / total
    fwhm_by_gauss, fwhm_by_gamma = slope * by_gauss, slope * by_gamma
    q = gamma / fwhm
    eta = q * (1.36603 + q * (-0.47719 + 0.11116 * q))
    eta_by_q = 1.36603 + q * (-0.95438 + 0.33348 * q)
    gauss_by_variance = 0.5 * gauss / variance
    return Mix(
        fwhm,
        eta,
        fwhm_by_gauss * gauss_by_variance,
        fwhm_by_gamma,
        -eta_by_q * q / fwhm * fwhm_by_gauss * gauss_by_variance,
        eta_by_q * (1.0 - q * fwhm_by_gamma) / fwhm,
    )


@dataclass(frozen=True)
class Copies:
    """The copies of l lines, one row a copy (c, l), so that each row is gathered from contiguous numbers.

    ``shift`` in widths, ``weight``; ``tilt`` and ``stretch`` are the derivatives of weight and place by 2theta,
    ``lean`` and ``spread`` those by SH/L.
    """

    shift: Array
    weight: Array
    tilt: Array
    stretch: Array
    lean: Array
    spread: Array

    @classmethod
    def of(cls, nodes: axial.Nodes, fwhm: Array) -> Copies:
        rows = (nodes.shift / fwhm[:, None], nodes.weight, nodes.weight_by_position, 1.0 + nodes.shift_by_position,
                nodes.weight_by_shl, nodes.shift_by_shl)  # fmt: skip
        return cls(*(np.ascontiguousarray(row.T) for row in rows))


def sum_copies(
    distance: Array, line: Ints, fwhm: Array, eta: Array, copies: Copies, *, gaussian: bool, derivatives: bool
) -> dict[str, Array]:
    """Return the sum over a line's copies of weighted pseudo-Voigts, and its derivatives, at each pair.

    Without ``gaussian`` only the Lorentzian part.
    """
    inverse = np.take(1.0 / fwhm, line)
    scaled = distance * inverse
    mix = np.take(eta, line)
    rest = 1.0 - mix
    value, position, width, mixing, axial_part = (
        np.zeros(distance.size if i < 1 or derivatives else 0) for i in range(5)
    )
    for j in range(len(copies.shift)):
        z = scaled - np.take(copies.shift[j], line)
        z2 = z * z
        w = np.take(copies.weight[j], line)
        lorentz = (2.0 / np.pi) / (1.0 + 4.0 * z2)
        v = mix * lorentz
        if gaussian:
            gauss = _GAUSS * np.exp(-_FOUR_LN2 * z2)
            g = rest * gauss
        if derivatives:
            steep = v * lorentz
            steep *= 2.0 * np.pi
            if gaussian:
                steep += _FOUR_LN2 * g
                mixing += w * (lorentz - gauss)
            else:
                mixing += w * lorentz
        if gaussian:
            v += g
        value += w * v
        if not derivatives:
            continue
        steep *= z
        steep *= w
        steep *= -2.0
        width += steep * z
        steep *= inverse
        position += np.take(copies.tilt[j], line) * v
        position -= np.take(copies.stretch[j], line) * steep
        axial_part += np.take(copies.lean[j], line) * v
        axial_part -= np.take(copies.spread[j], line) * steep
    if not derivatives:
        return {"value": value * inverse}
    return {
        "value": value * inverse,
        "position": position * inverse,
        "fwhm": -(value + width) * inverse * inverse,
        "eta": mixing * inverse,
        "shl": axial_part * inverse,
    }

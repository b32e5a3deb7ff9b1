"""Conversion between an isotropic U and displacement tensors.

CIF's convention: the exponent is 2 pi^2 sum U_ij h_i h_j |a*_i| |a*_j| (Grosse-Kunstleve & Adams, J. Appl. Cryst. 35,
477 (2002)); U11 U22 U33 U12 U13 U23 in Angstrom^2. ``metric`` is the reciprocal metric A0..A5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import PAIRS, metric_tensor

__all__ = ["equivalent_isotropic", "isotropic_tensor"]

Array = npt.NDArray[np.float64]


def isotropic_tensor(uiso: float, metric: Array, u_basis: Array) -> Array:
    """Return the tensor (6,) of an isotropic U; ``u_basis`` (6, m) are the directions that the site leaves free.

    U_ij = U a*_i.a*_j/(|a*_i| |a*_j|), which makes the exponent 2 pi^2 U/d^2: off-diagonal terms of oblique cells are
    not zero (U12 = U/2 in a hexagonal one).
    """
    reciprocal = metric_tensor(metric)
    lengths = np.sqrt(np.diag(reciprocal))
    tensor = uiso * np.array([reciprocal[i, j] / (lengths[i] * lengths[j]) for i, j in PAIRS])
    return np.asarray(u_basis @ np.linalg.lstsq(u_basis, tensor, rcond=None)[0])


def equivalent_isotropic(tensor: Sequence[float] | Array, metric: Array) -> float:
    """Return U_eq, a third of the trace of a tensor (6,) on Cartesian axes.

    U_eq = 1/3 sum U_ij |a*_i| |a*_j| a_i.a_j (Fischer & Tillmanns, Acta Cryst. C44, 775 (1988), eq. 1).
    """
    reciprocal = metric_tensor(metric)
    direct, lengths = np.linalg.inv(reciprocal), np.sqrt(np.diag(reciprocal))
    terms = [(1.0 if i == j else 2.0) * lengths[i] * lengths[j] * direct[i, j] for i, j in PAIRS]
    return float(np.dot(terms, tensor)) / 3.0

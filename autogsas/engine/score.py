"""The score test: how much chi^2 would fall if a block of variables were refined too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from autogsas.engine.normal_equations import Linearised, inverse_of

__all__ = ["BlockGain", "block_gain"]

Array = npt.NDArray[np.float64]

# What is left of a direction when the refined parameters have taken their part of it; less is a copy of them.
_COPY = 1e-6


@dataclass(frozen=True)
class BlockGain:
    """The score statistic of a block of variables: ``gain`` of chi^2, ``freedoms``, ``shifts`` and ``variances`` (k,).

    ``variances`` are those of the shifts for residuals of unit variance; ``names`` and ``values`` (k,) those of the
    variables.
    """

    gain: float
    freedoms: int
    shifts: Array
    variances: Array
    names: tuple[str, ...] = ()
    values: Array = field(default_factory=lambda: np.zeros(0))


def block_gain(here: Linearised, refined: Sequence[int], block: Sequence[int]) -> BlockGain:
    """Return the expected decrease of chi^2 if the variables ``block`` were refined beside ``refined``.

    The score test of Rao (Proc. Camb. Phil. Soc. 44, 50 (1948)) for least squares: with weighted residuals r,
    Jacobian J of the refined variables and D of the block, and P the projector off J, the gain is
    r'PD (D'PD)^-1 D'Pr. The normal matrix and gradient of ``here``, of all variables, hold J'J, J'D, D'D, J'r and D'r,
    so that D'PD = D'D - D'J (J'J)^-1 J'D and D'Pr = D'r - D'J (J'J)^-1 J'r. At a minimum J'r is zero; before it, what
    the refined variables themselves would still gain is not counted. Toby (J. Appl. Cryst. 57, 175 (2024)) uses the
    derivatives of chi^2 to propose the next parameter in the same way.

    A block that is a combination of refined variables gains nothing with no freedoms.
    """
    normal, gradient = here.normal, here.gradient
    j, d = np.asarray(refined, dtype=np.int64), np.asarray(block, dtype=np.int64)
    own = normal[np.ix_(d, d)]
    mixed = normal[np.ix_(j, d)]
    inverse = inverse_of(normal[np.ix_(j, j)])
    left = own - mixed.T @ inverse @ mixed
    slope = gradient[d] - mixed.T @ (inverse @ gradient[j])
    scale = np.sqrt(np.maximum(np.diag(own), 1e-300))
    values, vectors = np.linalg.eigh(left / np.outer(scale, scale))
    kept = values > _COPY
    if not np.any(kept):
        return BlockGain(0.0, 0, np.zeros(d.size), np.full(d.size, np.inf))
    along = vectors[:, kept].T @ (slope / scale)
    shifts = vectors[:, kept] @ (along / values[kept]) / scale
    variances = np.sum(vectors[:, kept] ** 2 / values[kept], axis=1) / scale**2
    return BlockGain(float(np.sum(along**2 / values[kept])), int(np.count_nonzero(kept)), shifts, variances)

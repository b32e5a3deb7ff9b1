"""Angles between reflections and an axis of the crystal, and the March-Dollase factor of preferred orientation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import PAIRS, Symmetry, metric_tensor
from autogsas.model.sample import Axis

__all__ = ["MarchDollase", "squared_cosine"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def squared_cosine(hkl: Array | Ints, axis: Axis, metric: Array) -> tuple[Array, Array]:
    """Return cos^2 of the angle between the normals of ``hkl`` (..., 3) and of ``axis``, and its slopes by A0..A5.

    ``metric`` (6,) is the reciprocal metric; shapes (...) and (..., 6). The cosine is (h G* p)/(|h| |p|).
    """
    reciprocal = metric_tensor(metric)
    h, p = np.asarray(hkl, dtype=float), np.asarray(axis, dtype=float)
    mixed = h @ reciprocal @ p
    h2 = np.einsum("...i,ij,...j->...", h, reciprocal, h)
    p2 = float(p @ reciprocal @ p)
    square = mixed**2 / (h2 * p2)
    mixed_by = np.stack([0.5 * (h[..., i] * p[j] + h[..., j] * p[i]) for i, j in PAIRS], axis=-1)
    h2_by = np.stack([h[..., i] * h[..., j] for i, j in PAIRS], axis=-1)
    p2_by = np.array([p[i] * p[j] for i, j in PAIRS])
    slopes = (2.0 * mixed / (h2 * p2))[..., None] * mixed_by
    slopes -= square[..., None] * (h2_by / h2[..., None] + p2_by / p2)
    return np.asarray(square), np.asarray(slopes)


@dataclass(frozen=True)
class Orientation:
    """The factor on the intensity of k reflections, and its derivatives by the ratio (k,) and by A0..A5 (k, 6)."""

    factor: Array
    by_ratio: Array
    by_metric: Array


class MarchDollase:
    """The March-Dollase function for fixed reflections ``hkl`` (k, 3) and an axis.

    Dollase, J. Appl. Cryst. 19, 267 (1986), eq. 1: the mean over a reflection's equivalents of
    (r^2 cos^2 a + sin^2 a / r)^(-3/2), a being the angle to the axis; below 1 plates lie flat, above 1 needles.
    """

    def __init__(self, symmetry: Symmetry, hkl: Ints, axis: Axis) -> None:
        self._axis = axis
        self._equivalents = np.einsum("ki,nij->knj", hkl, symmetry.rotations)

    def evaluate(self, ratio: float, metric: Array) -> Orientation:
        """Return the factor at ``ratio`` > 0 and the reciprocal ``metric`` A0..A5."""
        cosine, by_metric = squared_cosine(self._equivalents, self._axis, metric)
        base = ratio**2 * cosine + (1.0 - cosine) / ratio
        power = base**-1.5
        slope = -1.5 * power / base
        by_ratio = slope * (2.0 * ratio * cosine - (1.0 - cosine) / ratio**2)
        by_cosine = slope * (ratio**2 - 1.0 / ratio)
        return Orientation(power.mean(axis=1), by_ratio.mean(axis=1), np.mean(by_cosine[..., None] * by_metric, axis=1))

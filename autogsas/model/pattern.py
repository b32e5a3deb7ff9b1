"""A measured powder pattern: plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Pattern", "counting_weights"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pattern:
    """One measured pattern.

    ``x`` is 2theta in degrees, strictly increasing; ``y`` the observed intensity; ``weights`` 1/sigma^2 with zero
    for points that do not count; all of shape (n,). ``weights_from`` is the source of the weights ("esds in the
    file" or "counting statistics"). ``notes`` describe what the reader corrected: zero counts, missing values,
    points out of order.
    """

    name: str
    x: Array
    y: Array
    weights: Array
    weights_from: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.x.shape == self.y.shape == self.weights.shape) or self.x.ndim != 1:
            raise ValueError("x, y and weights of a pattern must be one-dimensional and of the same length")

    def mask(self, limits: tuple[float, float], excluded: Sequence[tuple[float, float]] = ()) -> npt.NDArray[np.bool_]:
        """Return which points count: inside the limits (both ends included), outside all excluded regions; shape (n,).

        A point is inside within a thousandth of the step, so that 150.0 read from a file as 149.99999 is kept.
        """
        slack = 1e-3 * float(np.median(np.diff(self.x))) if self.x.size > 1 else 0.0
        inside = (self.x >= limits[0] - slack) & (self.x <= limits[1] + slack)
        for low, high in excluded:
            inside &= (self.x < low) | (self.x > high)
        return np.asarray(inside)


def counting_weights(y: Array) -> Array:
    """Return 1/sigma^2 for counts ``y`` (any shape) with sigma^2 = max(y, 1), and zero where y is not finite.

    A zero count has a small mean, not none; a weight of one is finite and is also GSAS-II's choice.
    """
    safe = np.where(np.isfinite(y), y, 1.0)
    return np.where(np.isfinite(y), 1.0 / np.maximum(safe, 1.0), 0.0)

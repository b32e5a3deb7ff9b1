"""The points of a pattern and a coarse grid over them for smooth curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

__all__ = ["Grid"]

Array = npt.NDArray[np.float64]

_FINENESS = 5.0  # coarse steps in the smallest radius; with it the tested error stays below 1e-4


@dataclass(frozen=True)
class Grid:
    """The measured points ``x`` (n,) and, where it saves time, a coarse grid with its interpolation to the points."""

    x: Array
    coarse: Array | None
    interpolation: csr_array | None

    @classmethod
    def of(cls, x: Array, radius: float) -> Grid:
        """Return the grid for peaks whose smallest near radius is ``radius`` (degrees), infinite without peaks."""
        spacing = float(np.median(np.diff(x))) if x.size > 1 else 1.0
        step = radius / _FINENESS
        if x.size < 64 or not np.isfinite(step) or step < 1.5 * spacing:
            return cls(x, None, None)
        count = int(np.ceil((x[-1] - x[0]) / step)) + 1
        coarse = x[0] - step + step * np.arange(count + 3)
        return cls(x, coarse, _cubic(coarse, x))


def _cubic(nodes: Array, x: Array) -> csr_array:
    """Return the matrix of cubic Lagrange interpolation from equally spaced ``nodes`` to ``x`` inside them."""
    step = nodes[1] - nodes[0]
    cell = np.clip(((x - nodes[0]) / step).astype(np.int64), 1, nodes.size - 3)
    t = (x - nodes[cell]) / step
    weights = np.stack(
        [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ],
        axis=1,
    )
    columns = cell[:, None] + np.arange(-1, 3)
    return csr_array((weights.ravel(), columns.ravel(), np.arange(0, 4 * x.size + 1, 4)), shape=(x.size, nodes.size))

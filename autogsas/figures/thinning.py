"""Fewer points that look the same on paper."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["outline", "spots"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


def outline(x: Array, y: Array, width: float = 1.0) -> Index:
    """Return the indices of the points of a line to draw: the first, lowest, highest and last of each column.

    ``x`` (ascending) and ``y`` of shape (n,) are coordinates on paper, ``width`` is the width of a column in the same
    unit; a line through the chosen points looks like a line through all points. NaN ends a line: the first NaN of
    each gap is chosen too.
    """
    if not x.size:
        return np.array([], dtype=np.int64)
    good = np.isfinite(y)
    column = np.floor((x - x[0]) / width).astype(np.int64)
    segment = np.cumsum(np.concatenate(([True], (np.diff(column) != 0) | (np.diff(good.astype(np.int8)) != 0)))) - 1
    starts = np.concatenate(([0], np.flatnonzero(np.diff(segment)) + 1))
    stops = np.concatenate((starts[1:], [x.size])) - 1
    lifted = np.where(good, y, 0.0)
    order = np.lexsort((lifted, segment))
    chosen = np.concatenate((starts, stops, order[starts], order[stops]))
    gaps = np.flatnonzero(~good & np.concatenate(([True], good[:-1])))
    return np.unique(np.concatenate((chosen[good[chosen]], gaps))).astype(np.int64)


def spots(x: Array, y: Array, size: float = 1.0, most: int = 6000) -> Index:
    """Return the indices of the points of a scatter plot to draw: one in each square of side ``size``.

    ``x`` and ``y`` of shape (n,) are coordinates on paper in the unit of ``size``. If more than ``most`` points remain,
    the squares are enlarged. Points with NaN are left out.
    """
    good = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    while True:
        cells = np.floor(x[good] / size) + 1j * np.floor(y[good] / size)
        _, first = np.unique(cells, return_index=True)
        if first.size <= most:
            return np.sort(good[first]).astype(np.int64)
        size *= 1.3

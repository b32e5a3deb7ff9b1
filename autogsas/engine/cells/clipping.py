"""The background under the peaks of a pattern by clipping, without a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["clipped_background"]

Array = npt.NDArray[np.float64]


def clipped_background(y: Array, reach: int) -> Array:
    """Return the background (n,) under the peaks of ``y`` (n,), peaks being narrower than ``2 reach`` points.

    SNIP: each point is clipped to the mean of its neighbours m points away, m falling from ``reach`` to 1, on the
    logarithm of the logarithm of the root, which makes peaks of all heights alike (Ryan et al., Nucl. Instrum.
    Methods B34, 396 (1988), eqs 3 to 5; falling m after Morhac et al., Nucl. Instrum. Methods A401, 113 (1997)).
    """
    if y.size < 3:
        return np.asarray(y, dtype=np.float64).copy()
    lowest = float(np.min(y))
    v = np.log(np.log(np.sqrt(y - lowest + 1.0) + 1.0) + 1.0)
    for m in range(min(reach, (y.size - 1) // 2), 0, -1):
        # The window shrinks near the ends.
        inner = np.minimum(v[m:-m], 0.5 * (v[: -2 * m] + v[2 * m :]))
        v[m:-m] = inner
    return np.asarray((np.exp(np.exp(v) - 1.0) - 1.0) ** 2 - 1.0 + lowest)

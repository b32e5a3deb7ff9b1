"""How much chi^2 would fall with preferred orientation along any axis, without a new model for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.engine.normal_equations import inverse_of
from autogsas.engine.pairs import PAIR
from autogsas.engine.parameters import Layout
from autogsas.engine.pattern_model import PatternModel
from autogsas.engine.score import BlockGain
from autogsas.model.advice import Candidate
from autogsas.model.recipe import Start
from autogsas.model.sample import Axis

__all__ = ["Orienting", "Texture", "texture_of"]

Array = npt.NDArray[np.float64]

_COPY = 1e-6  # of a direction: less than this beside the refined ones is a copy of them


@dataclass(frozen=True)
class Texture:
    """Preferred orientation of phase ``p`` along an ``axis``, from a ``ratio`` on."""

    p: int
    axis: Axis
    ratio: float


def texture_of(candidate: Candidate, layout: Layout, raw: Array) -> Texture | None:
    """Return the texture that a candidate gives to a phase that has none; None for other candidates."""
    if not (len(candidate.start) == len(candidate.set) == len(candidate.free) == 1):
        return None
    start, setting, free = candidate.start[0], candidate.set[0], candidate.free[0]
    alone = start == Start(phase=start.phase, axis=start.axis) and start.axis is not None
    groups = {setting.group, free.group} == {"preferred_orientation"}
    whole = setting.phase == free.phase == start.phase and setting.histogram is free.histogram is None
    if not (alone and groups and whole):
        return None
    for p, state in enumerate(layout.phases):
        if state.phase.name == start.phase and not state.free_intensities:
            place = PAIR.index("orientation")
            if all(raw[pair[place]] == 1.0 for pair in layout.pair[p]):
                assert start.axis is not None
                return Texture(p, start.axis, setting.value)
    return None


class Orienting:
    """What refined variables can take up of any change of the pattern, and what an orientation brings beside them.

    ``parts`` are Jacobian (n, v) and residuals (n,) of each histogram over sigma, ``roots`` 1/sigma (n,).
    """

    def __init__(
        self,
        layout: Layout,
        models: Sequence[PatternModel],
        raw: Array,
        parts: Sequence[tuple[Array, Array]],
        roots: Sequence[Array],
    ) -> None:
        self._layout, self._models, self._raw = layout, models, raw
        self._parts, self._roots = parts, roots
        self._inverse = inverse_of(np.sum([jacobian.T @ jacobian for jacobian, _ in parts], axis=0))
        self._chi2 = sum(float(residual @ residual) for _, residual in parts)

    def gain(self, texture: Texture) -> BlockGain:
        """Return the gain of an orientation over the model without one.

        chi^2 at the texture's ratio less what one Gauss-Newton step of all variables would gain, as for any candidate
        whose values are changed, but with the derivatives of the other variables as they are without orientation.
        """
        size, count = len(self._inverse), len(self._parts)
        own, mixed = np.zeros((count, count)), np.zeros((size, count))
        slope, gradient, chi2 = np.zeros(count), np.zeros(size), 0.0
        for h, (model, (jacobian, residual), root) in enumerate(
            zip(self._models, self._parts, self._roots, strict=True)
        ):
            columns = model.orienting(texture.p, self._raw, texture.axis, texture.ratio) * root[:, None]
            left, direction = residual - columns[:, 0], columns[:, 1]
            chi2 += float(left @ left)
            gradient += jacobian.T @ left
            mixed[:, h] = jacobian.T @ direction
            own[h, h], slope[h] = direction @ direction, direction @ left
        taken = self._inverse @ gradient
        free = own - mixed.T @ self._inverse @ mixed
        slope = slope - mixed.T @ taken
        scale = np.sqrt(np.maximum(np.diag(own), 1e-300))
        values, vectors = np.linalg.eigh(free / np.outer(scale, scale))
        kept = values > _COPY
        along = vectors[:, kept].T @ (slope / scale)
        shifts = vectors[:, kept] @ (along / values[kept]) / scale
        found = float(gradient @ taken + np.sum(along**2 / values[kept]))
        variances = np.sum(vectors[:, kept] ** 2 / values[kept], axis=1) / scale**2
        place = PAIR.index("orientation")
        owner = self._layout.phases[texture.p].phase.name
        names = tuple(f"{owner}:{histogram.name}:orientation" for histogram in self._layout.histograms)
        was = np.array([self._raw[pair[place]] for pair in self._layout.pair[texture.p]])
        return BlockGain(
            gain=max(self._chi2 - (chi2 - found), 0.0),
            freedoms=int(np.count_nonzero(kept)),
            shifts=texture.ratio + shifts - was,
            variances=variances,
            names=names,
            values=was,
        )

"""The normal equations of a problem at one point: active bounds, singular directions by name, esds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Linearised", "Objective", "Problem", "Solver", "inverse_of"]

Array = npt.NDArray[np.float64]

_SINGULAR = 1e-10  # smallest eigenvalue of the scaled normal matrix, relative to the largest; not measured
_UNDETERMINED = 1e-10  # the same below which a direction is left out of an inverse
_LEANING = 0.1  # component in a singular direction from which a variable is named; not measured


@dataclass(frozen=True)
class Linearised:
    """chi^2 = sum w (yo - yc)^2 at a point: ``gradient`` J^T W r (v,), ``normal`` J^T W J (v, v), and ``chi2``.

    ``objective`` is chi^2 as a function near this point. ``penalty`` is added to chi^2 for values without meaning, such
    as negative widths; gradient and normal matrix include it.
    """

    gradient: Array
    normal: Array
    chi2: float
    objective: Objective
    penalty: float = 0.0


class Objective(Protocol):
    """chi^2 with its penalty: the same values give the same number, whatever was evaluated between."""

    def settle(self, values: Array) -> tuple[Array, float]:
        """Return the values with the linear ones at their best, and chi^2 with its penalty; infinite for no value."""
        ...

    def linearise(self, values: Array) -> Linearised:
        """Return chi^2 with gradient and normal matrix, and the objective to use near ``values``."""
        ...

    def advance(self, values: Array) -> bool:
        """Update what is not a variable but follows the fit, such as Le Bail intensities; return whether any is."""
        ...

    def with_terms_fixed(self, fixed: bool) -> Objective:
        """Return the objective with whatever makes stairs in chi^2 fixed as it is, so that chi^2 is smooth, or not."""
        ...

    def keep(self) -> None:
        """Let the next fit begin with the approximations of this objective."""
        ...


class Problem(Protocol):
    """A least-squares problem: named variables with bounds and largest single steps, all of shape (v,)."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def lower(self) -> Array: ...
    @property
    def upper(self) -> Array: ...
    @property
    def largest_step(self) -> Array: ...
    @property
    def halves(self) -> npt.NDArray[np.bool_]:
        """Which variables approach a bound by halves, since chi^2 is flat there."""
        ...

    @property
    def stairs(self) -> npt.NDArray[np.bool_]:
        """Which variables chi^2 may have stairs in."""
        ...

    @property
    def n_observations(self) -> int: ...

    def objective(self) -> Objective:
        """Return chi^2 as it is before any linearisation."""
        ...

    def prepare(self, values: Array) -> None:
        """Bring what is not a variable but follows the fit near its place, before anything is fitted to it."""
        ...


class Solver:
    """The normal equations at one point, scaled to unit diagonal, without variables at a bound or singular."""

    def __init__(self, problem: Problem, values: Array, here: Linearised) -> None:
        self._size = values.size
        diagonal = np.diag(here.normal).copy()
        outward = ((values <= problem.lower) & (here.gradient < 0)) | ((values >= problem.upper) & (here.gradient > 0))
        dead = ~(diagonal > 1e-300) | ~np.isfinite(diagonal)
        kept = np.flatnonzero(~outward & ~dead)
        scale = np.sqrt(np.where(dead, 1.0, diagonal))
        scaled = here.normal / np.outer(scale, scale)
        dropped = [problem.names[i] for i in np.flatnonzero(dead & ~outward)]
        singular = [f"the data do not depend on {name}" for name in dropped]
        while kept.size:
            eigenvalues, vectors = np.linalg.eigh(scaled[np.ix_(kept, kept)])
            if eigenvalues[0] > _SINGULAR * eigenvalues[-1]:
                break
            # The variable with the largest component in the singular direction is left out.
            worst = int(np.argmax(np.abs(vectors[:, 0])))
            dropped.append(problem.names[kept[worst]])
            share = np.abs(vectors[:, 0])
            partners = [problem.names[kept[i]] for i in np.argsort(-share) if i != worst and share[i] > _LEANING]
            singular.append(f"{dropped[-1]} with {', '.join(partners)}" if partners else dropped[-1])
            kept = np.delete(kept, worst)
        self.dropped = tuple(dropped)
        self.singular = tuple(singular)
        self.at_bound = tuple(problem.names[i] for i in np.flatnonzero(outward))
        self._kept = kept
        self._scale = scale[kept]
        if kept.size:
            self._eigenvalues, self._vectors = eigenvalues, vectors
        else:
            self._eigenvalues, self._vectors = np.ones(0), np.zeros((0, 0))
        self._right = self._vectors.T @ (here.gradient[kept] / self._scale)
        freedom = max(problem.n_observations - kept.size, 1)
        self._gof2 = here.chi2 / freedom
        full = self._vectors @ (self._right / self._eigenvalues)
        esd = np.sqrt(np.sum(self._vectors**2 / self._eigenvalues, axis=1) * self._gof2)
        self.shift_esd = float(np.max(np.abs(full) / np.maximum(esd, 1e-300), initial=0.0))
        self.gain = float(np.sum(self._right**2 / self._eigenvalues))

    def worth(self, share: float) -> float:
        """Return the change of chi^2 that is ``share`` of chi^2/(N-P)."""
        return share * self._gof2

    def step(self, damping: float) -> Array:
        """Return the damped step (v,)."""
        out = np.zeros(self._size)
        out[self._kept] = self._vectors @ (self._right / (self._eigenvalues + damping)) / self._scale
        return out

    def predicted(self, step: Array) -> float:
        """Return the decrease of chi^2 along ``step`` by the linear model."""
        z = self._vectors.T @ (step[self._kept] * self._scale)
        return float(2.0 * z @ self._right - z @ (self._eigenvalues * z))

    def covariance(self) -> Array:
        """Return the covariance (v, v), scaled by chi^2/(N-P)."""
        out = np.zeros((self._size, self._size))
        if self._kept.size:
            inverse = (self._vectors / self._eigenvalues) @ self._vectors.T
            out[np.ix_(self._kept, self._kept)] = inverse * self._gof2 / np.outer(self._scale, self._scale)
        return out


def inverse_of(matrix: Array) -> Array:
    """Return the inverse of a normal matrix, without the directions that are not determined."""
    if not matrix.size:
        return matrix
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    kept = values > _UNDETERMINED * values[-1]
    return np.asarray((vectors[:, kept] / values[kept]) @ vectors[:, kept].T / np.outer(scale, scale))

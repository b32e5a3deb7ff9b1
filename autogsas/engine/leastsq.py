"""Levenberg-Marquardt on normal equations, with bounds, and with singular directions named instead of hidden.

Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963); the damping follows Nielsen (report IMM-REP-1999-05, Technical
University of Denmark). Variables that enter linearly are solved for exactly before each look at chi^2 (Golub &
Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)), which the problem does in `settle`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Fit", "Linearised", "Problem", "minimise"]

Array = npt.NDArray[np.float64]

_SINGULAR = 1e-10  # smallest eigenvalue of the scaled normal matrix, relative to the largest
_CONVERGED = 0.01  # largest full Gauss-Newton shift over esd
_TRIES = 12


@dataclass(frozen=True)
class Linearised:
    """chi^2 = sum w (yo - yc)^2 at a point: ``gradient`` J^T W r (v,), ``normal`` J^T W J (v, v), and ``chi2``.

    ``penalty`` is what is added to chi^2 for values outside sense; gradient and normal matrix include it.
    """

    gradient: Array
    normal: Array
    chi2: float
    penalty: float = 0.0


class Problem(Protocol):
    """What is minimised: named variables with bounds and largest single steps, all of shape (v,)."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def lower(self) -> Array: ...
    @property
    def upper(self) -> Array: ...
    @property
    def largest_step(self) -> Array: ...
    @property
    def n_observations(self) -> int: ...

    def settle(self, values: Array) -> tuple[Array, float]:
        """Return the values with the linear ones at their best, and chi^2 with its penalty; infinite for no value."""
        ...

    def linearise(self, values: Array) -> Linearised:
        """Return chi^2 with gradient and normal matrix."""
        ...


@dataclass(frozen=True)
class Fit:
    """The end of one least-squares run.

    ``covariance`` (v, v) is scaled by chi^2/(N-P); zero rows and columns for ``dropped`` and ``at_bound`` variables.
    ``shift_esd`` is the largest shift over esd that a full Gauss-Newton step would still make.
    """

    values: Array
    covariance: Array
    chi2: float
    cycles: int
    converged: bool
    shift_esd: float
    dropped: tuple[str, ...]
    at_bound: tuple[str, ...]
    message: str


def minimise(problem: Problem, values: Array, max_cycles: int) -> Fit:
    """Minimise chi^2 from ``values`` (v,) in at most ``max_cycles`` accepted steps.

    It stops where the largest full Gauss-Newton shift is below a hundredth of its esd; below a tenth it counts as
    converged. Raises ValueError where chi^2 has no value at the start.
    """
    current = np.clip(values, problem.lower, problem.upper)
    current, chi2 = problem.settle(current)
    if not np.isfinite(chi2):
        raise ValueError("the pattern cannot be calculated from the starting values")
    damping, growth = 1e-3, 2.0
    cycles = 0
    message = ""
    while True:
        here = problem.linearise(current)
        chi2 = here.chi2 + here.penalty
        solver = _Solver(problem, current, here)
        if solver.shift_esd < _CONVERGED:
            message = "converged"
            break
        if cycles >= max_cycles:
            message = f"stopped after {cycles} cycles"
            break
        accepted = False
        for _ in range(_TRIES):
            step = solver.step(damping)
            shrink = np.max(np.abs(step) / problem.largest_step, initial=1.0)
            trial = _within(problem, current, step / shrink)
            trial, trial_chi2 = problem.settle(trial)
            gain = (chi2 - trial_chi2) / max(solver.predicted(step / shrink), 1e-300)
            if np.isfinite(trial_chi2) and trial_chi2 < chi2:
                damping = max(damping * max(1.0 / 10.0, 1.0 - (2.0 * min(gain, 1.0) - 1.0) ** 3), 1e-9)
                growth = 2.0
                accepted = True
                break
            damping = min(damping * growth, 1e9)  # a step of nothing: more damping says no more
            growth *= 2.0
        if not accepted:
            message = "no step lowers chi2 further"
            break
        small = chi2 - trial_chi2 < 1e-9 * chi2
        current, chi2 = trial, trial_chi2
        cycles += 1
        if small and solver.shift_esd < 10.0 * _CONVERGED:
            here = problem.linearise(current)
            solver = _Solver(problem, current, here)
            message = "chi2 no longer changes"
            break
    # A tenth of an esd is converged for any purpose; the hundredth is where a run may stop early.
    converged = solver.shift_esd < 10.0 * _CONVERGED
    return Fit(
        values=current,
        covariance=solver.covariance(),
        chi2=here.chi2,
        cycles=cycles,
        converged=converged,
        shift_esd=solver.shift_esd,
        dropped=solver.dropped,
        at_bound=solver.at_bound,
        message=message,
    )


def _within(problem: Problem, current: Array, step: Array) -> Array:
    """Return the point a step leads to; what would cross a bound goes half-way there, and onto it once it is near.

    Going half-way keeps one bad step from landing on a bound where chi^2 is flat, as it is in SH/L at zero.
    """
    trial = current + step
    for bound, crossed in ((problem.lower, trial < problem.lower), (problem.upper, trial > problem.upper)):
        gap = bound - current
        near = np.abs(gap) <= 1e-2 * np.maximum(np.abs(current), 1e-6)
        trial = np.where(crossed, np.where(near, bound, current + 0.5 * np.where(crossed, gap, 0.0)), trial)
    return np.asarray(trial)


class _Solver:
    """The normal equations at one point, scaled to unit diagonal, without what is held at a bound or singular."""

    def __init__(self, problem: Problem, values: Array, here: Linearised) -> None:
        self._size = values.size
        self._gradient = here.gradient
        diagonal = np.diag(here.normal).copy()
        outward = ((values <= problem.lower) & (here.gradient < 0)) | ((values >= problem.upper) & (here.gradient > 0))
        dead = ~(diagonal > 1e-300) | ~np.isfinite(diagonal)
        kept = np.flatnonzero(~outward & ~dead)
        scale = np.sqrt(np.where(dead, 1.0, diagonal))
        scaled = here.normal / np.outer(scale, scale)
        dropped = [problem.names[i] for i in np.flatnonzero(dead & ~outward)]
        while kept.size:
            eigenvalues, vectors = np.linalg.eigh(scaled[np.ix_(kept, kept)])
            if eigenvalues[0] > _SINGULAR * eigenvalues[-1]:
                break
            # The variable that leans most on the singular direction goes; the rest stay well determined.
            worst = int(np.argmax(np.abs(vectors[:, 0])))
            dropped.append(problem.names[kept[worst]])
            kept = np.delete(kept, worst)
        self.dropped = tuple(dropped)
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

    def step(self, damping: float) -> Array:
        """Return the damped step (v,)."""
        out = np.zeros(self._size)
        out[self._kept] = self._vectors @ (self._right / (self._eigenvalues + damping)) / self._scale
        return out

    def predicted(self, step: Array) -> float:
        """Return by how much the linear model says that chi^2 falls along ``step``."""
        z = self._vectors.T @ (step[self._kept] * self._scale)
        return float(2.0 * z @ self._right - z @ (self._eigenvalues * z))

    def covariance(self) -> Array:
        """Return the covariance (v, v), scaled by chi^2/(N-P)."""
        out = np.zeros((self._size, self._size))
        if self._kept.size:
            inverse = (self._vectors / self._eigenvalues) @ self._vectors.T
            out[np.ix_(self._kept, self._kept)] = inverse * self._gof2 / np.outer(self._scale, self._scale)
        return out

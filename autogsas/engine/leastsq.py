"""Levenberg-Marquardt on normal equations, with bounds, and with singular directions named instead of hidden.

Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963); the damping follows Nielsen (report IMM-REP-1999-05, Technical
University of Denmark). Variables that enter linearly are solved for exactly before each look at chi^2 (Golub &
Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)), which the problem does in `settle`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.engine.normal_equations import Problem, Solver

__all__ = ["Fit", "minimise", "pinned"]

Array = npt.NDArray[np.float64]

_CONVERGED = 0.01  # largest full Gauss-Newton shift over esd
_SHORT = 0.1
_TRIES = 12
_NEAR = 3.0  # esds within which the length of one step says something of the next
_LENGTHS = (0.4, 4.0)
_SAME, _STALE = 1e-9, 1e-6  # of chi^2: gains of a step that are none, on a smooth slope and along an edge
_SLOW = 2  # such steps running that are the end
_WORTH = 1e-4  # of chi^2: what another round along an edge has to bring
_SHARES = (1.0, 0.5, 0.25, 0.1)  # of the way to the end of a smooth problem
_ESCAPES, _SMOOTH_CYCLES = 3, 12  # how often stairs are smoothed out, and for how many cycles
_RELAID = 3  # times that a step may find the lines laid out anew beneath it
_STEADY = 1e-4  # of chi^2: what following the fit may still change where it has ended


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
    converged. Where chi^2 has stairs and the way down ends at one, what makes them is held, the smooth problem that is
    left is minimised, and its end gone on from where it lies lower. Raises ValueError where chi^2 has no value at the
    start.
    """
    problem.hold(False)
    current = np.clip(values, problem.lower, problem.upper)
    problem.prepare(current)
    current, chi2 = problem.settle(current)
    if not np.isfinite(chi2):
        raise ValueError("the pattern cannot be calculated from the starting values")
    best = _descend(problem, current, chi2, max_cycles, _STALE)
    cycles, escapes = best.cycles, 0
    while not best.at_rest and cycles < max_cycles and escapes < _ESCAPES:
        problem.hold(True)
        smooth = _descend(problem, best.values, best.chi2, min(max_cycles - cycles, _SMOOTH_CYCLES), _SAME)
        problem.hold(False)
        cycles += smooth.cycles
        # The whole way to the smooth minimum, or a part of it: stairs that were held come back.
        for share in _SHARES:
            current, chi2 = problem.settle(best.values + share * (smooth.values - best.values))
            if chi2 < best.chi2 * (1.0 - _STALE):
                break
        else:
            break
        best = _descend(problem, current, chi2, max_cycles - cycles, _STALE)
        cycles += best.cycles
        escapes += 1
    edge = False
    while not best.at_rest and cycles < max_cycles and np.any(problem.stairs):
        # On the edge of a stair what makes it cannot move and lets nothing else move: the rest goes on without it.
        with pinned(problem, problem.stairs, best.values):
            rest = _descend(problem, best.values, best.chi2, max_cycles - cycles, _SAME)
        cycles += rest.cycles
        onward = _descend(problem, rest.values, rest.chi2, max_cycles - cycles, _STALE)
        cycles += onward.cycles
        edge = rest.at_rest and not onward.at_rest
        gained = onward.chi2 < best.chi2 * (1.0 - _WORTH)
        if onward.chi2 < best.chi2 or edge:
            best = onward if onward.chi2 < rest.chi2 * (1.0 - _STALE) else replace(rest, at_rest=False)
        if not gained:
            break
    current, chi2 = problem.settle(best.values)
    here = problem.linearise(current)
    solver = Solver(problem, current, here)
    short = solver.shift_esd < _SHORT
    # With all else at rest and no step down, the edge is a minimum, though the plane through it slopes.
    edge = edge and not short and cycles < max_cycles
    message = "at the edge of a stair of chi2: no step lowers it" if edge else best.message
    if solver.singular:
        message += f"; singular: {'; '.join(solver.singular)}"
    # A tenth of an esd is converged for any purpose; the hundredth is where a run may stop early.
    return Fit(
        values=current,
        covariance=solver.covariance(),
        chi2=here.chi2,
        cycles=cycles,
        converged=(short or edge) and best.steady,
        shift_esd=solver.shift_esd,
        dropped=solver.dropped,
        at_bound=solver.at_bound,
        message=message,
    )


@contextmanager
def pinned(problem: Problem, which: npt.NDArray[np.bool_], values: Array) -> Iterator[None]:
    """Hold the variables ``which`` (v,) at their ``values`` (v,) for the while."""
    kept = problem.lower.copy(), problem.upper.copy()
    problem.lower[which] = problem.upper[which] = values[which]
    try:
        yield
    finally:
        problem.lower[:], problem.upper[:] = kept


@dataclass(frozen=True)
class _End:
    """Where one descent ended: ``at_rest`` with shifts short of their esds, ``steady`` where nothing else moves."""

    values: Array
    chi2: float
    cycles: int
    at_rest: bool
    steady: bool
    message: str


def _descend(problem: Problem, current: Array, chi2: float, max_cycles: int, stale: float) -> _End:
    """Go down from ``current`` in at most ``max_cycles`` steps; two that gain less than ``stale`` of chi^2 end it."""
    moving = problem.advance(current)
    if moving:
        current, chi2 = problem.settle(current)
    steady = not moving
    damping, cycles, relaid, slow = _Damping(), 0, 0, 0
    while True:
        here = problem.linearise(current)
        chi2 = here.chi2 + here.penalty
        solver = Solver(problem, current, here)

        found, message = None, ""
        if solver.shift_esd < _CONVERGED and steady:
            message = "converged"
        elif slow >= _SLOW and steady:
            message = "chi2 no longer changes"
        elif cycles >= max_cycles:
            message = f"stopped after {cycles} cycles"
        elif solver.shift_esd >= _CONVERGED:
            found = _step(problem, solver, current, chi2, damping)
            if found is None and relaid < _RELAID and problem.settle(current)[1] > chi2 * (1.0 + 1e-10):
                # A step that was tried had the lines laid out anew, by which chi^2 is a little more everywhere: no
                # step could come below what the old layout gave.
                relaid += 1
                damping = _Damping()
                continue
            if found is None and steady:
                message = "no step lowers chi2 further"
        if message:
            at_rest = solver.shift_esd < _SHORT and steady
            return _End(current, chi2, cycles, at_rest, steady, message)
        if found is not None:
            slow = slow + 1 if chi2 - found[1] < stale * chi2 else 0
            current, chi2 = found
        cycles += 1
        if moving:
            problem.advance(current)
            before = chi2
            current, chi2 = problem.settle(current)
            steady = abs(before - chi2) < _STEADY * chi2


@dataclass
class _Damping:
    """How much of the diagonal is added, how fast that grows while steps fail, and how long a step is made.

    Where the model is wrong, chi^2 is steeper or flatter than J^T W J says, and each step falls short or overshoots by
    the same share: a parabola through what is known along one step says how long the next should be.
    """

    value: float = 1e-3
    growth: float = 2.0
    length: float = 1.0

    def relax(self, gain: float, near: bool) -> None:
        """Take some back after a step that gained ``gain`` of what the linear model foretold; ``near`` the minimum."""
        self.value = max(self.value * max(1.0 / 10.0, 1.0 - (2.0 * min(gain, 1.0) - 1.0) ** 3), 1e-9)
        self.growth = 2.0
        # With a full step foretold to gain 1, a step of length s gains (2 s - c s^2)/(2 s - s^2) of its own promise.
        s = self.length
        curvature = (2.0 - gain * (2.0 - s)) / s
        self.length = float(np.clip(1.0 / max(curvature, 1e-3), *_LENGTHS)) if near else 1.0

    def stiffen(self) -> None:
        """Add more after a step that failed; beyond 1e9 a step is none and more damping says no more."""
        self.value = min(self.value * self.growth, 1e9)
        self.growth *= 2.0
        self.length = 1.0


def _step(
    problem: Problem, solver: Solver, current: Array, chi2: float, damping: _Damping
) -> tuple[Array, float] | None:
    """Return values with a lower chi^2, and that chi^2; None where no damping finds any."""
    for _ in range(_TRIES):
        step = solver.step(damping.value) * damping.length
        step = step / np.max(np.abs(step) / problem.largest_step, initial=1.0)
        trial, trial_chi2 = problem.settle(_within(problem, current, step))
        if np.isfinite(trial_chi2) and trial_chi2 < chi2:
            gain = (chi2 - trial_chi2) / max(solver.predicted(step), 1e-300)
            damping.relax(gain, solver.shift_esd < _NEAR)
            return trial, trial_chi2
        damping.stiffen()
    return None


def _within(problem: Problem, current: Array, step: Array) -> Array:
    """Return the point a step leads to; what would cross a bound stops on it.

    Where chi^2 is flat at the bound, as it is in SH/L at zero, it goes half-way, and onto it once it is near: one bad
    step there would be the last.
    """
    trial = current + step
    for bound, crossed in ((problem.lower, trial < problem.lower), (problem.upper, trial > problem.upper)):
        gap = bound - current
        near = ~problem.halves | (np.abs(gap) <= 1e-2 * np.maximum(np.abs(current), 1e-6))
        trial = np.where(crossed, np.where(near, bound, current + 0.5 * np.where(crossed, gap, 0.0)), trial)
    return np.asarray(trial)

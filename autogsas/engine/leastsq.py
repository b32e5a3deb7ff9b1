"""Levenberg-Marquardt on normal equations, with bounds, and with singular directions named instead of hidden.

Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963); the damping follows Nielsen (report IMM-REP-1999-05, Technical
University of Denmark). Variables that enter linearly are solved for exactly before each evaluation of chi^2 (Golub &
Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)), which the objective does in `settle`.

chi^2 may have stairs: GSAS-II's axial sum has a number of terms that depends on SH/L and the Lorentzian widths.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.engine.normal_equations import Objective, Problem, Solver

__all__ = ["Fit", "minimise", "pinned"]

Array = npt.NDArray[np.float64]

# None of these numbers was measured against alternatives; they are the usual ones or were chosen with a wide margin.
_CONVERGED = 0.01  # largest full Gauss-Newton shift over esd at which a descent stops
_SHORT = 0.1  # the same, below which a fit counts as converged: a tenth of an esd is enough for any purpose
_TRIES = 12  # dampings tried for one step
_ROUGH = 0.1  # of chi^2/(N-P): the gain of a step that does not matter where a fit need not converge
_ROUGH_TRIES, _ROUGH_GROWTH = 5, 10.0  # dampings tried for one step of such a fit, and their growth
_NEAR = 3.0  # shift over esd below which the length of one step is a guide for the next
_LENGTHS = (0.4, 4.0)  # bounds of that length
_SAME = 1e-9  # of chi^2: gain of a step that counts as none where chi^2 is smooth
_STALE = 1e-6  # the same where chi^2 has stairs
_SLOW = 2  # such steps in a row that end a descent
_WORTH = 1e-4  # of chi^2: the least gain that another round along an edge must bring
_HARDLY = 2e-3  # of chi^2: what a descent without stairs may gain from a point that counts as a minimum; not measured
_SHARES = (1.0, 0.5, 0.25, 0.1)  # parts of the step to the minimum of a smooth problem that are tried
_ESCAPES, _SMOOTH_CYCLES = 3, 12  # how often stairs are smoothed out, and for how many cycles
_STEADY = 1e-4  # of chi^2: the largest change by what follows the fit where the fit has ended


@dataclass(frozen=True)
class Fit:
    """The end of one least-squares run.

    ``covariance`` (v, v) is scaled by chi^2/(N-P); zero rows and columns for ``dropped`` and ``at_bound`` variables.
    ``shift_esd`` is the largest shift over esd that a full Gauss-Newton step would still make. ``objective`` is chi^2
    near ``values``.
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
    objective: Objective


def minimise(problem: Problem, values: Array, max_cycles: int, *, rough: bool = False) -> Fit:
    """Minimise chi^2 from ``values`` (v,) in at most ``max_cycles`` accepted steps.

    It stops where the largest full Gauss-Newton shift is below a hundredth of its esd; below a tenth it counts as
    converged. A ``rough`` fit, one that others follow, stops where a full step would gain too little to matter. Where
    the descent ends at a stair of chi^2, the stairs are smoothed out, or the variables that make them are fixed for a
    while, and the descent continues from there if chi^2 is lower. Raises ValueError where chi^2 has no value at the
    start.
    """
    start = np.clip(values, problem.lower, problem.upper)
    problem.prepare(start)
    objective = problem.objective()
    start, chi2 = objective.settle(start)
    if not np.isfinite(chi2):
        raise ValueError("the pattern cannot be calculated from the starting values")
    if rough:
        return _fit(problem, _near(problem, objective, start, chi2, max_cycles), False)
    best = _escape(problem, _descend(problem, objective, start, max_cycles, _STALE), max_cycles)
    best, edge = _follow_edge(problem, best, max_cycles)
    if not (best.at_rest or edge) and best.cycles < max_cycles:
        best, edge = _between_stairs(problem, best, max_cycles)
    return _fit(problem, best, edge and best.cycles < max_cycles)


def _near(problem: Problem, objective: Objective, current: Array, chi2: float, max_cycles: int) -> _End:
    """Descend to near the minimum: with the stairs smoothed out, and again with the number of terms found there."""
    if max_cycles == 1:  # one step goes nowhere near any minimum
        return _descend(problem, objective, current, max_cycles, _STALE, rough=True)
    end = _End(current, chi2, 0, False, True, "", objective)
    for _ in range(_ESCAPES):
        smooth = _descend(
            problem, end.objective.with_terms_fixed(True), end.values, max_cycles - end.cycles, _SAME, rough=True
        )
        objective = smooth.objective.with_terms_fixed(False)
        before, cycles = end.chi2, end.cycles + smooth.cycles
        for share in _SHARES:
            values, chi2 = objective.settle(end.values + share * (smooth.values - end.values))
            if chi2 < before:
                end = replace(smooth, values=values, chi2=chi2, objective=objective)
                break
        end = replace(end, cycles=cycles)
        if end.cycles >= max_cycles or end.chi2 > before * (1.0 - _WORTH):
            break
    if end.cycles >= max_cycles:
        return end
    return _descend(problem, end.objective, end.values, max_cycles - end.cycles, _STALE, rough=True).after(end.cycles)


def _escape(problem: Problem, best: _End, max_cycles: int) -> _End:
    """Leave stairs of chi^2: minimise with the stairs smoothed out, and descend again from the way to that minimum."""
    escapes = 0
    while not best.at_rest and best.cycles < max_cycles and escapes < _ESCAPES:
        most = min(max_cycles - best.cycles, _SMOOTH_CYCLES)
        smooth = _descend(problem, best.objective.with_terms_fixed(True), best.values, most, _SAME)
        cycles = best.cycles + smooth.cycles
        objective = smooth.objective.with_terms_fixed(False)
        for share in _SHARES:
            current, chi2 = objective.settle(best.values + share * (smooth.values - best.values))
            if chi2 < best.chi2 * (1.0 - _STALE):
                break
        else:
            return replace(best, cycles=cycles)
        best = _descend(problem, objective, current, max_cycles - cycles, _STALE).after(cycles)
        escapes += 1
    return best


def _follow_edge(problem: Problem, best: _End, max_cycles: int) -> tuple[_End, bool]:
    """Descend along the edge of a stair; return the end, and whether it is a minimum on the edge.

    On the edge the variables that make the stair cannot move and let nothing else move: the others continue without
    them.
    """
    edge = False
    while not best.at_rest and best.cycles < max_cycles and np.any(problem.stairs):
        with pinned(problem, problem.stairs, best.values):
            rest = _descend(problem, best.objective, best.values, max_cycles - best.cycles, _SAME).after(best.cycles)
        onward = _descend(problem, rest.objective, rest.values, max_cycles - rest.cycles, _STALE).after(rest.cycles)
        edge = rest.at_rest and not onward.at_rest
        gained = onward.chi2 < best.chi2 * (1.0 - _WORTH)
        if onward.chi2 < best.chi2 or edge:
            best = onward if onward.chi2 < rest.chi2 * (1.0 - _STALE) else replace(rest, at_rest=False)
        best = replace(best, cycles=onward.cycles)
        if not gained:
            break
    return best, edge


def _between_stairs(problem: Problem, best: _End, max_cycles: int) -> tuple[_End, bool]:
    """Descend with the stairs as they are; return the end, and whether it is a minimum but for them.

    Positions make stairs too: the number of terms depends on 2theta. Where every step crosses one, the minimum for the
    present numbers of terms is as good as any; and where even that is hardly lower, this is one.
    """
    smooth = _descend(problem, best.objective.with_terms_fixed(True), best.values, max_cycles - best.cycles, _SAME)
    cycles = best.cycles + smooth.cycles
    if not smooth.at_rest:
        return replace(best, cycles=cycles), False
    objective = smooth.objective.with_terms_fixed(False)
    values, chi2 = objective.settle(smooth.values)
    if chi2 > best.chi2 * (1.0 + _WORTH):
        return replace(best, cycles=cycles), smooth.chi2 > best.chi2 * (1.0 - _HARDLY)
    return replace(smooth, values=values, chi2=chi2, objective=objective, cycles=cycles), True


def _fit(problem: Problem, end: _End, edge: bool) -> Fit:
    """Return the fit that ended at ``end``: at the ``edge`` of a stair a minimum, though the slope is not zero."""
    values, _ = end.objective.settle(end.values)
    here = end.objective.linearise(values)
    solver = Solver(problem, values, here)
    short = solver.shift_esd < _SHORT
    edge = edge and not short
    message = end.message
    if edge:
        message = "stopped where chi2 jumps (the number of terms of SH/L changes there); no lower value was found"
    if solver.singular:
        message += f"; singular: {'; '.join(solver.singular)}"
    return Fit(
        values=values,
        covariance=solver.covariance(),
        chi2=here.chi2,
        cycles=end.cycles,
        converged=(short or edge) and end.steady,
        shift_esd=solver.shift_esd,
        dropped=solver.dropped,
        at_bound=solver.at_bound,
        message=message,
        objective=here.objective,
    )


@contextmanager
def pinned(problem: Problem, which: npt.NDArray[np.bool_], values: Array) -> Iterator[None]:
    """Fix the variables ``which`` (v,) at their ``values`` (v,) within the context."""
    kept = problem.lower.copy(), problem.upper.copy()
    problem.lower[which] = problem.upper[which] = values[which]
    try:
        yield
    finally:
        problem.lower[:], problem.upper[:] = kept


@dataclass(frozen=True)
class _End:
    """The end of one descent: ``at_rest`` with shifts below a tenth of their esds and nothing else moving.

    ``steady``: what follows the fit no longer changes chi^2. ``cycles`` counts from the start of the fit.
    """

    values: Array
    chi2: float
    cycles: int
    at_rest: bool
    steady: bool
    message: str
    objective: Objective

    def after(self, cycles: int) -> _End:
        """Return the end with the ``cycles`` before its descent counted too."""
        return replace(self, cycles=self.cycles + cycles)


def _descend(
    problem: Problem, objective: Objective, current: Array, max_cycles: int, stale: float, rough: bool = False
) -> _End:
    """Descend from ``current`` in at most ``max_cycles`` steps; two that gain less than ``stale`` of chi^2 end it."""
    moving = objective.advance(current)
    if moving:
        current, _ = objective.settle(current)
    steady = not moving
    damping = _Damping(first_growth=_ROUGH_GROWTH) if rough else _Damping()
    cycles, slow = 0, 0
    while True:
        here = objective.linearise(current)
        objective = here.objective
        chi2 = here.chi2 + here.penalty
        solver = Solver(problem, current, here)

        found, message = None, ""
        near = rough and solver.gain < solver.worth(_ROUGH)
        if (solver.shift_esd < _CONVERGED or near) and steady:
            message = "converged" if not near else "close to convergence"
        elif slow >= _SLOW and steady:
            message = "chi2 no longer changes"
        elif cycles >= max_cycles:
            message = f"stopped after {cycles} cycles"
        elif solver.shift_esd >= _CONVERGED:
            found = _step(problem, objective, solver, current, chi2, damping, _ROUGH_TRIES if rough else _TRIES)
            if found is None and steady:
                message = "no step lowers chi2 further"
        if message:
            at_rest = (solver.shift_esd < _SHORT or near) and steady
            return _End(current, chi2, cycles, at_rest, steady, message, objective)
        if found is not None:
            least = solver.worth(_ROUGH) if rough else stale * chi2
            slow = slow + 1 if chi2 - found[1] < least else 0
            current, chi2 = found
        cycles += 1
        if moving:
            objective.advance(current)
            before = chi2
            current, chi2 = objective.settle(current)
            steady = abs(before - chi2) < _STEADY * chi2


@dataclass
class _Damping:
    """The share of the diagonal that is added, its growth while steps fail, and the length of a step.

    Where the model is wrong, chi^2 is steeper or flatter than J^T W J, and each step falls short or overshoots by the
    same share: a parabola through the known values along one step gives the length of the next.
    """

    value: float = 1e-3
    first_growth: float = 2.0
    growth: float = 0.0
    length: float = 1.0

    def __post_init__(self) -> None:
        self.growth = self.first_growth

    def relax(self, gain: float, near: bool) -> None:
        """Reduce the damping after a step that gained ``gain`` of the predicted decrease; ``near`` the minimum.

        The factor max(1/10, 1 - (2 gain - 1)^3) is Nielsen's, with 1/10 in place of his 1/3.
        """
        self.value = max(self.value * max(1.0 / 10.0, 1.0 - (2.0 * min(gain, 1.0) - 1.0) ** 3), 1e-9)
        self.growth = self.first_growth
        # If a full step is predicted to gain 1, a step of length s gains (2 s - c s^2)/(2 s - s^2) of its prediction.
        s = self.length
        curvature = (2.0 - gain * (2.0 - s)) / s
        self.length = float(np.clip(1.0 / max(curvature, 1e-3), *_LENGTHS)) if near else 1.0

    def stiffen(self) -> None:
        """Increase the damping after a step that failed, up to 1e9, where a step no longer moves anything."""
        self.value = min(self.value * self.growth, 1e9)
        self.growth *= self.first_growth
        self.length = 1.0


def _step(
    problem: Problem,
    objective: Objective,
    solver: Solver,
    current: Array,
    chi2: float,
    damping: _Damping,
    tries: int,
) -> tuple[Array, float] | None:
    """Return values with a lower chi^2, and that chi^2; None where no damping finds one."""
    for _ in range(tries):
        step = solver.step(damping.value) * damping.length
        step = step / np.max(np.abs(step) / problem.largest_step, initial=1.0)
        trial, trial_chi2 = objective.settle(_within(problem, current, step))
        if np.isfinite(trial_chi2) and trial_chi2 < chi2:
            gain = (chi2 - trial_chi2) / max(solver.predicted(step), 1e-300)
            damping.relax(gain, solver.shift_esd < _NEAR)
            return trial, trial_chi2
        damping.stiffen()
    return None


def _within(problem: Problem, current: Array, step: Array) -> Array:
    """Return the point a step leads to; a variable that would cross a bound stops on it.

    Where chi^2 is flat at the bound, as it is in SH/L at zero, it goes half-way, and onto the bound once it is near: a
    bad step onto the bound could not be undone.
    """
    trial = current + step
    for bound, crossed in ((problem.lower, trial < problem.lower), (problem.upper, trial > problem.upper)):
        gap = bound - current
        near = ~problem.halves | (np.abs(gap) <= 1e-2 * np.maximum(np.abs(current), 1e-6))
        trial = np.where(crossed, np.where(near, bound, current + 0.5 * np.where(crossed, gap, 0.0)), trial)
    return np.asarray(trial)

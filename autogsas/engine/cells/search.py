"""The cells of the phases from the patterns alone, before any refinement.

Least squares moves a peak by about half its width at most; from a cell that is farther off it ends in a false minimum.
Here the peaks of the starting structures are compared with the pattern for many cells at once, blurred so much that
neighbouring cells agree; the best cells are refined in sharper and sharper views. Signs of a false cell (another one of
nearly the same merit, a merit hardly above that of the start, axes that the peaks do not determine) make the answer
"unclear".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import metric_to_cell
from autogsas.engine.cells.match import LEVELS, MOST_STRAIN, CellMatcher, State
from autogsas.model.project import Project

__all__ = ["FoundCell", "Verdict", "find_cells"]

Array = npt.NDArray[np.float64]
U6 = tuple[float, float, float, float, float, float]
Verdict = Literal["moved", "good", "unclear"]

_LAST = len(LEVELS) - 1
# None of the numbers below was tuned one by one; together they give the rates that the slow tests hold.
_BEAM = (12, 8, 6, 5, 4)  # trial cells kept at each level
_CYCLES = (4, 4, 4, 4, 10)
_FROM_SCAN = 400  # cells of the scan from which distinct ones are taken
_DEVIATION = 0.012  # largest strain of an axis relative to the others
_SCANNED_SHIFTS = (-0.12, 0.0, 0.12)  # degrees
# Verdicts. Displacements of peaks are in full widths: least squares can correct half of one.
_WITHIN = 0.3  # largest displacement of a good start
_APART = 0.7  # displacement from which two cells are rivals
_UNSURE = 0.3  # largest displacement by one esd of any axis
_LEAST_MERIT = 0.12
# How much smaller the unexplained part must be: the logarithm of the ratio, and that times the number of independent
# values, which is the logarithm of a likelihood ratio.
_LEAST_GAIN, _LEAST_EVIDENCE = 0.05, 30.0
_LEAST_LEAD, _LEAD_EVIDENCE = 0.15, 20.0
# Of cells with merits this close, the one with the smallest change is taken.
_EQUAL = 0.02


@dataclass(frozen=True)
class FoundCell:
    """The cell of a phase according to the patterns.

    ``cell`` and ``start`` are (a, b, c, alpha, beta, gamma) in Angstrom and degrees, ``start`` as its symmetry has it;
    ``shift`` the largest change, of a length as a fraction or of an angle in radians. ``after`` and ``before`` are the
    merits of the two cells: the share, 0 to 1, that the phase explains of what the other phases leave of the patterns
    (roots, freed of broad features), with the best shifts of all peaks; ``rival`` that of the best cell with its peaks
    elsewhere. ``verdict`` is "moved" where the cell should be taken instead of the start, "good" where the peaks of the
    start are within a fraction of their width, "unclear" where the patterns do not decide. ``shifts`` are the zero
    (degrees) of each histogram by name that belongs to the cell, displacement included, at the middle of its range.
    """

    phase: str
    cell: U6
    start: U6
    shift: float
    before: float
    after: float
    rival: float
    verdict: Verdict
    shifts: tuple[tuple[str, float], ...] = ()

    @property
    def confident(self) -> bool:
        """Whether the cell should be taken instead of the start."""
        return self.verdict == "moved"


@dataclass(frozen=True)
class _Candidate:
    share: float
    state: State


def find_cells(project: Project) -> tuple[FoundCell, ...]:
    """Return for each phase of a project the cell that its patterns show, at most 2 % from the one given.

    The phases are placed one by one, the one that explains most first, then moved together. A cell can be
    certain only where those placed before it are. Raises ValueError for an impossible structure.
    """
    matcher = CellMatcher(project)
    if not matcher.names:
        return tuple(
            _unseen(phase.name, metric_to_cell(m)) for phase, m in zip(project.phases, matcher.metrics, strict=True)
        )
    trials = [_trials(d, m) for d, m in zip(matcher.directions, matcher.metrics, strict=True)]
    state = matcher.start
    shifts = np.zeros((len(_SCANNED_SHIFTS), *state.shifts.shape))
    # Half as a zero, half as a displacement: later levels may separate them.
    shifts[:, :, :2] = 0.5 * np.array(_SCANNED_SHIFTS)[:, None, None]
    order = list(range(len(project.phases)))
    if len(order) > 1:
        alone = [float(np.max(matcher.scan(p, trials[p], shifts, state, ())[0])) for p in order]
        order.sort(key=lambda p: -alone[p])
    rivals: dict[int, float] = {}
    for place, p in enumerate(order):
        placed = order[:place]
        found = _beam(matcher, state, p, placed, trials[p], state.shifts[None] if placed else shifts)
        state = found[0].state
        rest = matcher.share(state, _LAST, placed)
        rivals[p] = max(
            (
                _merit(other.share, rest)
                for other in found[1:]
                if matcher.displaced(p, state.strains[p], other.state.strains[p]) > _APART
            ),
            default=0.0,
        )
    final = matcher.climb(state, _LAST, order, order, 12)
    out: dict[int, FoundCell] = {}
    sure = True
    at = 0
    for p in order:
        size = matcher.directions[p].shape[1]
        esd = np.sqrt(np.diag(final.covariance)[at : at + size])
        at += size
        out[p] = _judged(
            matcher, project.phases[p].name, p, order, _Candidate(final.share, final.state), esd, rivals[p]
        )
        if not sure and out[p].confident:
            out[p] = replace(out[p], verdict="unclear")
        sure = sure and out[p].verdict != "unclear"
    return tuple(out[p] for p in range(len(out)))


def _unseen(name: str, cell: U6) -> FoundCell:
    return FoundCell(name, cell, cell, 0.0, 0.0, 0.0, 0.0, "unclear")


def _merit(share: float, rest: float) -> float:
    """Return the share of the part unexplained at ``rest`` that is explained at ``share``."""
    return max(1.0 - (1.0 - share) / max(1.0 - rest, 1e-9), 0.0)


def _beam(
    matcher: CellMatcher, state: State, p: int, placed: Sequence[int], trials: Array, shifts: Array
) -> list[_Candidate]:
    """Return the best cells of phase ``p`` at the sharpest level, distinct, in falling order of merit."""
    shares, chosen = matcher.scan(p, trials, shifts, state, placed)
    best = np.argsort(-shares, kind="stable")[:_FROM_SCAN]
    found = [_Candidate(float(shares[i]), replace(state.moved(p, trials[i]), shifts=chosen[i])) for i in best]
    found = _distinct(found, p, 0.7 * LEVELS[0][0], _BEAM[0])
    found.append(_Candidate(0.0, state))  # the start, whatever its rank in the scan
    present = [*placed, p]
    for level, (most, cycles) in enumerate(zip(_BEAM, _CYCLES, strict=True)):
        if level == _LAST - 1:
            matcher.fit_blurs(found[0].state, present)
        climbed = [matcher.climb(one.state, level, present, [p], cycles) for one in found]
        found = sorted((_Candidate(one.share, one.state) for one in climbed), key=lambda one: -one.share)
        found = _distinct(found, p, max(0.5 * LEVELS[level][0], 3e-4), most)
    equal = [one for one in found if one.share > found[0].share - _EQUAL * (1.0 - found[0].share)]
    least = min(equal, key=lambda one: float(np.max(np.abs(one.state.strains[p]))))
    return [least, *(one for one in found if one is not least)]


def _distinct(found: Sequence[_Candidate], p: int, apart: float, most: int) -> list[_Candidate]:
    """Return the first ``most`` candidates that are not within ``apart`` in strain of one before them."""
    kept: list[_Candidate] = []
    for one in found:
        if all(np.max(np.abs(one.state.strains[p] - other.state.strains[p])) > apart for other in kept):
            kept.append(one)
            if len(kept) == most:
                break
    return kept


def _judged(
    matcher: CellMatcher, name: str, p: int, present: Sequence[int], final: _Candidate, esd: Array, rival: float
) -> FoundCell:
    """Return the verdict on phase ``p`` at the final state; ``esd`` (n,) is of its strains."""
    state = final.state
    strains = state.strains[p]
    still = np.zeros_like(strains)
    rest = matcher.share(state, _LAST, [q for q in present if q != p])
    # The start gets its own best shifts, from either side.
    begins = [state.moved(p, still), replace(state.moved(p, still), shifts=matcher.start.shifts)]
    before = max(matcher.climb(begin, _LAST, present, (), 8).share for begin in begins)
    displaced = matcher.displaced(p, strains, still)
    doubt = max(matcher.displaced(p, strains, strains + step) for step in np.diag(esd))
    merit = _merit(final.share, rest)
    gain = _gain(before, final.share)
    lead = _gain(rest + rival * (1.0 - rest), final.share)
    independent = matcher.independent(_LAST)
    verdict: Verdict = "moved"
    if displaced <= _WITHIN:
        verdict = "good"
    elif (
        merit < _LEAST_MERIT
        or doubt > _UNSURE
        or gain < _LEAST_GAIN
        or gain * independent < _LEAST_EVIDENCE
        or lead < _LEAST_LEAD
        or lead * independent < _LEAD_EVIDENCE
    ):
        verdict = "unclear"
    cell, start = metric_to_cell(matcher.metric(p, strains)), metric_to_cell(matcher.metrics[p])
    changes = [abs(new / old - 1.0) for new, old in zip(cell[:3], start[:3], strict=True)]
    changes += [abs(np.radians(new - old)) for new, old in zip(cell[3:], start[3:], strict=True)]
    shifts = tuple(zip(matcher.names, matcher.shifts_at_middle(state), strict=True))
    return FoundCell(name, cell, start, float(max(changes)), _merit(before, rest), merit, rival, verdict, shifts)


def _gain(before: float, after: float) -> float:
    return float(np.log(max(1.0 - before, 1e-9) / max(1.0 - after, 1e-9)))


def _trials(directions: Array, metric: Array) -> Array:
    """Return the strains (b, n) of the scan: common to all axes, plus deviations that fill their space evenly."""
    n = directions.shape[1]
    common = np.linalg.lstsq(directions, -2.0 * metric, rcond=None)[0]
    steps = np.linspace(-MOST_STRAIN, MOST_STRAIN, 27 if n == 1 else 21)[:, None, None] * common
    if n == 1:
        return np.asarray(steps[:, 0])
    count = {2: 14, 3: 40, 4: 70}.get(n, 120)
    deviations = np.concatenate([np.zeros((1, n)), _DEVIATION * _filling(count, n)])
    unit = common / np.linalg.norm(common)
    deviations -= np.outer(deviations @ unit, unit)
    return np.asarray((steps + deviations).reshape(-1, n))


def _filling(count: int, n: int) -> Array:
    """Return points (count, n) that fill (-1, 1)^n evenly.

    The additive recurrence R_n of M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018):
    x_i = (1/2 + i g^-k) mod 1 for dimension k, where g^(n+1) = g + 1. scipy.stats.qmc does not have it.
    """
    golden = 2.0
    for _ in range(40):
        golden = (1.0 + golden) ** (1.0 / (n + 1))
    rates = golden ** -np.arange(1.0, n + 1)
    return np.asarray(2.0 * ((0.5 + np.arange(1, count + 1)[:, None] * rates) % 1.0) - 1.0)

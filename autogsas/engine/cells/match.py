"""How well a project's patterns agree with cells of its phases: the match, its derivatives, and its maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import PAIRS
from autogsas.engine.cells.views import SHIFTS, PeakList, Signal, View
from autogsas.engine.lineshape import SIGMA_TO_FWHM
from autogsas.engine.parameters import INSTRUMENT, Layout
from autogsas.engine.peaks import ReflectionSet
from autogsas.model.project import Histogram, Project

__all__ = ["LEVELS", "MOST_STRAIN", "CellMatcher", "Climbed", "State"]

Array = npt.NDArray[np.float64]

_DEGREE = np.pi / 180.0
MOST_STRAIN = 0.02
"""Largest change of a cell length that is searched, as a fraction; the slow tests hold the rates of success."""
LEVELS = ((0.004, 0.06), (0.002, 0.03), (0.001, 0.015), (0.0005, 0.01), (0.0, 0.0))
"""From blurred to sharp: strain and degrees by which peaks are blurred beyond their own width; not measured."""

_MOST_PEAKS = 400  # of a phase in a histogram; weaker ones overlap with these in so crowded a pattern; not measured
_MOST_SCANNED = 200
# Expected size of each kind of shift, in degrees: zero and displacement are nearly the same curve, and only these
# expectations separate them. Not measured.
_EXPECTED_SHIFTS = np.array([0.07, 0.07, 0.015])
_MOST_SHIFTS = np.array([0.3, 0.3, 0.06])
_BELIEF = 3e-4  # the weight of expectations relative to the misfit, which is 0 to 1; not measured
_BLURS = (0.7, 1.0, 1.5, 2.2, 3.3, 5.0)  # ratios of peak widths that are tried


@dataclass(frozen=True)
class State:
    """Strains of each phase along its free directions, and shifts (h, `SHIFTS`) of each histogram in degrees."""

    strains: tuple[Array, ...]
    shifts: Array

    def moved(self, p: int, strains: Array) -> State:
        """Return the state with phase ``p`` at ``strains``."""
        return replace(self, strains=tuple(strains if i == p else old for i, old in enumerate(self.strains)))


@dataclass(frozen=True)
class Climbed:
    """The end of a least-squares run: the state, the share explained there, and the covariance of its strains."""

    state: State
    share: float
    covariance: Array


@dataclass(frozen=True)
class _System:
    misfit: float
    gradient: Array
    normal: Array
    share: float


class CellMatcher:
    """The patterns of a project and the peaks that its phases show with any cells.

    ``names`` are the histograms with enough points. ``metrics`` are the phases' reciprocal metrics at the
    start, ``directions`` (6, n) the free directions of each, scaled to strains. ``blurs`` are the
    ratios of the patterns' peak widths to those of their instruments. Raises ValueError for an impossible structure.
    """

    def __init__(self, project: Project) -> None:
        self._layout = layout = Layout(project)
        raw = layout.start()
        self.metrics = [raw[indices] for indices in layout.cell]
        self.directions = [
            _directions(state.symmetry.metric_basis(), metric)
            for state, metric in zip(layout.phases, self.metrics, strict=True)
        ]
        self.names: list[str] = []
        self._signals: list[Signal] = []
        self._peaks: list[list[PeakList]] = []  # by histogram, by phase
        self._few: list[list[PeakList]] = []
        for h, histogram in enumerate(project.histograms):
            self._take(h, histogram, raw)
        self.blurs = [1.0] * len(self._signals)
        self._views: dict[tuple[int, int, float], View] = {}

    def _take(self, h: int, histogram: Histogram, raw: Array) -> None:
        raw = raw.copy()
        raw[self._layout.instrument[h][INSTRUMENT.index("zero")]] = 0.0
        # Peaks that enter the range when the cell grows are needed too.
        top = np.sin(0.5 * histogram.limits[1] * _DEGREE) * (1.0 + 1.5 * MOST_STRAIN)
        sets = [
            ReflectionSet(self._layout, p, h, raw, min(2.0 * np.arcsin(min(top, 1.0)) / _DEGREE, 177.0))
            for p in range(len(self._layout.phases))
        ]
        peaks = [found.peaks(raw)[0] for found in sets]
        places = np.concatenate([peak.two_theta for peak in peaks])
        sigmas = np.concatenate([peak.mix.fwhm for peak in peaks]) / SIGMA_TO_FWHM
        order = np.argsort(places, kind="stable")
        signal = Signal.of(histogram.pattern, histogram.limits, histogram.excluded, places[order], sigmas[order])
        if signal is None:
            return
        self.names.append(histogram.name)
        self._signals.append(signal)
        areas = [(found.hkl, peak.base) for found, peak in zip(sets, peaks, strict=True)]
        self._peaks.append([PeakList.of(hkl, area, histogram.instrument, _MOST_PEAKS) for hkl, area in areas])
        self._few.append(
            [PeakList.of(hkl, area, histogram.instrument, _MOST_SCANNED, merged=True) for hkl, area in areas]
        )

    @property
    def start(self) -> State:
        """The state of the project's own cells, without shifts."""
        return State(tuple(np.zeros(d.shape[1]) for d in self.directions), np.zeros((len(self._signals), SHIFTS)))

    def metric(self, p: int, strains: Array) -> Array:
        """Return the reciprocal metric (..., 6) of phase ``p`` at strains (..., n)."""
        return np.asarray(self.metrics[p] + strains @ self.directions[p].T)

    def scan(self, p: int, strains: Array, shifts: Array, state: State, placed: Sequence[int]) -> tuple[Array, Array]:
        """Return the share explained (b,) at ``strains`` (b, n) of phase ``p``, in the most blurred view.

        Each histogram takes the best of ``shifts`` (s, h, `SHIFTS`), which are returned too, (b, h, `SHIFTS`). The
        phases ``placed`` are as in ``state``.
        """
        metrics = self.metric(p, strains)
        total = np.zeros(len(strains))
        chosen = np.zeros((len(strains), *shifts.shape[1:]))
        rows = np.arange(len(strains))
        for h in range(len(self._signals)):
            view, peaks = self._view(h, 0), self._few[h][p]
            others = self._pattern(h, 0, state, placed) if placed else None
            bragg = peaks.bragg(metrics)
            moves = peaks.shifts(bragg)
            shares = np.array(
                [view.share(view.joined(view.draw(peaks, bragg + moves @ shift), others)) for shift in shifts[:, h]]
            )
            best = np.argmax(shares, axis=0)
            total += shares[best, rows]
            chosen[:, h] = shifts[best, h]
        return total / max(len(self._signals), 1), chosen

    def share(self, state: State, level: int, present: Sequence[int]) -> float:
        """Return the share of the patterns that the phases ``present`` explain, the mean over the histograms."""
        found = [self._share(h, state, level, present) for h in range(len(self._signals))]
        return float(np.mean(found)) if found else 0.0

    def independent(self, level: int) -> float:
        """Return how many independent values the patterns have."""
        return float(sum(self._view(h, level).independent for h in range(len(self._signals))))

    def fit_blurs(self, state: State, present: Sequence[int]) -> None:
        """Set ``blurs`` so that the peaks at a state are as wide as the measured ones."""
        last = len(LEVELS) - 1
        for h in range(len(self._signals)):
            self.blurs[h] = 1.0
            shares = [self._share(h, state, last, present, wider) for wider in _BLURS]
            self.blurs[h] = _BLURS[int(np.argmax(shares))]

    def displaced(self, p: int, one: Array, other: Array) -> float:
        """Return the distance between the peaks of phase ``p`` at two strains (n,), in full widths.

        Root mean square over the peaks within the patterns, weighted by the roots of their areas. A common
        shift of all peaks does not count, since the zero takes it up.
        """
        found = []
        for h, signal in enumerate(self._signals):
            peaks = self._few[h][p]
            places = peaks.bragg(self.metric(p, one)[None])[0]
            inside = (places > signal.x[0]) & (places < signal.x[-1])
            if not np.any(inside):
                continue
            weight = np.sqrt(peaks.area)[inside] / (self.blurs[h] * SIGMA_TO_FWHM * signal.sigma(places[inside])) ** 2
            moved = peaks.bragg(self.metric(p, other)[None])[0][inside] - places[inside]
            if np.count_nonzero(inside) > 2:
                moved = moved - float(weight @ moved) / float(weight.sum())
            found.append(float(weight @ moved**2) / float(np.sum(np.sqrt(peaks.area)[inside])))
        return float(np.sqrt(max(found, default=0.0)))

    def shifts_at_middle(self, state: State) -> list[float]:
        """Return by how many degrees each histogram's peaks are shifted at the middle of its range."""
        return [
            float(self._peaks[h][0].shifts(np.array([0.5 * (signal.x[0] + signal.x[-1])]))[0] @ state.shifts[h])
            for h, signal in enumerate(self._signals)
        ]

    def climb(self, state: State, level: int, present: Sequence[int], moving: Sequence[int], cycles: int) -> Climbed:
        """Return the end of Levenberg-Marquardt for the phases ``moving`` and all shifts, at one level of sharpness.

        The phases ``present`` are drawn, at scales solved for in each cycle.
        """
        damping = 1e-3
        here = self._system(state, level, present, moving)
        for _ in range(cycles):
            scale = np.diag(np.diag(here.normal))
            for _ in range(4):
                step = np.asarray(np.linalg.solve(here.normal + damping * scale, here.gradient), dtype=np.float64)
                trial = self._stepped(state, step, moving)
                there = self._system(trial, level, present, moving)
                if there.misfit < here.misfit:
                    break
                damping *= 8.0
            else:
                break
            damping *= 0.2
            gain = here.misfit - there.misfit
            state, here = trial, there
            if gain < 1e-5:
                break
        size = sum(self.directions[p].shape[1] for p in moving)
        independent = max(self.independent(level), 1.0) / max(len(self._signals), 1)
        covariance = np.linalg.inv(here.normal)[:size, :size] * (1.0 - here.share) / independent
        return Climbed(state, here.share, np.asarray(covariance, dtype=np.float64))

    def _view(self, h: int, level: int) -> View:
        key = (h, level, self.blurs[h])
        if key not in self._views:
            self._views[key] = View(self._signals[h], *LEVELS[level], self.blurs[h])
        return self._views[key]

    def _drawn(self, h: int, level: int, state: State, present: Sequence[int], wider: float = 1.0) -> Array:
        view = self._view(h, level)
        return np.concatenate([view.draw(self._peaks[h][p], self._places(h, p, state)[None], wider) for p in present])

    def _places(self, h: int, p: int, state: State) -> Array:
        return self._peaks[h][p].places(self.metric(p, state.strains[p]), state.shifts[h])

    def _pattern(self, h: int, level: int, state: State, present: Sequence[int], wider: float = 1.0) -> Array:
        drawn = self._drawn(h, level, state, present, wider)
        return np.asarray(self._view(h, level).scales(drawn) @ drawn)

    def _share(self, h: int, state: State, level: int, present: Sequence[int], wider: float = 1.0) -> float:
        if not present:
            return 0.0
        return float(self._view(h, level).share(self._pattern(h, level, state, present, wider)))

    def _stepped(self, state: State, step: Array, moving: Sequence[int]) -> State:
        strains = list(state.strains)
        at = 0
        for p in moving:
            size = strains[p].size
            strains[p] = np.clip(strains[p] + step[at : at + size], -1.5 * MOST_STRAIN, 1.5 * MOST_STRAIN)
            at += size
        shifts = np.clip(state.shifts + step[at:].reshape(-1, SHIFTS), -_MOST_SHIFTS, _MOST_SHIFTS)
        return State(tuple(strains), shifts)

    def _system(self, state: State, level: int, present: Sequence[int], moving: Sequence[int]) -> _System:
        """Return misfit, minus half its gradient, and the normal matrix, by the strains of ``moving``, then the shifts.

        The misfit of a histogram is the squared length of its target, which is 1, less the best multiple of the
        calculated pattern: one minus the share explained.
        """
        ends = np.cumsum([self.directions[p].shape[1] for p in moving], dtype=np.int64)
        strained = int(ends[-1]) if len(moving) else 0
        columns = {
            p: slice(int(end) - self.directions[p].shape[1], int(end)) for p, end in zip(moving, ends, strict=True)
        }
        n = strained + SHIFTS * len(self._signals)
        values = np.concatenate([*(state.strains[p] for p in moving), state.shifts.ravel()])
        expected = np.concatenate([np.full(strained, MOST_STRAIN), np.tile(_EXPECTED_SHIFTS, len(self._signals))])
        belief = _BELIEF / expected**2
        misfit, share = float(belief @ values**2), 0.0
        gradient, normal = -belief * values, np.diag(belief)
        for h in range(len(self._signals)):
            view = self._view(h, level)
            drawn = self._drawn(h, level, state, present)
            scales = view.scales(drawn)
            slopes = np.zeros((n, view.size))
            shifted = slice(strained + SHIFTS * h, strained + SHIFTS * (h + 1))
            for scale, p in zip(scales, present, strict=True):
                if scale == 0:
                    continue
                peaks, places = self._peaks[h][p], self._places(h, p, state)
                moves = [peaks.shifts(places)]
                if p in columns:
                    moves.append(peaks.slopes(self.metric(p, state.strains[p]), self.directions[p]))
                found = scale * view.slopes(peaks, places, np.concatenate(moves, axis=1))
                slopes[shifted] += found[:SHIFTS]
                if p in columns:
                    slopes[columns[p]] = found[SHIFTS:]
            total = scales @ drawn
            alike = view.compared(total)
            square = float(alike @ alike)
            if square <= 0:
                misfit += 1.0
                continue
            multiple = float(alike @ view.target) / square
            jacobian = view.compared_slopes(total, slopes)
            # A change of the multiple alone does not change the match.
            jacobian = multiple * (jacobian - np.outer(jacobian @ alike / square, alike))
            normal += jacobian @ jacobian.T
            gradient += jacobian @ (view.target - multiple * alike)
            explained = multiple * abs(multiple) * square
            misfit += 1.0 - explained
            share += max(explained, 0.0)
        return _System(misfit, gradient, normal, share / max(len(self._signals), 1))


def _directions(basis: Array, metric: Array) -> Array:
    """Return the free directions (6, n) of a metric, scaled: one unit doubles a length, or changes a cosine by two."""
    out = np.zeros_like(basis)
    for k, column in enumerate(basis.T):
        lead = int(np.flatnonzero(column)[0])
        i, j = PAIRS[lead]
        unit = metric[lead] if i == j else np.sqrt(metric[i] * metric[j])
        out[:, k] = -2.0 * unit * column / column[lead]
    return out

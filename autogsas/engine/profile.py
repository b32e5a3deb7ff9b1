"""Shapes of all peaks at once: Thompson-Cox-Hastings pseudo-Voigts with axial divergence on ragged windows.

The pattern is a sum over peaks of intensity times a unit-area shape. Each peak has three zones. In its core the whole
shape is evaluated at the measured points; around it, where the Gaussian part is negligible, only the Lorentzian part.
Farther out the tail is smooth: it is evaluated on a coarse grid that all peaks share, and the sum of all tails is
interpolated to the points by cubics. A smooth blend joins the outer two zones without a step; the error is below 1e-4
of a peak's height, as a test shows.

A `Plan` assigns each pair of peak and point to a zone. It serves while the peaks move little, so that the pattern is a
smooth function of its parameters, and a step of least squares is judged by the same arithmetic that proposed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array

from autogsas.engine import axial, axial_terms
from autogsas.engine.grid import Grid
from autogsas.engine.lineshape import Copies, sum_copies

__all__ = ["ALL_KINDS", "Plan", "Shapes"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CORE = 3.5  # widths beyond which a Gaussian is below 1e-14 of its height
_NEAR = 6.0  # widths within which the coarse grid is not used; the error with it is tested to be below 1e-4
# Copies of a peak that keep the axial convolution's error near 1e-5 of its height, by reach over width.
_LADDER = ((0.02, 2), (0.15, 4), (0.4, 6), (0.8, 8), (1.7, 12), (2.7, 16), (4.8, 24), (8.0, 40), (np.inf, 64))
# The same to 1e-4 for GSAS-II's sums of more terms than these.
_TERMS_LADDER = (
    (0.1, 2),
    (0.6, 4),
    (1.3, 6),
    (2.0, 8),
    (3.3, 12),
    (5.0, 16),
    (7.5, 24),
    (15.0, 40),
    (25.0, 64),
    (np.inf, 200),
)
# Sums of up to so many terms are evaluated in one zone, filled up with terms of zero weight.
_CLASSES = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 40, 64, 100, 200])
# The same for the Lorentzian part outside the core, by reach over width.
_RING = ((0.02, 2), (1.5, 4), (5.0, 8), (np.inf, 16))
# Far from a peak its centroid is enough, unless its copies reach as far as its width.
_FAR = ((2.0, 1), (np.inf, 2))

ALL_KINDS = frozenset({"position", "fwhm", "eta", "shl"})
"""The derivatives of a shape: by 2theta (degrees), width (degrees), mixing, SH/L."""

_CHUNK = 16000  # pairs at a time, so that their arrays stay in the processor's cache; not measured


@dataclass(frozen=True)
class Shapes:
    """Unit-area shapes of l peaks on the n points of a grid, with the derivatives that were wanted.

    The columns of the matrices are parts of peaks, whose numbers are ``near_peak`` and ``far_peak``.
    """

    grid: Grid
    near: dict[str, csc_array]
    far: dict[str, csc_array] | None
    near_peak: Ints
    far_peak: Ints | None

    def combine(self, coefficients: dict[str, Array]) -> Array:
        """Return the sum over peaks of coefficients times shapes, by kind; (n,) or (n, p).

        Kinds: "value", and the derivatives `ALL_KINDS`. All coefficients have one shape, (l,) or (l, p).
        """
        total = _combination(self.near, coefficients, self.near_peak)
        if self.far is not None and self.far_peak is not None and self.grid.interpolation is not None:
            total = total + self.grid.interpolation @ _combination(self.far, coefficients, self.far_peak)
        return np.asarray(total, dtype=np.float64)

    def gather(self, curve: Array, count: int) -> Array:
        """Return the sum of ``curve`` (n,) weighted by each peak's shape, (``count``,)."""
        out = np.bincount(self.near_peak, self.near["value"].T @ curve, minlength=count)
        if self.far is not None and self.far_peak is not None and self.grid.interpolation is not None:
            spread = self.far["value"].T @ (self.grid.interpolation.T @ curve)
            out = out + np.bincount(self.far_peak, spread, minlength=count)
        return np.asarray(out, dtype=np.float64)


def _combination(matrices: dict[str, csc_array], coefficients: dict[str, Array], peak: Ints) -> Array:
    terms = [np.asarray(matrices[kind] @ values[peak]) for kind, values in coefficients.items()]
    return np.asarray(np.sum(terms, axis=0)) if len(terms) > 1 else terms[0]


def near_radius(fwhm: Array, reach: Array) -> Array:
    """Return the distance within which a peak is evaluated at the points alone, in degrees."""
    return np.asarray(_NEAR * fwhm + reach)


@dataclass(frozen=True)
class _Zone:
    """Columns of a level that are evaluated alike: with ``count`` copies, with or without the Gaussian part."""

    columns: slice
    pairs: slice
    count: int
    gaussian: bool


@dataclass(frozen=True)
class _Level:
    """The windows of peaks on one grid, zone by zone: each column is a part of one peak on neighbouring abscissae.

    ``peak`` (c,) is each column's peak, ``column`` (m,) each pair's column counted within its zone, ``at`` (m,) its
    abscissa, ``point`` (m,) its place on the grid, ``starts`` (c + 1,) where the columns begin.
    """

    size: int
    peak: Ints
    column: Ints
    at: Array
    point: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]
    zones: tuple[_Zone, ...]
    blend: Array | None = None

    @classmethod
    def of(cls, x: Array, windows: Sequence[_Windows]) -> _Level:
        peak = np.concatenate([window.peak for window in windows])
        low = np.concatenate([window.low for window in windows])
        length = np.maximum(np.concatenate([window.high for window in windows]) - low, 0)
        count = np.concatenate([window.count for window in windows])
        gaussian = np.concatenate([np.full(window.peak.size, window.gaussian) for window in windows])
        used = np.flatnonzero(length > 0)
        # Ordered by zone, then by peak, so that neighbouring pairs read neighbouring numbers.
        order = used[np.lexsort((peak[used], count[used], gaussian[used]))]
        peak, low, length, count, gaussian = (values[order] for values in (peak, low, length, count, gaussian))
        starts = np.concatenate([[0], np.cumsum(length)])
        column = np.repeat(np.arange(peak.size), length)
        point = np.arange(column.size) - np.repeat(starts[:-1] - low, length)
        edges = np.flatnonzero((np.diff(count) != 0) | (np.diff(gaussian.astype(int)) != 0)) + 1
        zones = []
        for first, last in pairwise((0, *edges.tolist(), peak.size)):
            if last > first:
                pairs = slice(int(starts[first]), int(starts[last]))
                zones.append(_Zone(slice(first, last), pairs, int(count[first]), bool(gaussian[first])))
                column[pairs] -= first
        return cls(x.size, peak, column, x[point], point.astype(np.int32), starts.astype(np.int32), tuple(zones))

    def blended(self, two_theta: Array, radius: Array, *, near: bool) -> _Level:
        """Return the level with its weights against the other grid's: 1 within a radius, 0 beyond two."""
        lengths = np.diff(self.starts)
        blend = self.at - np.repeat(two_theta[self.peak], lengths)
        np.abs(blend, out=blend)
        blend *= np.repeat(1.0 / radius[self.peak], lengths)
        blend -= 1.0
        np.clip(blend, 0.0, 1.0, out=blend)
        for start in range(0, blend.size, _CHUNK):
            s = blend[start : start + _CHUNK]
            smooth = s * s * s * (10.0 + s * (6.0 * s - 15.0))
            blend[start : start + _CHUNK] = 1.0 - smooth if near else smooth
        return replace(self, blend=blend)

    def evaluate(self, peaks: _Peaks, kinds: frozenset[str]) -> dict[str, csc_array]:
        out = {kind: np.empty(self.at.size) for kind in ("value", *kinds)}
        for zone in self.zones:
            chosen = self.peak[zone.columns]
            two_theta, fwhm, eta = peaks.two_theta[chosen], peaks.fwhm[chosen], peaks.eta[chosen]
            copies = Copies.of(peaks.nodes(chosen, zone.count), fwhm)
            for start in range(zone.pairs.start, zone.pairs.stop, _CHUNK):
                pairs = slice(start, min(start + _CHUNK, zone.pairs.stop))
                column = self.column[pairs]
                distance = self.at[pairs] - np.take(two_theta, column)
                found = sum_copies(distance, column, fwhm, eta, copies, gaussian=zone.gaussian, kinds=kinds)
                for kind, values in found.items():
                    if self.blend is not None:
                        values *= self.blend[pairs]
                    out[kind][pairs] = values
        shape = (self.size, self.peak.size)
        return {kind: csc_array((values, self.point, self.starts), shape=shape) for kind, values in out.items()}


@dataclass(frozen=True)
class _Windows:
    """One stretch of points low <= i < high for each of some peaks, evaluated with ``count`` copies."""

    peak: Ints
    low: Ints
    high: Ints
    count: Ints
    gaussian: bool


@dataclass(frozen=True)
class _Peaks:
    """The present peaks; ``terms`` are those of GSAS-II's axial sum, None for the integral."""

    two_theta: Array
    fwhm: Array
    eta: Array
    shl: float
    terms: Ints | None

    def nodes(self, chosen: Ints, count: int) -> axial.Nodes:
        """Return ``count`` copies of each chosen peak."""
        if self.terms is None:
            return axial.nodes(self.two_theta[chosen], self.shl, count)
        return axial_terms.nodes(self.two_theta[chosen], self.shl, self.terms[chosen], count)


class Plan:
    """The points at which each of l peaks is evaluated, and how, made for the present peaks.

    ``two_theta`` and ``fwhm`` (l,) in degrees, fwhm > 0; ``shl`` > 0; ``below`` and ``above`` (l,) are in degrees where
    each peak is cut off on either side. ``terms`` (l,) are the terms of each peak's axial sum as GSAS-II takes them;
    None is the converged integral.
    """

    def __init__(
        self,
        x: Array,
        two_theta: Array,
        fwhm: Array,
        shl: float,
        below: Array,
        above: Array,
        terms: Ints | None = None,
    ) -> None:
        self._two_theta, self._fwhm = two_theta, fwhm
        self.terms = terms
        reach = axial.extent(two_theta, shl)
        self._reach = reach
        radius = near_radius(fwhm, reach)
        inside = (two_theta > x[0]) & (two_theta < x[-1]) if x.size else np.zeros(two_theta.size, dtype=bool)
        smallest = np.min(radius[inside] if np.any(inside) else radius, initial=np.inf)
        self.grid = Grid.of(x, float(smallest))
        coarse = self.grid.coarse
        # The copies of a peak lie on one side of it: below 90 degrees on the low one.
        low = two_theta < 90.0
        outer = np.full_like(fwhm, np.inf) if coarse is None else 2.0 * radius
        ends = (
            two_theta - np.minimum(below, outer),
            two_theta - _CORE * fwhm - np.where(low, reach, 0.0),
            two_theta + _CORE * fwhm + np.where(low, 0.0, reach),
            two_theta + np.minimum(above, outer),
        )
        first, core_first, core_last, last = (np.searchsorted(x, end) for end in ends)
        core_first = np.clip(core_first, first, last)
        core_last = np.clip(core_last, core_first, np.maximum(last, core_first))
        peak = np.arange(two_theta.size)
        ratio = reach / fwhm
        core, ring = self._counts(_LADDER if terms is None else _TERMS_LADDER, ratio), self._counts(_RING, ratio)
        near = _Level.of(
            x,
            (
                _Windows(peak, core_first, core_last, core, True),
                _Windows(peak, first, core_first, ring, False),
                _Windows(peak, core_last, last, ring, False),
            ),
        )
        self._near, self._far = near, None
        if coarse is not None:
            self._near = near.blended(two_theta, radius, near=True)
            far = self._counts(_FAR, ratio) if terms is not None else np.full(peak.size, _FAR[-1][1])
            left, right = np.minimum(radius, below), np.minimum(radius, above)
            self._far = _Level.of(
                coarse,
                (
                    _Windows(peak, *_between(coarse, two_theta - below, two_theta - left), far, False),
                    _Windows(peak, *_between(coarse, two_theta + right, two_theta + above), far, False),
                ),
            ).blended(two_theta, radius, near=False)

    def _counts(self, ladder: tuple[tuple[float, int], ...], ratio: Array) -> Ints:
        counts = _rungs(ladder, ratio)
        if self.terms is None:
            return counts
        # A sum of few terms is evaluated as it is, in a zone of the next larger size.
        few = np.minimum(self.terms, counts)
        return _CLASSES[np.searchsorted(_CLASSES, few)]

    def fits(self, two_theta: Array, fwhm: Array, shl: float, slack: float) -> bool:
        """Whether peaks that have moved to here may still be evaluated by this plan.

        ``slack`` is the largest allowed change of position or width, as a share of the width.
        """
        moved = np.abs(two_theta - self._two_theta)
        changed = np.abs(fwhm - self._fwhm) + np.abs(axial.extent(two_theta, shl) - self._reach)
        return bool(np.all(moved <= slack * self._fwhm) and np.all(changed <= slack * self._fwhm))

    def shapes(
        self, two_theta: Array, fwhm: Array, eta: Array, shl: float, kinds: frozenset[str] = frozenset()
    ) -> Shapes:
        """Return the shapes of the peaks (of area one in unlimited windows), all arguments (l,) as above.

        ``kinds`` are the derivatives to calculate, of `ALL_KINDS`.
        """
        peaks = _Peaks(two_theta, fwhm, eta, shl, self.terms)
        near = self._near.evaluate(peaks, kinds)
        far = None if self._far is None else self._far.evaluate(peaks, kinds)
        return Shapes(self.grid, near, far, self._near.peak, None if self._far is None else self._far.peak)


def _rungs(ladder: tuple[tuple[float, int], ...], ratio: Array) -> Ints:
    tops, counts = zip(*ladder, strict=True)
    return np.array(counts)[np.searchsorted(np.array(tops), ratio)]


def _between(x: Array, start: Array, stop: Array) -> tuple[Ints, Ints]:
    return np.searchsorted(x, start), np.searchsorted(x, stop)

"""How well peaks at trial positions match a measured pattern, blurred or sharp, with intensities half right.

A `View` is a pattern blurred by one amount. Its abscissa is in units of the width of the blurred peaks, so that one
Gaussian smooths everywhere and a blurred view has few points. Measured and calculated patterns are smoothed alike,
replaced by the roots of their intensities, so that a few strong peaks do not dominate, and freed of everything broader
than peaks: the rest of the background, broad background peaks, slopes. The match is the cosine between the two; on
roots this is the coefficient of Bhattacharyya (Bull. Calcutta Math. Soc. 35, 99 (1943)), in which one wrong strong
peak counts for no more than its share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import nnls

from autogsas.crystal.symmetry import quadratic_form
from autogsas.engine.cells.clipping import clipped_background
from autogsas.engine.lineshape import SIGMA_TO_FWHM
from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern

__all__ = ["SHIFTS", "PeakList", "Signal", "View"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SHIFTS = 3
"""Kinds of shift of all peaks: zero, sample displacement, axial divergence."""

_DEGREE = np.pi / 180.0
_FEWEST = 20  # points that a pattern must have; not measured
_REACH = 12.0  # full widths of a peak over which the background is clipped; not measured
_PER_WIDTH = 2.0  # points of a view per standard deviation of its peaks
_CLEAR = 6.0  # of these standard deviations: broader features are not peaks; not measured
_NOISE = 2.0  # standard deviations of the noise below which intensities are taken linearly, not by their root,
_LEAST = 1e-4  # and so below this share of the highest; both not measured
_COVERED = 0.5  # share of a point of a view that must have been measured
_TABLE = 4000  # points at which the abscissa of a view is tabulated


@dataclass(frozen=True)
class Signal:
    """The pattern above its background; ``x`` in degrees, all of shape (n,) but the last two.

    ``variance`` is that of ``y``; ``width`` is of each point's interval in degrees; ``counted`` is where a point
    counts. Peaks at ``places`` (m,), ascending, have standard deviations ``sigmas`` (m,), all in degrees.
    """

    x: Array
    y: Array
    variance: Array
    width: Array
    counted: Mask
    places: Array
    sigmas: Array

    @classmethod
    def of(
        cls,
        pattern: Pattern,
        limits: tuple[float, float],
        excluded: tuple[tuple[float, float], ...],
        places: Array,
        sigmas: Array,
    ) -> Signal | None:
        """Return the signal of a pattern with its background clipped away, None where too few points count."""
        inside = pattern.mask(limits)
        counted = (pattern.mask(limits, excluded) & (pattern.weights > 0) & np.isfinite(pattern.y))[inside]
        if np.count_nonzero(counted) < _FEWEST or not places.size:
            return None
        x, weights = pattern.x[inside], pattern.weights[inside]
        # Points that do not count are bridged by a straight line.
        y = np.interp(x, x[counted], pattern.y[inside][counted])
        step = float(np.median(np.diff(x)))
        sigmas = np.maximum(sigmas, 0.7 * step)
        fwhm = SIGMA_TO_FWHM * float(np.median(sigmas))
        # Clipping follows the lower edge of the noise, so the noise is smoothed first.
        smooth = gaussian_filter1d(y, max(0.3 * fwhm / step, 0.5), mode="nearest")
        background = clipped_background(smooth, max(round(_REACH * fwhm / step), 3))
        variance = np.where(counted, 1.0 / np.where(counted, weights, 1.0), 0.0)
        return cls(x, y - background, variance, np.gradient(x), counted, places, sigmas)

    def sigma(self, two_theta: Array) -> Array:
        """Return the peaks' standard deviation at 2theta, both in degrees."""
        return np.asarray(np.interp(two_theta, self.places, self.sigmas))


@dataclass(frozen=True)
class PeakList:
    """The l peaks of one phase in one histogram, those of K-alpha2 included.

    ``form`` (l, 6) gives 1/d^2 with the reciprocal metric, ``wavelength`` (l,) in Angstrom, ``area`` (l,) on any scale,
    ``zero`` in degrees the instrument's zero, ``flat`` whether the geometry is Bragg-Brentano.
    """

    form: Array
    wavelength: Array
    area: Array
    zero: float
    flat: bool

    @classmethod
    def of(cls, hkl: Ints, areas: Array, instrument: Instrument, most: int, *, merged: bool = False) -> PeakList:
        """Return the peaks of reflections ``hkl`` (k, 3) with ``areas`` (k,), the ``most`` strongest of them.

        ``merged`` makes one peak of K-alpha1 and K-alpha2.
        """
        strongest = np.sort(np.argsort(-areas, kind="stable")[:most])
        hkl, areas = hkl[strongest], areas[strongest]
        shares = np.array([1.0, instrument.ratio] if instrument.doublet else [1.0])
        shares /= shares.sum()
        wavelengths = np.array(instrument.wavelengths[: shares.size])
        if merged:
            wavelengths, shares = np.array([shares @ wavelengths]), np.ones(1)
        return cls(
            np.tile(quadratic_form(hkl), (shares.size, 1)),
            np.repeat(wavelengths, len(hkl)),
            np.outer(shares, areas).ravel(),
            instrument.zero,
            instrument.geometry == "Bragg-Brentano",
        )

    def bragg(self, metrics: Array) -> Array:
        """Return 2theta in degrees, (b, l), at reciprocal ``metrics`` (b, 6), with the instrument's own zero."""
        sine = 0.5 * self.wavelength * np.sqrt(np.maximum(metrics @ self.form.T, 1e-12))
        return np.asarray(2.0 / _DEGREE * np.arcsin(np.minimum(sine, 1.0)) + self.zero)

    def shifts(self, bragg: Array) -> Array:
        """Return the shift by each kind, at unit size, of peaks at ``bragg`` (..., l) degrees, (..., l, `SHIFTS`).

        A constant; cos(theta), or cos(2theta) with a capillary, for a displaced sample; -cot(2theta) for the centroid
        of peaks with axial divergence.
        """
        angle = np.clip(bragg, 1.0, 179.0) * _DEGREE
        sample = np.cos(0.5 * angle) if self.flat else np.cos(angle)
        axial = np.clip(-1.0 / np.tan(angle), -6.0, 6.0)
        return np.stack([np.ones_like(angle), sample, axial], axis=-1)

    def places(self, metric: Array, shifts: Array) -> Array:
        """Return 2theta in degrees, (l,), at a reciprocal ``metric`` (6,) with ``shifts`` (`SHIFTS`,) in degrees."""
        bragg = self.bragg(metric[None])[0]
        return np.asarray(bragg + self.shifts(bragg) @ shifts)

    def slopes(self, metric: Array, directions: Array) -> Array:
        """Return the derivatives of 2theta (degrees) at a metric (6,) along ``directions`` (6, v) of it, (l, v)."""
        q = np.maximum(self.form @ metric, 1e-12)
        sine = np.minimum(0.5 * self.wavelength * np.sqrt(q), 0.99999)
        by_q = self.wavelength / (2.0 * np.sqrt(q) * np.sqrt(1.0 - sine**2)) / _DEGREE
        return np.asarray(by_q[:, None] * (self.form @ directions))


class View:
    """A signal blurred by one amount: peaks by ``strain`` (fraction of d) and ``shift`` (degrees) over their width.

    ``blur`` is the ratio of their widths to the signal's ``sigmas``. ``target`` (n,) is the measured pattern as it is
    compared, of unit length; ``independent`` its number of independent values.
    """

    def __init__(self, signal: Signal, strain: float, shift: float, blur: float = 1.0) -> None:
        self._low = float(signal.x[0])
        fine = np.linspace(self._low, float(signal.x[-1]), _TABLE)
        own = blur * signal.sigma(fine)
        sigma = np.sqrt(own**2 + (2.0 * np.tan(0.5 * fine * _DEGREE) * strain / _DEGREE) ** 2 + shift**2)
        rate = _PER_WIDTH / sigma
        self._pace = fine[1] - fine[0]
        self._run = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * self._pace)])
        self.size = int(np.ceil(self._run[-1])) + 1
        centres = np.interp(np.arange(self.size), self._run, fine)
        self._pitch = np.interp(centres, fine, sigma) / _PER_WIDTH  # degrees per point of the view
        # Measured peaks have their own width besides the smoothing; calculated ones must be given it.
        self._own = _PER_WIDTH**2 * float(np.median((own / sigma) ** 2))

        use = signal.counted
        t = self.at(signal.x[use])
        width = signal.width[use]
        amount, cover = (_smooth(self._placed(t, values)) for values in (signal.y[use] * width, width))
        # Smoothing with g smooths the variance with g^2: a Gaussian narrower by the root of two.
        spread = _smooth(self._placed(t, signal.variance[use] * width**2), _PER_WIDTH / np.sqrt(2.0))
        self._counted = cover > _COVERED * _smooth(self._pitch)
        safe = np.where(self._counted, cover, 1.0)
        self._data = np.where(self._counted, np.maximum(amount, 0.0) / safe, 0.0)
        noise = np.sqrt(np.maximum(spread, 0.0) / (2.0 * np.sqrt(np.pi) * _PER_WIDTH)) / safe
        least = _LEAST * float(np.max(self._data, initial=0.0)) + 1e-300
        self._floor = np.where(self._counted, _NOISE * noise, 0.0) + least
        self._weight = np.where(self._counted, 1.0 / (self._data + self._floor), 0.0)
        target = self.compared(self._data)
        length = float(np.linalg.norm(target))
        self.target = target / length if length > 0 else target
        self.independent = float(np.count_nonzero(self._counted) / (2.0 * np.sqrt(np.pi) * _PER_WIDTH))

    def at(self, two_theta: Array) -> Array:
        """Return the place in the view of 2theta in degrees; -1 outside."""
        place = (two_theta - self._low) / self._pace
        inside = (place >= 0) & (place < _TABLE - 1)
        low = np.where(inside, place, 0.0).astype(np.int64)
        start = self._run[low]
        return np.where(inside, start + (self._run[low + 1] - start) * (place - low), -1.0)

    def draw(self, peaks: PeakList, two_theta: Array, wider: float = 1.0) -> Array:
        """Return the patterns (b, n) of peaks at ``two_theta`` (b, l) in degrees, at unit scale.

        ``wider`` is the ratio of the peaks' widths to those that the view assumes.
        """
        placed = self._deposited(self.at(two_theta), np.broadcast_to(peaks.area, two_theta.shape))
        return np.asarray(_smooth(placed, np.sqrt(_PER_WIDTH**2 + wider**2 * self._own)) / self._pitch)

    def slopes(self, peaks: PeakList, two_theta: Array, moves: Array) -> Array:
        """Return the derivatives (v, n) of the pattern of peaks at ``two_theta`` (l,) that move by ``moves`` (l, v)."""
        t = self.at(two_theta)
        moved = moves.T / self._pitch[np.clip(t, 0, self.size - 1).astype(np.int64)]
        placed = self._deposited(np.broadcast_to(t, moved.shape), moved * peaks.area)
        return np.asarray(-_smooth(placed, np.sqrt(_PER_WIDTH**2 + self._own), order=1) / self._pitch)

    def scales(self, patterns: Array) -> Array:
        """Return the scales (p,), not negative, with which ``patterns`` (p, n) add up to the data best.

        Least squares with the weights of counts, one over the intensity.
        """
        root = np.sqrt(self._weight)
        columns = (patterns * root).T
        lengths = np.linalg.norm(columns, axis=0)
        lengths = np.where(lengths > 0, lengths, 1.0)
        found, _ = nnls(columns / lengths, self._data * root)
        return np.asarray(found / lengths)

    def joined(self, patterns: Array, others: Array | None) -> Array:
        """Return each of ``patterns`` (b, n) at the best scale, added to ``others`` (n,) at theirs."""
        w, data = self._weight, self._data
        pp = (patterns**2) @ w
        pp = np.where(pp > 0, pp, 1.0)
        pd = patterns @ (w * data)
        if others is None or not np.any(others):
            return np.asarray(patterns * (pd / pp)[:, None])
        oo, od, po = float(w @ others**2), float(w @ (others * data)), patterns @ (w * others)
        scale = np.maximum((pd * oo - po * od) / np.maximum(oo * pp - po**2, 1e-12 * oo * pp), 0.0)
        rest = np.maximum((od - scale * po) / oo, 0.0)
        return np.asarray(patterns * scale[:, None] + others * rest[:, None])

    def compared(self, pattern: Array) -> Array:
        """Return patterns (..., n), at the data's scale, as they are compared: roots, freed of broad features."""
        return self._cleared(np.sqrt(np.maximum(pattern, 0.0) + self._floor) - np.sqrt(self._floor))

    def compared_slopes(self, pattern: Array, slopes: Array) -> Array:
        """Return the derivatives (v, n) of `compared` at a pattern (n,) that changes by ``slopes`` (v, n)."""
        return self._cleared(slopes * (0.5 / np.sqrt(np.maximum(pattern, 0.0) + self._floor)))

    def share(self, pattern: Array) -> Array:
        """Return the share (...,) of the data that patterns (..., n) at its scale explain: the squared cosine."""
        alike = self.compared(pattern)
        lengths = np.linalg.norm(alike, axis=-1)
        return np.asarray(np.maximum(alike @ self.target / np.where(lengths > 0, lengths, 1.0), 0.0) ** 2)

    def _placed(self, t: Array, amounts: Array) -> Array:
        return np.asarray(self._deposited(t[None], amounts[None])[0])

    def _deposited(self, t: Array, amounts: Array) -> Array:
        """Return amounts (b, l) added at places ``t`` (b, l), each shared between the two nearest points, (b, n)."""
        rows, n = t.shape[0], self.size
        inside = (t >= 0) & (t < n - 1)
        low = np.where(inside, t, 0.0).astype(np.int64)
        amounts = np.where(inside, amounts, 0.0)
        upper = amounts * (t - low)
        low += np.arange(rows)[:, None] * n
        flat = np.bincount(low.ravel(), (amounts - upper).ravel(), rows * n)
        flat[1:] += np.bincount(low.ravel(), upper.ravel(), rows * n)[:-1]
        return np.asarray(flat.reshape(rows, n))

    def _cleared(self, values: Array) -> Array:
        broad = gaussian_filter1d(values, _CLEAR * _PER_WIDTH, axis=-1, mode="nearest", truncate=2.5)
        return np.asarray(np.where(self._counted, values - broad, 0.0))


def _smooth(values: Array, sigma: float = _PER_WIDTH, order: int = 0) -> Array:
    return np.asarray(gaussian_filter1d(values, sigma, axis=-1, order=order, mode="constant", truncate=3.5))

"""Peaks in the difference of a pattern from a model, where no reflection is: a matched filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.limits import LIMITS
from autogsas.builtin.checks.windows import Counted, Lines

__all__ = ["ResidualPeak", "find_residual_peaks", "peak_width"]

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_EXPLAINED = 1.2  # widths from a calculated line within which a maximum is that line's misfit; not measured
_REACH = 3.0  # widths on each side of a maximum that it is fitted over, with a sloping background
_BROADER = (1.0, 2.0)  # widths that are tried, over the local one; not measured
_CLEARLY = 1.1  # by how much more significant a broader peak must be; not measured
_PROMISING = 0.6  # of the significance wanted, at which a box average makes a maximum worth fitting; not measured
# A peak shape is wrong by about this share of its own height in the tails. Real patterns: tails of pseudo-Voigts
# differ from the measured ones by a quarter; not measured further.
_SHAPE = 0.3
_MOST = 60  # peaks of one pattern
_POINTS = 6  # fewest points that a peak is fitted to
_FEWEST = 50  # points that no line reaches, from which their scatter is known


@dataclass(frozen=True)
class ResidualPeak:
    """A maximum that no reflection explains: position and full width in degrees, ``height`` in counts above the fit.

    ``significance`` is its height in standard deviations; ``doublet`` whether it is fitted better with K-alpha2.
    """

    two_theta: float
    fwhm: float
    height: float
    significance: float
    doublet: bool


@dataclass
class _Signal:
    """The points, with what is left of the differences, and the scatter that they have from noise and from misfit."""

    x: Array
    left: Array
    noise: Array
    shape: Array
    widths: Sequence[Array]
    free: Flags


def find_residual_peaks(
    points: Counted, lines: Lines, widths: Sequence[Array], wavelengths: Sequence[float], ratio: float
) -> list[ResidualPeak]:
    """Return the maxima above `LIMITS.significant` sigma that are farther than about a width from every line.

    ``widths`` are the local full widths (n,) of each phase. At each maximum of a box average, the strongest first, a
    peak of the local width or twice that (Gaussian, with K-alpha2 if the radiation has it, or without) is fitted with a
    sloping background by linear least squares, and subtracted: the matched filter of a known shape in coloured noise
    (Turin, IRE Trans. Inf. Theory 6, 311 (1960)). The noise is that of the weights, times the scatter that the points
    away from all lines have, with their serial correlation (Hill & Flack, J. Appl. Cryst. 20, 356 (1987)), so that a
    waving background does not count; to it comes a share of the calculated peaks, so that their tails and shoulders do
    not count either.
    """
    free = ~_near(points.x, lines, _EXPLAINED)
    if points.x.size < 10 or not free.any():
        return []
    noise = points.sigma * _scale(points, free)
    signal = _Signal(points.x, points.difference.copy(), noise, _SHAPE * _raised(points, lines), widths, free)
    found: list[ResidualPeak] = []
    tried = np.zeros(points.x.size, dtype=bool)
    while len(found) < _MOST:
        peak, centre = _strongest(signal, tried, wavelengths, ratio)
        if peak is None:
            break
        found.append(peak)
        signal.left -= peak.height * _shape(signal.x, centre, peak.fwhm, wavelengths if peak.doublet else (), ratio)
        signal.free &= np.abs(signal.x - peak.two_theta) > 1.5 * peak.fwhm
        tried &= np.abs(signal.x - peak.two_theta) > _REACH * peak.fwhm
    return sorted(found, key=lambda peak: -peak.height * peak.fwhm)


def peak_width(points: Counted, lines: Lines) -> tuple[float, float]:
    """Return the height, in counts, and the width, in degrees, of the strongest calculated peak; zeros without one."""
    if not lines.position.size or not points.x.size:
        return 0.0, 0.0
    top = int(np.argmax(points.peaks))
    return float(points.peaks[top]), float(np.interp(points.x[top], lines.position, lines.fwhm))


def _near(x: Array, lines: Lines, reach: float) -> Flags:
    """Return which points are within ``reach`` widths of a line."""
    marks = np.zeros(x.size + 1)
    begin = np.searchsorted(x, lines.position - reach * lines.fwhm)
    end = np.searchsorted(x, lines.position + reach * lines.fwhm, side="right")
    np.add.at(marks, begin, 1.0)
    np.add.at(marks, end, -1.0)
    return np.asarray(np.cumsum(marks)[:-1] > 0.5)


def _raised(points: Counted, lines: Lines) -> Array:
    """Return the calculated peaks, each point raised to the largest value within a width."""
    if not lines.position.size:
        return np.zeros_like(points.x)
    width = np.interp(points.x, lines.position, lines.fwhm)
    step = float(np.median(np.diff(points.x)))
    reach = int(np.clip(np.median(width) / step, 1, points.x.size // 4))
    padded = np.pad(np.maximum(points.peaks, 0.0), reach, mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1))


def _scale(points: Counted, free: Flags) -> float:
    """Return by how much the differences scatter more than the weights say, with serial correlation, where no line is.

    From the median deviation, which a few peaks do not raise.
    """
    normal = points.difference / points.sigma
    use = normal[free] if np.count_nonzero(free) >= _FEWEST else normal
    spread = max(1.4826 * float(np.median(np.abs(use - np.median(use)))), 1e-9)
    clipped = np.clip(use - np.median(use), -3.0 * spread, 3.0 * spread)
    correlation = float(np.mean(clipped[1:] * clipped[:-1]) / max(float(np.mean(clipped**2)), 1e-12))
    correlation = min(max(correlation, 0.0), 0.9)
    return max(spread * float(np.sqrt((1.0 + correlation) / (1.0 - correlation))), 1.0)


def _strongest(
    signal: _Signal, tried: Flags, wavelengths: Sequence[float], ratio: float
) -> tuple[ResidualPeak | None, float]:
    """Return the next maximum that is a peak, and its centre; what is not one is marked in ``tried``."""
    scores = [_box(signal, factor * width) for width in signal.widths for factor in _BROADER]
    score = np.where(signal.free & ~tried, np.max(scores, axis=0), -np.inf)
    doublets = (False, True) if len(wavelengths) > 1 and ratio > 0 else (False,)
    while True:
        index = int(np.argmax(score))
        if not score[index] > _PROMISING * LIMITS.significant:
            return None, 0.0
        options = [
            (_fit(signal, index, factor * float(width[index]), wavelengths if doublet else (), ratio), doublet, factor)
            for width in signal.widths
            for factor in _BROADER
            for doublet in doublets
        ]
        # Noise makes a broader peak a little better by chance.
        (height, significance, fwhm, centre), doublet, _ = max(
            options, key=lambda option: option[0][1] / (1.0 if option[2] == 1.0 else _CLEARLY)
        )
        if significance > LIMITS.significant and not _hidden(signal, centre):
            return ResidualPeak(centre, fwhm, height, significance, doublet), centre
        near = np.abs(signal.x - signal.x[index]) <= 0.5 * min(float(width[index]) for width in signal.widths)
        tried |= near
        score[near] = -np.inf


def _hidden(signal: _Signal, centre: float) -> bool:
    """Whether the nearest point to a centre is one that a line explains."""
    return not signal.free[int(np.argmin(np.abs(signal.x - centre)))]


def _box(signal: _Signal, width: Array) -> Array:
    """Return the sum of the differences over a width about each point, in its standard deviations."""
    running = np.concatenate([[0.0], np.cumsum(signal.left)])
    spread = np.concatenate([[0.0], np.cumsum(signal.noise**2 + signal.shape**2)])

    low = np.searchsorted(signal.x, signal.x - 0.5 * width)
    high = np.searchsorted(signal.x, signal.x + 0.5 * width, side="right")
    return np.asarray((running[high] - running[low]) / np.sqrt(spread[high] - spread[low]))


def _shape(x: Array, centre: float, fwhm: float, wavelengths: Sequence[float], ratio: float) -> Array:
    """Return a Gaussian of height one, with that of K-alpha2 if ``wavelengths`` are two."""
    out = np.exp(-4.0 * np.log(2.0) * ((x - centre) / fwhm) ** 2)
    if len(wavelengths) > 1:
        sine = np.sin(np.radians(centre / 2.0)) * wavelengths[1] / wavelengths[0]
        if sine < 1.0:
            second = 2.0 * np.degrees(np.arcsin(sine))
            out = out + ratio * np.exp(-4.0 * np.log(2.0) * ((x - second) / fwhm) ** 2)
    return np.asarray(out)


def _fit(
    signal: _Signal, index: int, fwhm: float, wavelengths: Sequence[float], ratio: float
) -> tuple[float, float, float, float]:
    """Return height, significance, width and centre of the best peak within about a width of a point."""
    best = (0.0, 0.0, fwhm, float(signal.x[index]))
    # Coarse steps from the point, then fine ones from the best of them.
    for moves in ((-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75), (-0.15, -0.1, -0.05, 0.05, 0.1, 0.15)):
        start = best[3]
        if 0.0 not in moves and best[1] < 0.8 * LIMITS.significant:
            break
        for move in moves:
            height, error = _fit_at(signal, start + move * fwhm, fwhm, wavelengths, ratio)
            if error > 0 and height / error > best[1]:
                best = (height, height / error, fwhm, start + move * fwhm)
    return best


def _fit_at(
    signal: _Signal, centre: float, fwhm: float, wavelengths: Sequence[float], ratio: float
) -> tuple[float, float]:
    """Return the height of a peak at a centre and its error; zeros where there are too few points."""
    low, high = np.searchsorted(signal.x, (centre - _REACH * fwhm, centre + _REACH * fwhm))
    if high - low < _POINTS:
        return 0.0, 0.0
    x, y = signal.x[low:high], signal.left[low:high]
    weight = 1.0 / (signal.noise[low:high] ** 2 + signal.shape[low:high] ** 2)
    design = np.column_stack([_shape(x, centre, fwhm, wavelengths, ratio), np.ones_like(x), (x - centre) / fwhm])
    try:
        inverse = np.linalg.inv(design.T @ (weight[:, None] * design))
    except np.linalg.LinAlgError:
        return 0.0, 0.0
    height = float(inverse[0] @ (design.T @ (weight * y)))
    # The misfit of a calculated peak is one error for all points of a window: it does not average out.
    misfit = float(np.interp(centre, x, signal.shape[low:high]))
    return height, float(np.sqrt(max(inverse[0, 0], 0.0) + misfit**2))

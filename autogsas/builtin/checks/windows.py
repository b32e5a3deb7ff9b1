"""Where the calculated reflections are in a pattern: all lines of the radiation, and windows of overlapping peaks.

Sums over these windows, and how many variables a part of the points has, are what checks of the misfit start from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.model.project import Histogram
from autogsas.model.result import Curves, Result

__all__ = ["Counted", "Lines", "Sums", "calculated_lines", "counted", "sums_over", "variables_per_point", "windows"]

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_FEWEST_POINTS = 3


@dataclass(frozen=True)
class Counted:
    """The points of a histogram that count, arrays of shape (n,): ``sigma`` from the weights, ``peaks`` yc - yb."""

    x: Array
    difference: Array
    sigma: Array
    peaks: Array


@dataclass(frozen=True)
class Lines:
    """All calculated lines of a histogram, K-alpha2 too, by position; arrays of shape (m,) in degrees."""

    position: Array
    fwhm: Array


@dataclass(frozen=True)
class Sums:
    """Sums over m windows of overlapping peaks: difference, its variance, calculated intensity, each (m,)."""

    ranges: Array
    difference: Array
    variance: Array
    calculated: Array


def counted(histogram: Histogram, curves: Curves) -> Counted:
    """Return the points with weight inside the limits and outside the excluded regions."""
    used = curves.weights > 0
    used &= (curves.x >= histogram.limits[0] - 1e-6) & (curves.x <= histogram.limits[1] + 1e-6)
    for low, high in histogram.excluded:
        used &= (curves.x < low) | (curves.x > high)
    observed, calculated, background = curves.observed[used], curves.calculated[used], curves.background[used]
    return Counted(curves.x[used], observed - calculated, 1.0 / np.sqrt(curves.weights[used]), calculated - background)


def calculated_lines(histogram: Histogram, curves: Curves) -> Lines:
    """Return the lines of all reflections; those of K-alpha2 are as far from K-alpha1 as Bragg's law says."""
    wavelengths = histogram.instrument.wavelengths
    places, widths = [np.zeros(0)], [np.zeros(0)]
    for item in curves.reflections:
        good = np.isfinite(item.two_theta) & np.isfinite(item.fwhm) & (item.fwhm > 0) & (item.d > 0)
        d, two_theta, fwhm = item.d[good], item.two_theta[good], item.fwhm[good]
        first = np.minimum(wavelengths[0] / (2.0 * d), 1.0)
        for wavelength in wavelengths:
            sine = wavelength / (2.0 * d)
            seen = sine < 1.0
            moved = 2.0 * np.degrees(np.arcsin(np.minimum(sine, 1.0)) - np.arcsin(first))
            places.append((two_theta + moved)[seen])
            widths.append(fwhm[seen])
    position, width = np.concatenate(places), np.concatenate(widths)
    order = np.argsort(position)
    return Lines(position[order], width[order])


def windows(lines: Lines, reach: float) -> Array:
    """Return the ranges (k, 2) within ``reach`` widths of a line, those that overlap joined, in ascending order."""
    if not lines.position.size:
        return np.zeros((0, 2))
    low, high = lines.position - reach * lines.fwhm, lines.position + reach * lines.fwhm
    order = np.argsort(low)
    low, high = low[order], np.maximum.accumulate(high[order])
    begins = np.concatenate([[True], low[1:] > high[:-1]])
    ends = np.concatenate([begins[1:], [True]])
    return np.column_stack([low[begins], high[ends]])


def sums_over(points: Counted, ranges: Array) -> Sums:
    """Return the sums over those of ``ranges`` (k, 2) that have enough points."""
    begin, end = np.searchsorted(points.x, ranges[:, 0]), np.searchsorted(points.x, ranges[:, 1], side="right")
    enough = end - begin >= _FEWEST_POINTS
    begin, end = begin[enough], end[enough]

    def total(values: Array) -> Array:
        running = np.concatenate([[0.0], np.cumsum(values)])
        return np.asarray(running[end] - running[begin])

    return Sums(ranges[enough], total(points.difference), total(points.sigma**2), total(points.peaks))


def variables_per_point(result: Result, every: Iterable[Counted]) -> float:
    """Return the number of variables over that of the points of all histograms, which share the variables."""
    return result.n_variables / max(sum(points.x.size for points in every), 1)

"""The data of the zoomable figures on the page of a comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autogsas.comparison import Comparison, Fit, Growth, Overlay, overlays
from autogsas.figures.forest import Line, forest_lines, largest, reach
from autogsas.figures.series import SYMBOLS, letter, series, versus

__all__ = ["payload"]

Array = npt.NDArray[np.float64]

_MANY = 12_000  # points of a cumulative curve; more do not change its shape


def payload(comparison: Comparison) -> dict[str, Any]:
    """Return curves, reflection marks and differences for the figures; numbers that are not finite become null."""
    labels = [one.label for one in comparison.refinements]
    lines = forest_lines(comparison)
    return {
        "series": [
            {
                "letter": letter(place),
                "label": label,
                "colour": series(place),
                "versus": versus(place),
                "symbol": SYMBOLS[(place - 1) % len(SYMBOLS)],
            }
            for place, label in enumerate(labels)
        ],
        "patterns": [_pattern(overlay) for overlay in overlays(comparison)],
        "forests": [_forest(part) for part in largest(lines) if part],
    }


def _pattern(overlay: Overlay) -> dict[str, Any]:
    return {
        "name": overlay.name,
        "x": _numbers(overlay.two_theta, 8),
        "observed": _numbers(overlay.observed, 7),
        "fits": [_fit(overlay, place, fit) for place, fit in overlay.fits],
        "growths": [_growth(growth) for growth in overlay.growths],
    }


def _fit(overlay: Overlay, place: int, fit: Fit) -> dict[str, Any]:
    """Return one fit; angles and observed intensities that equal those of the whole pattern are left out."""
    profile = fit.profile
    whole = np.array_equal(profile.two_theta, overlay.two_theta)
    seen = whole and np.array_equal(profile.observed, overlay.observed, equal_nan=True)
    return {
        "series": place,
        "x": None if whole else _numbers(profile.two_theta, 8),
        "observed": None if seen else _numbers(profile.observed, 7),
        "calculated": _numbers(profile.calculated, 7),
        "background": _numbers(profile.background, 6),
        "weight": _numbers(np.where(profile.counted, profile.weight, 0.0), 6),
        "uncounted": profile.uncounted(fit.excluded),
        "marks": [
            {
                "phase": mark.phase,
                "x": _numbers(mark.two_theta, 8),
                "hkl": [" ".join(str(index) for index in hkl) for hkl in mark.hkl.tolist()],
                "d": _numbers(mark.d, 6),
            }
            for mark in fit.marks
        ],
    }


def _growth(growth: Growth) -> dict[str, Any]:
    size = growth.two_theta.size
    at = np.unique(np.linspace(0, size - 1, min(size, _MANY)).round().astype(np.int64))
    return {
        "series": growth.other,
        "x": _numbers(growth.two_theta[at], 8),
        "one": _numbers(growth.one[at], 8),
        "two": _numbers(growth.two[at], 8),
    }


def _forest(lines: tuple[Line, ...]) -> dict[str, Any]:
    return {
        "reach": reach(lines),
        "lines": [
            {
                "heading": line.heading,
                "name": line.name,
                "dots": [
                    {"series": dot.other, "esds": float(f"{dot.esds:.5g}"), "words": dot.words} for dot in line.dots
                ],
            }
            for line in lines
        ],
    }


def _numbers(values: Array, digits: int) -> list[float | None]:
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()]

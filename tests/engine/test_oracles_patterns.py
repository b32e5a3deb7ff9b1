"""Whole calculated patterns and backgrounds against GSAS-II's, parameter for parameter."""

from __future__ import annotations

import numpy as np
import pytest

from ..oracles import engine, plain

PATTERNS = plain.entries("patterns")
BACKGROUNDS = plain.entries("backgrounds")


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_backgrounds(name: str) -> None:
    entry = BACKGROUNDS[name]
    x = entry["start"] + entry["step"] * np.arange(entry["count"])
    found = engine.background_function(entry["function"], entry["coefficients"], x, entry["wavelength"])
    expected = np.array(entry["background"])
    assert np.max(np.abs(found[:: entry["every"]] - expected)) < 1e-6 * np.max(np.abs(expected))


@pytest.mark.parametrize("name", PATTERNS)
def test_background_of_a_pattern(name: str) -> None:
    """With its broad peaks; within 0.5 % of the highest of them where there are any."""
    entry = PATTERNS[name]
    project = plain.to_project(entry["asked"])
    every, histogram = entry["every"], project.histograms[0]
    kept = histogram.pattern.mask(histogram.limits, histogram.excluded)[::every]
    expected = np.array(entry["background"])[kept]
    function, coefficients = entry["asked"]["background"]
    smooth = engine.background_function(
        function, coefficients, histogram.pattern.x, histogram.instrument.wavelengths[0]
    )[::every][kept]
    found = engine.background(function, coefficients, histogram)[::every][kept]
    broad = float(np.max(np.abs(expected - smooth))) if histogram.background_peaks else 0.0
    assert np.max(np.abs(found - expected)) < max(0.005 * broad, 1e-6 * float(expected.max()))


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns(name: str) -> None:
    """Every point within 0.5 % of the height of its line, the weighted difference of all below 1 %."""
    entry = PATTERNS[name]
    asked = entry["asked"]
    project = plain.to_project(asked)
    histogram = project.histograms[0]
    x, margin = histogram.pattern.x, asked["margin"]
    counted = histogram.pattern.mask(histogram.limits, histogram.excluded)
    compared = counted & (np.arange(x.size) >= margin) & (np.arange(x.size) < x.size - margin)
    background = engine.background(*asked["background"], histogram)
    calculated = np.array(entry["calculated"])
    expected = np.where(counted, calculated - background, 0.0)
    found = engine.bragg(project, [item["scale"] for item in asked["parts"]], asked["corrections"])
    off = np.abs(found - expected)[compared] / heights(x, expected, entry)[compared]
    worst = int(np.argmax(off))
    where = f"{100 * off[worst]:.2f} % of the height at {x[compared][worst]:.2f} degrees"
    assert off[worst] < 0.005, f"{np.count_nonzero(off > 0.005)} of {off.size} points; {where}"
    weight = 1.0 / calculated[compared]
    difference = (found + background - calculated)[compared]
    assert np.sqrt(np.sum(weight * difference**2) / np.sum(weight * calculated[compared] ** 2)) < 0.01


def heights(x: plain.Array, bragg: plain.Array, entry: plain.Entry) -> plain.Array:
    """The local peak height at each point: the largest Bragg part within a full width of the nearest reflection.

    Between lines it is thus the height of the line whose tail a point belongs to. Reflections in excluded regions,
    where GSAS-II calculates nothing, have no height and do not count.
    """
    places, widths = np.concatenate(entry["places"]), np.concatenate(entry["widths"])
    order = np.argsort(places)
    places, widths = places[order], widths[order]
    low, high = np.searchsorted(x, places - widths), np.searchsorted(x, places + widths)
    tops = np.array([np.max(bragg[a:b], initial=0.0) for a, b in zip(low, high, strict=True)])
    places, tops = places[tops > 0], tops[tops > 0]
    return tops[np.searchsorted((places[1:] + places[:-1]) / 2.0, x)]

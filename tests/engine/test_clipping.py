"""The background under the peaks."""

from __future__ import annotations

import numpy as np
import pytest

from autogsas.engine.cells.clipping import clipped_background

X = np.linspace(10.0, 110.0, 5001)


def smooth() -> np.ndarray:
    return 300.0 * np.exp(-X / 30.0) + 100.0 + 200.0 * np.exp(-0.5 * ((X - 40.0) / 12.0) ** 2)


def test_peaks_of_all_heights_are_clipped_away() -> None:
    heights = {25.0: 1e5, 33.0: 50.0, 47.0: 3e3, 90.0: 1e4}
    peaks = sum(height * np.exp(-0.5 * ((X - place) / 0.1) ** 2) for place, height in heights.items())
    found = clipped_background(smooth() + peaks, 30)
    assert np.all(found <= smooth() + peaks + 1e-6)
    inside = (X > 12) & (X < 108)
    assert np.max(np.abs(found - smooth())[inside] / smooth()[inside]) < 0.05


def test_a_smooth_pattern_is_all_background() -> None:
    assert clipped_background(smooth(), 30) == pytest.approx(smooth(), rel=0.02)


@pytest.mark.parametrize("y", [np.zeros(0), np.ones(1), np.array([3.0, 1.0]), np.full(50, -7.0), np.zeros(10)])
def test_edges(y: np.ndarray) -> None:
    found = clipped_background(y, 40)
    assert found.shape == y.shape
    assert found == pytest.approx(y, abs=1e-9)

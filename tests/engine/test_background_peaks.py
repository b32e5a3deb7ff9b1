"""Fixed broad peaks of the background: areas, widths, and their part in a refinement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.engine.background_peaks import background_peaks
from autogsas.model.project import Histogram
from autogsas.model.recipe import Step
from autogsas.model.sample import BackgroundPeak

from .models import CUBIC, XRAY, project, refined, simulate, step, with_data

WIDE = BackgroundPeak(50.0, 4000.0, 2e4, 0.1)


def with_peaks(*peaks: BackgroundPeak, limits: tuple[float, float] = (20.0, 90.0)) -> Histogram:
    return replace(project((CUBIC,), XRAY, limits, 0.02).histograms[0], background_peaks=peaks)


@pytest.mark.parametrize("sig", [50.0, 2e4])
def test_the_intensity_is_the_area(sig: float) -> None:
    """Counts times centidegrees; what the Lorentzian part and the cut-offs leave out is below a thousandth."""
    histogram = with_peaks(replace(WIDE, sig=sig))
    x = histogram.pattern.x
    found = background_peaks(x, histogram, 0.002)
    assert found.sum() * 2.0 == pytest.approx(4000.0, rel=1e-3)
    assert x[np.argmax(found)] == pytest.approx(50.0, abs=0.02)
    # A Gaussian of that variance: the second moment, over where it is.
    core = np.abs(x - 50) < 5e-2 * np.sqrt(sig)
    moment = np.sum((found * (x - 50.0) ** 2)[core]) / found[core].sum()
    assert moment == pytest.approx(sig * 1e-4, rel=0.03)


def test_a_lorentzian_broad_peak_has_its_full_width() -> None:
    histogram = with_peaks(BackgroundPeak(50.0, 4000.0, 0.01, 200.0))
    found = background_peaks(histogram.pattern.x, histogram, 0.002)
    above = histogram.pattern.x[found > found.max() / 2]
    assert above[-1] - above[0] == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("axial_sum", ["GSAS-II", "converged"])
def test_broad_peaks_add_up(axial_sum: str) -> None:
    other = BackgroundPeak(30.0, 900.0, 400.0, 5.0)
    histogram = replace(with_peaks(WIDE, other), axial_sum=axial_sum)
    x = histogram.pattern.x
    one, two = (background_peaks(x, replace(histogram, background_peaks=(peak,)), 0.03) for peak in (WIDE, other))
    both = background_peaks(x, histogram, 0.03)
    assert np.allclose(both, one + two, atol=1e-3 * both.max())
    assert np.all(background_peaks(x, replace(histogram, background_peaks=()), 0.03) == 0)


def test_the_smallest_widths_keep_a_peak_of_zero_width_finite() -> None:
    histogram = with_peaks(BackgroundPeak(50.0, 100.0, 1e-9, 0.0), BackgroundPeak(0.01, 0.0, 1.0, 0.0))
    found = background_peaks(histogram.pattern.x, histogram, 0.3)
    assert np.all(np.isfinite(found))


def test_broad_peaks_are_part_of_the_background_of_a_fit() -> None:
    made = project((CUBIC,), XRAY, (20.0, 90.0), 0.03)
    made = replace(made, histograms=(replace(made.histograms[0], background_peaks=(WIDE,)),))
    histogram = made.histograms[0]
    broad = background_peaks(histogram.pattern.x, histogram, XRAY.SH_L)
    made = with_data(made, simulate(made, (0.5,), 300.0 + broad))
    session = refined(made, step("scale", "background", terms=3, cycles=5), step("cell", "W"))
    curves = session.result().curves[0]
    assert session.result().engine_rwp < 1e-6
    assert np.allclose(curves.background, 300.0 + broad, rtol=1e-6)
    # Steps over part of the range have the same broad peaks.
    assert session.refine(Step(limits=(40.0, 60.0))).rwp < 1e-3

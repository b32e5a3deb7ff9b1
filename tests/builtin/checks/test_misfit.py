"""How much of a pattern is unexplained is reported beyond noise, and calmly where real patterns have as much."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autogsas.builtin.checks.misfit import autogsas_check_result, intensity_misfit, profile_misfit
from autogsas.builtin.checks.windows import Counted, Lines, sums_over, windows
from autogsas.model.result import Finding, Severity
from tests.builtin.checks.truth import refined_at_truth


def found(name: str, **changed: Any) -> dict[str, Finding]:
    project, result, metrics = refined_at_truth(name, **changed)
    return {finding.code: finding for finding in autogsas_check_result(project, result, metrics)}


def test_the_shares_are_those_of_their_definition() -> None:
    """Peaks of 1000 counts, every other one 10 % too low: chi^2 and the sums of windows in closed form."""
    x = np.arange(1000) * 0.1
    peaks = np.where(np.arange(1000) % 20 < 5, 1000.0, 0.0)
    off = np.where(np.arange(1000) % 40 < 5, 100.0, 0.0)
    points = Counted(x, off, np.full(1000, 10.0), peaks)
    profile = profile_misfit(points, peaks, 0.0)
    assert profile.share == pytest.approx(np.sqrt((125 * 100.0 - 1000) / (250 * 1e4)))
    assert profile.significance == pytest.approx((125 * 100.0 - 1000) / np.sqrt(2000.0))
    lines = Lines(np.arange(0.2, 100.0, 2.0), np.full(50, 0.45))
    ranges = windows(lines, 1.0)
    assert ranges.shape == (50, 2)
    sums = intensity_misfit(points, ranges)
    # 25 of 50 windows of 9 points (5 at the first peak's border: 7) sum 500 counts of difference each.
    variance = np.full(50, 9 * 100.0)
    variance[0] = 7 * 100.0
    excess = np.sum(500.0**2 / variance[::2]) - 50
    assert sums_over(points, ranges).variance == pytest.approx(variance)
    assert sums.share == pytest.approx(np.sqrt(excess / np.sum(5000.0**2 / variance)))


def test_windows_that_overlap_are_joined() -> None:
    lines = Lines(np.array([10.0, 10.3, 12.0]), np.array([0.2, 0.5, 0.1]))
    assert windows(lines, 1.0) == pytest.approx(np.array([[9.8, 10.8], [11.9, 12.1]]))
    assert windows(Lines(np.zeros(0), np.zeros(0)), 1.0).shape == (0, 2)


@pytest.mark.parametrize("name", ["corundum-plain", "zincite-plates", "weak-baddeleyite", "high-background"])
def test_a_right_model_has_no_misfit(name: str) -> None:
    assert found(name) == {}


@pytest.mark.parametrize("name", ["zincite-plates", "anatase-101", "halite-cubes", "calcite-in-quartz"])
def test_intensities_of_a_texture_that_the_model_lacks_are_reported(name: str) -> None:
    finding = found(name, texture=False)["intensities-differ"]
    assert finding.severity is Severity.WARNING
    assert finding.numbers["share"] > 0.06


def test_widths_by_direction_that_the_model_lacks_are_a_misfit() -> None:
    finding = found("faulted-zincite", directions=False)["misfit"]
    assert finding.severity is Severity.WARNING


def test_a_wrong_wavelength_is_no_fit_at_all() -> None:
    finding = found("wrong-wavelength")["no-fit"]
    assert finding.severity is Severity.ERROR
    assert finding.numbers["share"] > 0.5


def test_a_misfit_of_the_shape_that_real_patterns_have_is_only_noted() -> None:
    """Peaks that are a little too broad in the model, with so many counts that GoF is 2."""
    project, result, metrics = refined_at_truth("corundum-plain")
    (curves,) = result.curves
    step = float(np.median(np.diff(curves.x)))
    kernel = np.exp(-0.5 * (np.arange(-40, 41) * step / 0.016) ** 2)
    net = curves.calculated - curves.background
    broad = curves.background + np.convolve(np.pad(net, 40, mode="edge"), kernel / kernel.sum(), "valid")
    noise = np.random.default_rng(3).normal(size=curves.x.size)
    many = 10.0 * curves.calculated
    made = replace(
        curves,
        observed=many + np.sqrt(many) * noise,
        calculated=10.0 * broad,
        background=10.0 * curves.background,
        weights=1.0 / many,
    )
    findings = autogsas_check_result(project, replace(result, curves=(made,)), metrics)
    assert [(f.code, f.severity) for f in findings] == [("misfit", Severity.INFO)]
    assert 1.5 < findings[0].numbers["gof"] < 5.0


def test_missing_values_and_excluded_regions_do_not_count() -> None:
    project, result, metrics = refined_at_truth("corundum-plain")
    (curves,) = result.curves
    bad = curves.x < 40.0
    wild = replace(curves, observed=np.where(bad, 1e6, curves.observed))
    assert autogsas_check_result(project, replace(result, curves=(wild,)), metrics)
    histogram = replace(project.histograms[0], excluded=((0.0, 40.0),))
    shut = replace(project, histograms=(histogram,))
    assert autogsas_check_result(shut, replace(result, curves=(wild,)), metrics) == []
    missing = replace(wild, observed=np.where(bad, np.nan, curves.observed), weights=np.where(bad, 0.0, curves.weights))
    assert autogsas_check_result(project, replace(result, curves=(missing,)), metrics) == []

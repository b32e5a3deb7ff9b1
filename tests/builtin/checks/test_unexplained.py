"""Peaks that no reflection explains are found, with what they may come from; misfit of calculated peaks is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.builtin.checks.residual_peaks import find_residual_peaks
from autogsas.builtin.checks.unexplained import autogsas_check_result
from autogsas.builtin.checks.windows import Counted, Lines
from autogsas.model.result import Finding, Severity
from autogsas.runfolder.tables import finding_tables
from tests.builtin.checks.truth import refined_at_truth

CU = (1.540593, 1.544427)


def findings(name: str) -> list[Finding]:
    project, result, metrics = refined_at_truth(name)
    return autogsas_check_result(project, result, metrics)


def counted(*peaks: tuple[float, float, float], base: float = 200.0, seed: int = 1) -> Counted:
    """Return noise about nothing, with Gaussian peaks of position, height and full width."""
    x = np.arange(20.0, 80.0, 0.02)
    signal = sum((h * np.exp(-4 * np.log(2) * ((x - p) / w) ** 2) for p, h, w in peaks), np.zeros_like(x))
    noise = np.random.default_rng(seed).normal(size=x.size) * np.sqrt(base + signal)
    return Counted(x, signal + noise, np.sqrt(base + signal), np.zeros_like(x))


NONE = Lines(np.zeros(0), np.zeros(0))


def test_a_peak_above_the_noise_is_found_with_its_height() -> None:
    """Height over esd in closed form: sum of the squared shape over the variance, with the background fitted."""
    points = counted((45.003, 80.0, 0.12))
    (peak,) = find_residual_peaks(points, NONE, [np.full(points.x.size, 0.12)], (1.5406,), 0.0)
    # The esd of the position is the width over 1.67 times the significance (Cramer and Rao, for a Gaussian).
    assert peak.two_theta == pytest.approx(45.003, abs=3.0 * 0.12 / 1.67 / peak.significance)
    assert peak.height == pytest.approx(80.0, rel=0.25)
    # The integral of a squared Gaussian of full width w is w sqrt(pi / (8 ln 2)).
    alone = 80.0 / np.sqrt(200.0) * np.sqrt(0.12 * np.sqrt(np.pi / (8 * np.log(2))) / 0.02)
    # The background fitted beside it, and the noise of the peak itself, take a third of that.
    assert 0.6 * alone < peak.significance < 1.1 * alone


@pytest.mark.parametrize("seed", range(5))
def test_noise_has_no_peaks(seed: int) -> None:
    points = counted(seed=seed)
    assert find_residual_peaks(points, NONE, [np.full(points.x.size, 0.1)], CU, 0.5) == []


def test_k_alpha_2_of_a_peak_is_not_another_peak() -> None:
    second = 2 * np.degrees(np.arcsin(np.sin(np.radians(35.0)) * CU[1] / CU[0]))
    points = counted((70.0, 300.0, 0.1), (float(second), 150.0, 0.1))
    (peak,) = find_residual_peaks(points, NONE, [np.full(points.x.size, 0.1)], CU, 0.5)
    assert peak.doublet
    assert peak.two_theta == pytest.approx(70.0, abs=0.03)


def test_misfit_at_a_calculated_line_is_not_a_peak() -> None:
    """Nor are the tails of a strong peak, although they are many sigma."""
    x = np.arange(20.0, 80.0, 0.02)
    calculated = 2e4 / (1 + 4 * ((x - 50.0) / 0.1) ** 2)
    broader = 1.02e4 * 2 / (1 + 4 * ((x - 50.01) / 0.12) ** 2)
    sigma = np.sqrt(calculated + 100.0)
    difference = broader - calculated + np.random.default_rng(2).normal(size=x.size) * sigma
    points = Counted(x, difference, sigma, calculated)
    assert np.max(difference / sigma) > 20
    lines = Lines(np.array([50.0]), np.array([0.1]))
    assert find_residual_peaks(points, lines, [np.full(x.size, 0.1)], (1.5406,), 0.0) == []


def test_a_waving_background_is_not_a_peak() -> None:
    points = counted()
    waving = replace(points, difference=points.difference + 30.0 * np.sin(points.x / 0.8))
    assert find_residual_peaks(waving, NONE, [np.full(points.x.size, 0.1)], (1.5406,), 0.0) == []


def test_a_missing_phase_is_reported_with_its_lines() -> None:
    (finding,) = findings("missing-quartz")
    assert (finding.code, finding.severity) == ("unexplained-peaks", Severity.WARNING)
    assert "a phase may be missing" in finding.message
    assert finding.numbers["d 1"] == pytest.approx(3.343, abs=0.003)  # quartz 101
    assert finding.numbers["d 2"] == pytest.approx(4.255, abs=0.004)  # quartz 100
    assert finding.table is not None
    text = finding_tables([finding])["unexplained-peaks"]
    assert text.splitlines()[0] == "histogram,two_theta,d,intensity,significance,fwhm,reason"
    assert len(text.splitlines()) == 1 + finding.numbers["count"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("k-beta-silicon", "all of them may be Cu K-beta"),
        ("tungsten-corundum", "all of them may be tungsten L-alpha1"),
        ("wrong-group-perovskite", "the space group I m m a of perovskite forbids"),
    ],
)
def test_the_reason_is_named(name: str, words: str) -> None:
    (finding,) = findings(name)
    assert finding.severity is Severity.WARNING
    assert words in finding.message


@pytest.mark.parametrize("name", ["corundum-plain", "apatite-plain", "four-phases", "weak-baddeleyite", "nano-ceria"])
def test_a_right_model_explains_all_peaks(name: str) -> None:
    assert findings(name) == []


def test_a_weak_peak_is_only_noted() -> None:
    """One of 0.1 % of the strongest, with so many counts that it is seen."""
    project, result, metrics = refined_at_truth("corundum-plain")
    (curves,) = result.curves
    many = 400.0 * curves.calculated
    extra = 0.001 * np.max(many) * np.exp(-4 * np.log(2) * ((curves.x - 29.0) / 0.1) ** 2)
    noise = np.random.default_rng(3).normal(size=curves.x.size) * np.sqrt(many)
    made = replace(
        curves,
        observed=many + extra + noise,
        calculated=many,
        background=400.0 * curves.background,
        weights=1.0 / many,
    )
    (finding,) = autogsas_check_result(project, replace(result, curves=(made,)), metrics)
    assert finding.severity is Severity.INFO
    top = int(np.argmax(curves.calculated))
    (marks,) = curves.reflections
    width = float(marks.fwhm[np.argmin(np.abs(marks.two_theta - curves.x[top]))])
    assert finding.numbers["strongest"] == pytest.approx(0.001 * 0.1 / width, rel=0.3)


def test_a_peak_of_a_reflection_beyond_the_end_is_told_from_a_missing_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    """As GSAS-II does, the engine leaves out what lies beyond the last point."""
    assert "unexplained-peaks" not in [finding.code for finding in findings("vacant-ceria")]
    refined_at_truth.cache_clear()
    monkeypatch.setattr("autogsas.engine.peaks._MARGIN", 0.0)
    (finding,) = [one for one in findings("vacant-ceria") if one.code == "unexplained-peaks"]
    refined_at_truth.cache_clear()
    assert "beyond the end of the pattern" in finding.message
    assert "a phase may be missing" not in finding.message
    assert finding.numbers["missing"] == 0.0

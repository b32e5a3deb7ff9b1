"""Widths that are wrong by phase or by direction are reported where the model lacks them, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.builtin.checks.width_trends import autogsas_check_result, width_errors
from autogsas.model.result import Curves, Finding, Reflections, Severity
from tests.builtin.checks.truth import refined_at_truth
from tests.engine.models import CUBIC, XRAY, project


def found(name: str, *, directions: bool = True) -> list[Finding]:
    sample, result, metrics = refined_at_truth(
        name, directions=directions, free=() if directions else ("size", "strain")
    )
    return autogsas_check_result(sample, result, metrics)


def test_the_change_of_sigma_is_that_of_broader_gaussians() -> None:
    """Gaussians of sigma^2 larger by 4, 0 and -6 %, with wrong heights and places too; noise of a thousandth."""
    sample = project((CUBIC,), replace(XRAY, wavelengths=(1.5406,)), (20.0, 60.0), 0.01)
    x = sample.histograms[0].pattern.x
    places, changes = np.array([25.0, 35.0, 50.0]), np.array([0.04, 0.0, -0.06])
    sigma = 0.08
    heights, moved = np.array([1.03, 0.98, 1.0]), np.array([0.002, -0.001, 0.0])

    def gaussian(place: float, variance: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return 1e4 * np.exp(-0.5 * (x - place) ** 2 / variance) / np.sqrt(variance / sigma**2)

    calculated = sum((gaussian(p, sigma**2) for p in places), np.zeros_like(x))
    parts = [
        h * gaussian(p + m, sigma**2 * (1 + c)) for p, m, c, h in zip(places, moved, changes, heights, strict=True)
    ]
    observed = np.sum(parts, axis=0) + np.random.default_rng(1).normal(size=x.size)
    one, fwhm = np.ones(3), np.full(3, sigma * np.sqrt(8 * np.log(2)))
    hkl, d = np.array([[1, 1, 1], [2, 0, 0], [2, 2, 0]]), 1.5406 / 2 / np.sin(np.radians(places / 2))
    marks = Reflections("fluorite", hkl, np.ones(3, dtype=np.int64), d, places, one, one, one, fwhm, one, one)
    curves = Curves("data", x, observed, calculated, 0.0 * x, np.ones_like(x), (marks,))
    errors = width_errors(sample.histograms[0], curves)
    assert [item.hkl for item in errors] == [(1, 1, 1), (2, 0, 0), (2, 2, 0)]
    # Of second order is the square of the change, 0.004.
    assert [item.change for item in errors] == pytest.approx(changes.tolist(), abs=0.006)
    assert all(item.esd < 0.002 for item in errors)


@pytest.mark.parametrize("name", ["faulted-zincite", "faulted-LiCoO2"])
def test_widths_by_direction_that_the_model_lacks_are_reported(name: str) -> None:
    (finding,) = found(name, directions=False)
    assert (finding.code, finding.severity) == ("widths-follow-hkl", Severity.WARNING)
    assert finding.about["axis"] == "0 0 1"


@pytest.mark.parametrize(
    "name", ["faulted-zincite", "faulted-LiCoO2", "corundum-plain", "apatite-plain", "two-sizes", "zincite-plates"]
)
def test_a_right_model_has_right_widths(name: str) -> None:
    assert found(name) == []


@pytest.mark.parametrize("name", ["two-sizes", "sharp-and-broad"])
def test_phases_that_share_their_widths_are_reported(name: str) -> None:
    """All phases with the size of the first one, and X and Y refined."""
    sample, result, metrics = refined_at_truth(name, shared=True, free=("X", "Y"))
    found = [f for f in autogsas_check_result(sample, result, metrics) if f.code == "widths-follow-phase"]
    assert [f.severity for f in found] == [Severity.WARNING]
    assert found[0].about["phase"] == {"two-sizes": "anatase", "sharp-and-broad": "ceria"}[name]

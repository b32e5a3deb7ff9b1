"""Line shapes: areas, zones against one plain sum, derivatives, edges."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.engine import axial
from autogsas.engine.lineshape import pseudo_voigt_mix
from autogsas.engine.profile import ALL_KINDS, Plan

Array = npt.NDArray[np.float64]


def lines(count: int = 40, seed: int = 0) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    two_theta = np.sort(rng.uniform(12, 140, count))
    mix = pseudo_voigt_mix(rng.uniform(3, 20, count) * 1e-4, rng.uniform(1, 12, count) * 1e-2)
    return two_theta, mix.fwhm, mix.eta


def plain_sum(x: Array, two_theta: Array, fwhm: Array, eta: Array, shl: float, intensity: Array) -> Array:
    """The pattern summed over all lines and all points with many copies, without zones."""
    out = np.zeros_like(x)
    copies = axial.nodes(two_theta, shl, 64)
    for k in np.flatnonzero(intensity):
        z = (x[:, None] - two_theta[k] - copies.shift[k]) / fwhm[k]
        lorentz = (2 / np.pi) / (1 + 4 * z**2)
        gauss = np.sqrt(4 * np.log(2) / np.pi) * np.exp(-4 * np.log(2) * z**2)
        out += intensity[k] * ((eta[k] * lorentz + (1 - eta[k]) * gauss) @ copies.weight[k]) / fwhm[k]
    return out


@pytest.mark.parametrize("shl", [0.002, 0.02, 0.06])
@pytest.mark.parametrize("step", [0.01, 0.03])
def test_zones_and_interpolation_against_a_plain_sum(shl: float, step: float) -> None:
    x = np.arange(10, 145, step)
    two_theta, fwhm, eta = lines()
    far = np.full_like(fwhm, 1e3)
    found = Plan(x, two_theta, fwhm, shl, far, far).shapes(two_theta, fwhm, eta, shl)
    for k in (0, 7, 20, 39):
        one = np.zeros_like(fwhm)
        one[k] = 1.0
        expected = plain_sum(x, two_theta, fwhm, eta, shl, one)
        assert np.max(np.abs(found.combine({"value": one}) - expected)) < 1e-4 * expected.max()


def test_a_whole_line_has_area_one() -> None:
    x = np.arange(20, 100, 0.005)
    two_theta, fwhm, eta = np.array([60.0]), np.array([0.12]), np.array([0.0])
    far = np.full(1, 1e3)
    found = Plan(x, two_theta, fwhm, 0.03, far, far).shapes(two_theta, fwhm, eta, 0.03)
    assert found.combine({"value": np.ones(1)}).sum() * 0.005 == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("shl", [0.005, 0.05])
def test_derivatives(shl: float) -> None:
    x = np.arange(10, 145, 0.02)
    two_theta, fwhm, eta = lines(25)
    cut = 60 * fwhm
    plan = Plan(x, two_theta, fwhm, shl, cut, cut)
    weight = np.random.default_rng(3).uniform(1, 5, 25)

    def value(at: Array, width: Array, mix: Array, s: float) -> Array:
        return plan.shapes(at, width, mix, s).combine({"value": weight})

    found = plan.shapes(two_theta, fwhm, eta, shl, ALL_KINDS)
    e = 1e-6
    numeric = {
        "position": value(two_theta + e, fwhm, eta, shl) - value(two_theta - e, fwhm, eta, shl),
        "fwhm": value(two_theta, fwhm + e, eta, shl) - value(two_theta, fwhm - e, eta, shl),
        "eta": value(two_theta, fwhm, eta + e, shl) - value(two_theta, fwhm, eta - e, shl),
        "shl": value(two_theta, fwhm, eta, shl + e) - value(two_theta, fwhm, eta, shl - e),
    }
    for kind, difference in numeric.items():
        analytic = found.combine({kind: weight})
        assert np.max(np.abs(analytic - difference / (2 * e))) < 1e-5 * np.max(np.abs(analytic)), kind


@given(st.floats(0.01, 500), st.floats(0.001, 100))
def test_mix_is_sensible_and_its_derivatives_right(variance: float, gamma: float) -> None:
    at = pseudo_voigt_mix(np.array([variance]), np.array([gamma]))
    gauss = 2.3548200450309493 * np.sqrt(variance)
    # The five-term formula can undershoot the larger width by a part in 1e4 at the Gaussian end.
    assert max(gauss, gamma) * 0.999 <= at.fwhm[0] <= (gauss + gamma) * 1.001
    assert -1e-6 <= at.eta[0] <= 1.001
    e = 1e-5 * variance
    plus, minus = (pseudo_voigt_mix(np.array([variance + s * e]), np.array([gamma])) for s in (1, -1))
    assert at.fwhm_by_variance[0] == pytest.approx((plus.fwhm[0] - minus.fwhm[0]) / (2 * e), rel=1e-4, abs=1e-8)
    assert at.eta_by_variance[0] == pytest.approx((plus.eta[0] - minus.eta[0]) / (2 * e), rel=1e-4, abs=1e-8)
    e = 1e-5 * gamma
    plus, minus = (pseudo_voigt_mix(np.array([variance]), np.array([gamma + s * e])) for s in (1, -1))
    assert at.fwhm_by_gamma[0] == pytest.approx((plus.fwhm[0] - minus.fwhm[0]) / (2 * e), rel=1e-4, abs=1e-8)
    assert at.eta_by_gamma[0] == pytest.approx((plus.eta[0] - minus.eta[0]) / (2 * e), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize(
    ("x", "two_theta"),
    [
        (np.array([]), 30.0),
        (np.array([30.0]), 30.0),
        (np.arange(20.0, 25.0, 0.02), 20.0),
        (np.arange(20.0, 25.0, 0.02), 90.0),
        (np.arange(20.0, 25.0, 0.02), 1.0),
        (np.arange(170.0, 179.0, 0.02), 179.9),
    ],
)
@pytest.mark.parametrize("fwhm", [1e-5, 0.1, 30.0])
def test_edges_are_finite(x: Array, two_theta: float, fwhm: float) -> None:
    at, width, mix = np.array([two_theta]), np.array([fwhm]), np.array([0.5])
    cut = 50 * width
    found = Plan(x, at, width, 0.02, cut, cut).shapes(at, width, mix, 0.02, ALL_KINDS)
    for kind in ("value", "position", "fwhm", "eta", "shl"):
        curve = found.combine({kind: np.ones(1)})
        assert curve.shape == x.shape
        assert np.all(np.isfinite(curve))


def test_no_lines_make_an_empty_pattern() -> None:
    x, none = np.arange(10, 20, 0.02), np.zeros(0)
    found = Plan(x, none, none, 0.02, none, none).shapes(none, none, none, 0.02, ALL_KINDS)
    for kind in ("value", *ALL_KINDS):
        assert np.array_equal(found.combine({kind: none}), np.zeros_like(x))


def test_a_plan_is_kept_only_while_lines_move_little() -> None:
    x = np.arange(10, 145, 0.02)
    two_theta, fwhm, _ = lines()
    cut = 50 * fwhm
    plan = Plan(x, two_theta, fwhm, 0.02, cut, cut)
    assert plan.fits(two_theta + 0.05 * fwhm, fwhm, 0.02, 0.1)
    assert not plan.fits(two_theta + 0.2 * fwhm, fwhm, 0.02, 0.1)
    assert not plan.fits(two_theta, 1.2 * fwhm, 0.02, 0.1)
    assert not plan.fits(two_theta, fwhm, 0.08, 0.1)

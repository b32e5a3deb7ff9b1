"""Agreement factors by their definitions; the serial correlation of residuals, against simulated ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from autogsas.model.metrics import (
    Array,
    bic,
    bic_fall,
    durbin_watson,
    effective_points,
    esd_factor,
    least_durbin_watson,
    r_bragg,
    r_f,
    rwp,
    rwp_background_subtracted,
)


def autoregression(random: np.random.Generator, shape: tuple[int, ...], correlation: float) -> Array:
    """Normal residuals of variance 1 along the last axis; each has this correlation with the one before."""
    noise = random.standard_normal((*shape[:-1], shape[-1] + 500))
    found = lfilter([np.sqrt(1.0 - correlation**2)], [1.0, -correlation], noise, axis=-1)
    return np.asarray(found[..., 500:])


def test_a_high_background_lowers_rwp_but_not_the_background_subtracted_one() -> None:
    observed, calculated = np.array([10.0, 30.0, 12.0]), np.array([11.0, 28.0, 12.0])
    weights = np.array([0.1, 0.05, 0.0])
    net = rwp_background_subtracted(observed, calculated, np.zeros(3), weights)
    assert net == pytest.approx(rwp(observed, calculated, weights))
    high = rwp_background_subtracted(observed + 1000.0, calculated + 1000.0, np.full(3, 1000.0), weights)
    assert high == pytest.approx(net)
    assert high == pytest.approx(100 * np.sqrt((0.1 * 1 + 0.05 * 4) / (0.1 * 100 + 0.05 * 900)))
    assert rwp(observed + 1000.0, calculated + 1000.0, weights) < 0.1 * net
    assert np.isnan(rwp_background_subtracted(observed, calculated, observed, weights))


def test_r_f_is_half_of_r_bragg_for_small_differences_of_strong_reflections() -> None:
    calculated = np.array([100.0, 400.0, 25.0])
    assert r_f(calculated * 1.01, calculated) == pytest.approx(0.5 * r_bragg(calculated * 1.01, calculated), rel=0.01)
    assert r_f(np.array([100.0, 81.0]), np.array([121.0, 64.0])) == pytest.approx(100 * 2 / 19)
    assert r_f(np.array([-5.0, 100.0]), np.array([4.0, 100.0])) == pytest.approx(100 * 2 / 10)
    assert np.isnan(r_f(np.array([-5.0]), np.array([4.0])))


def test_durbin_watson_and_its_limit() -> None:
    assert durbin_watson(np.array([1.0, -1.0, 1.0, -1.0])) == pytest.approx(3.0)
    assert durbin_watson(np.ones(4)) == 0.0
    assert np.isnan(durbin_watson(np.ones(1)))
    assert np.isnan(durbin_watson(np.zeros(9)))
    # Hill & Flack (1987), eq. 3, by hand.
    assert least_durbin_watson(1000, 30) == pytest.approx(2 * (999 / 970 - 3.0902 / 31.65438), abs=1e-5)
    assert np.isnan(least_durbin_watson(10, 10))
    tied = autoregression(np.random.default_rng(3), (20_000,), 0.6)
    assert durbin_watson(tied) == pytest.approx(2 * (1 - 0.6), rel=0.05)


def test_the_factor_of_independent_residuals_is_one() -> None:
    random = np.random.default_rng(1)
    found = [esd_factor(row, 25) for row in random.standard_normal((500, 3000))]
    assert max(found) < 1.1
    # The limit of Durbin and Watson's statistic is one of 99.9 %.
    assert sum(value > 1.0 for value in found) <= 4
    for odd in (np.zeros(9), np.ones(1), np.zeros(0), np.array([1.0, -1.0] * 50)):
        assert esd_factor(odd, 0) == 1.0


@pytest.mark.parametrize("correlation", [0.2, 0.5, 0.7, 0.9])
def test_the_factor_of_correlated_residuals_is_that_of_real_parameters(correlation: float) -> None:
    random = np.random.default_rng(2)
    noise = autoregression(random, (400, 4000), correlation)
    x = np.arange(4000.0)
    peak = np.exp(-0.5 * ((x - 2000) / 3.0) ** 2)
    smooth, shift = np.ones(4000), np.gradient(peak)
    # Least squares of one parameter: the scatter over the simulated patterns against the esd for unit variance.
    true = [float(np.std(noise @ slope)) / float(np.linalg.norm(slope)) for slope in (smooth, shift)]
    found = float(np.mean([esd_factor(row, 1) for row in noise]))
    assert found > 1.0
    assert min(true) * 0.85 < found < max(true) * 1.05
    assert max(true) == pytest.approx(np.sqrt((1 + correlation) / (1 - correlation)), rel=0.12)
    assert 4000 / float(np.mean([effective_points(row) for row in noise])) == pytest.approx(max(true) ** 2, rel=0.25)


def test_the_factor_does_not_depend_on_scale_sign_or_direction() -> None:
    tied = autoregression(np.random.default_rng(4), (3000,), 0.8)
    factor = esd_factor(tied, 10)
    assert factor > 1.8
    assert esd_factor(-7.0 * tied, 10) == pytest.approx(factor)
    assert esd_factor(tied[::-1], 10) == pytest.approx(factor)


@given(st.floats(10, 1e6), st.floats(10, 1e6), st.integers(1, 60), st.integers(1, 60), st.integers(100, 10000))
def test_the_fall_of_bic_is_the_difference_of_two(before: float, after: float, fewer: int, more: int, n: int) -> None:
    expected = bic(before, n, fewer) - bic(after, n, more)
    assert bic_fall(before, after, more - fewer, n) == pytest.approx(expected, abs=1e-6)

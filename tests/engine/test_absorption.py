"""Absorption of a cylinder: what it must be at no absorption, at the joint of its two fits, and by integration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from autogsas.engine.absorption import transmission

Array = npt.NDArray[np.float64]

ANGLES = np.array([0.02, 1.0, 20.0, 45.0, 90.0, 135.0, 170.0, 179.9])


def integrated(mu_r: float, two_theta: float, count: int = 600) -> float:
    """The mean of exp(-mu (way in + way out)) over a disc of radius one."""
    radius = np.sqrt((np.arange(count) + 0.5) / count)
    turn = 2 * np.pi * (np.arange(count) + 0.5) / count
    x, y = np.outer(radius, np.cos(turn)), np.outer(radius, np.sin(turn))
    out = np.radians(two_theta)

    def way(cosine: float, sine: float) -> Array:
        along = x * cosine + y * sine
        return np.asarray(np.sqrt(np.maximum(along**2 + 1 - x**2 - y**2, 0.0)) - along)

    return float(np.mean(np.exp(-mu_r * (way(-1.0, 0.0) + way(np.cos(out), np.sin(out))))))


def test_nothing_is_lost_without_absorption() -> None:
    value, _, slope = transmission(0.0, ANGLES)
    assert np.all(value == 1.0)
    assert np.all(slope == 0.0)


@pytest.mark.parametrize("mu_r", [0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 7.0, 10.0])
def test_against_integration_over_the_cylinder(mu_r: float) -> None:
    """The fit is within 1.3 % of the integral up to mu_r 10."""
    angles = np.array([10.0, 45.0, 90.0, 135.0, 170.0])
    found, _, _ = transmission(mu_r, angles)
    for value, two_theta in zip(found, angles, strict=True):
        assert value == pytest.approx(integrated(mu_r, two_theta), rel=0.014)


def test_the_two_fits_meet_to_their_own_accuracy() -> None:
    below, above = transmission(3.0, ANGLES)[0], transmission(3.0 + 1e-9, ANGLES)[0]
    assert np.allclose(below[:-2], above[:-2], rtol=0.01)
    assert np.allclose(below, above, rtol=0.03)


@pytest.mark.parametrize("mu_r", [0.0, 0.3, 1.0, 2.9, 3.1, 6.0, 30.0])
def test_derivatives(mu_r: float) -> None:
    inner = ANGLES[1:-1]
    value, by_mu, by_angle = transmission(mu_r, inner)
    e = 1e-6
    if mu_r > 0:
        numeric = (transmission(mu_r + e, inner)[0] - transmission(mu_r - e, inner)[0]) / (2 * e)
    else:
        numeric = (transmission(e, inner)[0] - value) / e
    assert np.allclose(by_mu, numeric, rtol=1e-5, atol=1e-9)
    assert np.all(by_mu < 0)
    numeric = (transmission(mu_r, inner + 1e-4)[0] - transmission(mu_r, inner - 1e-4)[0]) / 2e-4
    assert np.allclose(by_angle, numeric, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("mu_r", [0.0, 1e-6, 1.0, 3.0, 30.0])
def test_a_share_at_every_angle(mu_r: float) -> None:
    for values in transmission(mu_r, ANGLES):
        assert np.all(np.isfinite(values))
    value = transmission(mu_r, ANGLES)[0]
    assert np.all((value > 0) & (value <= 1))

"""The seven background functions against GSAS-II, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.engine import backgrounds
from autogsas.model.recipe import BACKGROUNDS

# GSASII.GSASIIpwd.getBackground(":0:", {":0:Lam1": 1.5405, ":0:Back;i": C[i]}, function, "PXC", x)[0] with
# x = 15, 30, ..., 150, of GSAS-II 2.0.0 (commit 013259a, 2026-08-06).
C = np.array([100.0, -30.0, 12.0, 5.0, -3.0])
X = np.arange(15.0, 150.01, 15.0)
GSAS2 = {
    "chebyschev-1": [
        134.0,
        130.844079,
        119.099223,
        104.296296,
        90.5615,
        80.616369,
        75.777778,
        75.957933,
        79.66438,
        84.0,
    ],
    "cosine": [83.188384, 80.31966, 76.330007, 76.04915, 85.0, 102.68034, 121.107687, 131.95085, 134.373922, 134.0],
    "Q^2 power series": [
        74.708662,
        109.947604,
        21.360041,
        -4475.349083,
        -30719.094869,
        -116735.454238,
        -314026.785375,
        -658295.487342,
        -1130384.766279,
        -1636358.56552,
    ],
    "Q^-2 power series": [
        69.212804,
        94.633989,
        97.198621,
        98.28893,
        98.82472,
        99.120752,
        99.297773,
        99.408742,
        99.479402,
        99.523135,
    ],
    "lin interpolate": [100.0, 42.222222, -15.555556, -16.0, 2.666667, 10.444444, 7.333333, 4.111111, 0.555556, -3.0],
    "inv interpolate": [100.0, 5.933333, -27.433333, -26.4, -22.5, -18.6, -14.7, -10.8, -6.9, -3.0],
    "log interpolate": [100.0, -23.271476, 7.075383, 9.617337, 6.773122, 4.311634, 2.483725, 0.655817, -1.172092, -3.0],
}


@pytest.mark.parametrize("function", BACKGROUNDS)
def test_against_gsas2(function: str) -> None:
    found = backgrounds.basis(function, 5, X, (15.0, 150.0), 1.5405) @ C
    assert np.allclose(found, GSAS2[function], rtol=1e-6, atol=1e-5)


@given(
    st.sampled_from(BACKGROUNDS),
    st.integers(1, 30),
    st.floats(0, 100),
    st.floats(0.5, 79),
    st.integers(1, 50),
)
def test_every_basis_is_finite(function: str, terms: int, low: float, span: float, points: int) -> None:
    x = np.linspace(low, low + span, points)
    found = backgrounds.basis(function, terms, x, (float(x[0]), low + span), 1.54)
    assert found.shape == (points, terms)
    assert np.all(np.isfinite(found))


@given(st.sampled_from(["lin interpolate", "inv interpolate", "log interpolate"]), st.integers(2, 30))
def test_an_interpolating_background_passes_through_its_values(function: str, terms: int) -> None:
    knots = backgrounds.knots(function, terms, (10.0, 120.0))
    found = backgrounds.basis(function, terms, knots, (10.0, 120.0), 1.54)
    if function == "inv interpolate":
        found = found[:, [0, *range(terms - 2, 0, -1), terms - 1]]
    assert np.allclose(found, np.eye(terms), atol=1e-9)
    inside = backgrounds.basis(function, terms, np.linspace(5, 130, 200), (10.0, 120.0), 1.54)
    assert np.allclose(inside.sum(axis=1), 1.0)


def test_a_range_of_one_point() -> None:
    for function in BACKGROUNDS:
        assert np.all(np.isfinite(backgrounds.basis(function, 3, np.array([20.0]), (20.0, 20.0), 1.54)))
        assert np.all(np.isfinite(backgrounds.basis(function, 3, np.array([20.0]), (20.0, 20.0 + 1e-9), 1.54)))


def test_no_terms_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        backgrounds.basis("cosine", 0, X, (15.0, 150.0), 1.54)

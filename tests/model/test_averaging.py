"""Weights and esds over several models."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.model.averaging import LARGEST_DELTA, averaged_esd, bic_differences, relative_bic, weights

values = st.floats(-1e3, 1e3)
esds = st.floats(0.0, 1e3)
shares = st.floats(0.0, 1.0)
models = st.lists(st.tuples(shares, values, esds), min_size=1, max_size=6)


def test_one_more_variable_must_lower_chi2_by_ln_n() -> None:
    n = 3000.0
    pays = 2000.0 * math.exp(-math.log(n) / n)
    bics = [relative_bic(2000.0, 20, n), relative_bic(pays, 21, n), relative_bic(0.999 * pays, 21, n)]
    assert bics[0] == pytest.approx(bics[1])
    assert bic_differences(bics) == pytest.approx([-n * math.log(0.999), -n * math.log(0.999), 0.0])
    # Fewer independent points tell less.
    assert relative_bic(2000.0, 20, 300.0) - relative_bic(1980.0, 20, 300.0) == pytest.approx(
        300 * math.log(2000 / 1980)
    )


@pytest.mark.parametrize(("chi2", "variables"), [(0.0, 3), (-1.0, 3), (math.nan, 3), (math.inf, 3), (10.0, 100)])
def test_what_is_no_fit_has_no_evidence(chi2: float, variables: int) -> None:
    assert relative_bic(chi2, variables, 100.0) == math.inf
    assert weights(bic_differences([relative_bic(chi2, variables, 100.0), 5.0])) == [0.0, 1.0]
    assert weights(bic_differences([math.inf])) == [0.0]


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=8))
def test_weights_add_up_to_one_and_fall_with_the_bic(bics: list[float]) -> None:
    differences = bic_differences(bics)
    found = weights(differences)
    assert sum(found) == pytest.approx(1.0)
    assert all(value == 0.0 for value, delta in zip(found, differences, strict=True) if delta >= LARGEST_DELTA)
    for one, first in zip(found, differences, strict=True):
        for two, second in zip(found, differences, strict=True):
            assert first > second or one >= two


@given(values, esds, st.floats(1.0, 5.0))
def test_one_model_alone_has_its_own_esd(value: float, esd: float, factor: float) -> None:
    assert averaged_esd(value, esd, [(1.0, value, esd)], factor) == pytest.approx(factor * esd)
    assert averaged_esd(value, esd, [], factor) == pytest.approx(factor * esd)


@given(values, esds, models, st.floats(1.0, 5.0))
def test_the_esd_is_never_smaller_than_the_models_own(
    value: float, esd: float, others: list[tuple[float, float, float]], factor: float
) -> None:
    found = averaged_esd(value, esd, others, factor)
    assert found >= factor * esd * (1 - 1e-12)
    largest = max(abs(other - value) + factor * sigma for _, other, sigma in others)
    assert found <= max(factor * esd, largest) * (1 + 1e-12)


@given(values, esds, models, st.floats(-1e3, 1e3), st.floats(0.01, 100.0))
def test_it_does_not_depend_on_origin_or_unit(
    value: float, esd: float, others: list[tuple[float, float, float]], origin: float, unit: float
) -> None:
    found = averaged_esd(value, esd, others)
    moved = averaged_esd(value + origin, esd, [(w, v + origin, s) for w, v, s in others])
    scaled = averaged_esd(value * unit, esd * unit, [(w, v * unit, s * unit) for w, v, s in others])
    assert moved == pytest.approx(found, rel=1e-6, abs=1e-6)
    assert scaled == pytest.approx(found * unit, rel=1e-9, abs=1e-9)


def test_two_equal_models_that_differ_by_more_than_their_esds() -> None:
    # Half of (0.1^2 + 0) and half of (0.1^2 + 2^2), about the chosen value and not the mean.
    assert averaged_esd(1.0, 0.1, [(0.5, 1.0, 0.1), (0.5, 3.0, 0.1)]) == pytest.approx(math.sqrt(0.01 + 2.0))
    # A model that keeps it fixed elsewhere widens, one that keeps it fixed here does not narrow.
    assert averaged_esd(1.0, 0.1, [(0.5, 1.0, 0.1), (0.5, 0.0, 0.0)]) == pytest.approx(math.sqrt(0.005 + 0.5))
    assert averaged_esd(1.0, 0.1, [(0.5, 1.0, 0.1), (0.5, 1.0, 0.0)]) == pytest.approx(0.1)

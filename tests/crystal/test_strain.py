"""Generalised strain: its terms against GSAS-II's, and the laws that they obey."""

from __future__ import annotations

import numpy as np
import pytest

from autogsas.crystal.strain import directions, strain_terms
from autogsas.crystal.symmetry import Symmetry, cell_to_metric, quadratic_form

from ..oracles import plain

TERMS = plain.entries("strain")
CELLS = {name: entry["cell"] for name, entry in plain.entries("laue").items()}
# GSAS-II's terms of these are not the same for equivalent reflections.
NOT_SYMMETRIC = {"R -3:R", "R -3 m:R", "P 3 1 m"}


@pytest.mark.parametrize("name", TERMS)
def test_terms_are_those_of_gsas2(name: str) -> None:
    entry = TERMS[name]
    rows = np.array(entry["rows"])
    terms = strain_terms(name)
    assert terms.names == tuple(entry["terms"])
    assert np.allclose(terms.of(rows[:, :3]), rows[:, 3:])


@pytest.mark.parametrize("name", sorted(TERMS.keys() - NOT_SYMMETRIC))
def test_equivalent_reflections_have_the_same_terms(name: str) -> None:
    hkl = np.random.default_rng(5).integers(-6, 7, (20, 3))
    for rotation in Symmetry.from_name(name).rotations:
        assert np.allclose(strain_terms(name).of(hkl @ rotation), strain_terms(name).of(hkl))


@pytest.mark.parametrize("name", sorted(TERMS.keys() - {"R -3:R", "R -3 m:R"}))
def test_the_same_strain_in_all_directions_is_exact(name: str) -> None:
    """Then sum S_i c_i = M^2/d^4 for every reflection."""
    metric = cell_to_metric(CELLS[name])
    terms = strain_terms(name)
    coefficients = terms.fitting(np.full(len(directions(metric)), 1500.0), metric)
    hkl = np.random.default_rng(6).integers(-6, 7, (30, 3))
    hkl = hkl[np.any(hkl != 0, axis=1)]
    q = quadratic_form(hkl) @ metric
    assert np.allclose(terms.of(hkl) @ coefficients / q**2, 1500.0**2, rtol=1e-9)
    assert np.allclose(terms.strains(coefficients, metric), 1500.0)


@pytest.mark.parametrize("name", TERMS)
def test_coefficients_come_back_from_their_strains(name: str) -> None:
    metric = cell_to_metric(CELLS[name])
    terms = strain_terms(name)
    flat = terms.fitting(np.full(len(directions(metric)), 1500.0), metric)
    given = flat * np.random.default_rng(7).uniform(0.9, 1.1, len(flat))
    assert np.allclose(terms.fitting(terms.strains(given, metric), metric), given, rtol=1e-6, atol=1e-6 * flat.max())


def test_directions_are_spread_evenly_over_the_sphere() -> None:
    """The means of x^2 and of x^4 over a sphere are 1/3 and 1/5, along any line."""
    metric = cell_to_metric((5.1, 6.2, 7.3, 81.0, 95.0, 102.0))
    lines = directions(metric)
    assert np.allclose(quadratic_form(lines) @ metric, 1.0)
    reciprocal = np.array([[metric[0], metric[3] / 2, metric[4] / 2], [0, metric[1], metric[5] / 2], [0, 0, metric[2]]])
    reciprocal = np.triu(reciprocal) + np.triu(reciprocal, 1).T
    for axis in np.eye(3):
        cosine = lines @ reciprocal @ axis / np.sqrt(axis @ reciprocal @ axis)
        assert np.mean(cosine**2) == pytest.approx(1 / 3, abs=1e-3)
        assert np.mean(cosine**4) == pytest.approx(1 / 5, abs=1e-3)


def test_an_unknown_group_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown space group"):
        strain_terms("P 7")

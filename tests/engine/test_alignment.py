"""Preferred orientation: angles against gemmi's lattice vectors, March & Dollase's function against what it must be."""

from __future__ import annotations

import gemmi
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from autogsas.crystal.symmetry import Symmetry, cell_to_metric
from autogsas.engine.alignment import MarchDollase, squared_cosine

Array = npt.NDArray[np.float64]

HKL = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 3], [1, 1, 0], [1, -2, 3], [-2, 1, 4], [3, 3, -1]])
CELL = (5.12, 6.03, 6.91, 81.2, 95.4, 102.7)


def normal(cell: gemmi.UnitCell, hkl: tuple[int, int, int] | list[int]) -> Array:
    """The reciprocal lattice vector in Cartesian axes, by gemmi's own matrix: rows of it are a*, b*, c*."""
    return np.array(hkl) @ np.array(cell.frac.mat.tolist())


@settings(derandomize=True, max_examples=100)
@given(
    st.tuples(*[st.floats(3, 20)] * 3),
    st.tuples(*[st.floats(70, 110)] * 3),
    st.tuples(*[st.integers(-6, 6)] * 3).filter(any),
    st.tuples(*[st.integers(-3, 3)] * 3).filter(any),
)
def test_the_angle_is_that_of_the_lattice_vectors(
    lengths: tuple[float, ...], angles: tuple[float, ...], hkl: tuple[int, int, int], axis: tuple[int, int, int]
) -> None:
    cell = gemmi.UnitCell(*lengths, *angles)
    h, p = normal(cell, hkl), normal(cell, axis)
    found, _ = squared_cosine(np.array([hkl]), axis, cell_to_metric((*lengths, *angles)))
    assert found[0] == pytest.approx((h @ p) ** 2 / (h @ h) / (p @ p), abs=1e-10)


@pytest.mark.parametrize("axis", [(0, 0, 1), (1, 0, 0), (1, -1, 2)])
def test_slopes_of_the_angle_by_the_metric(axis: tuple[int, int, int]) -> None:
    metric = cell_to_metric(CELL)
    _, slopes = squared_cosine(HKL, axis, metric)
    for i in range(6):
        e = np.eye(6)[i] * 1e-6 * metric[0]
        numeric = squared_cosine(HKL, axis, metric + e)[0] - squared_cosine(HKL, axis, metric - e)[0]
        assert np.allclose(slopes[:, i], numeric / (2 * e[i]), rtol=1e-6, atol=1e-6 * np.max(np.abs(slopes)))


@pytest.mark.parametrize("name", ["P -1", "P 1 21/c 1", "I 41/a m d:2", "R -3 c:H", "P 63/m", "F m -3 m"])
def test_no_preference_at_ratio_one(name: str) -> None:
    cell = {
        "P -1": CELL,
        "P 1 21/c 1": (5, 6, 7, 90, 99, 90),
        "I 41/a m d:2": (5, 5, 7, 90, 90, 90),
        "F m -3 m": (5, 5, 5, 90, 90, 90),
    }.get(name, (5, 5, 7, 90, 90, 120))
    metric = cell_to_metric(cell)
    at = MarchDollase(Symmetry.from_name(name), HKL, (1, 0, 2)).evaluate(1.0, metric)
    assert np.allclose(at.factor, 1.0, atol=1e-14)
    assert np.allclose(at.by_metric, 0.0, atol=1e-12)


@pytest.mark.parametrize("ratio", [0.05, 0.3, 0.7, 1.0, 1.6, 5.0, 20.0])
def test_the_mean_over_all_directions_is_one(ratio: float) -> None:
    """March's function is a density of poles: over the sphere, uniform in cos a, it adds up to one."""

    def factor(cosine: float) -> float:
        # The direction (sin a, 0, cos a) in a cubic cell, with the axis along c, is h k l up to a length.
        hkl = np.array([[np.sqrt(1 - cosine**2), 0.0, cosine]])
        symmetry = Symmetry.from_name("P 1")
        return float(
            MarchDollase(symmetry, hkl, (0, 0, 1)).evaluate(ratio, cell_to_metric((4, 4, 4, 90, 90, 90))).factor[0]
        )

    assert quad(factor, 0.0, 1.0, epsabs=1e-9, limit=200)[0] == pytest.approx(1.0, abs=1e-7)


def test_along_and_across_the_axis() -> None:
    metric = cell_to_metric((4.0, 4.0, 6.0, 90, 90, 90))
    at = MarchDollase(Symmetry.from_name("P 4/m m m"), np.array([[0, 0, 2], [2, 1, 0]]), (0, 0, 1)).evaluate(
        0.6, metric
    )
    assert at.factor == pytest.approx([0.6**-3, 0.6**1.5])


def test_the_mean_over_equivalents_is_dollases() -> None:
    """Cubic 1 1 1 along 1 1 1: one pair of eight along the axis, three at 70.53 degrees."""
    at = MarchDollase(Symmetry.from_name("F m -3 m"), np.array([[1, 1, 1]]), (1, 1, 1)).evaluate(
        0.5, cell_to_metric((4, 4, 4, 90, 90, 90))
    )
    away = (0.25 / 9 + (8 / 9) / 0.5) ** -1.5
    assert at.factor[0] == pytest.approx((8.0 + 3 * away) / 4)


@pytest.mark.parametrize("ratio", [0.2, 0.8, 1.0, 1.3, 4.0])
def test_derivatives(ratio: float) -> None:
    # In this setting 2/m leaves four metric components; the symmetry-bound two are moved none the less.
    symmetry = Symmetry.from_name("P 1 21/c 1")
    metric = cell_to_metric((5.15, 5.21, 5.32, 90, 99.2, 90))
    model = MarchDollase(symmetry, HKL, (1, 0, -1))
    at = model.evaluate(ratio, metric)
    e = 1e-6 * ratio
    numeric = (model.evaluate(ratio + e, metric).factor - model.evaluate(ratio - e, metric).factor) / (2 * e)
    assert np.allclose(at.by_ratio, numeric, rtol=1e-7, atol=1e-8)
    for i in range(6):
        d = np.eye(6)[i] * 1e-6 * metric[0]
        numeric = (model.evaluate(ratio, metric + d).factor - model.evaluate(ratio, metric - d).factor) / (2 * d[i])
        assert np.allclose(at.by_metric[:, i], numeric, rtol=1e-6, atol=1e-6 * max(1.0, np.max(np.abs(at.by_metric))))

"""Symmetry against brute force and against gemmi."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.crystal.symmetry import (
    PAIRS,
    Symmetry,
    cell_to_metric,
    metric_tensor,
    metric_to_cell,
    quadratic_form,
)

GROUPS = [
    "P -1",
    "P 1 21/c 1",
    "C 1 2/c 1",
    "P n m a",
    "F d d 2",
    "I 41/a m d:2",
    "P 63/m",
    "R -3 c:H",
    "R -3 c:R",
    "P 32 2 1",
    "I a -3",
    "F m -3 m",
    "F d -3 m:1",
    "P 21 3",
]
CELLS = {
    "triclinic": (5.1, 6.2, 7.3, 81.0, 95.0, 103.0),
    "monoclinic": (5.1, 6.2, 7.3, 90, 98.0, 90),
    "orthorhombic": (5.1, 6.2, 7.3, 90, 90, 90),
    "tetragonal": (5.1, 5.1, 7.3, 90, 90, 90),
    "trigonal": (5.1, 5.1, 7.3, 90, 90, 120),
    "hexagonal": (5.1, 5.1, 7.3, 90, 90, 120),
    "cubic": (5.1, 5.1, 5.1, 90, 90, 90),
}
FREE_CELL = {
    "triclinic": 6,
    "monoclinic": 4,
    "orthorhombic": 3,
    "tetragonal": 2,
    "trigonal": 2,
    "hexagonal": 2,
    "cubic": 1,
}


def cell_of(name: str) -> tuple[float, ...]:
    if name.endswith(":R"):
        return (5.1, 5.1, 5.1, 77.0, 77.0, 77.0)
    return CELLS[gemmi.find_spacegroup_by_name(name).crystal_system_str()]


@pytest.mark.parametrize("name", GROUPS)
def test_free_cell_constants(name: str) -> None:
    symmetry = Symmetry.from_name(name)
    basis = symmetry.metric_basis()
    assert basis.shape[1] == FREE_CELL[gemmi.find_spacegroup_by_name(name).crystal_system_str()]
    metric = cell_to_metric(cell_of(name))
    fitted = basis @ np.linalg.lstsq(basis, metric, rcond=None)[0]
    assert np.allclose(fitted, metric, atol=1e-12)


@pytest.mark.parametrize("name", GROUPS)
def test_reflections_against_brute_force(name: str) -> None:
    symmetry = Symmetry.from_name(name)
    metric = cell_to_metric(cell_of(name))
    d_min = 1.1
    hkl = symmetry.reflections(metric, d_min)
    multiplicity = symmetry.multiplicities(hkl)
    operations = gemmi.find_spacegroup_by_name(name).operations()
    span = np.arange(-8, 9)
    every = np.array(np.meshgrid(span, span, span)).reshape(3, -1).T
    q = quadratic_form(every) @ metric
    seen = every[(q > 0) & (q <= 1.0 / d_min**2)]
    allowed = [h for h in seen.tolist() if not operations.is_systematically_absent(h)]
    assert int(multiplicity.sum()) == len(allowed)
    assert len({tuple(h) for h in hkl.tolist()}) == len(hkl)
    assert np.all(np.diff(1.0 / np.sqrt(quadratic_form(hkl) @ metric)) <= 1e-9)


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize(
    "xyz", [(0.0, 0.0, 0.0), (0.25, 0.25, 0.25), (0.1, 0.1, 0.1), (0.13, 0.27, 0.41), (0.3, 0, 0.25)]
)
def test_sites_against_brute_force(name: str, xyz: tuple[float, float, float]) -> None:
    symmetry = Symmetry.from_name(name)
    metric = cell_to_metric(cell_of(name))
    site = symmetry.site(xyz, metric)
    images = set()
    for op in gemmi.find_spacegroup_by_name(name).operations():
        image = np.array(op.apply_to_xyz(list(xyz)))
        images.add(tuple((np.round(image % 1.0, 6) % 1.0).tolist()))
    assert symmetry.order == site.order * len(images)
    # Along every free direction the site keeps its multiplicity: no operation that held it lets go.
    for column in site.position_basis.T:
        moved = symmetry.site(site.xyz + 0.03 * column, metric, tolerance=1e-6)
        assert moved.order == site.order
    # A displacement tensor in the free directions is unchanged by the operations that keep the site.
    for column in site.u_basis.T:
        tensor = np.zeros((3, 3))
        for value, (i, j) in zip(column, PAIRS, strict=True):
            tensor[i, j] = tensor[j, i] = value
        for rotation, translation in zip(symmetry.rotations, symmetry.translations, strict=True):
            for centre in symmetry.centring:
                gap = rotation @ site.xyz + translation + centre - site.xyz
                if np.allclose(gap, np.round(gap), atol=1e-6):
                    assert np.allclose(rotation @ tensor @ rotation.T, tensor, atol=1e-9)


def test_a_position_near_a_special_one_is_moved_onto_it() -> None:
    site = Symmetry.from_name("P 63/m").site(
        (0.66667, 0.33333, 0.001), cell_to_metric((9.397, 9.397, 6.878, 90, 90, 120))
    )
    assert site.xyz == pytest.approx((2 / 3, 1 / 3, 0.001), abs=1e-12)
    assert site.order == 3


def test_coupled_coordinates_move_together() -> None:
    site = Symmetry.from_name("P 42/m n m").site((0.305, 0.305, 0.0), cell_to_metric((4.594, 4.594, 2.959, 90, 90, 90)))
    assert site.position_basis.T.tolist() == [[1.0, 1.0, 0.0]]


@given(
    st.tuples(*[st.floats(3, 25)] * 3),
    st.tuples(*[st.floats(65, 115)] * 3),
)
def test_cell_and_metric_are_inverse(lengths: tuple[float, ...], angles: tuple[float, ...]) -> None:
    cell = (*lengths, *angles)
    metric = cell_to_metric(cell)
    assert metric_to_cell(metric) == pytest.approx(cell, rel=1e-9)
    unit = gemmi.UnitCell(*cell)
    assert 1.0 / np.sqrt(quadratic_form(np.array([[1, -2, 3]])) @ metric)[0] == pytest.approx(
        unit.calculate_d([1, -2, 3])
    )
    assert np.linalg.det(metric_tensor(metric)) == pytest.approx(1.0 / unit.volume**2, rel=1e-9)


def test_a_cell_without_volume_is_named() -> None:
    with pytest.raises(ValueError, match="without volume"):
        cell_to_metric((5, 5, 5, 30, 30, 90))
    with pytest.raises(ValueError, match="not positive definite"):
        metric_to_cell(np.array([1.0, 1.0, -1.0, 0.0, 0.0, 0.0]))

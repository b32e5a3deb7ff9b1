"""The description of a crystal is not the crystal: other origins, cells and groups give the same pattern."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import gemmi
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st

from autogsas.crystal.symmetry import PAIRS, Symmetry, cell_to_metric, metric_tensor, metric_to_cell
from autogsas.engine.parameters import Layout
from autogsas.engine.readout import read_phases
from autogsas.model.instrument import Instrument
from autogsas.model.project import Project, Search
from autogsas.model.sample import Axis, Specimen
from autogsas.model.structure import Cell, Phase, Site

from .computed import POINTS, bragg, same
from .random_models import FAMILY, SHARED, examples, holds, instruments, phases, specimens, tensor_values, unique_axes

Array = npt.NDArray[np.float64]

SETTINGS = (
    "F d -3 m:1",
    "P n n n:1",
    "P 4/n:1",
    "I 41/a m d:1",
    "P 1 21/n 1",
    "P 1 21/a 1",
    "P 1 1 21/b",
    "R -3 m:R",
    "R 3 c:R",
    "P b n m",
    "P n a m",
    "P m c n",
    "P c m n",
    "P m n b",
    "I 1 2/a 1",
    "A 1 2/n 1",
    "A -1",
    "F -1",
    "I -1",
    "C 1",
    "F 4/m m m",
    "C 4 2 2",
)


def reference_of(name: str) -> gemmi.SpaceGroup:
    number = gemmi.find_spacegroup_by_name(name).number
    return next(group for group in gemmi.spacegroup_table() if group.number == number and group.is_reference_setting())


def change_to(name: str) -> tuple[Array, Array]:
    """Q (3, 3) and q (3,) of x' = Q x + q from the reference setting of a space group to another."""
    op = gemmi.find_spacegroup_by_name(name).basisop
    q, shift = np.array(op.rot) / gemmi.Op.DEN, np.array(op.tran) / gemmi.Op.DEN
    return q, shift


def test_changes_of_setting_carry_the_operations_over() -> None:
    """The operations of the reference setting, taken over, are among those that the other setting has."""
    for name in SETTINGS:
        q, shift = change_to(name)
        theirs = gemmi.find_spacegroup_by_name(name).operations()
        known = {(tuple(map(tuple, op.rot)), tuple(np.array(op.tran) % gemmi.Op.DEN)) for op in theirs}
        for op in reference_of(name).operations():
            rotation, move = np.array(op.rot) / gemmi.Op.DEN, np.array(op.tran) / gemmi.Op.DEN
            turned = q @ rotation @ np.linalg.inv(q)
            moved = q @ move + shift - turned @ shift
            key = (
                tuple(map(tuple, np.round(turned * gemmi.Op.DEN).astype(int).tolist())),
                tuple((np.round(moved * gemmi.Op.DEN).astype(int) % gemmi.Op.DEN).tolist()),
            )
            assert key in known, (name, op.triplet())


def in_setting(phase: Phase, name: str) -> tuple[Phase, float]:
    """A phase of the reference setting described in another, and how many times larger the cell is."""
    q, shift = change_to(name)
    inverse = np.linalg.inv(q)
    metric = inverse.T @ direct_metric(phase.cell) @ inverse
    lengths = np.sqrt(np.diag(metric))
    angles = [np.degrees(np.arccos(metric[i, j] / lengths[i] / lengths[j])) for i, j in ((1, 2), (0, 2), (0, 1))]
    cell = Cell(*lengths.tolist(), *(float(angle) for angle in angles))
    old, new = np.sqrt(np.diag(np.linalg.inv(direct_metric(phase.cell)))), np.sqrt(np.diag(np.linalg.inv(metric)))
    sites = []
    for site in phase.sites:
        x, y, z = (q @ np.array(site.xyz) + shift).tolist()
        tensor = None
        if site.uaniso is not None:
            turned = q @ (as_matrix(site.uaniso) * np.outer(old, old)) @ q.T / np.outer(new, new)
            tensor = tuple(float(turned[i, j]) for i, j in PAIRS)
        sites.append(replace(site, xyz=(x, y, z), uaniso=tensor))

    def turned_axis(axis: Axis) -> Axis:
        values = np.array(axis) @ inverse
        scale = np.lcm.reduce([Fraction(float(value)).limit_denominator(12).denominator for value in values])
        h, k, el = (int(value) for value in np.round(values * scale))
        return (h, k, el)

    s = phase.specimen
    specimen = Specimen(
        replace(s.size, axis=turned_axis(s.size.axis)),
        replace(s.strain, axis=turned_axis(s.strain.axis)),
        replace(s.orientation, axis=turned_axis(s.orientation.axis)),
    )
    larger = float(np.sqrt(np.linalg.det(metric) / np.linalg.det(direct_metric(phase.cell))))
    return Phase(phase.name, name, cell, tuple(sites), specimen=specimen), larger


def direct_metric(cell: Cell) -> Array:
    return np.linalg.inv(metric_tensor(cell_to_metric(cell.values())))


def as_matrix(tensor: tuple[float, ...]) -> Array:
    out = np.zeros((3, 3))
    for value, (i, j) in zip(tensor, PAIRS, strict=True):
        out[i, j] = out[j, i] = value
    return out


@st.composite
def crystals(draw: st.DrawFn, name: str) -> Phase:
    """Atoms in the reference setting of a space group, where they may, in a cell of its own shape."""
    group = reference_of(name)
    symmetry = Symmetry.from_name(group.xhm())
    typical = cell_to_metric((5.2, 5.9, 6.8, 83.0, 97.0, 104.0))
    average = symmetry.metric_basis()
    metric = average @ np.linalg.lstsq(average, typical, rcond=None)[0]
    if group.crystal_system() in (gemmi.CrystalSystem.Trigonal, gemmi.CrystalSystem.Hexagonal):
        metric = cell_to_metric((4.9, 4.9, 10.7, 90, 90, 120))
    cell = Cell(*metric_to_cell(metric * draw(st.floats(0.8, 1.1))))
    places = st.tuples(*[st.floats(0.02, 0.98)] * 3)
    special = st.sampled_from([(0.0, 0.0, 0.0), (0.0, 0.0, 0.5), (0.5, 0.5, 0.0)])
    uiso, occupancy = st.floats(0.002, 0.03), st.floats(0.3, 1.0)
    sites = (
        Site("M", "Fe", draw(special), draw(occupancy), draw(uiso)),
        Site("Si", "Si", draw(places), draw(occupancy), draw(uiso)),
        Site("O", "O", draw(places), draw(occupancy), draw(uiso), draw(st.one_of(st.none(), tensor_values()))),
    )
    phase = Phase("crystal", group.xhm(), cell, sites, specimen=draw(specimens(unique_axes(symmetry))))
    # A tensor at a special place is made to fit it, so that both settings start from the same one.
    layout = Layout(Project("one", (), (phase,), Search()))
    return read_phases(layout, layout.start())[0]


@pytest.mark.parametrize("name", SETTINGS)
@examples(4, 30)
def test_another_origin_or_cell_gives_the_same_pattern(name: str, count: int) -> None:
    def check(phase: Phase, instrument: Instrument) -> None:
        other, larger = in_setting(phase, name)
        # A scale counts cells: as many atoms in larger cells are fewer cells.
        same(bragg(other, instrument, POINTS) / larger, bragg(phase, instrument, POINTS))

    holds(count, check, crystals(name), instruments())


def expanded(phase: Phase) -> Phase:
    """The phase in P 1 with all atoms of its cell."""
    sites = []
    reciprocal = np.sqrt(np.diag(np.linalg.inv(direct_metric(phase.cell))))
    for site in phase.sites:
        seen: list[Array] = []
        for op in gemmi.find_spacegroup_by_name(phase.space_group).operations():
            rotation = np.array(op.rot) / gemmi.Op.DEN
            image = np.array(op.apply_to_xyz(list(site.xyz)))
            if any(np.allclose(image - other - np.round(image - other), 0.0, atol=1e-6) for other in seen):
                continue
            seen.append(image)
            tensor = None
            if site.uaniso is not None:
                turned = rotation @ (as_matrix(site.uaniso) * np.outer(reciprocal, reciprocal)) @ rotation.T
                tensor = tuple(float((turned / np.outer(reciprocal, reciprocal))[i, j]) for i, j in PAIRS)
            x, y, z = image.tolist()
            sites.append(replace(site, label=f"{site.label}{len(seen)}", xyz=(x, y, z), uaniso=tensor))
    return replace(phase, space_group="P 1", sites=tuple(sites))


@examples(6, 100)
def test_all_atoms_of_the_cell_in_p1_give_the_same_pattern(count: int) -> None:
    """On so few points that each is evaluated by itself: absent lines, which P 1 has, choose the grid of the tails."""

    def check(phase: Phase, instrument: Instrument) -> None:
        few = POINTS[::14]
        same(bragg(expanded(phase), instrument, few), bragg(phase, instrument, few))
        some = POINTS[::4]
        same(bragg(expanded(phase), instrument, some), bragg(phase, instrument, some), 1e-4)

    family = tuple(phase for phase in FAMILY if phase is not SHARED)
    holds(count, check, phases(family, unique=True), instruments())

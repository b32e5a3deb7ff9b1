"""The contents of unit cells, against known coordination numbers and distances."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from autogsas.crystal.unitcell import Contents, Place, unit_cell
from autogsas.model.structure import Cell, Phase, Site
from tests.runs import CELL, SITES


def _phase(space_group: str, cell: tuple[float, ...], *sites: tuple[object, ...]) -> Phase:
    made = tuple(
        Site(str(label), str(element), (x, y, z), rest[0] if rest else 1.0, 0.01)
        for label, element, x, y, z, *rest in sites
    )
    return Phase("test", space_group, Cell(*cell), made)


FLUORAPATITE = _phase("P 63/m", tuple(CELL.values()), *(site[:5] for site in SITES))
# Paton & Maslen, Acta Cryst. 19, 307 (1965): yttrium in two octahedra.
YTTRIA = _phase(
    "I a -3",
    (10.604, 10.604, 10.604, 90, 90, 90),
    ("Y1", "Y3+", 0.25, 0.25, 0.25),
    ("Y2", "Y3+", 0.96764, 0.0, 0.25),
    ("O1", "O2-", 0.39069, 0.15213, 0.38034),
)
SALT = _phase("F m -3 m", (5.64, 5.64, 5.64, 90, 90, 90), ("Na", "Na", 0, 0, 0), ("Cl", "Cl", 0.5, 0.5, 0.5))
DIAMOND = _phase("F d -3 m:1", (3.567, 3.567, 3.567, 90, 90, 90), ("C", "C", 0, 0, 0))
COPPER = _phase("F m -3 m", (3.615, 3.615, 3.615, 90, 90, 90), ("Cu", "Cu", 0, 0, 0))


def _contents(phase: Phase) -> Contents:
    found = unit_cell(phase)
    assert found is not None
    return found


def _place(phase: Phase, label: str) -> Place:
    return next(place for place in _contents(phase).places if place.main.label == label)


def _neighbours(phase: Phase, label: str) -> Counter[str]:
    return Counter(element for element, _ in _place(phase, label).bonds)


def test_phosphorus_of_fluorapatite_has_four_oxygens() -> None:
    place = _place(FLUORAPATITE, "P1")
    assert _neighbours(FLUORAPATITE, "P1") == {"O": 4}
    # Hughes, Cameron & Crowley (1989) give 1.533, 1.537 and twice 1.529 Angstrom, means of 1.53.
    assert [length for _, length in place.bonds] == pytest.approx([1.53] * 4, abs=0.015)
    assert _neighbours(FLUORAPATITE, "Ca1") == {"O": 9}
    assert _neighbours(FLUORAPATITE, "Ca2") == {"O": 6, "F": 1}


def test_metals_are_octahedral_and_not_bonded_across_their_anions() -> None:
    assert _neighbours(YTTRIA, "Y1") == _neighbours(YTTRIA, "Y2") == {"O": 6}
    assert _neighbours(YTTRIA, "O1") == {"Y": 4}
    assert _neighbours(SALT, "Na") == {"Cl": 6}
    assert [length for _, length in _place(SALT, "Na").bonds] == pytest.approx([2.82] * 6)


def test_atoms_of_an_element_are_bonded_to_each_other() -> None:
    assert _neighbours(DIAMOND, "C") == {"C": 4}
    assert [length for _, length in _place(DIAMOND, "C").bonds] == pytest.approx([3.567 * 3**0.5 / 4] * 4)
    assert _neighbours(COPPER, "Cu") == {"Cu": 12}


def test_atoms_on_faces_edges_and_corners_are_complete() -> None:
    elements = Counter(_contents(SALT).places[atom.place].main.element for atom in _contents(SALT).atoms)
    assert elements == {"Na": 8 + 6, "Cl": 12 + 1}
    assert all(0 <= value <= 1 for atom in _contents(SALT).atoms for value in atom.fractional)
    # With general positions as many as the multiplicities say: 2(F) have two more images at each of three edges.
    inside = [atom for atom in _contents(FLUORAPATITE).atoms if max(atom.fractional) < 1]
    assert len(inside) == 4 + 6 + 6 + 6 + 6 + 12 + 2


def test_positions_in_angstrom_agree_with_the_cell() -> None:
    contents = _contents(FLUORAPATITE)
    lengths = np.linalg.norm(contents.axes, axis=1)
    assert lengths == pytest.approx([CELL["a"], CELL["b"], CELL["c"]])
    assert contents.axes[0] @ contents.axes[1] / lengths[0] / lengths[1] == pytest.approx(-0.5)
    for atom in contents.atoms:
        assert np.array(atom.fractional) @ contents.axes == pytest.approx(np.array(atom.xyz))


def test_drawn_bonds_have_their_stated_length() -> None:
    contents = _contents(YTTRIA)
    pairs = set()
    for bond in contents.bonds:
        start = np.array(contents.atoms[bond.first].xyz)
        assert np.linalg.norm(np.array(bond.end) - start) == pytest.approx(bond.length)
        if bond.second is not None:
            assert contents.atoms[bond.second].xyz == pytest.approx(bond.end)
            pairs.add((bond.first, bond.second))
    assert len(pairs) == sum(bond.second is not None for bond in contents.bonds)
    # Every atom drawn has all its bonds: those to other atoms drawn, and those out of the cell.
    ends = Counter(bond.first for bond in contents.bonds)
    ends.update(bond.second for bond in contents.bonds if bond.second is not None)
    for index, atom in enumerate(contents.atoms):
        assert ends[index] == len(contents.places[atom.place].bonds)


def test_a_mixed_site_is_one_position() -> None:
    mixed = _phase(
        "P m -3 m",
        (3.88, 3.88, 3.88, 90, 90, 90),
        ("La", "La", 0, 0, 0, 0.6),
        ("Ba", "Ba2+", 0, 0, 0, 0.4),
        ("Co", "Co", 0.5, 0.5, 0.5),
        ("O", "O", 0, 0.5, 0.5),
    )
    place = _place(mixed, "La")
    assert [(item.label, item.element, item.occupancy) for item in place.occupants] == [
        ("La", "La", 0.6),
        ("Ba", "Ba", 0.4),
    ]
    assert _neighbours(mixed, "La") == {"O": 12}
    assert _neighbours(mixed, "Co") == {"O": 6}


def test_disorder_alternatives_are_not_bonded() -> None:
    split = _phase(
        "P 1",
        (10, 10, 10, 90, 90, 90),
        ("C", "C", 0.5, 0.5, 0.5),
        ("O1", "O", 0.62, 0.5, 0.5, 0.5),
        ("O2", "O", 0.61, 0.56, 0.5, 0.5),
    )
    assert _neighbours(split, "O1") == {"C": 1}
    full = replace(split, sites=tuple(replace(site, occupancy=1.0) for site in split.sites))
    assert _neighbours(full, "O1") == {"C": 1, "O": 1}


def test_an_atom_beside_its_special_position_is_one_atom() -> None:
    near = _phase("P -1", (8, 9, 10, 90, 90, 90), ("Fe", "Fe", 0.504, 0.5, 0.498))
    assert len(_contents(near).atoms) == 1


@pytest.mark.parametrize(
    "phase",
    [
        replace(SALT, space_group="nonsense"),
        replace(SALT, sites=()),
        replace(SALT, cell=Cell(0, 0, 0, 90, 90, 90)),
        replace(SALT, cell=Cell(float("nan"), 5, 5, 90, 90, 90)),
        replace(SALT, sites=(replace(SALT.sites[0], xyz=(float("nan"), 0.0, 0.0)),)),
    ],
)
def test_a_phase_that_cannot_be_drawn_gives_none(phase: Phase) -> None:
    assert unit_cell(phase) is None


def test_a_scatterer_that_is_not_an_element_is_drawn() -> None:
    odd = _phase("P 1", (5, 5, 5, 90, 90, 90), ("<b>", "Qq", 0.1, 0.1, 0.1), ("D", "D", 0.3, 0.1, 0.1))
    assert [place.main.element for place in _contents(odd).places] == ["X", "D"]

"""Two descriptions of one structure are recognised as one; normalisers agree with International Tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.crystal.endpoints import EndPoint, PhaseEnd, compare
from autogsas.crystal.normaliser import Normaliser, normaliser

GROUPS = [
    "P 1",
    "P -1",
    "P 1 21/c 1",
    "P 1 c 1",
    "C 1 2/c 1",
    "P 21 21 21",
    "P n m a",
    "F d d 2",
    "P 4 m m",
    "I 4",
    "I 41/a:2",
    "P 3",
    "P 32 2 1",
    "R 3:H",
    "R 3:R",
    "R -3 c:H",
    "P 63/m",
    "P 63 m c",
    "F -4 3 m",
    "P 43 3 2",
    "I a -3",
    "F d -3 m:2",
]
CELLS = {
    "P 1": (5.1, 6.3, 7.7, 81, 95, 103),
    "P -1": (5.1, 6.3, 7.7, 81, 95, 103),
    "P 1 21/c 1": (5.1, 6.3, 7.7, 90, 99, 90),
    "P 1 c 1": (5.1, 6.3, 7.7, 90, 99, 90),
    "C 1 2/c 1": (9.7, 8.9, 5.2, 90, 105, 90),
    "R 3:R": (6, 6, 6, 83, 83, 83),
    "P 21 21 21": (5.1, 6.3, 7.7, 90, 90, 90),
    "P n m a": (8.4, 5.4, 6.9, 90, 90, 90),
    "F d d 2": (18.0, 18.6, 6.5, 90, 90, 90),
}


def cell(group: str) -> tuple[float, ...]:
    if group in CELLS:
        return CELLS[group]
    if group.split()[0] in ("P", "R") and group.split()[1] in ("3", "32", "3:H", "-3", "63/m", "63"):
        return (5.0, 5.0, 13.0, 90, 90, 120)
    return (9.0, 9.0, 9.0 if " 3" in group or "-3" in group else 11.0, 90, 90, 90)


def end(group: str, xyz: np.ndarray, labels: tuple[str, ...], elements: tuple[str, ...], esd: float = 1e-4) -> EndPoint:
    n = len(labels)
    own, u, held = np.array(cell(group), dtype=float), np.full(n, 0.01), np.full(n, np.nan)
    phase = PhaseEnd(
        "p", group, own, np.full(6, 1e-4), labels, elements, xyz, np.full((n, 3), esd), u, 0.01 * u, np.ones(n), held
    )
    return EndPoint(8.0, (phase,))


LABELS, ELEMENTS = ("Pb1", "O1", "O2", "O3"), ("Pb", "O", "O", "O2-")


def structure(group: str, seed: int) -> np.ndarray:
    """Four atoms in general positions."""
    return np.random.default_rng([seed, *group.encode()]).uniform(0, 1, (4, 3))


def redescribed(known: Normaliser, xyz: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Move a structure by any element of the normaliser, and each atom to any of its images."""
    coset = random.integers(len(known.turns))
    moved = xyz @ known.turns[coset].T + known.shifts[coset]
    moved = moved + known.polar @ random.uniform(0, 1, known.polar.shape[1])
    picks = random.integers(len(known.rotations), size=len(xyz))
    images = np.einsum("nij,nj->ni", known.rotations[picks], moved) + known.translations[picks]
    return images + random.integers(-2, 3, images.shape)


@pytest.mark.parametrize("group", GROUPS)
def test_other_descriptions_of_one_structure_are_no_difference(group: str) -> None:
    known = normaliser(group)
    assert known is not None
    random = np.random.default_rng(1)
    for seed in range(6):
        xyz = structure(group, seed)
        before = end(group, xyz, LABELS, ELEMENTS)
        redescription = redescribed(known, xyz, random)
        redescription[[1, 2]] = redescription[[2, 1]]  # two of one element that changed places
        found = compare(before, end(group, redescription, LABELS, ELEMENTS))
        assert max(difference.excess for difference in found) < 1e-6


@pytest.mark.parametrize("group", GROUPS)
def test_an_atom_that_moved_is_found_in_any_description(group: str) -> None:
    known = normaliser(group)
    assert known is not None
    random = np.random.default_rng(2)
    xyz = structure(group, 3)
    lengths = np.array(cell(group)[:3])
    other = xyz.copy()
    other[3] += np.array([0.05, 0.0, 0.0]) / lengths
    found = compare(end(group, xyz, LABELS, ELEMENTS), end(group, redescribed(known, other, random), LABELS, ELEMENTS))
    apart = [difference for difference in found if difference.excess > 1.0]
    assert [(difference.kind, difference.atom) for difference in apart] == [("position", "O3")]
    assert apart[0].shift == pytest.approx(0.05, abs=1e-6)
    assert "x" in apart[0].axes


# Index of the group in its Euclidean normaliser for a cell of general shape, the free origin left out: International
# Tables for Crystallography A, Tables 3.5.2.3 to 3.5.2.5 (2016).
INDICES = {
    "P -1": 8,
    "P 1 21/c 1": 8,
    "P 21 21 21": 16,
    "P n m a": 8,
    "P m -3 m": 2,
    "P 63/m": 4,
    "F m -3 m": 2,
    "F -4 3 m": 8,
    "F 2 3": 16,
    "I a -3": 2,
    "P 32 2 1": 4,
    "P 43 3 2": 2,
    "R -3 c:H": 2,
    "I 41 3 2": 2,
}


@pytest.mark.parametrize("group", INDICES)
def test_normalisers_have_the_index_of_the_tables(group: str) -> None:
    known = normaliser(group)
    assert known is not None
    assert len(known.turns) == INDICES[group]
    assert np.array_equal(known.turns[0], np.eye(3))
    assert np.array_equal(known.shifts[0], np.zeros(3))


@pytest.mark.parametrize("group", GROUPS)
def test_a_normaliser_maps_its_group_onto_itself(group: str) -> None:
    known = normaliser(group)
    assert known is not None
    own = {
        (tuple(r.ravel().astype(int)), tuple(np.round(24 * t).astype(int) % 24))
        for r, t in zip(known.rotations, known.translations, strict=True)
    }
    for turn, shift in zip(known.turns, known.shifts, strict=True):
        back = np.linalg.inv(turn)
        image = set()
        for rotation, translation in zip(known.rotations, known.translations, strict=True):
            turned = turn @ rotation @ back
            moved = shift + turn @ translation - turned @ shift
            image.add((tuple(np.rint(turned).ravel().astype(int)), tuple(np.round(24 * moved).astype(int) % 24)))
        assert image == own


def test_polar_directions() -> None:
    found = {}
    for group in ("P 1", "P 4 m m", "P 1 c 1", "R 3:R", "P n m a"):
        known = normaliser(group)
        assert known is not None
        found[group] = known.polar.T.tolist()
    assert found == {
        "P 1": np.eye(3).tolist(),
        "P 4 m m": [[0, 0, 1]],
        "P 1 c 1": [[1, 0, 0], [0, 0, 1]],
        "R 3:R": [[1, 1, 1]],
        "P n m a": [],
    }


def test_an_unknown_group_is_compared_by_its_labels() -> None:
    assert normaliser("P 7") is None
    xyz = structure("P 1", 1)
    one = end("P 1", xyz, LABELS, ELEMENTS)
    unknown = EndPoint(8.0, (replace(one.phases[0], space_group="P 7"),))
    assert max(difference.excess for difference in compare(unknown, unknown)) == 0.0


def test_esds_are_those_along_the_shift() -> None:
    xyz = structure("P n m a", 1)
    one = end("P n m a", xyz, LABELS, ELEMENTS, esd=0.0)
    esds = np.tile([0.002, 0.0, 0.0], (4, 1))
    one = EndPoint(8.0, (replace(one.phases[0], xyz_esd=esds),))
    for axis, wanted in ((0, 0.05 / (np.sqrt(2.0) * 0.002)), (1, None)):
        moved = xyz.copy()
        moved[1, axis] += 0.05
        two = EndPoint(8.0, (replace(one.phases[0], xyz=moved),))
        (found,) = (d for d in compare(one, two) if d.kind == "position" and d.atom == "O1")
        assert found.shift == pytest.approx(0.05 * cell("P n m a")[axis])
        assert found.esds == (wanted if wanted is None else pytest.approx(wanted))


def test_a_phase_without_atoms_is_its_cell() -> None:
    one = end("P n m a", np.zeros((0, 3)), (), ())
    moved = EndPoint(8.0, (replace(one.phases[0], cell=one.phases[0].cell * [1.01, 1, 1, 1, 1, 1]),))
    assert [d.name for d in compare(one, moved) if d.excess > 1.0] == ["p:a"]


def test_axes_that_symmetry_makes_equal_give_one_difference() -> None:
    one = end("P 63/m", np.zeros((0, 3)), (), ())
    phase = one.phases[0]
    cell = np.array([9.37, 9.37, 6.88, 90.0, 90.0, 120.0])
    changed = np.array([9.36 + 2e-15, 9.36, 6.88, 90.0, 90.0, 120.0])
    before = EndPoint(8.0, (replace(phase, cell=cell, cell_esd=np.full(6, 1e-4)),))
    after = EndPoint(8.0, (replace(phase, cell=changed, cell_esd=np.array([1e-4, 1.01e-4, *4 * [1e-4]])),))
    names = [item.name.rpartition(":")[2] for item in compare(before, after)]
    assert sorted(names) == ["a", "alpha", "c", "gamma"]

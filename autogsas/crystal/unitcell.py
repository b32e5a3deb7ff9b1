"""The contents of a unit cell: all atoms in it and on its faces, and the bonds between them.

Bonds are found from radii alone: two atoms are bonded if their distance is not larger than the sum of their covalent
radii (Cordero et al., Dalton Trans. 2832 (2008)) plus `TOLERANCE`. This rule alone would also connect metals to atoms
behind their anions, so a metal has no bond to another atom if an atom of a more electronegative element is within
bonding distance of both. Disorder alternatives, which have a total occupancy of one or less and are closer than a bond,
are not bonded.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from autogsas.model.structure import Phase

__all__ = ["SAME_PLACE", "TOLERANCE", "Atom", "Bond", "Contents", "Occupant", "Place", "element_of", "unit_cell"]

Array = npt.NDArray[np.float64]

TOLERANCE = 0.4  # Angstrom, over the sum of the covalent radii
SAME_PLACE = 0.2  # Angstrom: closer atoms of one site are one atom, of several sites one mixed position
_FACE = 1e-4  # fractional: a closer atom is on the face
_ALTERNATIVES = 0.8  # of the sum of the radii
_TOGETHER = 1.05
# Elements that can be the electronegative partner of a bond, the most electronegative first (Pauling).
_NEGATIVE = ("F", "O", "Cl", "N", "Br", "I", "S", "Se", "C", "H", "P", "As", "Te", "B", "Si")


@dataclass(frozen=True)
class Occupant:
    """A site that occupies a position, alone or with others."""

    label: str
    element: str
    occupancy: float


@dataclass(frozen=True)
class Place:
    """A crystallographic position with its occupants: one site, or several that share it.

    ``bonds`` are all bonds of an atom there: the element at the other end and the length in Angstrom, shortest first.
    """

    occupants: tuple[Occupant, ...]
    bonds: tuple[tuple[str, float], ...] = ()

    @property
    def main(self) -> Occupant:
        """The occupant with the highest occupancy."""
        return max(self.occupants, key=lambda item: item.occupancy)

    @property
    def occupancy(self) -> float:
        """The total occupancy."""
        return sum(item.occupancy for item in self.occupants)


@dataclass(frozen=True)
class Atom:
    """One atom to be drawn: the index of its place, fractional coordinates from 0 to 1, and coordinates in Angstrom."""

    place: int
    fractional: tuple[float, float, float]
    xyz: tuple[float, float, float]


@dataclass(frozen=True)
class Bond:
    """A bond from atom ``first`` to atom ``second``, None if it is outside the cell; ``end`` in Angstrom."""

    first: int
    second: int | None
    end: tuple[float, float, float]
    length: float


@dataclass(frozen=True)
class Contents:
    """A unit cell; the rows of ``axes`` (3, 3) are a, b and c in Angstrom."""

    axes: Array
    places: tuple[Place, ...]
    atoms: tuple[Atom, ...]
    bonds: tuple[Bond, ...]


def element_of(scatterer: str) -> gemmi.Element:
    """Return the element of a scatterer such as "O2-"; X if it is not an element."""
    return gemmi.Element(scatterer.rstrip("0123456789+-"))


def unit_cell(phase: Phase, most: int = 5000) -> Contents | None:
    """Return the contents of the unit cell of a phase.

    None if its space group is unknown, or if it has no atoms or more than ``most``. Sites whose coordinates are not
    finite are left out.
    """
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    sites = [site for site in phase.sites if np.isfinite(site.xyz).all()]
    if group is None or not sites or not np.isfinite(phase.cell.values()).all():
        return None
    cell = gemmi.UnitCell(*phase.cell.values())
    axes = np.array(cell.orth.mat.tolist(), dtype=float).T
    if not abs(np.linalg.det(axes)) > 1e-6:
        return None
    operations = group.operations()
    orbits: list[Array] = []
    for site in sites:
        orbits.append(_orbit(np.array(site.xyz, dtype=float), operations, axes))
        if sum(map(len, orbits)) > most:
            return None
    shared = _shared(orbits, axes)
    kinds = [
        Place(tuple(Occupant(sites[i].label, element_of(sites[i].element).name, sites[i].occupancy) for i in members))
        for members in shared
    ]
    owner = np.concatenate([np.full(len(orbits[members[0]]), kind) for kind, members in enumerate(shared)])
    inside = np.concatenate([orbits[members[0]] for members in shared])
    neighbours = _neighbours(inside, owner, kinds, axes)
    places = tuple(_with_bonds(kind, number, owner, neighbours, kinds) for number, kind in enumerate(kinds))
    atoms, bonds = _drawn(inside, owner, neighbours, axes)
    return Contents(axes, places, atoms, bonds)


def _orbit(xyz: Array, operations: gemmi.GroupOps, axes: Array) -> Array:
    """Return all symmetry images of a site in the cell, fractional coordinates in [0, 1), shape (n, 3)."""
    triplets = list(operations)
    rotations = np.array([op.rot for op in triplets], dtype=float) / gemmi.Op.DEN
    translations = np.array([op.tran for op in triplets], dtype=float) / gemmi.Op.DEN
    images = _wrapped(rotations @ xyz + translations)
    kept = images[:1]
    for image in images[1:]:
        if not _same(image, kept, axes).any():
            kept = np.vstack((kept, image))
    return kept


def _wrapped(fractional: Array) -> Array:
    inside = fractional - np.floor(fractional)
    return np.where(inside > 1.0 - _FACE, 0.0, inside)


def _same(place: Array, others: Array, axes: Array) -> npt.NDArray[np.bool_]:
    """Return which of the others (n, 3) are at the same position, shape (n,)."""
    gaps = others - place
    return np.asarray(np.linalg.norm((gaps - np.round(gaps)) @ axes, axis=1) < SAME_PLACE)


def _shared(orbits: list[Array], axes: Array) -> list[list[int]]:
    """Return lists of the indices of sites that share a position."""
    groups: list[list[int]] = []
    places, owner = np.empty((0, 3)), np.empty(0, dtype=np.int64)
    for number, orbit in enumerate(orbits):
        near = owner[_same(orbit[0], places, axes)]
        found = next((index for index in near.tolist() if len(orbits[groups[index][0]]) == len(orbit)), None)
        if found is not None:
            groups[found].append(number)
            continue
        places = np.vstack((places, orbit))
        owner = np.concatenate((owner, np.full(len(orbit), len(groups))))
        groups.append([number])
    return groups


@dataclass(frozen=True)
class _Neighbour:
    """The other end of a bond: the atom ``index`` of the cell, translated by ``shift`` cells."""

    index: int
    shift: tuple[int, int, int]
    length: float


def _neighbours(inside: Array, owner: npt.NDArray[np.int64], kinds: list[Place], axes: Array) -> list[list[_Neighbour]]:
    """Return the bonds of each atom of the cell."""
    elements = [gemmi.Element(kind.main.element) for kind in kinds]
    radii = np.array([float(element.covalent_r) for element in elements])
    reach = 2.0 * float(radii.max()) + TOLERANCE
    # Not gemmi.NeighborSearch: it does not return the translation of a neighbour, and in a small cell several images of
    # one atom are neighbours. ``counts`` are the numbers of cells within reach.
    counts = np.ceil(reach * np.linalg.norm(np.linalg.inv(axes), axis=0)).astype(int)
    shifts = list(itertools.product(*(range(-int(n), int(n) + 1) for n in counts[:3])))
    images = (inside[None, :, :] + np.array(shifts, dtype=float)[:, None, :]).reshape(-1, 3) @ axes
    tree = cKDTree(images)
    found: list[list[_Neighbour]] = []
    for index, place in enumerate(inside @ axes):
        here: list[_Neighbour] = []
        for number in sorted(tree.query_ball_point(place, reach)):
            other = number % len(inside)
            length = float(np.linalg.norm(images[number] - place))
            total = float(radii[owner[index]] + radii[owner[other]])
            if SAME_PLACE < length <= total + TOLERANCE and not _are_alternatives(
                kinds[owner[index]], kinds[owner[other]], length, total
            ):
                move = shifts[number // len(inside)]
                here.append(_Neighbour(other, (move[0], move[1], move[2]), length))
        found.append(here)
    return [_without_mediated(i, found, owner, elements) for i in range(len(inside))]


def _are_alternatives(one: Place, other: Place, length: float, total: float) -> bool:
    return length < _ALTERNATIVES * total and one.occupancy + other.occupancy <= _TOGETHER


def _without_mediated(
    index: int, found: list[list[_Neighbour]], owner: npt.NDArray[np.int64], elements: list[gemmi.Element]
) -> list[_Neighbour]:
    """Return the bonds of an atom without those of metals to atoms behind a more electronegative one."""
    own = elements[owner[index]]
    between = {(item.index, item.shift): elements[owner[item.index]] for item in found[index]}
    kept = []
    for item in found[index]:
        other = elements[owner[item.index]]
        if own.is_metal or other.is_metal:
            first = min(_rank(own), _rank(other))
            beyond = (
                (back.index, tuple(np.add(item.shift, back.shift).tolist()))
                for back in found[item.index]
                if _rank(elements[owner[back.index]]) < first
            )
            if any(key in between for key in beyond):
                continue
        kept.append(item)
    return kept


def _rank(element: gemmi.Element) -> int:
    return _NEGATIVE.index(element.name) if element.name in _NEGATIVE else len(_NEGATIVE)


def _with_bonds(
    kind: Place, number: int, owner: npt.NDArray[np.int64], neighbours: list[list[_Neighbour]], kinds: list[Place]
) -> Place:
    index = int(np.flatnonzero(owner == number)[0])
    bonds = sorted((item.length, kinds[owner[item.index]].main.element) for item in neighbours[index])
    return Place(kind.occupants, tuple((element, length) for length, element in bonds))


def _drawn(
    inside: Array, owner: npt.NDArray[np.int64], neighbours: list[list[_Neighbour]], axes: Array
) -> tuple[tuple[Atom, ...], tuple[Bond, ...]]:
    """Return the atoms in the cell and on all its faces, their bonds, and bonds to atoms outside the cell."""
    numbers: dict[tuple[int, tuple[int, int, int]], int] = {}
    atoms: list[Atom] = []
    for index, place in enumerate(inside):
        ends = [(0, 1) if value < _FACE else (0,) for value in place]
        for shift in itertools.product(*ends):
            at = place + np.array(shift, dtype=float)
            numbers[index, (shift[0], shift[1], shift[2])] = len(atoms)
            atoms.append(Atom(int(owner[index]), _three(at), _three(at @ axes)))
    bonds = []
    for (index, shift), first in numbers.items():
        for item in neighbours[index]:
            there = (shift[0] + item.shift[0], shift[1] + item.shift[1], shift[2] + item.shift[2])
            second = numbers.get((item.index, there))
            if second is None or first < second:
                end = (inside[item.index] + np.array(there, dtype=float)) @ axes
                bonds.append(Bond(first, second, _three(end), item.length))
    return tuple(atoms), tuple(bonds)


def _three(values: Array) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))

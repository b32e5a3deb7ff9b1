"""What a unit cell holds: every atom in it and on its faces, and which of them are bonded.

Bonds are drawn by radii alone: two atoms are joined where they are no further apart than the sum of their covalent
radii (Cordero et al., Dalton Trans. 2832 (2008)) and `TOLERANCE`. That rule alone joins metals to whatever lies behind
their anions too, so no bond goes from a metal to another atom where an atom of a more electronegative element is
within reach of both: it stands between them. Alternatives of disorder, occupied one or less together and nearer than
bonds are, are not joined.
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
SAME_PLACE = 0.2  # Angstrom: nearer atoms of one site are one atom, of several sites one mixed place
_FACE = 1e-4  # fractional: an atom so near a face lies on it
_ALTERNATIVES = 0.8  # of the sum of the radii
_TOGETHER = 1.05
# The elements that take part in bonds as the electronegative partner, most electronegative first (order of Pauling).
_NEGATIVE = ("F", "O", "Cl", "N", "Br", "I", "S", "Se", "C", "H", "P", "As", "Te", "B", "Si")


@dataclass(frozen=True)
class Occupant:
    """A site that has a share in a place."""

    label: str
    element: str
    occupancy: float


@dataclass(frozen=True)
class Place:
    """Where atoms are, by symmetry the same everywhere: one site, or several that share it.

    ``bonds`` are the lengths in Angstrom of all bonds of an atom there, shortest first, with the element at the other
    end.
    """

    occupants: tuple[Occupant, ...]
    bonds: tuple[tuple[str, float], ...] = ()

    @property
    def main(self) -> Occupant:
        """The one that is there most often."""
        return max(self.occupants, key=lambda item: item.occupancy)

    @property
    def occupancy(self) -> float:
        """How much of the place is taken."""
        return sum(item.occupancy for item in self.occupants)


@dataclass(frozen=True)
class Atom:
    """One atom to be drawn: the number of its place, fractional coordinates from 0 to 1, and in Angstrom."""

    place: int
    fractional: tuple[float, float, float]
    xyz: tuple[float, float, float]


@dataclass(frozen=True)
class Bond:
    """A bond from the atom numbered ``first``; ``second`` is None where it leaves the cell, ``end`` in Angstrom."""

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
    """Return the element of a scatterer such as "O2-"; X where it is none."""
    return gemmi.Element(scatterer.rstrip("0123456789+-"))


def unit_cell(phase: Phase, most: int = 5000) -> Contents | None:
    """Return what the cell of a phase holds; None where its space group is unknown, or it has no atoms or too many.

    ``most`` atoms are not too many. Sites whose coordinates are not finite are left out. Symmetry is gemmi's.
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
    """Return all images of a site within the cell, fractional from 0 to below 1, shape (n, 3)."""
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
    """Return which of the others (n, 3) are the same place, shape (n,)."""
    gaps = others - place
    return np.asarray(np.linalg.norm((gaps - np.round(gaps)) @ axes, axis=1) < SAME_PLACE)


def _shared(orbits: list[Array], axes: Array) -> list[list[int]]:
    """Return the numbers of the sites that share a place, as lists."""
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
    """The atom ``index`` of the cell, moved by whole cells, as a bond's other end."""

    index: int
    shift: tuple[int, int, int]
    length: float


def _neighbours(inside: Array, owner: npt.NDArray[np.int64], kinds: list[Place], axes: Array) -> list[list[_Neighbour]]:
    """Return the bonds of each atom of the cell."""
    elements = [gemmi.Element(kind.main.element) for kind in kinds]
    radii = np.array([float(element.covalent_r) for element in elements])
    reach = 2.0 * float(radii.max()) + TOLERANCE
    # So many cells away lies what is within reach of an atom of this one.
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
    """Leave out bonds of metals to atoms behind a more electronegative one."""
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
    """Return the atoms of the cell and of all its faces, and the bonds between them and out of the cell."""
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

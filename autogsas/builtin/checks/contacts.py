"""Distances between atoms compared with their radii, and occupancies of sites at one position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import gemmi
import numpy as np

from autogsas.builtin.checks.given import Given
from autogsas.builtin.checks.limits import LIMITS
from autogsas.model.result import Finding, Severity
from autogsas.model.structure import Phase

__all__ = ["Contact", "check_contacts", "contacts"]

# Metals that form multiple bonds, to oxygen, nitrogen or each other: groups 3 to 12 and the actinides.
_MULTIPLE = frozenset([*range(21, 31), *range(39, 49), *range(72, 81), *range(89, 104)])
_HARD_ANIONS = frozenset(["O", "F"])


_GIVEN = ": the project's own values, not refined"
_START = "check the structure that was given: its origin, setting and cell; keep atomic positions fixed at first"


@dataclass(frozen=True)
class Contact:
    """Two sites, by their numbers, that come to within ``distance`` Angstrom of each other."""

    first: int
    second: int
    distance: float


def contacts(phase: Phase, reach: float) -> list[Contact]:
    """Return the shortest contact of each pair of sites within ``reach`` Angstrom, a site and its images too.

    Images of a site within `LIMITS.same_place` of each other are one atom near a special position. Empty where the
    space group is unknown.
    """
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    if group is None or not phase.sites:
        return []
    search, origins, owners = _neighbour_search(phase, group, reach)
    shortest: dict[tuple[int, int], float] = {}
    for first, origin in enumerate(origins):
        for mark in search.find_atoms(origin, radius=reach):
            second, distance = owners[mark.atom_idx], search.dist(origin, mark.pos)
            if second < first or (second == first and distance <= LIMITS.same_place) or distance >= reach:
                continue
            shortest[second, first] = min(distance, shortest.get((second, first), np.inf))
    return [Contact(first, second, distance) for (second, first), distance in sorted(shortest.items())]


def _neighbour_search(
    phase: Phase, group: gemmi.SpaceGroup, reach: float
) -> tuple[gemmi.NeighborSearch, list[gemmi.Position], list[int]]:
    """Return the search over a block of cells, the positions of the sites in it, and the site of each of its atoms.

    The block is so large that no atom has two images of another one within ``reach``: the search measures to the
    nearest image alone. All atoms are written out in space group P 1, since the search would take images of a site
    within 0.4 Angstrom for one atom.
    """
    cell = gemmi.UnitCell(*phase.cell.values())
    spacings = (1.0 / length for length in cell.reciprocal().parameters[:3])
    counts = [int(np.ceil(2.0 * reach / spacing)) for spacing in spacings]
    block = gemmi.SmallStructure()
    block.cell = gemmi.UnitCell(*(n * a for n, a in zip(counts, cell.parameters, strict=False)), *cell.parameters[3:])
    block.spacegroup_hm = "P 1"
    block.setup_cell_images()
    shifts = list(product(*(range(n) for n in counts)))
    operations = list(group.operations())
    owners: list[int] = []
    for number, site in enumerate(phase.sites):
        for operation in operations:
            image = operation.apply_to_xyz(list(site.xyz))
            for shift in shifts:
                atom = gemmi.SmallStructure.Site()
                atom.fract = gemmi.Fractional(*((x + s) / n for x, s, n in zip(image, shift, counts, strict=True)))
                block.add_site(atom)
                owners.append(number)
    origins = [cell.orthogonalize(gemmi.Fractional(*site.xyz)) for site in phase.sites]
    return gemmi.NeighborSearch(block, reach).populate(), origins, owners


def check_contacts(phase: Phase, given: Given | None = None) -> Iterator[Finding]:
    """Report atoms that are impossibly or suspiciously close, and positions with occupancies above one.

    Radii are the covalent ones of Cordero et al., Dalton Trans. 2832 (2008); a bond is much shorter than their sum
    only if it is a multiple one of a metal (uranyl 0.67, permanganate 0.71, vanadyl 0.72 of it) or one of hydrogen,
    which X-rays show too short. Two sites whose occupancies add up to one at most are alternatives (disorder), at any
    distance. Suspicious are two metals, which are farther apart in a compound, and oxygen or fluorine atoms at
    distances that are neither a bond (peroxide 1.5 Angstrom) nor a contact (2.16 in nitrate, 2.2 in carbonate). Atoms
    that the refinement left where the project has them, as ``given`` says, are suspicious at most: a refined cell moves
    them by little.
    """
    if phase.intensities == "Le Bail":
        return  # its atoms make no reflections
    elements = [gemmi.Element(site.element.rstrip("0123456789+-")) for site in phase.sites]
    radii = [float(element.covalent_r) for element in elements]
    reach = max([*(2.0 * radius * LIMITS.metals_apart for radius in radii), LIMITS.anions_apart])
    near = contacts(phase, reach)
    kept = frozenset(
        i for i, site in enumerate(phase.sites) if given and given.cell(phase) and given.place(phase, site)
    )
    yield from _places(phase, near, given)
    worst: dict[tuple[str, Severity], tuple[float, str, Contact]] = {}
    for contact in near:
        first, second = phase.sites[contact.first], phase.sites[contact.second]
        if first.occupancy + second.occupancy <= 1.0 + LIMITS.occupancy_slack or _one_place(contact):
            continue
        pair = (elements[contact.first], elements[contact.second])
        total = radii[contact.first] + radii[contact.second]
        loose = any(element.is_hydrogen or element.atomic_number in _MULTIPLE for element in pair)
        severity, least = Severity.ERROR, total * (LIMITS.contact_multiple if loose else LIMITS.contact)
        if contact.distance >= least:
            severity = Severity.WARNING
            if all(element.is_metal for element in pair):
                least = total * LIMITS.metals_apart
            elif all(element.name in _HARD_ANIONS for element in pair) and contact.distance > LIMITS.anions_bonded:
                least = LIMITS.anions_apart
        code = "atoms-too-close" if severity is Severity.ERROR else "atoms-close"
        text = f"{first.label} and {second.label} are {contact.distance:.2f} Å apart, closer than {least:.2f} Å"
        if kept >= {contact.first, contact.second}:
            severity, text = Severity.WARNING, text + _GIVEN
        share = contact.distance / least
        if share < 1.0 and ((code, severity) not in worst or share < worst[code, severity][0]):
            worst[code, severity] = (share, text, contact)
    for (code, severity), (share, text, contact) in worst.items():
        numbers = {"distance": contact.distance, "least": contact.distance / share}
        yield Finding(code, severity, f"{phase.name}: {text}", numbers, advice=_START)


def _one_place(contact: Contact) -> bool:
    return contact.first != contact.second and contact.distance < LIMITS.same_place


def _places(phase: Phase, near: list[Contact], given: Given | None) -> Iterator[Finding]:
    """Report positions whose sites have occupancies that add up to more than one."""
    sharing: dict[int, list[int]] = {}
    for contact in near:
        if _one_place(contact):
            sharing.setdefault(contact.first, []).append(contact.second)
    seen: set[int] = set()
    for first, others in sharing.items():
        if first in seen:
            continue
        seen.update(others)
        together = [phase.sites[i] for i in (first, *others)]
        total = sum(site.occupancy for site in together)
        if total > 1.0 + LIMITS.occupancy_slack:
            labels = ", ".join(site.label for site in together)
            kept = given is not None and all(given.occupancy(phase, s) and given.place(phase, s) for s in together)
            yield Finding(
                "place-overfull",
                Severity.WARNING if kept else Severity.ERROR,
                f"{phase.name}: {labels} are at one position, and their occupancies add up to {total:.3f}"
                + (_GIVEN if kept else ""),
                {"total": total},
                advice="declare that the occupancies of the sites add up (occupancy_sums)",
            )

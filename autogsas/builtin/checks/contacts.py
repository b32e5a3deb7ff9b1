"""Distances between atoms against what their radii allow, and what shares a place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.limits import LIMITS
from autogsas.model.result import Finding, Severity
from autogsas.model.structure import Phase

__all__ = ["Contact", "check_contacts", "contacts"]

Array = npt.NDArray[np.float64]

# Metals that form multiple bonds, to oxygen, nitrogen or each other: groups 3 to 12 and the actinides.
_MULTIPLE = frozenset([*range(21, 31), *range(39, 49), *range(72, 81), *range(89, 104)])
_HARD_ANIONS = frozenset(["O", "F"])


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
    operations = group.operations()
    triplets = list(operations)
    rotations = np.array([op.rot for op in triplets], dtype=float) / gemmi.Op.DEN
    translations = np.array([op.tran for op in triplets], dtype=float) / gemmi.Op.DEN
    cell = gemmi.UnitCell(*phase.cell.values())
    to_angstrom = np.array(cell.orth.mat.tolist())
    # So many cells away an atom may be that lies within reach, its difference being wrapped to half a cell.
    spacings = 1.0 / np.linalg.norm(np.linalg.inv(to_angstrom), axis=1)
    counts = np.ceil(reach / spacings + 0.5).astype(int)
    shifts = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in counts), indexing="ij"), axis=-1).reshape(-1, 3)
    lattice = shifts @ to_angstrom.T
    xyz = np.array([site.xyz for site in phase.sites], dtype=float)
    found = []
    for second, place in enumerate(xyz):
        images = rotations @ place + translations
        for first in range(second + 1):
            gaps = images - xyz[first]
            gaps = (gaps - np.round(gaps)) @ to_angstrom.T
            distances = np.linalg.norm(gaps[:, None, :] + lattice, axis=2)
            if first == second:
                distances = distances[distances > LIMITS.same_place]
            nearest = float(np.min(distances, initial=np.inf))
            if nearest < reach:
                found.append(Contact(first, second, nearest))
    return found


def check_contacts(phase: Phase) -> Iterator[Finding]:
    """Say which atoms of a phase are impossibly near each other, which suspiciously, and which places are overfull.

    Radii are the covalent ones of Cordero et al., Dalton Trans. 2832 (2008); no bond is much shorter than their sum
    but multiple ones of metals (uranyl 0.67, permanganate 0.71, vanadyl 0.72 of it) and those of hydrogen, which
    X-rays see too near. Two sites whose occupancies add up to no more than one are alternatives (disorder), and may
    be as near as they like. Suspicious are two metals, which in a compound keep further apart, and oxygen or fluorine
    atoms at distances that are neither a bond (peroxide 1.5 Angstrom) nor a contact (2.16 in nitrate, 2.2 in
    carbonate).
    """
    if phase.intensities == "Le Bail":
        return  # its atoms make no reflections
    elements = [gemmi.Element(site.element.rstrip("0123456789+-")) for site in phase.sites]
    radii = [float(element.covalent_r) for element in elements]
    reach = max([*(2.0 * radius * LIMITS.metals_apart for radius in radii), LIMITS.anions_apart])
    near = contacts(phase, reach)
    yield from _places(phase, near)
    worst: dict[Severity, tuple[float, str, Contact]] = {}
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
        share = contact.distance / least
        if share < 1.0 and (severity not in worst or share < worst[severity][0]):
            text = f"{first.label} and {second.label} are {contact.distance:.2f} Å apart"
            worst[severity] = (share, f"{text}, nearer than {least:.2f} Å", contact)
    for severity, (share, text, contact) in worst.items():
        code = "atoms-too-close" if severity is Severity.ERROR else "atoms-close"
        numbers = {"distance": contact.distance, "least": contact.distance / share}
        yield Finding(code, severity, f"{phase.name}: {text}", numbers)


def _one_place(contact: Contact) -> bool:
    return contact.first != contact.second and contact.distance < LIMITS.same_place


def _places(phase: Phase, near: list[Contact]) -> Iterator[Finding]:
    """Say where sites on one place hold more than one atom between them."""
    company: dict[int, list[int]] = {}
    for contact in near:
        if _one_place(contact):
            company.setdefault(contact.first, []).append(contact.second)
    told: set[int] = set()
    for first, others in company.items():
        if first in told:
            continue
        told.update(others)
        together = [phase.sites[i] for i in (first, *others)]
        total = sum(site.occupancy for site in together)
        if total > 1.0 + LIMITS.occupancy_slack:
            labels = ", ".join(site.label for site in together)
            yield Finding(
                "place-overfull",
                Severity.ERROR,
                f"{phase.name}: {labels} share one place, and their occupancies add up to {total:.3f}",
                {"total": total},
            )

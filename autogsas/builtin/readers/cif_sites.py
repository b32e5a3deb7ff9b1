"""The sites of a CIF: elements, positions, occupancies and displacement parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import gemmi
import numpy as np

from autogsas.builtin.readers.cif_block import CifBlock
from autogsas.errors import UserError
from autogsas.model.structure import U6, Cell, Site

__all__ = ["read_sites"]

DEFAULT_U = 0.01
SNAP = 0.02
"""A site closer than this (in Angstrom) to a special position is moved onto it: 0.3333 means 1/3."""
EIGHT_PI2 = 8.0 * np.pi**2

_ELEMENT = re.compile(r"^(\d+)?([A-Za-z]{1,2})(?:(\d*)([+-])|([+-])(\d+))?$")
_ORDER = ("11", "22", "33", "12", "13", "23")


@dataclass(frozen=True)
class _Atom:
    """One row of the loop of atoms, as text; None for missing values. The order is that of `_COLUMNS`."""

    label: str | None
    type_symbol: str | None
    x: str | None
    y: str | None
    z: str | None
    occupancy: str | None
    u_iso: str | None
    b_iso: str | None


_COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "u_iso_or_equiv", "b_iso_or_equiv")


def _atoms(block: CifBlock) -> Iterator[_Atom]:
    length = len(block.tags["_atom_site_fract_x"])
    columns = [block.column(f"_atom_site_{name}", length) for name in _COLUMNS]
    # A column of a second loop may be shorter.
    for row in range(length):
        yield _Atom(*(column[row] if row < len(column) else None for column in columns))


def read_sites(block: CifBlock, cell: Cell, group: gemmi.SpaceGroup, notes: list[str]) -> list[Site]:
    """Return the sites of a block on their special positions, with notes on all corrections. Raises UserError."""
    tensors = _tensors(block)
    sites: list[Site] = []
    for number, atom in enumerate(_atoms(block), 1):
        label = atom.label or atom.type_symbol or f"atom{number}"
        where = f"_atom_site {label}"
        given = (block.number(text, where) for text in (atom.x, atom.y, atom.z))
        xyz = [value for value in given if value is not None]
        if len(xyz) < 3:
            notes.append(f"{label} has no position; it is left out")
            continue
        sites.append(
            Site(
                label=label,
                element=_element(block, atom.type_symbol or "", label, where),
                xyz=(xyz[0], xyz[1], xyz[2]),
                occupancy=_occupancy(block, atom.occupancy, label, notes),
                uiso=_uiso(block, atom, tensors.get(label), cell, label, notes),
                uaniso=tensors.get(label),
            )
        )
    if not sites:
        raise UserError("the CIF has no atoms with positions", file=block.path)
    placed = [_snap(site, cell, group, notes) for site in sites]
    return _unique(placed, notes)


def _element(block: CifBlock, given: str, label: str, where: str) -> str:
    text = given or re.sub(r"[^A-Za-z].*$", "", label)
    match = _ELEMENT.match(text.strip())
    symbol = match[2].capitalize() if match else ""
    if match and match[1] == "2" and symbol == "H":
        symbol = "D"
    if not given and len(symbol) == 2 and gemmi.Element(symbol).name == "X":
        symbol = symbol[0]  # from a label such as OW, as there is no type symbol
    if match is None or gemmi.Element(symbol).name == "X":
        names = [gemmi.Element(number).name for number in range(1, 99)]
        raise UserError(
            "unknown element",
            file=block.path,
            key=where,
            found=text,
            allowed="a chemical symbol" if not text else names,
        )
    sign = match[4] or match[5]
    size = match[3] or match[6] or "1"
    return symbol if sign is None or int(size) == 0 else f"{symbol}{int(size)}{sign}"


def _occupancy(block: CifBlock, text: str | None, label: str, notes: list[str]) -> float:
    value = block.number(text, f"_atom_site_occupancy of {label}")
    if value is None:
        if text is None and block.has("_atom_site_occupancy"):
            notes.append(f"{label} has no occupancy: 1 is assumed")
        return 1.0
    if value < 0:
        raise UserError(
            "an occupancy cannot be negative",
            file=block.path,
            key=f"_atom_site_occupancy of {label}",
            found=f"{value:g}",
            allowed="0 to 1",
        )
    if value > 1.001:
        notes.append(f"{label} has an occupancy of {value:g}, above 1")
    return value


def _uiso(block: CifBlock, atom: _Atom, tensor: U6 | None, cell: Cell, label: str, notes: list[str]) -> float:
    value = block.number(atom.u_iso, f"_atom_site_U_iso_or_equiv of {label}")
    b = block.number(atom.b_iso, f"_atom_site_B_iso_or_equiv of {label}")
    if value is None and b is not None:
        value = b / EIGHT_PI2
    if value is None and tensor is not None:
        value = _equivalent(tensor, cell)
    if value is None or value <= 0:
        problem = "no U" if value is None else f"a U of {value:g}"
        notes.append(f"{label} has {problem}: the starting value is {DEFAULT_U} Å²")
        return DEFAULT_U
    return value


def _equivalent(tensor: U6, cell: Cell) -> float:
    """Return U_eq = 1/3 sum_ij U_ij a*_i a*_j a_i.a_j (Fischer & Tillmanns, Acta Cryst. C44, 775 (1988), eq. 1)."""
    box = gemmi.UnitCell(*cell.values())
    m = np.array(box.orth.mat.tolist())
    star = np.diag(np.linalg.norm(np.linalg.inv(m), axis=1))
    u11, u22, u33, u12, u13, u23 = tensor
    u = np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])
    return float(np.sum((star @ u @ star) * (m.T @ m)) / 3.0)


def _tensors(block: CifBlock) -> dict[str, U6]:
    labels = block.tags.get("_atom_site_aniso_label", ())
    found: dict[str, U6] = {}
    for prefix, factor in (("u", 1.0), ("b", 1.0 / EIGHT_PI2)):
        columns = [block.column(f"_atom_site_aniso_{prefix}_{pair}", len(labels)) for pair in _ORDER]
        for row, label in enumerate(labels):
            values = [block.number(column[row], f"_atom_site_aniso of {label}") for column in columns]
            six = [value * factor for value in values if value is not None]
            if len(six) == 6:
                found.setdefault(label, (six[0], six[1], six[2], six[3], six[4], six[5]))
    return found


def _snap(site: Site, cell: Cell, group: gemmi.SpaceGroup, notes: list[str]) -> Site:
    """Return the site on its special position, the mean of its symmetry images within ``SNAP`` of it."""
    box = gemmi.UnitCell(*cell.values())
    here = np.array(site.xyz)
    images = []
    for operation in group.operations():
        image = np.array(operation.apply_to_xyz(list(site.xyz)))
        image -= np.round(image - here)
        if box.orthogonalize(gemmi.Fractional(*(image - here))).length() < SNAP:
            images.append(image)
    mean = np.mean(images, axis=0)
    moved = box.orthogonalize(gemmi.Fractional(*(mean - here))).length()
    if moved < 1e-9:
        return site
    if moved > SNAP / 4:
        notes.append(f"{site.label} was moved by {moved:.3f} Å onto its special position")
    return replace(site, xyz=(float(mean[0]), float(mean[1]), float(mean[2])))


def _unique(sites: Sequence[Site], notes: list[str]) -> list[Site]:
    taken: set[str] = set()
    out = []
    for site in sites:
        label = re.sub(r"[\s:]+", "_", site.label)
        number = 2
        while label in taken:
            label = f"{site.label}_{number}"
            number += 1
        if label in taken or label != site.label:
            notes.append(f"a second site labelled {site.label} is called {label}")
        taken.add(label)
        out.append(replace(site, label=label))
    return out

"""A phase of a .gpx as the host's data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from autogsas.errors import UserError
from autogsas.model.structure import U6, Cell, Phase, Site

__all__ = ["plain_name", "read_phase", "site_labels", "space_group"]

_ION = re.compile(r"^([A-Z][a-z]?)([+-])(\d+)$")
_ELEMENT = re.compile(r"^[A-Z][a-z]?")


def read_phase(item: Mapping[str, Any], name: str, file: Path) -> Phase:
    """Return a phase of the project. Raises UserError for an unknown setting or scatterer."""
    general = item["General"]
    notes = []
    if general.get("Type") != "nuclear":
        notes.append(f"a phase of type {general.get('Type')}: autogsas shows its nuclear structure only")
    if general.get("Modulated"):
        notes.append("a modulated structure: autogsas shows the average structure only")
    if general.get("Type") == "macromolecular":
        raise UserError("autogsas cannot refine a macromolecular phase", file=file, key=name)
    cell = Cell(*(float(value) for value in general["Cell"][1:7]))
    xyz, kind, _, tensor = (int(pointer) for pointer in general["AtomPtrs"])
    labels = site_labels([str(atom[kind - 1]) for atom in item["Atoms"]])
    sites = tuple(
        _site(atom, label, xyz, kind, tensor, name, file) for atom, label in zip(item["Atoms"], labels, strict=True)
    )
    return Phase(plain_name(name), space_group(general["SGData"], name, file), cell, sites, tuple(notes))


def space_group(data: Mapping[str, Any], name: str, file: Path) -> str:
    """Return the symbol, with its setting, of the space group with GSAS-II's operations. Raises UserError."""
    operations = []
    for matrix, shift in data["SGOps"]:
        for centre in data["SGCen"]:
            for sign in (1, -1) if data["SGInv"] else (1,):
                rotation = np.rint(sign * np.asarray(matrix, dtype=float)).astype(int)
                moved = sign * np.asarray(shift, dtype=float) + np.asarray(centre, dtype=float)
                operations.append(_operation(rotation, moved))
    group = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(operations))
    if group is None:
        raise UserError(
            "the symmetry operations do not belong to a tabulated setting of a space group",
            file=file,
            key=name,
            found=data.get("SpGrp"),
        )
    return str(group.xhm())


def _operation(rotation: np.ndarray[Any, Any], shift: np.ndarray[Any, Any]) -> gemmi.Op:
    operation = gemmi.Op()
    operation.rot = (rotation * gemmi.Op.DEN).tolist()
    operation.tran = np.rint(shift * gemmi.Op.DEN).astype(int).tolist()
    return operation.wrap()


def _site(atom: Sequence[Any], label: str, xyz: int, kind: int, tensor: int, phase: str, file: Path) -> Site:
    x, y, z = (float(value) for value in atom[xyz : xyz + 3])
    uaniso: U6 | None = None
    uiso = float(atom[tensor + 1])
    if str(atom[tensor]).startswith("A"):
        u11, u22, u33, u12, u13, u23 = (float(value) for value in atom[tensor + 2 : tensor + 8])
        uaniso = (u11, u22, u33, u12, u13, u23)
        uiso = (u11 + u22 + u33) / 3.0
    element = _element(str(atom[kind]), f"{phase}: {label}", file)
    return Site(label, element, (x, y, z), float(atom[xyz + 3]), uiso, uaniso)


def _element(text: str, key: str, file: Path) -> str:
    """Return GSAS-II's atom type ("O-2", "Fe+3", "B_11") as CIF writes it ("O2-", "Fe3+", "B")."""
    ion = _ION.match(text)
    symbol = _ELEMENT.match(text)
    if symbol is None or (symbol[0] != "D" and gemmi.Element(symbol[0]).atomic_number == 0):
        raise UserError("unknown atom type", file=file, key=key, found=text)
    return f"{ion[1]}{ion[3]}{ion[2]}" if ion and ion[3] != "0" else symbol[0]


def plain_name(name: str) -> str:
    """Return the name of a phase without colons."""
    return re.sub(r"\s*:\s*", "_", name)


def site_labels(given: Sequence[str]) -> list[str]:
    """Return the labels without colons and blanks, made unique by numbers."""
    out: list[str] = []
    for number, label in enumerate(given, 1):
        plain = re.sub(r"[\s:]+", "_", label).strip("_") or f"atom{number}"
        while plain in out:
            plain = f"{plain}_{number}"
        out.append(plain)
    return out

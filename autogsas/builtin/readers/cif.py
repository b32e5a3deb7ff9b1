"""Read crystal structures from CIF with gemmi; the space group is checked against the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import gemmi
import numpy as np

from autogsas.builtin.readers.cif_block import CifBlock, read_blocks
from autogsas.builtin.readers.cif_sites import read_sites
from autogsas.builtin.readers.cif_space_group import StatedSymmetry, find_space_group
from autogsas.builtin.readers.textfile import is_binary, read_bytes
from autogsas.errors import UserError
from autogsas.hooks.specs import hookimpl
from autogsas.model.structure import Cell, Phase

_NAMELESS = re.compile(r"^(\d.*|global|publ|image\d*|i{1,3}|shelxl?|unnamed|cif|)$", re.IGNORECASE)


@hookimpl
def autogsas_read_structure(path: Path, block: str | None) -> Phase | None:
    """Read the named block of a CIF, or the first block with atoms."""
    head = read_bytes(path, 65536)
    named = path.suffix.lower() in (".cif", ".mcif")
    if is_binary(head):
        if named:
            raise UserError("the file is binary, not a CIF", file=path)
        return None
    if not named and not re.search(rb"^\s*data_", head, re.MULTILINE | re.IGNORECASE):
        return None
    blocks = read_blocks(path, read_bytes(path).decode("utf-8-sig", errors="replace"))
    chosen = _choose(path, blocks, block)
    notes: list[str] = []
    cell = _cell(chosen, notes)
    group = _space_group(chosen, cell, notes)
    sites = read_sites(chosen, cell, group, notes)
    return Phase(_name(chosen), group.xhm(), cell, tuple(sites), tuple(notes))


def _choose(path: Path, blocks: Sequence[CifBlock], wanted: str | None) -> CifBlock:
    if wanted is not None:
        for block in blocks:
            if block.name.lower() == wanted.lower():
                if not block.has("_atom_site_fract_x"):
                    raise UserError("the block has no atoms", file=path, key="block", found=wanted)
                return block
        raise UserError(
            "no such data block", file=path, key="block", found=wanted, allowed=[block.name for block in blocks]
        )
    for block in blocks:
        if block.has("_atom_site_fract_x"):
            return block
    raise UserError(
        "the CIF has no atoms", file=path, found=f"{len(blocks)} data blocks", allowed="a block with _atom_site_fract_x"
    )


def _name(block: CifBlock) -> str:
    name = block.name
    if _NAMELESS.match(name):
        given = block.first("_pd_phase_name", "_chemical_name_mineral", "_chemical_name_common")
        name = given if given and len(given) <= 30 else block.path.stem
    return re.sub(r"[\s:;,/\\]+", "_", name).strip("_") or block.path.stem


def _cell(block: CifBlock, notes: list[str]) -> Cell:
    values = []
    for tag in ("_cell_length_a", "_cell_length_b", "_cell_length_c"):
        length = block.number(block.first(tag), tag)
        if length is None:
            raise UserError("a cell length is missing", file=block.path, key=tag)
        if not length > 0:
            raise UserError("a cell length must be positive", file=block.path, key=tag, found=f"{length:g}")
        values.append(length)
    for tag in ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma"):
        angle = block.number(block.first(tag), tag)
        if angle is None:
            notes.append(f"{tag} is not given: 90 degrees, the default of CIF")
            angle = 90.0
        if not 0 < angle < 180:
            raise UserError(
                "a cell angle must be between 0 and 180 degrees", file=block.path, key=tag, found=f"{angle:g}"
            )
        values.append(angle)
    cell = gemmi.UnitCell(*values)
    if not (np.isfinite(cell.volume) and cell.volume > 1.0):
        raise UserError(
            "the cell has no volume", file=block.path, key="_cell_*", found=", ".join(f"{v:g}" for v in values)
        )
    return Cell(*values)


def _space_group(block: CifBlock, cell: Cell, notes: list[str]) -> gemmi.SpaceGroup:
    operations = (
        block.tags.get("_space_group_symop_operation_xyz") or block.tags.get("_symmetry_equiv_pos_as_xyz") or ()
    )
    stated = StatedSymmetry(
        path=block.path,
        symbol=block.first(
            "_space_group_name_h-m_alt",
            "_symmetry_space_group_name_h-m",
            "_space_group_name_h-m_full",
            "_space_group_name_h-m_ref",
        ),
        hall=block.first("_space_group_name_hall", "_symmetry_space_group_name_hall"),
        number=block.first("_space_group_it_number", "_symmetry_int_tables_number"),
        operations=tuple(item for item in operations if item not in ("?", ".")),
        angles=(cell.alpha, cell.gamma),
    )
    group = find_space_group(stated, notes)
    if not gemmi.UnitCell(*cell.values()).is_compatible_with_spacegroup(group, 2e-3):
        raise UserError(
            f"the cell does not have the symmetry of {group.xhm()}",
            file=block.path,
            key="_cell_*",
            found=", ".join(f"{value:g}" for value in cell.values()),
        )
    return group

"""Which space group a CIF means: its operations where it lists them, else its symbols, else its number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import gemmi

from autogsas.errors import UserError

__all__ = ["find_space_group"]

_OLD_SETTING = {"H": ":H", "R": ":R", "S": ":1", "Z": ":2"}
"""Endings of old database symbols: hexagonal and rhombohedral axes, first and second origin."""


def find_space_group(
    path: Path,
    *,
    symbol: str | None,
    hall: str | None,
    number: str | None,
    operations: Sequence[str],
    angles: tuple[float, float],
    notes: list[str],
) -> gemmi.SpaceGroup:
    """Return the space group in its setting, with notes on whatever the file's statements disagree in.

    ``operations`` are triplets such as "-x,y+1/2,z"; ``angles`` are alpha and gamma in degrees, which tell
    hexagonal from rhombohedral axes. Raises UserError where nothing is given, known or consistent.
    """
    named = _by_name(symbol, hall, angles, notes)
    if operations:
        listed = _by_operations(path, operations)
        if listed is not None:
            if named is not None and named.xhm() != listed.xhm() and ":" not in (symbol or ""):
                same = named.number == listed.number
                notes.append(
                    f"the symmetry operations are those of {listed.xhm()}"
                    + ("" if same else f", not of the symbol {symbol!r}; the operations are used")
                )
            return listed
        if named is None:
            raise UserError(
                "the symmetry operations are those of no tabulated setting",
                file=path,
                key="_space_group_symop_operation_xyz",
                found=symbol or f"{len(operations)} operations",
                allowed="a setting of the International Tables",
            )
        raise UserError(
            "the symmetry operations are not those of the symbol, nor of another tabulated setting",
            file=path,
            key="_space_group_name_H-M_alt",
            found=symbol,
        )
    tabulated = _by_number(path, number)
    if named is not None:
        if tabulated is not None and tabulated.number != named.number:
            raise UserError(
                "the symbol of the space group and its number disagree",
                file=path,
                key="_space_group_IT_number",
                found=number,
                allowed=str(named.number),
            )
        return named
    if symbol is not None:
        raise UserError(
            "unknown space group",
            file=path,
            key="_space_group_name_H-M_alt",
            found=symbol,
            allowed=list(_near(symbol)) or "a Hermann-Mauguin symbol such as 'P 63/m'",
        )
    if tabulated is None:
        raise UserError(
            "the CIF gives no space group",
            file=path,
            key="_space_group_name_H-M_alt",
            allowed="symmetry operations, a Hermann-Mauguin symbol or a number",
        )
    notes.append(f"only the number of the space group is given: taken as {tabulated.xhm()}")
    return tabulated


def _by_operations(path: Path, operations: Sequence[str]) -> gemmi.SpaceGroup | None:
    try:
        parsed = [gemmi.Op(text) for text in operations]
    except (ValueError, RuntimeError):
        raise UserError(
            "a symmetry operation cannot be read",
            file=path,
            key="_space_group_symop_operation_xyz",
            found=next(text for text in operations if not _is_operation(text)),
            allowed="triplets such as '-x,y+1/2,z'",
        ) from None
    group: gemmi.SpaceGroup | None = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(parsed))
    return group


def _is_operation(text: str) -> bool:
    try:
        gemmi.Op(text)
    except (ValueError, RuntimeError):
        return False
    return True


def _by_name(
    symbol: str | None, hall: str | None, angles: tuple[float, float], notes: list[str]
) -> gemmi.SpaceGroup | None:
    if hall is not None:
        try:
            group: gemmi.SpaceGroup | None = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(hall))
        except (ValueError, RuntimeError):
            group = None
        if group is not None:
            return group
    if symbol is None:
        return None
    for text in _spellings(symbol):
        group = gemmi.find_spacegroup_by_name(text, *angles)
        if group is not None:
            if group.ext == "1" and ":" not in text:
                second: gemmi.SpaceGroup | None = gemmi.find_spacegroup_by_name(f"{group.hm}:2")
                if second is not None:
                    notes.append(f"{symbol} has two origins and the CIF names none: taken as {second.xhm()}")
                    return second
            return group
    return None


def _spellings(symbol: str) -> Iterator[str]:
    text = re.sub(r"\s+", " ", symbol.replace("_", " ")).strip()
    yield text
    yield text.replace("(", "").replace(")", "")
    match = re.match(r"^(.*?)\s*:?\s*([HRSZhrsz])$", text)
    if match:
        yield match[1] + _OLD_SETTING[match[2].upper()]
    match = re.match(r"^(.*?)\s*[:(]?\s*(?:origin|o)\s*(?:choice)?\s*([12])\)?$", text, re.IGNORECASE)
    if match:
        yield f"{match[1]}:{match[2]}"


def _by_number(path: Path, number: str | None) -> gemmi.SpaceGroup | None:
    if number is None:
        return None
    if not number.isdigit() or not 1 <= int(number) <= 230:
        raise UserError(
            "no such space group number", file=path, key="_space_group_IT_number", found=number, allowed="1 to 230"
        )
    reference = [group for group in gemmi.spacegroup_table_itb() if group.number == int(number)]
    second = next((group for group in reference if group.ext == "2"), None)
    return second or reference[0]


def _near(symbol: str) -> Iterator[str]:
    first = symbol.strip()[:1].upper()
    yield from dict.fromkeys(group.hm for group in gemmi.spacegroup_table_itb() if group.hm.startswith(first))

"""Find the space group of a CIF from its symmetry operations, else its symbol, else its number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gemmi

from autogsas.errors import UserError

__all__ = ["StatedSymmetry", "find_space_group"]

_OLD_SETTING = {"H": ":H", "R": ":R", "S": ":1", "Z": ":2"}
"""Suffixes of symbols in old databases: hexagonal and rhombohedral axes, first and second origin."""

_SYMBOL_TAG = "_space_group_name_H-M_alt"
_NUMBER_TAG = "_space_group_IT_number"
_OPERATIONS_TAG = "_space_group_symop_operation_xyz"


@dataclass(frozen=True)
class StatedSymmetry:
    """The symmetry as a CIF states it; None or empty for what it does not state.

    ``operations`` are triplets such as "-x,y+1/2,z". ``angles`` are alpha and gamma of the cell in degrees, which
    distinguish hexagonal from rhombohedral axes.
    """

    path: Path
    symbol: str | None
    hall: str | None
    number: str | None
    operations: tuple[str, ...]
    angles: tuple[float, float]

    def error(self, message: str, tag: str, found: str | None, allowed: str | list[str] | None = None) -> UserError:
        """Return a UserError about one tag of the CIF."""
        return UserError(message, file=self.path, key=tag, found=found, allowed=allowed)


def find_space_group(stated: StatedSymmetry, notes: list[str]) -> gemmi.SpaceGroup:
    """Return the space group in its setting; contradictions in the file are added to ``notes``.

    Raises UserError if the symmetry is missing, unknown or inconsistent.
    """
    named = _by_symbol(stated, notes)
    if stated.operations:
        return _check_operations(stated, named, notes)
    tabulated = _by_number(stated)
    if named is None:
        return _only_number(stated, tabulated, notes)
    if tabulated is not None and tabulated.number != named.number:
        raise stated.error(
            "the symbol of the space group and its number disagree", _NUMBER_TAG, stated.number, str(named.number)
        )
    return named


def _check_operations(stated: StatedSymmetry, named: gemmi.SpaceGroup | None, notes: list[str]) -> gemmi.SpaceGroup:
    """Return the space group of the operations, compared with that of the symbol, ``named``."""
    listed = _by_operations(stated)
    if listed is None and named is None:
        raise stated.error(
            "the symmetry operations do not belong to a tabulated setting",
            _OPERATIONS_TAG,
            stated.symbol or f"{len(stated.operations)} operations",
            "a setting of the International Tables",
        )
    if listed is None:
        raise stated.error(
            "the symmetry operations belong neither to the symbol nor to another tabulated setting",
            _SYMBOL_TAG,
            stated.symbol,
        )
    if named is not None and named.xhm() != listed.xhm() and ":" not in (stated.symbol or ""):
        note = f"the symmetry operations are those of {listed.xhm()}"
        if named.number != listed.number:
            note += f", not of the symbol {stated.symbol!r}; the operations are used"
        notes.append(note)
    return listed


def _only_number(stated: StatedSymmetry, tabulated: gemmi.SpaceGroup | None, notes: list[str]) -> gemmi.SpaceGroup:
    """Return the standard setting of the space group number, the only statement of the file."""
    if stated.symbol is not None:
        raise stated.error(
            "unknown space group",
            _SYMBOL_TAG,
            stated.symbol,
            _similar_symbols(stated.symbol) or "a Hermann-Mauguin symbol such as 'P 63/m'",
        )
    if tabulated is None:
        raise stated.error(
            "the CIF gives no space group",
            _SYMBOL_TAG,
            None,
            "symmetry operations, a Hermann-Mauguin symbol or a number",
        )
    notes.append(f"only the number of the space group is given: {tabulated.xhm()} is assumed")
    return tabulated


def _by_operations(stated: StatedSymmetry) -> gemmi.SpaceGroup | None:
    operations = []
    for text in stated.operations:
        try:
            operations.append(gemmi.Op(text))
        except (ValueError, RuntimeError):
            raise stated.error(
                "a symmetry operation cannot be read", _OPERATIONS_TAG, text, "triplets such as '-x,y+1/2,z'"
            ) from None
    group: gemmi.SpaceGroup | None = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(operations))
    return group


def _by_symbol(stated: StatedSymmetry, notes: list[str]) -> gemmi.SpaceGroup | None:
    """Return the space group of the Hall symbol, else of the Hermann-Mauguin symbol; None if neither is known."""
    if stated.hall is not None:
        try:
            group: gemmi.SpaceGroup | None = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(stated.hall))
        except (ValueError, RuntimeError):
            group = None
        if group is not None:
            return group
    for text in () if stated.symbol is None else _spellings(stated.symbol):
        group = gemmi.find_spacegroup_by_name(text, *stated.angles)
        if group is None:
            continue
        if group.ext == "1" and ":" not in text:
            second: gemmi.SpaceGroup | None = gemmi.find_spacegroup_by_name(f"{group.hm}:2")
            if second is not None:
                notes.append(f"{stated.symbol} has two origins and the CIF names neither: {second.xhm()} is assumed")
                return second
        return group
    return None


def _spellings(symbol: str) -> Iterator[str]:
    """Yield a symbol as written, and as gemmi's tables would write it."""
    text = re.sub(r"\s+", " ", symbol.replace("_", " ")).strip()
    yield text
    yield text.replace("(", "").replace(")", "")
    match = re.match(r"^(.*?)\s*:?\s*([HRSZhrsz])$", text)
    if match:
        yield match[1] + _OLD_SETTING[match[2].upper()]
    match = re.match(r"^(.*?)\s*[:(]?\s*(?:origin|o)\s*(?:choice)?\s*([12])\)?$", text, re.IGNORECASE)
    if match:
        yield f"{match[1]}:{match[2]}"


def _by_number(stated: StatedSymmetry) -> gemmi.SpaceGroup | None:
    number = stated.number
    if number is None:
        return None
    if not number.isdigit() or not 1 <= int(number) <= 230:
        raise stated.error("no such space group number", _NUMBER_TAG, number, "1 to 230")
    reference = [group for group in gemmi.spacegroup_table_itb() if group.number == int(number)]
    second = next((group for group in reference if group.ext == "2"), None)
    return second or reference[0]


def _similar_symbols(symbol: str) -> list[str]:
    first = symbol.strip()[:1].upper()
    return list(dict.fromkeys(group.hm for group in gemmi.spacegroup_table_itb() if group.hm.startswith(first)))

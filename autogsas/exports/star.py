"""Values, loops and blocks of a CIF; gemmi quotes and writes them.

Hall, Allen & Brown, Acta Cryst. A47, 655 (1991); the grammar is that of CIF 1.1, Int. Tables G (2006), 2.2.7.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence

from gemmi import cif

from autogsas.exports.characters import cif_characters
from autogsas.text.formatting import plain_with_esd

__all__ = ["UNKNOWN", "add_loop", "block_code", "blocks_text", "number", "prose", "quoted", "unique_codes"]

UNKNOWN = "?"

_WIDTH = 80
_LONGEST_NAME = 400  # a line may have 2048 characters
_LONGEST_CODE = 60  # a block code may have 75 characters


def quoted(text: str) -> str:
    """Return a name as one value on one line, in quotes or as a text field where CIF needs it.

    White space and control characters become single spaces, characters beyond ASCII codes (see `characters`). A name
    too long for a line is cut.
    """
    text = " ".join(_printable(text).split())
    if len(text) > _LONGEST_NAME:
        text = f"{text[: _LONGEST_NAME - 3]}..."
    return str(cif.quote(text))


def prose(text: str) -> str:
    """Return a description as one value; a text longer than half a line becomes a text field with wrapped lines."""
    short = quoted(text)
    if "\n" not in text and len(short) <= _WIDTH // 2 and "\n" not in short:
        return short
    lines = [""]
    for paragraph in text.splitlines():
        # Indented, so that no line begins with the semicolon that would end the field.
        lines += textwrap.wrap(
            _printable(paragraph), _WIDTH - 2, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        ) or [""]
    return str(cif.quote("\n".join(lines)))


def number(value: float | None, esd: float | None = None, digits: int = 6) -> str:
    """Return a number with its esd in parentheses, or without one to so many digits; "?" if it is not finite."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return plain_with_esd(value, esd, digits)


def block_code(text: str) -> str:
    """Return a name as a legal block code: ASCII without spaces, at most 60 characters."""
    plain = re.sub(r"&#x[0-9A-F]+;|\\", "", cif_characters(text))
    kept = re.sub(r"[^A-Za-z0-9.+-]+", "_", plain).strip("_")[:_LONGEST_CODE]
    return kept or "block"


def unique_codes(names: Sequence[str]) -> list[str]:
    """Return a different block code for each name; CIF does not distinguish upper and lower case."""
    taken: set[str] = set()
    out = []
    for name in names:
        code, count = block_code(name), 1
        while (unique := code if count == 1 else f"{code}_{count}").casefold() in taken:
            count += 1
        taken.add(unique.casefold())
        out.append(unique)
    return out


def add_loop(block: cif.Block, tags: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Add a loop to a block, or nothing if there are no rows; values as from `quoted`, `prose` and `number`."""
    rows = list(rows)
    if rows:
        block.init_loop("", list(tags)).set_all_values([list(column) for column in zip(*rows, strict=True)])


def blocks_text(blocks: Iterable[cif.Block]) -> str:
    """Return blocks as the text of a CIF, with aligned columns."""
    document = cif.Document()
    for block in blocks:
        document.add_copied_block(block)
    options = cif.WriteOptions()
    options.align_pairs, options.align_loops = 34, 30
    return str(document.as_string(options))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in cif_characters(text))

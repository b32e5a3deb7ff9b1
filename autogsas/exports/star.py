"""The syntax of CIF: values, pairs, loops and blocks as text. It knows nothing of what they mean.

Hall, Allen & Brown, Acta Cryst. A47, 655 (1991); the grammar is that of CIF 1.1, Int. Tables G (2006), 2.2.7.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence

from autogsas.exports.letters import cif_letters
from autogsas.text.formatting import plain_with_esd

__all__ = ["UNKNOWN", "Block", "block_code", "number", "prose", "quoted", "unique_codes"]

UNKNOWN = "?"

_WIDTH = 80
_LONGEST_NAME = 400  # a line may hold 2048
_LONGEST_CODE = 60  # of the 75 that a block code may have
_BARE = re.compile(r"[A-Za-z0-9+\-.(][A-Za-z0-9+\-.,:;/()*^~'%]*")
_RESERVED = re.compile(r"(data_|save_|loop_|stop_|global_).*", re.IGNORECASE)


def quoted(text: str) -> str:
    """Return a name as one value on one line: bare where it can be, else in quotes, else as a text field.

    White space and control characters become single spaces, other letters ASCII (see `letters`). Of a name that does
    not fit a line the end is left out.
    """
    text = " ".join("".join(char if char.isprintable() else " " for char in cif_letters(text)).split())
    if len(text) > _LONGEST_NAME:
        text = f"{text[: _LONGEST_NAME - 3]}..."
    if text in (".", "?") or not text:
        return f"'{text}'"
    if _BARE.fullmatch(text) and not _RESERVED.match(text):
        return text
    for mark in ("'", '"'):
        # Inside, a quote ends the value only before white space.
        if f"{mark} " not in text:
            return f"{mark}{text}{mark}"
    return f"\n;{text}\n;"


def prose(text: str) -> str:
    """Return a description as one value; what is longer than a line is a text field, folded at its words."""
    short = quoted(text)
    if "\n" not in text and len(short) <= _WIDTH // 2 and "\n" not in short:
        return short
    lines: list[str] = []
    for paragraph in text.splitlines():
        clean = "".join(char if char.isprintable() else " " for char in cif_letters(paragraph))
        # Indented, so that no line begins with the semicolon that would end the field.
        lines += textwrap.wrap(
            clean, _WIDTH - 2, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        ) or [""]
    return "\n;\n" + "\n".join(lines) + "\n;"


def number(value: float | None, esd: float | None = None, digits: int = 6) -> str:
    """Return a number with its esd in brackets, or to so many digits where it has none; "?" where it is not finite."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return plain_with_esd(value, esd, digits)


def block_code(text: str) -> str:
    """Return a name as a legal block code: ASCII without blanks, at most 60 characters."""
    plain = re.sub(r"&#x[0-9A-F]+;|\\", "", cif_letters(text))
    kept = re.sub(r"[^A-Za-z0-9.+-]+", "_", plain).strip("_")[:_LONGEST_CODE]
    return kept or "block"


def unique_codes(names: Sequence[str]) -> list[str]:
    """Return block codes that differ, whatever the names; case makes no difference in CIF."""
    taken: set[str] = set()
    out = []
    for name in names:
        code, count = block_code(name), 1
        while (unique := code if count == 1 else f"{code}_{count}").casefold() in taken:
            count += 1
        taken.add(unique.casefold())
        out.append(unique)
    return out


class Block:
    """One data block as it grows. Values are CIF's own text: what `quoted`, `prose` and `number` return."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._parts: list[str] = []

    def pair(self, tag: str, value: str) -> None:
        """Add a tag with its value."""
        gap = "" if value.startswith("\n") else "\n" if len(tag) + len(value) + 2 > _WIDTH else " "
        if gap == " ":
            tag = f"{tag:<34}"
        self._parts.append(f"{tag}{gap}{value}\n")

    def loop(self, tags: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a loop with its columns aligned; nothing where it has no rows."""
        if not rows:
            return
        lines = ["", "loop_", *(f"  {tag}" for tag in tags)]
        widths = [max((len(v) for v in column if "\n" not in v), default=0) for column in zip(*rows, strict=True)]
        for row in rows:
            line = ""
            for value, width in zip(row, widths, strict=True):
                if "\n" in value:
                    line = f"{line.rstrip(' ')}{value}\n"
                else:
                    line += f" {value:<{width}}"
            # A semicolon in the first column would begin a text field: rows begin with a blank.
            lines.append(line.rstrip())
        self._parts.append("\n".join(lines) + "\n\n")

    def gap(self) -> None:
        """Add an empty line."""
        self._parts.append("\n")

    def text(self) -> str:
        """Return the block as text."""
        body = re.sub(r"\n{3,}", "\n\n", "".join(self._parts))
        return f"data_{self.code}\n\n{body.strip(chr(10))}\n"

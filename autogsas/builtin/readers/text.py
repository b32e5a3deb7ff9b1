"""Read patterns in columns of text: 2theta, intensity, and optionally its esd (.xy .xye .csv .dat .txt)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autogsas.builtin.readers.measured import make_pattern
from autogsas.builtin.readers.textfile import is_binary, read_bytes, read_lines
from autogsas.errors import UserError
from autogsas.hooks.specs import hookimpl
from autogsas.model.pattern import Pattern

SUFFIXES = (".xy", ".xye", ".csv", ".dat", ".txt", ".tsv", ".asc", ".xyd", ".chi")
COMMENTS = ("#", "!", "'", "/", "*", "%", '"')
COLUMNS = "2theta, intensity, and optionally its esd"
MAX_HEADER = 200

_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d+,\d+\s*[;\t ]\s*[-+]?\d")
_SPLIT = re.compile(r"[\s,;]+")
_SPLIT_COMMA = re.compile(r"[\s;]+")
_OTHER = re.compile(rb"^(BANK\s|INS |\*RAS_|data_)", re.MULTILINE)
_MISSING = {"nan", "na", "n/a", "null", "none", "?", "-", "--", "inf", "-inf"}
_X = {"x", "2theta", "2θ", "twotheta", "two_theta", "tth", "2th", "angle", "ttheta", "2thetadeg", "position", "deg"}
_Y = {"y", "intensity", "counts", "yobs", "y_obs", "i", "iobs", "int", "observed", "obs"}
_E = {"e", "esd", "sigma", "su", "sig", "err", "error", "s.u.", "std", "uncertainty", "dy", "y_sigma", "esds"}


@hookimpl
def autogsas_read_pattern(path: Path, bank: int | None) -> Pattern | None:
    """Read a pattern in two or three columns, or a FullProf list of counts after "start step stop".

    Such a file has one pattern: ``bank`` is only for its instrument file.
    """
    known = path.suffix.lower() in SUFFIXES
    head = read_bytes(path, 8192)
    if is_binary(head):
        if known:
            raise UserError("the file is binary, not columns of text", file=path)
        return None
    if head.lstrip().startswith((b"<?xml", b"<xrd")) or _OTHER.search(head):
        return None
    lines = read_lines(path)
    first = _first_row(lines)
    if first is None:
        if known:
            raise UserError("no columns of numbers found", file=path, allowed=COLUMNS)
        return None
    comma = bool(_DECIMAL_COMMA.match(lines[first])) and "." not in lines[first]
    rows = [(number, _numbers(text, comma)) for number, text in enumerate(lines[first:], first + 1) if _is_data(text)]
    counts = _start_step_stop(path, rows)
    if counts is not None:
        return counts
    names = _header(lines[:first], len(rows[0][1] or ()))
    return _columns(path, lines, rows, names)


def _is_data(text: str) -> bool:
    stripped = text.strip()
    return bool(stripped) and not stripped.startswith(COMMENTS)


def _first_row(lines: Sequence[str]) -> int | None:
    """Return the index of the first line with two or more numbers, after comments and a header."""
    met = 0
    for index, text in enumerate(lines):
        if not _is_data(text):
            continue
        comma = bool(_DECIMAL_COMMA.match(text)) and "." not in text
        numbers = _numbers(text, comma)
        if numbers is not None and len(numbers) >= 2:
            return index
        met += 1
        if met > MAX_HEADER:
            break
    return None


def _numbers(text: str, comma: bool) -> list[float] | None:
    """Return the numbers of a line (NaN for a missing value), or None where something else stands in it."""
    pieces = (_SPLIT_COMMA if comma else _SPLIT).split(text.strip().rstrip(",;"))
    out = []
    for piece in pieces:
        try:
            out.append(float(piece.replace(",", ".") if comma else piece))
        except ValueError:
            if piece.strip('"').lower() not in _MISSING:
                return None
            out.append(float("nan"))
    # In csv a missing value is empty, between two commas; splitting at runs of separators would lose it.
    if not comma and re.search(r",\s*,", text):
        return [float(cell) if _is_number(cell) else float("nan") for cell in text.split(",")]
    return out


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _header(lines: Sequence[str], columns: int) -> tuple[int, int, int | None] | None:
    """Return the columns of 2theta, intensity and esd, if a line above the numbers names them."""
    for text in reversed([line for line in lines if line.strip()]):
        plain = text.strip().lstrip("#!").strip()
        pieces = [
            re.sub(r"\s*[\[(].*?[\])]", "", cell).strip().strip('"').lower()
            for cell in (re.split(r"[,;\t]", plain) if re.search(r"[,;\t]", plain) else plain.split())
        ]
        if len(pieces) != columns:
            continue
        found = [next((i for i, cell in enumerate(pieces) if cell in words), None) for words in (_X, _Y, _E)]
        if found[0] is not None and found[1] is not None:
            return found[0], found[1], found[2]
    return None


def _columns(
    path: Path,
    lines: Sequence[str],
    rows: Sequence[tuple[int, list[float] | None]],
    names: tuple[int, int, int | None] | None,
) -> Pattern:
    width = len(rows[0][1] or ())
    for number, values in rows:
        if values is None or len(values) != width:
            raise UserError(
                f"must be a row of {width} numbers",
                file=path,
                line=number,
                found=lines[number - 1].strip(),
                allowed=COLUMNS,
            )
    table = np.array([values for _, values in rows], dtype=float)
    notes: list[str] = []
    at_x, at_y, at_e = names if names is not None else (0, 1, 2 if width > 2 else None)
    unused = width - (2 if at_e is None else 3)
    if unused > 0:
        notes.append(f"{unused} {'column' if unused == 1 else 'columns'} other than 2theta, intensity and esd not used")
    esds = None if at_e is None else table[:, at_e]
    return make_pattern(path, table[:, at_x], table[:, at_y], esds=esds, notes=tuple(notes))


def _start_step_stop(path: Path, rows: Sequence[tuple[int, list[float] | None]]) -> Pattern | None:
    """Read a FullProf list, "start step stop" on the first line and then only counts; None for other files."""
    first = rows[0][1] or []
    if len(rows) < 2 or len(first) < 3 or any(values is None for _, values in rows[1:]):
        return None
    if all(len(values or ()) == len(first) for _, values in rows[1:]):
        return None  # columns, even if the first line could be start, step and stop
    start, step, stop = first[:3]
    counts = [value for _, values in rows[1:] for value in values or ()]
    if len(counts) < 10 or not step > 0 or not abs((stop - start) / step + 1 - len(counts)) < 0.5:
        return None
    x = np.asarray(start + step * np.arange(len(counts)), dtype=np.float64)
    return make_pattern(path, x, np.array(counts), notes=("read as start, step, stop and a list of counts",))

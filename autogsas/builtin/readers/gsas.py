"""Read GSAS raw data: BANK records of type STD, ESD, FXY, FXYE and ALT with constant steps in centidegrees.

The records are those of the GSAS manual (Larson & Von Dreele, LAUR 86-748, 2004, "Description of powder data files").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autogsas.builtin.readers.measured import make_pattern
from autogsas.builtin.readers.textfile import is_binary, read_bytes, read_lines
from autogsas.errors import UserError
from autogsas.hooks.specs import hookimpl
from autogsas.model.pattern import Pattern

_BANK = re.compile(r"^BANK[ \t]+\S+[ \t]+\d+(?=\s|$)", re.MULTILINE)
_TYPES = ("STD", "ESD", "FXYE", "FXY", "ALT")
_CONSTANT = ("CONST", "CONS")
_NOT_CONSTANT = ("TIME_MAP", "LPSD", "SLOG", "LOG6", "LOG", "RALF", "EDS")


@dataclass(frozen=True)
class _Bank:
    number: int
    channels: int
    kind: str
    start: float
    step: float
    line: int
    records: tuple[str, ...]


@hookimpl
def autogsas_read_pattern(path: Path, bank: int | None) -> Pattern | None:
    """Read the bank with the given number of a GSAS raw file, or the first bank."""
    head = read_bytes(path, 200_000)
    if is_binary(head) or not _BANK.search(head.decode("latin-1").replace("\r", "\n")):
        return None
    banks = list(_split(path, read_lines(path)))
    chosen = _choose(path, banks, bank)
    notes = []
    if bank is None and len(banks) > 1:
        others = ", ".join(str(item.number) for item in banks if item is not chosen)
        notes.append(f"bank {chosen.number} read; the file also has {others}")
    name = path.stem if len(banks) == 1 else f"{path.stem}_{chosen.number}"
    if chosen.kind in ("FXY", "FXYE"):
        return _free(path, chosen, notes, name)
    reader = {"STD": _std, "ESD": _esd, "ALT": _alt}[chosen.kind]
    return reader(path, chosen, notes, name)


def _split(path: Path, lines: Sequence[str]) -> Iterator[_Bank]:
    starts = [index for index, text in enumerate(lines) if _BANK.match(text)]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        records = [text for text in lines[start + 1 : stop] if text.strip(" \x1a") and not text.startswith("#")]
        yield _describe(path, lines[start], start + 1, tuple(records))


def _describe(path: Path, text: str, line: int, records: tuple[str, ...]) -> _Bank:
    fields = text.split()
    binning = fields[4].upper() if len(fields) > 4 else ""
    last = fields[-1].upper()
    kind = last if last in _TYPES else "STD"
    if binning in _NOT_CONSTANT:
        raise UserError(
            "time-of-flight and energy-dispersive data are not supported",
            file=path,
            line=line,
            found=binning,
            allowed="CONST",
        )
    if binning not in (*_CONSTANT, *_TYPES):
        raise UserError(
            "unknown binning in a BANK record",
            file=path,
            line=line,
            found=binning or text.strip(),
            allowed=["CONST", "CONS"],
        )
    numbers = []
    for field in fields[5:7]:
        try:
            numbers.append(float(field))
        except ValueError:
            break
    number = int(fields[1]) if fields[1].isdigit() else 1
    if kind in ("STD", "ESD") and (len(numbers) < 2 or not numbers[1] > 0):
        raise UserError(
            "a BANK record needs a start and a positive step in centidegrees",
            file=path,
            line=line,
            found=text.strip(),
        )
    start, step = (numbers[0], numbers[1]) if len(numbers) == 2 else (0.0, 0.0)
    return _Bank(number, int(fields[2]), kind, start / 100.0, step / 100.0, line, records)


def _choose(path: Path, banks: Sequence[_Bank], wanted: int | None) -> _Bank:
    if wanted is None:
        return banks[0]
    for bank in banks:
        if bank.number == wanted:
            return bank
    raise UserError(
        "no such bank in the data", file=path, key="bank", found=wanted, allowed=[str(bank.number) for bank in banks]
    )


def _number(path: Path, bank: _Bank, record: str, field: str) -> float:
    try:
        return float(field) if field.strip() else float("nan")
    except ValueError:
        raise UserError(
            f"a record of bank {bank.number} ({bank.kind}) is not a list of numbers", file=path, found=record.strip()
        ) from None


def _fields(path: Path, bank: _Bank, widths: Sequence[int]) -> list[list[float]]:
    """Return the points of fixed-width records as lists of their fields (NaN where blank), at most ``channels``."""
    width = sum(widths)
    cuts = [(sum(widths[:i]), sum(widths[: i + 1])) for i in range(len(widths))]
    points: list[list[float]] = []
    for record in bank.records:
        text = record.rstrip()
        for start in range(0, min(len(text), 80), width):
            cell = text[start : start + width]
            if cell.strip():
                points.append([_number(path, bank, record, cell[low:high]) for low, high in cuts])
    return points[: bank.channels]


def _steps(bank: _Bank, points: int, notes: list[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if points < bank.channels:
        notes.append(f"the file declares {bank.channels} channels but has {points}")
    return bank.start + bank.step * np.arange(points, dtype=float)


def _std(path: Path, bank: _Bank, notes: list[str], name: str) -> Pattern:
    # (I2,F6): a mean over I2 detectors (blank: one) has the variance of a count divided by their number.
    table = np.array(_fields(path, bank, (2, 6)), dtype=float).reshape(-1, 2)
    detectors = np.where(np.isfinite(table[:, 0]), np.maximum(table[:, 0], 1.0), 1.0)
    if np.any(detectors > 1):
        notes.append(f"means of up to {int(np.max(detectors))} detectors: weights are multiplied by their number")
    x = _steps(bank, len(table), notes)
    return make_pattern(path, x, table[:, 1], variance_per_count=1.0 / detectors, notes=tuple(notes), name=name)


def _esd(path: Path, bank: _Bank, notes: list[str], name: str) -> Pattern:
    table = np.array(_fields(path, bank, (8, 8)), dtype=float).reshape(-1, 2)
    x = _steps(bank, len(table), notes)
    return make_pattern(path, x, table[:, 0], esds=table[:, 1], notes=tuple(notes), name=name)


def _alt(path: Path, bank: _Bank, notes: list[str], name: str) -> Pattern:
    # Positions are in 1/32 of a centidegree; intensity and esd have the same scale, which does not change Rwp.
    table = np.array(_fields(path, bank, (8, 7, 5)), dtype=float).reshape(-1, 3)
    table = table[table[:, 0] > 0]
    _steps(bank, len(table), notes)
    return make_pattern(
        path, table[:, 0] / 3200.0, table[:, 1] / 1000.0, esds=table[:, 2] / 1000.0, notes=tuple(notes), name=name
    )


def _free(path: Path, bank: _Bank, notes: list[str], name: str) -> Pattern:
    columns = 3 if bank.kind == "FXYE" else 2
    rows = []
    for record in bank.records:
        cells = record.replace(",", " ").split()
        if len(cells) < columns:
            raise UserError(
                f"a record of bank {bank.number} ({bank.kind}) has fewer than {columns} numbers",
                file=path,
                found=record.strip(),
            )
        rows.append([_number(path, bank, record, cell) for cell in cells[:columns]])
    table = np.array(rows, dtype=float).reshape(-1, columns)
    if len(table) != bank.channels:
        notes.append(f"the file declares {bank.channels} channels but has {len(table)}")
    esds = table[:, 2] if columns == 3 else None
    return make_pattern(path, table[:, 0] / 100.0, table[:, 1], esds=esds, notes=tuple(notes), name=name)

"""Read Bruker .raw .brml .uxd and Rigaku .ras .rasx with the optional library geddes (MIT)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from autogsas.builtin.readers.measured import make_pattern
from autogsas.builtin.readers.textfile import read_bytes
from autogsas.errors import UserError
from autogsas.hooks.specs import hookimpl
from autogsas.model.pattern import Pattern

SUFFIXES = (".brml", ".ras", ".rasx", ".uxd")
MAGIC = (b"RAW ", b"RAW1.01", b"RAW2", b"RAW4.00")


@hookimpl
def autogsas_read_pattern(path: Path, bank: int | None) -> Pattern | None:
    """Read the range number ``bank``, or the first one; without geddes the error says how to install it."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES and not read_bytes(path, 8).startswith(MAGIC):
        return None
    try:
        import geddes
    except ImportError:
        raise UserError(
            "reading Bruker and Rigaku files needs pip install 'autogsas[formats]', or export .xy, .xye or .xrdml",
            file=path,
            found=path.suffix,
        ) from None
    data = read_bytes(path)
    try:
        measured = geddes.read_bytes(data, path.name, index=(bank or 1) - 1)
        attenuated = suffix in (".ras", ".rasx") and any(factor != 1.0 for factor in _attenuators(data, suffix))
    except (ValueError, OSError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(f"cannot be read as a Bruker or Rigaku file: {error}", file=path) from error
    if attenuated:
        raise UserError(
            "the beam was attenuated in part of this Rigaku scan, which this reader cannot correct; export it as .xy",
            file=path,
        )
    return make_pattern(path, np.array(measured.x, dtype=float), np.array(measured.y, dtype=float))


def _attenuators(data: bytes, suffix: str) -> Iterator[float]:
    """Yield the attenuator factors of a Rigaku file, the third number of each row; geddes does not return them."""
    texts = [data.decode("latin-1")]
    if suffix == ".rasx":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if "Profile" in name and name.endswith(".txt")]
            texts = [archive.read(name).decode("utf-8-sig", errors="replace") for name in names]
    for text in texts:
        for line in text.splitlines():
            cells = line.split()
            if len(cells) == 3 and not line.startswith("*"):
                yield float(cells[2])

"""The curves of a trial in its ``.npz`` file, and those of an unusable one with its reflections."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autogsas.model.result import Curves, Reflections

__all__ = ["StoredCurves", "curves_npz", "read_curves"]

_CURVES = ("observed", "calculated", "background", "weights")
_REFLECTIONS = (
    "multiplicity",
    "d",
    "two_theta",
    "f2_calculated",
    "f2_observed",
    "intensity",
    "fwhm",
    "sigma",
    "gamma",
)


@dataclass(frozen=True)
class StoredCurves:
    """The curves of all histograms, as in a result."""

    curves: tuple[Curves, ...]


def curves_npz(curves: tuple[Curves, ...], *, reflections: bool) -> bytes:
    """Return an archive of arrays of the curves, in single precision but for 2theta; with the reflections if wanted."""
    arrays: dict[str, Any] = {"histograms": np.array([item.histogram for item in curves])}
    for index, item in enumerate(curves):
        arrays[f"{index}.x"] = item.x
        for key in _CURVES:
            arrays[f"{index}.{key}"] = getattr(item, key).astype(np.float32)
        if not reflections:
            continue
        arrays[f"{index}.phases"] = np.array([marks.phase for marks in item.reflections], dtype=np.str_)
        for place, marks in enumerate(item.reflections):
            arrays[f"{index}.{place}.hkl"] = np.asarray(marks.hkl, dtype=np.int16)
            for key in _REFLECTIONS:
                arrays[f"{index}.{place}.{key}"] = np.asarray(getattr(marks, key)).astype(np.float32)
    with tempfile.TemporaryFile() as file:
        np.savez_compressed(file, **arrays)
        file.seek(0)
        return file.read()


def read_curves(file: Path) -> StoredCurves:
    """Read an archive; reflections are empty where it has none.

    Raises OSError, ValueError or KeyError for a file that is missing or damaged.
    """
    with np.load(file) as arrays:
        found = []
        for index, name in enumerate(arrays["histograms"].tolist()):
            phases = arrays[f"{index}.phases"].tolist() if f"{index}.phases" in arrays else []
            marks = tuple(_reflections(arrays, f"{index}.{place}", phase) for place, phase in enumerate(phases))
            x, y, calculated, background, weights = (arrays[f"{index}.{key}"].astype(float) for key in ("x", *_CURVES))
            found.append(Curves(name, x, y, calculated, background, weights, marks))
    return StoredCurves(tuple(found))


def _reflections(arrays: Any, prefix: str, phase: str) -> Reflections:
    hkl = arrays[f"{prefix}.hkl"].astype(np.int64)
    multiplicity, *others = (arrays[f"{prefix}.{key}"].astype(float) for key in _REFLECTIONS)
    return Reflections(phase, hkl, multiplicity.astype(np.int64), *others)

"""Whether a run can be resumed, and the settings it was made with."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import fields
from pathlib import Path

from autogsas.errors import UserError
from autogsas.hooks.backend import Backend
from autogsas.model.project import Histogram, Project
from autogsas.runfolder.writer import STUDY
from autogsas.search.database import Database
from autogsas.search.settings import RunSettings

__all__ = ["check_resumable", "fingerprint", "seconds_before", "settings_of"]

_DIGESTED = frozenset({"name", "pattern", "limits", "excluded", "instrument"})
# Where a pattern is stored, and whether a search may try another geometry, do not change chi^2.
_LEFT_OUT = frozenset({"files", "geometry_declared"})
# All further fields of a histogram, with their defaults: a run without them keeps the digest it has always had.
_OTHERS = {field.name: field.default for field in fields(Histogram) if field.name not in _DIGESTED | _LEFT_OUT}


def settings_of(folder: Path) -> RunSettings | None:
    """Return the settings that a run was made with; None if the folder does not hold a run."""
    if not (folder / STUDY).is_file():
        return None
    with contextlib.closing(Database(folder / STUDY)) as database:
        return database.settings()


def check_resumable(folder: Path, kept: RunSettings, project: Project, backend: Backend, seed: int | None) -> None:
    """Raise UserError if resuming would mix results that cannot be compared or that are not reproducible."""
    for key, then, now in (("backend", kept.backend, backend.name), ("seed", kept.seed, seed)):
        if now is not None and now != then:
            raise UserError(
                f"the run was made with another {key}; start a new run in another folder",
                file=folder,
                key=f"--{key}",
                found=now,
                allowed=str(then),
            )
    if kept.fingerprint not in (None, fingerprint(project)):
        raise UserError(
            "the project's data, limits, instrument, corrections or phases have changed since this run began; start a "
            "new run",
            file=folder,
            key="--resume",
        )


def fingerprint(project: Project) -> str:
    """Return a digest of everything in a project that must be the same for two trials to be comparable."""
    digest = hashlib.sha256()
    for histogram in project.histograms:
        pattern = histogram.pattern
        for array in (pattern.x, pattern.y, pattern.weights):
            digest.update(array.tobytes())
        digest.update(repr((histogram.name, histogram.limits, histogram.excluded, histogram.instrument)).encode())
        others = [(key, getattr(histogram, key)) for key in _OTHERS if getattr(histogram, key) != _OTHERS[key]]
        if others:
            digest.update(repr(others).encode())
    digest.update(repr(project.phases).encode())
    if project.file is not None and project.file in project.files:
        # An engine's own project holds more than we read, such as constraints.
        digest.update(project.file.read_bytes())
    return digest.hexdigest()


def seconds_before(folder: Path) -> float:
    """Return how long earlier sessions of a run took, in seconds; 0 if there was none."""
    try:
        return float(json.loads((folder / "summary.json").read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0

"""The cases of the benchmarks: well-known patterns in a folder of the user, and other projects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.input import yamlfile
from autogsas.input.loading import load_project
from autogsas.model.project import Project

__all__ = ["CASES", "Case", "find_cases"]


@dataclass(frozen=True)
class KnownPattern:
    """One pattern of a known case; files relative to the data folder, ``limits`` in degrees 2theta."""

    file: str
    instrument: str
    limits: tuple[float, float] | None = None
    name: str | None = None
    ratio: float | None = None
    """Intensity of K-alpha2 relative to K-alpha1, if the instrument file does not contain it."""

    def entry(self, folder: Path) -> dict[str, Any]:
        """Return the entry of the pattern in project.yaml."""
        found: dict[str, Any] = {"file": str(folder / self.file), "instrument": str(folder / self.instrument)}
        found |= {"ratio": self.ratio} if self.ratio is not None else {}
        found |= {"limits": list(self.limits)} if self.limits is not None else {}
        return found | ({"name": self.name} if self.name is not None else {})


@dataclass(frozen=True)
class KnownCase:
    """A well-known case; ``references`` as in `Case`."""

    patterns: tuple[KnownPattern, ...]
    cif: str
    references: tuple[tuple[str, float], ...]

    @property
    def files(self) -> tuple[str, ...]:
        """All files of the case, relative to the data folder."""
        return (self.cif, *(file for item in self.patterns for file in (item.file, item.instrument)))

    def missing(self, data: Path) -> list[str]:
        """Return the files that are not in the data folder."""
        return [file for file in self.files if not (data / file).is_file()]


_Y2O3 = KnownPattern("y2o3/y2o3.csv", "y2o3/INST_XRY.PRM", (15, 150), ratio=0.5)
_APATITE = KnownPattern("fluorapatite/FAP.XRA", "fluorapatite/INST_XRY.PRM")
_XRAYS = KnownPattern("pbso4/PBSO4.XRA", "pbso4/INST_XRY.PRM", (16, 158.4), "X-rays")
_NEUTRONS = KnownPattern("pbso4/PBSO4.CWN", "pbso4/inst_d1a.prm", (19, 153), "neutrons")

CASES: dict[str, KnownCase] = {
    "y2o3": KnownCase((_Y2O3,), "y2o3/y2o3.cif", (("expert", 7.0), ("published search, 200 trials", 6.575))),
    "fluorapatite": KnownCase(
        (_APATITE,), "fluorapatite/fluorapatite.cif", (("tutorial", 10.38), ("GSAS-II with care", 9.14))
    ),
    "pbso4": KnownCase((_XRAYS, _NEUTRONS), "pbso4/pbso4.cif", (("tutorial", 6.71),)),
    "pbso4-neutrons": KnownCase((_NEUTRONS,), "pbso4/pbso4.cif", (("tutorial", 4.53),)),
}


@dataclass(frozen=True)
class Case:
    """A project to search; ``references`` are results of others: a name and Rwp in per cent."""

    name: str
    project: Project
    host: Host
    references: tuple[tuple[str, float], ...] = ()


def find_cases(data: Path | None, projects: Sequence[Path], wanted: Sequence[str], out: Path) -> list[Case]:
    """Return the known cases in the folder ``data`` and the projects; if ``wanted`` has names, only those.

    A known case is written as a project file to ``out``, so that it can also be run alone. Raises UserError if no case
    is found, a wanted case is missing, or a project has an error.
    """
    if data is None and not projects:
        raise UserError("give a project, or the folder of the known patterns", key="--data")
    if data is not None and not data.is_dir():
        raise UserError("no such folder", file=data, key="--data")
    known = {name: entry for name, entry in CASES.items() if data is not None and not entry.missing(data)}
    paths = {_slug(path): path for path in projects}
    if len(paths) < len(projects):
        raise UserError("two projects have the same name", found=", ".join(map(str, projects)))
    for name in wanted:
        if name in CASES and name not in known and name not in paths and data is not None:
            raise UserError("a file of this case is missing", file=data / CASES[name].missing(data)[0], found=name)
        if name not in known and name not in paths:
            raise UserError("unknown case", key="--case", found=name, allowed=[*known, *paths])
    if not known and not paths:
        raise UserError("holds none of the known patterns", file=data, key="--data", allowed=", ".join(CASES))
    chosen = [name for name in (*known, *paths) if name in wanted or not wanted]
    found = []
    for name in dict.fromkeys(chosen):
        path = paths[name] if name in paths else _write(name, data or Path(), out)
        found.append(
            Case(name, *load_project(path), known[name].references if name in known and name not in paths else ())
        )
    return found


def _write(name: str, data: Path, out: Path) -> Path:
    case, folder = CASES[name], data.resolve()
    made = {
        "name": name,
        "data": [pattern.entry(folder) for pattern in case.patterns],
        "phases": [{"file": str(folder / case.cif)}],
    }
    path = out / "projects" / f"{name}.yaml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yamlfile.dump(made), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", file=out, key="--out") from error
    return path


def _slug(path: Path) -> str:
    whole = path.resolve()
    name = whole.parent.name if whole.name == "project.yaml" else whole.stem if whole.is_file() else whole.name
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "project"

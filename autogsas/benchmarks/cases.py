"""What is searched: well-known patterns in a folder of the user's, and any projects given."""

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

_Y2O3 = {"file": "y2o3/y2o3.csv", "instrument": "y2o3/INST_XRY.PRM", "ratio": 0.5, "limits": [15, 150]}
_APATITE = {"file": "fluorapatite/FAP.XRA", "instrument": "fluorapatite/INST_XRY.PRM"}
_XRAYS = {"file": "pbso4/PBSO4.XRA", "instrument": "pbso4/INST_XRY.PRM", "limits": [16, 158.4], "name": "X-rays"}
_NEUTRONS = {"file": "pbso4/PBSO4.CWN", "instrument": "pbso4/inst_d1a.prm", "limits": [19, 153], "name": "neutrons"}

# The data of each, the CIF, and what others reached on the same pattern, Rwp in per cent.
_Known = tuple[list[dict[str, Any]], str, tuple[tuple[str, float], ...]]
CASES: dict[str, _Known] = {
    "y2o3": ([_Y2O3], "y2o3/y2o3.cif", (("expert", 7.0), ("published search, 200 trials", 6.575))),
    "fluorapatite": ([_APATITE], "fluorapatite/fluorapatite.cif", (("tutorial", 10.38), ("GSAS-II with care", 9.14))),
    "pbso4": ([_XRAYS, _NEUTRONS], "pbso4/pbso4.cif", (("tutorial", 6.71),)),
    "pbso4-neutrons": ([_NEUTRONS], "pbso4/pbso4.cif", (("tutorial", 4.53),)),
}


@dataclass(frozen=True)
class Case:
    """A project to search; ``references`` are what others reached, by a name, Rwp in per cent."""

    name: str
    project: Project
    host: Host
    references: tuple[tuple[str, float], ...] = ()


def find_cases(data: Path | None, projects: Sequence[Path], wanted: Sequence[str], out: Path) -> list[Case]:
    """Return the cases found in the folder ``data`` and the projects given; of ``wanted`` names only, where any is.

    A known case is written as a project file into ``out``, so that it can be run by itself. Raises UserError where
    nothing is found, a wanted one is not, or a project is at fault.
    """
    if data is None and not projects:
        raise UserError("no project is given, and no folder of known patterns", key="--data")
    if data is not None and not data.is_dir():
        raise UserError("no such folder", file=data, key="--data")
    known = {name: entry for name, entry in CASES.items() if data is not None and not _absent(data, entry)}
    paths = {_slug(path): path for path in projects}
    if len(paths) < len(projects):
        raise UserError("two projects have one name", found=", ".join(map(str, projects)))
    for name in wanted:
        if name in CASES and name not in known and name not in paths and data is not None:
            raise UserError("a file of this case is missing", file=data / _absent(data, CASES[name])[0], found=name)
        if name not in known and name not in paths:
            raise UserError("unknown case", key="--case", found=name, allowed=[*known, *paths])
    if not known and not paths:
        raise UserError("holds none of the known patterns", file=data, key="--data", allowed=", ".join(CASES))
    chosen = [name for name in (*known, *paths) if name in wanted or not wanted]
    found = []
    for name in dict.fromkeys(chosen):
        path = paths[name] if name in paths else _write(name, data or Path(), out)
        found.append(Case(name, *load_project(path), known[name][2] if name in known and name not in paths else ()))
    return found


def _absent(data: Path, entry: _Known) -> list[str]:
    files = [entry[1], *(item[key] for item in entry[0] for key in ("file", "instrument"))]
    return [file for file in files if not (data / file).is_file()]


def _write(name: str, data: Path, out: Path) -> Path:
    entries, cif, _ = CASES[name]
    there = data.resolve()
    made = {
        "name": name,
        "data": [item | {key: str(there / item[key]) for key in ("file", "instrument")} for item in entries],
        "phases": [{"file": str(there / cif)}],
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

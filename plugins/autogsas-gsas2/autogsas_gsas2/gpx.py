"""A project from a GSAS-II .gpx: what the host must know of it. What GSAS-II refines is a copy of the .gpx."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
from autogsas.errors import UserError
from autogsas.model.instrument import Geometry, Instrument, Radiation
from autogsas.model.metrics import rwp
from autogsas.model.pattern import Pattern
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.result import Finding, Result, Severity
from autogsas.model.structure import Intensities, Phase

from autogsas_gsas2.gpx_phase import read_phase
from autogsas_gsas2.gpx_sample import absorption, background_peaks, read_specimen
from autogsas_gsas2.safe_pickle import read_gpx

__all__ = ["Holdings", "find_gpx", "findings", "holdings", "read_project"]

_BACKUP = re.compile(r"\.bak\d+$", re.IGNORECASE)
_TYPES: dict[str, Radiation] = {"PXC": "xray", "PNC": "neutron"}
_SORTS = {
    "HKLF": "single-crystal data",
    "SASD": "small-angle data",
    "REFD": "reflectometry data",
}


@dataclass(frozen=True)
class Holdings:
    """What a .gpx holds besides patterns and phases, in numbers; GSAS-II keeps and applies all of it."""

    constraints: int = 0
    restraints: int = 0
    rigid_bodies: int = 0
    background_peaks: int = 0
    pawley: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    magnetic: tuple[str, ...] = ()

    def beyond(self) -> tuple[str, ...]:
        """Return what of it no other engine applies."""
        said = ((self.constraints, "constraints"), (self.restraints, "restraints"), (self.rigid_bodies, "rigid bodies"))
        counted = [f"{count} {what} of the .gpx" for count, what in said if count]
        return (*counted, *(f"the magnetic moments of {name}" for name in self.magnetic))

    def notes(self) -> tuple[str, ...]:
        """Return it in plain words, without what is not there."""
        said = (
            (self.constraints, "constraints of the .gpx, kept and applied by GSAS-II: {}"),
            (self.restraints, "restraints of the .gpx, kept and applied by GSAS-II, but counted in no figure: {}"),
            (self.rigid_bodies, "rigid bodies of the .gpx, kept: {}"),
            (
                self.background_peaks,
                "peaks and Debye terms in the background of the .gpx, kept (other engines: peaks alone): {}",
            ),
        )
        lines = [text.format(count) for count, text in said if count]
        if self.pawley:
            lines.append(f"intensities are not from the structure (Pawley or Le Bail): {', '.join(self.pawley)}")
        if self.unused:
            lines.append(f"left out, since no phase uses them: {', '.join(self.unused)}")
        return tuple(lines)


def find_gpx(path: Path) -> Path | None:
    """Return the .gpx that a path names: itself, or the one in a folder, GSAS-II's backups left out; else None.

    Raises UserError for a folder with several.
    """
    if path.is_file():
        return path if path.suffix.lower() == ".gpx" else None
    if not path.is_dir():
        return None
    found = sorted(p for p in path.iterdir() if p.suffix.lower() == ".gpx" and not _BACKUP.search(p.stem))
    if len(found) > 1:
        raise UserError(
            "the folder holds several .gpx and no project.yaml; name the one to refine",
            file=path,
            found=", ".join(p.name for p in found),
        )
    return found[0] if found else None


def read_project(file: Path) -> Project:
    """Return the project a .gpx holds. Raises UserError for a file that is refused, damaged or of another kind."""
    file = file.resolve()
    tree = read_gpx(file)
    keys = _histogram_keys(tree, file)
    phases = _phases(tree)
    used = {key for phase in phases.values() for key in _uses(phase)}
    measured = [key for key in keys if key in used]
    if not measured:
        raise UserError("no phase is connected to a powder pattern", file=file, found=", ".join(keys))
    names = _plain_names(measured)
    notes = holdings(file).notes()
    with _readable(file):
        read = [_phase(item, name, file, measured) for name, item in phases.items() if set(_uses(item)) & set(measured)]
        notes += tuple(f"{phase.name}: {note}" for phase in read for note in phase.notes)
        histograms: list[Histogram] = []
        for key, name in zip(measured, names, strict=True):
            histograms.append(_histogram(tree[key], key, name, file, () if histograms else notes))
    return Project(
        name=file.stem,
        histograms=tuple(histograms),
        phases=tuple(read),
        search=Search(),
        file=file,
        phase_files=(file,),
        beyond=holdings(file).beyond(),
        held_rwp=_held_rwp([tree[key]["data"] for key in measured], histograms),
    )


def holdings(file: Path) -> Holdings:
    """Return what a .gpx holds besides patterns and phases. Raises UserError as `read_project` does."""
    return _holdings(file, file.stat().st_mtime_ns)


def findings(project: Project, result: Result) -> list[Finding]:
    """Return what a result from a .gpx has to be read with: restraints that the engine did not apply.

    Those that it did apply are the host's own finding.
    """
    file = project.file
    if file is None or file.suffix.lower() != ".gpx" or not file.is_file():
        return []
    count = holdings(file).restraints
    if not count or result.n_restraints:
        return []
    message = f"the .gpx holds {count} restraints, which {result.backend} does not apply"
    return [Finding("restraints-left-out", Severity.INFO, message, {"count": float(count)})]


@lru_cache(maxsize=16)
def _holdings(file: Path, _: int) -> Holdings:
    tree = read_gpx(file)
    with _readable(file):
        phases = _phases(tree)
        used = {key for phase in phases.values() for key in _uses(phase)}
        constraints = _data(tree, "Constraints")
        bodies = _data(tree, "Rigid bodies").get("RBIds", {})
        extras = [tree[key]["Background"][1] for key in tree if key.startswith("PWDR ") and key in used]
        return Holdings(
            constraints=sum(len(items) for key, items in constraints.items() if isinstance(items, list)),
            restraints=sum(_restraints(_data(tree, "Restraints").get(name, {})) for name in phases),
            rigid_bodies=sum(len(items) for items in bodies.values()),
            background_peaks=sum(len(x.get("peaksList", ())) + len(x.get("debyeTerms", ())) for x in extras),
            pawley=tuple(name for name, phase in phases.items() if _without_structure(phase)),
            unused=tuple(
                [key for key in tree if key.startswith("PWDR ") and key not in used]
                + [name for name, phase in phases.items() if not any(_uses(phase))]
            ),
            magnetic=tuple(name for name, phase in phases.items() if phase["General"].get("Type") == "magnetic"),
        )


class _readable:
    """A tree that is not what GSAS-II writes is one line, not a traceback."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, (KeyError, IndexError, TypeError, ValueError, AttributeError)):
            raise UserError(
                f"not as GSAS-II writes a project ({type(error).__name__}: {error})", file=self._file
            ) from error


def _data(tree: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = tree.get(name, {}).get("data")
    return found if isinstance(found, dict) else {}


def _phases(tree: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: item for name, item in tree.get("Phases", {}).items() if name != "data" and isinstance(item, dict)}


def _uses(phase: Mapping[str, Any]) -> Iterator[str]:
    for key, pair in phase.get("Histograms", {}).items():
        if key.startswith("PWDR ") and isinstance(pair, dict) and pair.get("Use", True):
            yield key


def _restraints(kinds: Mapping[str, Any]) -> int:
    """Count the restraints of one phase that are in use: each kind is a dict with a switch and lists."""
    count = 0
    for kind in kinds.values():
        if isinstance(kind, dict) and kind.get("Use"):
            lists = ("Bonds", "Angles", "Planes", "Volumes", "Torsions", "Ramas", "Sites", "HKLs", "Moments", "General")
            count += sum(len(kind[name]) for name in lists if isinstance(kind.get(name), list))
    return count


def _without_structure(phase: Mapping[str, Any]) -> bool:
    pairs = [pair for key, pair in phase.get("Histograms", {}).items() if key in set(_uses(phase))]
    return bool(phase["General"].get("doPawley")) or any(pair.get("LeBail") for pair in pairs)


def _phase(item: Mapping[str, Any], name: str, file: Path, measured: Sequence[str]) -> Phase:
    """Return a phase with the specimen of the first histogram that uses it."""
    found = read_phase(item, name, file)
    used = set(_uses(item))
    pairs = [item["Histograms"][key] for key in measured if key in used]
    specimen, notes = read_specimen(pairs[0])
    if any(read_specimen(pair)[0] != specimen for pair in pairs[1:]):
        notes = (*notes, "size, strain or orientation differ from pattern to pattern: other engines start from one")
    intensities: Intensities = "Le Bail" if pairs[0].get("LeBail") else "structure"
    return replace(found, specimen=specimen, intensities=intensities, notes=(*found.notes, *notes))


def _histogram_keys(tree: Mapping[str, Any], file: Path) -> list[str]:
    for key in tree:
        sort = _SORTS.get(key[:4])
        if sort is not None and key[4:5] == " ":
            raise UserError(
                f"{sort} are not refined here, only constant-wavelength powder patterns", file=file, key=key
            )
    keys = [key for key in tree if key.startswith("PWDR ")]
    if not keys:
        raise UserError("the project holds no powder pattern", file=file, found=", ".join(tree))
    return keys


def _plain_names(keys: Sequence[str]) -> list[str]:
    """Return short names for GSAS-II's: without "PWDR ", colons and repetition."""
    names: list[str] = []
    for key in keys:
        name = key.removeprefix("PWDR ").replace(":", "_").strip() or "pattern"
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    return names


def _histogram(item: Mapping[str, Any], key: str, name: str, file: Path, notes: tuple[str, ...]) -> Histogram:
    about, arrays = item["data"][0], item["data"][1]
    if about.get("Dummy"):
        raise UserError("the pattern is a simulation, not a measurement", file=file, key=key)
    instrument = _instrument(item, key, file)
    x, y, weights = (np.array(arrays[row], dtype=np.float64) for row in range(3))
    if x.ndim != 1 or x.size < 2 or not np.all(np.diff(x) > 0):
        raise UserError("2theta is not strictly increasing", file=file, key=key)
    usable = np.isfinite(y) & np.isfinite(weights) & (weights >= 0)
    weights = np.where(usable, weights * float(about.get("wtFactor", 1.0)), 0.0)
    pattern = Pattern(name, x, np.where(np.isfinite(y), y, 0.0), weights, "the .gpx", notes)
    low, high = (float(value) for value in item["Limits"][1])
    limits = (max(low, float(x[0])), min(high, float(x[-1])))
    excluded = tuple(sorted((float(a), float(b)) for a, b in item["Limits"][2:] if b > a))
    if not limits[0] < limits[1] or not (pattern.mask(limits, excluded) & (weights > 0)).any():
        raise UserError("no points of the pattern are left within its limits", file=file, key=key, found=[low, high])
    return Histogram(
        name,
        pattern,
        instrument,
        limits,
        excluded,
        (file,),
        absorption(item["Sample Parameters"]),
        background_peaks(item["Background"][1]),
    )


def _held_rwp(data: Sequence[Any], histograms: Sequence[Histogram]) -> float | None:
    """Return the Rwp of the curves that the last refinement left in the .gpx; None where it was never refined."""
    curves: list[tuple[Any, ...]] = []
    for (about, arrays, *_), histogram in zip(data, histograms, strict=True):
        if about.get("wR") is None or len(arrays) < 4:
            return None
        pattern = histogram.pattern
        calculated = np.array(arrays[3], dtype=np.float64)
        counted = pattern.mask(histogram.limits, histogram.excluded) & (pattern.weights > 0)
        if calculated.shape != pattern.y.shape or not calculated[counted].any():
            return None
        curves.append((pattern.y[counted], calculated[counted], pattern.weights[counted]))
    found = rwp(*(np.concatenate(columns) for columns in zip(*curves, strict=True)))
    return found if np.isfinite(found) else None


def _instrument(item: Mapping[str, Any], key: str, file: Path) -> Instrument:
    said = item["Instrument Parameters"][0]
    kind = str(said["Type"][1])
    if kind not in _TYPES:
        raise UserError(
            "not a constant-wavelength powder pattern", file=file, key=key, found=kind, allowed=list(_TYPES)
        )
    sample = item["Sample Parameters"]
    geometry = sample.get("Type")
    if geometry not in get_args(Geometry):
        raise UserError(
            "unknown geometry",
            file=file,
            key=f"{key}: Sample Parameters",
            found=geometry,
            allowed=list(get_args(Geometry)),
        )

    def now(name: str, otherwise: float = 0.0) -> float:
        return float(said[name][1]) if name in said else otherwise

    doublet = "Lam1" in said
    return Instrument(
        radiation=_TYPES[kind],
        wavelengths=(now("Lam1"), now("Lam2")) if doublet else (float(said["Lam"][1]),),
        ratio=now("I(L2)/I(L1)", 0.5),
        polarization=now("Polariz."),
        zero=now("Zero"),
        U=now("U"),
        V=now("V"),
        W=now("W"),
        X=now("X"),
        Y=now("Y"),
        Z=now("Z"),
        SH_L=now("SH/L"),
        geometry=geometry,
        radius=float(sample.get("Gonio. radius", 200.0)),
        notes=(f"the geometry is {geometry}, as the .gpx says; GSAS-II sets it in Sample Parameters",),
    )

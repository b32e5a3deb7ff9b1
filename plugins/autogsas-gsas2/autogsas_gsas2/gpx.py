"""Reading a GSAS-II project (.gpx) as a project of the host; GSAS-II itself refines a copy of the .gpx."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
from autogsas.crystal.strain import start_coefficients
from autogsas.crystal.symmetry import cell_to_metric
from autogsas.errors import UserError
from autogsas.model.instrument import Geometry, Instrument, Radiation
from autogsas.model.metrics import rwp
from autogsas.model.pattern import Pattern
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.result import Finding, Result, Severity
from autogsas.model.sample import Specimen
from autogsas.model.structure import Intensities, Phase

from autogsas_gsas2.gpx_phase import read_phase
from autogsas_gsas2.gpx_sample import absorption, background_peaks, read_specimen
from autogsas_gsas2.gpx_tree import item_data, plain_names, uses
from autogsas_gsas2.gpx_tree import phases as tree_phases
from autogsas_gsas2.safe_pickle import read_gpx

__all__ = ["GpxExtras", "find_gpx", "findings", "read_extras", "read_project"]

_BACKUP = re.compile(r"\.bak\d+$", re.IGNORECASE)
_RADIATION: dict[str, Radiation] = {"PXC": "xray", "PNC": "neutron"}
_OTHER_DATA = {
    "HKLF": "single-crystal data",
    "SASD": "small-angle data",
    "REFD": "reflectometry data",
}


@dataclass(frozen=True)
class GpxExtras:
    """What a .gpx holds besides patterns and phases; GSAS-II keeps and applies all of it.

    The numbers count items. ``pawley`` and ``magnetic`` are names of phases, ``unused`` of patterns and phases that are
    not connected.
    """

    constraints: int = 0
    restraints: int = 0
    rigid_bodies: int = 0
    background_peaks: int = 0
    pawley: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    magnetic: tuple[str, ...] = ()

    def gsas2_only(self) -> tuple[str, ...]:
        """Return texts for what no other engine applies."""
        counts = (
            (self.constraints, "constraints"),
            (self.restraints, "restraints"),
            (self.rigid_bodies, "rigid bodies"),
        )
        counted = [f"{count} {what} of the .gpx" for count, what in counts if count]
        return (*counted, *(f"the magnetic moments of {name}" for name in self.magnetic))

    def notes(self) -> tuple[str, ...]:
        """Return a note on each kind of item that is present."""
        texts = (
            (self.constraints, "constraints of the .gpx, kept and applied by GSAS-II: {}"),
            (self.restraints, "restraints of the .gpx, applied by GSAS-II, but not counted in Rwp and chi²: {}"),
            (self.rigid_bodies, "rigid bodies of the .gpx, kept: {}"),
            (
                self.background_peaks,
                "peaks and Debye terms in the background of the .gpx, kept (other engines use the peaks only): {}",
            ),
        )
        lines = [text.format(count) for count, text in texts if count]
        if self.pawley:
            lines.append(
                f"intensities are not calculated from the structure (Pawley or Le Bail): {', '.join(self.pawley)}"
            )
        if self.unused:
            lines.append(f"left out, because no phase is connected to a pattern there: {', '.join(self.unused)}")
        return tuple(lines)


def find_gpx(path: Path) -> Path | None:
    """Return the .gpx at a path or in a folder, GSAS-II's backups left out; None if there is none.

    Raises UserError for a folder with several.
    """
    if path.is_file():
        return path if path.suffix.lower() == ".gpx" else None
    if not path.is_dir():
        return None
    found = sorted(p for p in path.iterdir() if p.suffix.lower() == ".gpx" and not _BACKUP.search(p.stem))
    if len(found) > 1:
        raise UserError(
            "the folder holds several .gpx and no project.yaml; give the path of one of them",
            file=path,
            found=", ".join(p.name for p in found),
        )
    return found[0] if found else None


def read_project(file: Path) -> Project:
    """Return the project in a .gpx. Raises UserError for a file that is unsafe, damaged, or cannot be refined."""
    file = file.resolve()
    tree = read_gpx(file)
    keys = _histogram_keys(tree, file)
    phases = tree_phases(tree)
    used = {key for phase in phases.values() for key in uses(phase)}
    measured = [key for key in keys if key in used]
    if not measured:
        raise UserError(
            "no phase is connected to a powder pattern; connect one in GSAS-II", file=file, found=", ".join(keys)
        )
    names = plain_names(measured)
    notes = read_extras(file).notes()
    with _readable(file):
        read = [_phase(item, name, file, measured) for name, item in phases.items() if set(uses(item)) & set(measured)]
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
        beyond=read_extras(file).gsas2_only(),
        held_rwp=_rwp_of_last_refinement([tree[key]["data"] for key in measured], histograms),
    )


def read_extras(file: Path) -> GpxExtras:
    """Return what a .gpx holds besides patterns and phases. Raises UserError as `read_project` does."""
    return _read_extras(file, file.stat().st_mtime_ns)


def findings(project: Project, result: Result) -> list[Finding]:
    """Return a finding if the project's .gpx has restraints that the engine did not apply.

    Restraints that were applied are reported by the host's own check.
    """
    file = project.file
    if file is None or file.suffix.lower() != ".gpx" or not file.is_file():
        return []
    count = read_extras(file).restraints
    if not count or result.n_restraints:
        return []
    message = f"the .gpx has {count} restraints, which {result.backend} does not apply"
    return [Finding("restraints-left-out", Severity.INFO, message, {"count": float(count)})]


@lru_cache(maxsize=16)
def _read_extras(file: Path, _: int) -> GpxExtras:
    tree = read_gpx(file)
    with _readable(file):
        phases = tree_phases(tree)
        used = {key for phase in phases.values() for key in uses(phase)}
        constraints = item_data(tree, "Constraints")
        bodies = item_data(tree, "Rigid bodies").get("RBIds", {})
        extras = [tree[key]["Background"][1] for key in tree if key.startswith("PWDR ") and key in used]
        return GpxExtras(
            constraints=sum(len(items) for key, items in constraints.items() if isinstance(items, list)),
            restraints=sum(_restraints(item_data(tree, "Restraints").get(name, {})) for name in phases),
            rigid_bodies=sum(len(items) for items in bodies.values()),
            background_peaks=sum(len(x.get("peaksList", ())) + len(x.get("debyeTerms", ())) for x in extras),
            pawley=tuple(name for name, phase in phases.items() if _without_structure(phase)),
            unused=tuple(
                [key for key in tree if key.startswith("PWDR ") and key not in used]
                + [name for name, phase in phases.items() if not any(uses(phase))]
            ),
            magnetic=tuple(name for name, phase in phases.items() if phase["General"].get("Type") == "magnetic"),
        )


class _readable:
    """A context that turns the errors of reading an unexpected tree into a UserError."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, (KeyError, IndexError, TypeError, ValueError, AttributeError)):
            raise UserError(
                f"cannot be read as a GSAS-II project ({type(error).__name__}: {error}); "
                "open it in GSAS-II and save it again",
                file=self._file,
            ) from error


def _restraints(kinds: Mapping[str, Any]) -> int:
    """Return the number of active restraints of a phase; for each kind GSAS-II has a dictionary with a switch."""
    count = 0
    for kind in kinds.values():
        if isinstance(kind, dict) and kind.get("Use"):
            lists = ("Bonds", "Angles", "Planes", "Volumes", "Torsions", "Ramas", "Sites", "HKLs", "Moments", "General")
            count += sum(len(kind[name]) for name in lists if isinstance(kind.get(name), list))
    return count


def _without_structure(phase: Mapping[str, Any]) -> bool:
    pairs = [pair for key, pair in phase.get("Histograms", {}).items() if key in set(uses(phase))]
    return bool(phase["General"].get("doPawley")) or any(pair.get("LeBail") for pair in pairs)


def _phase(item: Mapping[str, Any], name: str, file: Path, measured: Sequence[str]) -> Phase:
    """Return a phase with size, strain and orientation of the first histogram that uses it."""
    found = read_phase(item, name, file)
    used = set(uses(item))
    pairs = [item["Histograms"][key] for key in measured if key in used]
    specimen, notes = read_specimen(pairs[0])
    if any(read_specimen(pair)[0] != specimen for pair in pairs[1:]):
        notes = (
            *notes,
            "size, strain or orientation differ between the patterns: other engines start from those of the first",
        )
    try:
        if specimen.strain.model == "generalized":
            start_coefficients(replace(found, specimen=specimen), cell_to_metric(found.cell.values()))
    except ValueError as error:
        specimen = replace(specimen, strain=Specimen().strain)
        notes = (*notes, f"{error}: other engines start from the default strain")
    intensities: Intensities = "Le Bail" if pairs[0].get("LeBail") else "structure"
    return replace(found, specimen=specimen, intensities=intensities, notes=(*found.notes, *notes))


def _histogram_keys(tree: Mapping[str, Any], file: Path) -> list[str]:
    for key in tree:
        other = _OTHER_DATA.get(key[:4])
        if other is not None and key[4:5] == " ":
            raise UserError(
                f"autogsas refines constant-wavelength powder patterns, not {other}; remove them in GSAS-II",
                file=file,
                key=key,
            )
    keys = [key for key in tree if key.startswith("PWDR ")]
    if not keys:
        raise UserError("the project has no powder pattern", file=file, found=", ".join(tree))
    return keys


def _histogram(item: Mapping[str, Any], key: str, name: str, file: Path, notes: tuple[str, ...]) -> Histogram:
    settings, arrays = item["data"][0], item["data"][1]
    if settings.get("Dummy"):
        raise UserError("the pattern is a simulation, not a measurement", file=file, key=key)
    instrument = _instrument(item, key, file)
    x, y, weights = (np.array(arrays[row], dtype=np.float64) for row in range(3))
    if x.ndim != 1 or x.size < 2 or not np.all(np.diff(x) > 0):
        raise UserError("2theta is not strictly increasing", file=file, key=key)
    usable = np.isfinite(y) & np.isfinite(weights) & (weights >= 0)
    weights = np.where(usable, weights * float(settings.get("wtFactor", 1.0)), 0.0)
    pattern = Pattern(name, x, np.where(np.isfinite(y), y, 0.0), weights, "the .gpx", notes)
    low, high = (float(value) for value in item["Limits"][1])
    limits = (max(low, float(x[0])), min(high, float(x[-1])))
    excluded = tuple(sorted((float(a), float(b)) for a, b in item["Limits"][2:] if b > a))
    if not limits[0] < limits[1] or not (pattern.mask(limits, excluded) & (weights > 0)).any():
        raise UserError("no points of the pattern are within its limits", file=file, key=key, found=[low, high])
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


def _rwp_of_last_refinement(data: Sequence[Any], histograms: Sequence[Histogram]) -> float | None:
    """Return Rwp in per cent from the curves stored in the .gpx; None if it was never refined."""
    curves: list[tuple[Any, ...]] = []
    for (settings, arrays, *_), histogram in zip(data, histograms, strict=True):
        if settings.get("wR") is None or len(arrays) < 4:
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
    stored = item["Instrument Parameters"][0]
    kind = str(stored["Type"][1])
    if kind not in _RADIATION:
        raise UserError(
            "not a constant-wavelength powder pattern", file=file, key=key, found=kind, allowed=list(_RADIATION)
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

    def value(name: str, default: float = 0.0) -> float:
        return float(stored[name][1]) if name in stored else default

    doublet = "Lam1" in stored
    return Instrument(
        radiation=_RADIATION[kind],
        wavelengths=(value("Lam1"), value("Lam2")) if doublet else (float(stored["Lam"][1]),),
        ratio=value("I(L2)/I(L1)", 0.5),
        polarization=value("Polariz."),
        zero=value("Zero"),
        U=value("U"),
        V=value("V"),
        W=value("W"),
        X=value("X"),
        Y=value("Y"),
        Z=value("Z"),
        SH_L=value("SH/L"),
        geometry=geometry,
        radius=float(sample.get("Gonio. radius", 200.0)),
        notes=(f"the geometry is {geometry}, from the .gpx; in GSAS-II it is set in Sample Parameters",),
    )

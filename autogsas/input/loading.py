"""A project file and all it names, read through the hooks into a `Project`. Nothing is ever written here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autogsas.errors import PluginError, UserError, nearest
from autogsas.hooks.host import Host
from autogsas.input import yamlfile
from autogsas.input.recipefile import check_recipe, load_recipe
from autogsas.model.instrument import Instrument, Radiation
from autogsas.model.pattern import Pattern
from autogsas.model.project import BroadeningEntry, DataEntry, Histogram, PhaseEntry, Project, ProjectFile
from autogsas.model.sample import BackgroundPeak, Broadening, OccupancySum, Orientation, Specimen
from autogsas.model.structure import Phase

__all__ = ["PROJECT_FILE", "build_project", "check_recipe", "find_project_file", "load_project", "load_recipe"]

PROJECT_FILE = "project.yaml"
PATTERN_FORMATS = "columns of text (.xy .xye .csv .dat .txt), GSAS raw, .xrdml, Bruker .raw .brml, Rigaku .ras .rasx"
INSTRUMENT_FORMATS = "GSAS .prm .inst, GSAS-II .instprm"
WAVELENGTHS = (0.05, 20.0)
"""Angstrom; outside is a slip of the unit (pm, nm, keV), not powder diffraction."""

TUBE_LINES = (0.5594, 0.7093, 1.5406, 1.6579, 1.7890, 1.9360, 2.1019, 2.2897)
"""K-alpha1 of Ag, Mo, Cu, Ni, Co, Fe, Mn, Cr in Angstrom (International Tables C, table 4.2.2.1), rounded."""


def find_project_file(path: Path) -> Path | None:
    """Return the project file that a path names: itself, or ``project.yaml`` in a folder; None where there is none.

    Raises UserError for a path where nothing is.
    """
    if path.is_dir():
        return path / PROJECT_FILE if (path / PROJECT_FILE).is_file() else None
    if not path.exists():
        raise UserError("no such project", file=path, allowed=f"a {PROJECT_FILE} or a folder with one")
    return path if path.suffix.lower() in (".yaml", ".yml") else None


def load_project(path: Path, *, host_factory: Callable[[Iterable[Path]], Host] = Host) -> tuple[Project, Host]:
    """Return the project a file or folder describes with all its files read, and the host with its plugins.

    What is no project file is shown to the plugins, which may know an engine's own. Raises UserError in one line for
    every mistake in the file or in the files it names.
    """
    path = Path(path)
    file = find_project_file(path)
    if file is not None:
        return build_project(yamlfile.read(file), file, host_factory=host_factory)
    host = host_factory(())
    project = host.call("read_project", path=path)
    if isinstance(project, Project):
        return project, host
    if project is not None:
        whose = host.whose("autogsas_read_project")
        raise PluginError(
            f"hook autogsas_read_project ({whose}) gave a wrong answer",
            found=repr(project),
            allowed="a Project or None",
        )
    if path.is_dir():
        raise UserError(f"the folder holds no {PROJECT_FILE}; `autogsas init` writes one", file=path)
    ours = path.suffix.lower() == ".gpx"
    why = "reading a .gpx takes the plugin autogsas-gsas2, which is not installed" if ours else "not a project file"
    raise UserError(why, file=path, allowed=f"a {PROJECT_FILE} or a folder with one")


def build_project(
    data: dict[str, object], file: Path, *, host_factory: Callable[[Iterable[Path]], Host] = Host
) -> tuple[Project, Host]:
    """Return the project that parsed YAML describes; ``file`` is where it stands or is to stand. Raises UserError."""
    said = yamlfile.check(ProjectFile, data, file)
    folder = file.resolve().parent
    plugins = tuple(_existing(folder, text, file, f"plugins[{i}]") for i, text in enumerate(said.plugins))
    both = set(said.search.groups.always) & set(said.search.groups.never)
    if both:
        raise UserError(
            "a group cannot be freed always and never",
            file=file,
            key="search.groups.never",
            found=", ".join(sorted(both)),
        )
    host = host_factory(plugins)
    histograms = [_histogram(host, entry, folder, file, f"data[{i}]") for i, entry in enumerate(said.data)]
    phases = [_phase(host, entry, folder, file, f"phases[{i}]") for i, entry in enumerate(said.phases)]
    _distinct([item.name for item in histograms], file, "data")
    _distinct([item.name for item, _ in phases], file, "phases")
    project = Project(
        name=said.name or folder.name,
        histograms=tuple(histograms),
        phases=tuple(phase for phase, _ in phases),
        search=said.search,
        backend=said.backend,
        file=file.resolve(),
        phase_files=tuple(path for _, path in phases),
        plugins=plugins,
    )
    recipes = [
        load_recipe(_existing(folder, text, file, f"recipes[{i}]"), project) for i, text in enumerate(said.recipes)
    ]
    return replace(project, recipes=tuple(recipes)), host


def _existing(folder: Path, text: str, file: Path, key: str) -> Path:
    path = folder / Path(text).expanduser()
    if path.is_dir():
        raise UserError("is a folder, not a file", file=file, key=key, found=text)
    if not path.exists():
        beside = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
        close = nearest(path.name, [name for name in beside if Path(name).suffix == path.suffix and name != file.name])
        raise UserError("no such file" + (f" (there is {close!r})" if close else ""), file=file, key=key, found=text)
    if path.stat().st_size == 0:
        raise UserError("the file is empty", file=file, key=key, found=text)
    return path


def _distinct(names: Sequence[str], file: Path, key: str) -> None:
    for index, name in enumerate(names):
        if ":" in name or not name.strip():
            raise UserError(
                "a name must not be empty nor hold a colon", file=file, key=f"{key}[{index}].name", found=name
            )
        if name in names[:index]:
            raise UserError(
                "two entries have one name; give one of them another `name`",
                file=file,
                key=f"{key}[{index}].name",
                found=name,
            )


def _histogram(host: Host, entry: DataEntry, folder: Path, file: Path, key: str) -> Histogram:
    path = _existing(folder, entry.file, file, f"{key}.file")
    files = [path]
    pattern: Pattern | None = host.hook.autogsas_read_pattern(path=path, bank=entry.bank)
    if pattern is None:
        raise UserError(
            "no reader knows this format", file=file, key=f"{key}.file", found=entry.file, allowed=PATTERN_FORMATS
        )
    if entry.instrument is None:
        # Some formats of patterns say what they were measured with.
        found: Instrument | None = host.hook.autogsas_read_instrument(path=path, bank=entry.bank)
        instrument = found or _as_narrow_as(pattern, _default_instrument(entry, file, key))
    else:
        files.append(_existing(folder, entry.instrument, file, f"{key}.instrument"))
        found = host.hook.autogsas_read_instrument(path=files[-1], bank=entry.bank)
        if found is None:
            raise UserError(
                "no reader knows this format",
                file=file,
                key=f"{key}.instrument",
                found=entry.instrument,
                allowed=INSTRUMENT_FORMATS,
            )
        instrument = found
    limits = _limits(entry, pattern, file, key)
    complete = _complete(instrument, entry, file, key)
    if entry.absorption and complete.geometry == "Bragg-Brentano":
        raise UserError(
            "absorption is that of a Debye-Scherrer sample; a flat one has transparency",
            file=file,
            key=f"{key}.absorption",
            found=f"{entry.absorption:g}",
        )
    return Histogram(
        name=entry.name or pattern.name,
        pattern=pattern,
        instrument=complete,
        limits=limits,
        excluded=entry.exclude,
        files=tuple(files),
        absorption=entry.absorption,
        background_peaks=tuple(BackgroundPeak(**peak.model_dump()) for peak in entry.background_peaks),
        axial_sum=entry.axial_sum,
        geometry_declared=(entry.geometry or instrument.geometry) is not None,
    )


def _phase(host: Host, entry: PhaseEntry, folder: Path, file: Path, key: str) -> tuple[Phase, Path]:
    path = _existing(folder, entry.file, file, f"{key}.file")
    phase: Phase | None = host.hook.autogsas_read_structure(path=path, block=entry.block)
    if phase is None:
        raise UserError("no reader knows this format", file=file, key=f"{key}.file", found=entry.file, allowed="CIF")
    specimen = Specimen(
        size=_broadening(entry.size, Specimen().size.value),
        strain=_broadening(entry.strain, Specimen().strain.value),
        orientation=Orientation(entry.preferred_orientation.axis, entry.preferred_orientation.ratio),
    )
    sums = _occupancy_sums(entry, phase, file, key)
    return replace(
        phase, name=entry.name or phase.name, specimen=specimen, intensities=entry.intensities, occupancy_sums=sums
    ), path


def _broadening(entry: BroadeningEntry, usual: float) -> Broadening:
    value = usual if entry.value is None else entry.value
    return Broadening(value, entry.model, entry.axial, entry.axis, entry.mix)


def _occupancy_sums(entry: PhaseEntry, phase: Phase, file: Path, key: str) -> tuple[OccupancySum, ...]:
    labels = [site.label for site in phase.sites]
    seen: set[str] = set()
    for i, one in enumerate(entry.occupancy_sums):
        where = f"{key}.occupancy_sums[{i}].sites"
        for label in one.sites:
            if label not in labels:
                raise UserError("no such site", file=file, key=where, found=label, allowed=labels)
            if label in seen:
                raise UserError("a site can stand in one sum, once", file=file, key=where, found=label)
            seen.add(label)
    return tuple(OccupancySum(one.sites, one.total) for one in entry.occupancy_sums)


def _default_instrument(entry: DataEntry, file: Path, key: str) -> Instrument:
    """Return a usual instrument for what the entry says; widths and polarization are GSAS-II's defaults.

    They are those of its built-in "CuKa lab data" and "1.9A ILL D1A CW data" (GSAS-II, defaultIparms.py).
    """
    if entry.wavelength is None:
        raise UserError(
            "no wavelength is given, neither here nor by an instrument file",
            file=file,
            key=f"{key}.wavelength",
            allowed="Angstrom, such as 1.494 or [1.5406, 1.5444]",
        )
    radiation: Radiation | None = entry.radiation or ("xray" if len(entry.wavelength) == 2 else None)
    if radiation is None:
        raise UserError(
            "no radiation is given, neither here nor by an instrument file",
            file=file,
            key=f"{key}.radiation",
            allowed=["xray", "neutron"],
        )
    note = "no instrument file: widths and polarization are GSAS-II's defaults for {}, to be refined"
    if radiation == "neutron":
        return Instrument(
            radiation,
            (),
            polarization=0.0,
            U=257.182710995,
            V=-640.525145369,
            W=569.378664828,
            notes=(note.format("a neutron diffractometer (D1A)"),),
        )
    tube = len(entry.wavelength) == 2 or any(abs(entry.wavelength[0] - line) < 0.002 for line in TUBE_LINES)
    where = "laboratory X-rays" if tube else "a synchrotron"
    return Instrument(radiation, (), polarization=0.7 if tube else 0.99, notes=(note.format(where),))


def _as_narrow_as(pattern: Pattern, instrument: Instrument) -> Instrument:
    """Return a usual instrument with widths no larger than the pattern's steps make likely: lines four steps wide."""
    step = 100.0 * float(np.median(np.diff(pattern.x))) if pattern.x.size > 1 else np.inf
    share = min(1.0, (4.0 * step / 2.3548) ** 2 / instrument.W)
    return replace(instrument, U=share * instrument.U, V=share * instrument.V, W=share * instrument.W)


def _complete(instrument: Instrument, entry: DataEntry, file: Path, key: str) -> Instrument:
    """Return the instrument with what the entry says, checked, its geometry settled as GSAS-II would."""
    said: dict[str, Any] = {
        "radiation": entry.radiation,
        "wavelengths": entry.wavelength,
        "ratio": entry.ratio,
        "radius": entry.radius,
        "polarization": entry.polarization,
        "geometry": entry.geometry,
    }
    instrument = replace(instrument, **{name: value for name, value in said.items() if value is not None})
    waves = instrument.wavelengths
    where = f"{key}.wavelength"
    if not waves:
        raise UserError(
            "no wavelength is given, neither here nor by the instrument file",
            file=file,
            key=where,
            allowed="Angstrom, such as 1.494 or [1.5406, 1.5444]",
        )
    low, high = WAVELENGTHS
    wrong = next((wave for wave in waves if not low <= wave <= high), None)
    if wrong is not None:
        raise UserError(
            "no wavelength of powder diffraction in Angstrom",
            file=file,
            key=where,
            found=f"{wrong:g}",
            allowed=f"{low:g} to {high:g}",
        )
    if len(waves) == 2 and (instrument.radiation == "neutron" or waves[0] >= waves[1]):
        raise UserError(
            "two wavelengths are K-alpha1 and the longer K-alpha2 of an X-ray tube",
            file=file,
            key=where,
            found=list(waves),
        )
    if instrument.geometry is not None:
        return instrument
    if instrument.doublet:
        note = "no geometry is given: two wavelengths are taken as Bragg-Brentano, as in GSAS-II"
        return replace(instrument, geometry="Bragg-Brentano", notes=(*instrument.notes, note))
    note = "no geometry is given: one wavelength is taken as Debye-Scherrer, as in GSAS-II"
    return replace(instrument, geometry="Debye-Scherrer", notes=(*instrument.notes, note))


def _limits(entry: DataEntry, pattern: Pattern, file: Path, key: str) -> tuple[float, float]:
    first, last = float(pattern.x[0]), float(pattern.x[-1])
    step = float(np.median(np.diff(pattern.x)))
    limits = entry.limits or (first, last)
    if limits[0] < first - step or limits[1] > last + step:
        raise UserError(
            "the limits reach beyond the data",
            file=file,
            key=f"{key}.limits",
            found=list(limits),
            allowed=f"within {first:g} to {last:g}",
        )
    for index, region in enumerate(entry.exclude):
        if region[1] < first or region[0] > last:
            raise UserError(
                "an excluded region lies outside the data",
                file=file,
                key=f"{key}.exclude[{index}]",
                found=list(region),
                allowed=f"within {first:g} to {last:g}",
            )
    counted = pattern.mask(limits, entry.exclude) & (pattern.weights > 0)
    if not counted.any():
        name = "exclude" if entry.exclude else "limits"
        raise UserError(
            "no points of the pattern are left",
            file=file,
            key=f"{key}.{name}",
            found=[list(region) for region in entry.exclude] or list(limits),
        )
    return limits

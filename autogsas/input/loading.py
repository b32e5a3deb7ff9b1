"""Read a project file and all files it names, through the hooks, into a `Project`. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autogsas.crystal.strain import strain_terms
from autogsas.errors import PluginError, UserError, nearest
from autogsas.hooks.host import Host
from autogsas.input import yamlfile
from autogsas.input.instruments import complete_instrument, default_instrument
from autogsas.input.quantification import check_quantification
from autogsas.input.recipefile import load_recipe
from autogsas.input.yamlfile import Document
from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern
from autogsas.model.project import (
    DataEntry,
    Histogram,
    PhaseEntry,
    Project,
    ProjectFile,
    Search,
    SizeEntry,
    StrainEntry,
)
from autogsas.model.sample import BackgroundPeak, Broadening, OccupancySum, Orientation, Specimen
from autogsas.model.structure import Phase

__all__ = ["PROJECT_FILE", "build_project", "find_project_file", "load_project", "load_recipe"]

PROJECT_FILE = "project.yaml"
PATTERN_FORMATS = "columns of text (.xy .xye .csv .dat .txt), GSAS raw, .xrdml, Bruker .raw .brml, Rigaku .ras .rasx"
INSTRUMENT_FORMATS = "GSAS .prm .inst, GSAS-II .instprm"


def find_project_file(path: Path) -> Path | None:
    """Return the project file that a path names (itself, or ``project.yaml`` in a folder), or None.

    Raises UserError if the path does not exist.
    """
    if path.is_dir():
        return path / PROJECT_FILE if (path / PROJECT_FILE).is_file() else None
    if not path.exists():
        raise UserError("no such project", file=path, allowed=f"a {PROJECT_FILE} or a folder with one")
    return path if path.suffix.lower() in (".yaml", ".yml") else None


def load_project(path: Path, *, host_factory: Callable[[Iterable[Path]], Host] = Host) -> tuple[Project, Host]:
    """Return the project described by a file or folder, with all its files read, and the host with its plugins.

    A file that is not YAML is offered to the plugins, which may read an engine's own projects. Raises UserError for
    every mistake in the file or in the files it names.
    """
    path = Path(path)
    file = find_project_file(path)
    if file is not None:
        document = yamlfile.read(file)
        if "steps" in document.data and not {"data", "phases"} & document.data.keys():
            raise document.error("this is a recipe; use: autogsas refine PROJECT --recipe FILE")
        return _build(document, host_factory)
    host = host_factory(())
    project = host.call("read_project", path=path)
    if isinstance(project, Project):
        return project, host
    if project is not None:
        plugin = host.whose("autogsas_read_project")
        raise PluginError(
            f"hook autogsas_read_project ({plugin}) returned a value of the wrong type",
            found=repr(project),
            allowed="a Project or None",
        )
    if path.is_dir():
        raise UserError(f"the folder has no {PROJECT_FILE}; `autogsas init` writes one", file=path)
    gsas2 = path.suffix.lower() == ".gpx"
    reason = "reading a .gpx needs the plugin autogsas-gsas2, which is not installed" if gsas2 else "not a project file"
    raise UserError(reason, file=path, allowed=f"a {PROJECT_FILE} or a folder with one")


def build_project(
    data: Mapping[str, Any], file: Path, *, host_factory: Callable[[Iterable[Path]], Host] = Host
) -> tuple[Project, Host]:
    """Return the project that plain data describes, and the host with its plugins; the data are those of a YAML file.

    ``file`` need not exist: it is named in errors, and paths are relative to its folder. Raises UserError.
    """
    return _build(Document(file, dict(data)), host_factory)


def _build(document: Document, host_factory: Callable[[Iterable[Path]], Host]) -> tuple[Project, Host]:
    content = yamlfile.check(ProjectFile, document)
    file = document.file.resolve()
    plugins = tuple(_existing(document, text, f"plugins[{i}]") for i, text in enumerate(content.plugins))
    both = set(content.search.groups.always) & set(content.search.groups.never)
    if both:
        raise document.error(
            "the group is in both lists, 'always' and 'never'", "search.groups.never", found=", ".join(sorted(both))
        )
    host = host_factory(plugins)
    _check_search(host, content.search, document)
    histograms = [_histogram(host, entry, document, f"data[{i}]") for i, entry in enumerate(content.data)]
    phases = [_phase(host, entry, document, f"phases[{i}]") for i, entry in enumerate(content.phases)]
    _check_names([item.name for item in histograms], document, "data")
    _check_names([item.name for item, _ in phases], document, "phases")
    check_quantification(content.quantification, histograms, [phase for phase, _ in phases], document)
    project = Project(
        name=content.name or file.parent.name,
        histograms=tuple(histograms),
        phases=tuple(phase for phase, _ in phases),
        search=content.search,
        backend=content.backend,
        file=file,
        phase_files=tuple(path for _, path in phases),
        plugins=plugins,
        quantification=content.quantification,
    )
    recipes = [
        load_recipe(_existing(document, text, f"recipes[{i}]"), project) for i, text in enumerate(content.recipes)
    ]
    return replace(project, recipes=tuple(recipes)), host


def _check_search(host: Host, search: Search, document: Document) -> None:
    """Raise UserError for a strategy or a sampler that is not registered."""
    for key, found, allowed in (
        ("space", search.space, host.strategies()),
        ("sampler", search.sampler, host.samplers()),
    ):
        if found is not None and found not in allowed:
            raise document.error("unknown value", f"search.{key}", found=found, allowed=allowed)


def _existing(document: Document, text: str, key: str) -> Path:
    """Return the path of a file that a key names. Raises UserError if it is not there or empty."""
    path = document.file.resolve().parent / Path(text).expanduser()
    if path.is_dir():
        raise document.error("is a folder, not a file", key, found=text)
    if not path.exists():
        others = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
        same_kind = [name for name in others if Path(name).suffix == path.suffix and name != document.file.name]
        close = nearest(path.name, same_kind)
        raise document.error("no such file" + (f" (there is {close!r})" if close else ""), key, found=text)
    if path.stat().st_size == 0:
        raise document.error("the file is empty", key, found=text)
    return path


def _check_names(names: Sequence[str], document: Document, key: str) -> None:
    for index, name in enumerate(names):
        if ":" in name or not name.strip():
            raise document.error("a name must not be empty or contain a colon", f"{key}[{index}].name", found=name)
        if name in names[:index]:
            raise document.error(
                "two entries have the same name; give one of them another `name`", f"{key}[{index}].name", found=name
            )


def _histogram(host: Host, entry: DataEntry, document: Document, key: str) -> Histogram:
    path = _existing(document, entry.file, f"{key}.file")
    files = [path]
    pattern: Pattern | None = host.hook.autogsas_read_pattern(path=path, bank=entry.bank)
    if pattern is None:
        raise document.error("unknown file format", f"{key}.file", found=entry.file, allowed=PATTERN_FORMATS)
    if entry.instrument is None:
        # Some pattern formats describe the instrument too.
        found: Instrument | None = host.hook.autogsas_read_instrument(path=path, bank=entry.bank)
        instrument = found or default_instrument(entry, pattern, document, key)
    else:
        files.append(_existing(document, entry.instrument, f"{key}.instrument"))
        found = host.hook.autogsas_read_instrument(path=files[-1], bank=entry.bank)
        if found is None:
            raise document.error(
                "unknown file format",
                f"{key}.instrument",
                found=entry.instrument,
                allowed=INSTRUMENT_FORMATS,
            )
        instrument = found
    limits = _limits(entry, pattern, document, key)
    complete = complete_instrument(instrument, entry, document, key)
    if entry.absorption and complete.geometry == "Bragg-Brentano":
        raise document.error(
            "absorption is for a Debye-Scherrer sample; a flat sample has transparency",
            f"{key}.absorption",
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


def _limits(entry: DataEntry, pattern: Pattern, document: Document, key: str) -> tuple[float, float]:
    """Return the limits of an entry, in degrees 2theta, checked against its pattern."""
    first, last = float(pattern.x[0]), float(pattern.x[-1])
    step = float(np.median(np.diff(pattern.x)))
    limits = entry.limits or (first, last)
    if limits[0] < first - step or limits[1] > last + step:
        raise document.error(
            "the limits reach beyond the data",
            f"{key}.limits",
            found=list(limits),
            allowed=f"within {first:g} to {last:g}",
        )
    for index, region in enumerate(entry.exclude):
        if region[1] < first or region[0] > last:
            raise document.error(
                "an excluded region is outside the data",
                f"{key}.exclude[{index}]",
                found=list(region),
                allowed=f"within {first:g} to {last:g}",
            )
    counted = pattern.mask(limits, entry.exclude) & (pattern.weights > 0)
    if not counted.any():
        name = "exclude" if entry.exclude else "limits"
        raise document.error(
            "no points of the pattern are left",
            f"{key}.{name}",
            found=[list(region) for region in entry.exclude] or list(limits),
        )
    return limits


def _phase(host: Host, entry: PhaseEntry, document: Document, key: str) -> tuple[Phase, Path]:
    path = _existing(document, entry.file, f"{key}.file")
    phase: Phase | None = host.hook.autogsas_read_structure(path=path, block=entry.block)
    if phase is None:
        raise document.error("unknown file format", f"{key}.file", found=entry.file, allowed="CIF")
    specimen = Specimen(
        size=_broadening(entry.size, Specimen().size.value),
        strain=_broadening(entry.strain, Specimen().strain.value),
        orientation=Orientation(entry.preferred_orientation.axis, entry.preferred_orientation.ratio),
    )
    _check_coefficients(entry, phase, document, key)
    sums = _occupancy_sums(entry, phase, document, key)
    return replace(
        phase, name=entry.name or phase.name, specimen=specimen, intensities=entry.intensities, occupancy_sums=sums
    ), path


def _broadening(entry: SizeEntry | StrainEntry, default: float) -> Broadening:
    value = default if entry.value is None else entry.value
    coefficients = entry.coefficients if isinstance(entry, StrainEntry) else ()
    return Broadening(value, entry.model, entry.axial, entry.axis, entry.mix, coefficients)


def _check_coefficients(entry: PhaseEntry, phase: Phase, document: Document, key: str) -> None:
    """Raise UserError where the strain has not one coefficient for each term that the symmetry leaves."""
    given = entry.strain.coefficients
    names = strain_terms(phase.space_group).names
    if given and len(given) != len(names):
        raise document.error(
            f"a strain of {phase.space_group} has {len(names)} coefficients ({', '.join(names)})",
            f"{key}.strain.coefficients",
            found=list(given),
        )


def _occupancy_sums(entry: PhaseEntry, phase: Phase, document: Document, key: str) -> tuple[OccupancySum, ...]:
    labels = [site.label for site in phase.sites]
    used: set[str] = set()
    for i, one in enumerate(entry.occupancy_sums):
        where = f"{key}.occupancy_sums[{i}].sites"
        for label in one.sites:
            if label not in labels:
                raise document.error("no such site", where, found=label, allowed=labels)
            if label in used:
                raise document.error("a site can be in one sum only, and once", where, found=label)
            used.add(label)
    return tuple(OccupancySum(one.sites, one.total) for one in entry.occupancy_sums)

"""Parameter groups in a GSAS-II project: where their flags and values are, and GSAS-II's names of their variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autogsas_gsas2.child.broadening import strain_names
from autogsas_gsas2.child.model import HistogramModel, Model, ParameterKey, PhaseModel
from autogsas_gsas2.child.tree import Path, get
from autogsas_gsas2.protocol import GroupSelection

__all__ = ["COEFFICIENT_UNIT", "Entry", "ParameterGroup", "parameter_groups", "selected"]

_INSTRUMENT = {"zero": "Zero", "U": "U", "V": "V", "W": "W", "X": "X", "Y": "Y", "Z": "Z", "SH/L": "SH/L"}
_SAMPLE: dict[str, dict[str, tuple[str, ...]]] = {
    "Bragg-Brentano": {"displacement": ("Shift",), "transparency": ("Transparency",)},
    "Debye-Scherrer": {"displacement": ("DisplaceX", "DisplaceY"), "absorption": ("Absorption",)},
}
_UNITS = {
    "zero": "°",
    "displacement": "µm",
    "transparency": "cm",
    "U": "0.01° squared",
    "V": "0.01° squared",
    "W": "0.01° squared",
    "X": "0.01°",
    "Y": "0.01°",
    "Z": "0.01°",
    "size": "µm",
    "strain": "1e-6",
    "uiso": "Å²",
    "uaniso": "Å²",
}
COEFFICIENT_UNIT = "1e-12 Å⁻⁴"
_TENSOR = ("11", "22", "33", "12", "13", "23")


@dataclass(frozen=True)
class Entry:
    """One number: its name in the result, GSAS-II's variable, and its path in the project.

    The result's value is ``factor`` times the project's. ``coordinate`` is 0, 1 or 2 for a site's x, y or z.
    """

    name: str
    variable: str
    path: Path
    factor: float = 1.0
    coordinate: int | None = None


@dataclass(frozen=True)
class ParameterGroup:
    """The parameters of one group for one phase, histogram or site.

    ``flags`` are the paths of the refinement flags; where several groups share a flag that is a string, ``letter`` is
    this group's letter in it. ``inactive``: the pattern does not depend on the group, because Le Bail intensities
    absorb its effect.
    """

    key: ParameterKey
    entries: tuple[Entry, ...]
    flags: tuple[Path, ...]
    letter: str = ""
    unit: str = ""
    inactive: bool = False


def selected(groups: Sequence[ParameterGroup], selection: GroupSelection) -> list[ParameterGroup]:
    """Return the groups that a recipe's selection means."""
    return [
        item
        for item in groups
        if item.key.group == selection.group
        and selection.phase in (None, item.key.phase)
        and selection.histogram in (None, item.key.histogram)
        and selection.site in (None, item.key.site)
    ]


def parameter_groups(model: Model) -> list[ParameterGroup]:
    """Return all parameter groups of the project as it is now."""
    found: list[ParameterGroup] = []
    for phase in model.phases:
        found += _of_phase(model, phase)
        for histogram in model.histograms:
            if model.pair(phase, histogram) is not None:
                found += _of_pair(model, phase, histogram)
    for histogram in model.histograms:
        found += _of_histogram(model, histogram)
    return found


def _of_histogram(model: Model, item: HistogramModel) -> Iterator[ParameterGroup]:
    tree, n = model.histogram(item), item.number
    for group, name in _INSTRUMENT.items():
        if name in tree["Instrument Parameters"][0]:
            path = (item.key, "Instrument Parameters", 0, name)
            entry = Entry(f"{item.name}:{name}", f":{n}:{name}", (*path, 1))
            key = ParameterKey(group, histogram=item.name)
            yield ParameterGroup(key, (entry,), ((*path, 2),), unit=_UNITS.get(group, ""))
    for group, names in _SAMPLE[model.geometry(item)].items():
        paths = [(item.key, "Sample Parameters", name) for name in names]
        yield ParameterGroup(
            ParameterKey(group, histogram=item.name),
            tuple(Entry(f"{item.name}:{p[-1]}", f":{n}:{p[-1]}", (*p, 0)) for p in paths),
            tuple((*p, 1) for p in paths),
            unit=_UNITS.get(group, ""),
            inactive=group == "absorption" and model.without_structure(None, item),
        )
    terms = tree["Background"][0][2]
    entries = tuple(
        Entry(f"{item.name}:background {i + 1}", f":{n}:Back;{i}", (item.key, "Background", 0, 3 + i))
        for i in range(terms)
    )
    key = ParameterKey("background", histogram=item.name)
    yield ParameterGroup(key, entries, ((item.key, "Background", 0, 1),))


def _of_phase(model: Model, item: PhaseModel) -> Iterator[ParameterGroup]:
    yield ParameterGroup(ParameterKey("cell", item.name), (), (("Phases", item.key, "General", "Cell", 0),))
    for i in range(len(model.phase(item)["Atoms"])):
        yield from _of_site(model, item, i)


def _of_site(model: Model, item: PhaseModel, i: int) -> Iterator[ParameterGroup]:
    tree, n, label = model.phase(item), item.number, item.labels[i]
    x, kind, _, adp = tree["General"]["AtomPtrs"]
    row = ("Phases", item.key, "Atoms", i)
    name, flags = f"{item.name}:{label}", ((*row, kind + 1),)
    inactive = model.without_structure(item, None)

    def group(group: str, entries: tuple[Entry, ...], letter: str, unit: str = "") -> ParameterGroup:
        key = ParameterKey(group, item.name, site=label)
        return ParameterGroup(key, entries, flags, letter, unit, inactive)

    yield group(
        "positions",
        tuple(Entry(f"{name}:{c}", f"{n}::dA{c}:{i}", (*row, x + k), coordinate=k) for k, c in enumerate("xyz")),
        "X",
    )
    if tree["Atoms"][i][adp] == "I":
        yield group("uiso", (Entry(f"{name}:Uiso", f"{n}::AUiso:{i}", (*row, adp + 1)),), "U", _UNITS["uiso"])
    else:
        entries = tuple(
            Entry(f"{name}:U{part}", f"{n}::AU{part}:{i}", (*row, adp + 2 + k)) for k, part in enumerate(_TENSOR)
        )
        yield group("uaniso", entries, "U", _UNITS["uaniso"])
    yield group("occupancy", (Entry(f"{name}:occupancy", f"{n}::Afrac:{i}", (*row, x + 3)),), "F")


def _of_pair(model: Model, phase: PhaseModel, histogram: HistogramModel) -> Iterator[ParameterGroup]:
    pair = model.pair(phase, histogram)
    assert pair is not None
    name, prefix = f"{phase.name}:{histogram.name}", f"{phase.number}:{histogram.number}:"
    root = ("Phases", phase.key, "Histograms", histogram.key)
    inactive = model.without_structure(phase, histogram)

    def key(group: str) -> ParameterKey:
        return ParameterKey(group, phase.name, histogram.name)

    yield _scale(model, phase, histogram)
    for group, gsas_name in (("size", "Size"), ("strain", "Mustrain")):
        terms = strain_names(model, phase) if pair[gsas_name][0] == "generalized" else []
        yield _broadening(pair[gsas_name], key(group), prefix + gsas_name, (*root, gsas_name), terms)
        entry = Entry(f"{name}:{group}_mix", f"{prefix}{gsas_name};mx", (*root, gsas_name, 1, 2))
        yield ParameterGroup(key(f"{group}_mix"), (entry,), ((*root, gsas_name, 2, 2),))
    orientation = pair["Pref.Ori."]
    path = (*root, "Pref.Ori.")
    if orientation[0] == "MD":
        entries: tuple[Entry, ...] = (Entry(f"{name}:preferred_orientation", f"{prefix}MD", (*path, 1)),)
    else:
        entries = tuple(
            Entry(f"{name}:preferred_orientation {term}", f"{prefix}{term}", (*path, 5, term))
            for term in orientation[5]
        )
    yield ParameterGroup(key("preferred_orientation"), entries, ((*path, 2),), inactive=inactive)


def _scale(model: Model, phase: PhaseModel, histogram: HistogramModel) -> ParameterGroup:
    """Return the scale of a phase in a histogram: the histogram's scale times the phase fraction.

    The first is refined where the histogram uses one phase, otherwise the second.
    """
    key = ParameterKey("scale", phase.name, histogram.name)
    of_histogram: Path = (histogram.key, "Sample Parameters", "Scale")
    of_phase: Path = ("Phases", phase.key, "Histograms", histogram.key, "Scale")
    fraction, scale = (float(get(model.gpx.data, (*path, 0))) for path in (of_phase, of_histogram))
    if model.single_phase(histogram):
        path, variable, factor = of_histogram, f":{histogram.number}:Scale", fraction
    else:
        path, variable, factor = of_phase, f"{phase.number}:{histogram.number}:Scale", scale
    entry = Entry(f"{phase.name}:{histogram.name}:scale", variable, (*path, 0), factor)
    return ParameterGroup(key, (entry,), ((*path, 1),), inactive=model.without_structure(phase, histogram))


def _broadening(values: list[Any], key: ParameterKey, prefix: str, path: Path, terms: Sequence[str]) -> ParameterGroup:
    """Return size or strain: isotropic, uniaxial, or all coefficients of another model.

    ``terms`` are the names of those of a generalised strain.
    """
    name = f"{key.phase}:{key.histogram}:{key.group}"
    if values[0] == "isotropic":
        entries: tuple[Entry, ...] = (Entry(name, f"{prefix};i", (*path, 1, 0)),)
        flags: tuple[Path, ...] = ((*path, 2, 0),)
    elif values[0] == "uniaxial":
        parts = (("i", "equatorial"), ("a", "axial"))
        entries = tuple(Entry(f"{name} {text}", f"{prefix};{c}", (*path, 1, k)) for k, (c, text) in enumerate(parts))
        flags = ((*path, 2, 0), (*path, 2, 1))
    else:
        count = len(values[4])
        labels = terms or [str(i + 1) for i in range(count)]
        entries = tuple(Entry(f"{name} {labels[i]}", f"{prefix};{i}", (*path, 4, i)) for i in range(count))
        flags = tuple((*path, 5, i) for i in range(count))
    unit = COEFFICIENT_UNIT if values[0] == "generalized" else _UNITS[key.group]
    return ParameterGroup(key, entries, flags, unit=unit)

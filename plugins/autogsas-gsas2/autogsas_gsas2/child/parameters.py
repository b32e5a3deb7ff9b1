"""Where in a GSAS-II project each group of parameters lies: its flags, its values, and what GSAS-II calls them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.tree import Path, get
from autogsas_gsas2.protocol import Slot

__all__ = ["Entry", "Knob", "knobs", "matching"]

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
_TENSOR = ("11", "22", "33", "12", "13", "23")


@dataclass(frozen=True)
class Entry:
    """One number: the result's name, GSAS-II's variable, and where it lies; it is ``factor`` times what lies there."""

    name: str
    variable: str
    path: Path
    factor: float = 1.0


@dataclass(frozen=True)
class Knob:
    """What a group is for one phase, histogram or site: flags at ``flags``; ``letter`` where it is one in a string.

    ``idle`` where the pattern does not depend on it, since Le Bail's intensities take up whatever it does.
    """

    group: str
    phase: str | None
    histogram: str | None
    site: str | None
    entries: tuple[Entry, ...]
    flags: tuple[Path, ...]
    letter: str = ""
    unit: str = ""
    idle: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is kept by from step to step."""
        return (self.group, self.phase, self.histogram, self.site)


def matching(found: Sequence[Knob], slot: Slot) -> list[Knob]:
    """Return the knobs a recipe's word means."""
    return [
        knob
        for knob in found
        if knob.group == slot.group
        and slot.phase in (None, knob.phase)
        and slot.histogram in (None, knob.histogram)
        and slot.site in (None, knob.site)
    ]


def knobs(model: Model) -> list[Knob]:
    """Return all there is to turn in the project as it is now."""
    found: list[Knob] = []
    for phase in model.phases:
        found += _phase(model, phase)
        for histogram in model.histograms:
            if model.pair(phase, histogram) is not None:
                found += _pair(model, phase, histogram)
    for histogram in model.histograms:
        found += _histogram(model, histogram)
    return found


def _histogram(model: Model, item: HistogramModel) -> Iterator[Knob]:
    tree, n = model.histogram(item), item.number
    for group, name in _INSTRUMENT.items():
        if name in tree["Instrument Parameters"][0]:
            path = (item.key, "Instrument Parameters", 0, name)
            entry = Entry(f"{item.name}:{name}", f":{n}:{name}", (*path, 1))
            yield Knob(group, None, item.name, None, (entry,), ((*path, 2),), unit=_UNITS.get(group, ""))
    for group, names in _SAMPLE[model.geometry(item)].items():
        paths = [(item.key, "Sample Parameters", name) for name in names]
        entries = tuple(Entry(f"{item.name}:{p[-1]}", f":{n}:{p[-1]}", (*p, 0)) for p in paths)
        flags = tuple((*p, 1) for p in paths)
        idle = group == "absorption" and model.without_structure(None, item)
        yield Knob(group, None, item.name, None, entries, flags, unit=_UNITS.get(group, ""), idle=idle)
    terms = tree["Background"][0][2]
    entries = tuple(
        Entry(f"{item.name}:background {i + 1}", f":{n}:Back;{i}", (item.key, "Background", 0, 3 + i))
        for i in range(terms)
    )
    yield Knob("background", None, item.name, None, entries, ((item.key, "Background", 0, 1),))


def _phase(model: Model, item: PhaseModel) -> Iterator[Knob]:
    tree, n = model.phase(item), item.number
    root = ("Phases", item.key)
    idle = model.without_structure(item, None)
    yield Knob("cell", item.name, None, None, (), ((*root, "General", "Cell", 0),))
    x, kind, _, adp = tree["General"]["AtomPtrs"]
    for i, atom in enumerate(tree["Atoms"]):
        label = item.labels[i]
        where, row = f"{item.name}:{label}", (*root, "Atoms", i)
        flags = ((*row, kind + 1),)
        entries = tuple(Entry(f"{where}:{c}", f"{n}::dA{c}:{i}", (*row, x + k)) for k, c in enumerate("xyz"))
        yield Knob("positions", item.name, None, label, entries, flags, "X", idle=idle)
        if atom[adp] == "I":
            entries = (Entry(f"{where}:Uiso", f"{n}::AUiso:{i}", (*row, adp + 1)),)
            yield Knob("uiso", item.name, None, label, entries, flags, "U", _UNITS["uiso"], idle)
        else:
            entries = tuple(
                Entry(f"{where}:U{part}", f"{n}::AU{part}:{i}", (*row, adp + 2 + k)) for k, part in enumerate(_TENSOR)
            )
            yield Knob("uaniso", item.name, None, label, entries, flags, "U", _UNITS["uaniso"], idle)
        entries = (Entry(f"{where}:occupancy", f"{n}::Afrac:{i}", (*row, x + 3)),)
        yield Knob("occupancy", item.name, None, label, entries, flags, "F", idle=idle)


def _pair(model: Model, phase: PhaseModel, histogram: HistogramModel) -> Iterator[Knob]:
    pair = model.pair(phase, histogram)
    assert pair is not None
    where, who = f"{phase.name}:{histogram.name}", f"{phase.number}:{histogram.number}:"
    root = ("Phases", phase.key, "Histograms", histogram.key)
    whole = (histogram.key, "Sample Parameters", "Scale")
    part = (*root, "Scale")
    idle = model.without_structure(phase, histogram)
    fraction, scale = float(get(model.gpx.data, (*part, 0))), float(get(model.gpx.data, (*whole, 0)))
    if model.alone(histogram):
        entry = Entry(f"{where}:scale", f":{histogram.number}:Scale", (*whole, 0), fraction)
        yield Knob("scale", phase.name, histogram.name, None, (entry,), ((*whole, 1),), idle=idle)
    else:
        entry = Entry(f"{where}:scale", f"{who}Scale", (*part, 0), scale)
        yield Knob("scale", phase.name, histogram.name, None, (entry,), ((*part, 1),), idle=idle)
    for group, name in (("size", "Size"), ("strain", "Mustrain")):
        yield _broadening(pair[name], group, phase.name, histogram.name, who + name, (*root, name))
        entry = Entry(f"{where}:{group}_mix", f"{who}{name};mx", (*root, name, 1, 2))
        yield Knob(f"{group}_mix", phase.name, histogram.name, None, (entry,), ((*root, name, 2, 2),))
    oriented = pair["Pref.Ori."]
    path = (*root, "Pref.Ori.")
    if oriented[0] == "MD":
        entries: tuple[Entry, ...] = (Entry(f"{where}:preferred_orientation", f"{who}MD", (*path, 1)),)
    else:
        entries = tuple(
            Entry(f"{where}:preferred_orientation {name}", f"{who}{name}", (*path, 5, name)) for name in oriented[5]
        )
    yield Knob("preferred_orientation", phase.name, histogram.name, None, entries, ((*path, 2),), idle=idle)


def _broadening(values: list[Any], group: str, phase: str, histogram: str, who: str, path: Path) -> Knob:
    """Size or strain, isotropic, uniaxial or by coefficients as the project has it."""
    where = f"{phase}:{histogram}:{group}"
    if values[0] == "isotropic":
        entries: tuple[Entry, ...] = (Entry(where, f"{who};i", (*path, 1, 0)),)
        flags: tuple[Path, ...] = ((*path, 2, 0),)
    elif values[0] == "uniaxial":
        names = (("i", "equatorial"), ("a", "axial"))
        entries = tuple(Entry(f"{where} {text}", f"{who};{c}", (*path, 1, k)) for k, (c, text) in enumerate(names))
        flags = ((*path, 2, 0), (*path, 2, 1))
    else:
        count = len(values[4])
        entries = tuple(Entry(f"{where} {i + 1}", f"{who};{i}", (*path, 4, i)) for i in range(count))
        flags = tuple((*path, 5, i) for i in range(count))
    return Knob(group, phase, histogram, None, entries, flags, unit=_UNITS[group])

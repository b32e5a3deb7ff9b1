"""The inventory of a .gpx, read without executing anything in it and without GSAS-II."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from autogsas.errors import UserError
from autogsas.model.inventory import Entry, HistogramContent, Inventory, Kind, PhaseContent, Treatment

from autogsas_gsas2.gpx_phase import plain_name, space_group
from autogsas_gsas2.gpx_tree import item_data
from autogsas_gsas2.gpx_tree import phases as tree_phases
from autogsas_gsas2.inventory.histograms import is_constant_wavelength, is_time_of_flight, of_crystal, of_pattern
from autogsas_gsas2.inventory.naming import Names
from autogsas_gsas2.inventory.pairs import of_pair
from autogsas_gsas2.inventory.parts import Owner, guarded, number, part
from autogsas_gsas2.inventory.phases import of_phase
from autogsas_gsas2.inventory.whole import of_whole
from autogsas_gsas2.safe_pickle import read_gpx

__all__ = ["read_inventory"]

_RADIATION = {"X": "X-ray", "N": "neutron", "E": "electron"}
_METHODS = {"C": "constant wavelength", "T": "time of flight", "B": "pink beam", "E": "energy-dispersive"}
_CONSTANTS = (
    *(
        ("Lam", "λ", " Å"),
        ("Lam1", "λ1", " Å"),
        ("Lam2", "λ2", " Å"),
        ("2-theta", "2θ", "°"),
        ("fltPath", "path", " m"),
    ),
    *(("difC", "difC", " µs/Å"), ("difA", "difA", " µs/Å²"), ("difB", "difB", " µs Å"), ("Zero", "Zero", "")),
)
_UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def read_inventory(file: Path) -> Inventory:
    """Return all that a .gpx holds. Raises UserError for a file that is unsafe or damaged."""
    file = file.resolve()
    tree = read_gpx(file)
    try:
        names = Names.of(tree)
        phases = tuple(_phase(key, item, names, file) for key, item in tree_phases(tree).items())
        histograms = tuple(_histogram(tree[key], name) for key, name in names.histograms.items())
        entries = tuple(_entries(tree, names))
    except _UNREADABLE as error:
        raise UserError(
            f"cannot be read as a GSAS-II project ({type(error).__name__}: {error}); "
            "open it in GSAS-II and save it again",
            file=file,
        ) from error
    return Inventory(file, "GSAS-II project", histograms, phases, entries)


def _kind(item: Mapping[str, Any]) -> str:
    """Return GSAS-II's type of a histogram, such as "PXC"; empty where it has none."""
    stored = item.get("Instrument Parameters")
    found = stored[0].get("Type", ("",)) if isinstance(stored, (list, tuple)) and stored else ("",)
    return str(found[0])


def _unit(kind: str) -> str:
    return " µs" if is_time_of_flight(kind) else " keV" if kind[2:3] == "E" else "°"


def _histogram(item: Mapping[str, Any], name: str) -> HistogramContent:
    kind = _kind(item)
    radiation, method = _RADIATION.get(kind[1:2], "unknown radiation"), _METHODS.get(kind[2:3], f"type {kind!r}")
    stored = item["Instrument Parameters"][0] if kind else {}
    shown = [(key, text, unit) for key, text, unit in _CONSTANTS if key in stored and key != "Zero"]
    constants = tuple(f"{text} {number(stored[key][min(1, len(stored[key]) - 1)])}{unit}" for key, text, unit in shown)
    if kind.startswith("S") or "Limits" not in item:
        reflections = item["data"][1].get("RefList", ()) if isinstance(item["data"][1], Mapping) else ()
        return HistogramContent(
            name, f"{radiation}, single crystal, {method}", len(reflections), unit="", constants=constants
        )
    x = np.array(item["data"][1][0], dtype=np.float64)
    steps = np.diff(x)
    return HistogramContent(
        name,
        f"{radiation}, {method}",
        x.size,
        _unit(kind),
        float(x[0]) if x.size else None,
        float(x[-1]) if x.size else None,
        (float(steps.min()), float(steps.max())) if steps.size else None,
        _pair(item["Limits"][1]),
        tuple(_pair(region) for region in item["Limits"][2:]),
        constants,
        str(item.get("Sample Parameters", {}).get("Type", "")),
    )


def _pair(values: Sequence[Any]) -> tuple[float, float]:
    return (float(values[0]), float(values[1]))


def _connected(phase: Mapping[str, Any], names: Names) -> dict[str, Mapping[str, Any]]:
    """Return the settings of a phase in the histograms it is used in, by GSAS-II's key of the histogram."""
    pairs = phase.get("Histograms", {}).items()
    return {
        key: pair
        for key, pair in pairs
        if key in names.histograms and isinstance(pair, Mapping) and pair.get("Use", True)
    }


def _phase(key: str, item: Mapping[str, Any], names: Names, file: Path) -> PhaseContent:
    general = item["General"]
    group = general["SGData"]
    try:
        symbol = space_group(group, key, file)
    except UserError:
        symbol = str(group.get("SpGrp", ""))  # not a tabulated setting
    if general.get("Type") == "magnetic":
        symbol = str(group.get("MagSpGrp") or symbol)
    kind = str(general.get("Type", ""))
    pairs = _connected(item, names)
    return PhaseContent(
        names.phases[key],
        symbol,
        tuple(float(value) for value in general["Cell"][1:7]),
        len(item.get("Atoms", ())),
        f"{kind}, modulated" if general.get("Modulated") else kind,
        " and ".join(_intensities(item, pairs)) or "structure",
        tuple(names.histograms[key] for key in pairs),
    )


def _intensities(item: Mapping[str, Any], pairs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if item["General"].get("doPawley"):
        return ["Pawley"]
    return list(dict.fromkeys("Le Bail" if pair.get("LeBail") else "structure" for pair in pairs.values()))


def _entries(tree: Mapping[str, Any], names: Names) -> Iterator[Entry]:
    phases = tree_phases(tree)
    connected = {key: _connected(item, names) for key, item in phases.items()}
    counts = {key: sum(key in pairs for pairs in connected.values()) for key in names.histograms}
    tied = _fractions_tied(tree)
    for key, name in names.histograms.items():
        owner = Owner(histogram=name)
        if not counts[key]:
            reason = "left out with all its parameters, because no phase is connected to it; connect one in GSAS-II"
            yield part(owner, Kind.DATA, "histogram without a phase", reason=reason, treatment=Treatment.NOT_SUPPORTED)
        elif key.startswith("HKLF "):
            yield from guarded(of_crystal, owner, "histogram", tree[key])
        else:
            kind = _kind(tree[key])
            yield from guarded(of_pattern, owner, "histogram", tree[key], kind, counts[key], tied, _unit(kind))
    for key, item in phases.items():
        owner = Owner(phase=plain_name(key))
        pairs = connected[key]
        if not pairs:
            reason = "left out with all its parameters, because it is connected to no histogram; connect it in GSAS-II"
            yield part(owner, Kind.DATA, "phase without a histogram", reason=reason, treatment=Treatment.NOT_SUPPORTED)
            continue
        found = _intensities(item, pairs)
        extracted = found[0] if len(found) == 1 and found[0] != "structure" else ""
        yield from guarded(of_phase, owner, "phase", item, extracted)
        for other, pair in item.get("Histograms", {}).items():
            if other in names.histograms and isinstance(pair, Mapping):
                both = Owner(owner.phase, names.histograms[other])
                known = is_constant_wavelength(_kind(tree[other]))
                yield from guarded(of_pair, both, "phase in histogram", pair, known, counts[other])
    yield from of_whole(tree, names)


def _fractions_tied(tree: Mapping[str, Any]) -> bool:
    """Return whether constraints tie phase fractions, so that the scale of the histogram is refined too."""
    constraints = item_data(tree, "Constraints").get("HAP")
    terms = [term for one in _lists(constraints) for term in one[:-3]]
    return any(Names.parameter(term[1]) == "Scale" for term in _lists(terms) if len(term) > 1)


def _lists(found: Any) -> list[Sequence[Any]]:
    """Return those items of a list that are lists themselves; none of anything else."""
    return [item for item in found if isinstance(item, (list, tuple))] if isinstance(found, (list, tuple)) else []

"""The inventory of a project on the terminal, and as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autogsas.model.inventory import Entry, HistogramContent, Inventory, Kind, PhaseContent, Treatment
from autogsas.text.formatting import counted, general, interval

__all__ = ["plain_inventory", "show_inventory"]

_MEANING: Mapping[Treatment, str] = {
    Treatment.SEARCHED: "a choice of the search decides about it",
    Treatment.KEPT: "refined in the last steps, as the project has it",
    Treatment.FIXED: "stays as it is in the project",
    Treatment.NOT_SUPPORTED: "treated in another way than the project says",
    Treatment.UNKNOWN: "not known to autogsas; check it in the program that wrote it",
}
_STYLES: Mapping[Treatment, str] = {
    Treatment.SEARCHED: "bold green",
    Treatment.KEPT: "bold green",
    Treatment.FIXED: "bold",
    Treatment.NOT_SUPPORTED: "bold yellow",
    Treatment.UNKNOWN: "bold red",
}
_TITLED = (Kind.CONSTRAINT, Kind.RESTRAINT, Kind.RIGID_BODY, Kind.CONTROL)
_PLACES = 4  # of parts with the same name, how many places or values are shown
_INDENT = (0, 0, 0, 2)


def show_inventory(inventory: Inventory, console: Console) -> None:
    """Print an inventory to a rich console; parts with one name and one treatment share a line."""
    console.print(Text(f"{inventory.source.name} ({inventory.format})", "bold"))
    if inventory.refusal:
        console.print(Text(f"autogsas run does not take this project at present: {inventory.refusal}", "bold yellow"))
    _titled("Histograms", [_histogram(item) for item in inventory.histograms], console)
    _titled("Phases", [_phase(item, len(inventory.histograms)) for item in inventory.phases], console)
    for treatment, number in inventory.counts().items():
        if number:
            head = Text.assemble("\n", (str(treatment), _STYLES[treatment]), f" ({number}): {_MEANING[treatment]}")
            console.print(head)
            _show(_plainly(inventory, treatment), console)


def plain_inventory(inventory: Inventory) -> dict[str, Any]:
    """Return an inventory as dicts, lists, texts and numbers for JSON; numbers that are not finite are None."""
    found: dict[str, Any] = {
        "schema": 1,
        "source": str(inventory.source),
        "format": inventory.format,
        "refusal": inventory.refusal or None,
        "histograms": [asdict(item) for item in inventory.histograms],
        "phases": [asdict(item) for item in inventory.phases],
        "counts": {str(treatment): number for treatment, number in inventory.counts().items()},
        "entries": [asdict(entry) for entry in inventory.entries],
    }
    return {key: _finite(value) for key, value in found.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _titled(title: str, lines: Sequence[str], console: Console) -> None:
    console.print(Text(f"\n{title}", "bold"))
    for line in lines or ["none"]:
        console.print(Padding(Text(line), _INDENT))


def _histogram(item: HistogramContent) -> str:
    about = ", ".join(text for text in (item.type, *item.constants, item.geometry) if text)
    if item.low is None or item.high is None:
        return f"{item.name}: {about}; {counted(item.points, 'reflection')}"
    data = [f"{counted(item.points, 'point')}, {interval((item.low, item.high), item.unit)}"]
    if item.steps is not None:
        low, high = (general(step, 3) for step in item.steps)
        data.append(f"step {low if low == high else f'{low} to {high}'}{item.unit}")
    data.append(f"limits {interval(item.limits, item.unit)}")
    if item.excluded:
        data.append(f"excluded {_some([interval(region, item.unit) for region in item.excluded])}")
    return f"{item.name}: {about}; {', '.join(data)}"


def _phase(item: PhaseContent, histograms: int) -> str:
    every = len(item.histograms) == histograms > _PLACES
    connected = f"all {histograms} histograms" if every else _some(item.histograms) or "nothing"
    cell = " ".join(general(value) for value in item.cell)
    about = f"{item.kind}, {item.space_group}, {cell}, {counted(item.sites, 'site')}"
    return f"{item.name}: {about}, intensities: {item.intensities}; connected to {connected}"


def _plainly(inventory: Inventory, treatment: Treatment) -> list[Entry]:
    """Return the entries of one treatment, without the name of the only histogram or the only phase."""
    one_phase, one_histogram = len(inventory.phases) == 1, len(inventory.histograms) == 1
    return [
        replace(
            entry,
            phase="" if one_phase else entry.phase,
            histogram="" if one_histogram else entry.histogram,
        )
        for entry in inventory.entries
        if entry.treatment is treatment
    ]


def _show(entries: Sequence[Entry], console: Console) -> None:
    lines: dict[tuple[str, str, str], list[Entry]] = {}
    idle: list[str] = []
    for entry in entries:
        if entry.treatment is Treatment.FIXED and entry.kind is Kind.FLAG and entry.refined is False:
            idle.append(entry.name)
        else:
            lines.setdefault((entry.kind, entry.name, entry.reason), []).append(entry)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for share in (3, 4, 2, 5):
        table.add_column(overflow="fold", ratio=share)
    for (kind, name, reason), alike in lines.items():
        title = f"{kind}: {name}" if kind in _TITLED and not name.startswith(kind) else name
        table.add_row(Text(title), Text(_places(alike)), Text(_flags(alike)), Text(reason, "dim"))
    if lines:
        console.print(Padding(table, _INDENT))
    if idle:
        console.print(Padding(Text(f"flag off ({len(idle)}): {', '.join(dict.fromkeys(idle))}"), _INDENT))


def _places(alike: Sequence[Entry]) -> str:
    places = list(dict.fromkeys(_place(entry) for entry in alike))
    if len(alike) == 1:
        return ": ".join(text for text in (places[0], alike[0].value) if text)
    if all(entry.site for entry in alike):
        phases = [text for text in dict.fromkeys(entry.phase for entry in alike) if text]
        of = f" of {_some(phases)}" if phases else ""
        return f"{len(alike)} sites{of}: {_some([entry.site for entry in alike])}"
    if len(alike) > _PLACES and len(places) == len(alike):
        owners = (("phase", {entry.phase for entry in alike}), ("histogram", {entry.histogram for entry in alike}))
        return " in ".join(counted(len(names), noun) for noun, names in owners if any(names))
    shown = places if len(places) == len(alike) else [entry.value for entry in alike]
    return f"{len(alike)}: {_some(shown, '; ')}"


def _place(entry: Entry) -> str:
    owner = " ".join(text for text in (entry.phase, entry.site) if text)
    return " in ".join(text for text in (owner, entry.histogram) if text)


def _some(texts: Sequence[str], separator: str = ", ") -> str:
    different = list(dict.fromkeys(texts))
    more = len(different) - _PLACES
    return separator.join(different[:_PLACES]) + (f" and {more} more" if more > 0 else "")


def _flags(alike: Sequence[Entry]) -> str:
    """Return how many flags of the project's author are on."""
    flags = [entry.refined for entry in alike if entry.refined is not None]
    on = sum(flags)
    if not flags:
        return ""
    if on in (0, len(flags)):
        return "flag on" if on else "flag off"
    return f"{on} of {len(flags)} flags on"

"""Where a step begins instead of where the one before ended: cells, sites, March's axis, the pattern's geometry."""

from __future__ import annotations

from typing import Any

from autogsas_gsas2.child.model import SAMPLE, HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.tree import write
from autogsas_gsas2.protocol import StartData, StepData

__all__ = ["apply"]

_OF_GEOMETRY = ("displacement", "transparency", "absorption")


def apply(model: Model, step: StepData, words: list[str], changes: list[list[Any]]) -> None:
    """Write a step's geometry and starts into the project; ``words`` gets what does not apply."""
    for item in model.histograms:
        wanted = step.geometry.get(item.name, model.geometry(item))
        if wanted != model.geometry(item):
            _geometry(model, item, wanted, changes)
    for start in step.starts:
        _start(model, next(phase for phase in model.phases if phase.name == start.phase), start, words, changes)


def _geometry(model: Model, item: HistogramModel, wanted: str, changes: list[list[Any]]) -> None:
    sample = model.histogram(item)["Sample Parameters"]
    before = model.geometry(item)
    write(model.gpx.data, (item.key, "Sample Parameters", "Type"), wanted, changes)
    # The numbers of one geometry mean nothing in the other; the scale alone is of both.
    for key in (*SAMPLE[before], *SAMPLE[wanted]):
        value = item.absorption if (key, wanted) == ("Absorption", "Debye-Scherrer") else 0.0
        sample.setdefault(key, None)
        write(model.gpx.data, (item.key, "Sample Parameters", key), [value, False], changes)
    model.freed = {key for key in model.freed if key[0] not in _OF_GEOMETRY or key[2] != item.name}


def _start(model: Model, phase: PhaseModel, start: StartData, words: list[str], changes: list[list[Any]]) -> None:
    root = ("Phases", phase.key)
    if start.cell is not None:
        volume = float(model.g2.lattice.calc_V(model.g2.lattice.cell2A(start.cell)))
        for k, value in enumerate([*start.cell, volume]):
            write(model.gpx.data, (*root, "General", "Cell", k + 1), value, changes)
    x = model.phase(phase)["General"]["AtomPtrs"][0]
    for label, place in start.sites.items():
        for k, value in enumerate(place):
            write(model.gpx.data, (*root, "Atoms", phase.labels.index(label), x + k), value, changes)
    for histogram in model.histograms if start.axis is not None else ():
        pair = model.pair(phase, histogram)
        if pair is None:
            continue
        if pair["Pref.Ori."][0] == "MD":
            write(model.gpx.data, (*root, "Histograms", histogram.key, "Pref.Ori.", 3), start.axis, changes)
        else:
            words.append(f"the axis of {phase.name} does not apply in {histogram.name}")

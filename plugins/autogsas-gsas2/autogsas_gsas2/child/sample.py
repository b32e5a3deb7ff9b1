"""What a project says of its specimen, written into GSAS-II's tree: broadening, orientation, absorption, humps."""

from __future__ import annotations

from typing import Any

from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.tree import Path, write
from autogsas_gsas2.protocol import BroadeningData, HistogramData, Open, PhaseData

__all__ = ["apply"]


def apply(model: Model, request: Open) -> None:
    """Write what the request says of the specimen, with the changes as the record's first entry."""
    changes: list[list[Any]] = []
    for histogram, data in zip(model.histograms, request.histograms, strict=True):
        _histogram(model, histogram, data, changes)
    for phase, said in zip(model.phases, request.phases, strict=True):
        for histogram in model.histograms:
            _pair(model, phase, histogram, said, changes)
        for one in said.sums:
            variables = [f"{phase.number}::Afrac:{site}" for site in one.sites]
            model.gpx.add_EqnConstr(one.total, variables)
            model.sums.append([one.total, variables])
    if changes:
        model.record.append({"title": "the specimen", "changes": changes, "refinements": []})


def _histogram(model: Model, item: HistogramModel, data: HistogramData, changes: list[list[Any]]) -> None:
    tree = model.gpx.data
    if data.peaks:
        # Each number is followed by its flag.
        rows = [[value for number in peak for value in (number, False)] for peak in data.peaks]
        write(tree, (item.key, "Background", 1, "peaksList"), rows, changes)
        write(tree, (item.key, "Background", 1, "nPeaks"), len(rows), changes)
    if data.absorption and model.geometry(item) == "Debye-Scherrer":
        write(tree, (item.key, "Sample Parameters", "Absorption", 0), data.absorption, changes)
    elif data.absorption:
        model.notes.append(f"{item.name}: absorption is left out, it is of Debye-Scherrer samples")


def _pair(
    model: Model, phase: PhaseModel, histogram: HistogramModel, said: PhaseData, changes: list[list[Any]]
) -> None:
    root = ("Phases", phase.key, "Histograms", histogram.key)
    if said.specimen is not None:
        _broadening(model, (*root, "Size"), said.specimen.size, changes)
        _broadening(model, (*root, "Mustrain"), said.specimen.strain, changes)
        write(model.gpx.data, (*root, "Pref.Ori.", 1), said.specimen.ratio, changes)
        write(model.gpx.data, (*root, "Pref.Ori.", 3), said.specimen.axis, changes)
    write(model.gpx.data, (*root, "LeBail"), said.le_bail, changes)


def _broadening(model: Model, path: Path, said: BroadeningData, changes: list[list[Any]]) -> None:
    write(model.gpx.data, (*path, 0), said.model, changes)
    write(model.gpx.data, (*path, 1), said.values, changes)
    write(model.gpx.data, (*path, 3), said.axis, changes)

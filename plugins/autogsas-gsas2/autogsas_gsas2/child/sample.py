"""Writing the project's sample into GSAS-II: broadening, preferred orientation, absorption, background peaks, sums."""

from __future__ import annotations

from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.tree import Path, write
from autogsas_gsas2.protocol import (
    BroadeningData,
    Change,
    HistogramData,
    Open,
    PhaseData,
    RefinementRecord,
    SumConstraint,
)

__all__ = ["write_sample"]


def write_sample(model: Model, request: Open) -> None:
    """Write the sample of the request into the project; the changes become the first entry of the record."""
    changes: list[Change] = []
    for histogram, data in zip(model.histograms, request.histograms, strict=True):
        _write_histogram(model, histogram, data, changes)
    for phase, wanted in zip(model.phases, request.phases, strict=True):
        for histogram in model.histograms:
            _write_pair(model, phase, histogram, wanted, changes)
        for one in wanted.sums:
            variables = [f"{phase.number}::Afrac:{site}" for site in one.sites]
            model.gpx.add_EqnConstr(one.total, variables)
            model.sums.append(SumConstraint(one.total, variables))
    if changes:
        model.record.append(RefinementRecord("the sample", changes, []))


def _write_histogram(model: Model, item: HistogramModel, data: HistogramData, changes: list[Change]) -> None:
    tree = model.gpx.data
    if data.peaks:
        # GSAS-II's row: each number is followed by its refinement flag.
        rows = [
            [peak.position, False, peak.intensity, False, peak.sigma, False, peak.gamma, False] for peak in data.peaks
        ]
        write(tree, (item.key, "Background", 1, "peaksList"), rows, changes)
        write(tree, (item.key, "Background", 1, "nPeaks"), len(rows), changes)
    if data.absorption and model.geometry(item) == "Debye-Scherrer":
        write(tree, (item.key, "Sample Parameters", "Absorption", 0), data.absorption, changes)
    elif data.absorption:
        model.notes.append(f"{item.name}: absorption is left out, because GSAS-II has it for Debye-Scherrer only")


def _write_pair(
    model: Model, phase: PhaseModel, histogram: HistogramModel, wanted: PhaseData, changes: list[Change]
) -> None:
    root = ("Phases", phase.key, "Histograms", histogram.key)
    if wanted.specimen is not None:
        _write_broadening(model, (*root, "Size"), wanted.specimen.size, changes)
        _write_broadening(model, (*root, "Mustrain"), wanted.specimen.strain, changes)
        write(model.gpx.data, (*root, "Pref.Ori.", 1), wanted.specimen.ratio, changes)
        write(model.gpx.data, (*root, "Pref.Ori.", 3), wanted.specimen.axis, changes)
    write(model.gpx.data, (*root, "LeBail"), wanted.le_bail, changes)


def _write_broadening(model: Model, path: Path, wanted: BroadeningData, changes: list[Change]) -> None:
    write(model.gpx.data, (*path, 0), wanted.model, changes)
    write(model.gpx.data, (*path, 1), wanted.values, changes)
    write(model.gpx.data, (*path, 3), wanted.axis, changes)
    if wanted.coefficients:
        write(model.gpx.data, (*path, 4), wanted.coefficients, changes)
        write(model.gpx.data, (*path, 5), [False] * len(wanted.coefficients), changes)

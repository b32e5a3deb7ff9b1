"""Opening a project in GSAS-II: from a copy of a .gpx, or from data that are written into the trial's folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autogsas_gsas2.child.equivalences import update_equivalences
from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.gsas import Gsas
from autogsas_gsas2.child.model import (
    SAMPLE_PARAMETERS,
    HistogramModel,
    Model,
    PhaseModel,
    set_limits_of_variable,
)
from autogsas_gsas2.child.sample import write_sample
from autogsas_gsas2.protocol import HistogramData, Open, PhaseData, VariableLimits

__all__ = ["PROBE_POINT", "images", "open_model"]

LEAST_SHL = 0.002
"""The smallest SH/L with an effect in GSAS-II: chi^2 does not depend on smaller values, so they would diverge."""

PROBE_POINT = (0.1234, 0.2781, 0.4127)
"""A general position whose images under the symmetry operations identify the setting of a space group."""


def open_model(g2: Gsas, request: Open) -> Model:
    """Return the project, open in its folder. Raises Failure, or whatever GSAS-II raises."""
    g2.io.gpxSize = -1
    model = _from_gpx(g2, request) if request.gpx is not None else _from_data(g2, request)
    for item in model.histograms:
        tree = model.histogram(item)
        if model.from_gpx:
            limits = [float(value) for value in tree["Limits"][1]]
            model.background_limits[item.name] = limits
            model.extraction_limits.update({(phase.name, item.name): limits for phase in model.phases})
        for key in SAMPLE_PARAMETERS[model.geometry(item)]:
            tree["Sample Parameters"].setdefault(key, [0.0, False])
        _set_limits(tree, item.limits, item.excluded)
    controls = model.gpx.data["Controls"]["data"]
    controls["deriv type"] = "analytic Hessian"
    controls["Seq Data"] = []
    for item in model.histograms:
        if "SH/L" in model.histogram(item)["Instrument Parameters"][0]:
            set_limits_of_variable(model, f":{item.number}:SH/L", VariableLimits(LEAST_SHL))
    if not model.from_gpx:
        write_sample(model, request)
    model.gpx.save()
    return model


def _set_limits(tree: dict[str, Any], limits: list[float], excluded: list[list[float]]) -> None:
    tree["Limits"][1] = list(limits)
    tree["Limits"][2:] = [list(region) for region in excluded]


def _from_data(g2: Gsas, request: Open) -> Model:
    gpx = g2.scriptable.G2Project(newgpx=os.path.join(request.folder, "trial.gpx"))
    model = Model(g2, gpx, request.folder, [], [], False)
    for number, item in enumerate(request.histograms):
        histogram = _add_histogram(g2, gpx, request.folder, number, item)
        model.histograms.append(
            HistogramModel(item.name, histogram.name, number, item.limits, item.excluded, item.absorption)
        )
    for number, phase in enumerate(request.phases):
        added = _add_phase(gpx, request.folder, number, phase)
        model.phases.append(PhaseModel(phase.name, added.name, number, phase.labels))
    for opened in model.phases:
        opened.same_position = _same_position(model, opened)
    model.initial_equivalences = update_equivalences(model)
    return model


def _add_histogram(g2: Gsas, gpx: Any, folder: str, number: int, item: HistogramData) -> Any:
    data, instrument = (os.path.join(folder, f"histogram{number}.{ending}") for ending in ("xye", "instprm"))
    y = np.where(np.isfinite(item.y), item.y, 0.0)
    weights = np.where(np.isfinite(item.y), item.weights, 0.0)
    esds = 1.0 / np.sqrt(np.where(weights > 0, weights, 1.0))
    np.savetxt(data, np.column_stack([item.x, y, esds]), fmt="%.8g")
    with open(instrument, "w", encoding="ascii") as file:
        file.write(item.instprm)
    histogram = gpx.add_powder_histogram(data, instrument, fmthint="xye")
    arrays = histogram.data["data"][1]
    if len(arrays[0]) != item.x.size:
        raise Failure("data", f"GSAS-II reads {len(arrays[0])} of the {item.x.size} points of {item.name}")
    # The exact values, without the file's rounding and the reader's own rules for zero counts.
    arrays[0], arrays[1], arrays[2] = item.x.copy(), y, weights
    histogram.data["Sample Parameters"]["Gonio. radius"] = item.radius
    histogram.data["Limits"][0] = (float(item.x[0]), float(item.x[-1]))
    return histogram


def _add_phase(gpx: Any, folder: str, number: int, item: PhaseData) -> Any:
    file = os.path.join(folder, f"phase{number}.cif")
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(item.cif)
    phase = gpx.add_phase(file, phasename=item.name, histograms=gpx.histograms(), fmthint="CIF")
    _check_sites(phase.data, item)
    if images(phase.data["General"]["SGData"], PROBE_POINT) != _rounded(item.images):
        symbol = phase.data["General"]["SGData"]["SpGrp"]
        raise Failure(
            "structure", f"GSAS-II reads the space group of {item.name} as {symbol}, another group or setting"
        )
    return phase


def images(group: dict[str, Any], point: Sequence[float]) -> set[tuple[float, ...]]:
    """Return all images of a point under a space group of GSAS-II, within the cell, rounded to three digits."""
    found = []
    for centre in group["SGCen"]:
        for matrix, shift in group["SGOps"]:
            image = np.asarray(matrix) @ np.array(point) + np.asarray(shift)
            found += [image + centre] + ([-image + centre] if group["SGInv"] else [])
    return _rounded(found)


def _rounded(points: Iterable[Any]) -> set[tuple[float, ...]]:
    return {tuple((np.round(np.asarray(point) % 1.0, 3) % 1.0).tolist()) for point in points}


def _same_position(model: Model, phase: PhaseModel) -> list[list[int]]:
    """Return the groups of sites that share a position because of disorder."""
    tree = model.phase(phase)
    column = tree["General"]["AtomPtrs"][0]
    positions: dict[tuple[float, ...], list[int]] = {}
    for index, atom in enumerate(tree["Atoms"]):
        position = tuple(np.round(np.array(atom[column : column + 3], dtype=float), 5).tolist())
        positions.setdefault(position, []).append(index)
    return [sites for sites in positions.values() if len(sites) > 1]


def _check_sites(tree: dict[str, Any], item: PhaseData) -> None:
    if len(tree["Atoms"]) != len(item.labels):
        raise Failure("structure", f"GSAS-II reads {len(tree['Atoms'])} of the {len(item.labels)} sites of {item.name}")


def _from_gpx(g2: Gsas, request: Open) -> Model:
    assert request.gpx is not None
    gpx = g2.scriptable.G2Project(gpxfile=request.gpx, newgpx=os.path.join(request.folder, "trial.gpx"))
    model = Model(g2, gpx, request.folder, [], [], True)
    phases = {phase.name: phase for phase in gpx.phases()}
    used = {key for phase in phases.values() for key, pair in phase.data["Histograms"].items() if pair.get("Use", True)}
    histograms = {histogram.name: histogram for histogram in gpx.histograms() if histogram.name in used}
    measured = _match([h.name for h in request.histograms], list(histograms), "histogram")
    for item, key in zip(request.histograms, measured, strict=True):
        model.histograms.append(
            HistogramModel(item.name, key, histograms[key].id, item.limits, item.excluded, item.absorption)
        )
    connected = [key for key, phase in phases.items() if set(phase.data["Histograms"]) & set(measured)]
    for phase, key in zip(request.phases, _match([p.name for p in request.phases], connected, "phase"), strict=True):
        _check_sites(phases[key].data, phase)
        model.phases.append(PhaseModel(phase.name, key, phases[key].id, phase.labels))
    gpx.save()
    g2.io.gpxSize = -1
    problem, _ = g2.io.ReadCheckConstraints(gpx.filename)
    if problem:
        raise Failure("constraints", f"GSAS-II refuses the constraints of the .gpx: {problem}")
    return model


def _match(wanted: list[str], present: list[str], what: str) -> list[str]:
    """Return GSAS-II's name for each of the host's: by their order if the numbers are equal, otherwise by name."""
    if len(wanted) == len(present):
        return present
    plain = {(name[5:] if name.startswith("PWDR ") else name).replace(":", "_").strip(): name for name in present}
    missing = [name for name in wanted if name not in plain and name not in present]
    if missing:
        raise Failure("project", f"the GSAS-II project has no {what} {missing[0]!r}; it has {', '.join(present)}")
    return [name if name in present else plain[name] for name in wanted]

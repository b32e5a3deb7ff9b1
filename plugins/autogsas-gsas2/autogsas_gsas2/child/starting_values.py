"""Starting values of a step: cell, coordinates, orientation axis, models of broadening, geometry of the pattern."""

from __future__ import annotations

from autogsas_gsas2.child.broadening import change_model
from autogsas_gsas2.child.model import SAMPLE_PARAMETERS, HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.tree import write
from autogsas_gsas2.protocol import Change, StartData, StepData

__all__ = ["apply_starting_values"]

_GEOMETRY_GROUPS = ("displacement", "transparency", "absorption")


def apply_starting_values(model: Model, step: StepData, messages: list[str], changes: list[Change]) -> None:
    """Write a step's geometry and starting values into the project; ``messages`` gets those that do not apply."""
    for item in model.histograms:
        wanted = step.geometry.get(item.name, model.geometry(item))
        if wanted != model.geometry(item):
            _change_geometry(model, item, wanted, changes)
    for start in step.starts:
        phase = next(phase for phase in model.phases if phase.name == start.phase)
        _start_phase(model, phase, start, messages, changes)


def _change_geometry(model: Model, item: HistogramModel, wanted: str, changes: list[Change]) -> None:
    sample = model.histogram(item)["Sample Parameters"]
    before = model.geometry(item)
    write(model.gpx.data, (item.key, "Sample Parameters", "Type"), wanted, changes)
    # The parameters of one geometry have no meaning in the other, except for the scale.
    for key in (*SAMPLE_PARAMETERS[before], *SAMPLE_PARAMETERS[wanted]):
        value = item.absorption if (key, wanted) == ("Absorption", "Debye-Scherrer") else 0.0
        sample.setdefault(key, None)
        write(model.gpx.data, (item.key, "Sample Parameters", key), [value, False], changes)
    model.freed = {key for key in model.freed if key.group not in _GEOMETRY_GROUPS or key.histogram != item.name}


def _start_phase(model: Model, phase: PhaseModel, start: StartData, messages: list[str], changes: list[Change]) -> None:
    root = ("Phases", phase.key)
    if start.cell is not None:
        volume = float(model.g2.lattice.calc_V(model.g2.lattice.cell2A(start.cell)))
        for k, value in enumerate([*start.cell, volume]):
            write(model.gpx.data, (*root, "General", "Cell", k + 1), value, changes)
    x = model.phase(phase)["General"]["AtomPtrs"][0]
    for label, position in start.sites.items():
        for k, value in enumerate(position):
            write(model.gpx.data, (*root, "Atoms", phase.labels.index(label), x + k), value, changes)
    for kind, wanted in (("size", start.size), ("strain", start.strain)):
        for histogram in model.histograms if wanted is not None else ():
            assert wanted is not None
            change_model(model, phase, histogram, kind, wanted, changes)
    for histogram in model.histograms if start.axis is not None else ():
        pair = model.pair(phase, histogram)
        if pair is None:
            continue
        if pair["Pref.Ori."][0] == "MD":
            write(model.gpx.data, (*root, "Histograms", histogram.key, "Pref.Ori.", 3), start.axis, changes)
        else:
            messages.append(
                f"the March-Dollase axis of {phase.name} does not apply in {histogram.name}, "
                "which uses spherical harmonics"
            )

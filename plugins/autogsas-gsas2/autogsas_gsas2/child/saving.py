"""Writing GSAS-II's own files of a refinement, and collecting what a script needs to repeat it."""

from __future__ import annotations

import os
import shutil
import traceback
from typing import Any

import numpy as np

from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.readback import calculate_full_range
from autogsas_gsas2.child.setup import PROBE_POINT, images
from autogsas_gsas2.protocol import Save, Saved

__all__ = ["save"]

_CYCLES, _TOLERANCE = 20, 1e-4
"""Controls of the saved project, for users who refine it again: most cycles, and the change of chi^2 that ends it."""


def save(model: Model, wanted: Save) -> Saved:
    """Write ``best.gpx`` and ``best.cif``, and return the record of the refinement.

    The answer also tells in which of the user's files GSAS-II's own readers find the same as the host.
    """
    calculate_full_range(model)
    controls = model.gpx.data["Controls"]["data"]
    controls["max cyc"], controls["min dM/M"] = _CYCLES, _TOLERANCE
    model.gpx.save()
    shutil.copyfile(model.gpx.filename, os.path.join(wanted.folder, "best.gpx"))
    _write_cif(model, os.path.join(wanted.folder, "best.cif"))
    identical: dict[str, bool] = {}
    for item in model.histograms:
        if item.name in wanted.data:
            identical[wanted.data[item.name]] = _same_pattern(model, item, wanted.data[item.name])
    for phase in model.phases:
        if phase.name in wanted.structures:
            file = wanted.structures[phase.name]
            identical[file] = _same_structure(model, phase, file)
    return Saved(
        record=model.record,
        histograms=[item.key for item in model.histograms],
        phases=[item.key for item in model.phases],
        limits=model.limits,
        equivalences=[list(variables) for variables in model.initial_equivalences],
        sums=model.sums,
        identical=identical,
    )


def _write_cif(model: Model, target: str) -> None:
    # GSAS-II names the data block after the project's file, so each phase is exported under a file name of its own.
    kept, texts = model.gpx.filename, []
    for phase in model.phases:
        part = os.path.join(model.folder, f"part{phase.number}.cif")
        model.gpx.filename = os.path.join(model.folder, f"{phase.name}.gpx")
        try:
            model.gpx.phase(phase.key).export_CIF(part)
        finally:
            model.gpx.filename = kept
        with open(part, encoding="utf-8") as stream:
            texts.append(stream.read())
    with open(target, "w", encoding="utf-8") as stream:
        stream.write("\n".join(texts))


def _scratch(model: Model) -> Any:
    return model.g2.scriptable.G2Project(newgpx=os.path.join(model.folder, "sources.gpx"))


def _same_pattern(model: Model, item: HistogramModel, file: str) -> bool:
    """Return whether GSAS-II's own reader reads the same points from the user's file as the host."""
    try:
        instrument = os.path.join(model.folder, f"histogram{item.number}.instprm")
        found = _scratch(model).add_powder_histogram(file, instrument).data["data"][1]
    except Exception:  # noqa: BLE001  GSAS-II's readers may raise anything; the script then contains the data
        traceback.print_exc()
        return False
    mine = model.histogram(item)["data"][1]
    # Only points within the limits are compared: GSAS-II's readers drop the last point of some files.
    a, b = (_between(arrays, item.limits) for arrays in (found, mine))
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-5, atol=1e-7))


def _between(arrays: list[Any], limits: list[float]) -> Any:
    x = np.ma.getdata(arrays[0])
    inside = slice(int(np.searchsorted(x, limits[0])), int(np.searchsorted(x, limits[1])) + 1)
    return np.array([np.ma.getdata(array)[inside] for array in arrays[:3]])


def _same_structure(model: Model, item: PhaseModel, file: str) -> bool:
    """Return whether GSAS-II's own reader reads the structure of the refinement's start from the user's file."""
    try:
        gpx = _scratch(model)
        found = gpx.add_phase(file, phasename=item.name, fmthint="CIF").data
        start = gpx.add_phase(os.path.join(model.folder, f"phase{item.number}.cif"), fmthint="CIF").data
    except Exception:  # noqa: BLE001  GSAS-II's readers may raise anything; the script then contains the structure
        traceback.print_exc()
        return False
    mine, theirs = (images(tree["General"]["SGData"], PROBE_POINT) for tree in (start, found))
    x, kind, site, adp = start["General"]["AtomPtrs"]
    if mine != theirs or len(found["Atoms"]) != len(start["Atoms"]):
        return False
    if not np.allclose(found["General"]["Cell"][1:7], start["General"]["Cell"][1:7], atol=1e-6):
        return False
    for a, b in zip(found["Atoms"], start["Atoms"], strict=True):
        numbers = [*range(x, x + 4), adp + 1, *range(adp + 2, adp + 8)]
        if a[kind] != b[kind] or a[adp] != b[adp] or a[site + 1] != b[site + 1]:
            return False
        if not np.allclose([a[i] for i in numbers], [b[i] for i in numbers], atol=2e-6):
            return False
    return True

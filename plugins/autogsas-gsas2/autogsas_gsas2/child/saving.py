"""The files of a refinement that GSAS-II writes itself, and what a script needs to repeat it."""

from __future__ import annotations

import os
import shutil
import traceback
from typing import Any

import numpy as np

from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.readback import whole_range
from autogsas_gsas2.child.setup import PROBE_POINT, images
from autogsas_gsas2.protocol import Save, Saved

__all__ = ["save"]

_AGAIN = (20, 1e-4)
"""Cycles, and the change of chi^2 to stop at, for who refines the saved project again."""


def save(model: Model, wanted: Save) -> Saved:
    """Write ``best.gpx`` and ``best.cif``; say what was refined, and which of the user's files GSAS-II reads alike."""
    whole_range(model)
    controls = model.gpx.data["Controls"]["data"]
    controls["max cyc"], controls["min dM/M"] = _AGAIN
    model.gpx.save()
    shutil.copyfile(model.gpx.filename, os.path.join(wanted.folder, "best.gpx"))
    _write_cif(model, os.path.join(wanted.folder, "best.cif"))
    alike: dict[str, bool] = {}
    for item in model.histograms:
        if item.name in wanted.data:
            alike[wanted.data[item.name]] = _same_pattern(model, item, wanted.data[item.name])
    for phase in model.phases:
        if phase.name in wanted.structures:
            alike[wanted.structures[phase.name]] = _same_structure(model, phase, wanted.structures[phase.name])
    return Saved(
        record=model.record,
        histograms=[item.key for item in model.histograms],
        phases=[item.key for item in model.phases],
        limited=model.limited,
        equivalent=[list(variables) for variables in model.equivalent],
        sums=model.sums,
        alike=alike,
    )


def _write_cif(model: Model, target: str) -> None:
    # GSAS-II calls the data block after the project's file, so each phase is written under its own name.
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
    """Return whether GSAS-II's own reader finds the points in the user's file that the host found."""
    try:
        instrument = os.path.join(model.folder, f"histogram{item.number}.instprm")
        found = _scratch(model).add_powder_histogram(file, instrument).data["data"][1]
    except Exception:  # noqa: BLE001  GSAS-II's readers raise anything; then the script brings the data itself
        traceback.print_exc()
        return False
    mine = model.histogram(item)["data"][1]
    # Points beyond the limits do not count: GSAS-II's readers leave out the last one of some files.
    a, b = (_between(arrays, item.limits) for arrays in (found, mine))
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-5, atol=1e-7))


def _between(arrays: list[Any], limits: list[float]) -> Any:
    x = np.ma.getdata(arrays[0])
    inside = slice(int(np.searchsorted(x, limits[0])), int(np.searchsorted(x, limits[1])) + 1)
    return np.array([np.ma.getdata(array)[inside] for array in arrays[:3]])


def _same_structure(model: Model, item: PhaseModel, file: str) -> bool:
    """Return whether GSAS-II's own reader finds the structure in the user's file that the refinement started from."""
    try:
        gpx = _scratch(model)
        found = gpx.add_phase(file, phasename=item.name, fmthint="CIF").data
        start = gpx.add_phase(os.path.join(model.folder, f"phase{item.number}.cif"), fmthint="CIF").data
    except Exception:  # noqa: BLE001  GSAS-II's readers raise anything; then the script brings the structure itself
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

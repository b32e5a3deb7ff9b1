"""Le Bail's intensities: lists of reflections that fit the limits, and a start that owes nothing to the structure.

GSAS-II keeps the list of a phase with the Le Bail flag as it is: it makes none where there is none, and none anew when
the limits have changed. Its own way to a new one draws the intensities at random. So the list is made by calculating
once without the flag; of its intensities those known are kept, and the others start alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.refinement import calculate

__all__ = ["BETWEEN", "NOTE", "extract", "share_out"]

NOTE = (
    "GSAS-II's Le Bail leaves out points below the background: weak intensities, and lines in noise, come out too high"
)

EXTRACTIONS, BETWEEN = 20, 5
"""How often the pattern is shared out for a new list, and between refinements, which do so once a cycle themselves."""

Array = Any


def extract(model: Model) -> list[list[str]]:
    """Give Le Bail phases lists of reflections and intensities for the present limits, where these have changed.

    Returns [phase, histogram] in GSAS-II's names of all for which that was done. Raises Failure as a refinement does.
    """
    found = model.le_bail()
    if not any(_is_old(model, phase, item) for phase, item in found):
        return []
    known = [_intensities(model, phase, item) for phase, item in found]
    for phase, item in found:
        model.phase(phase)["Histograms"][item.key]["LeBail"] = False
    calculate(model)
    for (phase, item), before in zip(found, known, strict=True):
        model.phase(phase)["Histograms"][item.key]["LeBail"] = True
        table, indices = _table(model, phase, item)
        usual = sum(before.values()) / len(before) if before else 1.0
        table[:, indices + 6] = [before.get(tuple(row[:indices]), usual) for row in table]
        model.extracted[phase.name, item.name] = list(model.histogram(item)["Limits"][1])
    share_out(model, EXTRACTIONS)
    return [[phase.key, item.key] for phase, item in found]


def _is_old(model: Model, phase: PhaseModel, item: HistogramModel) -> bool:
    made_for = model.extracted.get((phase.name, item.name))
    return made_for != model.histogram(item)["Limits"][1] or not _table(model, phase, item)[0].size


def _intensities(model: Model, phase: PhaseModel, item: HistogramModel) -> dict[tuple[float, ...], float]:
    table, indices = _table(model, phase, item)
    return {tuple(row[:indices]): float(row[indices + 6]) for row in table}


def _table(model: Model, phase: PhaseModel, item: HistogramModel) -> tuple[Array, int]:
    """Return GSAS-II's table of reflections, and how many of its columns are indices."""
    found = model.histogram(item)["Reflection Lists"].get(phase.key) or {}
    return found.get("RefList", np.zeros((0, 15))), 4 if found.get("Super") else 3


def share_out(model: Model, times: int) -> None:
    """Share the pattern out among the reflections again and again, with all parameters as they are."""
    kept = model.gpx.data["Covariance"]["data"]
    model.gpx.data["Covariance"]["data"] = {}  # reading the project back in works on what lies there
    model.gpx.save()
    model.g2.io.gpxSize = -1
    done, figures = model.g2.main.DoLeBail(model.gpx.filename, cycles=times)
    if not done:
        raise Failure("refinement-failed", str(figures.get("msg", "")) or "Le Bail's extraction failed without a word")
    model.gpx.reload()
    model.gpx.data["Covariance"]["data"] = kept

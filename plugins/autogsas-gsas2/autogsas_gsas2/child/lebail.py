"""Le Bail extraction: reflection lists for the present limits, and initial intensities independent of the structure.

GSAS-II does not change the reflection list of a phase with the Le Bail flag: it makes no list if there is none, and no
new one when the limits change, except with random intensities. So the list is made by one calculation without the flag.
Known intensities are kept, and the others start at the mean of the known ones (1 if there are none).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.refinement import calculate
from autogsas_gsas2.protocol import PhaseInHistogram

__all__ = ["BETWEEN", "NOTE", "extract", "extract_intensities"]

NOTE = "GSAS-II's Le Bail extraction ignores points below the background: intensities of weak peaks come out too high"

EXTRACTIONS = 20
"""Cycles of extraction for a new list; chosen, not tuned."""

BETWEEN = 5
"""Cycles of extraction between two refinements, each of which does one extraction a cycle itself; chosen, not tuned."""

Array = Any


def extract(model: Model) -> list[PhaseInHistogram]:
    """Make reflection lists and intensities of the Le Bail phases for the present limits, if the limits have changed.

    Returns the phases for which that was done. Raises Failure as a refinement does.
    """
    found = model.le_bail()
    if not any(_is_outdated(model, phase, item) for phase, item in found):
        return []
    known = [_intensities(model, phase, item) for phase, item in found]
    for phase, item in found:
        model.phase(phase)["Histograms"][item.key]["LeBail"] = False
    calculate(model)
    for (phase, item), before in zip(found, known, strict=True):
        model.phase(phase)["Histograms"][item.key]["LeBail"] = True
        table, indices = _table(model, phase, item)
        mean = sum(before.values()) / len(before) if before else 1.0
        table[:, indices + 6] = [before.get(tuple(row[:indices]), mean) for row in table]
        model.extraction_limits[phase.name, item.name] = list(model.histogram(item)["Limits"][1])
    extract_intensities(model, EXTRACTIONS)
    return [PhaseInHistogram(phase.key, item.key) for phase, item in found]


def _is_outdated(model: Model, phase: PhaseModel, item: HistogramModel) -> bool:
    made_for = model.extraction_limits.get((phase.name, item.name))
    return made_for != model.histogram(item)["Limits"][1] or not _table(model, phase, item)[0].size


def _intensities(model: Model, phase: PhaseModel, item: HistogramModel) -> dict[tuple[float, ...], float]:
    """Return the intensities by indices."""
    table, indices = _table(model, phase, item)
    return {tuple(row[:indices]): float(row[indices + 6]) for row in table}


def _table(model: Model, phase: PhaseModel, item: HistogramModel) -> tuple[Array, int]:
    """Return GSAS-II's reflection table and the number of its columns that are indices (4 for a modulated phase)."""
    found = model.histogram(item)["Reflection Lists"].get(phase.key) or {}
    return found.get("RefList", np.zeros((0, 15))), 4 if found.get("Super") else 3


def extract_intensities(model: Model, cycles: int) -> None:
    """Let GSAS-II extract intensities in a number of cycles, with all parameters fixed. Raises Failure."""
    kept = model.gpx.data["Covariance"]["data"]
    model.gpx.data["Covariance"]["data"] = {}  # GSAS-II would use it when it reads the project again
    model.gpx.save()
    model.g2.io.gpxSize = -1
    done, figures = model.g2.main.DoLeBail(model.gpx.filename, cycles=cycles)
    if not done:
        raise Failure(
            "refinement-failed", str(figures.get("msg", "")) or "GSAS-II's Le Bail extraction failed without a message"
        )
    model.gpx.reload()
    model.gpx.data["Covariance"]["data"] = kept

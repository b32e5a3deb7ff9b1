"""A script that repeats a refinement of the numpy engine."""

from __future__ import annotations

import pprint
from collections.abc import Sequence

from autogsas.model.project import Project
from autogsas.model.recipe import Recipe, Step
from autogsas.version import __version__

__all__ = ["script_text"]


def script_text(project: Project, steps: Sequence[Step]) -> str:
    """Return a Python script that repeats ``steps`` with the engine alone, on the run folder's pattern.csv."""
    recipe = Recipe(steps=tuple(steps)).plain()
    instruments = {h.name: h.instrument for h in project.histograms}
    keys = ("limits", "excluded", "absorption", "background_peaks", "axial_sum")
    settings = {h.name: {key: getattr(h, key) for key in keys} for h in project.histograms}
    return _SCRIPT.format(
        version=__version__,
        phases=pprint.pformat(project.phases, width=118),
        instruments=pprint.pformat(instruments, width=118),
        settings=pprint.pformat(settings, width=118, sort_dicts=False),
        recipe=pprint.pformat(recipe, width=118, sort_dicts=False),
    )


_SCRIPT = '''\
"""Repeats the best refinement with autogsas's numpy engine alone: run it beside the run's pattern.csv."""

import csv
from pathlib import Path

import numpy as np

from autogsas.engine.session import EngineSession
from autogsas.model.instrument import Instrument
from autogsas.model.metrics import measure
from autogsas.model.pattern import Pattern
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.recipe import Recipe
from autogsas.model.sample import BackgroundPeak, Broadening, OccupancySum, Orientation, Specimen
from autogsas.model.structure import Cell, Phase, Site

# Written by autogsas {version}.
PHASES = {phases}

INSTRUMENTS = {instruments}

SETTINGS = {settings}

RECIPE = {recipe}


def read(name):
    with open(Path(__file__).with_name("pattern.csv"), newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["histogram"] == name]
    x, y, w = (np.array([float(row[key]) for row in rows]) for key in ("two_theta", "observed", "weight"))
    return Pattern(name, x, y, w, "pattern.csv")


def main():
    histograms = tuple(
        Histogram(name, read(name), INSTRUMENTS[name], **SETTINGS[name]) for name in INSTRUMENTS
    )
    session = EngineSession(Project("best", histograms, PHASES, Search()), "")
    for step in Recipe.model_validate(RECIPE).steps:
        done = session.refine(step)
        print(f"{{done.title:<40}} Rwp {{done.rwp:8.4f}} %  {{done.n_variables:3d}} variables  {{done.message}}")
    result = session.result()
    joined = [np.concatenate([getattr(c, key) for c in result.curves]) for key in ("observed", "calculated", "weights")]
    figures = measure(*joined, result.n_variables)
    print(f"Rwp {{figures.rwp:.4f}} %  GoF {{figures.gof:.3f}}")


if __name__ == "__main__":
    main()
'''

"""A small project and small recipes to test hosts, backends and hooks with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autogsas.instrument import Instrument
from autogsas.pattern import Pattern, counting_weights
from autogsas.project import Histogram, Project, Search
from autogsas.recipe import Background, Free, Recipe, Step
from autogsas.structure import Cell, Phase, Site

__all__ = ["make_project", "make_recipe"]


def make_recipe(*titles: str, terms: int = 6, name: str = "") -> Recipe:
    """Return a recipe with one step for each title, all of which free the scale and the cell."""
    background = Background(function="chebyschev-1", terms=terms)
    frees = (Free(group="scale"), Free(group="cell"))
    return Recipe(name=name, steps=tuple(Step(title=title, background=(background,), free=frees) for title in titles))


def make_project(folder: Path, *, histograms: int = 1, search: Search | None = None) -> Project:
    """Return a small project whose files lie in ``folder``: 301 points, one cubic phase with one site."""
    folder.mkdir(parents=True, exist_ok=True)
    project_file, phase_file = folder / "project.yaml", folder / "phase.cif"
    project_file.write_text("# a project for tests\n")
    phase_file.write_text("data_phase\n")
    x = np.linspace(10.0, 40.0, 301)
    y = 100.0 + 1000.0 * np.exp(-(((x - 22.2) / 0.1) ** 2))
    made = []
    for index in range(histograms):
        name = "pattern" if histograms == 1 else f"pattern{index + 1}"
        file = folder / f"{name}.xy"
        np.savetxt(file, np.column_stack([x, y]), fmt="%.6f")
        pattern = Pattern(name, x, y, counting_weights(y), "counting statistics")
        instrument = Instrument("xray", (1.5405, 1.5443), geometry="Debye-Scherrer" if index else "Bragg-Brentano")
        made.append(Histogram(name, pattern, instrument, (12.0, 38.0), files=(file,)))
    phase = Phase(
        "phase", "P m -3 m", Cell(4.0, 4.0, 4.0, 90.0, 90.0, 90.0), (Site("A", "Na", (0.0, 0.0, 0.0), 1.0, 0.01),)
    )
    return Project(
        "made", tuple(made), (phase,), search or Search(), "fake", file=project_file, phase_files=(phase_file,)
    )  # fmt: skip

"""Cells that the patterns show, found by the numpy engine's search before any refinement."""

from __future__ import annotations

from autogsas.engine.cells.search import find_cells
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import CellValues, Project

__all__: list[str] = []


@hookimpl
def autogsas_find_cells(project: Project) -> dict[str, CellValues]:
    """Return the cells that the search is sure of, by the phase's name.

    It never returns a cell whose peaks are within a fraction of their width of where the project has them: least
    squares finds such a cell by itself.
    """
    try:
        found = find_cells(project)
    except ValueError:
        # An impossible structure is reported by the backend, trial by trial.
        return {}
    return {one.phase: _rounded(one.cell) for one in found if one.confident}


def _rounded(cell: CellValues) -> CellValues:
    """Return a cell without the last digits, in which right angles are not exactly 90 degrees."""
    a, b, c, alpha, beta, gamma = (round(value, 9) for value in cell)
    return (a, b, c, alpha, beta, gamma)

"""Other starting values than the project's: cells found in the patterns, randomly moved structures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from autogsas.builtin.strategy.options import allowed
from autogsas.crystal.phases import PhaseState
from autogsas.crystal.symmetry import cell_to_metric, metric_tensor, metric_to_cell
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Choose
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import CellValues, Project
from autogsas.model.recipe import Start
from autogsas.model.structure import Cell

__all__ = ["CELL", "PERTURB", "offered_starts", "perturbable", "perturbed"]

Array = npt.NDArray[np.float64]

# The choices.
CELL, PERTURB = "start.cell", "perturb"
_FOUND, _GIVEN = "found", "as given"
_PERTURBED = 8  # random starts; 0: the project's own. Not measured.


@hookimpl
def autogsas_choose_start(choose: Choose, project: Project, capabilities: Capabilities) -> tuple[Start, ...]:
    """Choose between a cell found in the patterns and the project's, and one of a few random starts around it."""
    starts = offered_starts(project, capabilities)
    if starts and choose.category(CELL, [_FOUND, _GIVEN]) == _GIVEN:
        starts = ()
    if not perturbable(project, capabilities):
        return starts
    index = choose.integer(PERTURB, 0, _PERTURBED)
    if index == 0:
        return starts
    cells = {start.phase: Cell(*start.cell) for start in starts if start.cell}
    phases = tuple(replace(phase, cell=cells.get(phase.name, phase.cell)) for phase in project.phases)
    try:
        moved = perturbed(replace(project, phases=phases), index, project.search.seed)
    except ValueError:
        return starts
    # Phases whose cell is not moved keep the found one.
    found = {start.phase: start for start in starts}
    return tuple({**found, **{one.phase: _with_cell(one, found.get(one.phase)) for one in moved}}.values())


def offered_starts(project: Project, capabilities: Capabilities) -> tuple[Start, ...]:
    """Return the cells found in the patterns from which this project and backend can start."""
    if "cell" not in capabilities.starts or not allowed(("cell",), project, capabilities):
        return ()
    if project.search.space != "default":
        return ()
    return tuple(Start(phase=name, cell=cell) for name, cell in (project.found_cells or {}).items())


def perturbable(project: Project, capabilities: Capabilities) -> bool:
    """Return whether the project asks for random starts that the backend can apply."""
    wanted = project.search.perturb
    asked = ("sites" in capabilities.starts and wanted.positions > 0) or (
        "cell" in capabilities.starts and wanted.cell > 0
    )
    return asked and project.search.space == "default"


def _with_cell(start: Start, found: Start | None) -> Start:
    return start if start.cell or found is None else start.model_copy(update={"cell": found.cell})


def perturbed(project: Project, index: int, seed: int) -> tuple[Start, ...]:
    """Return the ``index``-th random start around a project's structures, as far away as `search.perturb` says.

    Atoms move within their site symmetry, atoms that share a position together, by a root mean square of ``positions``
    Angstrom over the sites that can move; cells within their crystal system, the largest change of a length (a
    fraction) or an angle (radians) being at most ``cell``. Atoms of Le Bail phases do not move. The result depends only
    on the arguments. Empty if nothing is perturbed. Raises ValueError for an impossible structure.
    """
    wanted = project.search.perturb
    random = np.random.default_rng([seed, index])
    starts = []
    for phase in project.phases:
        state = PhaseState.of(phase)
        # Both are drawn whether wanted or not, so that one does not depend on the other.
        cell = _strained(state, random, wanted.cell)
        sites = _displaced(state, random, wanted.positions)
        if phase.intensities == "Le Bail" or wanted.positions == 0:
            sites = {}
        if sites or wanted.cell > 0:
            starts.append(Start(phase=phase.name, cell=cell if wanted.cell > 0 else None, sites=sites))
    return tuple(starts)


def _displaced(state: PhaseState, random: np.random.Generator, rms: float) -> dict[str, tuple[float, float, float]]:
    """Return the coordinates of the sites that can move, moved by ``rms`` Angstrom in the root mean square."""
    direct = np.linalg.inv(metric_tensor(cell_to_metric(state.phase.cell.values())))
    to_angstrom = np.linalg.cholesky(direct).T
    moves: dict[int, Array] = {}
    for s, site in enumerate(state.sites):
        if state.places[s] == s and site.position_basis.size:
            # A ball in the space that is free, not in fractions of axes of different lengths.
            free, _ = np.linalg.qr(to_angstrom @ site.position_basis)
            moves[s] = free @ random.standard_normal(free.shape[1])
    if not moves:
        return {}
    moving = [s for s in range(len(state.sites)) if state.places[s] in moves]
    scale = rms / np.sqrt(np.mean([float(moves[state.places[s]] @ moves[state.places[s]]) for s in moving]))
    out = {}
    for s in moving:
        x, y, z = state.sites[s].xyz + np.linalg.solve(to_angstrom, scale * moves[state.places[s]])
        out[state.phase.sites[s].label] = (float(x), float(y), float(z))
    return out


def _strained(state: PhaseState, random: np.random.Generator, most: float) -> CellValues:
    """Return the cell at a random strain of its crystal system, the largest change evenly spread up to ``most``."""
    basis = state.symmetry.metric_basis()
    start = basis @ np.linalg.lstsq(basis, cell_to_metric(state.phase.cell.values()), rcond=None)[0]
    # Cross terms of the metric change with the lengths of both their axes.
    lengths = np.sqrt(start[:3])
    sizes = np.concatenate([start[:3], 2.0 * lengths[[0, 0, 1]] * lengths[[1, 2, 2]]])
    draws = random.standard_normal(basis.shape[1])
    direction = basis @ (draws * np.array([sizes[np.flatnonzero(column)[0]] for column in basis.T]))
    wanted = most * random.uniform()
    step = 0.0
    for _ in range(4):
        # The change goes nearly as the step: a first small one, then corrected.
        trial = step or 1e-3 * float(np.min(lengths) ** 2 / np.max(np.abs(direction)))
        step = trial * wanted / _change(metric_to_cell(start), metric_to_cell(start + trial * direction))
        if step == 0.0:
            break
    return _plain(metric_to_cell(start + step * direction))


def _change(old: CellValues, new: CellValues) -> float:
    lengths = [abs(b / a - 1.0) for a, b in zip(old[:3], new[:3], strict=True)]
    angles = [abs(np.radians(b - a)) for a, b in zip(old[3:], new[3:], strict=True)]
    return float(max(*lengths, *angles))


def _plain(cell: CellValues) -> CellValues:
    """Return a cell without the last digits, in which right angles are not right."""
    a, b, c, alpha, beta, gamma = (round(value, 9) for value in cell)
    return (a, b, c, alpha, beta, gamma)

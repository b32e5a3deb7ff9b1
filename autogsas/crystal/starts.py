"""Starting cells and sites, moved exactly to values that the symmetry allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from autogsas.crystal.phases import PhaseState
from autogsas.crystal.symmetry import SiteSymmetry, cell_to_metric, metric_tensor, metric_to_cell
from autogsas.model.structure import U6

__all__ = ["start_cell", "start_sites"]

Array = npt.NDArray[np.float64]
Place = tuple[float, float, float]

_SLACK = 0.01  # Angstrom, degrees, or fractions of the cell by which a start may violate the symmetry


def start_cell(state: PhaseState, cell: Sequence[float]) -> U6:
    """Return the cell (Angstrom, degrees) that the lattice's symmetry allows next to ``cell``.

    Raises ValueError for a cell without volume, and for one that violates the symmetry by more than 0.01 Angstrom or
    degrees.
    """
    basis = state.symmetry.metric_basis()
    metric = cell_to_metric(cell)
    found = metric_to_cell(basis @ np.linalg.lstsq(basis, metric, rcond=None)[0])
    if np.max(np.abs(np.subtract(found, cell))) > _SLACK:
        raise ValueError(
            f"the starting cell {_numbers(cell)} of {state.phase.name} breaks its symmetry "
            f"{state.phase.space_group}; the nearest is {_numbers(found)}"
        )
    return found


def start_sites(state: PhaseState, sites: Mapping[str, Place]) -> dict[str, Place]:
    """Return the coordinates of ``sites`` by label, each on its special position; atoms at one position move together.

    Raises ValueError for a site that leaves its special position by more than 0.01 of the cell, and for
    different starts of atoms at one position.
    """
    direct: Array = np.linalg.inv(metric_tensor(cell_to_metric(state.phase.cell.values()))).astype(np.float64)
    labels = [site.label for site in state.phase.sites]
    found: dict[str, Place] = {}
    for label, wanted in sites.items():
        s = labels.index(label)
        place = _onto(state.sites[s], np.asarray(wanted, dtype=float), direct)
        if place is None:
            raise ValueError(
                f"{label} of {state.phase.name} cannot start at {_numbers(wanted)}: it is not on its special position"
            )
        for other in (labels[i] for i in state.together(s)):
            if other in found and found[other] != place:
                raise ValueError(
                    f"{label} and {other} of {state.phase.name} are at one position and cannot start at different ones"
                )
            found[other] = place
    return found


def _onto(site: SiteSymmetry, wanted: Array, direct: Array) -> Place | None:
    """Return the point of a special position nearest to ``wanted``, or to an equivalent by a lattice vector."""
    basis = site.position_basis
    # The nearest in space, not in fractional coordinates: the mean of the images under the site's own operations.
    projector = basis @ np.linalg.solve(basis.T @ direct @ basis, basis.T @ direct) if basis.size else np.zeros((3, 3))
    for away in (np.zeros(3), np.round(wanted - site.xyz)):
        place = site.xyz + projector @ (wanted - away - site.xyz)
        if np.max(np.abs(place + away - wanted)) <= _SLACK:
            x, y, z = (float(v) for v in place + away)
            return (x, y, z)
    return None


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6g}" for value in values)

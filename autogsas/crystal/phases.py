"""A phase with its symmetry: sites at one position, and constrained sums of occupancies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from autogsas.crystal.scattering import parse_element
from autogsas.crystal.symmetry import SiteSymmetry, Symmetry, cell_to_metric
from autogsas.model.sample import OccupancySum
from autogsas.model.structure import Phase, Site

__all__ = ["PhaseState", "freedoms"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PhaseState:
    """A phase with the symmetry of its sites.

    ``places`` has for each site the first one at its position: disordered atoms at one position share coordinates and
    U_iso, which cannot be told apart in a powder pattern. ``sums`` (n, s) has a row for each sum of occupancies,
    1 for the sites in it; ``totals`` (n,) are the sums.
    """

    phase: Phase
    symmetry: Symmetry
    sites: tuple[SiteSymmetry, ...]
    places: tuple[int, ...]
    sums: Array
    totals: Array

    @classmethod
    def of(cls, phase: Phase) -> PhaseState:
        """Return the phase with the symmetry of its space group. Raises ValueError for an impossible structure."""
        return _state_of(phase)

    @property
    def free_intensities(self) -> bool:
        """Whether the reflections' intensities come from the pattern alone (Le Bail)."""
        return self.phase.intensities == "Le Bail"

    def masses(self) -> Array:
        """Return the mass of each site in the cell, fully occupied, in Dalton; (s,)."""
        order = self.symmetry.order
        return np.array(
            [
                order / symmetric.order * parse_element(site.element)[0].weight
                for site, symmetric in zip(self.phase.sites, self.sites, strict=True)
            ]
        )

    def sum_of(self, s: int) -> int | None:
        """Return the row of the sum that site ``s`` is in."""
        found = np.flatnonzero(self.sums[:, s]) if self.sums.size else np.zeros(0, dtype=np.int64)
        return int(found[0]) if found.size else None

    def remainder(self, row: int) -> int:
        """Return the site whose occupancy follows from the others' in a sum: the one with the largest occupancy."""
        inside = np.flatnonzero(self.sums[row])
        return int(inside[np.argmax([self.phase.sites[i].occupancy for i in inside])])

    def together(self, s: int) -> list[int]:
        """Return all sites at the position of site ``s``."""
        return [i for i, place in enumerate(self.places) if place == self.places[s]]


def freedoms(phases: Iterable[Phase]) -> dict[tuple[str, str, str], int]:
    """Return how many independent values symmetry leaves by group, phase and site (empty for cells).

    Of sites at one position the first has all; phases with an impossible structure are left out.
    """
    found: dict[tuple[str, str, str], int] = {}
    for phase in phases:
        try:
            state = PhaseState.of(phase)
        except ValueError:
            continue
        found["cell", phase.name, ""] = int(state.symmetry.metric_basis().shape[1])
        for s, (site, symmetric) in enumerate(zip(phase.sites, state.sites, strict=True)):
            first = state.places[s] == s
            found["positions", phase.name, site.label] = int(symmetric.position_basis.shape[1]) if first else 0
            found["uiso", phase.name, site.label] = 1 if first else 0
    return found


@lru_cache(maxsize=64)  # a phase that stays the same is the same object in another layout
def _state_of(phase: Phase) -> PhaseState:
    symmetry, sites, places, sums, totals = _symmetric(
        phase.space_group, phase.cell.values(), phase.sites, phase.occupancy_sums
    )
    return PhaseState(phase, symmetry, sites, places, sums, totals)


@lru_cache(maxsize=64)  # a phase is given another axis or another broadening many times
def _symmetric(
    space_group: str, cell: tuple[float, ...], sites: tuple[Site, ...], occupancy_sums: tuple[OccupancySum, ...]
) -> tuple[Symmetry, tuple[SiteSymmetry, ...], tuple[int, ...], Array, Array]:
    symmetry = Symmetry.from_name(space_group)
    metric = cell_to_metric(cell)
    symmetric = tuple(symmetry.site(site.xyz, metric) for site in sites)
    places = tuple(
        next(i for i, other in enumerate(symmetric) if np.allclose(other.xyz, site.xyz, atol=1e-6))
        for site in symmetric
    )
    labels = [site.label for site in sites]
    sums = np.zeros((len(occupancy_sums), len(labels)))
    for row, one in zip(sums, occupancy_sums, strict=True):
        row[[labels.index(label) for label in one.sites]] = 1.0
    return symmetry, symmetric, places, sums, np.array([one.total for one in occupancy_sums])

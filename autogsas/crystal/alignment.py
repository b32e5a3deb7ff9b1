"""Values of one refinement as another one describes the same structure: same origin, same cell, same order of sites."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from autogsas.crystal.endpoints import PhaseEnd, end_point, superposed
from autogsas.model.result import Parameter
from autogsas.model.structure import Cell, Phase

__all__ = ["Estimate", "aligned", "phases_of"]

Estimate = tuple[float, float]
"""A value and its esd; the esd is zero where it was not refined."""

_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_TENSOR = ("11", "22", "33", "12", "13", "23")
_ROUNDING = 1e-6


def phases_of(phases: Iterable[Phase], parameters: Iterable[Parameter]) -> tuple[Phase, ...]:
    """Return the phases with the cells, coordinates, U_iso and occupancies that the parameters have."""
    values = {parameter.name: parameter.value for parameter in parameters}

    def moved(phase: Phase) -> Phase:
        cell = Cell(
            *(values.get(f"{phase.name}:{key}", before) for key, before in zip(_CELL, phase.cell.values(), strict=True))
        )
        sites = []
        for site in phase.sites:
            where = f"{phase.name}:{site.label}"
            x, y, z = (values.get(f"{where}:{axis}", at) for axis, at in zip("xyz", site.xyz, strict=True))
            sites.append(
                replace(
                    site,
                    xyz=(x, y, z),
                    occupancy=values.get(f"{where}:occupancy", site.occupancy),
                    uiso=values.get(f"{where}:Uiso", site.uiso),
                )
            )
        return replace(phase, cell=cell, sites=tuple(sites))

    return tuple(moved(phase) for phase in phases)


def aligned(
    reference: tuple[Sequence[Phase], Sequence[Parameter]], other: tuple[Sequence[Phase], Sequence[Parameter]]
) -> dict[str, Estimate]:
    """Return the values of ``other`` by the names of ``reference``'s parameters, superposed on its structure.

    Coordinates become those nearest to the reference's: whole cells, an origin that the space group leaves free, and an
    equivalent description of the structure are not differences (see `autogsas.crystal.endpoints.superposed`).
    Parameters that ``other`` does not have are left out, and displacement tensors of sites that are exchanged or
    turned. Where the phases do not match (other sites), values go by name alone.
    """
    found = {p.name: (p.value, p.esd or 0.0) for p in other[1]}
    ends = end_point(np.nan, *reference).phases, end_point(np.nan, *other).phases
    second = {end.name: end for end in ends[1]}
    for one in ends[0]:
        two = second.get(one.name)
        if two is None or sorted(one.elements) != sorted(two.elements):
            continue
        laid, order = superposed(one, two)
        found |= _structural(one, laid)
        shifts = (laid.xyz - two.xyz) % 1.0 if order == tuple(range(len(order))) else np.array([[0.0], [0.5]])
        if np.any(np.abs((shifts - shifts[:1] + 0.5) % 1.0 - 0.5) > _ROUNDING):
            tensors = {f"{one.name}:{label}:U{part}" for label in one.labels for part in _TENSOR}
            found = {name: value for name, value in found.items() if name not in tensors}
    names = {parameter.name for parameter in reference[1]}
    return {name: value for name, value in found.items() if name in names}


def _structural(one: PhaseEnd, laid: PhaseEnd) -> dict[str, Estimate]:
    """Return the values of a superposed phase by the names of the reference's parameters."""

    def estimate(value: float, esd: float) -> Estimate:
        return float(value), float(np.nan_to_num(esd))

    found = {
        f"{one.name}:{key}": estimate(value, esd)
        for key, value, esd in zip(_CELL, laid.cell, laid.cell_esd, strict=True)
    }
    for i, label in enumerate(one.labels):
        where = f"{one.name}:{label}"
        for axis, value, esd in zip("xyz", laid.xyz[i], laid.xyz_esd[i], strict=True):
            found[f"{where}:{axis}"] = estimate(value, esd)
        found[f"{where}:Uiso"] = estimate(laid.u[i], laid.u_esd[i])
        found[f"{where}:occupancy"] = estimate(laid.occupancy[i], laid.occupancy_esd[i])
    return found

"""Amounts of the phases from the scales of a refinement, with the covariance of their logarithms."""

from __future__ import annotations

from collections.abc import Sequence

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.crystal.contents import contents_of, element_of, multiplicity
from autogsas.model.project import Project
from autogsas.model.quantification import MeasuredAmounts, Share
from autogsas.model.result import Parameter, Result
from autogsas.model.structure import Phase

__all__ = ["measure_amounts"]

Array = npt.NDArray[np.float64]


def measure_amounts(project: Project, result: Result) -> tuple[MeasuredAmounts, ...]:
    """Return the amounts S M of the phases in each histogram, with their covariance.

    W = S M/sum S M with the scale S per unit cell and the mass M of the cell (Hill & Howard, J. Appl. Cryst. 20, 467
    (1987), whose scale is S/V and whose Z M V is the mass times the volume of the cell). The variance of ln(S M) comes
    from the scales and the refined occupancies, with all their correlations. Histograms whose engine gives no weight
    fractions of several phases (Le Bail intensities, for example) are left out.
    """
    named = {parameter.name: parameter for parameter in result.parameters}
    fixed = {phase.name: phase for phase in project.phases}
    out = []
    for histogram in project.histograms:
        shares = {
            p.phase: Share(p.value, p.esd)
            for p in result.parameters
            if p.group == "weight_fraction" and p.histogram == histogram.name
        }
        scales = {p.phase: p for p in result.parameters if p.group == "scale" and p.histogram == histogram.name}
        phases = [phase for phase in result.phases if phase.name in scales]
        if not phases or (len(phases) > 1 and any(phase.name not in shares for phase in phases)):
            continue
        if any(phase.name in fixed and fixed[phase.name].intensities == "Le Bail" for phase in phases):
            continue
        masses = [_mass(phase) for phase in phases]
        amounts = [scales[phase.name].value * (mass or 0.0) for phase, mass in zip(phases, masses, strict=True)]
        if not all(amount > 0 for amount in amounts):
            continue
        slopes = np.array(
            [_slopes(result, named, phase, fixed.get(phase.name), scales[phase.name]) for phase in phases]
        ).reshape(len(phases), len(result.varied))
        covariance = slopes @ _covariance(result, named) @ slopes.T
        out.append(
            MeasuredAmounts(
                histogram.name,
                tuple(phase.name for phase in phases),
                tuple(shares[phase.name] for phase in phases) if len(phases) > 1 else (),
                tuple(amounts),
                tuple(tuple(float(value) for value in row) for row in covariance),
            )
        )
    return tuple(out)


def _mass(phase: Phase) -> float | None:
    """Return the mass of a phase's cell in Dalton; None if it has no atoms, or an unknown element or group."""
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    contents = None if group is None else contents_of(phase, group)
    return None if contents is None else contents.weight * contents.units


def _covariance(result: Result, named: dict[str, Parameter]) -> Array:
    esds = np.array([named[name].esd or 0.0 for name in result.varied])
    correlation = np.nan_to_num(np.asarray(result.correlation, dtype=float).reshape(esds.size, esds.size))
    found: Array = np.nan_to_num(np.outer(esds, esds)) * correlation
    return found


def _slopes(
    result: Result, named: dict[str, Parameter], phase: Phase, given: Phase | None, scale: Parameter
) -> list[float]:
    """Return d ln(S M)/dv for each varied parameter v: the scale, and occupancies of the phase.

    In a sum of occupancies that is kept, the one site that is not varied itself moves against each that is.
    """
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    mass = _mass(phase) or np.nan
    own = {
        f"{phase.name}:{site.label}:occupancy": multiplicity(site, phase.cell, group)
        * gemmi.Element(element_of(site.element)).weight
        for site in phase.sites
    }
    sums: Sequence[tuple[str, ...]] = () if given is None else [one.sites for one in given.occupancy_sums]
    for labels in sums:
        names = [f"{phase.name}:{label}:occupancy" for label in labels]
        rest = [name for name in names if name not in result.varied]
        if len(rest) == 1 and len(names) > 1:
            own |= {name: own[name] - own[rest[0]] for name in names if name in result.varied}
    return [
        1.0 / scale.value if name == scale.name else own[name] / mass if name in own else 0.0 for name in result.varied
    ]

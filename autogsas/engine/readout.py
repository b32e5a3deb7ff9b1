"""Reading a refined model off the raw vector: parameters with esds, structures, reflections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import metric_tensor, metric_to_cell
from autogsas.crystal.tensors import equivalent_isotropic
from autogsas.engine.leastsq import Fit
from autogsas.engine.parameters import INSTRUMENT, PAIR, Layout, instrument_name, pair_keys
from autogsas.engine.pattern_model import PhasePattern
from autogsas.engine.peaks import ReflectionSet
from autogsas.engine.problem import RietveldProblem
from autogsas.model.recipe import GROUPS, Group
from autogsas.model.result import Parameter, Reflections
from autogsas.model.structure import Cell, Phase

__all__ = ["read_parameters", "read_phases", "read_reflections"]

Array = npt.NDArray[np.float64]

_PAIR_GROUPS: tuple[Group, ...] = ("scale", "size", "size_mix", "strain", "strain_mix", "preferred_orientation")
_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_INSTRUMENT_GROUPS: dict[str, Group] = {
    "zero": "zero",
    "shift1": "displacement",
    "U": "U",
    "V": "V",
    "W": "W",
    "X": "X",
    "Y": "Y",
    "Z": "Z",
    "SH/L": "SH/L",
    "absorption": "absorption",
}


def read_parameters(
    layout: Layout, raw: Array, problem: RietveldProblem, fit: Fit, coefficients: Mapping[str, Array]
) -> tuple[Parameter, ...]:
    """Return all parameters with esds where refined; esds of what symmetry binds follow from the variables'."""
    n = len(problem.variables)
    directions = np.zeros((layout.size, n))
    for column, variable in enumerate(problem.variables):
        directions[list(variable.indices), column] = variable.coefficients
    held = {*fit.dropped, *fit.at_bound}
    live = np.array([variable.name not in held for variable in problem.variables], dtype=bool)
    covariance = fit.covariance[:n, :n]
    refined = np.any(directions[:, live] != 0.0, axis=1) if n else np.zeros(layout.size, dtype=bool)
    esds = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", directions, covariance, directions), 0.0))

    def esd(index: int) -> float | None:
        return float(esds[index]) if refined[index] else None

    out: list[Parameter] = []
    for p, state in enumerate(layout.phases):
        name = state.phase.name
        by_cell = directions[layout.cell[p]]
        out += _cell_parameters(name, raw[layout.cell[p]], by_cell @ covariance @ by_cell.T)
        for s, site in enumerate(state.phase.sites):
            where = {"phase": name, "site": site.label}
            for axis, index in zip("xyz", layout.xyz[p][s], strict=True):
                key = f"{name}:{site.label}:{axis}"
                out.append(Parameter(key, float(raw[index]), esd(index), "", "positions", **where))
            if site.uaniso is None:
                index = int(layout.uiso[p][s])
                out.append(Parameter(f"{name}:{site.label}:Uiso", float(raw[index]), esd(index), "Å²", "uiso", **where))
            else:
                for label, index in zip(("11", "22", "33", "12", "13", "23"), layout.uaniso[p][s], strict=True):
                    key = f"{name}:{site.label}:U{label}"
                    out.append(Parameter(key, float(raw[index]), esd(index), "Å²", "uaniso", **where))
            index = int(layout.occupancy[p][s])
            key = f"{name}:{site.label}:occupancy"
            out.append(Parameter(key, float(raw[index]), esd(index), "", "occupancy", **where))
        for h, histogram in enumerate(layout.histograms):
            for group in _PAIR_GROUPS:
                for raw_key, words, _, _ in pair_keys(group, state.phase):
                    index = int(layout.pair[p][h][PAIR.index(raw_key)])
                    key = f"{name}:{histogram.name}:{words}"
                    unit = GROUPS[group].unit
                    out.append(Parameter(key, float(raw[index]), esd(index), unit, group, name, histogram.name))
    out += _weight_fractions(layout, raw, directions, covariance)
    for h, histogram in enumerate(layout.histograms):
        for i, key in enumerate(INSTRUMENT):
            if key == "absorption" and histogram.instrument.geometry == "Bragg-Brentano":
                continue
            flat = histogram.instrument.geometry == "Bragg-Brentano"
            group = _INSTRUMENT_GROUPS.get(key, "transparency" if flat else "displacement")
            index = int(layout.instrument[h][i])
            label = f"{histogram.name}:{instrument_name(key, histogram)}"
            unit = GROUPS[group].unit
            out.append(Parameter(label, float(raw[index]), esd(index), unit, group, histogram=histogram.name))
        for i, value in enumerate(coefficients[histogram.name]):
            label = f"{histogram.name}:background {i + 1}"
            error = None
            if label in problem.names and label not in held:
                place = problem.names.index(label)
                error = float(np.sqrt(max(fit.covariance[place, place], 0.0)))
            out.append(Parameter(label, float(value), error, "", "background", histogram=histogram.name))
    return tuple(out)


def read_phases(layout: Layout, raw: Array) -> tuple[Phase, ...]:
    """Return the phases with their present cell, positions, displacement parameters and occupancies.

    The ``uiso`` of a site with a tensor is its equivalent one.
    """
    out = []
    for p, state in enumerate(layout.phases):
        sites = []
        for s, site in enumerate(state.phase.sites):
            x, y, z = (float(v) for v in raw[layout.xyz[p][s]])
            tensor, uiso = None, float(raw[layout.uiso[p][s]])
            if site.uaniso is not None:
                u11, u22, u33, u12, u13, u23 = (float(v) for v in raw[layout.uaniso[p][s]])
                tensor = (u11, u22, u33, u12, u13, u23)
                uiso = equivalent_isotropic(tensor, raw[layout.cell[p]])
            sites.append(
                replace(
                    site,
                    xyz=(x, y, z),
                    uiso=uiso,
                    occupancy=float(raw[layout.occupancy[p][s]]),
                    uaniso=tensor,
                )
            )
        cell = Cell(*metric_to_cell(raw[layout.cell[p]]))
        out.append(replace(state.phase, cell=cell, sites=tuple(sites)))
    return tuple(out)


def read_reflections(
    layout: Layout, p: int, found: PhasePattern, reflections: ReflectionSet, net: Array, bragg: Array, scale: float
) -> Reflections:
    """Return the reflections of phase ``p`` with the observed |F|^2 that its share of the net pattern gives.

    ``net`` (n,) is observed less background, ``bragg`` (n,) the calculated Bragg part of all phases. The observed
    intensity is the calculated one times the mean of net/bragg under the line, weighted by the line's own part of
    the pattern (Rietveld, J. Appl. Cryst. 2, 65 (1969), eq. 7), over K-alpha1 alone.
    """
    peaks = found.peaks
    k = peaks.two_theta.size
    floor = 1e-9 * float(np.max(np.abs(bragg), initial=1.0))
    ratio = np.where(bragg > floor, net / np.maximum(bragg, floor), 0.0)
    lines = found.lines
    under = found.shapes.gather(np.where(bragg > floor, 1.0, 0.0), lines)[:k]
    share = found.shapes.gather(ratio, lines)[:k]
    f2_observed = np.where(under > 0, peaks.f2 * share / np.where(under > 0, under, 1.0), 0.0)
    return Reflections(
        phase=layout.phases[p].phase.name,
        hkl=reflections.hkl,
        multiplicity=reflections.multiplicity,
        d=peaks.d,
        two_theta=peaks.two_theta,
        f2_calculated=peaks.f2,
        f2_observed=f2_observed,
        intensity=scale * peaks.base,
        fwhm=peaks.mix.fwhm,
        sigma=np.sqrt(peaks.variance),
        gamma=peaks.gamma,
    )


def _weight_fractions(layout: Layout, raw: Array, directions: Array, covariance: Array) -> list[Parameter]:
    """Return each phase's share of the mass in each histogram that shows several.

    W = S M/sum S M with the scale S and the mass M of the cell's content, as GSAS-II's phase fraction is per cell
    (Hill & Howard, J. Appl. Cryst. 20, 467 (1987), eq. 2, whose scale is S/V^2 of this one's). Esds come from those of
    scales and occupancies.
    """
    if len(layout.phases) < 2 or any(state.free_intensities for state in layout.phases):
        return []
    site_masses = [state.masses() for state in layout.phases]
    out = []
    for h, histogram in enumerate(layout.histograms):
        places = [int(layout.pair[p][h][0]) for p in range(len(layout.phases))]
        scales = raw[places]
        masses = np.array([m @ raw[layout.occupancy[p]] for p, m in enumerate(site_masses)])
        total = float(scales @ masses)
        if not total > 0:
            continue
        fractions = scales * masses / total
        for p, state in enumerate(layout.phases):
            slope = np.zeros(layout.size)
            for q, place in enumerate(places):
                by_product = ((1.0 if p == q else 0.0) - fractions[p]) / total
                slope[place] += by_product * masses[q]
                slope[layout.occupancy[q]] += by_product * scales[q] * site_masses[q]
            along: Array = slope @ directions
            error = float(np.sqrt(max(float(along @ covariance @ along), 0.0)))
            name = f"{state.phase.name}:{histogram.name}:weight fraction"
            out.append(
                Parameter(
                    name,
                    float(fractions[p]),
                    error if error > 0 else None,
                    "",
                    "weight_fraction",
                    state.phase.name,
                    histogram.name,
                )
            )
    return out


def _cell_parameters(phase: str, metric: Array, covariance: Array) -> list[Parameter]:
    cell = np.array(metric_to_cell(metric))
    jacobian = np.zeros((6, 6))
    for i in range(6):
        step = np.zeros(6)
        step[i] = 1e-6 * float(np.max(np.abs(metric)))
        jacobian[:, i] = (np.array(metric_to_cell(metric + step)) - np.array(metric_to_cell(metric - step))) / (
            2.0 * step[i]
        )
    esds = np.sqrt(np.maximum(np.diag(jacobian @ covariance @ jacobian.T), 0.0))
    volume = float(1.0 / np.sqrt(np.linalg.det(metric_tensor(metric))))
    out = []
    for i, name in enumerate(_CELL):
        # What symmetry fixes comes out of the propagation as rounding noise.
        refined = esds[i] > 1e-9 * cell[i]
        out.append(
            Parameter(
                f"{phase}:{name}",
                float(cell[i]),
                float(esds[i]) if refined else None,
                "Å" if i < 3 else "°",
                "cell",
                phase,
            )
        )
    by_volume = -0.5 * volume * np.array([_trace(metric, i) for i in range(6)])
    variance = float(by_volume @ covariance @ by_volume)
    error = float(np.sqrt(max(variance, 0.0)))
    out.append(Parameter(f"{phase}:volume", volume, error if error > 0 else None, "Å³", "cell", phase))
    return out


def _trace(metric: Array, i: int) -> float:
    """Return tr(G*^-1 dG*/dA_i)."""
    unit = np.zeros(6)
    unit[i] = 1.0
    return float(np.trace(np.linalg.inv(metric_tensor(metric)) @ metric_tensor(unit)))

"""From raw parameters to results: parameters with esds, structures, reflections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import metric_tensor, metric_to_cell
from autogsas.crystal.tensors import equivalent_isotropic
from autogsas.engine.leastsq import Fit
from autogsas.engine.pairs import PAIR, pair_keys
from autogsas.engine.parameters import INSTRUMENT, Layout, instrument_name
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


@dataclass(frozen=True)
class _Reader:
    """Makes parameters of raw ones: their values, and esds where they were refined.

    ``directions`` (raw, v) and ``covariance`` (v, v) of the variables; ``refined`` (raw,) is where one moves.
    """

    raw: Array
    directions: Array
    covariance: Array
    esds: Array
    refined: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, layout: Layout, raw: Array, problem: RietveldProblem, fit: Fit) -> _Reader:
        """Return the reader of a fit: the variance of a raw parameter is d C d^T with its row d of the directions."""
        n = len(problem.variables)
        directions = problem.setup.directions
        fixed = {*fit.dropped, *fit.at_bound}
        live = np.array([variable.name not in fixed for variable in problem.variables], dtype=bool)
        covariance = fit.covariance[:n, :n]
        refined = np.any(directions[:, live] != 0.0, axis=1) if n else np.zeros(layout.size, dtype=bool)
        esds = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", directions, covariance, directions), 0.0))
        return cls(raw, directions, covariance, esds, refined)

    def parameter(
        self,
        index: int,
        name: str,
        unit: str,
        group: Group,
        *,
        phase: str | None = None,
        histogram: str | None = None,
        site: str | None = None,
    ) -> Parameter:
        """Return the raw parameter at ``index``."""
        esd = float(self.esds[index]) if self.refined[index] else None
        return Parameter(name, float(self.raw[index]), esd, unit, group, phase, histogram, site)


def read_parameters(
    layout: Layout, raw: Array, problem: RietveldProblem, fit: Fit, coefficients: Mapping[str, Array]
) -> tuple[Parameter, ...]:
    """Return all parameters with esds where refined; esds of what symmetry binds follow from the variables'."""
    reader = _Reader.of(layout, raw, problem, fit)
    out: list[Parameter] = []
    for p, state in enumerate(layout.phases):
        by_cell = reader.directions[layout.cell[p]]
        out += _cell_parameters(state.phase.name, raw[layout.cell[p]], by_cell @ reader.covariance @ by_cell.T)
        out += _site_parameters(layout, p, reader)
        out += _pair_parameters(layout, p, reader)
    out += _weight_fractions(layout, raw, reader.directions, reader.covariance)
    for h, histogram in enumerate(layout.histograms):
        out += _instrument_parameters(layout, h, reader)
        out += _background_parameters(histogram.name, coefficients[histogram.name], problem, fit)
    return tuple(out)


def _site_parameters(layout: Layout, p: int, reader: _Reader) -> list[Parameter]:
    """Return positions, displacement parameters and occupancy of each site of phase ``p``."""
    phase = layout.phases[p].phase
    out = []
    for s, site in enumerate(phase.sites):
        where = f"{phase.name}:{site.label}"
        found: list[tuple[int, str, str, Group]] = [
            (index, axis, "", "positions") for axis, index in zip("xyz", layout.xyz[p][s].tolist(), strict=True)
        ]
        if site.uaniso is None:
            found.append((int(layout.uiso[p][s]), "Uiso", "Å²", "uiso"))
        else:
            tensor = zip(("11", "22", "33", "12", "13", "23"), layout.uaniso[p][s].tolist(), strict=True)
            found += [(index, f"U{label}", "Å²", "uaniso") for label, index in tensor]
        found.append((int(layout.occupancy[p][s]), "occupancy", "", "occupancy"))
        out += [
            reader.parameter(index, f"{where}:{key}", unit, group, phase=phase.name, site=site.label)
            for index, key, unit, group in found
        ]
    return out


def _pair_parameters(layout: Layout, p: int, reader: _Reader) -> list[Parameter]:
    """Return what phase ``p`` has of its own in each histogram."""
    phase = layout.phases[p].phase
    return [
        reader.parameter(
            int(layout.pair[p][h][PAIR.index(one.key)]),
            f"{phase.name}:{histogram.name}:{one.name}",
            one.unit,
            group,
            phase=phase.name,
            histogram=histogram.name,
        )
        for h, histogram in enumerate(layout.histograms)
        for group in _PAIR_GROUPS
        for one in pair_keys(group, phase)
    ]


def _instrument_parameters(layout: Layout, h: int, reader: _Reader) -> list[Parameter]:
    """Return the parameters of histogram ``h``; a flat sample has no absorption."""
    histogram = layout.histograms[h]
    flat = histogram.instrument.geometry == "Bragg-Brentano"
    out = []
    for i, key in enumerate(INSTRUMENT):
        if key == "absorption" and flat:
            continue
        group = _INSTRUMENT_GROUPS.get(key, "transparency" if flat else "displacement")
        name = f"{histogram.name}:{instrument_name(key, histogram)}"
        index = int(layout.instrument[h][i])
        out.append(reader.parameter(index, name, GROUPS[group].unit, group, histogram=histogram.name))
    return out


def _background_parameters(histogram: str, coefficients: Array, problem: RietveldProblem, fit: Fit) -> list[Parameter]:
    """Return the coefficients of a background, with esds where they were refined."""
    fixed = {*fit.dropped, *fit.at_bound}
    out = []
    for i, value in enumerate(coefficients):
        name = f"{histogram}:background {i + 1}"
        error = None
        if name in problem.names and name not in fixed:
            place = problem.names.index(name)
            error = float(np.sqrt(max(fit.covariance[place, place], 0.0)))
        out.append(Parameter(name, float(value), error, "", "background", histogram=histogram))
    return out


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
    intensity is the calculated one times the mean of net/bragg over the peak, weighted by the peak's own profile
    (Rietveld, J. Appl. Cryst. 2, 65 (1969), eq. 7), over K-alpha1 alone.
    """
    peaks = found.peaks
    k = peaks.two_theta.size
    floor = 1e-9 * float(np.max(np.abs(bragg), initial=1.0))
    ratio = np.where(bragg > floor, net / np.maximum(bragg, floor), 0.0)
    under = found.shapes.gather(np.where(bragg > floor, 1.0, 0.0), found.n_peaks)[:k]
    share = found.shapes.gather(ratio, found.n_peaks)[:k]
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
    (Hill & Howard, J. Appl. Cryst. 20, 467 (1987), eq. 2, whose scale is S/V of this one's). Esds come from those of
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
    """Return the cell constants and the volume, with esds by propagation of the covariance (6, 6) of the metric.

    Derivatives of the cell constants by differences; dV/dA_i = -V/2 tr(G*^-1 dG*/dA_i), since V^2 = 1/det G*.
    """
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

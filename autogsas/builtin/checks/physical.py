"""Checks of physical sense. The thresholds stand in one place, `limits`.

An error means that the model is impossible and the trial cannot be the best; a warning that it is suspicious.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.contacts import check_contacts
from autogsas.builtin.checks.exchange import check_exchange
from autogsas.builtin.checks.limits import LIMITS, Limits
from autogsas.builtin.checks.terms import check_terms
from autogsas.hooks.specs import hookimpl
from autogsas.model.metrics import Metrics, measure
from autogsas.model.project import Histogram, Project
from autogsas.model.result import Curves, Finding, Parameter, Result, Severity
from autogsas.model.structure import equivalent_u

__all__ = ["LIMITS", "Limits"]

Array = npt.NDArray[np.float64]

_FEWEST_SWINGS = 3  # a hump of the sample holder is up and down once


@hookimpl
def autogsas_check_result(project: Project, result: Result, metrics: Metrics) -> list[Finding]:
    """Look at everything that can be seen without knowing the sample."""
    findings = [
        *_convergence(project, result),
        *_displacements(result),
        *_occupancies(result),
        *_cells(project, result),
    ]
    findings += [*_correlations(result), *_figures(project, result, metrics), *_restraints(result)]
    for histogram in project.histograms:
        curves = next((c for c in result.curves if c.histogram == histogram.name), None)
        if curves is not None:
            findings += _widths(histogram, result)
            findings += _background(histogram, curves)
            findings += check_terms(histogram, curves, result)
            findings += _geometry(histogram, result)
            findings += _corrections(histogram, result)
            findings += check_exchange(histogram, curves, result)
    for phase in result.phases:
        findings += check_contacts(phase)
    return findings


def _figures(project: Project, result: Result, metrics: Metrics) -> Iterator[Finding]:
    """Rwp against Rexp, of all and of each histogram: a good fit of one may hide in a bad one of the others."""
    told = {"": metrics}
    if len(project.histograms) > 1:
        share = result.n_variables / max(metrics.n_observations, 1)
        for curves in result.curves:
            # A missing value has no weight, but zero times NaN is NaN.
            observed, calculated = (np.where(curves.weights > 0, c, 0.0) for c in (curves.observed, curves.calculated))
            points = np.count_nonzero(curves.weights > 0)
            told[f" of {curves.histogram}"] = measure(observed, calculated, curves.weights, round(share * points))
    for whose, figures in told.items():
        if figures.rwp < figures.rexp:
            yield Finding(
                "rwp-below-rexp",
                Severity.WARNING,
                f"Rwp{whose}, {figures.rwp:.2f} %, is below Rexp, {figures.rexp:.2f} %: the weights are not those of "
                "counting statistics, or the model follows the noise",
                {"rwp": figures.rwp, "rexp": figures.rexp},
            )


def _restraints(result: Result) -> Iterator[Finding]:
    if result.n_restraints:
        yield Finding(
            "restraints",
            Severity.WARNING,
            f"restraints steer the refinement ({result.n_restraints}), but neither Rwp nor chi² counts them",
            {"count": float(result.n_restraints)},
        )


def _convergence(project: Project, result: Result) -> Iterator[Finding]:
    if not result.steps:
        return
    last = result.steps[-1]
    if not last.converged:
        # The published search ends after three cycles, whatever they came to; it could not be compared with otherwise.
        published = project.search.space == "published-2020"
        yield Finding(
            "not-converged",
            Severity.WARNING if published else Severity.ERROR,
            f"the last step did not converge: {last.message or 'no reason given'}; the largest shift is "
            f"{last.shift_esd:.2g} esd",
            {"shift_esd": last.shift_esd} if np.isfinite(last.shift_esd) else {},
        )
    if last.dropped:
        yield Finding(
            "singular",
            Severity.WARNING,
            f"left out of the last step as not determined: {', '.join(last.dropped)}",
            {"count": float(len(last.dropped))},
        )
    if last.at_bound:
        yield Finding(
            "at-bound",
            Severity.WARNING,
            f"held at the end of the allowed range: {', '.join(last.at_bound)}",
            {"count": float(len(last.at_bound))},
        )


def _displacements(result: Result) -> Iterator[Finding]:
    """Say which U are out of range, isotropic ones and the equivalent ones of tensors, and which tensors are none."""
    for phase in result.phases:
        if phase.intensities == "Le Bail":
            continue  # its atoms make no reflections
        for site in phase.sites:
            value, kind = site.uiso, "U_iso"
            if site.uaniso is not None:
                value, kind = equivalent_u(phase.cell, site.uaniso), "the equivalent U"
                u11, u22, u33, u12, u13, u23 = site.uaniso
                # Scaling the axes, as from U to beta, changes eigenvalues but not their signs.
                smallest = float(np.linalg.eigvalsh([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])[0])
                if smallest <= 0:
                    yield Finding(
                        "u-not-positive-definite",
                        Severity.ERROR,
                        f"the displacement tensor of {phase.name} {site.label} is not positive definite",
                        {"smallest": smallest},
                        {"phase": phase.name, "site": site.label},
                    )
            if not 0.0 < value <= LIMITS.u_high:
                yield Finding(
                    "u-out-of-range",
                    Severity.ERROR,
                    f"{kind} of {phase.name} {site.label} is {value:.4f} Å², outside 0 to {LIMITS.u_high} Å²",
                    {"value": value},
                    {"phase": phase.name, "site": site.label},
                )


def _occupancies(result: Result) -> Iterator[Finding]:
    for parameter in result.parameters:
        if parameter.group != "occupancy" or parameter.esd is None:
            continue
        slack = min(LIMITS.occupancy_slack_esd * parameter.esd, LIMITS.occupancy_slack)
        if parameter.value < -slack or parameter.value > 1.0 + slack:
            yield Finding(
                "occupancy-out-of-range",
                Severity.ERROR,
                f"{parameter.name} is {parameter.value:.3f}, outside 0 to 1",
                {"value": parameter.value, "esd": parameter.esd},
                {"phase": parameter.phase or "", "site": parameter.site or ""},
            )


def _cells(project: Project, result: Result) -> Iterator[Finding]:
    """Compare with the project's cell, wherever the recipe started from."""
    before = {phase.name: phase for phase in project.phases}
    for phase in result.phases:
        start = before.get(phase.name)
        if start is None:
            continue
        old, new = np.array(start.cell.values()), np.array(phase.cell.values())
        moved = float(np.max(np.abs(new / old - 1.0)))
        if moved > LIMITS.cell_moved:
            yield Finding(
                "cell-moved",
                Severity.WARNING,
                f"the cell of {phase.name} is {100 * moved:.2f} % away from the project's",
                {"fraction": moved},
            )
        if moved > LIMITS.cell_agrees:
            yield from _found(project, phase.name, old, new)


def _found(project: Project, name: str, old: Array, new: Array) -> Iterator[Finding]:
    """Say where the patterns themselves show a cell elsewhere than the project has it, and a refinement ended there."""
    found = (project.found_cells or {}).get(name)
    if found is None:
        return
    away, moved = (float(np.max(np.abs(np.array(found) / other - 1.0))) for other in (new, old))
    if away < LIMITS.cell_agrees:
        yield Finding(
            "cell-found",
            Severity.INFO,
            f"the pattern shows the cell of {name} {100 * moved:.2f} % away from the project's, "
            "and the refinement ended there",
            {"fraction": moved},
        )


def _correlations(result: Result) -> Iterator[Finding]:
    if len(result.varied) < 2:
        return
    # Neighbouring background terms lean on each other by nature; that says nothing about the sample.
    shown = [i for i, name in enumerate(result.varied) if ":background " not in name]
    matrix = np.abs(np.triu(result.correlation[np.ix_(shown, shown)], 1))
    rows, columns = np.nonzero(matrix > LIMITS.correlation)
    order = np.argsort(-matrix[rows, columns])
    for k in order[:5]:
        a, b = result.varied[shown[rows[k]]], result.varied[shown[columns[k]]]
        value = float(matrix[rows[k], columns[k]])
        yield Finding(
            "correlated",
            Severity.WARNING,
            f"{a} and {b} are correlated to {value:.3f}: the data hardly tell them apart",
            {"correlation": value},
        )


def _value(result: Result, name: str) -> float:
    found: Parameter | None = next((p for p in result.parameters if p.name == name), None)
    return found.value if found is not None else 0.0


def _sample_widths(result: Result, where: str, wavelength: float, tangent: Array, cosine: Array) -> tuple[Array, Array]:
    """Return the least Gaussian variance and Lorentzian width that a phase's size and strain bring, in centidegrees.

    Uniaxial broadening is least along one direction: the largest size and the smallest strain.
    """
    endings = ("", " equatorial", " axial")
    found = {p.name: p.value for p in result.parameters}
    sizes = [found[f"{where}:size{e}"] for e in endings if found.get(f"{where}:size{e}", 0.0) > 0]
    strains = [found[f"{where}:strain{e}"] for e in endings if f"{where}:strain{e}" in found]
    size = 1.8 * wavelength / (np.pi * max(sizes) * cosine) if sizes else np.zeros_like(cosine)
    strain = 0.018 / np.pi * min(strains) * tangent if strains else np.zeros_like(cosine)
    size_mix, strain_mix = found.get(f"{where}:size_mix", 1.0), found.get(f"{where}:strain_mix", 1.0)
    variance = ((size * (1.0 - size_mix)) ** 2 + (strain * (1.0 - strain_mix)) ** 2) / (8.0 * np.log(2.0))
    return variance, size * size_mix + strain * strain_mix


def _widths(histogram: Histogram, result: Result) -> Iterator[Finding]:
    """The Gaussian variance and the Lorentzian width as polynomials of the angle, over the whole range."""
    x = np.linspace(*histogram.limits, 541)
    tangent, cosine = np.tan(np.radians(x / 2)), np.cos(np.radians(x / 2))
    u, v, w, lx, ly, lz = (_value(result, f"{histogram.name}:{key}") for key in "UVWXYZ")
    variance = u * tangent**2 + v * tangent + w
    wavelength = histogram.instrument.wavelengths[0]
    for phase in result.phases:
        gauss, lorentz = _sample_widths(result, f"{phase.name}:{histogram.name}", wavelength, tangent, cosine)
        gamma = lx / cosine + ly * tangent + lz + lorentz
        for kind, width in (("Gaussian", variance + gauss), ("Lorentzian", gamma)):
            negative = float(np.mean(width < 0))
            if negative == 0:
                continue
            if kind == "Gaussian" and phase is not result.phases[0] and not np.any(gauss > 0):
                continue  # the variance is the instrument's alone: once is enough
            where = x[width < 0]
            severity = Severity.ERROR if negative > LIMITS.width_negative_error else Severity.WARNING
            yield Finding(
                "width-not-positive",
                severity,
                f"the {kind} width of {phase.name} in {histogram.name} would be negative from {where[0]:.1f} to "
                f"{where[-1]:.1f}° ({100 * negative:.0f} % of the range)",
                {"fraction": negative, "from": float(where[0]), "to": float(where[-1])},
                {"phase": phase.name, "histogram": histogram.name, "width": kind},
            )


def _background(histogram: Histogram, curves: Curves) -> Iterator[Finding]:
    used = curves.weights > 0
    if not np.any(used):
        return
    sigma = 1.0 / np.sqrt(curves.weights[used])
    background, observed = curves.background[used], curves.observed[used]
    below = float(np.mean(background < 0))
    if below > 0:
        yield Finding(
            "background-negative",
            Severity.ERROR if below > LIMITS.background_negative else Severity.WARNING,
            f"the background of {histogram.name} is negative over {100 * below:.1f} % of the range",
            {"fraction": below},
            {"histogram": histogram.name},
        )
    above = float(np.mean(background > observed + 3.0 * sigma))
    if above > LIMITS.background_above:
        yield Finding(
            "background-above-data",
            Severity.WARNING,
            f"the background of {histogram.name} runs above the data over {100 * above:.0f} % of the range",
            {"fraction": above},
        )
    yield from _wiggles(histogram, curves, float(np.median(sigma)))


def _wiggles(histogram: Histogram, curves: Curves, sigma: float) -> Iterator[Finding]:
    """Look for a background that goes up and down as fast as the lines do, by more than the noise of a point."""
    lines = [item for item in curves.reflections if item.fwhm.size]
    if not lines:
        return
    place, width = (np.concatenate([getattr(item, key) for item in lines]) for key in ("two_theta", "fwhm"))
    order = np.argsort(place)
    used = curves.weights > 0
    x, background = curves.x[used], curves.background[used]
    turns = np.flatnonzero(np.diff(np.sign(np.diff(background))) != 0) + 1
    if turns.size < 2:
        return
    swing, length = np.abs(np.diff(background[turns])), np.diff(x[turns])
    local = np.interp(0.5 * (x[turns][1:] + x[turns][:-1]), place[order], width[order])
    fast = (swing > sigma) & (length < LIMITS.wiggle_widths * local)
    if np.count_nonzero(fast) >= _FEWEST_SWINGS:
        apart, wide = float(np.median(length[fast])), float(np.median(local[fast]))
        yield Finding(
            "background-wiggles",
            Severity.WARNING,
            f"the background of {histogram.name} turns {np.count_nonzero(fast)} times within {apart:.2f}°, nearly as "
            f"fast as the lines ({wide:.2f}° wide)",
            {"count": float(np.count_nonzero(fast)), "spacing": apart, "width": wide},
        )


_MARKS = {"Bragg-Brentano": "Shift", "Debye-Scherrer": "DisplaceX"}


def _geometry(histogram: Histogram, result: Result) -> Iterator[Finding]:
    """Say so where the geometry is one that nobody declared, and not the one that is assumed."""
    names = {parameter.name for parameter in result.parameters}
    used = next((geometry for geometry, mark in _MARKS.items() if f"{histogram.name}:{mark}" in names), None)
    assumed = histogram.instrument.geometry
    if used is not None and assumed is not None and used != assumed:
        yield Finding(
            "geometry-not-as-assumed",
            Severity.WARNING,
            f"{histogram.name} was refined as {used}, not as {assumed}, which its instrument suggests: nobody said "
            "which it is (data: geometry)",
        )


def _corrections(histogram: Histogram, result: Result) -> Iterator[Finding]:
    transparency = _value(result, f"{histogram.name}:Transparency")
    if transparency < 0:
        yield Finding(
            "transparency-negative",
            Severity.WARNING,
            f"the transparency of {histogram.name} is negative ({transparency:.2f}): it stands for something else",
            {"value": transparency},
        )
    for key in ("Shift", "DisplaceX", "DisplaceY"):
        value = _value(result, f"{histogram.name}:{key}")
        if abs(value) > LIMITS.displacement:
            yield Finding(
                "displacement-large",
                Severity.WARNING,
                f"{key} of {histogram.name} is {value:.0f} µm, more than a sample is usually out of place",
                {"value": value},
            )

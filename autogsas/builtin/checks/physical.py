"""Checks of physical sense. All thresholds are in `limits`.

An error means that the model is impossible and the trial cannot be the best; a warning that it is suspicious.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.bounds import (
    check_displacements,
    check_occupancies,
    check_shares,
    milder_in_traces,
    trace_phases,
)
from autogsas.builtin.checks.contacts import check_contacts
from autogsas.builtin.checks.exchange import check_exchange
from autogsas.builtin.checks.given import Given
from autogsas.builtin.checks.limits import LIMITS, Limits
from autogsas.builtin.checks.lookup import of_histogram, of_phase, value_of, with_curves
from autogsas.builtin.checks.terms import check_terms
from autogsas.crystal.origins import both_move_the_origin, fixing_the_origin
from autogsas.crystal.strain import strain_terms
from autogsas.crystal.symmetry import cell_to_metric
from autogsas.hooks.specs import hookimpl
from autogsas.model.metrics import Metrics, measure
from autogsas.model.project import Histogram, Project
from autogsas.model.result import Curves, Finding, Parameter, ParameterGroup, Result, Severity, StepResult
from autogsas.model.structure import Phase

__all__ = ["LIMITS", "Limits"]

Array = npt.NDArray[np.float64]

_FEWEST_SWINGS = 3  # a broad peak of the sample holder goes up and down once


@hookimpl
def autogsas_check_result(project: Project, result: Result, metrics: Metrics) -> list[Finding]:
    """Check everything that can be checked without knowing the sample."""
    traces = trace_phases(result)
    findings = [
        *_convergence(project, result),
        *check_displacements(project, result),
        *check_occupancies(result),
        *check_shares(result),
        *_cells(project, result),
    ]
    findings += [*_correlations(result), *_figures(project, result, metrics), *_restraints(result)]
    for histogram, curves in with_curves(project, result):
        findings += (milder_in_traces(f, f.about["phase"], traces) for f in _widths(histogram, result))
        findings += _background(histogram, curves)
        findings += check_terms(histogram, curves, result)
        findings += _geometry(histogram, curves)
        findings += _corrections(histogram, result)
        findings += check_exchange(histogram, curves, result)
    given = Given.of(project, result)
    for phase in result.phases:
        findings += (milder_in_traces(finding, phase.name, traces) for finding in check_contacts(phase, given))
    return findings


def _figures(project: Project, result: Result, metrics: Metrics) -> Iterator[Finding]:
    """Compare Rwp with Rexp, for all and for each histogram: a bad fit of others may hide a suspicious one."""
    shown = {"": metrics}
    if len(project.histograms) > 1:
        share = result.n_variables / max(metrics.n_observations, 1)
        for curves in result.curves:
            # A missing value has no weight, but zero times NaN is NaN.
            observed, calculated = (np.where(curves.weights > 0, c, 0.0) for c in (curves.observed, curves.calculated))
            points = np.count_nonzero(curves.weights > 0)
            shown[f" of {curves.histogram}"] = measure(observed, calculated, curves.weights, round(share * points))
    for whose, figures in shown.items():
        # chi^2/(N-P) of a right model scatters about 1 by the square root of 2/(N-P).
        scatter = np.sqrt(2.0 / max(figures.n_observations - figures.n_variables, 1))
        if (figures.rwp / figures.rexp) ** 2 < 1.0 - LIMITS.least_gof_esds * scatter:
            yield Finding(
                "rwp-below-rexp",
                Severity.WARNING,
                f"Rwp{whose}, {figures.rwp:.2f} %, is below Rexp, {figures.rexp:.2f} %, by more than chance: the "
                "weights are not those of counting statistics, or the model fits the noise",
                {"rwp": figures.rwp, "rexp": figures.rexp},
            )


def _restraints(result: Result) -> Iterator[Finding]:
    if result.n_restraints:
        yield Finding(
            "restraints",
            Severity.WARNING,
            f"{result.n_restraints} restraints act on the refinement; Rwp and chi² do not include them",
            {"count": float(result.n_restraints)},
        )


def _convergence(project: Project, result: Result) -> Iterator[Finding]:
    if not result.steps:
        return
    last = result.steps[-1]
    if not last.converged:
        # The published search stops after three cycles, converged or not; an error would rule out all its trials.
        published = project.search.space == "published-2020"
        yield Finding(
            "not-converged",
            Severity.WARNING if published else Severity.ERROR,
            f"the last step did not converge: {_unconverged(last)}",
            {"shift_esd": last.shift_esd} if np.isfinite(last.shift_esd) else {},
            advice="refine fewer parameters at a time, or start from better values",
        )
    at_origin = fixing_the_origin(last.dropped, result.parameters, result.phases)
    dropped = [name for name in last.dropped if name not in at_origin]
    if at_origin:
        yield Finding(
            "origin-fixed",
            Severity.INFO,
            f"{', '.join(at_origin)} {'fixes' if len(at_origin) == 1 else 'fix'} the origin, which the space group "
            "leaves free: not refined, as it should be",
            {"count": float(len(at_origin))},
        )
    if dropped:
        yield Finding(
            "singular",
            Severity.WARNING,
            f"not refined in the last step, since the data do not determine them: {', '.join(dropped)}",
            {"count": float(len(dropped))},
        )
    if last.at_bound:
        yield Finding(
            "at-bound",
            Severity.WARNING,
            f"at the end of the allowed range: {', '.join(last.at_bound)}",
            {"count": float(len(last.at_bound))},
        )


def _unconverged(step: StepResult) -> str:
    """Return why a step did not converge and how far its parameters still move."""
    parts = [step.message] if step.message else []
    if np.isfinite(step.shift_esd):
        parts.append(f"parameters still move by up to {step.shift_esd:.2g} esd")
    # The engine's message may consist of several parts itself.
    return ("; " if ";" in step.message else ", but ").join(parts) or "the engine gives no reason"


def _cells(project: Project, result: Result) -> Iterator[Finding]:
    """Compare the cell with the project's, whatever cell the recipe started from."""
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
                f"the cell of {phase.name} differs by {100 * moved:.2f} % from the project's",
                {"fraction": moved},
            )
        if moved > LIMITS.cell_agrees:
            yield from _found(project, phase.name, old, new)


def _found(project: Project, name: str, old: Array, new: Array) -> Iterator[Finding]:
    """Report that the patterns show another cell than the project's, and that the refinement ended there."""
    found = (project.found_cells or {}).get(name)
    if found is None:
        return
    away, moved = (float(np.max(np.abs(np.array(found) / other - 1.0))) for other in (new, old))
    if away < LIMITS.cell_agrees:
        yield Finding(
            "cell-found",
            Severity.INFO,
            f"the peak positions give a cell of {name} that differs by {100 * moved:.2f} % from the project's; "
            "the refinement converged to that cell",
            {"fraction": moved},
        )


def _correlations(result: Result) -> Iterator[Finding]:
    if len(result.varied) < 2:
        return
    # Background terms are always correlated with each other, whatever the sample.
    background = {parameter.name for parameter in result.parameters if parameter.group == "background"}
    shown = [i for i, name in enumerate(result.varied) if name not in background]
    matrix = np.abs(np.triu(result.correlation[np.ix_(shown, shown)], 1))
    rows, columns = np.nonzero(matrix > LIMITS.correlation)
    order = np.argsort(-matrix[rows, columns])
    pairs = [(result.varied[shown[rows[k]]], result.varied[shown[columns[k]]], k) for k in order]
    pairs = [pair for pair in pairs if not both_move_the_origin(*pair[:2], result.parameters, result.phases)]
    for a, b, k in pairs[:5]:
        value = float(matrix[rows[k], columns[k]])
        yield Finding(
            "correlated",
            Severity.WARNING,
            f"{a} and {b} are correlated ({value:.3f}): the data can hardly distinguish them",
            {"correlation": value},
        )


def _broadening(result: Result, phase: Phase, histogram: str, group: ParameterGroup) -> list[float]:
    """Return the size or strain of a phase, isotropic, in two or in many directions; nothing for other models."""
    model = phase.specimen.size if group == "size" else phase.specimen.strain
    found = of_phase(result, phase.name, histogram, group)
    if model.model == "generalized" and found:
        metric = cell_to_metric(phase.cell.values())
        strains = strain_terms(phase.space_group).strains(np.array([p.value for p in found]), metric)
        return [float(strain) for strain in strains]
    return [p.value for p in found] if len(found) == (2 if model.model == "uniaxial" else 1) else []


def _sample_widths(
    result: Result, phase: Phase, histogram: Histogram, tangent: Array, cosine: Array
) -> tuple[Array, Array]:
    """Return the smallest Gaussian variance and Lorentzian width of a phase's size and strain, in centidegrees.

    Formulas as in `autogsas.engine.broadening`. Broadening by direction is smallest along one: the largest size and the
    smallest strain.
    """
    sizes = [value for value in _broadening(result, phase, histogram.name, "size") if value > 0]
    strains = _broadening(result, phase, histogram.name, "strain")
    wavelength = histogram.instrument.wavelengths[0]
    size = 1.8 * wavelength / (np.pi * max(sizes) * cosine) if sizes else np.zeros_like(cosine)
    strain = 0.018 / np.pi * min(strains) * tangent if strains else np.zeros_like(cosine)
    size_mix, strain_mix = (_mix(of_phase(result, phase.name, histogram.name, g)) for g in ("size_mix", "strain_mix"))
    variance = ((size * (1.0 - size_mix)) ** 2 + (strain * (1.0 - strain_mix)) ** 2) / (8.0 * np.log(2.0))
    return variance, size * size_mix + strain * strain_mix


def _mix(found: list[Parameter]) -> float:
    return found[0].value if found else 1.0


def _widths(histogram: Histogram, result: Result) -> Iterator[Finding]:
    """Report where the Gaussian variance or the Lorentzian width, as functions of the angle, are negative."""
    x = np.linspace(*histogram.limits, 541)
    tangent, cosine = np.tan(np.radians(x / 2)), np.cos(np.radians(x / 2))
    groups: tuple[ParameterGroup, ...] = ("U", "V", "W", "X", "Y", "Z")
    u, v, w, lx, ly, lz = (value_of(result, histogram.name, group) for group in groups)
    variance = u * tangent**2 + v * tangent + w
    for phase in result.phases:
        gauss, lorentz = _sample_widths(result, phase, histogram, tangent, cosine)
        gamma = lx / cosine + ly * tangent + lz + lorentz
        for kind, width in (("Gaussian", variance + gauss), ("Lorentzian", gamma)):
            negative = float(np.mean(width < 0))
            if negative == 0:
                continue
            if kind == "Gaussian" and phase is not result.phases[0] and not np.any(gauss > 0):
                continue  # the variance is the instrument's alone: one finding is enough
            where = x[width < 0]
            severity = Severity.ERROR if negative > LIMITS.width_negative_error else Severity.WARNING
            yield Finding(
                "width-not-positive",
                severity,
                f"the {kind} width of {phase.name} in {histogram.name} would be negative from {where[0]:.1f} to "
                f"{where[-1]:.1f}° ({100 * negative:.0f} % of the range)",
                {"fraction": negative, "from": float(where[0]), "to": float(where[-1])},
                {"phase": phase.name, "histogram": histogram.name, "width": kind},
                advice="start from the instrument's widths, measured on a standard, and refine fewer of U V W X Y",
            )


def _background(histogram: Histogram, curves: Curves) -> Iterator[Finding]:
    used = curves.weights > 0
    if not np.any(used):
        return
    sigma = 1.0 / np.sqrt(curves.weights[used])
    background, observed = curves.background[used], curves.observed[used]
    # What was subtracted from a pattern leaves it negative in places, and a right background with it.
    lowest = min(float(np.quantile(observed, LIMITS.background_negative)), 0.0)
    noise = LIMITS.background_esds * sigma
    below, beyond = float(np.mean(background < -noise)), float(np.mean(background < lowest - noise))
    if below > 0:
        severity = Severity.INFO if lowest < 0 and beyond == 0 else Severity.WARNING
        yield Finding(
            "background-negative",
            Severity.ERROR if beyond > LIMITS.background_negative else severity,
            f"the background of {histogram.name} is negative, by more than {LIMITS.background_esds:g} sigma, over "
            f"{100 * below:.1f} % of the range"
            + (", as the data are: something was subtracted from them" if severity is Severity.INFO else ""),
            {"fraction": below},
            {"histogram": histogram.name},
            advice="use fewer terms of the background, or another function",
        )
    above = float(np.mean(background > observed + noise))
    if above > LIMITS.background_above:
        yield Finding(
            "background-above-data",
            Severity.WARNING,
            f"the background of {histogram.name} is above the data over {100 * above:.0f} % of the range",
            {"fraction": above},
        )
    yield from _wiggles(histogram, curves, float(np.median(sigma)))


def _wiggles(histogram: Histogram, curves: Curves, sigma: float) -> Iterator[Finding]:
    """Report a background that goes up and down nearly as fast as the peaks, by more than the noise of a point."""
    peaks = [item for item in curves.reflections if item.fwhm.size]
    if not peaks:
        return
    place, width = (np.concatenate([getattr(item, key) for item in peaks]) for key in ("two_theta", "fwhm"))
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
            f"the background of {histogram.name} oscillates {np.count_nonzero(fast)} times with a spacing of "
            f"{apart:.2f}°, close to the width of the peaks ({wide:.2f}°)",
            {"count": float(np.count_nonzero(fast)), "spacing": apart, "width": wide},
        )


def _geometry(histogram: Histogram, curves: Curves) -> Iterator[Finding]:
    """Report a geometry that differs from the assumed one, which the project does not set."""
    used, assumed = curves.geometry, histogram.instrument.geometry
    if used is not None and assumed is not None and used != assumed:
        yield Finding(
            "geometry-not-as-assumed",
            Severity.WARNING,
            f"{histogram.name} was refined as {used}, although its instrument suggests {assumed}: set the geometry of "
            "the data in the project (data: geometry)",
        )


def _corrections(histogram: Histogram, result: Result) -> Iterator[Finding]:
    transparency = value_of(result, histogram.name, "transparency")
    if transparency < 0:
        yield Finding(
            "transparency-negative",
            Severity.WARNING,
            f"the transparency of {histogram.name} is negative ({transparency:.2f}), which is impossible: it "
            "compensates for another error",
            {"value": transparency},
        )
    for parameter in of_histogram(result, histogram.name, "displacement"):
        value = parameter.value
        if abs(value) > LIMITS.displacement:
            label = parameter.name.removeprefix(f"{histogram.name}:")
            yield Finding(
                "displacement-large",
                Severity.WARNING,
                f"{label} of {histogram.name} is {value:.0f} µm, unusually large for a sample displacement",
                {"value": value},
            )

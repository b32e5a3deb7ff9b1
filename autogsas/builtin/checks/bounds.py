"""Displacement parameters and occupancies outside their physical range, or not distinguishable from its end.

What a crystallographer would call impossible is an error, and rules the trial out: a value that is outside its range by
more than three of its esds, or outside without an esd after a refinement moved it. What the project's author set and no
step refined is the author's to judge, and a warning. What the data do not determine is a warning: a U of -0.0004(3)
is not a negative U but one that these data cannot tell from zero, and all else in that refinement may be right. An
engine that stops U at zero gives no esd there; that too is a warning, since nobody knows how negative it would be. A
phase of few per cent (`LIMITS.trace`) determines little more than its scale; what runs away in it is reported as not
determined, because the other phases do not depend on it.

A U close to zero is a warning where a usual one, 0.003 Å² at room temperature, is excluded by two esds: something else
then dampens the intensities (absorption, roughness, texture, a wrong element). Otherwise it is only noted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from autogsas.builtin.checks.given import Given
from autogsas.builtin.checks.limits import LIMITS
from autogsas.model.project import Project
from autogsas.model.result import Finding, Parameter, Result, Severity
from autogsas.model.structure import Phase, Site, equivalent_u
from autogsas.text.formatting import with_esd

__all__ = ["check_displacements", "check_occupancies", "check_shares", "milder_in_traces", "trace_phases"]


_SIMPLER_U = (
    "refine one U for all sites of a phase or none (search: groups: never: [uiso]); check the elements and occupancies "
    "of the sites, and preferred orientation"
)
_NO_TENSORS = "refine isotropic U in place of tensors (search: groups: never: [uaniso])"
_GIVEN = ": the project's own value, not refined"
_OCCUPANCY = "do not refine occupancies, or check the elements of the sites"


def trace_phases(result: Result) -> dict[str, float]:
    """Return the phases whose share of the mass is below `LIMITS.trace` wherever they are refined, with their share."""
    shares: dict[str, float] = {}
    for parameter in result.parameters:
        if parameter.group == "weight_fraction" and parameter.phase is not None:
            shares[parameter.phase] = max(parameter.value, shares.get(parameter.phase, -math.inf))
    return {name: share for name, share in shares.items() if share < LIMITS.trace}


def milder_in_traces(finding: Finding, phase: str, traces: dict[str, float]) -> Finding:
    """Return an error about a trace phase as a warning that says why it is none; other findings unchanged."""
    if finding.severity is not Severity.ERROR or phase not in traces:
        return finding
    text = (
        f"{finding.message}; {phase} has only {100.0 * traces[phase]:.1f} % of the mass, which does not determine "
        "this: do not refine it"
    )
    return replace(finding, severity=Severity.WARNING, message=text)


def check_displacements(project: Project, result: Result) -> Iterator[Finding]:
    """Report U out of range or at its end, isotropic or equivalent, and tensors that are not positive definite."""
    by_site: dict[tuple[str | None, str | None], list[Parameter]] = {}
    for parameter in result.parameters:
        if parameter.group in ("uiso", "uiso_shared", "uaniso"):
            by_site.setdefault((parameter.phase, parameter.site), []).append(parameter)
    traces, given = trace_phases(result), Given.of(project, result)
    stopped = frozenset(result.steps[-1].at_bound) if result.steps else frozenset()
    for phase in result.phases:
        if phase.intensities == "Le Bail":
            continue  # its atoms make no reflections
        for site in phase.sites:
            own = by_site.get((phase.name, site.label), [])
            esds = [p.esd for p in own if p.esd is not None]
            at_end = any(name.startswith(f"{phase.name}:") and "Uiso" in name for name in stopped)
            own_value = given.displacement(phase, site) and not at_end
            esd = max(esds) if esds else None
            for finding in _site(phase, site, esd, phase.name in traces, at_end=at_end, given=own_value):
                yield milder_in_traces(finding, phase.name, traces)


def _site(phase: Phase, site: Site, esd: float | None, trace: bool, *, at_end: bool, given: bool) -> Iterator[Finding]:
    about = {"phase": phase.name, "site": site.label}
    slack = LIMITS.outside_esd * esd if esd is not None else 0.0
    value, kind = site.uiso, "U_iso"
    if site.uaniso is not None:
        value, kind = equivalent_u(phase.cell, site.uaniso), "the equivalent U"
        u11, u22, u33, u12, u13, u23 = site.uaniso
        # Scaling the axes, as from U to beta, changes eigenvalues but not their signs.
        smallest = float(np.linalg.eigvalsh([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])[0])
        if smallest <= 0:
            within = -smallest <= slack
            yield Finding(
                "u-not-positive-definite",
                Severity.WARNING if within or given else Severity.ERROR,
                f"the displacement tensor of {phase.name} {site.label} is not positive definite"
                + (_GIVEN if given else ", within its esds: the data do not determine it" if within else ""),
                {"smallest": smallest},
                about,
                advice=_NO_TENSORS,
            )
    if not 0.0 < value <= LIMITS.u_high:
        within = esd is not None and -slack <= value <= LIMITS.u_high + slack
        undetermined = within or (at_end and value == 0.0)
        text = f"{kind} of {phase.name} {site.label} is {_number(value, esd)} Å², outside 0 to {LIMITS.u_high} Å²"
        if given:
            text += _GIVEN
        elif undetermined:
            near = "zero" if value <= 0.0 else f"{LIMITS.u_high} Å²"
            text += (
                f", but within {LIMITS.outside_esd:g} esds of {near}" if within else ": the refinement stopped there"
            )
            text += "; the data do not determine it, or something else dampens the intensities less"
        yield Finding(
            "u-out-of-range",
            _severity(trace=trace, undetermined=undetermined, given=given),
            text,
            {"value": value} if esd is None else {"value": value, "esd": esd},
            about,
            advice=_SIMPLER_U,
        )
    elif esd is not None and value < LIMITS.distinct_esd * esd:
        small = value + LIMITS.distinct_esd * esd < LIMITS.u_usual and not trace
        yield Finding(
            "not-distinct-from-bound",
            Severity.WARNING if small else Severity.INFO,
            f"{kind} of {phase.name} {site.label}, {_number(value, esd)} Å², is not different from zero"
            + (": something else dampens the intensities less than a usual U would" if small else ""),
            {"value": value, "esd": esd},
            about,
        )


def _severity(*, trace: bool, undetermined: bool, given: bool) -> Severity:
    if given:
        return Severity.WARNING
    if not undetermined:
        return Severity.ERROR
    return Severity.INFO if trace else Severity.WARNING


def _number(value: float, esd: float | None) -> str:
    return f"{value:.4f}" if esd is None else with_esd(value, esd)


def check_occupancies(result: Result) -> Iterator[Finding]:
    """Report refined occupancies outside 0 to 1, mildly where their esds allow 0 or 1, and sites that may be empty."""
    traces = trace_phases(result)
    for parameter in result.parameters:
        if parameter.group != "occupancy" or parameter.esd is None:
            continue
        numbers = {"value": parameter.value, "esd": parameter.esd}
        about = {"phase": parameter.phase or "", "site": parameter.site or ""}
        outside = max(-parameter.value, parameter.value - 1.0)
        within = outside <= LIMITS.outside_esd * parameter.esd
        if outside > (LIMITS.occupancy_slack if within else 0.0):
            text = f"{parameter.name} is {with_esd(parameter.value, parameter.esd)}, outside 0 to 1"
            text += f", but within {LIMITS.outside_esd:g} of its esds: the data do not determine it" if within else ""
            severity = Severity.WARNING if within else Severity.ERROR
            finding = Finding("occupancy-out-of-range", severity, text, numbers, about, advice=_OCCUPANCY)
            yield milder_in_traces(finding, parameter.phase or "", traces)
        elif parameter.value < LIMITS.distinct_esd * parameter.esd:
            shown = with_esd(parameter.value, parameter.esd)
            text = f"{parameter.name}, {shown}, is not different from zero: the site may be empty"
            yield Finding("not-distinct-from-bound", Severity.INFO, text, numbers, about)


def check_shares(result: Result) -> Iterator[Finding]:
    """Note phases whose share of the mass is not different from zero."""
    for parameter in result.parameters:
        if parameter.group != "weight_fraction" or parameter.esd is None or parameter.phase is None:
            continue
        if parameter.value < LIMITS.outside_esd * parameter.esd:
            shown = with_esd(100.0 * parameter.value, 100.0 * parameter.esd)
            yield Finding(
                "not-distinct-from-bound",
                Severity.INFO,
                f"the share of {parameter.phase} in {parameter.histogram}, {shown} wt%, is not different from zero: "
                "the pattern does not show this phase",
                {"value": parameter.value, "esd": parameter.esd},
                {"phase": parameter.phase, "histogram": parameter.histogram or ""},
            )

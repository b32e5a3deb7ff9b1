"""How the default strategy repairs a trial: what a finding calls impossible is fixed, or described more simply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autogsas.builtin.strategy.options import GAUSSIAN, LORENTZIAN, displacements, options
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Project
from autogsas.model.result import Finding, Severity
from autogsas.model.trial import Choices, TrialRecord

__all__: list[str] = []

_SIMPLER_U: Mapping[str, tuple[str, ...]] = {
    "anisotropic": ("per site", "shared", "none"),
    "per site": ("shared", "none"),
    "shared": ("none",),
}
# If it is not refined, the Gaussian part is the instrument's, which is positive.
_SIMPLER_GAUSSIAN: Mapping[str, tuple[str, ...]] = {"U V W": ("none",), "U W": ("none",), "W": ("none",)}
_SIMPLER_LORENTZIAN: Mapping[str, tuple[str, ...]] = {
    "X Y": ("Y", "none"),
    "size strain": ("Y", "none"),
    "X": ("none",),
    "Y": ("none",),
}


@hookimpl
def autogsas_repair_trial(project: Project, record: TrialRecord, capabilities: Capabilities) -> Choices | None:
    """Return the trial's choices with a remedy for each error; None if one of them has no remedy."""
    if project.search.space != "default":
        return None
    errors = [finding for finding in record.findings if finding.severity is Severity.ERROR]
    choices = dict(record.choices)
    # Several sites of a phase, or several phases of a histogram, need the same remedy once.
    remedies = {_remedy(finding, record.choices, project, capabilities) for finding in errors}
    for remedy in remedies:
        if remedy is None:
            return None
        choices[remedy[0]] = remedy[1]
    return choices if choices != record.choices else None


def _remedy(
    finding: Finding, choices: Choices, project: Project, capabilities: Capabilities
) -> tuple[str, str | bool] | None:
    histogram, phase = finding.about.get("histogram", ""), finding.about.get("phase", "")
    name = ""
    simpler: Mapping[str, tuple[str, ...]] = {}
    offered: Iterable[str] = ()
    match finding.code:
        case "width-not-positive":
            kind = finding.about.get("width") == "Gaussian"
            name = _of("profile.gaussian" if kind else "profile.lorentzian", histogram, len(project.histograms))
            simpler = _SIMPLER_GAUSSIAN if kind else _SIMPLER_LORENTZIAN
            offered = options(GAUSSIAN if kind else LORENTZIAN, project, capabilities)
        case "u-out-of-range" | "u-not-positive-definite":
            name, simpler = _of("structure.u", phase, len(project.phases)), _SIMPLER_U
            offered = next((displacements(p, project, capabilities) for p in project.phases if p.name == phase), ())
        case "occupancy-out-of-range" if choices.get("offered.occupancy"):
            return ("offered.occupancy", False)
    return next(((name, one) for one in simpler.get(str(choices.get(name)), ()) if one in offered), None)


def _of(name: str, whose: str, count: int) -> str:
    return f"{name}[{whose}]" if count > 1 else name

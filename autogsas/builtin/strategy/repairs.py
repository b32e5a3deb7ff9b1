"""How the default strategy mends a trial: what a finding calls impossible is held, or made plainer by one turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from autogsas.builtin.strategy.options import GAUSSIAN, LORENTZIAN, displacements, options
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Project
from autogsas.model.result import Finding, Severity
from autogsas.model.trial import TrialRecord

__all__: list[str] = []

_PLAINER_U: Mapping[str, tuple[str, ...]] = {
    "anisotropic": ("per site", "shared", "none"),
    "per site": ("shared", "none"),
    "shared": ("none",),
}
# Held, the Gaussian part is the instrument's, which is positive.
_PLAINER_GAUSSIAN: Mapping[str, tuple[str, ...]] = {"U V W": ("none",), "U W": ("none",), "W": ("none",)}
_PLAINER_LORENTZIAN: Mapping[str, tuple[str, ...]] = {
    "X Y": ("Y", "none"),
    "size strain": ("Y", "none"),
    "X": ("none",),
    "Y": ("none",),
}


@hookimpl
def autogsas_mend_trial(project: Project, record: TrialRecord, capabilities: Capabilities) -> Mapping[str, Any] | None:
    """Return the trial's choices with each error that has a remedy mended; None where one of them has none."""
    if project.search.space != "default":
        return None
    errors = [finding for finding in record.findings if finding.severity is Severity.ERROR]
    choices = dict(record.choices)
    # Several sites of a phase, or several phases of a histogram, ask for the same remedy once.
    remedies = {_remedy(finding, record.choices, project, capabilities) for finding in errors}
    for remedy in remedies:
        if remedy is None:
            return None
        choices[remedy[0]] = remedy[1]
    return choices if choices != record.choices else None


def _remedy(
    finding: Finding, choices: Mapping[str, Any], project: Project, capabilities: Capabilities
) -> tuple[str, Any] | None:
    histogram, phase = finding.about.get("histogram", ""), finding.about.get("phase", "")
    name = ""
    plainer: Mapping[str, tuple[str, ...]] = {}
    offered: Iterable[str] = ()
    match finding.code:
        case "width-not-positive":
            kind = finding.about.get("width") == "Gaussian"
            name = _of("profile.gaussian" if kind else "profile.lorentzian", histogram, len(project.histograms))
            plainer = _PLAINER_GAUSSIAN if kind else _PLAINER_LORENTZIAN
            offered = options(GAUSSIAN if kind else LORENTZIAN, project, capabilities)
        case "u-out-of-range" | "u-not-positive-definite":
            name, plainer = _of("structure.u", phase, len(project.phases)), _PLAINER_U
            offered = next((displacements(p, project, capabilities) for p in project.phases if p.name == phase), ())
        case "occupancy-out-of-range" if choices.get("offered.occupancy"):
            return ("offered.occupancy", False)
    return next(((name, one) for one in plainer.get(str(choices.get(name)), ()) if one in offered), None)


def _of(name: str, whose: str, count: int) -> str:
    return f"{name}[{whose}]" if count > 1 else name

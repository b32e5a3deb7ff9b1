"""What a result took over from the project: displacements, positions and cells that were not refined."""

from __future__ import annotations

from collections.abc import Iterator

from autogsas.crystal.phases import PhaseState
from autogsas.hooks.specs import hookimpl
from autogsas.model.metrics import Metrics
from autogsas.model.project import Project
from autogsas.model.result import Finding, Parameter, Result, Severity
from autogsas.model.structure import Phase

__all__: list[str] = []

_DISPLACEMENTS = ("uiso", "uiso_shared", "uaniso")


@hookimpl
def autogsas_check_result(project: Project, result: Result, metrics: Metrics) -> list[Finding]:
    """Say which values of structures are the project's own, where others of the result are the data's."""
    never = project.search.groups.never
    kept = [
        f"{' and '.join(what)} of {phase.name}"
        for phase in result.phases
        if phase.intensities != "Le Bail" and (what := list(_kept(phase, result, never)))
    ]
    if not kept:
        return []
    return [
        Finding(
            "kept",
            Severity.WARNING,
            f"not refined, but the project's own values: {'; '.join(kept)}; their esds are not known",
            {"count": float(len(kept))},
        )
    ]


def _kept(phase: Phase, result: Result, never: tuple[str, ...]) -> Iterator[str]:
    own = [one for one in result.parameters if one.phase == phase.name]
    left_out = result.steps[-1].dropped if result.steps else ()
    if "cell" not in never and not _any_refined(own, ("cell",)):
        yield "cell"
    labels = [site.label for site in phase.sites]
    if not set(_DISPLACEMENTS) <= set(never):
        fixed = [site for site in labels if not _any_refined(own, _DISPLACEMENTS, site)]
        if fixed:
            yield f"U of {_names(fixed, labels)}"
    if "positions" not in never:
        free = [site for site, one in zip(labels, PhaseState.of(phase).sites, strict=True) if one.position_basis.size]
        fixed = [
            site
            for site in free
            if not _any_refined(own, ("positions",), site)
            # What fixes the origin is not kept for want of evidence.
            and not any(name.startswith(f"{phase.name}:{site}:") for name in left_out)
        ]
        if fixed:
            yield f"positions of {_names(fixed, free)}"


def _any_refined(own: list[Parameter], groups: tuple[str, ...], site: str | None = None) -> bool:
    return any(one.esd is not None and one.group in groups and site in (None, one.site) for one in own)


def _names(some: list[str], every: list[str]) -> str:
    return "all sites" if len(some) == len(every) > 1 else ", ".join(some)

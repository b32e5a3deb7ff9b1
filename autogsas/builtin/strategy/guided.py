"""The guided trial: what it begins with and what it may free; the data decide (see `autogsas.guide`)."""

from __future__ import annotations

from autogsas.builtin.strategy.options import allowed
from autogsas.builtin.strategy.starts import offered_starts
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Seed
from autogsas.model.advice import Guide
from autogsas.model.project import Project
from autogsas.model.recipe import Background, BackgroundFunction, Free, Recipe, Start, Step

__all__ = ["guided_seeds"]

# A smooth background takes some; the data ask for more where that pays. Not measured.
_TERMS = 8
_CYCLES = 5


def guided_seeds(project: Project, capabilities: Capabilities) -> list[Seed]:
    """Return the guided trial, if the engine can tell what to free next."""
    if not capabilities.advises:
        return []
    function = _function(project, capabilities)
    if function is None:
        return []
    low, high = project.search.background.terms
    count = min(max(_TERMS, low), high)
    found = offered_starts(project, capabilities)
    beginnings = tuple(
        _beginning(project, capabilities, function, count, starts) for starts in ((), *((found,) if found else ()))
    )
    guide = Guide(beginnings, function=function, terms=(low, max(high, count)))
    return [Seed("guided by the data", recipe=Recipe(steps=beginnings[:1]), guide=guide)]


def _beginning(
    project: Project, capabilities: Capabilities, function: BackgroundFunction, terms: int, starts: tuple[Start, ...]
) -> Step:
    always = allowed(project.search.groups.always, project, capabilities)
    return Step(
        title="scale and background",
        start=starts,
        background=tuple(Background(function=function, terms=terms, histogram=h.name) for h in project.histograms),
        free=(Free(group="scale"), Free(group="background"), *(Free(group=group) for group in always)),
        cycles=_CYCLES,
    )


def _function(project: Project, capabilities: Capabilities) -> BackgroundFunction | None:
    """Return the background function: a polynomial where it is allowed, since more of its terms always fit better."""
    offered = [name for name in project.search.background.functions if name in capabilities.backgrounds]
    return "chebyschev-1" if "chebyschev-1" in offered else offered[0] if offered else None

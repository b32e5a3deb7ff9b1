"""From the choosing hooks to one recipe that fits the project and the backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Plan
from autogsas.hooks.host import Host
from autogsas.model.instrument import Geometry
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import GROUPS, Background, Free, Recipe, Start, Step
from autogsas.model.trial import Choices
from autogsas.trial.choosers import Chooser, ForHistogram, OfferedChoose, PlainChoose, Recorder, Value
from autogsas.trial.cutting import Cut

__all__ = ["build_recipe", "fitting_choices", "rehearse"]


def build_recipe(host: Host, project: Project, capabilities: Capabilities, choose: Chooser) -> Recipe:
    """Call the choosing hooks and return the recipe they make, without what the backend or the geometry does not have.

    With several histograms, the choices for one of them are named "name[HISTOGRAM]". Raises PluginError with the name
    of the hook and its plugins if a hook fails, no plugin answers, or an answer is not of the right kind.
    """
    several = len(project.histograms) > 1
    starts = host.call("choose_start", choose=choose, project=project, capabilities=capabilities) or ()
    if not isinstance(starts, Sequence) or not all(isinstance(start, Start) for start in starts):
        raise _wrong(host, "choose_start", starts, "a sequence of Start")
    project, geometry = _geometries(host, project, capabilities, choose)
    backgrounds: list[Background] = []
    profile: list[Free] = []
    window: dict[str, tuple[float, float]] = {}
    for histogram in project.histograms:
        own = ForHistogram(choose, histogram.name) if several else choose
        asked = {"choose": own, "project": project, "histogram": histogram}
        background = host.call("set_background", **asked, capabilities=capabilities)
        if background is None:
            raise _unanswered(project, "set_background")
        backgrounds.append(_background(host, background, histogram, capabilities, several))
        frees = _frees(host, "choose_profile", host.call("choose_profile", **asked, capabilities=capabilities))
        if several:
            frees = [free.model_copy(update={"histogram": free.histogram or histogram.name}) for free in frees]
        profile += frees
        limits = host.call("choose_limits", **asked)
        if limits is not None:
            window[histogram.name] = _window(host, limits, histogram)
    groups = _frees(
        host, "choose_groups", host.call("choose_groups", choose=choose, project=project, capabilities=capabilities)
    )
    cut = Cut(project, capabilities)
    plan = Plan(tuple(backgrounds), tuple(cut.frees(profile)), tuple(cut.frees(groups)), window)
    steps = host.call("order_steps", choose=choose, project=project, plan=plan, capabilities=capabilities)
    if steps is None:
        raise _unanswered(project, "order_steps")
    if not isinstance(steps, Sequence) or not steps or not all(isinstance(step, Step) for step in steps):
        raise _wrong(host, "order_steps", steps, "a sequence of steps, not empty")
    if steps[-1].limits is not None:
        raise _wrong(host, "order_steps", steps[-1].limits, "a last step over the full limits (limits None)")
    first = steps[0].beginning_at(starts)
    if geometry:
        first = first.model_copy(update={"geometry": geometry})
    return Recipe(steps=tuple(cut.step(step) for step in (first, *steps[1:])))


def _geometries(
    host: Host, project: Project, capabilities: Capabilities, choose: Chooser
) -> tuple[Project, dict[str, Geometry]]:
    """Return the project with geometries chosen where none is declared, and by name those that differ from before."""
    changed: dict[str, Geometry] = {}
    for histogram in project.histograms if "geometry" in capabilities.starts else ():
        if histogram.geometry_declared:
            continue
        own = ForHistogram(choose, histogram.name) if len(project.histograms) > 1 else choose
        asked = {"choose": own, "project": project, "histogram": histogram}
        chosen = host.call("choose_geometry", **asked, capabilities=capabilities)
        if chosen is not None and chosen not in capabilities.geometry:
            raise _wrong(host, "choose_geometry", chosen, ", ".join(sorted(capabilities.geometry)))
        if chosen not in (None, histogram.instrument.geometry):
            changed[histogram.name] = chosen
    histograms = tuple(
        replace(item, instrument=replace(item.instrument, geometry=changed[item.name]))
        if item.name in changed
        else item
        for item in project.histograms
    )
    return (replace(project, histograms=histograms) if changed else project), changed


def fitting_choices(host: Host, project: Project, capabilities: Capabilities, choices: Choices) -> dict[str, Value]:
    """Return those choices that this project and backend make and offer. Raises as `build_recipe` does."""
    offered = OfferedChoose(choices)
    build_recipe(host, project, capabilities, offered)
    return offered.taken


def rehearse(host: Host, project: Project, capabilities: Capabilities) -> None:
    """Call the choosing hooks once with plain choices, so that a wrong hook is found before anything is written.

    Raises PluginError as `build_recipe` does.
    """
    build_recipe(host, project, capabilities, Recorder(PlainChoose()))


def _background(host: Host, value: Any, histogram: Histogram, capabilities: Capabilities, several: bool) -> Background:
    if not isinstance(value, Background):
        raise _wrong(host, "set_background", value, "a Background")
    if value.function not in capabilities.backgrounds:
        raise _wrong(host, "set_background", value.function, ", ".join(capabilities.backgrounds))
    if value.histogram not in (None, histogram.name):
        raise _wrong(host, "set_background", value.histogram, histogram.name)
    return value.model_copy(update={"histogram": histogram.name}) if several else value


def _frees(host: Host, hook: str, value: Any) -> list[Free]:
    if value is None:
        return []
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise _wrong(host, hook, value, "a sequence of Free")
    for item in value:
        if not isinstance(item, Free):
            raise _wrong(host, hook, item, f"Free(group) with one of the groups {', '.join(GROUPS)}")
    return list(value)


def _window(host: Host, value: Any, histogram: Histogram) -> tuple[float, float]:
    low, high = histogram.limits
    allowed = f"(low, high) in degrees, within {low:g} to {high:g}"
    if not isinstance(value, Sequence) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        raise _wrong(host, "choose_limits", value, allowed)
    cut = (max(float(value[0]), low), min(float(value[1]), high))
    if not cut[0] < cut[1]:
        raise _wrong(host, "choose_limits", value, allowed)
    return cut


def _unanswered(project: Project, hook: str) -> PluginError:
    strategy = project.search.space
    return PluginError(f"strategy {strategy!r} has no hook autogsas_{hook}; a plugin must answer it for this strategy")


def _wrong(host: Host, hook: str, found: Any, allowed: str) -> PluginError:
    full = f"autogsas_{hook}"
    return PluginError(f"hook {full} ({host.whose(full)}) gave a wrong answer", found=repr(found), allowed=allowed)

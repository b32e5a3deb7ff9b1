"""From the choosing hooks to one recipe that fits the project and the backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Choose, Plan
from autogsas.hooks.host import Host
from autogsas.model.instrument import Geometry
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import GROUPS, Background, Free, Group, Recipe, Setting, Start, Step

__all__ = ["FixedChoose", "Recorder", "build_recipe", "fit_recipe", "fitting_choices", "rehearse"]

T = TypeVar("T", str, int, float, bool)
Item = TypeVar("Item", Free, Setting)

# Which sample corrections a geometry has; all other groups go with every geometry.
_GEOMETRY: Mapping[Group, tuple[Geometry, ...]] = {
    "displacement": ("Bragg-Brentano", "Debye-Scherrer"),
    "transparency": ("Bragg-Brentano",),
    "absorption": ("Debye-Scherrer",),
}


class FixedChoose:
    """A `Choose` that gives back values fixed beforehand, by name.

    Raises PluginError for a name that has no value and for a value outside what is asked for.
    """

    def __init__(self, values: Mapping[str, Any], source: str = "fixed choices") -> None:
        self._values = dict(values)
        self._source = source

    def _value(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise PluginError(f"{self._source}: no value", key=name, allowed=sorted(self._values)) from None

    def category(self, name: str, options: Sequence[T]) -> T:
        """Return the fixed value, one of the options."""
        value = self._value(name)
        for option in options:
            if value == option and isinstance(value, bool) == isinstance(option, bool):
                return option
        raise PluginError(
            f"{self._source}: not one of the options", key=name, found=value, allowed=[str(item) for item in options]
        )

    def integer(self, name: str, low: int, high: int) -> int:
        """Return the fixed integer, within both ends."""
        value = self._value(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise PluginError(f"{self._source}: out of range", key=name, found=value, allowed=f"{low} to {high}")
        return value

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        """Return the fixed number, within both ends."""
        value = self._value(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
            raise PluginError(f"{self._source}: out of range", key=name, found=value, allowed=f"{low} to {high}")
        return float(value)

    def yes(self, name: str) -> bool:
        """Return the fixed answer."""
        return self.category(name, [True, False])


class Recorder:
    """A `Choose` that asks another one and remembers every answer in ``choices``, by name in order of asking.

    A name asked for again with another range is the hook's mistake (PluginError): the sampler would learn nothing.
    """

    def __init__(self, inner: Choose, ranges: dict[str, Any] | None = None) -> None:
        self._inner = inner
        self._ranges = {} if ranges is None else ranges
        self.choices: dict[str, Any] = {}

    def _note(self, name: str, value: Any) -> Any:
        self.choices[name] = value
        return value

    def _same(self, name: str, *asked: Any) -> None:
        before = self._ranges.setdefault(name, asked)
        if before != asked:
            raise PluginError(f"choice {name!r} was asked for with another range before: {before[1:]} and {asked[1:]}")

    def category(self, name: str, options: Sequence[T]) -> T:
        """Choose one of the options."""
        self._same(name, "category", *options)
        if not options:
            raise PluginError(f"choice {name!r} has no options")
        value: T = self._note(name, self._inner.category(name, options))
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        """Choose an integer, both ends included."""
        self._same(name, "integer", low, high)
        if low > high:
            raise PluginError(f"choice {name!r} has an empty range, {low} to {high}")
        return int(self._note(name, self._inner.integer(name, low, high)))

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        """Choose a real number."""
        self._same(name, "moving number", log) if moving else self._same(name, "number", low, high, log)
        if not (math.isfinite(low) and math.isfinite(high) and low <= high) or (log and low <= 0):
            raise PluginError(f"choice {name!r} has an impossible range, {low} to {high}")
        return float(self._note(name, self._inner.number(name, low, high, log=log, moving=moving)))

    def yes(self, name: str) -> bool:
        """Choose yes or no."""
        self._same(name, "yes")
        return bool(self._note(name, self._inner.yes(name)))


class _Willing:
    """A `Choose` that takes the values given where they are offered, notes those in ``taken``, and else plain ones."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = FixedChoose(values)
        self._plain = _Plain()
        self.taken: dict[str, Any] = {}

    def _either(self, name: str, given: Callable[[], T], plain: T) -> T:
        try:
            value = given()
        except PluginError:
            return plain
        self.taken[name] = value
        return value

    def category(self, name: str, options: Sequence[T]) -> T:
        return self._either(name, lambda: self._values.category(name, options), self._plain.category(name, options))

    def integer(self, name: str, low: int, high: int) -> int:
        return self._either(name, lambda: self._values.integer(name, low, high), low)

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        return self._either(name, lambda: self._values.number(name, low, high, log=log), low)

    def yes(self, name: str) -> bool:
        return self._either(name, lambda: self._values.yes(name), True)


class _Plain:
    """A `Choose` that takes the first option, the lower end, and yes."""

    def category(self, name: str, options: Sequence[T]) -> T:
        return options[0]

    def integer(self, name: str, low: int, high: int) -> int:
        return low

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        return low

    def yes(self, name: str) -> bool:
        return True


class _ForHistogram:
    """The same choices for one of several histograms, each name with the histogram's in brackets."""

    def __init__(self, inner: Choose, histogram: str) -> None:
        self._inner = inner
        self._suffix = f"[{histogram}]"

    def category(self, name: str, options: Sequence[T]) -> T:
        return self._inner.category(name + self._suffix, options)

    def integer(self, name: str, low: int, high: int) -> int:
        return self._inner.integer(name + self._suffix, low, high)

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        return self._inner.number(name + self._suffix, low, high, log=log, moving=moving)

    def yes(self, name: str) -> bool:
        return self._inner.yes(name + self._suffix)


def build_recipe(host: Host, project: Project, capabilities: Capabilities, choose: Choose) -> Recipe:
    """Ask the choosing hooks and return the recipe they make, cut to what the backend and the geometry have.

    With several histograms the choices of one are named "name[HISTOGRAM]". Raises PluginError, naming the hook and
    the plugins behind it, where a hook fails, nobody answers or an answer does not keep the contract.
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
        own: Choose = _ForHistogram(choose, histogram.name) if several else choose
        asked = {"choose": own, "project": project, "histogram": histogram}
        background = host.call("set_background", **asked, capabilities=capabilities)
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
    cut = _Cut(project, capabilities)
    plan = Plan(tuple(backgrounds), tuple(cut.frees(profile)), tuple(cut.frees(groups)), window)
    steps = host.call("order_steps", choose=choose, project=project, plan=plan, capabilities=capabilities)
    if not isinstance(steps, Sequence) or not steps or not all(isinstance(step, Step) for step in steps):
        raise _wrong(host, "order_steps", steps, "a sequence of steps, not empty")
    if steps[-1].limits is not None:
        raise _wrong(host, "order_steps", steps[-1].limits, "a last step over the full limits (limits None)")
    first = steps[0].beginning_at(starts)
    if geometry:
        first = first.model_copy(update={"geometry": geometry})
    return Recipe(steps=tuple(cut.step(step) for step in (first, *steps[1:])))


def _geometries(
    host: Host, project: Project, capabilities: Capabilities, choose: Choose
) -> tuple[Project, dict[str, Geometry]]:
    """Return the project with the geometries chosen where nobody declared one, and those that are not as assumed."""
    changed: dict[str, Geometry] = {}
    for histogram in project.histograms if "geometry" in capabilities.starts else ():
        if histogram.geometry_declared:
            continue
        own: Choose = _ForHistogram(choose, histogram.name) if len(project.histograms) > 1 else choose
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


def fitting_choices(
    host: Host, project: Project, capabilities: Capabilities, choices: Mapping[str, Any]
) -> dict[str, Any]:
    """Return those of some choices that this project and backend ask for and offer. Raises as `build_recipe` does."""
    willing = _Willing(choices)
    build_recipe(host, project, capabilities, willing)
    return willing.taken


def rehearse(host: Host, project: Project, capabilities: Capabilities) -> None:
    """Ask the choosing hooks once with plain answers, so that a wrong hook is found before anything is written.

    Raises PluginError as `build_recipe` does.
    """
    build_recipe(host, project, capabilities, Recorder(_Plain()))


def fit_recipe(recipe: Recipe, project: Project, capabilities: Capabilities) -> Recipe:
    """Return a recipe given from outside with what the backend or the geometry does not have left out.

    Raises PluginError for a phase, histogram or site the project does not have, and for a background function the
    backend does not have.
    """
    cut = _Cut(project, capabilities)
    for step in recipe.steps:
        for background in step.background:
            if background.function not in capabilities.backgrounds:
                raise PluginError(
                    "the backend does not have this background function",
                    key=recipe.name or "recipe",
                    found=background.function,
                    allowed=capabilities.backgrounds,
                )
    return recipe.model_copy(update={"steps": tuple(cut.step(step) for step in recipe.steps)})


class _Cut:
    """What of a step applies: to this backend, this geometry, these phases and histograms."""

    def __init__(self, project: Project, capabilities: Capabilities) -> None:
        self._project = project
        self._groups = capabilities.groups
        self._starts = capabilities.starts
        # Steps come in order: one that changes a geometry changes what the steps after it can free.
        self._geometry = {histogram.name: histogram.instrument.geometry for histogram in project.histograms}
        self._names = {
            "phase": [phase.name for phase in project.phases],
            "histogram": [histogram.name for histogram in project.histograms],
            "site": [site.label for phase in project.phases for site in phase.sites],
        }

    def step(self, step: Step) -> Step:
        for background in step.background:
            self._known("histogram", background.histogram)
        for words in (step.limits, step.geometry):
            for name in words if isinstance(words, dict) else ():
                self._known("histogram", name)
        geometry = step.geometry if "geometry" in self._starts else None
        for histogram in self._project.histograms if geometry is not None else ():
            self._geometry[histogram.name] = step.geometry_for(histogram.name) or self._geometry[histogram.name]
        return step.model_copy(
            update={
                "geometry": geometry,
                "start": tuple(cut for start in step.start if (cut := self._start(start)) is not None),
                "free": tuple(self.frees(step.free)),
                "fix": tuple(self.frees(step.fix)),
                "set": tuple(item for setting in step.set for item in self._fitting(setting)),
            }
        )

    def _start(self, start: Start) -> Start | None:
        self._known("phase", start.phase)
        sites = [site.label for phase in self._project.phases if phase.name == start.phase for site in phase.sites]
        unknown = next((label for label in start.sites if label not in sites), None)
        if unknown is not None:
            raise PluginError("the recipe names an unknown site", key=start.phase, found=unknown, allowed=sites)
        cut = start.model_copy(
            update={
                "cell": start.cell if "cell" in self._starts else None,
                "sites": start.sites if "sites" in self._starts else {},
                "axis": start.axis if "axis" in self._starts else None,
            }
        )
        return cut if cut.cell or cut.sites or cut.axis else None

    def frees(self, frees: Sequence[Free]) -> Iterator[Free]:
        seen: set[Free] = set()
        for free in (item for given in frees for item in self._fitting(given)):
            if free not in seen:
                seen.add(free)
                yield free

    def _fitting(self, item: Item) -> Iterator[Item]:
        """Give the free or setting as it is, once for each histogram it fits, or not at all."""
        for key in ("phase", "histogram", "site"):
            self._known(key, getattr(item, key))
        if item.group not in self._groups:
            return
        geometries = _GEOMETRY.get(item.group)
        concerned = [h for h in self._project.histograms if item.histogram in (None, h.name)]
        fits = [h for h in concerned if geometries is None or self._geometry[h.name] in geometries]
        if len(fits) == len(concerned):
            yield item
        else:
            for histogram in fits:
                yield item.model_copy(update={"histogram": histogram.name})

    def _known(self, key: str, name: str | None) -> None:
        if name is not None and name not in self._names[key]:
            raise PluginError(f"the recipe names an unknown {key}", key=key, found=name, allowed=self._names[key])


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
            raise _wrong(host, hook, item, f"Free(group), a group being one of {', '.join(GROUPS)}")
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


def _wrong(host: Host, hook: str, found: Any, allowed: str) -> PluginError:
    full = f"autogsas_{hook}"
    return PluginError(f"hook {full} ({host.whose(full)}) gave a wrong answer", found=repr(found), allowed=allowed)

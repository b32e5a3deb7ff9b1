"""A recipe for another engine that begins with the values at which the first engine ended.

An engine that takes full steps, as GSAS-II does in its first cycles, may never arrive where a careful one did: with two
phases of different crystallite size it left the pattern (Rwp 74 % where the scout had 4.2 %), and needs a few cycles
from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from autogsas.model.recipe import GROUPS, Group, Recipe, Setting, Start
from autogsas.model.result import Parameter

__all__ = ["from_the_end"]

_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
# Values of these by direction count with their geometric mean: a step sets one for all directions.
_BY_DIRECTION = ("size", "strain")
_IN_STARTS = ("cell", "positions", "background", "uaniso")


def from_the_end(recipe: Recipe, parameters: Sequence[Parameter]) -> Recipe:
    """Return a recipe whose first step sets what the recipe had refined when it ended with ``parameters``.

    Models of broadening and axes are set there too, so that later steps only free and fix. Backgrounds, tensors and
    strain by S_hkl are left to be refined.
    """
    if not recipe.steps:
        return recipe
    phases = list(dict.fromkeys(p.phase for p in parameters if p.phase is not None))
    # Of starts and settings of the same the last one counts.
    starts = [start for step in recipe.steps for start in step.start]
    starts += [start for phase in phases for start in _structure(phase, parameters)]
    settings = [*(one for step in recipe.steps for one in step.set), *_settings(parameters)]
    first, *later = recipe.steps
    begun = first.model_copy(update={"start": tuple(starts), "set": tuple(settings)})
    return recipe.model_copy(
        update={"steps": (begun, *(step.model_copy(update={"start": (), "set": ()}) for step in later))}
    )


def _structure(phase: str, parameters: Iterable[Parameter]) -> Iterable[Start]:
    """Give the cell and the positions that were refined."""
    own = [one for one in parameters if one.phase == phase]
    cell = {one.name.rpartition(":")[2]: one for one in own if one.group == "cell"}
    if all(name in cell for name in _CELL) and any(cell[name].esd for name in _CELL):
        a, b, c, alpha, beta, gamma = (cell[name].value for name in _CELL)
        yield Start(phase=phase, cell=(a, b, c, alpha, beta, gamma))
    places: dict[str, dict[str, Parameter]] = {}
    for one in own:
        if one.group == "positions" and one.site is not None:
            places.setdefault(one.site, {})[one.name.rpartition(":")[2]] = one
    moved = {
        site: (axes["x"].value, axes["y"].value, axes["z"].value)
        for site, axes in places.items()
        if set(axes) == {"x", "y", "z"} and any(one.esd for one in axes.values())
    }
    if moved:
        yield Start(phase=phase, sites=moved)


def _settings(parameters: Iterable[Parameter]) -> Iterable[Setting]:
    """Give the other values that were refined, one for each group of a phase, histogram or site."""
    found: dict[tuple[Group, str | None, str | None, str | None], list[float]] = {}
    for one in parameters:
        group = next((name for name in GROUPS if name == one.group), None)
        if group is None or group in _IN_STARTS or not one.esd or one.unit != GROUPS[group].unit:
            continue
        # One U for all sites is the U of each of them.
        group = "uiso" if group == "uiso_shared" and one.site is not None else group
        found.setdefault((group, one.phase, one.histogram, one.site), []).append(one.value)
    for (group, phase, histogram, site), values in found.items():
        if len(values) == 1:
            value = values[0]
        elif group in _BY_DIRECTION and min(values) > 0:
            value = math.prod(values) ** (1.0 / len(values))
        else:
            continue
        yield Setting(group=group, value=value, phase=phase, histogram=histogram, site=site)

"""What the choices of a search can free: recipes are built until each option of each choice was taken once."""

from __future__ import annotations

from collections.abc import Sequence

from autogsas.hooks.backend import Capabilities
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.recipe import Free
from autogsas.trial.building import build_recipe
from autogsas.trial.choosers import Category, Chooser, Dimension, Integer, Value

__all__ = ["offered_frees"]

_MOST_RECIPES = 60
"""A limit in case a hook makes choices of a new name each time."""


class _Rotating(Chooser):
    """Takes the options of each choice in turn; of ranges the largest value."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}
        self._options: dict[str, int] = {}

    @property
    def done(self) -> bool:
        """Whether each option of each choice has been taken."""
        return all(self._taken[name] >= count for name, count in self._options.items())

    def choose(self, name: str, dimension: Dimension) -> Value:
        """Return the next option."""
        if not isinstance(dimension, Category):
            # A whole number is often a number of steps: all of them show all that they free.
            return dimension.high if isinstance(dimension, Integer) else dimension.low
        number = self._taken.get(name, 0)
        self._taken[name] = number + 1
        self._options[name] = max(len(dimension.options), self._options.get(name, 0))
        options: Sequence[Value] = dimension.options
        return options[number % len(options)]


def offered_frees(host: Host, project: Project, capabilities: Capabilities) -> frozenset[Free]:
    """Return all that the recipes of this project's search can free. Raises PluginError as `build_recipe` does.

    Not among them is what guided trials free, because the data decide about that.
    """
    choose = _Rotating()
    found: set[Free] = set()
    for _ in range(_MOST_RECIPES):
        recipe = build_recipe(host, project, capabilities, choose)
        found.update(free for step in recipe.steps for free in step.free)
        if choose.done:
            break
    return frozenset(found)

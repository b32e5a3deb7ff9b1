"""The groups and the background that a refinement used, from its parameters and its recipe."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autogsas.model.recipe import GROUPS, Recipe
from autogsas.model.result import Parameter

__all__ = ["background_of", "groups_of"]


def groups_of(parameters: Sequence[Parameter]) -> tuple[str, ...]:
    """Return the groups with a refined parameter, in the order of the recipe's group names."""
    refined = {parameter.group for parameter in parameters if parameter.esd is not None}
    return tuple(group for group in GROUPS if group in refined)


def background_of(histogram: str, recipe: Recipe | None, parameters: Sequence[Parameter]) -> tuple[str, int]:
    """Return the function ("" if it is unknown) and the number of terms of a histogram's background."""
    numbered = re.compile(rf"{re.escape(histogram)}:background \d+")
    terms = sum(1 for parameter in parameters if numbered.fullmatch(parameter.name))
    function = ""
    for step in recipe.steps if recipe is not None else ():
        for item in step.background:
            if item.histogram in (None, histogram):
                function, terms = item.function, terms or item.terms
    return function, terms

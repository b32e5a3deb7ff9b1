"""What a refinement freed and which background it took, read off its parameters and its recipe."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autogsas.model.recipe import GROUPS, Recipe
from autogsas.model.result import Parameter

__all__ = ["background_of", "groups_of"]


def groups_of(parameters: Sequence[Parameter]) -> tuple[str, ...]:
    """Return the groups of which something was refined, in the recipe's own order of words."""
    refined = {parameter.group for parameter in parameters if parameter.esd is not None}
    return tuple(group for group in GROUPS if group in refined)


def background_of(histogram: str, recipe: Recipe | None, parameters: Sequence[Parameter]) -> tuple[str, int]:
    """Return the function ("" where it is not said) and the number of terms of a histogram's background."""
    numbered = re.compile(rf"{re.escape(histogram)}:background \d+")
    terms = sum(1 for parameter in parameters if numbered.fullmatch(parameter.name))
    function = ""
    for step in recipe.steps if recipe is not None else ():
        for item in step.background:
            if item.histogram in (None, histogram):
                function, terms = item.function, terms or item.terms
    return function, terms

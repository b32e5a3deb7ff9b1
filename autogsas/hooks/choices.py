"""What hooks are given and give back: how a choice is made, the plan of a trial, seeds, sections of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from autogsas.model.recipe import Background, Free, Recipe

__all__ = ["Choose", "Plan", "Section", "Seed"]

T = TypeVar("T", str, int, float, bool)


class Choose(Protocol):
    """How a hook makes a choice of the search: each call is one dimension, named, the same name always the same range.

    The sampler learns from the answers. A dimension asked for only in some trials is fine (conditional).
    """

    def category(self, name: str, options: Sequence[T]) -> T:
        """Choose one of the options."""
        ...

    def integer(self, name: str, low: int, high: int) -> int:
        """Choose an integer, both ends included."""
        ...

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        """Choose a real number; ``moving`` where the range depends on earlier choices, another one in each trial."""
        ...

    def yes(self, name: str) -> bool:
        """Choose yes or no."""
        ...


@dataclass(frozen=True)
class Plan:
    """What the choosing hooks decided for one trial, for ``autogsas_order_steps`` to make steps of.

    ``window`` is by histogram name: the 2theta range of the first steps.
    """

    backgrounds: tuple[Background, ...]
    profile: tuple[Free, ...]
    groups: tuple[Free, ...]
    window: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    """A trial to try before the sampler: values for the dimensions by name, or a whole recipe.

    Where ``strict`` is False, choices that nobody asks for or that are not offered are left to the sampler.
    """

    name: str
    choices: dict[str, Any] | None = None
    recipe: Recipe | None = None
    strict: bool = True


@dataclass(frozen=True)
class Section:
    """A section a plugin adds to the report: plain text paragraphs and one table. All of it is shown as text."""

    title: str
    paragraphs: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

"""Data that hooks receive and return: choices, the plan of a trial, seeds, sections of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from autogsas.model.advice import Guide
from autogsas.model.recipe import Background, Free, Recipe
from autogsas.model.trial import Choices

__all__ = ["Choose", "Plan", "Section", "Seed"]

T = TypeVar("T", str, int, float, bool)


class Choose(Protocol):
    """Makes the choices of one trial. Each call is one dimension of the search; a name always has the same range.

    The sampler learns from the choices. A dimension may be chosen in some trials only (a conditional one).
    """

    def category(self, name: str, options: Sequence[T]) -> T:
        """Choose one of the options."""
        ...

    def integer(self, name: str, low: int, high: int) -> int:
        """Choose an integer, both ends included."""
        ...

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        """Choose a real number; ``moving`` if the range depends on other choices and changes from trial to trial."""
        ...

    def yes(self, name: str) -> bool:
        """Choose yes or no."""
        ...


@dataclass(frozen=True)
class Plan:
    """What the choosing hooks decided for one trial; ``autogsas_order_steps`` makes steps of it.

    ``window`` is the 2theta range of the first steps, by the histogram's name.
    """

    backgrounds: tuple[Background, ...]
    profile: tuple[Free, ...]
    groups: tuple[Free, ...]
    window: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    """A trial to run before the sampler proposes: values for dimensions by name, a whole recipe, or a guide.

    With a guide the data decide what the trial refines, and its recipe is known when it has ended; ``recipe`` is how it
    begins. It needs an engine whose sessions are `AdvisingSession`s. If ``strict`` is False, choices that this project
    does not make or does not offer are left to the sampler.
    """

    name: str
    choices: Choices | None = None
    recipe: Recipe | None = None
    guide: Guide | None = None
    strict: bool = True


@dataclass(frozen=True)
class Section:
    """A section that a plugin adds to the report: paragraphs and one table, all shown as plain text."""

    title: str
    paragraphs: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

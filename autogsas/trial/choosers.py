"""How the choices of a trial are made: each is a name and a `Dimension`, answered by a `Chooser`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from autogsas.errors import PluginError
from autogsas.model.trial import Choices

__all__ = [
    "YES_OR_NO",
    "Category",
    "Chooser",
    "Dimension",
    "FixedChoose",
    "ForHistogram",
    "Integer",
    "Number",
    "OfferedChoose",
    "PlainChoose",
    "Recorder",
    "Value",
]

T = TypeVar("T", str, int, float, bool)
Value = str | int | float | bool


@dataclass(frozen=True)
class Category:
    """One of some options; ``options[plain]`` is taken where nobody chooses."""

    options: tuple[Value, ...]
    plain: int = 0

    def __str__(self) -> str:
        return ", ".join(map(str, self.options))


@dataclass(frozen=True)
class Integer:
    """An integer, both ends included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


@dataclass(frozen=True)
class Number:
    """A real number; ``moving``: the ends change from trial to trial."""

    low: float
    high: float
    log: bool = False
    moving: bool = False

    def __str__(self) -> str:
        return ("a moving range" if self.moving else f"{self.low} to {self.high}") + (", logarithmic" * self.log)


Dimension = Category | Integer | Number
YES_OR_NO = Category((False, True), plain=1)


class Chooser(ABC):
    """Turns the four methods of `autogsas.hooks.choices.Choose` into dimensions, which a subclass chooses in."""

    @abstractmethod
    def choose(self, name: str, dimension: Dimension) -> Value:
        """Return a value within the dimension."""

    def category(self, name: str, options: Sequence[T]) -> T:
        """Choose one of the options."""
        return cast(T, self.choose(name, Category(tuple(options))))

    def integer(self, name: str, low: int, high: int) -> int:
        """Choose an integer, both ends included."""
        return int(self.choose(name, Integer(low, high)))

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        """Choose a real number."""
        return float(self.choose(name, Number(low, high, log, moving)))

    def yes(self, name: str) -> bool:
        """Choose yes or no."""
        return bool(self.choose(name, YES_OR_NO))


class FixedChoose(Chooser):
    """Returns values that were fixed beforehand, by name.

    Raises PluginError for a name without a value and for a value outside the dimension.
    """

    def __init__(self, values: Choices, source: str = "fixed choices") -> None:
        self._values = dict(values)
        self._source = source

    def choose(self, name: str, dimension: Dimension) -> Value:
        """Return the fixed value."""
        if name not in self._values:
            raise PluginError(f"{self._source}: no value", key=name, allowed=sorted(self._values))
        value = self._values[name]
        is_bool = isinstance(value, bool)
        if isinstance(dimension, Category):
            for option in dimension.options:
                if value == option and is_bool == isinstance(option, bool):
                    return option
            options = [str(item) for item in dimension.options]
            raise PluginError(f"{self._source}: not one of the options", key=name, found=value, allowed=options)
        kind = int if isinstance(dimension, Integer) else (int, float)
        if not isinstance(value, kind) or is_bool or not dimension.low <= value <= dimension.high:
            allowed = f"{dimension.low} to {dimension.high}"
            raise PluginError(f"{self._source}: out of range", key=name, found=value, allowed=allowed)
        return value if isinstance(dimension, Integer) else float(value)


class PlainChoose(Chooser):
    """Chooses the first option, the lower end, and yes."""

    def choose(self, name: str, dimension: Dimension) -> Value:
        """Return the plain value."""
        if isinstance(dimension, Category):
            return dimension.options[dimension.plain]
        return dimension.low


class OfferedChoose(Chooser):
    """Takes given values where they are offered and notes them in ``taken``; everywhere else plain values."""

    def __init__(self, values: Choices) -> None:
        self._given = FixedChoose(values)
        self._plain = PlainChoose()
        self.taken: dict[str, Value] = {}

    def choose(self, name: str, dimension: Dimension) -> Value:
        """Return the given value if it is offered, else the plain one."""
        plain = self._plain.choose(name, dimension)
        try:
            self.taken[name] = self._given.choose(name, dimension)
        except PluginError:
            return plain
        return self.taken[name]


class ForHistogram(Chooser):
    """The same choices for one of several histograms: each name is followed by the histogram's in brackets."""

    def __init__(self, inner: Chooser, histogram: str) -> None:
        self._inner = inner
        self._suffix = f"[{histogram}]"

    def choose(self, name: str, dimension: Dimension) -> Value:
        """Choose for this histogram."""
        return self._inner.choose(name + self._suffix, dimension)


class Recorder(Chooser):
    """Passes each choice on to another chooser and records it in ``choices``, by name in the order of choosing.

    Raises PluginError for a name that had another range before, in this trial or in an earlier one that shares
    ``ranges``: the sampler could not learn from it.
    """

    def __init__(self, inner: Chooser, ranges: dict[str, Dimension] | None = None) -> None:
        self._inner = inner
        self._ranges = {} if ranges is None else ranges
        self.choices: dict[str, Value] = {}

    def choose(self, name: str, dimension: Dimension) -> Value:
        """Choose, check the range and record the value."""
        before = self._ranges.setdefault(name, dimension)
        if _comparable(before) != _comparable(dimension):
            raise PluginError(f"choice {name!r} was given another range before: {before}; now: {dimension}")
        _check(name, dimension)
        self.choices[name] = self._inner.choose(name, dimension)
        return self.choices[name]


def _comparable(dimension: Dimension) -> Dimension:
    """Return a dimension without what may change from trial to trial."""
    if isinstance(dimension, Number) and dimension.moving:
        return replace(dimension, low=0.0, high=0.0)
    return dimension


def _check(name: str, dimension: Dimension) -> None:
    match dimension:
        case Category():
            if not dimension.options:
                raise PluginError(f"choice {name!r} has no options")
        case Integer():
            if dimension.low > dimension.high:
                raise PluginError(f"choice {name!r} has an empty range, {dimension}")
        case Number(low=low, high=high, log=log):
            if not (math.isfinite(low) and math.isfinite(high) and low <= high) or (log and low <= 0):
                raise PluginError(f"choice {name!r} has an impossible range, {low} to {high}")

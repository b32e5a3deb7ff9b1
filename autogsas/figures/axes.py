"""Axes: from values to coordinates on paper, round tick values and their labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from autogsas.text.formatting import general

__all__ = ["Axis", "Scale", "finite", "round_ticks", "tick_labels"]

Array = npt.NDArray[np.float64]
Scale = Literal["linear", "sqrt", "log"]

_THIN_SPACE = "\u202f"


def _sqrt(values: Array) -> Array:
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def _log(values: Array) -> Array:
    return np.asarray(np.log10(np.where(values > 0, values, np.nan)))


_TRANSFORM: dict[Scale, Callable[[Array], Array]] = {"linear": np.asarray, "sqrt": _sqrt, "log": _log}


@dataclass(frozen=True)
class Axis:
    """One axis: the values ``low`` and ``high`` are drawn at the coordinates ``start`` and ``end``.

    ``end`` may be smaller than ``start``, as for the vertical axis of an SVG. A log axis needs ``low`` above zero.
    """

    low: float
    high: float
    start: float
    end: float
    scale: Scale = "linear"

    def place(self, values: Array | float) -> Array:
        """Return the coordinates of values of any shape; NaN for values that cannot be shown (log of zero)."""
        transform = _TRANSFORM[self.scale]
        low, high = transform(np.array([self.low, self.high], dtype=float))
        span = float(high - low) or 1.0
        places = self.start + (transform(np.asarray(values, dtype=float)) - low) / span * (self.end - self.start)
        return np.asarray(places)

    def at(self, value: float) -> float:
        """Return the coordinate of one value."""
        return float(self.place(value))

    def ticks(self, gap: float = 42.0) -> list[float]:
        """Return round values within the axis, at least about ``gap`` apart on paper."""
        room = max(2, int(abs(self.end - self.start) / gap))
        if self.scale == "linear" or (self.low > 0 and self.high < 5 * self.low):
            return round_ticks(self.low, self.high, room)
        return self._uneven_ticks(gap * 0.7)

    def _uneven_ticks(self, gap: float) -> list[float]:
        top = max(abs(self.low), abs(self.high)) or 1.0
        powers = range(math.floor(math.log10(top)), math.floor(math.log10(top)) - 8, -1)
        steps = [mantissa * 10.0**power for power in powers for mantissa in (5, 2, 1)]
        chosen: list[float] = []
        for value in [0.0, *steps, *(-step for step in steps)]:
            inside = self.low <= value <= self.high and (self.scale == "sqrt" or value > 0)
            if inside and all(abs(self.at(value) - self.at(other)) >= gap for other in chosen):
                chosen.append(value)
        return sorted(chosen)


def finite(*columns: Array) -> Array:
    """Return the finite values of arrays of shape (n,), joined."""
    values = np.concatenate(columns)
    return np.asarray(values[np.isfinite(values)])


def round_ticks(low: float, high: float, room: int) -> list[float]:
    """Return about ``room`` multiples of 1, 2 or 5 times a power of ten within [low, high]."""
    span = high - low
    if not math.isfinite(span) or span <= 0 or room < 1:
        return [low] if math.isfinite(low) else []
    raw = span / room
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= 0.75 * raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # A multiple of a power of ten below one has a rounding error, as in 0.30000000000000004.
    digits = max(0, -math.floor(math.log10(step)))
    return [round(number * step, digits) + 0.0 for number in range(first, last + 1)]


def tick_labels(ticks: list[float]) -> list[str]:
    """Return the labels of ticks: as many decimals for all, a true minus sign, thousands separated by a thin space."""
    decimals = max((len(general(tick).partition(".")[2]) for tick in ticks if "e" not in general(tick)), default=0)
    labels = []
    for tick in ticks:
        text = general(tick)
        if "e" not in text:
            text = f"{tick:,.{decimals}f}".replace(",", _THIN_SPACE)
        labels.append(text.replace("-", "−"))
    return labels

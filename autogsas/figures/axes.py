"""Axes: from numbers to places on paper, and round numbers to mark on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from autogsas.text.formatting import general

__all__ = ["Axis", "Scale", "round_ticks", "tick_labels"]

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
    """One axis: values from ``low`` to ``high`` lie between the places ``start`` and ``end`` on paper.

    ``end`` may be before ``start``, as it is for a vertical axis of an SVG. A log axis needs ``low`` above zero.
    """

    low: float
    high: float
    start: float
    end: float
    scale: Scale = "linear"

    def place(self, values: Array | float) -> Array:
        """Return where values of any shape lie on paper; NaN where they cannot be shown (log of zero)."""
        transform = _TRANSFORM[self.scale]
        low, high = transform(np.array([self.low, self.high], dtype=float))
        span = float(high - low) or 1.0
        places = self.start + (transform(np.asarray(values, dtype=float)) - low) / span * (self.end - self.start)
        return np.asarray(places)

    def at(self, value: float) -> float:
        """Return where one value lies."""
        return float(self.place(value))

    def ticks(self, gap: float = 42.0) -> list[float]:
        """Return round values inside the axis, about ``gap`` apart on paper at the closest."""
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


def round_ticks(low: float, high: float, room: int) -> list[float]:
    """Return about ``room`` multiples of 1, 2 or 5 times a power of ten within [low, high]."""
    span = high - low
    if not math.isfinite(span) or span <= 0 or room < 1:
        return [low] if math.isfinite(low) else []
    raw = span / room
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= 0.75 * raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Multiplying by a power of ten below one leaves binary dust such as 0.30000000000000004; rounding sweeps it off.
    digits = max(0, -math.floor(math.log10(step)))
    return [round(number * step, digits) + 0.0 for number in range(first, last + 1)]


def tick_labels(ticks: list[float]) -> list[str]:
    """Return the labels of ticks, with one number of decimals, a true minus, and thousands set apart."""
    decimals = max((len(general(tick).partition(".")[2]) for tick in ticks if "e" not in general(tick)), default=0)
    labels = []
    for tick in ticks:
        text = general(tick)
        if "e" not in text:
            text = f"{tick:,.{decimals}f}".replace(",", _THIN_SPACE)
        labels.append(text.replace("-", "−"))
    return labels

"""The tick marks of reflections below a pattern."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autogsas.figures.axes import Axis
from autogsas.figures.svg import Drawing, number
from autogsas.runfolder.reader import Marks

__all__ = ["draw_ticks", "phase_names", "positions"]

Array = npt.NDArray[np.float64]


def phase_names(marks: Sequence[Marks]) -> list[str]:
    """Return the names of the phases that have reflections, each once, in their order."""
    return list(dict.fromkeys(mark.phase for mark in marks))


def positions(marks: Sequence[Marks], phase: str, low: float, high: float) -> Array:
    """Return the positions of a phase's reflections between ``low`` and ``high``, all in degrees 2theta, shape (n,)."""
    found = np.concatenate([mark.two_theta for mark in marks if mark.phase == phase])
    return found[(found >= low) & (found <= high)]


def draw_ticks(
    drawing: Drawing, marks: Sequence[Marks], phase: str, across: Axis, box: tuple[float, float], class_: str
) -> None:
    """Draw the reflections of a phase as vertical lines; ``box`` is their top and height on paper."""
    top, height = box
    # Reflections that fall on the same tenth of a unit would be drawn over each other.
    shown = np.unique(np.round(across.place(positions(marks, phase, across.low, across.high)), 1))
    ticks = "".join(f"M{number(x)} {number(top)}v{number(height)}" for x in shown)
    if ticks:
        drawing.add("path", class_=f"line {class_}", d=ticks, stroke_width=1.0)

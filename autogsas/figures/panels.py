"""A panel of curves over 2theta, below the pattern: differences, deviations, sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.figures.axes import Axis
from autogsas.figures.labels import TWO_THETA
from autogsas.figures.svg import Drawing

__all__ = ["Curve", "draw_panel"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A line through points; arrays of shape (n,), 2theta in degrees; ``class_`` names its colour."""

    two_theta: Array
    values: Array
    class_: str
    width: float = 1.1


def draw_panel(
    drawing: Drawing, across: Axis, axis: Axis, curves: Sequence[Curve], label: str, identity: str, *, last: bool
) -> None:
    """Draw a panel with its frame; ``identity`` must be unique in the page; the ``last`` panel labels 2theta."""
    left, right, top, bottom = across.start, across.end, axis.end, axis.start
    drawing.x_axis(across, top, bottom, label=TWO_THETA if last else "", labels=last)
    drawing.y_axis(axis, left, right, label=label, gap=20)
    drawing.open_clip(identity, left, top, right - left, bottom - top)
    if axis.low < 0 < axis.high:
        drawing.horizontal(axis.at(0), left, right, "axis", stroke_width=0.6)
    for curve in curves:
        drawing.line(across.place(curve.two_theta), axis.place(curve.values), curve.class_, curve.width)
    drawing.close_clip()
    drawing.frame(left, top, right, bottom)

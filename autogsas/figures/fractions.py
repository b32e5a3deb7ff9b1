"""Bar chart of the amounts of the phases: a bar for each share of the mass, with its esd."""

from __future__ import annotations

from autogsas.figures.axes import Axis
from autogsas.figures.labels import shorten
from autogsas.figures.svg import Drawing
from autogsas.model.quantification import Quantification, Share
from autogsas.text.amounts import describe_amounts
from autogsas.text.formatting import weight_percent

__all__ = ["describe_fractions", "draw_fractions"]

_ROW, _TOP, _BOTTOM, _LEFT, _RIGHT = 26.0, 10.0, 44.0, 170.0, 110.0
_LONGEST = 25  # characters of a name


def describe_fractions(found: Quantification) -> str:
    """Return the amounts in one sentence."""
    return f"{describe_amounts(found)}."


def draw_fractions(found: Quantification, width: float) -> Drawing:
    """Return the drawing: a bar for each share in per cent, its value with the esd, and a line of one esd each way.

    A bar of a negative share goes to the left of zero.
    """
    rows = found.shown()
    drawing = Drawing(width, _TOP + _ROW * len(rows) + _BOTTOM)
    ends = [100.0 * end for _, share in rows for end in _range(share)]
    low, high = min(0.0, *ends), max(1.0, *ends)
    across = Axis(low * 1.02, high * 1.02, _LEFT, width - _RIGHT)
    bottom = drawing.height - _BOTTOM
    drawing.x_axis(across, _TOP, bottom, label="Mass (%)")
    zero = across.at(0.0)
    for row, (name, share) in enumerate(rows):
        y = _TOP + _ROW * (row + 0.5)
        drawing.text(_LEFT - 9, y + 4, shorten(name, _LONGEST), class_="label", text_anchor="end")
        end = across.at(100.0 * share.value)
        drawing.add("rect", class_="bar", x=min(zero, end), y=y - 8, width=max(abs(end - zero), 0.5), height=16.0)
        left, right = (across.at(100.0 * value) for value in _range(share))
        if share.esd is not None:
            drawing.horizontal(y, left, right, "label-line", stroke_width=1.5)
        drawing.text(max(right, zero) + 7, y + 4, weight_percent(share.value, share.esd), class_="label")
    if low < 0:
        drawing.vertical(zero, _TOP, bottom, "axis")
    drawing.frame(_LEFT, _TOP, width - _RIGHT, bottom)
    return drawing


def _range(share: Share) -> tuple[float, float]:
    esd = share.esd or 0.0
    return share.value - esd, share.value + esd

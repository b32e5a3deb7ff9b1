"""Bar chart of the choices that mattered in a search: the importance of each, and what chance can give."""

from __future__ import annotations

from collections.abc import Sequence

from autogsas.figures.axes import Axis
from autogsas.figures.labels import shorten
from autogsas.figures.svg import Drawing
from autogsas.runfolder.summary import ImportancePart

__all__ = ["describe_importances", "draw_importances"]

_ROW, _TOP, _BOTTOM, _LEFT, _RIGHT = 26.0, 34.0, 44.0, 200.0, 70.0
_LONGEST = 30  # characters of a name


def describe_importances(items: Sequence[ImportancePart], trials: int) -> str:
    """Return a description of the figure, and which bars are larger than chance."""
    sure = [item.name for item in items if item.share > item.chance]
    if not sure:
        return f"In the {trials} usable trials no choice mattered more than chance. More trials may show more."
    few = " So few trials show only large effects." if trials < 80 else ""
    return f"In the {trials} usable trials these choices mattered more than chance: {', '.join(sure)}.{few}"


def draw_importances(items: Sequence[ImportancePart], width: float) -> Drawing:
    """Return the drawing: a bar for each share in per cent, and a tick at the share that chance can give."""
    height = _TOP + _ROW * len(items) + _BOTTOM
    drawing = Drawing(width, height)
    # For a choice with many values chance can give a share above one; the axis ends at one.
    most = min(max([max(item.share, item.chance) for item in items], default=0.0), 1.0)
    across = Axis(0.0, 100.0 * most * 1.02 or 1.0, _LEFT, width - _RIGHT)
    bottom = height - _BOTTOM
    drawing.x_axis(across, _TOP, bottom, label="Importance (%)")
    for row, item in enumerate(items):
        y = _TOP + _ROW * (row + 0.5)
        sure = item.share > item.chance
        drawing.text(_LEFT - 9, y + 4, shorten(item.name, _LONGEST), class_="label" if sure else "", text_anchor="end")
        end = across.at(100.0 * item.share)
        kind = "bar" if sure else "bar faint"
        drawing.add("rect", class_=kind, x=_LEFT, y=y - 8, width=max(end - _LEFT, 0.5), height=16.0)
        chance = across.at(100.0 * min(item.chance, most))
        drawing.vertical(chance, y - 10, y + 10, "label-line", stroke_width=2.0)
        drawing.text(max(end, chance) + 7, y + 4, f"{100.0 * item.share:.0f} %", class_="label")
    drawing.frame(_LEFT, _TOP, width - _RIGHT, bottom)
    drawing.add("rect", class_="bar", x=_LEFT, y=9.0, width=14.0, height=11.0)
    drawing.text(_LEFT + 20, 19, "importance")
    drawing.vertical(_LEFT + 108, 7, 22, "label-line", stroke_width=2.0)
    drawing.text(_LEFT + 116, 19, "largest value by chance")
    return drawing

"""What mattered in a search, as bars: each choice's share, and how much of it chance alone may be."""

from __future__ import annotations

from collections.abc import Sequence

from autogsas.figures.axes import Axis
from autogsas.figures.svg import Drawing, number
from autogsas.runfolder.summary import ImportancePart

__all__ = ["describe_importances", "draw_importances"]

_ROW, _TOP, _BOTTOM, _LEFT, _RIGHT = 26.0, 34.0, 44.0, 200.0, 70.0
_LONGEST = 30  # letters of a name


def describe_importances(items: Sequence[ImportancePart], trials: int) -> str:
    """Return in words what the picture shows, and whether to believe it."""
    sure = [item.name for item in items if item.share > item.chance]
    rests = f"By the {trials} usable trials"
    if not sure:
        return f"{rests}, nothing mattered more than chance may do. More trials would tell more."
    names = ", ".join(sure)
    few = " So few trials show only the largest differences." if trials < 80 else ""
    return f"{rests}, what set the best quarter apart more than chance would: {names}.{few}"


def draw_importances(items: Sequence[ImportancePart], width: float) -> Drawing:
    """Return the drawing: a bar for each share, in per cent, and a tick where chance may reach."""
    height = _TOP + _ROW * len(items) + _BOTTOM
    drawing = Drawing(width, height)
    # Chance may exceed all there is, where one choice has many values; more than all would say nothing more.
    most = min(max([max(item.share, item.chance) for item in items], default=0.0), 1.0)
    across = Axis(0.0, 100.0 * most * 1.02 or 1.0, _LEFT, width - _RIGHT)
    bottom = height - _BOTTOM
    drawing.x_axis(across, _TOP, bottom, label="Share of what sets the best quarter apart (%)")
    for row, item in enumerate(items):
        y = _TOP + _ROW * (row + 0.5)
        sure = item.share > item.chance
        short = item.name if len(item.name) <= _LONGEST else f"{item.name[: _LONGEST - 1]}…"
        drawing.text(_LEFT - 9, y + 4, short, class_="label" if sure else "", text_anchor="end")
        end = across.at(100.0 * item.share)
        kind = "bar" if sure else "bar faint"
        drawing.add("rect", class_=kind, x=_LEFT, y=y - 8, width=max(end - _LEFT, 0.5), height=16.0)
        chance = across.at(100.0 * min(item.chance, most))
        drawing.add("path", class_="label-line", d=f"M{number(chance)} {number(y - 10)}v20", stroke_width=2.0)
        drawing.text(max(end, chance) + 7, y + 4, f"{100.0 * item.share:.0f} %", class_="label")
    drawing.frame(_LEFT, _TOP, width - _RIGHT, bottom)
    drawing.add("rect", class_="bar", x=_LEFT, y=9.0, width=14.0, height=11.0)
    drawing.text(_LEFT + 20, 19, "share")
    drawing.add("path", class_="label-line", d=f"M{number(_LEFT + 78)} 7v15", stroke_width=2.0)
    drawing.text(_LEFT + 86, 19, "as much may come by chance")
    return drawing

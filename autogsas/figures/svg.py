"""A small SVG writer: axes, curves, points and legends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from autogsas.figures.axes import Axis, tick_labels
from autogsas.figures.palette import LIGHT, stylesheet
from autogsas.figures.thinning import outline

__all__ = ["Drawing", "number"]

Array = npt.NDArray[np.float64]

_CHARACTER = 6.3  # width of an average character at 12 px


def number(value: float) -> str:
    """Return a coordinate on paper, rounded to a tenth of a unit, in the shortest form."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _escaped(text: str) -> str:
    # XML cannot contain control characters or lone surrogates, not even as references.
    return escape("".join("\ufffd" if char < " " or "\ud800" <= char <= "\udfff" else char for char in text))


class Drawing:
    """One figure. Texts are escaped; coordinates are in units of the view box, with y downwards."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []
        self._clips = 0

    def add(self, name: str, **attributes: float | str) -> None:
        """Add an element without content; ``class_`` is its class; other underscores become hyphens."""
        self._parts.append(f"<{name}{_attributes(attributes)}/>")

    def text(self, x: float, y: float, content: str, **attributes: float | str) -> None:
        """Add a text; ``y`` is its baseline."""
        self._parts.append(f"<text{_attributes({'x': x, 'y': y, **attributes})}>{_escaped(content)}</text>")

    def line(self, x: Array, y: Array, class_: str, width: float = 1.3) -> None:
        """Add a line through points of shape (n,), thinned to the visible ones, with a gap where y is NaN."""
        chosen = outline(x, y)
        commands, last = [], None
        for px, py in zip(np.round(x[chosen], 1), np.round(y[chosen], 1), strict=True):
            if not np.isfinite(py):
                last = None
                continue
            # Relative steps are shorter than absolute coordinates.
            commands.append(
                f"M{number(px)} {number(py)}" if last is None else f"l{number(px - last[0])} {number(py - last[1])}"
            )
            last = (px, py)
        self.add("path", class_=f"line {class_}", d="".join(commands), stroke_width=width)

    def dots(self, x: Array, y: Array, class_: str, size: float = 2.2) -> None:
        """Add a round dot at each of the points of shape (n,)."""
        commands, last = [], (0.0, 0.0)
        for px, py in zip(np.round(x, 1), np.round(y, 1), strict=True):
            commands.append(f"m{number(px - last[0])} {number(py - last[1])}h0")
            last = (px, py)
        self.add("path", class_=f"spot {class_}", d="M0 0" + "".join(commands), stroke_width=size)

    def horizontal(self, y: float, left: float, right: float, class_: str, **attributes: float | str) -> None:
        """Add a horizontal line."""
        self.add("path", class_=class_, d=f"M{number(left)} {number(y)}H{number(right)}", **attributes)

    def vertical(self, x: float, top: float, bottom: float, class_: str, **attributes: float | str) -> None:
        """Add a vertical line."""
        self.add("path", class_=class_, d=f"M{number(x)} {number(top)}V{number(bottom)}", **attributes)

    def legend_line(self, x: float, y: float, class_: str, label: str, width: float = 1.8) -> float:
        """Add a short line and its label to a legend with baseline ``y``; return where the next entry starts."""
        self.add("path", class_=f"line {class_}", d=f"M{number(x)} {number(y - 4)}h18", stroke_width=width)
        return self.legend_label(x + 23, y, label)

    def legend_dot(self, x: float, y: float, class_: str, label: str) -> float:
        """Add a dot and its label to a legend with baseline ``y``; return where the next entry starts."""
        self.add("path", class_=f"spot {class_}", d=f"M{number(x + 3)} {number(y - 4)}h0", stroke_width=4.5)
        return self.legend_label(x + 11, y, label)

    def legend_label(self, x: float, y: float, label: str) -> float:
        """Add a label to a legend with baseline ``y``; return where the next entry starts."""
        self.text(x, y, label)
        return x + _CHARACTER * len(label) + 20

    def open_clip(self, identity: str, x: float, y: float, width: float, height: float) -> None:
        """Clip everything up to `close_clip` to a rectangle; ``identity`` must be unique in the page."""
        self._clips += 1
        box = _attributes({"x": x, "y": y, "width": width, "height": height})
        name = _escaped(f"{identity}-{self._clips}")
        self._parts.append(f'<clipPath id="{name}"><rect{box}/></clipPath><g clip-path="url(#{name})">')

    def close_clip(self) -> None:
        """End the clipping that `open_clip` started."""
        self._parts.append("</g>")

    def x_axis(
        self, axis: Axis, top: float, bottom: float, *, label: str = "", labels: bool = True, whole: bool = False
    ) -> None:
        """Add the grid, ticks and labels of a horizontal axis to the panel between ``top`` and ``bottom``.

        ``whole``: only whole numbers from zero, for an axis that counts.
        """
        ticks = [tick for tick in axis.ticks(80) if not whole or (tick >= 0 and tick == round(tick))]
        for tick, text in zip(ticks, tick_labels(ticks), strict=True):
            x = axis.at(tick)
            self.vertical(x, top, bottom, "grid")
            if labels:
                self.text(x, bottom + 17, text, text_anchor="middle")
        if label:
            self.text((axis.start + axis.end) / 2, bottom + 36, label, class_="label", text_anchor="middle")

    def y_axis(self, axis: Axis, left: float, right: float, *, label: str = "", gap: float = 42.0) -> None:
        """Add the grid, ticks and labels of a vertical axis to the panel between ``left`` and ``right``."""
        ticks = axis.ticks(gap)
        for tick, text in zip(ticks, tick_labels(ticks), strict=True):
            y = axis.at(tick)
            self.horizontal(y, left, right, "grid")
            self.text(left - 7, y + 4, text, text_anchor="end")
        if label:
            middle = (axis.start + axis.end) / 2
            turn = f"rotate(-90 16 {number(middle)})"
            self.text(16, middle, label, class_="label", text_anchor="middle", transform=turn)

    def frame(self, left: float, top: float, right: float, bottom: float) -> None:
        """Add the border of a panel."""
        self.add("rect", class_="axis", x=left, y=top, width=right - left, height=bottom - top)

    def body(self) -> str:
        """Return the drawn elements without the enclosing svg element."""
        return "".join(self._parts)

    def inline(self, title: str, description: str) -> str:
        """Return the figure as an svg element for a page that contains the CSS of `rules`."""
        return (
            f'<svg class="figure" viewBox="0 0 {number(self.width)} {number(self.height)}" role="img"'
            f' aria-label="{_escaped(f"{title}. {description}")}">{self.body()}</svg>'
        )

    def file(self, title: str, description: str) -> str:
        """Return the figure as a file of its own, with its CSS and a white background."""
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" {size}'
            f' viewBox="0 0 {number(self.width)} {number(self.height)}" role="img">'
            f"<title>{_escaped(title)}</title><desc>{_escaped(description)}</desc><style>{stylesheet()}</style>"
            f'<rect width="100%" height="100%" fill="{LIGHT["paper"]}"/>{self.body()}</svg>\n'
        )

    def insert(self, other: Drawing, y: float) -> None:
        """Insert another figure into this one, with its top at ``y``."""
        self._parts.append(f'<g transform="translate(0 {number(y)})">{other.body()}</g>')


def _attributes(attributes: Mapping[str, float | str]) -> str:
    parts: Sequence[str] = [
        f' {name.rstrip("_").replace("_", "-")}="{_escaped(value) if isinstance(value, str) else number(value)}"'
        for name, value in attributes.items()
    ]
    return "".join(parts)

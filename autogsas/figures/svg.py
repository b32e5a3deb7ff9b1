"""A small writer of SVG, and the colours that all pictures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from autogsas.figures.axes import Axis, tick_labels
from autogsas.figures.thinning import outline

__all__ = ["DARK", "LIGHT", "PHASES", "SIDES", "Drawing", "number", "rules", "stylesheet"]

Array = npt.NDArray[np.float64]

# Distinct to colour-blind eyes in pairs that touch (observed on calculated, difference alone); 4.5:1 on paper for text.
LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "ink": "#1c2128",
    "muted": "#59636e",
    "grid": "#e3e7eb",
    "axis": "#7d8792",
    "observed": "#25303c",
    "calculated": "#d5431a",
    "background": "#0a8a68",
    "difference": "#2467b5",
    "shade": "#6b7785",
    "failed": "#b3261e",
    "pruned": "#8a6d3b",
    "infeasible": "#a8480f",
    "complete": "#2467b5",
    "best": "#d5431a",
    "phase0": "#7a3e9d",
    "phase1": "#a66a00",
    "phase2": "#0b7285",
    "phase3": "#a61e4d",
    "phase4": "#364fc7",
    "phase5": "#4d7c0f",
    "hand": "#8d2f8f",
    "side0": "#d5431a",
    "side1": "#2467b5",
    "side2": "#0a8a68",
    "side3": "#7a3e9d",
    "side4": "#a66a00",
    "side5": "#a61e4d",
}
DARK: Mapping[str, str] = {
    "paper": "#14181d",
    "ink": "#e8ecf0",
    "muted": "#a0abb6",
    "grid": "#2a313a",
    "axis": "#77828e",
    "observed": "#cfd8e1",
    "calculated": "#ff7a4d",
    "background": "#35cfa4",
    "difference": "#6cb2ff",
    "shade": "#8b97a5",
    "failed": "#ff8a80",
    "pruned": "#d0b27a",
    "infeasible": "#ffa25f",
    "complete": "#6cb2ff",
    "best": "#ff7a4d",
    "phase0": "#cb9bea",
    "phase1": "#e8b04a",
    "phase2": "#4cc9dd",
    "phase3": "#f783ac",
    "phase4": "#91a7ff",
    "phase5": "#a9d65c",
    "hand": "#e39be6",
    "side0": "#ff7a4d",
    "side1": "#6cb2ff",
    "side2": "#35cfa4",
    "side3": "#cb9bea",
    "side4": "#e8b04a",
    "side5": "#f783ac",
}
PHASES = 6
SIDES = 6

_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif'


def rules(colours: Mapping[str, str]) -> str:
    """Return the CSS of all pictures with colours by name, each a CSS colour or ``var(...)``."""
    text = [
        f".figure text{{font-family:{_FONT};font-size:12px;fill:{colours['muted']}}}",
        f".figure .strong{{fill:{colours['ink']};font-weight:600;font-size:13px}}",
        f".figure .label{{fill:{colours['ink']}}}",
        f".figure .over{{paint-order:stroke;stroke:{colours['paper']};stroke-width:5px}}",
        f".figure .axis{{stroke:{colours['axis']};fill:none}}",
        f".figure .grid{{stroke:{colours['grid']};fill:none}}",
        f".figure .shade{{fill:{colours['shade']};opacity:.16}}",
        ".figure .line{fill:none;stroke-linejoin:round}",
        ".figure .spot{fill:none;stroke-linecap:round}",
        f".figure .bar{{fill:{colours['difference']}}}",
        ".figure .faint{opacity:.4}",
        f".figure .label-line{{stroke:{colours['ink']};fill:none}}",
        f".figure .hand{{stroke:{colours['hand']};stroke-dasharray:7 4}}",
        f".figure .hand-label{{fill:{colours['hand']}}}",
        f".figure .empty{{fill:{colours['paper']}}}",
        ".figure .rim{fill:none;stroke:#10151b;stroke-opacity:.55;stroke-width:.8}",
        ".figure .shine{fill:#fff;opacity:.45}",
        f".figure .halo{{stroke:{colours['paper']};fill:none;stroke-linecap:round}}",
    ]
    text += [
        f".figure .{name}{{stroke:{colours[name]}}}" for name in LIGHT if name not in ("paper", "ink", "shade", "hand")
    ]
    return "".join(text)


def stylesheet() -> str:
    """Return the CSS for a picture in a file of its own: dark on white, for print and for pages of any colour."""
    return rules(LIGHT)


def number(value: float) -> str:
    """Return a place on paper to a tenth of a unit, as short as it can be."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _escaped(text: str) -> str:
    # XML cannot hold control characters or lone surrogates, in whatever way they are written.
    return escape("".join("\ufffd" if char < " " or "\ud800" <= char <= "\udfff" else char for char in text))


class Drawing:
    """One picture as it grows. Texts are escaped; places are in units of the view box, y downwards."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []
        self._clips = 0

    def add(self, name: str, **attributes: float | str) -> None:
        """Add an element without content; ``class_`` is the class, other underscores become hyphens."""
        self._parts.append(f"<{name}{_attributes(attributes)}/>")

    def text(self, x: float, y: float, content: str, **attributes: float | str) -> None:
        """Add a text at its baseline."""
        self._parts.append(f"<text{_attributes({'x': x, 'y': y, **attributes})}>{_escaped(content)}</text>")

    def line(self, x: Array, y: Array, class_: str, width: float = 1.3) -> None:
        """Add a line through points of shape (n,), thinned to what can be seen, broken where y is NaN."""
        chosen = outline(x, y)
        commands, last = [], None
        for px, py in zip(np.round(x[chosen], 1), np.round(y[chosen], 1), strict=True):
            if not np.isfinite(py):
                last = None
                continue
            # Steps from point to point are shorter to write than places.
            commands.append(
                f"M{number(px)} {number(py)}" if last is None else f"l{number(px - last[0])} {number(py - last[1])}"
            )
            last = (px, py)
        self.add("path", class_=f"line {class_}", d="".join(commands), stroke_width=width)

    def dots(self, x: Array, y: Array, class_: str, size: float = 2.2) -> None:
        """Add round dots at points of shape (n,), all of which are drawn."""
        commands, last = [], (0.0, 0.0)
        for px, py in zip(np.round(x, 1), np.round(y, 1), strict=True):
            commands.append(f"m{number(px - last[0])} {number(py - last[1])}h0")
            last = (px, py)
        self.add("path", class_=f"spot {class_}", d="M0 0" + "".join(commands), stroke_width=size)

    def open_clip(self, identity: str, x: float, y: float, width: float, height: float) -> None:
        """Cut off what is drawn from here to `close_clip` at a rectangle; ``identity`` must be unique in the page."""
        self._clips += 1
        box = _attributes({"x": x, "y": y, "width": width, "height": height})
        name = _escaped(f"{identity}-{self._clips}")
        self._parts.append(f'<clipPath id="{name}"><rect{box}/></clipPath><g clip-path="url(#{name})">')

    def close_clip(self) -> None:
        """End what `open_clip` began."""
        self._parts.append("</g>")

    def x_axis(self, axis: Axis, top: float, bottom: float, *, label: str = "", labels: bool = True) -> None:
        """Add the grid, ticks and labels of a horizontal axis between the heights of its panel."""
        ticks = axis.ticks(80)
        for tick, text in zip(ticks, tick_labels(ticks), strict=True):
            x = axis.at(tick)
            self.add("path", class_="grid", d=f"M{number(x)} {number(top)}V{number(bottom)}")
            if labels:
                self.text(x, bottom + 17, text, text_anchor="middle")
        if label:
            self.text((axis.start + axis.end) / 2, bottom + 36, label, class_="label", text_anchor="middle")

    def y_axis(self, axis: Axis, left: float, right: float, *, label: str = "", gap: float = 42.0) -> None:
        """Add the grid, ticks and labels of a vertical axis between the sides of its panel."""
        ticks = axis.ticks(gap)
        for tick, text in zip(ticks, tick_labels(ticks), strict=True):
            y = axis.at(tick)
            self.add("path", class_="grid", d=f"M{number(left)} {number(y)}H{number(right)}")
            self.text(left - 7, y + 4, text, text_anchor="end")
        if label:
            middle = (axis.start + axis.end) / 2
            turn = f"rotate(-90 16 {number(middle)})"
            self.text(16, middle, label, class_="label", text_anchor="middle", transform=turn)

    def frame(self, left: float, top: float, right: float, bottom: float) -> None:
        """Add the border of a panel."""
        self.add("rect", class_="axis", x=left, y=top, width=right - left, height=bottom - top)

    def body(self) -> str:
        """Return what was drawn, without the element around it."""
        return "".join(self._parts)

    def standing(self, title: str, description: str) -> str:
        """Return the picture as an element for a page that holds `rules` already."""
        return (
            f'<svg class="figure" viewBox="0 0 {number(self.width)} {number(self.height)}" role="img"'
            f' aria-label="{_escaped(f"{title}. {description}")}">{self.body()}</svg>'
        )

    def file(self, title: str, description: str) -> str:
        """Return the picture as a file of its own, with its style and a white ground."""
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" {size}'
            f' viewBox="0 0 {number(self.width)} {number(self.height)}" role="img">'
            f"<title>{_escaped(title)}</title><desc>{_escaped(description)}</desc><style>{stylesheet()}</style>"
            f'<rect width="100%" height="100%" fill="{LIGHT["paper"]}"/>{self.body()}</svg>\n'
        )

    def place(self, other: Drawing, y: float) -> None:
        """Put another picture into this one, from the height ``y`` down."""
        self._parts.append(f'<g transform="translate(0 {number(y)})">{other.body()}</g>')


def _attributes(attributes: Mapping[str, float | str]) -> str:
    parts: Sequence[str] = [
        f' {name.rstrip("_").replace("_", "-")}="{_escaped(value) if isinstance(value, str) else number(value)}"'
        for name, value in attributes.items()
    ]
    return "".join(parts)

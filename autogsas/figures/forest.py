"""The forest plot of a comparison: differences of the parameters from the first refinement, in esds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autogsas.comparison import Comparison, Gap, Row
from autogsas.figures.axes import Axis
from autogsas.figures.labels import shorten
from autogsas.figures.series import draw_symbol, letter, series, versus
from autogsas.figures.svg import Drawing, number
from autogsas.text.formatting import general, with_esd

__all__ = ["SECTIONS", "Dot", "Line", "describe_forest", "draw_forest", "forest_lines", "gap_words", "largest", "reach"]

SECTIONS: Mapping[str, str] = {
    "cell": "Cell",
    "atoms": "Atoms",
    "amounts": "Scales and fractions",
    "broadening": "Size, strain and texture",
    "instrument": "Instrument, profile and corrections",
}
LIMIT = 3.0
"""Two values that differ by no more esds than this are considered equal."""

_TOP, _BOTTOM, _LEFT, _RIGHT, _ROW, _APART = 44.0, 46.0, 190.0, 14.0, 19.0, 6.0
_LEAST, _MOST = 5.0, 30.0  # smallest and largest range of the plot on each side of zero, in esds


@dataclass(frozen=True)
class Dot:
    """A difference between the first refinement and the one at place ``other``, in esds of both values together.

    ``words`` is the hover text: both values, their difference and its esds.
    """

    other: int
    esds: float
    words: str


@dataclass(frozen=True)
class Line:
    """One parameter with its dots; the heading is that of its section and owner."""

    heading: str
    name: str
    dots: tuple[Dot, ...]

    @property
    def size(self) -> float:
        """The largest difference in esds."""
        return max(abs(dot.esds) for dot in self.dots)


def gap_words(row: Row, place: int, gap: Gap) -> tuple[str, str]:
    """Return a difference with the esd of both values together in parentheses, and the same in units of that esd.

    The second text is empty if neither value was refined.
    """
    one, other = row.cells[0], row.cells[place]
    joint = math.hypot(*((cell.esd or 0.0) if cell else 0.0 for cell in (one, other)))
    size = max((abs(cell.value) for cell in (one, other) if cell), default=0.0)
    if not joint:
        # A smaller difference is the rounding error of two equal values.
        return general(gap.value if abs(gap.value) > 1e-9 * size else 0.0, 4), ""
    esds = "" if gap.esds is None else f"{gap.esds:+.1f}"
    return with_esd(gap.value, joint), "0.0" if esds in ("+0.0", "-0.0") else esds


def forest_lines(comparison: Comparison) -> tuple[Line, ...]:
    """Return the parameters whose differences have an esd, in the order of the comparison."""
    lines = []
    for row in comparison.rows:
        dots = tuple(_dots(row))
        if dots:
            heading = " · ".join(part for part in (SECTIONS[row.section], row.owner) if part)
            lines.append(Line(heading, row.name, dots))
    return tuple(lines)


def _dots(row: Row) -> Iterator[Dot]:
    for place, gap in enumerate(row.gaps, start=1):
        one, other = row.cells[0], row.cells[place]
        if gap is None or gap.esds is None or one is None or other is None or not math.isfinite(gap.esds):
            continue
        shift, esds = gap_words(row, place, gap)
        unit = f" {row.unit}" if row.unit else ""
        values = f"A {with_esd(one.value, one.esd)}, {letter(place)} {with_esd(other.value, other.esd)}{unit}"
        yield Dot(place, gap.esds, f"{row.name}: {values}; {versus(place)} = {shift}{unit}, {esds} esd")


def largest(lines: Sequence[Line], most: int = 40) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Return the ``most`` lines with the largest differences, and the others, both in the given order."""
    chosen = set(sorted(range(len(lines)), key=lambda i: -lines[i].size)[:most])
    return (
        tuple(line for i, line in enumerate(lines) if i in chosen),
        tuple(line for i, line in enumerate(lines) if i not in chosen),
    )


def reach(lines: Sequence[Line]) -> float:
    """Return the range of the plot on each side of zero, in esds: most dots are inside, and 3 esds remain visible."""
    sizes = [abs(dot.esds) for line in lines for dot in line.dots]
    if not sizes or max(sizes) <= _LEAST - 1.0:
        return _LEAST
    bulk = max(float(np.quantile(sizes, 0.8)) + 1.0, _LEAST)
    near = [size for size in sizes if size <= min(1.7 * bulk, _MOST)]
    return float(math.ceil(max([*near, _LEAST]) + 1.0))


def describe_forest(lines: Sequence[Line]) -> str:
    """Return a description of the figure in one sentence."""
    far = sum(line.size > LIMIT for line in lines)
    return f"Differences of {len(lines)} parameters in esds of both values together; {far} exceed {LIMIT:.0f} esds."


def draw_forest(lines: Sequence[Line], width: float = 960.0) -> Drawing:
    """Return the drawing: a row for each parameter, a dot for each difference with a bar of one esd."""
    others = sorted({dot.other for line in lines for dot in line.dots})
    rows = list(_rows(lines))
    half = reach(lines)
    bottom = _TOP + _ROW * len(rows) + 4
    drawing = Drawing(width, bottom + _BOTTOM)
    across = Axis(-half, half, _LEFT, width - _RIGHT)
    band = (across.at(-LIMIT), across.at(LIMIT))
    drawing.add("rect", class_="shade", x=band[0], y=_TOP, width=band[1] - band[0], height=bottom - _TOP)
    drawing.x_axis(across, _TOP, bottom, label="Difference in esds of both")
    drawing.vertical(across.at(0), _TOP, bottom, "axis")
    drawing.frame(_LEFT, _TOP, width - _RIGHT, bottom)
    for i, row in enumerate(rows):
        y = _TOP + _ROW * (i + 0.5) + 2
        if isinstance(row, str):
            drawing.text(8, y + 4, shorten(row, 90), class_="strong over")
            continue
        drawing.text(_LEFT - 9, y + 4, shorten(row.name, 27), text_anchor="end")
        for dot in row.dots:
            apart = _APART if len(others) < 3 else 2 * _APART / (len(others) - 1)
            _draw_dot(drawing, across, y + apart * (others.index(dot.other) - (len(others) - 1) / 2), dot)
    _legend(drawing, others)
    return drawing


def _rows(lines: Sequence[Line]) -> Iterator[str | Line]:
    heading = None
    for line in lines:
        if line.heading != heading:
            heading = line.heading
            yield heading
        yield line


def _draw_dot(drawing: Drawing, across: Axis, y: float, dot: Dot) -> None:
    if abs(dot.esds) <= across.high:
        low, high = (across.at(min(max(dot.esds + step, across.low), across.high)) for step in (-1.0, 1.0))
        drawing.horizontal(y, low, high, f"line {series(dot.other)}", stroke_width=1.5)
        draw_symbol(drawing, across.at(dot.esds), y, dot.other)
        return
    sign = 1 if dot.esds > 0 else -1
    x = (across.end if sign > 0 else across.start) - 4 * sign
    arrow = (
        f"M{number(x - 5 * sign)} {number(y - 3.5)}l{5 * sign} 3.5l{-5 * sign} 3.5M{number(x - 16 * sign)} {number(y)}"
    )
    drawing.add("path", class_=f"line {series(dot.other)}", d=f"{arrow}H{number(x)}", stroke_width=1.8)
    anchor = "end" if sign > 0 else "start"
    drawing.text(x - 20 * sign, y + 4, f"{dot.esds:+.0f}".replace("-", "−"), text_anchor=anchor)


def _legend(drawing: Drawing, others: Sequence[int]) -> None:
    x = _LEFT
    for place in others:
        drawing.horizontal(20, x, x + 20, f"line {series(place)}", stroke_width=1.5)
        draw_symbol(drawing, x + 10, 20, place)
        drawing.text(x + 26, 24, f"{versus(place)}, ±1 esd")
        x += 120
    drawing.add("rect", class_="shade", x=x, y=14, width=14.0, height=12.0)
    drawing.text(x + 20, 24, f"within {LIMIT:.0f} esds")

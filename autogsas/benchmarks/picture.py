"""The figure of a case: best Rwp against trials and seconds, with median and quartiles over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from autogsas.benchmarks.curves import Band, Series, band, by_second, by_trial
from autogsas.figures.axes import Axis, Scale
from autogsas.figures.labels import RWP
from autogsas.figures.palette import LIGHT, PHASES
from autogsas.figures.svg import Drawing, number
from autogsas.text.formatting import percent

__all__ = ["case_svg"]

Array = npt.NDArray[np.float64]

_LEFT, _RIGHT, _BOTTOM, _GAP = 66.0, 14.0, 46.0, 58.0
_ENTRY = 18.0
# If the slowest engine takes this many times as long as the fastest, the time axis is logarithmic.
_FAR_APART = 12.0


def case_svg(
    series: Sequence[Series],
    trials: int,
    references: Sequence[tuple[str, float]] = (),
    *,
    width: float = 960.0,
    height: float = 420.0,
) -> str:
    """Return the figure of the series of one case, at least one, as the text of an SVG file.

    ``references`` are names and Rwp in per cent of other results; those within the axis are drawn as dashed lines.
    """
    numbers = np.arange(1.0, trials + 1.0)
    left = [band(numbers, [by_trial(run, trials) for run in item.runs.values()]) for item in series]
    right = [_in_time(item) for item in series]
    low, high = _window(left, references)
    top = 36.0 + _ENTRY * len(series)
    middle = (width + _LEFT - _RIGHT - _GAP) / 2
    drawing = Drawing(width, height)
    vertical = Axis(low, high, height - _BOTTOM, top)
    across = Axis(1.0, max(2.0, float(trials)), _LEFT, middle)
    _panel(drawing, left, across, vertical, "Trials", references, "trials")
    longest = [item.at[-1] for item in right if item.at.size]
    shortest = [item.at[0] for item in right if item.at.size]
    last = 1.02 * float(max(longest, default=1.0))
    scale: Scale = "log" if longest and max(longest) > _FAR_APART * min(longest) else "linear"
    begin = 0.9 * float(min(shortest)) if scale == "log" else 0.0
    across = Axis(begin, last, middle + _GAP, width - _RIGHT, scale)
    _panel(drawing, right, across, vertical, "Seconds", (), "seconds")
    for index, item in enumerate(series):
        name = _name(item, left[index])
        drawing.legend_line(_LEFT, 40.0 + _ENTRY * index, f"phase{index % PHASES}", name, 2.2)
    case = series[0].case
    drawing.text(_LEFT, 20, f"{case}: best usable Rwp, median and quartiles over seeds", class_="strong")
    described = "; ".join(_name(item, curve) for item, curve in zip(series, left, strict=True))
    return drawing.file(case, f"Best usable Rwp against trials and against seconds. {described}.")


def _name(item: Series, curve: Band) -> str:
    count = len(item.runs)
    end = percent(float(curve.median[-1])) if curve.median.size else percent(None)
    return f"{item.engine}, {item.space} space, {count} seed{'s' if count > 1 else ''}: {end} %"


def _in_time(item: Series) -> Band:
    """Return the band at each time when a trial of any seed ended; a finished run keeps its last value."""
    at = np.unique([point.ended for run in item.runs.values() for point in run.points])
    return band(at, [by_second(run, at) for run in item.runs.values()])


def _window(bands: Sequence[Band], references: Sequence[tuple[str, float]]) -> tuple[float, float]:
    """Return the range of the Rwp axis: from the best to the worst series after a tenth of its trials."""
    ends = [float(value) for item in bands for value in item.lower[np.isfinite(item.lower)][-1:]]
    starts = [
        float(item.upper[np.isfinite(item.upper)][: max(3, item.at.size // 10)][-1])
        for item in bands
        if np.isfinite(item.upper).any()
    ]
    if not ends or not starts:
        return 0.0, 100.0
    low, high = min(ends), max(starts)
    span = max(high - low, 0.05 * low)
    reach = max(2.5 * span, 0.3 * low)
    near = [rwp for _, rwp in references if low - span < rwp < low + reach]
    low, high = min([low, *near]), max([low + span, *near])
    pad = 0.07 * (high - low)
    return max(0.0, low - pad), high + pad


def _panel(
    drawing: Drawing,
    bands: Sequence[Band],
    across: Axis,
    vertical: Axis,
    label: str,
    references: Sequence[tuple[str, float]],
    identity: str,
) -> None:
    left, right, top, bottom = across.start, across.end, vertical.end, vertical.start
    drawing.x_axis(across, top, bottom, label=label)
    drawing.y_axis(vertical, left, right, label=RWP if identity == "trials" else "")
    drawing.open_clip(identity, left, top, right - left, bottom - top)
    for index, item in enumerate(bands):
        x = across.place(item.at)
        known = np.isfinite(item.lower) & np.isfinite(item.upper)
        area = _area(x[known], vertical.place(item.lower[known]), vertical.place(item.upper[known]))
        if area:
            drawing.add("path", class_="band", d=area, fill=LIGHT[f"phase{index % PHASES}"], fill_opacity="0.16")
    for index, item in enumerate(bands):
        known = np.isfinite(item.median)
        steps = _steps(across.place(item.at[known]), vertical.place(item.median[known]))
        if steps:
            drawing.add("path", class_=f"line phase{index % PHASES}", d=f"M{steps}", stroke_width=2.2)
    _dashes(drawing, references, left, right, vertical.at, (vertical.low, vertical.high))
    drawing.close_clip()
    drawing.frame(left, top, right, bottom)


def _dashes(
    drawing: Drawing,
    references: Sequence[tuple[str, float]],
    left: float,
    right: float,
    place: Callable[[float], float],
    window: tuple[float, float],
) -> None:
    for label, rwp in references:
        if window[0] <= rwp <= window[1]:
            drawing.horizontal(place(rwp), left, right, "axis", stroke_dasharray="5 4")
            drawing.text(
                right - 6,
                place(rwp) - 5,
                f"{label}: {percent(rwp)} %",
                text_anchor="end",
                paint_order="stroke",
                stroke=LIGHT["paper"],
                stroke_width=3.0,
            )


def _steps(x: Array, y: Array) -> str:
    """Return a path of steps through points; each value holds up to the next point."""
    if not x.size:
        return ""
    parts = [f"{number(float(x[0]))} {number(float(y[0]))}"]
    parts += [
        f"H{number(float(x[i]))}V{number(float(y[i]))}" for i in range(1, x.size) if number(y[i]) != number(y[i - 1])
    ]
    return "".join(parts) + f"H{number(float(x[-1]))}"


def _area(x: Array, lower: Array, upper: Array) -> str:
    """Return the path around the area between two step curves."""
    if not x.size:
        return ""
    back = [f"H{number(float(x[i]))}V{number(float(lower[i - 1]))}" for i in range(x.size - 1, 0, -1)]
    return f"M{_steps(x, upper)}V{number(float(lower[-1]))}{''.join(back)}H{number(float(x[0]))}z"

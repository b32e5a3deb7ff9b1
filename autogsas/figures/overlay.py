"""One pattern with several fits laid over it, their differences below each other, and how chi^2 of each grows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autogsas.comparison import Fit, Overlay
from autogsas.figures.axes import Axis
from autogsas.figures.fit import intensity_range
from autogsas.figures.sides import letter, side, versus
from autogsas.figures.svg import Drawing, number
from autogsas.figures.thinning import spots
from autogsas.runfolder.reader import Profile

__all__ = ["describe_overlay", "draw_overlay"]

Array = npt.NDArray[np.float64]

_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP, _ROW = 78.0, 14.0, 50.0, 46.0, 8.0, 13.0
_MAIN, _LOWER, _GROWTH = 280.0, 84.0, 110.0
_DOTS = 6000


def describe_overlay(overlay: Overlay, labels: Sequence[str]) -> str:
    """Return in one sentence what the picture shows, for those who do not see it."""
    names = ", ".join(f"{letter(place)} ({labels[place]})" for place, _ in overlay.fits)
    grown = "; below, χ² as it grows with 2θ" if overlay.growths else ""
    return f"Pattern of {overlay.name}, observed, and calculated by {names}, each with its difference{grown}."


def draw_overlay(overlay: Overlay, labels: Sequence[str], width: float = 960.0, identity: str = "overlay") -> Drawing:
    """Return the drawing of one pattern; ``labels`` of all refinements, ``identity`` unique in the page."""
    rows = sum(len(_phases(fit)) for _, fit in overlay.fits)
    strip = _ROW * rows + (_GAP if rows else 0.0)
    below = (_LOWER + _GAP) * len(overlay.fits)
    grown = (2 * _GAP + _GROWTH + _LOWER) if overlay.growths else 0.0
    height = _TOP + _MAIN + strip + below + grown + _BOTTOM
    drawing = Drawing(width, height)
    low, high = overlay.ends
    across = Axis(low, high if high > low else low + 1.0, _LEFT, width - _RIGHT)
    _main(drawing, overlay, across, identity)
    top = _TOP + _MAIN
    if rows:
        _marks(drawing, overlay, across, top + _GAP)
        top += strip
    span = _span([fit.profile.difference for _, fit in overlay.fits])
    for i, (place, fit) in enumerate(overlay.fits):
        axis = Axis(*span, top + _GAP + _LOWER, top + _GAP)
        last = i == len(overlay.fits) - 1 and not overlay.growths
        curves = [(fit.profile.two_theta, fit.profile.difference, side(place))]
        _panel(drawing, across, axis, curves, f"Diff. {letter(place)}", f"{identity}-d{place}", last=last)
        top += _LOWER + _GAP
    if overlay.growths:
        _growths(drawing, overlay, across, top, identity)
    _heading(drawing, overlay, labels, width)
    return drawing


def _phases(fit: Fit) -> list[str]:
    return list(dict.fromkeys(mark.phase for mark in fit.marks))


def _span(columns: Sequence[Array]) -> tuple[float, float]:
    values = np.concatenate(columns)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (-1.0, 1.0)
    pad = 0.04 * ((high - low) or abs(high) or 1.0)
    return low - pad, high + pad


def _everything(overlay: Overlay) -> Profile:
    """Return all curves in one, for the range that shows them all."""
    fits = [fit.profile for _, fit in overlay.fits]
    calculated, background = (np.concatenate(c) for c in ([p.calculated for p in fits], [p.background for p in fits]))
    nothing = np.zeros(0)
    return Profile(overlay.name, nothing, overlay.observed, calculated, background, nothing)


def _main(drawing: Drawing, overlay: Overlay, across: Axis, identity: str) -> None:
    top, bottom = _TOP, _TOP + _MAIN
    intensity = Axis(*intensity_range(_everything(overlay), "linear"), bottom, top)
    drawing.x_axis(across, top, bottom, labels=False)
    drawing.y_axis(intensity, across.start, across.end, label="Intensity", gap=50)
    drawing.open_clip(identity, across.start, top, across.end - across.start, bottom - top)
    x, observed = across.place(overlay.two_theta), intensity.place(overlay.observed)
    chosen = spots(x, observed, 1.0, _DOTS)
    drawing.dots(x[chosen], observed[chosen], "observed")
    for place, fit in overlay.fits:
        x = across.place(fit.profile.two_theta)
        drawing.line(x, intensity.place(fit.profile.background), side(place), 0.8)
        drawing.line(x, intensity.place(fit.profile.calculated), side(place), 1.1)
    drawing.close_clip()
    drawing.frame(across.start, top, across.end, bottom)


def _marks(drawing: Drawing, overlay: Overlay, across: Axis, top: float) -> None:
    y = top
    for place, fit in overlay.fits:
        for phase in _phases(fit):
            places = np.concatenate([mark.two_theta for mark in fit.marks if mark.phase == phase])
            inside = places[(places >= across.low) & (places <= across.high)]
            shown = np.unique(np.round(across.place(inside), 1))
            ticks = "".join(f"M{number(x)} {number(y + 1)}v{number(_ROW - 4)}" for x in shown)
            if ticks:
                drawing.add("path", class_=f"line {side(place)}", d=ticks, stroke_width=1.0)
            drawing.text(across.start - 7, y + 10, letter(place), text_anchor="end")
            y += _ROW


def _growths(drawing: Drawing, overlay: Overlay, across: Axis, top: float, identity: str) -> None:
    high = max(float(max(grown.one[-1], grown.two[-1])) for grown in overlay.growths)
    axis = Axis(0.0, 1.04 * (high or 1.0), top + _GAP + _GROWTH, top + _GAP)
    curves = []
    for i, grown in enumerate(overlay.growths):
        before = overlay.growths[:i]
        if not any(np.array_equal(grown.two_theta, other.two_theta) for other in before):
            curves.append((grown.two_theta, grown.one, side(0)))
        curves.append((grown.two_theta, grown.two, side(grown.other)))
    _panel(drawing, across, axis, curves, "Sum of χ²", f"{identity}-sum", last=False)
    top += _GAP + _GROWTH + _GAP
    low, high = _span([np.concatenate(([0.0], grown.difference)) for grown in overlay.growths])
    axis = Axis(low, high, top + _LOWER, top)
    curves = [(grown.two_theta, grown.difference, side(grown.other)) for grown in overlay.growths]
    label = versus(overlay.growths[0].other) if len(overlay.growths) == 1 else "A − others"
    _panel(drawing, across, axis, curves, label, f"{identity}-gap", last=True)


def _panel(
    drawing: Drawing,
    across: Axis,
    axis: Axis,
    curves: Sequence[tuple[Array, Array, str]],
    label: str,
    identity: str,
    *,
    last: bool,
) -> None:
    left, right, top, bottom = across.start, across.end, axis.end, axis.start
    drawing.x_axis(across, top, bottom, label="2θ (°)" if last else "", labels=last)
    drawing.y_axis(axis, left, right, label=label, gap=20)
    drawing.open_clip(identity, left, top, right - left, bottom - top)
    if axis.low < 0 < axis.high:
        drawing.add("path", class_="axis", d=f"M{number(left)} {number(axis.at(0))}H{number(right)}", stroke_width=0.6)
    for x, y, kind in curves:
        drawing.line(across.place(x), axis.place(y), kind, 1.1)
    drawing.close_clip()
    drawing.frame(left, top, right, bottom)


def _heading(drawing: Drawing, overlay: Overlay, labels: Sequence[str], width: float) -> None:
    drawing.text(_LEFT, 20, overlay.name, class_="strong")
    x, y = _LEFT, 40.0
    drawing.add("path", class_="spot observed", d=f"M{number(x + 3)} {number(y - 4)}h0", stroke_width=4.5)
    drawing.text(x + 11, y, "observed")
    x += 85
    for place, _ in overlay.fits:
        if x > width - 120:
            break
        words = f"{letter(place)} {labels[place]}"
        words = words if len(words) <= 34 else f"{words[:33]}…"
        drawing.add("path", class_=f"line {side(place)}", d=f"M{number(x)} {number(y - 4)}h18", stroke_width=1.8)
        drawing.text(x + 23, y, words)
        x += 23 + 6.1 * len(words) + 20

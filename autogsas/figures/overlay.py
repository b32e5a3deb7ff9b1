"""The figure of one pattern with several fits: curves, differences, and the sums of chi^2 over 2theta."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autogsas.comparison import Overlay
from autogsas.figures.axes import Axis, finite
from autogsas.figures.fit import intensity_range
from autogsas.figures.labels import shorten
from autogsas.figures.panels import Curve, draw_panel
from autogsas.figures.reflections import draw_ticks, phase_names
from autogsas.figures.series import letter, series, versus
from autogsas.figures.svg import Drawing
from autogsas.figures.thinning import spots
from autogsas.runfolder.reader import Profile

__all__ = ["describe_overlay", "draw_overlay"]

Array = npt.NDArray[np.float64]

_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP, _ROW = 78.0, 14.0, 50.0, 46.0, 8.0, 13.0
_MAIN, _LOWER, _GROWTH = 280.0, 84.0, 110.0
_DOTS = 6000


def describe_overlay(overlay: Overlay, labels: Sequence[str]) -> str:
    """Return a description of the figure in one sentence, for readers who cannot see it."""
    names = ", ".join(f"{letter(place)} ({labels[place]})" for place, _ in overlay.fits)
    grown = "; below them the sum of χ² up to each 2θ" if overlay.growths else ""
    return f"Pattern of {overlay.name}: observed, and calculated by {names}, each with its difference{grown}."


def draw_overlay(overlay: Overlay, labels: Sequence[str], width: float = 960.0, identity: str = "overlay") -> Drawing:
    """Return the drawing of one pattern; ``labels`` of all refinements; ``identity`` is unique in the page."""
    rows = sum(len(phase_names(fit.marks)) for _, fit in overlay.fits)
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
        curve = Curve(fit.profile.two_theta, fit.profile.difference, series(place))
        draw_panel(drawing, across, axis, [curve], f"Diff. {letter(place)}", f"{identity}-d{place}", last=last)
        top += _LOWER + _GAP
    if overlay.growths:
        _growths(drawing, overlay, across, top, identity)
    _heading(drawing, overlay, labels, width)
    return drawing


def _span(columns: Sequence[Array]) -> tuple[float, float]:
    values = finite(*columns)
    low, high = (float(values.min()), float(values.max())) if values.size else (-1.0, 1.0)
    pad = 0.04 * ((high - low) or abs(high) or 1.0)
    return low - pad, high + pad


def _all_curves(overlay: Overlay) -> Profile:
    """Return the curves of all fits in one profile, to find the range of the axis."""
    fits = [fit.profile for _, fit in overlay.fits]
    calculated, background = (np.concatenate(c) for c in ([p.calculated for p in fits], [p.background for p in fits]))
    empty = np.zeros(0)
    return Profile(overlay.name, empty, overlay.observed, calculated, background, empty)


def _main(drawing: Drawing, overlay: Overlay, across: Axis, identity: str) -> None:
    top, bottom = _TOP, _TOP + _MAIN
    intensity = Axis(*intensity_range(_all_curves(overlay), "linear"), bottom, top)
    drawing.x_axis(across, top, bottom, labels=False)
    drawing.y_axis(intensity, across.start, across.end, label="Intensity", gap=50)
    drawing.open_clip(identity, across.start, top, across.end - across.start, bottom - top)
    x, observed = across.place(overlay.two_theta), intensity.place(overlay.observed)
    chosen = spots(x, observed, 1.0, _DOTS)
    drawing.dots(x[chosen], observed[chosen], "observed")
    for place, fit in overlay.fits:
        x = across.place(fit.profile.two_theta)
        drawing.line(x, intensity.place(fit.profile.background), series(place), 0.8)
        drawing.line(x, intensity.place(fit.profile.calculated), series(place), 1.1)
    drawing.close_clip()
    drawing.frame(across.start, top, across.end, bottom)


def _marks(drawing: Drawing, overlay: Overlay, across: Axis, top: float) -> None:
    y = top
    for place, fit in overlay.fits:
        for phase in phase_names(fit.marks):
            draw_ticks(drawing, fit.marks, phase, across, (y + 1, _ROW - 4), series(place))
            drawing.text(across.start - 7, y + 10, letter(place), text_anchor="end")
            y += _ROW


def _growths(drawing: Drawing, overlay: Overlay, across: Axis, top: float, identity: str) -> None:
    high = max(float(max(grown.one[-1], grown.two[-1])) for grown in overlay.growths)
    axis = Axis(0.0, 1.04 * (high or 1.0), top + _GAP + _GROWTH, top + _GAP)
    curves = []
    for i, grown in enumerate(overlay.growths):
        before = overlay.growths[:i]
        if not any(np.array_equal(grown.two_theta, other.two_theta) for other in before):
            curves.append(Curve(grown.two_theta, grown.one, series(0)))
        curves.append(Curve(grown.two_theta, grown.two, series(grown.other)))
    draw_panel(drawing, across, axis, curves, "Sum of χ²", f"{identity}-sum", last=False)
    top += _GAP + _GROWTH + _GAP
    low, high = _span([np.concatenate(([0.0], grown.difference)) for grown in overlay.growths])
    axis = Axis(low, high, top + _LOWER, top)
    curves = [Curve(grown.two_theta, grown.difference, series(grown.other)) for grown in overlay.growths]
    label = versus(overlay.growths[0].other) if len(overlay.growths) == 1 else "A − others"
    draw_panel(drawing, across, axis, curves, label, f"{identity}-gap", last=True)


def _heading(drawing: Drawing, overlay: Overlay, labels: Sequence[str], width: float) -> None:
    drawing.text(_LEFT, 20, overlay.name, class_="strong")
    y = 40.0
    x = drawing.legend_dot(_LEFT, y, "observed", "observed")
    for place, _ in overlay.fits:
        if x > width - 120:
            break
        x = drawing.legend_line(x, y, series(place), shorten(f"{letter(place)} {labels[place]}", 34))

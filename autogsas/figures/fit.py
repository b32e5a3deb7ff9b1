"""The figure of a fit: observed, calculated and background curves, reflection marks, and the difference below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.figures.axes import Axis, Scale, finite
from autogsas.figures.labels import shorten
from autogsas.figures.palette import PHASES
from autogsas.figures.panels import Curve, draw_panel
from autogsas.figures.reflections import draw_ticks, phase_names
from autogsas.figures.svg import Drawing, number
from autogsas.figures.thinning import spots
from autogsas.runfolder.reader import Marks, Profile
from autogsas.text.formatting import general, percent

__all__ = ["Caption", "draw_fit", "fit_svg", "fits_svg"]

Array = npt.NDArray[np.float64]

_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP, _ROW = 78.0, 14.0, 50.0, 46.0, 8.0, 15.0


@dataclass(frozen=True)
class Caption:
    """The texts around a fit and its excluded regions.

    ``rwp`` in per cent and ``gof`` as the host computes them; ``counts``: whether the intensities are counts;
    ``excluded`` in degrees 2theta.
    """

    title: str = ""
    rwp: float | None = None
    counts: bool = False
    excluded: tuple[tuple[float, float], ...] = ()
    gof: float | None = None

    @property
    def intensity(self) -> str:
        """The label of the intensity axis."""
        return "Intensity (counts)" if self.counts else "Intensity (arb. units)"


def fit_svg(
    profile: Profile,
    marks: Sequence[Marks] = (),
    caption: Caption | None = None,
    *,
    scale: Scale = "linear",
    deviations: bool = False,
    width: float = 960.0,
    height: float = 560.0,
) -> str:
    """Return the fit of one histogram as the text of an SVG file, below 200 kB for a pattern of any length.

    ``marks`` are the reflections of this histogram, drawn in a row for each phase; ``scale`` is that of the intensity;
    ``deviations`` adds a panel with the difference divided by its standard uncertainty.
    """
    return fits_svg([(profile, marks, caption or Caption())], scale, deviations, width, height)


def fits_svg(
    fits: Sequence[tuple[Profile, Sequence[Marks], Caption]],
    scale: Scale = "linear",
    deviations: bool = False,
    width: float = 960.0,
    height: float = 560.0,
) -> str:
    """Return the fits of several histograms, one below another, as the text of an SVG file (see `fit_svg`)."""
    page = Drawing(width, height * len(fits))
    most = max(800, 6000 // len(fits))
    for index, (profile, marks, caption) in enumerate(fits):
        drawing = draw_fit(profile, marks, caption, scale, deviations, width, height, most=most, identity=f"fit{index}")
        page.insert(drawing, index * height)
    title = "; ".join(caption.title or profile.histogram for profile, _, caption in fits)
    return page.file(title, " ".join(describe(profile, marks, caption) for profile, marks, caption in fits))


def describe(profile: Profile, marks: Sequence[Marks], caption: Caption) -> str:
    """Return a description of the figure in one sentence, for readers who cannot see it."""
    if not profile.two_theta.size:
        return f"{profile.histogram}: no points."
    ends = f"{general(profile.two_theta[0])} to {general(profile.two_theta[-1])} degrees 2θ"
    phases = f", reflection marks of {', '.join(phase_names(marks))}" if marks else ""
    return f"Observed and calculated pattern of {profile.histogram} from {ends}, Rwp {percent(caption.rwp)} %{phases}."


def draw_fit(
    profile: Profile,
    marks: Sequence[Marks],
    caption: Caption,
    scale: Scale,
    deviations: bool,
    width: float,
    height: float,
    *,
    most: int = 6000,
    identity: str = "fit",
) -> Drawing:
    """Return the drawing of one histogram with at most ``most`` observed points; ``identity`` is unique in the page."""
    drawing = Drawing(width, height)
    x = profile.two_theta
    if not x.size:
        drawing.text(width / 2, height / 2, "no points", text_anchor="middle")
        return drawing
    phases = phase_names(marks)
    across = Axis(float(x[0]), float(x[-1]) if x.size > 1 else float(x[0]) + 1.0, _LEFT, width - _RIGHT)
    strip = _ROW * len(phases) + (_GAP if phases else 0.0)
    extra = 0.17 * height if deviations else 0.0
    room = height - _TOP - _BOTTOM - strip - _GAP - (extra + _GAP if deviations else 0.0)
    low, high = intensity_range(profile, scale)
    main_height, lower, upper = _share(profile, room, low, high, scale)
    top, floor = _TOP, height - _BOTTOM
    intensity = Axis(low, high, top + main_height, top, scale)
    _shades(drawing, profile, caption, across, top, floor)
    _main_panel(drawing, profile, across, intensity, caption, most, identity)
    top += main_height
    for row, phase in enumerate(phases):
        box = (top + _GAP + row * _ROW + 1, _ROW - 5)
        draw_ticks(drawing, marks, phase, across, box, f"phase{row % PHASES}")
    top += strip + _GAP
    bottom = floor - (extra + _GAP if deviations else 0.0)
    curve = Curve(x, profile.difference, "difference", 1.0)
    draw_panel(
        drawing,
        across,
        Axis(lower, upper, bottom, top),
        [curve],
        "Difference",
        f"{identity}-difference",
        last=not deviations,
    )
    if deviations:
        largest = np.abs(finite(profile.deviation)).max(initial=0.0)
        sigma = Axis(-1.05 * (largest or 1.0), 1.05 * (largest or 1.0), floor, bottom + _GAP)
        curve = Curve(x, profile.deviation, "difference", 1.0)
        draw_panel(drawing, across, sigma, [curve], "Diff./σ", f"{identity}-deviation", last=True)
    _heading(drawing, caption, profile, phases, width)
    return drawing


def intensity_range(profile: Profile, scale: Scale) -> tuple[float, float]:
    """Return the range of the intensity axis."""
    values = finite(profile.observed, profile.calculated, profile.background)
    if scale == "log":
        values = values[values > 0]
    if not values.size:
        return (1.0, 10.0) if scale == "log" else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if scale == "log":
        return 0.9 * low, 1.3 * high
    if low >= 0 and low < 0.5 * high:
        low = 0.0
    span = (high - low) or abs(high) or 1.0
    return low - (0.04 * span if low else 0.0), high + (0.08 if scale == "sqrt" else 0.04) * span


def _share(profile: Profile, room: float, low: float, high: float, scale: Scale) -> tuple[float, float, float]:
    """Return the height of the main panel and the range of the difference below it.

    On a linear scale the difference is drawn to the scale of the pattern, as is usual, unless it would then take
    more than 0.35 or less than 0.14 of the height ``room``.
    """
    difference = finite(profile.difference)
    lower, upper = (float(difference.min()), float(difference.max())) if difference.size else (-1.0, 1.0)
    span = 1.06 * (upper - lower) or 1.0
    natural = room * span / (span + high - low)
    below = min(max(natural, 0.14 * room), 0.35 * room)
    if scale == "linear" and below > natural:
        span = below * (high - low) / (room - below)
    middle = (lower + upper) / 2
    return room - below, middle - span / 2, middle + span / 2


def _shades(drawing: Drawing, profile: Profile, caption: Caption, across: Axis, top: float, bottom: float) -> None:
    for low, high in profile.uncounted(caption.excluded):
        left, right = across.at(low), across.at(high)
        drawing.add("rect", class_="shade", x=left, y=top, width=max(right - left, 0.5), height=bottom - top)


def _main_panel(
    drawing: Drawing, profile: Profile, across: Axis, intensity: Axis, caption: Caption, most: int, identity: str
) -> None:
    left, right, top, bottom = across.start, across.end, intensity.end, intensity.start
    drawing.x_axis(across, top, bottom, labels=False)
    drawing.y_axis(intensity, left, right, label=caption.intensity, gap=50)
    drawing.open_clip(identity, left, top, right - left, bottom - top)
    x = across.place(profile.two_theta)
    observed = intensity.place(profile.observed)
    chosen = spots(x, observed, 1.0, most)
    drawing.dots(x[chosen], observed[chosen], "observed")
    drawing.line(x, intensity.place(profile.background), "background", 1.4)
    drawing.line(x, intensity.place(profile.calculated), "calculated", 1.1)
    drawing.close_clip()
    drawing.frame(left, top, right, bottom)


def _heading(drawing: Drawing, caption: Caption, profile: Profile, phases: Sequence[str], width: float) -> None:
    drawing.text(_LEFT, 20, caption.title or profile.histogram, class_="strong")
    if caption.rwp is not None:
        drawing.text(width - _RIGHT, 20, f"Rwp {percent(caption.rwp)} %", class_="strong", text_anchor="end")
    y = 40.0
    x = drawing.legend_dot(_LEFT, y, "observed", "observed")
    for label in ("calculated", "background", "difference"):
        x = drawing.legend_line(x, y, label, label)
    for row, phase in enumerate(phases):
        if x > width - 160:
            break
        tick = f"M{number(x + 3)} {number(y - 9)}v10"
        drawing.add("path", class_=f"line phase{row % PHASES}", d=tick, stroke_width=1.6)
        x = drawing.legend_label(x + 11, y, shorten(phase, 28))
    if profile.uncounted(caption.excluded) and x < width - 120:
        drawing.add("rect", class_="shade", x=x, y=y - 10, width=12.0, height=12.0)
        drawing.legend_label(x + 17, y, "not counted")

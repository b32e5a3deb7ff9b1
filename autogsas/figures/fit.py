"""The picture of a fit as the field draws it: points, line, background, reflection marks, difference below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.figures.axes import Axis, Scale
from autogsas.figures.svg import PHASES, Drawing, number
from autogsas.figures.thinning import spots
from autogsas.runfolder.reader import Marks, Profile
from autogsas.text.formatting import general, percent

__all__ = ["Caption", "draw_fit", "fit_svg", "fits_svg"]

Array = npt.NDArray[np.float64]

_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP, _ROW = 78.0, 14.0, 50.0, 46.0, 8.0, 15.0


@dataclass(frozen=True)
class Caption:
    """What is written around a fit: a title, the host's Rwp in per cent and GoF, whether intensities are counts."""

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
    """Return the fit of one histogram as the text of an SVG file, below 200 kB however long the pattern.

    ``marks`` of this histogram only, a row for each phase; ``scale`` of the intensity; with ``deviations`` a panel of
    the difference over its standard uncertainty is added.
    """
    return fits_svg([(profile, marks, caption or Caption())], scale, deviations, width, height)


def fits_svg(
    fits: Sequence[tuple[Profile, Sequence[Marks], Caption]],
    scale: Scale = "linear",
    deviations: bool = False,
    width: float = 960.0,
    height: float = 560.0,
) -> str:
    """Return the fits of several histograms, one below the other, as the text of an SVG file (see `fit_svg`)."""
    page = Drawing(width, height * len(fits))
    most = max(800, 6000 // len(fits))
    for index, (profile, marks, caption) in enumerate(fits):
        drawing = draw_fit(profile, marks, caption, scale, deviations, width, height, most=most, identity=f"fit{index}")
        page.place(drawing, index * height)
    title = "; ".join(caption.title or profile.histogram for profile, _, caption in fits)
    return page.file(title, " ".join(describe(profile, marks, caption) for profile, marks, caption in fits))


def describe(profile: Profile, marks: Sequence[Marks], caption: Caption) -> str:
    """Return in one sentence what the picture shows, for those who do not see it."""
    if not profile.two_theta.size:
        return f"{profile.histogram}: no points."
    ends = f"{general(profile.two_theta[0])} to {general(profile.two_theta[-1])} degrees 2θ"
    phases = f", reflection marks of {', '.join(dict.fromkeys(mark.phase for mark in marks))}" if marks else ""
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
    """Return the drawing of one histogram; ``most`` observed points at the most, ``identity`` unique in the page."""
    drawing = Drawing(width, height)
    x = profile.two_theta
    if not x.size:
        drawing.text(width / 2, height / 2, "no points", text_anchor="middle")
        return drawing
    phases = list(dict.fromkeys(mark.phase for mark in marks))
    across = Axis(float(x[0]), float(x[-1]) if x.size > 1 else float(x[0]) + 1.0, _LEFT, width - _RIGHT)
    strip = _ROW * len(phases) + (_GAP if phases else 0.0)
    extra = 0.17 * height if deviations else 0.0
    room = height - _TOP - _BOTTOM - strip - _GAP - (extra + _GAP if deviations else 0.0)
    low, high = intensity_range(profile, scale)
    main_height, lower, upper = _share(profile, room, low, high, scale)
    top = _TOP
    intensity = Axis(low, high, top + main_height, top, scale)
    _shades(drawing, profile, caption, across, top, height - _BOTTOM)
    _main_panel(drawing, profile, across, intensity, caption, most, identity)
    top += main_height
    if phases:
        _mark_rows(drawing, marks, phases, across, top + _GAP)
        top += strip
    top += _GAP
    bottom = height - _BOTTOM - (extra + _GAP if deviations else 0.0)
    below = Axis(lower, upper, bottom, top)
    _lower_panel(drawing, x, profile.difference, across, below, "Difference", identity, last=not deviations)
    if deviations:
        reach = 1.05 * (_largest(profile.deviation) or 1.0)
        sigma = Axis(-reach, reach, height - _BOTTOM, bottom + _GAP)
        _lower_panel(drawing, x, profile.deviation, across, sigma, "Diff./σ", identity, last=True)
    _heading(drawing, caption, profile, phases, width)
    return drawing


def intensity_range(profile: Profile, scale: Scale) -> tuple[float, float]:
    """Return the lowest and highest intensity to show."""
    values = np.concatenate((profile.observed, profile.calculated, profile.background))
    values = values[np.isfinite(values)]
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


def _largest(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def _share(profile: Profile, room: float, low: float, high: float, scale: Scale) -> tuple[float, float, float]:
    """Return the height of the main panel and the range of the difference below it.

    On a linear scale both have as many counts to the millimetre, as the field draws them, unless the difference would
    take more than 0.35 of the room or less than what can be read.
    """
    difference = profile.difference[np.isfinite(profile.difference)]
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


def _mark_rows(drawing: Drawing, marks: Sequence[Marks], phases: list[str], across: Axis, top: float) -> None:
    for row, phase in enumerate(phases):
        y = top + row * _ROW
        places = np.concatenate([mark.two_theta for mark in marks if mark.phase == phase])
        shown = np.unique(np.round(across.place(places[(places >= across.low) & (places <= across.high)]), 1))
        ticks = "".join(f"M{number(place)} {number(y + 1)}v{number(_ROW - 5)}" for place in shown)
        if ticks:
            drawing.add("path", class_=f"line phase{row % PHASES}", d=ticks, stroke_width=1.0)


def _lower_panel(
    drawing: Drawing, x: Array, values: Array, across: Axis, axis: Axis, label: str, identity: str, *, last: bool
) -> None:
    left, right, top, bottom = across.start, across.end, axis.end, axis.start
    drawing.x_axis(across, top, bottom, label="2θ (°)" if last else "", labels=last)
    drawing.y_axis(axis, left, right, label=label, gap=20)
    drawing.open_clip(f"{identity}-{label[:5].rstrip('.')}", left, top, right - left, bottom - top)
    drawing.line(across.place(x), axis.place(values), "difference", 1.0)
    drawing.close_clip()
    drawing.frame(left, top, right, bottom)


def _heading(drawing: Drawing, caption: Caption, profile: Profile, phases: Sequence[str], width: float) -> None:
    drawing.text(_LEFT, 20, caption.title or profile.histogram, class_="strong")
    if caption.rwp is not None:
        drawing.text(width - _RIGHT, 20, f"Rwp {percent(caption.rwp)} %", class_="strong", text_anchor="end")
    x, y = _LEFT, 40.0
    drawing.add("path", class_="spot observed", d=f"M{number(x + 3)} {number(y - 4)}h0", stroke_width=4.5)
    x = _entry(drawing, x + 11, y, "observed")
    for label in ("calculated", "background", "difference"):
        drawing.add("path", class_=f"line {label}", d=f"M{number(x)} {number(y - 4)}h18", stroke_width=1.8)
        x = _entry(drawing, x + 23, y, label)
    for row, phase in enumerate(phases):
        if x > width - 160:
            break
        drawing.add(
            "path", class_=f"line phase{row % PHASES}", d=f"M{number(x + 3)} {number(y - 9)}v10", stroke_width=1.6
        )
        x = _entry(drawing, x + 11, y, phase if len(phase) <= 28 else f"{phase[:27]}…")
    if profile.uncounted(caption.excluded) and x < width - 120:
        drawing.add("rect", class_="shade", x=x, y=y - 10, width=12.0, height=12.0)
        _entry(drawing, x + 17, y, "not counted")


def _entry(drawing: Drawing, x: float, y: float, label: str) -> float:
    drawing.text(x, y, label)
    return x + 6.3 * len(label) + 20

"""Figures for print by matplotlib: pattern, reflection marks and difference on one axis, at the widths of journals.

Apart from `autogsas.figures.fit` because print needs PDF, PNG and embedded fonts, which only matplotlib writes here,
while the report and fit.svg must work without it.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogsas.errors import UserError
from autogsas.figures.axes import finite, round_ticks
from autogsas.figures.fit import Caption
from autogsas.figures.labels import TWO_THETA, shorten
from autogsas.figures.palette import LIGHT, PHASES
from autogsas.figures.reflections import phase_names, positions
from autogsas.runfolder.reader import Marks, Profile
from autogsas.text.formatting import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIGURE_FORMATS", "NAMES", "check_formats", "figure_files", "safe_names"]

FIGURE_FORMATS = ("pdf", "svg", "png")
NAMES = re.compile(r"figure-[A-Za-z0-9._-]+\.(?:pdf|svg|png)")

_INCH = 25.4  # mm
_DPI = 600
_MANY = 20_000  # points; above this curves become pixels, because vector files would be large and slow
_LONGEST = 60


@dataclass(frozen=True)
class _Size:
    """A size that journals print, in mm, its font size in points, and the suffix of the file name."""

    suffix: str
    width: float
    height: float
    font: float


_SIZES = (_Size("", 84.0, 66.0, 7.0), _Size("-wide", 174.0, 88.0, 8.0))
_STYLE: dict[str, Any] = {
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "autogsas",
    "axes.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "path.simplify": True,
}
# For characters that matplotlib's own font does not contain; used if installed.
_FALLBACKS = ("Noto Sans CJK SC", "Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "WenQuanYi Micro Hei")


def check_formats(wanted: str | Sequence[str]) -> tuple[str, ...]:
    """Return the formats in a text such as "pdf,svg" or in a sequence, each once.

    Raises UserError for an unknown format, and if a format is wanted but matplotlib is not installed.
    """
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    formats = tuple(dict.fromkeys(name.strip().lower().removeprefix(".") for name in names if name.strip()))
    for name in formats:
        if name not in FIGURE_FORMATS:
            raise UserError("unknown figure format", key="--figures", found=name, allowed=FIGURE_FORMATS)
    if formats and importlib.util.find_spec("matplotlib") is None:
        raise UserError("figures for print need matplotlib: pip install 'autogsas[figures]'", key="--figures")
    return formats


def safe_names(histograms: Sequence[str]) -> list[str]:
    """Return a file name part for each histogram: ASCII letters, digits and "._-", all different."""
    names: list[str] = []
    for histogram in histograms:
        text = unicodedata.normalize("NFKD", histogram).encode("ascii", "ignore").decode()
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:_LONGEST] or "pattern"
        name, number = base, 2
        while name.lower() in {other.lower() for other in names}:
            name, number = f"{base}-{number}", number + 1
        names.append(name)
    return names


def figure_files(
    fits: Sequence[tuple[Profile, Sequence[Marks], Caption]], formats: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    """Return the name and content of each figure: one column wide (84 mm) and two columns wide (174 mm, "-wide").

    ``formats`` are from `FIGURE_FORMATS`. Text remains text (PDF: TrueType); PNG has 600 dpi. The same numbers give
    the same bytes.
    """
    for (profile, marks, caption), name in zip(fits, safe_names([p.histogram for p, _, _ in fits]), strict=True):
        for size in _SIZES:
            for form, content in _drawn(profile, marks, caption, size, formats):
                yield f"figure-{name}{size.suffix}.{form}", content


def _drawn(
    profile: Profile, marks: Sequence[Marks], caption: Caption, size: _Size, formats: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # A character that no font contains is drawn as a box; matplotlib would warn about each one.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    style: Any = {**_STYLE, "font.family": _fonts(), "font.size": size.font}
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(size.width / _INCH, size.height / _INCH), layout="constrained")
        _draw(figure.add_subplot(), profile, marks, caption, size)
        for form in formats:
            stream = io.BytesIO()
            dates = {"pdf": {"CreationDate": None, "ModDate": None}, "svg": {"Date": None}}
            figure.savefig(stream, format=form, dpi=_DPI, metadata=dates.get(form))
            yield form, stream.getvalue()


def _fonts() -> list[str]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]


def _draw(axes: Axes, profile: Profile, marks: Sequence[Marks], caption: Caption, size: _Size) -> None:
    x, counted = profile.two_theta, profile.counted
    if not x.size:
        axes.text(0.5, 0.5, "no points", ha="center", transform=axes.transAxes)
        return
    highest = _largest(profile.observed[counted], profile.calculated[counted])
    lowest = min(0.0, -_largest(-profile.observed[counted]))
    span = (highest - lowest) or 1.0
    _draw_curves(axes, profile)
    below = _draw_marks(axes, marks, (float(x[0]), float(x[-1])), lowest - 0.02 * span, 0.045 * span)
    bottom = _draw_difference(axes, profile, below - 0.02 * span)
    for low, high in profile.uncounted(caption.excluded):
        axes.axvspan(low, high, color=LIGHT["shade"], alpha=0.16, lw=0)
    axes.set_xlim(float(x[0]), float(x[-1]) if x.size > 1 else float(x[0]) + 1.0)
    axes.set_ylim(bottom - 0.03 * span, highest + 0.06 * span)
    # No ticks below the lowest intensity: the marks and the shifted difference have no intensity scale.
    axes.set_yticks([tick for tick in round_ticks(lowest, highest, 5) if tick >= lowest])
    axes.set_xlabel(TWO_THETA)
    axes.set_ylabel(caption.intensity)
    axes.legend(
        loc="upper right",
        title=f"Rwp = {percent(caption.rwp)} %, GoF = {percent(caption.gof)}",
        frameon=False,
        fontsize=size.font - 1,
        title_fontsize=size.font,
        handlelength=1.4,
        labelspacing=0.25,
        borderaxespad=0.3,
        markerscale=1.6,
    )


def _draw_curves(axes: Axes, profile: Profile) -> None:
    x, counted, raster = profile.two_theta, profile.counted, profile.two_theta.size > _MANY
    dots: Any = {"ls": "", "marker": "o", "ms": 1.5, "mew": 0.35, "mfc": "none", "mec": LIGHT["observed"]}
    axes.plot(x[counted], profile.observed[counted], label="observed", rasterized=raster, **dots)
    calculated = np.where(counted, profile.calculated, np.nan)
    axes.plot(x, calculated, color=LIGHT["calculated"], lw=0.7, label="calculated", rasterized=raster)
    if np.isfinite(profile.background).any():
        axes.plot(x, profile.background, color=LIGHT["background"], lw=0.6, label="background")


def _draw_marks(axes: Axes, marks: Sequence[Marks], ends: tuple[float, float], top: float, row: float) -> float:
    """Draw a row of height ``row`` for each phase from ``top`` down; return the lower end of the last row."""
    for number, phase in enumerate(phase_names(marks)):
        colour = LIGHT[f"phase{number % PHASES}"]
        places = positions(marks, phase, *ends)
        axes.vlines(places, top - 0.8 * row, top, colors=colour, lw=0.5, label=_plain(phase))
        top -= row
    return top


def _draw_difference(axes: Axes, profile: Profile, top: float) -> float:
    """Draw the difference, shifted to end at ``top``, with its zero line; return its lower end."""
    difference, raster = profile.difference, profile.two_theta.size > _MANY
    highest, lowest = _largest(difference), -_largest(-difference)
    offset = top - max(highest, 0.0)
    axes.axhline(offset, color=LIGHT["grid"], lw=0.5)
    shifted = difference + offset
    axes.plot(profile.two_theta, shifted, color=LIGHT["difference"], lw=0.6, label="difference", rasterized=raster)
    return offset + min(lowest, 0.0)


def _largest(*columns: Any) -> float:
    values = finite(*columns)
    return float(values.max()) if values.size else 0.0


def _plain(text: str) -> str:
    """Return a name that matplotlib shows as it is: a dollar would start a formula, a control character a new line."""
    kept = "".join(
        "\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char
        for char in text
        if unicodedata.category(char) != "Cf"
    )
    short = shorten(kept, 40)
    # matplotlib leaves a label that begins with an underscore out of the legend.
    return f"\u200a{short}".replace("$", r"\$") if short.startswith("_") else short.replace("$", r"\$")

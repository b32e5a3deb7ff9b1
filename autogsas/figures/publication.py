"""Figures for print in the field's usual style, by matplotlib: one axis, the difference below, marks between."""

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
from autogsas.figures.axes import round_ticks
from autogsas.figures.fit import Caption
from autogsas.figures.svg import LIGHT, PHASES
from autogsas.runfolder.reader import Marks, Profile
from autogsas.text.formatting import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIGURE_FORMATS", "NAMES", "check_formats", "figure_files", "safe_names"]

FIGURE_FORMATS = ("pdf", "svg", "png")
NAMES = re.compile(r"figure-[A-Za-z0-9._-]+\.(?:pdf|svg|png)")

_INCH = 25.4  # mm
_DPI = 600
_MANY = 20_000  # points, above which a vector file would be as slow as large
_LONGEST = 60


@dataclass(frozen=True)
class _Size:
    """A width that journals print, in mm, and what the file's name has for it."""

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
# After matplotlib's own font, for letters it does not have: used where installed.
_FALLBACKS = ("Noto Sans CJK SC", "Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "WenQuanYi Micro Hei")


def check_formats(wanted: str | Sequence[str]) -> tuple[str, ...]:
    """Return the formats of "pdf,svg" or of a sequence of them, each once.

    Raises UserError for an unknown one, and where there are any and matplotlib is not installed.
    """
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    formats = tuple(dict.fromkeys(name.strip().lower().removeprefix(".") for name in names if name.strip()))
    for name in formats:
        if name not in FIGURE_FORMATS:
            raise UserError("no format of figures", key="--figures", found=name, allowed=FIGURE_FORMATS)
    if formats and importlib.util.find_spec("matplotlib") is None:
        raise UserError("figures for print need matplotlib: pip install 'autogsas[figures]'", key="--figures")
    return formats


def safe_names(histograms: Sequence[str]) -> list[str]:
    """Return a part of a file name for each histogram: ASCII letters, digits and "._-", all different."""
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
    """Return the name and content of each figure, of a single column (84 mm) and of two (174 mm, "-wide").

    ``formats`` are some of `FIGURE_FORMATS`. Text stays text (PDF: TrueType); PNG has 600 dpi. The same numbers give
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

    # A letter that no font has is drawn as a box; nobody needs to be told on every line.
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

    there = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in there)]


def _draw(axes: Axes, profile: Profile, marks: Sequence[Marks], caption: Caption, size: _Size) -> None:
    x, counted = profile.two_theta, profile.counted
    if not x.size:
        axes.text(0.5, 0.5, "no points", ha="center", transform=axes.transAxes)
        return
    many = x.size > _MANY
    axes.plot(
        x[counted],
        profile.observed[counted],
        ls="",
        marker="o",
        ms=1.5,
        mew=0.35,
        mfc="none",
        mec=LIGHT["observed"],
        label="observed",
        rasterized=many,
    )
    axes.plot(
        x,
        np.where(counted, profile.calculated, np.nan),
        color=LIGHT["calculated"],
        lw=0.7,
        label="calculated",
        rasterized=many,
    )
    if np.isfinite(profile.background).any():
        axes.plot(x, profile.background, color=LIGHT["background"], lw=0.6, label="background")
    highest = _largest(profile.observed[counted], profile.calculated[counted])
    lowest = min(0.0, -_largest(-profile.observed[counted]))
    span = (highest - lowest) or 1.0
    phases = list(dict.fromkeys(mark.phase for mark in marks))
    row = 0.045 * span
    below = lowest - 0.02 * span
    for number, phase in enumerate(phases):
        places = np.concatenate([mark.two_theta for mark in marks if mark.phase == phase])
        places = places[(places >= x[0]) & (places <= x[-1])]
        axes.vlines(
            places, below - 0.8 * row, below, colors=LIGHT[f"phase{number % PHASES}"], lw=0.5, label=_plain(phase)
        )
        below -= row
    difference = profile.difference
    top, bottom = _largest(difference), -_largest(-difference)
    offset = below - 0.02 * span - max(top, 0.0)
    axes.axhline(offset, color=LIGHT["grid"], lw=0.5)
    axes.plot(x, difference + offset, color=LIGHT["difference"], lw=0.6, label="difference", rasterized=many)
    for low, high in profile.uncounted(caption.excluded):
        axes.axvspan(low, high, color=LIGHT["shade"], alpha=0.16, lw=0)
    axes.set_xlim(float(x[0]), float(x[-1]) if x.size > 1 else float(x[0]) + 1.0)
    axes.set_ylim(offset + min(bottom, 0.0) - 0.03 * span, highest + 0.06 * span)
    # The axis counts intensities: below zero lie marks and a curve that is moved down.
    axes.set_yticks([tick for tick in round_ticks(lowest, highest, 5) if tick >= lowest])
    axes.set_xlabel("2θ (°)")
    axes.set_ylabel(caption.intensity)
    figures = f"Rwp = {percent(caption.rwp)} %, GoF = {percent(caption.gof)}"
    axes.legend(
        loc="upper right",
        title=figures,
        frameon=False,
        fontsize=size.font - 1,
        title_fontsize=size.font,
        handlelength=1.4,
        labelspacing=0.25,
        borderaxespad=0.3,
        markerscale=1.6,
    )


def _largest(*columns: Any) -> float:
    values = np.concatenate(columns)
    values = values[np.isfinite(values)]
    return float(values.max()) if values.size else 0.0


def _plain(text: str) -> str:
    """Return a name as matplotlib shows it letter by letter: dollars would begin a formula, controls break a line."""
    kept = "".join(
        "\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char
        for char in text
        if unicodedata.category(char) != "Cf"
    )
    short = kept if len(kept) <= 40 else f"{kept[:39]}…"
    # A label that begins with an underscore is left out of legends.
    return f"\u200a{short}".replace("$", r"\$") if short.startswith("_") else short.replace("$", r"\$")

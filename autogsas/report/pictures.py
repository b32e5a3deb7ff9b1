"""The pictures of the report: what is drawn, and what is said below each."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from autogsas.figures.fit import Caption, describe, draw_fit
from autogsas.figures.history import describe_history, draw_history
from autogsas.figures.importances import describe_importances, draw_importances
from autogsas.pages.embed import markup
from autogsas.report.tables import sentence
from autogsas.runfolder.reader import Marks, Profile, RunData
from autogsas.runfolder.summary import HistogramPart, Summary
from autogsas.text.formatting import count, general, interval
from autogsas.text.prose import joined

__all__ = ["Figure", "captions", "fit_figure", "history_figure", "importances_figure"]

_MOST_BARS = 10


@dataclass(frozen=True)
class Figure:
    """A picture: ``svg`` stands until it can be zoomed, and is what is printed."""

    identity: str
    title: str
    svg: Markup
    description: str
    notes: tuple[str, ...]


def captions(run: RunData) -> list[tuple[Profile, list[Marks], Caption]]:
    """Return each histogram's curves with its reflection marks and what is written around its picture."""
    fits = []
    for profile in run.profiles:
        entry = run.summary.histogram(profile.histogram)
        project = run.summary.project
        caption = Caption(
            title=f"{project} · {profile.histogram}" if project else profile.histogram,
            rwp=None if entry is None else entry.rwp,
            counts=entry is not None and entry.weights_from == "counting statistics",
            excluded=() if entry is None else tuple(entry.excluded),
            gof=None if entry is None else entry.gof,
        )
        fits.append((profile, [mark for mark in run.marks if mark.histogram == profile.histogram], caption))
    return fits


def fit_figure(run: RunData, index: int) -> Figure:
    """Return the picture of one histogram, by its number among the run's profiles."""
    profile, marks, caption = captions(run)[index]
    drawing = draw_fit(profile, marks, caption, "linear", True, 960.0, 660.0, identity=f"fit{index}")
    description = describe(profile, marks, caption)
    entry = run.summary.histogram(profile.histogram)
    return Figure(
        identity=f"fit-{index}",
        title=profile.histogram,
        svg=markup(drawing.inline("The fit", description)),
        description=description,
        notes=() if entry is None else tuple(_fit_notes(entry)),
    )


def _fit_notes(entry: HistogramPart) -> list[str]:
    waves = [f"{general(value)} Å" for value in entry.wavelengths]
    kind = {"xray": "X-rays", "neutron": "neutrons"}.get(entry.radiation, "")
    words = [f"{kind}, {joined(waves)}" if kind and waves else kind or joined(waves), entry.geometry or ""]
    words.append(f"2θ {interval(entry.limits)}")
    if entry.excluded:
        words.append(f"not counted: {joined([interval(region) for region in entry.excluded])}")
    words.append(f"{count(entry.n_observations)} points" if entry.n_observations is not None else "")
    words.append(f"weights from {entry.weights_from}" if entry.weights_from else "")
    line = "; ".join(word for word in words if word)
    notes = [line, *entry.notes]
    return [text if text.endswith((".", "!", "?")) else f"{text}." for text in notes if text]


def history_figure(run: RunData) -> Figure | None:
    """Return the picture of the search; None where no trial is over."""
    if not run.history:
        return None
    description = describe_history(run.history, run.by_hand)
    drawing = draw_history(run.history, "", 960.0, 380.0, run.by_hand)
    return Figure(
        "history", "History of the search", markup(drawing.inline("The search", description)), description, ()
    )


def importances_figure(summary: Summary) -> Figure | None:
    """Return what mattered, or a figure without a picture whose description says why none; None for older runs."""
    part = summary.importances
    if part is None:
        return None
    if not part.items:
        return Figure("mattered", "", Markup(""), sentence(part.note), ())
    description = describe_importances(part.items, part.trials)
    drawing = draw_importances(part.items[:_MOST_BARS], 640.0)
    about = "Which choices set the best quarter of the usable trials apart from all of them (PED-ANOVA, by Optuna)."
    chance = "The dark ticks are the most that shuffling the trials' scores gave."
    return Figure("mattered", "", markup(drawing.inline("What mattered", description)), description, (about, chance))

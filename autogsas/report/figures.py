"""The figures of the report with their captions."""

from __future__ import annotations

from markupsafe import Markup

from autogsas.figures.fit import Caption, describe, draw_fit
from autogsas.figures.history import describe_history, draw_history
from autogsas.figures.importances import describe_importances, draw_importances
from autogsas.pages.embed import markup
from autogsas.pages.parts import Figure, sentence, with_stop
from autogsas.runfolder.reader import Marks, Profile, RunData
from autogsas.runfolder.summary import HistogramPart, Summary
from autogsas.text.formatting import count, general, interval
from autogsas.text.prose import joined

__all__ = ["captions", "fit_figure", "history_figure", "importances_figure"]

_MOST_BARS = 10


def captions(run: RunData) -> list[tuple[Profile, list[Marks], Caption]]:
    """Return the curves, the reflection marks and the caption of each histogram."""
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
    """Return the figure of one histogram; ``index`` is its place among the profiles of the run."""
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
    kind = {"xray": "X-rays", "neutron": "Neutrons"}.get(entry.radiation, "")
    parts = [f"{kind}, {joined(waves)}" if kind and waves else kind or joined(waves), entry.geometry or ""]
    parts.append(f"2θ {interval(entry.limits)}")
    if entry.excluded:
        parts.append(f"not counted: {joined([interval(region) for region in entry.excluded])}")
    parts.append(f"{count(entry.n_observations)} points" if entry.n_observations is not None else "")
    parts.append(f"weights from {entry.weights_from}" if entry.weights_from else "")
    line = "; ".join(part for part in parts if part)
    return [with_stop(text) for text in (line, *entry.notes) if text]


def history_figure(run: RunData) -> Figure | None:
    """Return the figure of the search; None if no trial is finished."""
    if not run.history:
        return None
    description = describe_history(run.history, run.by_hand)
    drawing = draw_history(run.history, "", 960.0, 380.0, run.by_hand)
    return Figure(
        "history", "History of the search", markup(drawing.inline("The search", description)), description, ()
    )


def importances_figure(summary: Summary) -> Figure | None:
    """Return the figure of the importances; None for runs of older versions.

    Without importances the figure has no drawing, and its description gives the reason.
    """
    part = summary.importances
    if part is None:
        return None
    if not part.items:
        return Figure("mattered", "", Markup(""), sentence(part.note), ())
    description = describe_importances(part.items, part.trials)
    drawing = draw_importances(part.items[:_MOST_BARS], 640.0)
    about = "Importance: how much a choice distinguishes the best quarter of the usable trials (PED-ANOVA, by Optuna)."
    chance = "Dark ticks: the largest importance after shuffling the scores of the trials."
    return Figure("mattered", "", markup(drawing.inline("Importances", description)), description, (about, chance))

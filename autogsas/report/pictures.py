"""The pictures of the report: what is drawn, and what is said below each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from autogsas.figures.fit import Caption, describe, draw_fit
from autogsas.figures.history import describe_history, draw_history
from autogsas.figures.importances import describe_importances, draw_importances
from autogsas.pages.embed import markup
from autogsas.report.tables import sentence
from autogsas.runfolder.reader import Marks, Profile, Run
from autogsas.text.formatting import count, general, interval
from autogsas.text.prose import joined

__all__ = ["Figure", "captions", "fit_figure", "history_figure", "importances_figure"]

Summary = Mapping[str, Any]

_MOST_BARS = 10


@dataclass(frozen=True)
class Figure:
    """A picture: ``svg`` stands until it can be zoomed, and is what is printed."""

    identity: str
    title: str
    svg: Markup
    description: str
    notes: tuple[str, ...]


def captions(run: Run) -> list[tuple[Profile, list[Marks], Caption]]:
    """Return each histogram's curves with its reflection marks and what is written around its picture."""
    entries = {str(item.get("name")): item for item in run.summary.get("histograms") or ()}
    fits = []
    for profile in run.profiles:
        entry = entries.get(profile.histogram, {})
        project = str(run.summary.get("project") or "")
        excluded = tuple((float(low), float(high)) for low, high in entry.get("excluded") or ())
        caption = Caption(
            title=f"{project} · {profile.histogram}" if project else profile.histogram,
            rwp=entry.get("rwp"),
            counts=entry.get("weights_from") == "counting statistics",
            excluded=excluded,
            gof=entry.get("gof"),
        )
        fits.append((profile, [mark for mark in run.marks if mark.histogram == profile.histogram], caption))
    return fits


def fit_figure(run: Run, index: int) -> Figure:
    """Return the picture of one histogram, by its number among the run's profiles."""
    profile, marks, caption = captions(run)[index]
    drawing = draw_fit(profile, marks, caption, "linear", True, 960.0, 660.0, identity=f"fit{index}")
    description = describe(profile, marks, caption)
    entries = run.summary.get("histograms") or ()
    entry: Mapping[str, Any] = next((item for item in entries if item.get("name") == profile.histogram), {})
    return Figure(
        identity=f"fit-{index}",
        title=profile.histogram,
        svg=markup(drawing.inline("The fit", description)),
        description=description,
        notes=tuple(_fit_notes(entry)),
    )


def _fit_notes(entry: Mapping[str, Any]) -> list[str]:
    waves = [f"{general(value)} Å" for value in entry.get("wavelengths") or ()]
    kind = {"xray": "X-rays", "neutron": "neutrons"}.get(str(entry.get("radiation")), "")
    words = [f"{kind}, {joined(waves)}" if kind and waves else kind or joined(waves), str(entry.get("geometry") or "")]
    words.append(f"2θ {interval(entry.get('limits'))}" if entry.get("limits") else "")
    if entry.get("excluded"):
        words.append(f"not counted: {joined([interval(region) for region in entry['excluded']])}")
    words.append(f"{count(entry['n_observations'])} points" if entry.get("n_observations") is not None else "")
    words.append(f"weights from {entry['weights_from']}" if entry.get("weights_from") else "")
    line = "; ".join(word for word in words if word)
    notes = [line, *map(str, entry.get("notes") or ())]
    return [text if text.endswith((".", "!", "?")) else f"{text}." for text in notes if text]


def history_figure(run: Run) -> Figure | None:
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
    part = summary.get("importances")
    if not part:
        return None
    items = part.get("items") or ()
    if not items:
        return Figure("mattered", "", Markup(""), sentence(str(part.get("note") or "")), ())
    description = describe_importances(items, part["trials"])
    drawing = draw_importances(items[:_MOST_BARS], 640.0)
    about = "Which choices set the best quarter of the usable trials apart from all of them (PED-ANOVA, by Optuna)."
    chance = "The dark ticks are the most that shuffling the trials' scores gave."
    return Figure("mattered", "", markup(drawing.inline("What mattered", description)), description, (about, chance))

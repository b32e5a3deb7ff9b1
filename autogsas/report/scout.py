"""The section of the report about the scout, a quick search with a faster engine before the run."""

from __future__ import annotations

from collections.abc import Iterator

from autogsas.hooks.choices import Section
from autogsas.pages.parts import sentence
from autogsas.runfolder.summary import ScoutPart, Summary
from autogsas.text.formatting import count, counted, duration, percent

__all__ = ["scout_section"]

_HEADER = ("Trial of the scout", "Rwp in the scout (%)", "Trial of the run", "State", "Rwp in the run (%)")


def scout_section(summary: Summary) -> list[Section]:
    """Return the section about the scout; an empty list if there was no scout."""
    scout = summary.scout
    if scout is None:
        return []
    if not scout.recipes and scout.note:
        return [Section("The scout", (_words(summary),))]
    return [Section("The scout", (_words(summary),), _HEADER, tuple(_rows(scout)))]


def _rows(scout: ScoutPart) -> Iterator[tuple[str, ...]]:
    for item in scout.recipes:
        state = item.state or "not tried"
        yield (count(item.scout_trial), percent(item.scout_rwp), count(item.trial), state, percent(item.rwp))


def _words(summary: Summary) -> str:
    """Return a sentence about the scout and the use of its recipes; an empty text if there was no scout."""
    scout = summary.scout
    if scout is None:
        return ""
    if not scout.recipes:
        return sentence(scout.note)
    trials = counted(scout.trials, "trial")
    text = (
        f"A quick search with a faster engine came first: {trials} in {duration(scout.seconds)}, "
        f"the best with Rwp {percent(scout.rwp)} %. The run tried its {len(scout.recipes)} best distinct recipes"
    )
    best = next((item for item in scout.recipes if item.trial == summary.best_trial), None)
    if summary.best_trial is None:
        return f"{text}."
    if best is None:
        return f"{text}; the search then found a better one."
    return f"{text}; the one of scout trial {count(best.scout_trial)} is the best of this run."

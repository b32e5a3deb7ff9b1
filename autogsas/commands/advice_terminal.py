"""Advice on the terminal, and as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autogsas.commands.advise import FAR, PAYS, Advice
from autogsas.model.advice import Gain
from autogsas.text.formatting import general, percent

__all__ = ["plain_advice", "show_advice"]

_CHANGES = 3  # how many parameters of a candidate are shown


def show_advice(advice: Advice, console: Console, at_most: int) -> None:
    """Print the most evident candidates, ``at_most`` of them, to a rich console."""
    head = (
        f"{advice.project}: Rwp {percent(advice.rwp, 3)} %, GoF {percent(advice.gof)}, {advice.n_variables} variables"
    )
    stored = "" if advice.stored_rwp is None else f"; stored: {percent(advice.stored_rwp, 3)} %"
    console.print(Text(f"{head}, calculated by {advice.engine}{stored}", "bold"))
    console.print(Text(f"refined: {', '.join(advice.refined) or 'nothing'}"))
    for note in advice.notes:
        console.print(Text(f"note: {note}", "yellow"))
    if advice.gof <= FAR and not any(gain.evidence > PAYS for gain in advice.gains):
        console.print(Text(f"No candidate is expected to lower BIC by more than {PAYS:g}.", "green"))
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, title in enumerate(("refine also", "expected Rwp", "BIC", "variables", "expected change")):
        table.add_column(Text(title), justify="right" if 0 < number < 4 else "left", overflow="fold")
    for gain in advice.gains[:at_most]:
        style = "bold" if gain.evidence > PAYS else "" if gain.evidence > 0 else "dim"
        cells = (
            gain.candidate.name,
            f"{percent(gain.rwp, 3)} %",
            f"{-gain.evidence:+.0f}".replace("-", "−"),
            f"+{gain.freedoms}",
            _changes(gain),
        )
        table.add_row(*(Text(cell, style) for cell in cells))
    console.print(table)
    last = (
        "These are linear estimates: refine the first row, then run advise again. A BIC lower by more than 10 is very "
    )
    last += "strong evidence. A change is shown if it is larger than its esd."
    console.print(Text(last, "dim"))


def plain_advice(advice: Advice) -> dict[str, Any]:
    """Return advice as dicts, lists, texts and numbers for JSON."""
    return {
        "schema": 1,
        **{key: value for key, value in asdict(advice).items() if key != "gains"},
        "gains": [
            {
                "name": gain.candidate.name,
                "free": [free.model_dump(exclude_none=True) for free in gain.candidate.free],
                "start": [start.model_dump(exclude_defaults=True) for start in gain.candidate.start],
                "rwp": gain.rwp,
                "chi2": gain.chi2,
                "bic": -gain.evidence,
                "variables": gain.freedoms,
                "changes": [asdict(change) for change in gain.changes],
            }
            for gain in advice.gains
        ],
    }


def _changes(gain: Gain) -> str:
    # What the data hardly determine moves by anything in a linear estimate.
    known = [change for change in gain.changes if abs(change.shift) > change.esd] if gain.evidence > 0 else []
    known.sort(key=lambda change: -abs(change.shift) / change.esd)
    shown = []
    for change in known[:_CHANGES]:
        name = change.name.split(":", 1)[-1]
        if any(free.group == "cell" for free in gain.candidate.free):
            shown.append(name)
        else:
            shown.append(f"{name} {general(change.value, 4)} → {general(change.value + change.shift, 3)}")
    return ", ".join(shown) + (" …" if len(known) > _CHANGES else "")

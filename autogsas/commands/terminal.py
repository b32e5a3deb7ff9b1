"""Progress of a run on the terminal, and a short table of results at its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autogsas.commands.verbs import FinishedRun
from autogsas.figures.textplot import history_plot
from autogsas.hooks.events import (
    Event,
    Notice,
    RunFinished,
    RunStarted,
    StepFinished,
    TrialFinished,
    TrialStarted,
    describe,
)
from autogsas.model.recipe import Recipe
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.candidates import differences_words
from autogsas.runfolder.reader import Attempt
from autogsas.runfolder.summary import ScoutPart, Summary
from autogsas.text.amounts import describe_amounts
from autogsas.text.formatting import counted, duration, percent, severity_name
from autogsas.text.prose import describe_esds, describe_floor, describe_lowest, joined

__all__ = ["LiveProgress", "PlainProgress", "show_run"]

_STYLES = {
    "complete": "green",
    "infeasible": "yellow",
    "failed": "red",
    "pruned": "dim",
    "axis": "dim",
    "best": "cyan",
    "hand": "magenta",
}
_WIDEST, _HIGHEST, _FULL_ROW = 100, 8, 60
_AROUND = 8  # lines of the terminal that are kept for other messages
_WORTH_DRAWING = 4  # number of trials from which the history is drawn


class PlainProgress:
    """One line for each trial, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._scouting = False

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, (RunStarted, TrialFinished, Notice, RunFinished)):
            text = describe(event)
            if isinstance(event, RunStarted):
                self._scouting = event.scout
            if isinstance(event, TrialFinished):
                text = f"[{'scout ' if self._scouting else ''}{event.done}/{event.total}] {text}"
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveProgress:
    """Trial, best Rwp and time left, updated in place on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._start: RunStarted | None = None
        self._done = self._fresh = 0
        self._running: dict[int, str] = {}
        self._best: TrialFinished | None = None
        self._history: list[Attempt] = []
        self._by_hand: float | None = None
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._render)

    def __enter__(self) -> LiveProgress:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        """Show an event; a new best trial, a failure or a notice stays on the screen above the live lines."""
        match event:
            case RunStarted():
                self._start, self._done, self._fresh = event, event.restored, 0
                self._best, self._began = None, time.monotonic()
                self._history.clear()
                self._by_hand = None
            case TrialStarted():
                self._running[event.number] = f"{event.origin}: step 1 of {event.steps}"
            case StepFinished():
                rwp = f", Rwp {event.step.rwp:.2f}" if event.step.rwp == event.step.rwp else ""
                self._running[event.number] = f"finished {event.step.title or 'a step'}{rwp}"
            case TrialFinished():
                self._finish(event)
            case Notice():
                self._console.print(Text(event.message, "yellow"))
            case RunFinished():
                self._running.clear()

    def _is_by_hand(self, record: TrialRecord) -> bool:
        return self._start is not None and record.origin in self._start.by_hand and not record.choices

    def _finish(self, event: TrialFinished) -> None:
        self._running.pop(event.record.number, None)
        self._done, self._fresh = event.done, self._fresh + 1
        record, best = event.record, event.best
        self._history.append(_attempt(record, best))
        if record.metrics is not None and record.state == TrialState.COMPLETE and self._is_by_hand(record):
            self._by_hand = min(record.metrics.rwp, self._by_hand or record.metrics.rwp)
        if event.is_best or event.record.state != TrialState.COMPLETE:
            self._console.print(Text(describe(event), _STYLES.get(event.record.state, "")))
        if best is not None:
            self._best = event

    def _left(self) -> float | None:
        if self._start is None or not self._fresh:
            return None
        elapsed = time.monotonic() - self._began
        left = elapsed / self._fresh * (self._start.trials - self._done)
        return left if self._start.timeout is None else max(0.0, min(left, self._start.timeout - elapsed))

    def _render(self) -> Group:
        start = self._start
        if start is None:
            return Group(Text("starting"))
        width, height = self._console.size
        best = self._best.best.metrics if self._best is not None and self._best.best is not None else None
        left = self._left()
        parts = [
            Text(f"{'scout, ' if start.scout else ''}trial {self._done}/{start.trials}"),
            Text("no fit yet" if best is None else f"best Rwp {best.rwp:.3f} %  GoF {best.gof:.2f}", "bold"),
            Text("" if left is None else f"{duration(left)} left"),
        ]
        row = Table.grid(padding=(0, 2))
        if width >= _FULL_ROW:
            row.add_row(parts[0], ProgressBar(total=start.trials, completed=self._done, width=20), *parts[1:])
        else:
            row.add_row(*parts[:2])
        lines = [
            Text(f"  {number}: {what}", "dim", no_wrap=True, overflow="ellipsis")
            for number, what in sorted(self._running.items())
        ]
        room = min(_HIGHEST, height - _AROUND - len(lines))
        return Group(*_plot(self._history, self._by_hand, self._console, room), row, *lines)


def _attempt(record: TrialRecord, best: TrialRecord | None) -> Attempt:
    reached = best.metrics.rwp if best is not None and best.metrics is not None else None
    rwp, variables = (None, None) if record.metrics is None else (record.metrics.rwp, record.metrics.n_variables)
    return Attempt(record.number, record.state, record.origin, rwp, reached, variables, record.seconds)


def _plot(history: Sequence[Attempt], by_hand: float | None, console: Console, height: int) -> list[Text]:
    """Return the history as lines to print; an empty list if there are few trials or no room."""
    if len(history) < _WORTH_DRAWING:
        return []
    plain = not console.encoding.lower().startswith("utf")
    drawn = history_plot(history, min(console.size.width, _WIDEST) - 1, height, by_hand=by_hand, plain=plain)
    return [Text.assemble(*((span.text, _STYLES.get(span.kind, "")) for span in line), no_wrap=True) for line in drawn]


def show_run(run: FinishedRun, console: Console) -> None:
    """Print the result of a run: figures of merit, findings, and the folder with the files."""
    summary = run.summary
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for key, value in _lines(summary):
        table.add_row(key, Text(value))
    for finding in summary.findings:
        style = {"error": "red", "warning": "yellow"}.get(finding.severity, "")
        table.add_row(severity_name(finding.severity), Text(finding.message, style))
    console.print(table)
    if console.is_terminal:
        history = [
            Attempt(item.number, item.state, item.origin, item.rwp, item.best_so_far, item.n_variables, item.seconds)
            for item in summary.history
        ]
        for line in _plot(history, None, console, _HIGHEST):
            console.print(line)
    # On one line, so that it can be copied.
    console.print(Text.assemble(("files       ", "dim"), str(run.folder)), soft_wrap=True)


def _lowest(summary: Summary) -> list[tuple[str, str]]:
    lowest = summary.lowest
    return [] if lowest is None else [("", describe_lowest(lowest.trial, lowest.rwp, lowest.n_variables))]


def _lines(summary: Summary) -> list[tuple[str, str]]:
    if summary.rwp is None:
        return [("result", "no usable result found"), *_miss(summary), ("trials", _trials(summary))]
    lines = [("Rwp", f"{summary.rwp:.3f} %")]
    if len(summary.histograms) > 1:
        each = (f"{item.name} {item.rwp:.2f} %" for item in summary.histograms if item.rwp is not None)
        lines.append(("", ", ".join(each)))
    if summary.le_bail_floor is not None:
        lines.append(("", describe_floor(summary.le_bail_floor.rwp, summary.le_bail_floor.note)))
    if summary.rwp_background_subtracted is not None:
        lines.append(("", f"{summary.rwp_background_subtracted:.2f} % without the background"))
    lines += [
        *_amounts(summary),
        ("GoF", "" if summary.gof is None else f"{summary.gof:.3f}"),
        ("variables", f"{summary.n_variables} on {summary.n_observations} points"),
        ("best trial", f"{summary.best_trial} ({summary.best_origin})"),
        *_lowest(summary),
        ("background", _background(summary)),
        *_esds(summary),
        ("trials", _trials(summary)),
    ]
    if summary.scout is not None:
        lines.append(("scout", _scout(summary.scout, summary.best_trial)))
    if len(summary.candidates) > 1:
        lines += _solutions(summary)
    return lines


def _esds(summary: Summary) -> list[tuple[str, str]]:
    found = summary.uncertainty
    return [] if found is None else [("esds", describe_esds(found.esd_factor, len(found.models)))]


def _amounts(summary: Summary) -> list[tuple[str, str]]:
    lines = []
    for found in summary.quantification:
        whose = f"{found.histogram}: " if len(summary.histograms) > 1 else ""
        lines.append(("", f"{whose}{describe_amounts(found)}"))
    return [("amounts", lines[0][1]), *lines[1:]] if lines else []


def _miss(summary: Summary) -> list[tuple[str, str]]:
    """Return the nearest miss, why it is not usable and what to try."""
    miss = summary.nearest_miss
    if miss is None:
        return []
    figures = "" if miss.rwp is None else f", Rwp {miss.rwp:.3f} %, GoF {percent(miss.gof, 3)}"
    lines = [("nearest miss", f"trial {miss.trial} ({miss.origin}){figures}")]
    lines += [("not usable" if n == 0 else "", text) for n, text in enumerate(miss.why)]
    return lines + [("try" if n == 0 else "", text) for n, text in enumerate(miss.advice)]


def _trials(summary: Summary) -> str:
    counts = summary.trials
    parts = [f"{counts.complete} complete"]
    others = (("infeasible", counts.infeasible), ("pruned", counts.pruned), ("failed", counts.failed))
    parts += [f"{n} {word}" for word, n in others if n]
    text = f"{', '.join(parts)}, in {duration(summary.seconds)}"
    if summary.causes:
        text += f" ({', '.join(f'{cause} {count}' for cause, count in summary.causes.items())})"
    if summary.finished != "complete":
        text += f"; stopped: {summary.finished} (continue with --resume)"
    return text


def _solutions(summary: Summary) -> list[tuple[str, str]]:
    second = summary.candidates[1]
    rwp = "" if second.rwp is None else f" at Rwp {second.rwp:.3f} %"
    words = joined(differences_words(second.differences, len(summary.structure) > 1)[:3])
    return [
        ("solutions", f"{len(summary.candidates)} distinct solutions; the report compares them"),
        ("", f"second solution: trial {second.trial}{rwp}{f', {words}' if words else ''}"),
    ]


def _scout(scout: ScoutPart, best_trial: int | None) -> str:
    if not scout.recipes:
        return scout.note
    text = f"{counted(scout.trials, 'trial')} with a faster engine in {duration(scout.seconds)}"
    if any(item.trial == best_trial for item in scout.recipes):
        return f"{text}; the best trial uses one of its recipes"
    return f"{text}; the search started from its recipes"


def _background(summary: Summary) -> str:
    chosen: dict[str | None, str] = {}
    if summary.recipe is not None:
        for step in Recipe.model_validate(summary.recipe).steps:
            chosen |= {item.histogram: f"{item.function}, {item.terms} terms" for item in step.background}
    return "; ".join(f"{name}: {text}" if name else text for name, text in chosen.items()) or "as in the project"

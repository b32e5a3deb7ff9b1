"""The tables that the benchmarks print, and those that they write as CSV."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from autogsas.benchmarks.curves import Row, as_csv
from autogsas.benchmarks.proof import Replay
from autogsas.benchmarks.runs import RunSpec
from autogsas.benchmarks.scaling import Rate, ratio
from autogsas.text.formatting import MISSING, count, duration, percent

__all__ = ["rates_csv", "replays_csv", "show_rates", "show_replays", "show_rows"]

Replays = Sequence[tuple[RunSpec, Replay]]
Rates = Sequence[tuple[RunSpec, list[Rate]]]


def show_rows(rows: Sequence[Row], reach: float | None) -> None:
    """Print the table of the search."""
    header = ["case", "engine", "space", "trials", "seeds", "median", "quartiles", "best", "worst", "time"]
    if reach is not None:
        header += [f"reached {reach:g} %", "after", "trials"]
    lines = []
    for row in rows:
        quartiles = f"{percent(row.lower_quartile, 3)} to {percent(row.upper_quartile, 3)}"
        line = [row.case, row.engine, row.space, str(row.trials), str(row.seeds), percent(row.median, 3), quartiles]
        line += [percent(row.best, 3), percent(row.worst, 3), duration(row.seconds)]
        if reach is not None:
            line += [f"{row.reached} of {row.seeds}", duration(row.seconds_to_reach), count(row.trials_to_reach)]
        lines.append(line)
    _show("Rwp in %; time: median of the runs", header, lines)


def show_replays(replays: Replays) -> None:
    """Print the effect of pruning, run by run."""
    header = ["case", "engine", "space", "seed", "trials", "pruned", "time saved", "best", "nearest pruned", "lost"]
    lines = []
    for spec, item in replays:
        share = f"{100 * item.saved / item.seconds:.0f} %" if item.seconds else MISSING
        near = MISSING if item.nearest is None else f"{item.nearest:.2f} × best"
        line = [spec.case.name, spec.backend, spec.space, str(spec.seed), str(item.trials), str(len(item.pruned))]
        lines.append([*line, share, percent(item.best, 3), near, "YES" if item.lost else "no"])
    _show("Pruning replayed on runs without pruning", header, lines)


def replays_csv(replays: Replays) -> str:
    """Return the same as CSV text, seconds in full."""
    header = ("case", "engine", "space", "seed", "trials", "given_up", "seconds", "saved", "best", "kept", "nearest")
    rows = [
        (
            w.case.name,
            w.backend,
            w.space,
            w.seed,
            r.trials,
            len(r.pruned),
            r.seconds,
            r.saved,
            r.best,
            r.kept,
            r.nearest,
        )
        for w, r in replays
    ]
    return as_csv(header, rows)


def show_rates(measured: Rates) -> None:
    """Print trials per second with one job and with two."""
    header = ["case", "engine", "seed", "jobs", "trials", "wall time", "trials/s", "steady trials/s", "ratio", "steady"]
    lines = []
    for spec, rates in measured:
        whole, steady, same = ratio(rates)
        for rate in rates:
            line = [spec.case.name, spec.backend, str(spec.seed), str(rate.jobs), str(rate.trials)]
            line += [duration(rate.wall), f"{rate.whole:.2f}", f"{rate.steady:.2f}"]
            last = rate is rates[-1]
            lines.append(line + [f"{whole:.2f}" + ("" if same else " (other recipes)"), f"{steady:.2f}"] * last)
    _show("The same recipes with one job and with two; wall time includes start-up and files", header, lines)


def rates_csv(measured: Rates) -> str:
    """Return the same as CSV text."""
    header = ("case", "engine", "space", "seed", "jobs", "trials", "wall", "steady")
    return as_csv(
        header,
        [
            (w.case.name, w.backend, w.space, w.seed, r.jobs, r.trials, round(r.wall, 3), r.steady)
            for w, rates in measured
            for r in rates
        ],
    )


def _show(title: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for name in header:
        table.add_column(name)
    for line in lines:
        table.add_row(*line)
    # A pipe has 80 columns, too few for the table.
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=180)).print(table)

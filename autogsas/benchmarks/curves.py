"""Curves and tables from histories: the best usable Rwp so far, with median and quartiles over seeds."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = [
    "Band",
    "History",
    "Point",
    "Row",
    "Series",
    "as_csv",
    "band",
    "by_second",
    "by_trial",
    "history_csv",
    "read_csv",
    "table_csv",
    "tabulate",
]

Array = npt.NDArray[np.float64]

_HISTORY = ("case", "engine", "space", "seed", "trial", "seconds", "rwp", "state", "best")
_TABLE = (
    "case",
    "engine",
    "space",
    "trials",
    "seeds",
    "median",
    "lower_quartile",
    "upper_quartile",
    "best",
    "worst",
    "seconds",
    "reached",
    "seconds_to_reach",
    "trials_to_reach",
)


@dataclass(frozen=True)
class Point:
    """One trial; Rwp in per cent or None; ``ended`` in seconds since the start of the run."""

    number: int
    state: str
    rwp: float | None
    ended: float

    @property
    def valid(self) -> float:
        """Rwp of a usable trial, infinity for others."""
        return self.rwp if self.state == "complete" and self.rwp is not None else math.inf


@dataclass(frozen=True)
class History:
    """The trials of a run in the order of their numbers."""

    points: tuple[Point, ...]

    @property
    def best(self) -> float:
        """Rwp of the best usable trial, infinity if there is none."""
        return min((point.valid for point in self.points), default=math.inf)

    @property
    def seconds(self) -> float:
        """The end of the last trial, in seconds since the start of the run."""
        return max((point.ended for point in self.points), default=0.0)

    def reach(self, rwp: float) -> tuple[float, float]:
        """Return the seconds and the number of trials needed to reach an Rwp; infinity if it was not reached."""
        good = [point for point in self.points if point.valid <= rwp]
        seconds = min((point.ended for point in good), default=math.inf)
        return seconds, min((point.number + 1.0 for point in good), default=math.inf)


@dataclass(frozen=True)
class Series:
    """The runs of one case with one engine and one search space, by seed."""

    case: str
    engine: str
    space: str
    runs: dict[int, History]


@dataclass(frozen=True)
class Band:
    """Median and quartiles, arrays of shape (n,); NaN where too few runs have found a usable result yet."""

    at: Array
    lower: Array
    median: Array
    upper: Array


def by_trial(history: History, trials: int) -> Array:
    """Return the best Rwp after 1 to ``trials`` trials, shape (trials,); infinity before the first usable one.

    A run that stopped earlier keeps its last value.
    """
    values = np.full(trials, np.inf)
    for point in history.points[:trials]:
        values[point.number] = point.valid
    return np.minimum.accumulate(values)


def by_second(history: History, at: Array) -> Array:
    """Return the best Rwp of the trials that had ended at each of the times ``at``, shape (n,)."""
    ended = np.array([point.ended for point in history.points])
    order = np.argsort(ended, kind="stable")
    best = np.minimum.accumulate(np.array([history.points[i].valid for i in order])) if order.size else np.empty(0)
    return np.concatenate(([np.inf], best))[np.searchsorted(ended[order], at, side="right")]


def band(at: Array, curves: Sequence[Array]) -> Band:
    """Return the quartiles of curves over the same abscissa ``at``, each of shape (n,)."""
    lower, median, upper = (_quantile(np.array(curves), share) for share in (0.25, 0.5, 0.75))
    return Band(at, lower, median, upper)


def _quantile(values: Array, share: float) -> Array:
    # Linear interpolation as in numpy.quantile, but without its 0 * infinity = NaN where the quantile is one of the
    # values. Between a number and infinity the quantile is unknown (NaN).
    ordered = np.sort(values, axis=0)
    below = int(share * (len(ordered) - 1))
    rest = share * (len(ordered) - 1) - below
    found = ordered[below]
    if rest:
        with np.errstate(invalid="ignore"):
            found = found + rest * (ordered[below + 1] - found)
    return np.where(np.isfinite(found), found, np.nan)


@dataclass(frozen=True)
class Row:
    """One row of the table; Rwp in per cent, None if unknown; times and trials are medians over seeds."""

    case: str
    engine: str
    space: str
    trials: int
    seeds: int
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None
    best: float | None
    worst: float | None
    seconds: float | None
    reached: int | None = None
    seconds_to_reach: float | None = None
    trials_to_reach: float | None = None


def tabulate(series: Series, trials: int, reach: float | None = None) -> Row:
    """Return the row of a series after ``trials`` trials; ``reach`` is the Rwp whose time to reach is reported."""
    runs = list(series.runs.values())
    ends = np.array([run.best for run in runs])
    lower, median, upper = (_or_none(float(_quantile(ends, share))) for share in (0.25, 0.5, 0.75))
    seconds = float(np.median([run.seconds for run in runs]))
    best, worst = _or_none(float(ends.min())), _or_none(float(ends.max()))
    row = Row(series.case, series.engine, series.space, trials, len(runs), median, lower, upper, best, worst, seconds)
    if reach is None:
        return row
    times = np.array([run.reach(reach) for run in runs])
    return replace(
        row,
        reached=int(np.isfinite(times[:, 0]).sum()),
        seconds_to_reach=_or_none(float(_quantile(times[:, 0], 0.5))),
        trials_to_reach=_or_none(float(_quantile(times[:, 1], 0.5))),
    )


def history_csv(all_series: Sequence[Series]) -> str:
    """Return every trial of every run as CSV text; ``best`` is the best usable Rwp up to that number."""
    rows: list[Sequence[object]] = []
    for series in all_series:
        for seed, run in series.runs.items():
            best = by_trial(run, len(run.points))
            rows += [
                (series.case, series.engine, series.space, seed, p.number, p.ended, p.rwp, p.state, _or_none(b))
                for p, b in zip(run.points, best.tolist(), strict=True)
            ]
    return as_csv(_HISTORY, rows)


def table_csv(rows: Sequence[Row]) -> str:
    """Return the table as CSV text."""
    return as_csv(_TABLE, [[getattr(row, name) for name in _TABLE] for row in rows])


def read_csv(file: Path) -> list[Series]:
    """Return the series that `history_csv` wrote."""
    found: dict[tuple[str, str, str], dict[int, list[Point]]] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            runs = found.setdefault((row["case"], row["engine"], row["space"]), {})
            rwp = float(row["rwp"]) if row["rwp"] else None
            runs.setdefault(int(row["seed"]), []).append(
                Point(int(row["trial"]), row["state"], rwp, float(row["seconds"]))
            )
    return [
        Series(*key, {seed: History(tuple(points)) for seed, points in runs.items()}) for key, runs in found.items()
    ]


def as_csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as CSV; None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return out.getvalue()


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None

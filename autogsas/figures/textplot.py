"""The history of a search as text for a terminal: Rwp of each trial and the best so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from autogsas.figures.history import rwp_window
from autogsas.runfolder.reader import Attempt
from autogsas.text.formatting import percent

__all__ = ["NARROWEST", "Span", "history_plot"]

NARROWEST, _LOWEST = 30, 4
_FEWEST = 10  # trials for which the axis has room from the start


@dataclass(frozen=True)
class Span:
    """A part of a line; ``kind`` is "axis", "best", "hand" or the state of a trial."""

    text: str
    kind: str


@dataclass(frozen=True)
class _Signs:
    complete: str
    infeasible: str
    pruned: str
    failed: str
    above: str
    level: str
    wall: str
    falls: tuple[str, str]
    rises: tuple[str, str]
    hand: str
    floor: str
    corner: str


_UNICODE = _Signs("•", "○", "╵", "×", "↑", "─", "│", ("╮", "╰"), ("╯", "╭"), "╌", "─", "└")
_ASCII = _Signs("o", "%", "'", "x", "^", "-", "|", ("+", "+"), ("+", "+"), ".", "-", "+")

Cells = list[tuple[str, str]]  # character and kind


@dataclass(frozen=True)
class _Frame:
    """The area of the plot: from values to columns and rows of characters, counted from the top left."""

    low: float
    high: float
    first: int
    last: int
    columns: int
    height: int

    def column(self, trial: int) -> int:
        return round((trial - self.first) / (self.last - self.first) * (self.columns - 1))

    def row(self, rwp: float) -> int:
        return min(max(round((self.high - rwp) / (self.high - self.low) * (self.height - 1)), 0), self.height - 1)


def history_plot(
    history: Sequence[Attempt], width: int, height: int, *, by_hand: float | None = None, plain: bool = False
) -> list[list[Span]]:
    """Return the lines of the plot: ``height`` lines and two for the axis, each of at most ``width`` characters.

    Trials far above the rest are arrows at the top; trials without an Rwp are marked on the axis. ``by_hand`` is an
    Rwp in per cent to compare with; ``plain`` uses only ASCII. The list is empty if there is no room or no Rwp.
    """
    signs = _ASCII if plain else _UNICODE
    if width < NARROWEST or height < _LOWEST or not any(_has_rwp(item) for item in history):
        return []
    low, high = _window(history, by_hand)
    labels = _labels(low, high, height, by_hand)
    margin = max(map(len, labels.values())) + 1
    first, last = history[0].number, max(item.number for item in history)
    frame = _Frame(low, high, first, first + max(last - first, _FEWEST - 1), width - margin - 1, height)
    grid: list[Cells] = [[(" ", "axis")] * frame.columns for _ in range(height)]
    if by_hand is not None and low <= by_hand <= high:
        grid[frame.row(by_hand)] = [(signs.hand, "hand")] * frame.columns
    best = [
        (frame.column(item.number), frame.row(item.best_so_far)) for item in history if item.best_so_far is not None
    ]
    _draw_best(grid, best, signs)
    floor = _draw_trials(grid, history, frame, signs)
    lines = [
        [Span(f"{labels.get(i, ''):>{margin - 1}} {signs.wall}", "axis"), *_spans(cells)]
        for i, cells in enumerate(grid)
    ]
    lines.append([Span(f"{'':>{margin}}{signs.corner}", "axis"), *_spans(floor)])
    lines.append([Span(_below(frame.first, frame.last, margin + 1, frame.columns), "axis")])
    return lines


def _draw_trials(grid: list[Cells], history: Sequence[Attempt], frame: _Frame, signs: _Signs) -> Cells:
    """Draw the trials with an Rwp into the grid; return the axis with the marks of the others."""
    floor = [(signs.floor, "axis")] * frame.columns
    # Complete trials are drawn last, over the others.
    for item in sorted(history, key=lambda item: item.state == "complete"):
        at = frame.column(item.number)
        if not _has_rwp(item):
            floor[at] = (signs.failed if item.state == "failed" else signs.pruned, item.state)
        elif item.rwp is not None and item.rwp > frame.high:
            grid[0][at] = (signs.above, item.state)
        elif item.rwp is not None:
            sign = signs.complete if item.state == "complete" else signs.infeasible
            grid[frame.row(item.rwp)][at] = (sign, item.state)
    return floor


def _has_rwp(item: Attempt) -> bool:
    return item.rwp is not None and math.isfinite(item.rwp)


def _window(history: Sequence[Attempt], by_hand: float | None) -> tuple[float, float]:
    """Return the range of Rwp; it includes ``by_hand`` if that is less than one range away."""
    low, high = rwp_window(history)
    if high <= low:
        high = low + 1.0
    span = high - low
    if by_hand is not None and low - span < by_hand < high + span:
        low, high = min(low, by_hand), max(high, by_hand)
    return low, high


def _labels(low: float, high: float, height: int, by_hand: float | None) -> dict[int, str]:
    rows = (0, height - 1) if height < 7 else (0, (height - 1) // 2, height - 1)
    labels = {row: percent(high - (high - low) * row / (height - 1)) for row in rows}
    labels[0] = f"Rwp {labels[0]}"
    if by_hand is not None and low <= by_hand <= high:
        row = round((high - by_hand) / (high - low) * (height - 1))
        labels[row] = f"{'Rwp ' if row == 0 else ''}by hand {percent(by_hand)}"
    return labels


def _draw_best(grid: list[Cells], places: Sequence[tuple[int, int]], signs: _Signs) -> None:
    """Draw the best so far as steps through (column, row) places up to the last one."""
    at: dict[int, int] = dict(places)
    if not at:
        return
    before = at[min(at)]
    for column in range(min(at), max(at) + 1):
        now = at.get(column, before)
        if now == before:
            grid[now][column] = (signs.level, "best")
        else:
            upper, lower = min(before, now), max(before, now)
            ends = signs.falls if now > before else signs.rises
            for row in range(upper, lower + 1):
                sign = ends[0] if row == before else ends[1] if row == now else signs.wall
                grid[row][column] = (sign, "best")
        before = now


def _spans(cells: Cells) -> list[Span]:
    return [Span("".join(sign for sign, _ in part), kind) for kind, part in groupby(cells, key=lambda cell: cell[1])]


def _below(first: int, last: int, margin: int, columns: int) -> str:
    left, right = f"trial {first}", str(last)
    return f"{'':>{margin}}{left}{right:>{columns - len(left)}}"

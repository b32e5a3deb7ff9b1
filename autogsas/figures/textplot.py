"""The history of a search drawn with characters: Rwp of each trial, and the best so far, a few lines high."""

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
_FEWEST = 10  # trials that the axis has room for from the start


@dataclass(frozen=True)
class Span:
    """A piece of a line, and what it is: "axis", "best", "hand", or the state of a trial."""

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


def history_plot(
    history: Sequence[Attempt], width: int, height: int, *, by_hand: float | None = None, plain: bool = False
) -> list[list[Span]]:
    """Return the lines of the plot, ``height`` of them and two for the axis, none longer than ``width`` characters.

    Trials far above the rest are arrows at the top, those without Rwp stand on the axis; ``by_hand`` is an Rwp in per
    cent to compare with. ``plain``: ASCII alone. Nothing where there is no room or no trial with an Rwp.
    """
    signs = _ASCII if plain else _UNICODE
    if width < NARROWEST or height < _LOWEST or not any(_has_rwp(item) for item in history):
        return []
    low, high = _window(history, by_hand)
    labels = _labels(low, high, height, by_hand)
    margin = max(map(len, labels.values())) + 1
    columns = width - margin - 1
    first, last = history[0].number, max(item.number for item in history)
    across = max(last - first, _FEWEST - 1)

    def column(number: int) -> int:
        return round((number - first) / across * (columns - 1))

    def row(rwp: float) -> int:
        return min(max(round((high - rwp) / (high - low) * (height - 1)), 0), height - 1)

    grid = [[(" ", "axis")] * columns for _ in range(height)]
    if by_hand is not None and low <= by_hand <= high:
        grid[row(by_hand)] = [(signs.hand, "hand")] * columns
    _draw_best(
        grid, [(column(item.number), row(item.best_so_far)) for item in history if item.best_so_far is not None], signs
    )
    floor = [(signs.floor, "axis")] * columns
    for item in sorted(history, key=lambda item: item.state == "complete"):
        place = column(item.number)
        if not _has_rwp(item):
            floor[place] = (signs.failed if item.state == "failed" else signs.pruned, item.state)
        elif item.rwp is not None and item.rwp > high:
            grid[0][place] = (signs.above, item.state)
        elif item.rwp is not None:
            grid[row(item.rwp)][place] = (signs.complete if item.state == "complete" else signs.infeasible, item.state)
    lines = [
        [Span(f"{labels.get(i, ''):>{margin - 1}} {signs.wall}", "axis"), *_spans(cells)]
        for i, cells in enumerate(grid)
    ]
    lines.append([Span(f"{'':>{margin}}{signs.corner}", "axis"), *_spans(floor)])
    lines.append([Span(_below(first, first + across, margin + 1, columns), "axis")])
    return lines


def _has_rwp(item: Attempt) -> bool:
    return item.rwp is not None and math.isfinite(item.rwp)


def _window(history: Sequence[Attempt], by_hand: float | None) -> tuple[float, float]:
    """Return the range shown; the value by hand is taken in where it lies less than the range away."""
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


def _draw_best(grid: list[list[tuple[str, str]]], places: Sequence[tuple[int, int]], signs: _Signs) -> None:
    """Draw the best so far as stairs through (column, row) places, on to the last of them."""
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


def _spans(cells: Sequence[tuple[str, str]]) -> list[Span]:
    return [Span("".join(sign for sign, _ in part), kind) for kind, part in groupby(cells, key=lambda cell: cell[1])]


def _below(first: int, last: int, margin: int, columns: int) -> str:
    left, right = f"trial {first}", str(last)
    return f"{'':>{margin}}{left}{right:>{columns - len(left)}}"

"""The figure of a search: Rwp of every trial and the best so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autogsas.figures.axes import Axis
from autogsas.figures.labels import RWP, shorten
from autogsas.figures.svg import Drawing, number
from autogsas.runfolder.reader import Attempt, ByHand
from autogsas.text.formatting import counted, percent

__all__ = ["STATES", "describe_history", "draw_history", "hand_label", "history_svg", "rwp_window"]

STATES = {
    "complete": "usable",
    "infeasible": "infeasible (a finding is an error)",
    "pruned": "pruned",
    "failed": "failed",
}
_ABOVE = "above"
_LEFT, _RIGHT, _TOP, _BOTTOM, _ROW = 78.0, 14.0, 40.0, 46.0, 20.0


def history_svg(
    history: Sequence[Attempt],
    *,
    title: str = "",
    width: float = 960.0,
    height: float = 360.0,
    by_hand: Sequence[ByHand] = (),
) -> str:
    """Return Rwp of every trial, marked by its state, and the best so far as the text of an SVG file.

    Trials without an Rwp, and those far above the rest, are shown in a strip at the top. ``by_hand`` are drawn as
    lines to compare the search with.
    """
    drawing = draw_history(history, title, width, height, by_hand)
    return drawing.file(title or "History of the search", describe_history(history, by_hand))


def describe_history(history: Sequence[Attempt], by_hand: Sequence[ByHand] = ()) -> str:
    """Return a description of the figure, and how the best trial compares with refinements made by hand."""
    found = [item.best_so_far for item in history if item.best_so_far is not None]
    counts = [f"{number} {state}" for state in STATES if (number := sum(item.state == state for item in history))]
    best = f"; the best Rwp fell from {percent(found[0])} to {percent(found[-1])} %" if found else ""
    text = f"Rwp of {counted(len(history), 'trial')}: {', '.join(counts) or 'none'}{best}."
    return " ".join([text, *(_against(item, found[-1]) for item in by_hand if found)])


def _against(item: ByHand, best: float) -> str:
    which = "The refinement made by hand has" if item.name == "by hand" else f"“{item.name}”, made by hand, has"
    if item.trial is None:
        which = f"The refinement stored in {item.name} has"
    gap = item.rwp - best
    if abs(gap) < 0.005:
        return f"{which} Rwp {percent(item.rwp)} %, the same as the best trial."
    lower = "lower" if gap > 0 else "higher"
    return f"{which} Rwp {percent(item.rwp)} %; the best trial is {percent(abs(gap))} {lower}."


def rwp_window(history: Sequence[Attempt], by_hand: Sequence[ByHand] = ()) -> tuple[float, float]:
    """Return the range of the Rwp axis in per cent: from the best trial to the end of the bulk of the trials.

    A trial in a false minimum can have several times the Rwp of the best, so that all others would look like one
    line: the range ends above the third quartile by at most 1.5 times its distance from the best trial. Refinements
    made by hand are always inside.
    """
    values = np.array([item.rwp for item in history if item.rwp is not None and np.isfinite(item.rwp)])
    if not values.size:
        return 0.0, 1.0
    best, bulk = float(values.min()), float(np.quantile(values, 0.75))
    upper = float(values[values <= bulk + 1.5 * (bulk - best)].max())
    hands = [item.rwp for item in by_hand]
    best, upper = min([best, *hands]), max([upper, *hands])
    pad = 0.06 * ((upper - best) or 0.1 * best or 1.0)
    return max(0.0, best - pad), upper + pad


def draw_history(
    history: Sequence[Attempt], title: str, width: float, height: float, by_hand: Sequence[ByHand] = ()
) -> Drawing:
    """Return the drawing of the history."""
    start, floor = _TOP + 18.0 if title else _TOP, height - _BOTTOM
    drawing = Drawing(width, height)
    low, high = rwp_window(history, by_hand)
    rows = _strip_rows(history, high)
    numbers = [item.number for item in history] or [0]
    pad = max(0.6, 0.015 * (max(numbers) - min(numbers)))
    across = Axis(min(numbers) - pad, max(numbers) + pad, _LEFT, width - _RIGHT)
    top = start + _ROW * len(rows)
    vertical = Axis(low, high, floor, top)
    drawing.x_axis(across, start, floor, label="Trial", whole=True)
    drawing.y_axis(vertical, across.start, across.end, label=RWP)
    for row, (label, items) in enumerate(rows):
        y = start + _ROW * (row + 0.5)
        drawing.text(_LEFT - 7, y + 4, label, text_anchor="end")
        for item in items:
            _mark(drawing, across.at(item.number), y, item, above=label == _ABOVE)
    _hand_lines(drawing, by_hand, across, vertical)
    _best_line(drawing, history, across, vertical)
    for item in history:
        if item.rwp is not None and item.rwp <= high:
            _mark(drawing, across.at(item.number), vertical.at(item.rwp), item)
    if rows:
        drawing.horizontal(top, across.start, across.end, "axis")
    drawing.frame(across.start, start, across.end, floor)
    _legend(drawing, history, title)
    return drawing


def _strip_rows(history: Sequence[Attempt], high: float) -> list[tuple[str, list[Attempt]]]:
    """Return the rows of the strip above the axis, each with its label: trials that have no place on the axis."""
    rows = {
        "failed": [item for item in history if item.rwp is None and item.state == "failed"],
        "pruned": [item for item in history if item.rwp is None and item.state != "failed"],
        _ABOVE: [item for item in history if item.rwp is not None and item.rwp > high],
    }
    return [(label, items) for label, items in rows.items() if items]


def _hand_lines(drawing: Drawing, by_hand: Sequence[ByHand], across: Axis, vertical: Axis) -> None:
    taken: list[float] = []
    for item in by_hand:
        y = vertical.at(item.rwp)
        drawing.horizontal(y, across.start, across.end, "line hand", stroke_width=1.6)
        # Labels of lines that almost coincide are moved up, one above another.
        at = y - 5
        while any(abs(at - other) < 13 for other in taken):
            at -= 13
        taken.append(at)
        text = f"{hand_label(item)}: {percent(item.rwp)} %"
        drawing.text(across.end - 6, at, text, class_="hand-label", text_anchor="end")


def hand_label(item: ByHand, longest: int = 40) -> str:
    """Return the label of the line of a refinement made by hand."""
    name = shorten(item.name, longest)
    if item.trial is None:
        return f"{name} as given"
    return name if name == "by hand" else f"by hand: {name}"


def _best_line(drawing: Drawing, history: Sequence[Attempt], across: Axis, vertical: Axis) -> None:
    commands, last = "", None
    for item in history:
        if item.best_so_far is None:
            continue
        x, y = across.at(item.number), vertical.at(min(item.best_so_far, vertical.high))
        if last is None:
            commands = f"M{number(x)} {number(y)}"
        elif y != last:
            commands += f"H{number(x)}V{number(y)}"
        last = y
    if last is not None:
        commands += f"H{number(across.end)}"
        drawing.add("path", class_="line best", d=commands, stroke_width=2.0)


def _mark(drawing: Drawing, x: float, y: float, item: Attempt, *, above: bool = False) -> None:
    """Mark a trial: a dot (usable), a square (infeasible), a dash (pruned) or a cross (failed); seeds have a ring."""
    if item.seeded:
        drawing.add("circle", class_="line axis", cx=x, cy=y, r=7.0, stroke_width=1.3)
    if above:
        shape, width = f"M{number(x - 4)} {number(y + 3)}l4 -7l4 7z", 1.5
    elif item.state == "complete":
        shape, width = f"M{number(x)} {number(y)}h0", 7.0
    elif item.state == "infeasible":
        shape, width = f"M{number(x - 3)} {number(y - 3)}h6v6h-6z", 1.5
    elif item.state == "pruned":
        shape, width = f"M{number(x - 4)} {number(y)}h8", 2.4
    else:
        shape, width = f"M{number(x - 3.5)} {number(y - 3.5)}l7 7m0 -7l-7 7", 1.8
    kind = item.state if item.state in STATES else "failed"
    drawing.add("path", class_=f"spot {kind}", d=shape, stroke_width=width)


def _legend(drawing: Drawing, history: Sequence[Attempt], title: str) -> None:
    if title:
        drawing.text(_LEFT, 20, title, class_="strong")
    y = 43.0 if title else 21.0
    x = drawing.legend_line(_LEFT, y, "best", "best so far", 2.0)
    for state, label in STATES.items():
        if any(item.state == state for item in history):
            _mark(drawing, x + 6, y - 4, Attempt(0, state, "search", None, None, None, None))
            x = drawing.legend_label(x + 17, y, label)
    if any(item.seeded for item in history):
        drawing.add("circle", class_="line axis", cx=x + 7, cy=y - 4, r=7.0, stroke_width=1.3)
        drawing.legend_label(x + 19, y, "seed recipe")

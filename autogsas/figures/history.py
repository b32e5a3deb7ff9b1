"""The picture of a search: Rwp of every trial, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autogsas.figures.axes import Axis
from autogsas.figures.svg import Drawing, number
from autogsas.runfolder.reader import Attempt, ByHand
from autogsas.text.formatting import percent

__all__ = ["STATES", "describe_history", "draw_history", "hand_label", "history_svg", "rwp_window"]

STATES = {
    "complete": "usable",
    "infeasible": "infeasible (a finding is an error)",
    "pruned": "pruned",
    "failed": "failed",
}
_LEFT, _RIGHT, _TOP, _BOTTOM, _ROW = 78.0, 14.0, 40.0, 46.0, 20.0


def history_svg(
    history: Sequence[Attempt],
    *,
    title: str = "",
    width: float = 960.0,
    height: float = 360.0,
    by_hand: Sequence[ByHand] = (),
) -> str:
    """Return Rwp of every trial by its state, with the best so far, as the text of an SVG file.

    Trials without an Rwp, and those far above the rest, stand in a strip above the frame. ``by_hand`` are lines to
    measure the search against.
    """
    drawing = draw_history(history, title, width, height, by_hand)
    return drawing.file(title or "History of the search", describe_history(history, by_hand))


def describe_history(history: Sequence[Attempt], by_hand: Sequence[ByHand] = ()) -> str:
    """Return in words what the picture shows, and how the best compares with what was made by hand."""
    found = [item.best_so_far for item in history if item.best_so_far is not None]
    counts = [f"{number} {state}" for state in STATES if (number := sum(item.state == state for item in history))]
    best = f"; the best Rwp went from {percent(found[0])} to {percent(found[-1])} %" if found else ""
    text = f"Rwp of {len(history)} trials: {', '.join(counts) or 'none'}{best}."
    return " ".join([text, *(_against(item, found[-1]) for item in by_hand if found)])


def _against(item: ByHand, best: float) -> str:
    whose = f"“{item.name}”, made by hand, has"
    if item.trial is None:
        whose = f"The refinement that {item.name} came with has"
    gap = item.rwp - best
    if abs(gap) < 0.005:
        return f"{whose} Rwp {percent(item.rwp)} %, as the best."
    return f"{whose} Rwp {percent(item.rwp)} %: the best is {percent(abs(gap))} {'lower' if gap > 0 else 'higher'}."


def rwp_window(history: Sequence[Attempt], by_hand: Sequence[ByHand] = ()) -> tuple[float, float]:
    """Return the range of Rwp in per cent worth showing: from the best to where the bulk of the trials ends.

    A trial in a false minimum has an Rwp several times the best and would press all others into one line: what lies
    beyond the third quartile by more than 1.5 times its distance from the best is left out. What was made by hand is
    always within.
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
    start = _TOP + 18.0 if title else _TOP
    drawing = Drawing(width, height)
    low, high = rwp_window(history, by_hand)
    above = [item for item in history if item.rwp is not None and item.rwp > high]
    rows = [("failed", [item for item in history if item.rwp is None and item.state == "failed"])]
    rows.append(("pruned", [item for item in history if item.rwp is None and item.state != "failed"]))
    rows.append((f"above {percent(high)} %", above))
    rows = [(label, items) for label, items in rows if items]
    numbers = [item.number for item in history] or [0]
    pad = max(0.6, 0.015 * (max(numbers) - min(numbers)))
    across = Axis(min(numbers) - pad, max(numbers) + pad, _LEFT, width - _RIGHT)
    top = start + _ROW * len(rows)
    vertical = Axis(low, high, height - _BOTTOM, top)
    drawing.x_axis(across, start, height - _BOTTOM, label="Trial")
    drawing.y_axis(vertical, across.start, across.end, label="Rwp (%)")
    for row, (label, items) in enumerate(rows):
        y = start + _ROW * (row + 0.5)
        drawing.text(_LEFT - 7, y + 4, label if "above" not in label else "above", text_anchor="end")
        for item in items:
            _mark(drawing, across.at(item.number), y, item, above="above" in label)
    _hand_lines(drawing, by_hand, across, vertical)
    _best_line(drawing, history, across, vertical)
    for item in history:
        if item.rwp is not None and item.rwp <= high:
            _mark(drawing, across.at(item.number), vertical.at(item.rwp), item)
    if rows:
        drawing.add("path", class_="axis", d=f"M{number(across.start)} {number(top)}H{number(across.end)}")
    drawing.frame(across.start, start, across.end, height - _BOTTOM)
    _legend(drawing, history, width, title)
    return drawing


def _hand_lines(drawing: Drawing, by_hand: Sequence[ByHand], across: Axis, vertical: Axis) -> None:
    taken: list[float] = []
    for item in by_hand:
        y = vertical.at(item.rwp)
        drawing.add(
            "path", class_="line hand", d=f"M{number(across.start)} {number(y)}H{number(across.end)}", stroke_width=1.6
        )
        # Labels of lines that nearly coincide stand above each other.
        at = y - 5
        while any(abs(at - other) < 13 for other in taken):
            at -= 13
        taken.append(at)
        text = f"{hand_label(item)}: {percent(item.rwp)} %"
        drawing.text(across.end - 6, at, text, class_="hand-label", text_anchor="end")


def hand_label(item: ByHand, longest: int = 40) -> str:
    """Return what is written at the line of a refinement made by hand."""
    name = item.name if len(item.name) <= longest else f"{item.name[: longest - 1]}…"
    return f"{name} as it came" if item.trial is None else f"by hand: {name}" if name != "by hand" else name


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
    """One trial: a dot (usable), an open square (infeasible), a dash (pruned), a cross (failed); seeds are ringed."""
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


def _legend(drawing: Drawing, history: Sequence[Attempt], width: float, title: str) -> None:
    x = _LEFT
    if title:
        drawing.text(x, 20, title, class_="strong")
    y = 43.0 if title else 21.0
    drawing.add("path", class_="line best", d=f"M{number(x)} {number(y - 4)}h18", stroke_width=2.0)
    x = _entry(drawing, x + 24, y, "best so far")
    for state, label in STATES.items():
        if any(item.state == state for item in history):
            _mark(drawing, x + 6, y - 4, Attempt(0, state, "search", None, None, None, None))
            x = _entry(drawing, x + 17, y, label)
    if any(item.seeded for item in history):
        drawing.add("circle", class_="line axis", cx=x + 7, cy=y - 4, r=7.0, stroke_width=1.3)
        _entry(drawing, x + 19, y, "given, not searched")


def _entry(drawing: Drawing, x: float, y: float, label: str) -> float:
    drawing.text(x, y, label)
    return x + 6.1 * len(label) + 20

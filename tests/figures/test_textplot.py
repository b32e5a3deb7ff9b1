"""The history drawn with characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.figures.textplot import Span, history_plot
from autogsas.runfolder.reader import Attempt


def attempts(*values: float | None, state: str = "complete") -> list[Attempt]:
    found, best = [], None
    for number, rwp in enumerate(values):
        if rwp is not None and rwp == rwp and state == "complete":
            best = rwp if best is None else min(best, rwp)
        kind = state if rwp is not None else "failed"
        found.append(Attempt(number, kind, "search", rwp, best, None, 1.0))
    return found


def text(lines: list[list[Span]]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


def marks(lines: list[list[Span]], *kinds: str) -> list[tuple[int, int]]:
    """Row and column of each character of some kinds."""
    found = []
    for row, line in enumerate(lines):
        column = 0
        for span in line:
            found += [(row, column + i) for i in range(len(span.text)) if span.kind in kinds]
            column += len(span.text)
    return found


def test_the_plot_of_a_known_history() -> None:
    lines = text(history_plot(attempts(10.0, 8.0, 9.0, 8.5, 7.0, 6.0, None, 6.5, 6.2, 6.1), 40, 5, plain=True))
    assert len(lines) == 7
    assert lines[0].startswith("Rwp 10.24 |o")
    assert lines[4].startswith("     5.76 |")
    assert lines[5].startswith("          +")
    assert lines[6].split() == ["trial", "0", "9"]


def test_rows_follow_rwp_and_columns_follow_trials() -> None:
    lines = history_plot(attempts(10.0, 9.0, 8.0, 7.0), 60, 8)
    places = sorted(marks(lines, "complete"), key=lambda place: place[1])
    rows = [row for row, _ in places]
    assert rows == sorted(rows)
    assert rows[0] == 0 or rows[0] == 1
    assert len({column for _, column in places}) == 4


def test_outliers_are_arrows_and_do_not_change_the_range() -> None:
    values = [8.0, 7.9, 7.8, 7.7, 7.6, 7.75, 7.65, 95.0]
    lines = text(history_plot(attempts(*values), 60, 6))
    assert "↑" in lines[0]
    assert float(lines[0].split()[1]) < 9


def test_trials_without_rwp_are_marked_on_the_axis() -> None:
    lines = text(history_plot(attempts(8.0, None, 7.0), 60, 6))
    assert lines[6].count("×") == 1
    assert all("×" not in line for line in lines[:6])


@pytest.mark.parametrize(("by_hand", "shown"), [(8.5, True), (40.0, False)])
def test_a_near_value_by_hand_is_a_line(by_hand: float, shown: bool) -> None:
    lines = history_plot(attempts(10.0, 9.0, 8.0), 60, 8, by_hand=by_hand)
    assert bool(marks(lines, "hand")) is shown
    assert ("by hand 8.50" in "\n".join(text(lines))) is shown


def test_without_room_or_rwp_there_is_no_plot() -> None:
    assert history_plot(attempts(8.0, 7.0), 29, 8) == []
    assert history_plot(attempts(8.0, 7.0), 80, 3) == []
    assert history_plot(attempts(None, None), 80, 8) == []
    assert history_plot([], 80, 8) == []


@given(
    values=st.lists(st.none() | st.floats(0.0, 1e6) | st.just(float("nan")), max_size=120),
    width=st.integers(30, 200),
    height=st.integers(4, 20),
    by_hand=st.none() | st.floats(0.0, 200.0),
    state=st.sampled_from(["complete", "infeasible"]),
)
def test_the_plot_keeps_its_size(
    values: list[float | None], width: int, height: int, by_hand: float | None, state: str
) -> None:
    history = attempts(*values, state=state)
    for plain in (True, False):
        lines = text(history_plot(history, width, height, by_hand=by_hand, plain=plain))
        assert len(lines) in (0, height + 2)
        assert all(len(line) <= width for line in lines)
        assert not plain or all(line.isascii() for line in lines)

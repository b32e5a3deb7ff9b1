"""Progress on the terminal during a run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from autogsas.commands.terminal import LiveProgress
from autogsas.hooks.events import RunFinished, RunStarted, TrialFinished, TrialStarted
from autogsas.model.metrics import Metrics
from autogsas.model.trial import TrialRecord
from autogsas.testing.samples import make_recipe


def record(number: int, rwp: float | None, **change: object) -> TrialRecord:
    metrics = None if rwp is None else Metrics(rwp, 4.0, rwp / 4.0, 10.0, 100, 7)
    given: dict[str, object] = {"origin": "search", "choices": {"terms": 3}} | change
    state = "failed" if rwp is None else "complete"
    return TrialRecord(number, state, recipe=make_recipe("a"), score=rwp, metrics=metrics, seconds=1.0, **given)  # type: ignore[arg-type]


def shown(width: int, height: int, encoding: str, *rwps: float | None) -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, force_terminal=True, width=width, height=height, color_system=None)
    live = LiveProgress(console)
    live(RunStarted(Path("run"), "p", "fake", 20, by_hand=("handmade.recipe.yaml",)))
    best: TrialRecord | None = None
    for number, rwp in enumerate(rwps):
        change = {"origin": "handmade.recipe.yaml", "choices": {}} if number == 0 else {}
        found = record(number, rwp, **change)
        if rwp is not None and (best is None or best.score is None or rwp < best.score):
            best = found
        live(TrialFinished(found, best, number + 1, 20))
    live(TrialStarted(len(rwps), "search", 5))
    with console.capture() as captured:
        console.print(live._render())
    live(RunFinished("complete", best))
    return captured.get().splitlines()


VALUES = (9.0, 8.0, None, 8.5, 7.0, 60.0)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_terminal_of_usual_size_shows_the_history(encoding: str) -> None:
    lines = shown(80, 24, encoding, *VALUES)
    assert len(lines) == 12
    assert max(map(len, lines)) <= 80
    assert "Rwp " in lines[0]
    assert any("by hand 9.00" in line for line in lines[:8])
    assert "trial 6/20" in lines[10]
    assert "best Rwp 7.000 %  GoF 1.75" in lines[10]
    assert "step 1 of 5" in lines[11]
    if encoding == "ascii":
        assert all(line.isascii() for line in lines[:10])


@pytest.mark.parametrize(("width", "height"), [(80, 10), (28, 24), (20, 5), (1, 1)])
def test_without_room_only_the_numbers_are_shown(width: int, height: int) -> None:
    lines = shown(width, height, "utf-8", *VALUES)
    assert all(len(line) <= width for line in lines)
    assert not any("│" in line for line in lines)
    assert width < 20 or any("trial" in line for line in lines)


def test_few_trials_are_shown_without_history() -> None:
    assert len(shown(80, 24, "utf-8", 9.0, 8.0)) == 2

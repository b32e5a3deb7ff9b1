"""Which choices mattered: one that decides is found, one that does not is not; few trials give no answer."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from autogsas.builtin.strategy.default import DEFAULT
from autogsas.builtin.strategy.published import PUBLISHED
from autogsas.figures.importances import describe_importances, draw_importances
from autogsas.hooks.strategy import Strategy
from autogsas.model.recipe import Recipe, Step
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.summary import ImportancePart, ImportancesPart
from autogsas.search.database import Database
from autogsas.search.importances import FEWEST, importances
from autogsas.search.sampler import Proposer

RECIPE = Recipe(steps=(Step(free=("scale",)),))


def _run(file: Path, count: int, *, decides: bool = True, state: TrialState = TrialState.COMPLETE) -> list[TrialRecord]:
    """A search whose scores depend on the number of background terms alone, or on nothing."""
    random = np.random.default_rng(5)
    proposer = Proposer("random", 3)
    records = []
    with contextlib.closing(Database(file)) as database:
        for number in range(count):
            choose = proposer.propose(number)
            terms = choose.integer("background.terms", 3, 24)
            choices = {"background.terms": terms}
            for name in ("order.cell", "order.widths", "first.start", "axial.start"):
                choices[name] = choose.number(name, 0.01, 1.0)
            choices["structure.positions"] = choose.yes("structure.positions")
            score = float(random.normal(9.0, 0.05)) + (0.1 * terms if decides else 0.0)
            record = TrialRecord(number, state, "search", RECIPE, choices, score)
            database.add(proposer.proposed(number), record)
            proposer.report(record)
            records.append(record)
    return records


def _importances(file: Path, records: list[TrialRecord], seed: int) -> ImportancesPart:
    with contextlib.closing(Database(file)) as database:
        return importances(database, records, seed, DEFAULT)


def test_a_decisive_choice_comes_first_and_exceeds_chance(tmp_path: Path) -> None:
    found = _importances(tmp_path / "study.db", _run(tmp_path / "study.db", 60), 1)
    assert (found.trials, found.note) == (60, "")
    first, *others = found.items
    assert first.name == "background terms"
    assert first.choices == ["background.terms"]
    assert first.share > first.chance
    assert first.share > 3 * max(item.share for item in others)
    assert sum(item.share for item in found.items) == pytest.approx(1.0)
    by_name = {item.name: item.choices for item in found.items}
    assert by_name["order of steps"] == ["order.cell", "order.widths"]
    assert "background terms" in describe_importances(found.items, 60)


def test_without_a_decisive_choice_little_exceeds_chance(tmp_path: Path) -> None:
    found = _importances(tmp_path / "study.db", _run(tmp_path / "study.db", 60, decides=False), 1)
    assert sum(item.share > item.chance for item in found.items) <= 1


def test_the_same_trials_give_the_same_importances(tmp_path: Path) -> None:
    records = _run(tmp_path / "study.db", 24)
    assert _importances(tmp_path / "study.db", records, 7) == _importances(tmp_path / "study.db", records, 7)


@pytest.mark.parametrize(("count", "state"), [(FEWEST - 1, TrialState.COMPLETE), (FEWEST + 5, TrialState.INFEASIBLE)])
def test_too_few_usable_trials_give_a_reason_instead(tmp_path: Path, count: int, state: TrialState) -> None:
    found = _importances(tmp_path / "study.db", _run(tmp_path / "study.db", count, state=state), 1)
    assert found.items == []
    assert "too few" in found.note
    assert found.trials == (count if state is TrialState.COMPLETE else 0)


@pytest.mark.parametrize(
    ("strategy", "choice", "label"),
    [
        (DEFAULT, "background.terms", "background terms"),
        (DEFAULT, "background.terms[XRA]", "background terms, XRA"),
        (DEFAULT, "order.first widths", "order of steps"),
        (DEFAULT, "early.steps", "order of steps"),
        (DEFAULT, "shift.flat", "peak shifts"),
        (DEFAULT, "offered.occupancy", "occupancy"),
        (PUBLISHED, "free.SH/L", "SH/L"),
        (PUBLISHED, "window.end", "range of the first steps"),
        (DEFAULT, "lab.slit[<b>]", "lab.slit, <b>"),
    ],
)
def test_choices_have_labels(strategy: Strategy, choice: str, label: str) -> None:
    assert strategy.label(choice) == label


def test_names_in_the_picture_are_text() -> None:
    items = [ImportancePart(name="<script>&\"'", choices=[], share=1.0, chance=0.1)]
    body = draw_importances(items, 900.0).body()
    assert "<script>" not in body
    assert "&lt;script&gt;&amp;&quot;&#x27;" in body
    assert "no choice mattered" in describe_importances(
        [ImportancePart(name="x", choices=[], share=0.1, chance=0.2)], 40
    )

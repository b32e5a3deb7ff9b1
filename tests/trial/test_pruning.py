"""Which trials are stopped early, and that the best one never is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import optuna
import optuna.terminator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas import hookimpl
from autogsas.commands import verbs
from autogsas.errors import UserError
from autogsas.hooks.choices import Plan
from autogsas.hooks.host import Host
from autogsas.model.project import Search
from autogsas.model.recipe import Recipe, Step
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.search import ending
from autogsas.search import sampler as study
from autogsas.search.options import Found
from autogsas.testing.samples import make_project
from autogsas.trial import pruning
from autogsas.trial.pruning import ENOUGH, SLOWER, TrialProgress, hopeless_above, slow_after
from tests.search.running import run_search

POOR = [TrialProgress(40.0 + n, 20.0, True) for n in range(5)]
GOOD = [TrialProgress(15.0 + n, 7.0 + 0.1 * n, True) for n in range(5)]


def test_a_state_from_which_no_trial_came_near_the_best_is_hopeless() -> None:
    assert hopeless_above([*POOR, *GOOD]) == 40.0


def test_there_is_no_threshold_before_enough_trials() -> None:
    assert len([*POOR, *GOOD]) == ENOUGH
    assert hopeless_above([*POOR, *GOOD][1:]) is None
    assert hopeless_above([TrialProgress(item.before, item.end, False) for item in (*POOR, *GOOD)]) is None


def test_three_witnesses_are_too_few() -> None:
    assert hopeless_above([*POOR[:3], *GOOD, *GOOD]) is None


def test_one_bad_start_that_ended_well_removes_the_threshold() -> None:
    late = TrialProgress(60.0, 7.2, True)
    assert hopeless_above([*POOR, *GOOD, late]) is None
    # An impossible model that ended low counts too.
    assert hopeless_above([*POOR, *GOOD, TrialProgress(60.0, 7.2, False)]) is None


def test_one_of_equal_starts_near_the_best_removes_the_threshold() -> None:
    alike = [TrialProgress(40.0, 20.0, True)] * 5
    assert hopeless_above([*alike, *GOOD]) == 40.0
    assert hopeless_above([*alike, TrialProgress(40.0, 7.1, True), *GOOD]) is None


@given(st.lists(st.tuples(st.floats(5, 100), st.floats(4, 60), st.booleans()), max_size=40))
def test_no_trial_near_the_best_would_have_been_stopped(drawn: list[tuple[float, float, bool]]) -> None:
    known = [TrialProgress(before, min(before, end), valid) for before, end, valid in drawn]
    threshold = hopeless_above(known)
    if threshold is not None:
        best = min(item.end for item in known if item.valid)
        assert all(item.end > 1.1 * best for item in known if item.before >= threshold)
        assert sum(item.before >= threshold for item in known) >= 4


def go(host: Host, folder: Path, **options: object) -> Found:
    project = make_project(folder.parent / "project")
    return run_search(host, project, folder, **options)


@pytest.mark.parametrize("jobs", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_a_search_stops_hopeless_trials_early_and_finds_no_worse(fake_host: Host, tmp_path: Path, jobs: int) -> None:
    options = {"trials": 60, "seed": 2, "jobs": jobs, "sampler": "random"}
    pruned = go(fake_host, tmp_path / "pruned", **options)
    whole = go(fake_host, tmp_path / "whole", **options, prune=False)
    stopped = [record for record in pruned.records if record.state == "pruned"]
    assert stopped
    assert not [record for record in whole.records if record.state == "pruned"]
    assert pruned.best is not None
    assert whole.best is not None
    # Random proposals do not depend on earlier trials, so the two runs try the same recipes.
    assert pruned.best.number == whole.best.number
    for record in stopped:
        twin = whole.records[record.number]
        assert twin.recipe == record.recipe
        assert twin.score is not None
        assert whole.best.score is not None
        assert twin.score > 1.1 * whole.best.score
        assert len(record.steps) == len(record.recipe.steps) - 1
        assert record.cause == "pruned"
        assert "never came close to the best" in record.message


def test_a_run_with_pruning_repeats_itself_and_resumes(fake_host: Host, tmp_path: Path) -> None:
    options = {"seed": 2, "jobs": 2}
    whole = go(fake_host, tmp_path / "whole", trials=40, **options)
    go(fake_host, tmp_path / "parts", trials=25, **options)
    parts = go(fake_host, tmp_path / "parts", trials=40, **options)
    assert [(r.state, r.choices, r.score) for r in parts.records] == [
        (r.state, r.choices, r.score) for r in whole.records
    ]


def test_a_run_that_reaches_noise_stops(fake_host: Host, tmp_path: Path) -> None:
    found = go(fake_host, tmp_path / "run", trials=200, seed=1, patience=12)
    assert found.finished == "noise"
    assert found.best is found.records[-1]
    assert found.best.metrics is not None
    assert found.best.metrics.gof < 1.05
    # Without a rule for stopping the search goes on, and what it finds is kept on resuming with one.
    longer = go(fake_host, tmp_path / "run", trials=len(found.records) + 5, seed=1, patience=0)
    again = go(fake_host, tmp_path / "run", trials=200, seed=1, patience=12)
    assert longer.finished == "complete"
    assert len(again.records) == len(longer.records) == len(found.records) + 5


def test_a_run_without_gain_stops(fake_host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "at_noise", lambda record, *, decided: False)
    found = go(fake_host, tmp_path / "run", trials=200, seed=1, patience=12)
    assert found.finished == "no gain"
    assert found.best is not None
    assert len(found.records) - 1 - found.best.number == 12


@pytest.mark.slow
def test_optunas_terminator_stops_a_run(fake_host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its regret bound needs torch; Optuna's own evaluator of stagnation is used instead here."""
    stagnation = optuna.terminator.BestValueStagnationEvaluator(max_stagnation_trials=10)
    pair = (stagnation, optuna.terminator.StaticErrorEvaluator(0.0))
    monkeypatch.setattr(study, "_terminators", lambda seed: pair)
    found = go(fake_host, tmp_path / "run", trials=300, seed=1, terminator=True)
    assert found.finished == "terminator"
    assert found.best is not None
    assert 25 <= len(found.records) < 200
    assert len(found.records) % 5 == 0
    whole = go(fake_host, tmp_path / "whole", trials=40, seed=1)
    assert len(whole.records) == 40


def test_the_terminator_names_a_missing_package(
    fake_host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project", search=Search(terminator=True))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"search.terminator: needs the package 'torch': pip install 'autogsas\[gp\]'"):
        verbs.run((project, fake_host))
    assert not (tmp_path / "project" / "runs").exists()


def timed(*seconds: float, state: TrialState = TrialState.COMPLETE) -> list[TrialRecord]:
    return [TrialRecord(i, state, "search", Recipe(steps=(Step(),)), {}, seconds=s) for i, s in enumerate(seconds)]


def test_a_trial_is_slow_compared_with_others() -> None:
    assert slow_after(timed(10, 20, 30)) is None
    assert slow_after(timed(10, 20, 30, 40)) == SLOWER * 25
    # Repeated trials took no time, failed ones not the usual time.
    assert slow_after([*timed(10, 20, 30), *timed(0.0), *timed(500, 500, state=TrialState.FAILED)]) is None
    assert slow_after(timed(0.1, 0.1, 0.1, 0.1)) == 20.0


@pytest.mark.slow
def test_a_slow_trial_is_stopped_and_the_next_ones_run(
    fake_host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_LEAST_SECONDS", 2.0)

    def order(plan: Plan) -> list[Step]:
        hang = "!hang" if plan.backgrounds[0].terms % 3 == 0 else "all"
        return [Step(title=hang, background=plan.backgrounds, free=(*plan.groups, *plan.profile))]

    fake_host.register(type("P", (), {"autogsas_order_steps": staticmethod(hookimpl(order))}))
    found = go(fake_host, tmp_path / "run", trials=12, sampler="random", seed=1, trial_timeout=5.0)
    slow = [record for record in found.records if record.cause == "slow"]
    assert slow
    assert all(record.state == "pruned" and "stopped after 2 s" in record.message for record in slow)
    assert found.records[-1].number == 11


@pytest.mark.slow
def test_what_fails_because_of_its_recipe_is_proposed_less_often(fake_host: Host, tmp_path: Path) -> None:
    def order(plan: Plan) -> list[Step]:
        fails = any(free.group == "zero" for free in plan.groups)
        return [
            Step(title="!fail" if fails else "all", background=plan.backgrounds, free=(*plan.groups, *plan.profile))
        ]

    fake_host.register(type("P", (), {"autogsas_order_steps": staticmethod(hookimpl(order))}))
    found = go(fake_host, tmp_path / "run", trials=60, seed=1)
    failed = [record.state == "failed" for record in found.records]
    print(sum(failed[:20]), sum(failed[40:]))
    assert sum(failed[40:]) < 5 <= sum(failed[:20])

"""The search: what is proposed, run, reused, kept and resumed."""

from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from autogsas.errors import PluginError, UserError
from autogsas.hooks.choices import Seed
from autogsas.hooks.events import Event, Notice, RunFinished, TrialFinished, TrialStarted, describe
from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Project
from autogsas.model.result import Finding, Severity
from autogsas.model.trial import TrialRecord
from autogsas.search.database import Database
from autogsas.search.options import Found
from autogsas.search.sampler import Proposer
from autogsas.search.seeds import collect_seeds
from autogsas.testing.fake import FakeBackend, expected_rwp
from autogsas.testing.samples import make_project, make_recipe
from tests.search.running import run_search


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def go(host: Host, project: Project, folder: Path, *seeds: Seed, progress: Any = None, **options: Any) -> Found:
    return run_search(host, project, folder, *seeds, progress=progress, **options)


def story(found: Found) -> list[tuple[int, str, dict[str, Any], float | None]]:
    return [(record.number, record.state, record.choices, record.score) for record in found.records]


class Plugin:
    """A plugin made of functions, for one test."""

    def __init__(self, **hooks: Any) -> None:
        for name, function in hooks.items():
            setattr(self, f"autogsas_{name}", hookimpl(function))


def add(host: Host, **hooks: Any) -> None:
    host.register(Plugin(**hooks))


def test_a_search_finds_a_good_recipe(fake_host: Host, project: Project, tmp_path: Path) -> None:
    found = go(fake_host, project, tmp_path / "run", trials=40, seed=1)
    assert found.finished == "complete"
    assert len(found.records) == 40
    assert found.best is not None
    # The best recipe gives 5; of all 600, one in fifty is below 5.5.
    assert found.best.score is not None
    assert found.best.score < 5.5
    assert found.best.score == pytest.approx(expected_rwp(found.best.recipe), abs=1e-6)
    assert found.best.score == min(record.score for record in found.records if record.score is not None)


def test_a_seeded_run_repeats_itself_and_another_seed_does_not(
    fake_host: Host, project: Project, tmp_path: Path
) -> None:
    first = go(fake_host, project, tmp_path / "a", trials=16, seed=3)
    again = go(fake_host, project, tmp_path / "b", trials=16, seed=3)
    other = go(fake_host, project, tmp_path / "c", trials=16, seed=4)
    assert story(first) == story(again)
    assert story(first) != story(other)


def test_every_trial_has_its_own_random_numbers(fake_host: Host, project: Project, tmp_path: Path) -> None:
    found = go(fake_host, project, tmp_path / "run", trials=8, sampler="random")
    assert len({json.dumps(record.choices) for record in found.records}) == 8


def test_two_jobs_repeat_themselves_whichever_trial_ends_first(
    fake_host: Host, project: Project, tmp_path: Path
) -> None:
    calls = []

    def order_steps(plan: Any) -> Any:
        from autogsas.testing import fake

        calls.append(1)
        first, last = fake.autogsas_order_steps(plan)
        # In one of the runs every third trial takes half a second longer.
        slow = delay and len(calls) % 3 == 0
        return [first.model_copy(update={"title": "!slow" if slow else "first"}), last]

    add(fake_host, order_steps=order_steps)
    delay = False
    first = go(fake_host, project, tmp_path / "a", trials=15, jobs=2, seed=5)
    delay = True
    calls.clear()
    again = go(fake_host, project, tmp_path / "b", trials=15, jobs=2, seed=5)
    assert story(first) == story(again)


@pytest.mark.parametrize(
    ("sampler", "jobs"),
    [
        ("tpe", 2),
        ("qmc", 1),  # it counts its samples on the study
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("tpe", 1), ("qmc", 2), ("random", 1), ("random", 2))
        ),
    ],
)
def test_a_resumed_run_proposes_what_the_uninterrupted_one_would_have(
    fake_host: Host, project: Project, tmp_path: Path, jobs: int, sampler: str
) -> None:
    options = {"seed": 7, "jobs": jobs, "sampler": sampler}
    seed = Seed("plain", choices={"background.function": "cosine", "background.terms": 6})
    whole = go(fake_host, project, tmp_path / "whole", seed, trials=18, **options)
    go(fake_host, project, tmp_path / "parts", seed, trials=4, **options)
    stop_after(fake_host, project, tmp_path / "parts", seed, trials=18, after=9, **options)
    parts = go(fake_host, project, tmp_path / "parts", seed, trials=18, **options)
    assert story(parts) == story(whole)
    assert parts.best is not None
    assert whole.best is not None
    assert parts.best.number == whole.best.number


def stop_after(host: Host, project: Project, folder: Path, *seeds: Seed, after: int, **options: Any) -> Found:
    """Run until a trial is over, then send this process a SIGINT as Ctrl-C does."""

    def watch(event: Event) -> None:
        if isinstance(event, TrialFinished) and event.done == after:
            os.kill(os.getpid(), signal.SIGINT)

    return go(host, project, folder, *seeds, progress=watch, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_and_finished_trials_are_kept(
    fake_host: Host, project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    recipes = [Seed(str(i), recipe=make_recipe("first", terms=i + 1)) for i in range(3)]
    hanging = Seed("hanging", recipe=make_recipe("first", "!hang"))
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if isinstance(event, TrialStarted) and event.number == 3:
            threading.Timer(0.3, os.kill, (os.getpid(), number)).start()

    found = go(fake_host, project, tmp_path / "run", *recipes, hanging, trials=10, progress=watch)
    assert found.finished == "interrupted"
    assert [record.number for record in found.records] == [0, 1, 2]
    assert isinstance(events[-1], RunFinished)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    again = go(fake_host, project, tmp_path / "run", *recipes, trials=5)
    assert [record.origin for record in again.records] == ["0", "1", "2", "search", "search"]


def test_a_run_ends_when_its_time_is_up(fake_host: Host, project: Project, tmp_path: Path) -> None:
    seeds = [Seed("good", recipe=make_recipe("first")), Seed("hanging", recipe=make_recipe("!hang", terms=7))]
    found = go(fake_host, project, tmp_path / "run", *seeds, trials=5, timeout=2.5)
    assert found.finished == "timeout"
    assert [record.origin for record in found.records] == ["good"]


def test_failures_are_states_with_a_cause_and_have_no_value(fake_host: Host, project: Project, tmp_path: Path) -> None:
    seeds = [
        Seed(title, recipe=make_recipe("first", title, terms=3 + i))
        for i, title in enumerate(("!fail", "!crash", "!nan", "!memory", "good"))
    ]
    found = go(fake_host, project, tmp_path / "run", *seeds, trials=6)
    assert [(record.state, record.cause) for record in found.records[:5]] == [
        ("failed", "singular"),
        ("failed", "crash"),
        ("failed", "nan"),
        ("failed", "out-of-memory"),
        ("complete", ""),
    ]
    assert [step.title for step in found.records[0].steps] == ["first"]
    assert found.best is not None
    study = optuna.load_study(study_name="autogsas", storage=f"sqlite:///{tmp_path}/run/study.db")
    assert [trial.state.name for trial in study.trials] == ["FAIL"] * 4 + ["COMPLETE"] * 2
    assert all(trial.value is None for trial in study.trials[:4])
    assert study.trials[0].user_attrs["cause"] == "singular"


def test_an_infeasible_trial_teaches_but_is_never_the_best(fake_host: Host, project: Project, tmp_path: Path) -> None:
    def check_result(metrics: Any) -> list[Finding]:
        return [Finding("too-good", Severity.ERROR, "too good to be true")] if metrics.rwp < 7 else []

    add(fake_host, check_result=check_result)
    found = go(fake_host, project, tmp_path / "run", trials=30, seed=1, prune=False)
    states = {record.state for record in found.records}
    assert states == {"complete", "infeasible"}
    assert found.best is not None
    assert found.best.score is not None
    assert found.best.score >= 7
    assert min(record.score for record in found.records if record.score is not None) < 7
    study = optuna.load_study(study_name="autogsas", storage=f"sqlite:///{tmp_path}/run/study.db")
    for trial, record in zip(study.trials, found.records, strict=True):
        assert trial.state.name == "COMPLETE"
        assert trial.constraints == {"errors": float(record.state == "infeasible")}


def test_one_recipe_is_run_once(fake_host: Host, project: Project, tmp_path: Path) -> None:
    events: list[Event] = []
    seeds = [
        Seed("one", recipe=make_recipe("a title")),
        Seed("two", recipe=make_recipe("another title", name="another name")),
        Seed("broken", recipe=make_recipe("!fail", terms=3)),
        Seed("again", recipe=make_recipe("!fail", terms=3)),
    ]
    found = go(fake_host, project, tmp_path / "run", *seeds, trials=4, jobs=2, progress=events.append)
    assert [event.number for event in events if isinstance(event, TrialStarted)] == [0, 2]
    assert [event.same_as for event in events if isinstance(event, TrialFinished)] == [None, 0, None, 2]
    one, two, broken, again = found.records
    assert (two.score, two.state, two.metrics) == (one.score, "complete", one.metrics)
    assert (again.state, again.cause) == (broken.state, broken.cause) == ("failed", "singular")
    assert found.best is one
    assert json.loads((tmp_path / "run/trials/0001.json").read_text())["same_as"] == 0
    assert any("its result is reused" in line for line in (tmp_path / "run/log.txt").read_text().splitlines())


def test_a_recipe_is_run_again_after_a_full_disk(fake_host: Host, project: Project, tmp_path: Path) -> None:
    recipe = make_recipe("!disk-full")
    found = go(fake_host, project, tmp_path / "run", Seed("a", recipe=recipe), Seed("b", recipe=recipe), trials=2)
    assert [record.cause for record in found.records] == ["disk-full", "disk-full"]
    assert all(record.seconds > 0 for record in found.records)


def test_seeds_fix_their_choices_and_leave_the_rest(fake_host: Host, project: Project, tmp_path: Path) -> None:
    values = {"background.function": "log interpolate", "background.terms": 17, "free.zero": True}
    found = go(fake_host, project, tmp_path / "run", Seed("mine", choices=values), trials=1)
    record = found.records[0]
    assert record.origin == "mine"
    assert record.choices | values == record.choices
    assert set(record.choices) > set(values)


def test_a_seed_out_of_range_is_named(fake_host: Host, project: Project, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"background.terms: first recipe 'mine': out of range; found '99'"):
        go(fake_host, project, tmp_path / "run", Seed("mine", choices={"background.terms": 99}), trials=1)


def test_a_seed_with_an_unknown_choice_gives_a_notice(fake_host: Host, project: Project, tmp_path: Path) -> None:
    events: list[Event] = []
    seed = Seed("mine", choices={"background.term": 5})
    go(fake_host, project, tmp_path / "run", seed, trials=1, progress=events.append)
    assert any("did you mean 'background.terms'" in describe(e) for e in events if isinstance(e, Notice))


def test_the_projects_own_recipes_come_first(fake_host: Host, project: Project) -> None:
    mine = replace(project, recipes=(make_recipe("x", name="by hand"),))
    assert [seed.name for seed in collect_seeds(fake_host, mine, FakeBackend())] == ["by hand", "plain"]


@pytest.mark.parametrize("answer", [["a text"], [Seed("empty")]])
def test_an_answer_that_is_not_a_seed_is_an_error(fake_host: Host, project: Project, answer: Any) -> None:
    add(fake_host, seed_recipes=lambda: answer)
    with pytest.raises(PluginError, match="autogsas_seed_recipes"):
        collect_seeds(fake_host, project, FakeBackend())


def test_a_failing_hook_that_only_watches_gives_a_notice(fake_host: Host, project: Project, tmp_path: Path) -> None:
    seen: list[TrialRecord] = []

    def after_trial(record: TrialRecord) -> None:
        seen.append(record)
        raise ValueError("no such printer")

    add(fake_host, after_trial=after_trial)
    found = go(fake_host, project, tmp_path / "run", trials=2)
    assert seen == list(found.records)
    assert (tmp_path / "run/log.txt").read_text().count("no such printer") == 2


@pytest.mark.parametrize(("sampler", "package"), [("cmaes", "cmaes"), ("gp", "torch")])
def test_a_sampler_names_a_missing_package(monkeypatch: pytest.MonkeyPatch, sampler: str, package: str) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=f"needs the package '{package}'.*autogsas\\[{sampler}\\]"):
        Proposer(sampler, 0)


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(UserError, match="did you mean 'random'"):
        Proposer("randm", 0)


def test_optuna_prints_nothing(
    fake_host: Host, project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: Any
) -> None:
    go(fake_host, project, tmp_path / "run", trials=14)
    assert capfd.readouterr() == ("", "")
    assert list(recwarn) == []


def test_the_database_gets_only_finished_trials(fake_host: Host, project: Project, tmp_path: Path) -> None:
    path = tmp_path / "odd name?%20" / "run"
    go(fake_host, project, path, trials=3)
    database = Database(path / "study.db")
    assert [trial.number for trial in database.trials()] == [0, 1, 2]
    assert all(trial.state.is_finished() for trial in database.trials())
    database.close()

"""The scout searches first with a faster engine; an earlier run's best recipes come first too."""

from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from autogsas.commands import verbs
from autogsas.commands.verbs import FinishedRun
from autogsas.errors import UserError
from autogsas.hooks.events import Event, Notice, RunStarted, TrialFinished
from autogsas.hooks.host import Host
from autogsas.model.project import GroupSearch, Project, Search
from autogsas.model.recipe import Background, Free, Recipe, Step
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.search import ending
from autogsas.search.database import PriorTrials
from autogsas.search.options import Prior
from autogsas.search.sampler import Proposer
from autogsas.search.scout import Scouted, summary_of, worth_repeating
from autogsas.search.seeds import distinct, seeds_like
from autogsas.testing.fake import FakeBackend
from autogsas.testing.samples import make_project

MINE = Recipe(name="mine", steps=(Step(free=(Free(group="scale"), Free(group="cell"))),))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project", search=Search(trials=12, seed=1))


@pytest.fixture
def host(fake_host: Host) -> Host:
    """A host whose fast engine is the scripted one as well: it gives the same answers at once."""
    fake_host._backends["fast"] = FakeBackend(name="fast", may_scout=True)
    return fake_host


def history(run: FinishedRun) -> list[tuple[int, str, float | None]]:
    return [(item.number, item.origin, item.score) for item in run.summary.history]


def test_the_scouts_best_recipes_are_tried_first_and_its_knowledge_is_used(host: Host, project: Project) -> None:
    events: list[Event] = []
    run = verbs.run((project, host), verbs.RunRequest(backend="fake"), progress=events.append)
    scout = run.summary.scout
    assert scout is not None
    assert scout.note == ""
    assert 0 < scout.trials <= 24
    assert (run.folder / "scout" / "study.db").is_file()
    assert [item.trial for item in scout.recipes] == list(range(len(scout.recipes)))
    for item in scout.recipes:
        # The same engine gives the same result for the same recipe.
        assert item.rwp == pytest.approx(item.scout_rwp)
        assert run.summary.history[item.trial or 0].origin == f"scout {item.scout_trial}"
    assert scout.rwp == min(item.scout_rwp for item in scout.recipes if item.scout_rwp is not None)
    started = [event for event in events if isinstance(event, RunStarted)]
    assert [(event.scout, event.backend) for event in started] == [(True, "fast"), (False, "fake")]
    without = verbs.run((project, host), verbs.RunRequest(backend="fake", scout="off"))
    assert without.summary.scout is None
    assert run.summary.rwp is not None
    assert without.summary.rwp is not None
    assert run.summary.rwp <= without.summary.rwp + 1e-9


def test_the_published_search_has_neither_scout_nor_seeds(host: Host, project: Project, tmp_path: Path) -> None:
    published = replace(project, recipes=(MINE,), search=Search(trials=6, seed=1, space="published-2020"))
    whole = verbs.run((published, host), verbs.RunRequest(backend="fake", out=tmp_path / "whole"))
    assert whole.summary.scout is None
    assert [item.origin for item in whole.summary.history] == ["search"] * 6
    assert not any(item.state == "pruned" for item in whole.summary.history)
    asked = verbs.run((published, host), verbs.RunRequest(backend="fake", scout=3, out=tmp_path / "asked"))
    assert asked.summary.scout is not None
    assert asked.summary.scout.note.startswith("scout skipped: the published search")
    verbs.run((published, host), verbs.RunRequest(backend="fake", trials=3, out=tmp_path / "parts"))
    parts = verbs.run((published, host), verbs.RunRequest(backend="fake", out=tmp_path / "parts", resume=True))
    assert history(whole) == history(asked) == history(parts)
    with pytest.raises(UserError, match="--like: cannot be used with the published search"):
        verbs.run((published, host), verbs.RunRequest(backend="fake", like=tmp_path / "whole", out=tmp_path / "b"))


def test_a_scouted_run_repeats_itself_and_resumes(host: Host, project: Project, tmp_path: Path) -> None:
    whole = verbs.run((project, host), verbs.RunRequest(backend="fake", out=tmp_path / "whole"))
    again = verbs.run((project, host), verbs.RunRequest(backend="fake", out=tmp_path / "again"))
    verbs.run((project, host), verbs.RunRequest(backend="fake", trials=7, out=tmp_path / "parts"))
    parts = verbs.run((project, host), verbs.RunRequest(backend="fake", trials=12, out=tmp_path / "parts", resume=True))
    assert history(whole) == history(again) == history(parts)
    assert whole.summary.scout is not None
    assert parts.summary.scout is not None
    assert whole.summary.scout.recipes == parts.summary.scout.recipes


@pytest.mark.slow
def test_an_interrupted_scout_keeps_its_trials_and_is_resumed(host: Host, project: Project, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, TrialFinished) and event.record.number == 3:
            os.kill(os.getpid(), signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    stopped = verbs.run((project, host), verbs.RunRequest(backend="fake", out=tmp_path / "run"), progress=stop)
    assert stopped.exit_status == 130
    assert stopped.summary.trials.total == 0
    assert len(list((tmp_path / "run" / "scout" / "trials").glob("*.json"))) >= 4
    resumed = verbs.run((project, host), verbs.RunRequest(backend="fake", out=tmp_path / "run", resume=True))
    assert resumed.exit_status == 0
    assert history(resumed) == history(
        verbs.run((project, host), verbs.RunRequest(backend="fake", out=tmp_path / "other"))
    )


def test_there_is_no_scout_without_need(host: Host, project: Project) -> None:
    assert verbs.run((project, host), verbs.RunRequest(backend="fast")).summary.scout is None
    assert verbs.run((project, host), verbs.RunRequest(backend="fake", trials=3)).summary.scout is None
    given = verbs.refine((project, host), MINE, verbs.RefineRequest(backend="fake"))
    assert given.summary.scout is None


def test_the_scout_is_skipped_for_what_its_engine_does_not_support(host: Host, project: Project) -> None:
    notices: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event.message)

    bodies = replace(project, beyond=("2 rigid bodies of the .gpx",))
    run = verbs.run((bodies, host), verbs.RunRequest(backend="fake"), progress=listen)
    assert run.exit_status == 0
    assert run.summary.scout is not None
    assert run.summary.scout.trials == 0
    assert "2 rigid bodies of the .gpx" in run.summary.scout.note
    assert any("skipped" in notice for notice in notices)
    assert "skipped" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_a_scout_that_finds_nothing_leaves_the_run_its_own_seeds(host: Host, project: Project) -> None:
    host._backends["fast"] = FakeBackend(name="fast", may_scout=True, groups=frozenset({"scale"}))
    run = verbs.run((project, host), verbs.RunRequest(backend="fake", scout=2))
    assert run.exit_status == 0
    assert run.summary.scout is not None


def test_the_scout_keeps_to_what_both_engines_have(host: Host, project: Project) -> None:
    host._backends["fake"] = FakeBackend(groups=FakeBackend().groups - {"Y"})
    run = verbs.run((project, host), verbs.RunRequest(backend="fake"))
    for path in (run.folder / "scout" / "trials").glob("*.json"):
        steps = json.loads(path.read_text())["recipe"]["steps"]
        assert not any("Y" in step.get("free", []) for step in steps)


def test_given_recipes_come_before_the_scouts(host: Host, project: Project) -> None:
    run = verbs.run((replace(project, recipes=(MINE,)), host), verbs.RunRequest(backend="fake"))
    assert run.summary.scout is not None
    assert run.summary.history[0].origin == "mine"
    assert run.summary.scout.recipes[0].trial == 1


def test_an_earlier_run_of_the_same_kind_comes_first(host: Host, project: Project, tmp_path: Path) -> None:
    first = verbs.run((project, host), verbs.RunRequest(backend="fast", trials=20, out=tmp_path / "first"))
    like = verbs.run(
        (project, host),
        verbs.RunRequest(backend="fast", trials=8, seed=9, like=tmp_path / "first", out=tmp_path / "b"),
    )
    origins = [item.origin for item in like.summary.history]
    assert origins[0] == f"first, trial {first.summary.best_trial}"
    assert like.summary.history[0].score == pytest.approx(first.summary.rwp)


def test_what_the_new_space_does_not_have_is_left_to_the_sampler(host: Host, project: Project, tmp_path: Path) -> None:
    verbs.run((project, host), verbs.RunRequest(backend="fast", trials=20, out=tmp_path / "first"))
    narrow = replace(project, search=Search(trials=6, seed=2, background={"functions": ["cosine"], "terms": (3, 5)}))  # type: ignore[arg-type]
    run = verbs.run((narrow, host), verbs.RunRequest(backend="fast", like=tmp_path / "first", out=tmp_path / "b"))
    assert run.exit_status == 0
    assert run.summary.history[0].origin.startswith("first, trial")


def test_a_folder_without_a_run_is_one_line(host: Host, project: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--like: does not hold a run"):
        verbs.run((project, host), verbs.RunRequest(backend="fast", like=tmp_path))
    assert not (tmp_path / "project" / "runs").exists()


def record(number: int, score: float, function: str, terms: int, *groups: str) -> TrialRecord:
    background = Background(function=function, terms=terms)  # type: ignore[arg-type]
    frees = tuple(Free(group=group) for group in groups)  # type: ignore[arg-type]
    recipe = Recipe(steps=(Step(background=(background,), free=frees),))
    return TrialRecord(number, TrialState.COMPLETE, "search", recipe, {"a": number}, score)


def test_distinct_recipes_differ_in_what_they_free_or_in_the_function() -> None:
    records = [
        record(0, 7.0, "cosine", 5, "scale", "cell"),
        record(1, 6.0, "cosine", 9, "scale", "cell"),
        record(2, 6.5, "cosine", 9, "scale", "cell", "zero"),
        record(3, 6.7, "log interpolate", 9, "scale", "cell"),
        record(4, 9.0, "chebyschev-1", 9, "scale", "cell"),
    ]
    assert [item.number for item in distinct(records, 3)] == [1, 2, 3]


def test_without_a_scout_there_is_no_summary_of_one() -> None:
    assert summary_of(None, 0, ()) is None


def test_a_damaged_run_cannot_be_followed(host: Host, project: Project, tmp_path: Path) -> None:
    verbs.run((project, host), verbs.RunRequest(backend="fast", trials=2, out=tmp_path / "first"))
    (tmp_path / "first" / "trials" / "0000.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        seeds_like(tmp_path / "first")


def test_a_narrower_space_is_scouted_too(host: Host, project: Project) -> None:
    narrow = replace(project, search=Search(trials=6, seed=1, groups=GroupSearch(never=("Y",))))
    run = verbs.run((narrow, host), verbs.RunRequest(backend="fake", scout=6))
    assert run.summary.scout is not None
    assert run.summary.scout.trials == 6


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_scouts_scores_are_moved_by_the_difference_of_the_engines_with_several_jobs_too(
    host: Host, project: Project, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    shifts: list[float] = []

    def with_lower_scores(self: Scouted, first: int) -> Prior | None:
        prior = ask(self, first)
        return None if prior is None else replace(prior, scores={n: score - 2.0 for n, score in prior.scores.items()})

    def add_prior(self: Proposer, trials: PriorTrials, shift: float) -> None:
        shifts.append(shift)
        add(self, trials, shift)

    ask, add = Scouted.prior, Proposer.add_prior
    monkeypatch.setattr(Scouted, "prior", with_lower_scores)
    monkeypatch.setattr(Proposer, "add_prior", add_prior)
    run = verbs.run((project, host), verbs.RunRequest(backend="fake", scout=6, trials=8, jobs=jobs))
    assert run.summary.scout is not None
    assert 1 < len(run.summary.scout.recipes) < 6  # with three jobs all are proposed before the first is reported
    assert shifts == [pytest.approx(2.0)]


@pytest.mark.slow
def test_a_scouted_run_with_several_jobs_resumes(host: Host, project: Project, tmp_path: Path) -> None:
    def run(name: str, *, trials: int = 11, resume: bool = False) -> FinishedRun:
        out = tmp_path / name
        request = verbs.RunRequest(backend="fake", scout=3, trials=trials, jobs=3, out=out, resume=resume)
        return verbs.run((project, host), request)

    run("parts", trials=6)
    assert history(run("whole")) == history(run("parts", resume=True))


@pytest.mark.parametrize(
    ("scores", "kept"), [([5.0, 5.05, 5.2], 2), ([5.0, 5.05, 5.09], 3), ([5.0, 9.0], 2), ([5.0], 1)]
)
def test_recipes_far_from_the_scouts_best_are_not_tried_again(scores: list[float], kept: int) -> None:
    records = [TrialRecord(i, TrialState.COMPLETE, "search", MINE, {}, score=score) for i, score in enumerate(scores)]
    assert [record.number for record in worth_repeating(records)] == list(range(kept))


@pytest.mark.parametrize(("asked", "expected"), [(None, 3), (5, 5)])
def test_after_a_scout_a_run_waits_half_as_long_unless_asked_otherwise(
    host: Host, project: Project, asked: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "at_noise", lambda record, *, decided: False)
    run = verbs.run((project, host), verbs.RunRequest(backend="fake", trials=40, patience=asked))
    assert run.summary.finished == "no gain"
    origins = [item.origin for item in run.summary.history]
    assert origins[-expected:] == ["search"] * expected
    assert run.summary.best_trial is not None
    last = max(run.summary.best_trial, sum(origin.startswith("scout") for origin in origins) - 1)
    assert len(origins) - 1 - last == expected

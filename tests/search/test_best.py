"""The files of the best trial: written when it is found, and again where a resumed run chooses an earlier trial."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from pathlib import Path

import pytest
import yaml

from autogsas.hooks.choices import Seed
from autogsas.hooks.events import Event, Notice, RunFinished, TrialFinished, TrialStarted
from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Project
from autogsas.model.recipe import BACKGROUNDS, Background, Recipe, Step
from autogsas.model.result import Finding, Result, Severity
from autogsas.runfolder.writer import RunFolder
from autogsas.search.database import Database
from autogsas.search.options import Found
from autogsas.testing.samples import make_project
from tests.search.running import run_search

TIME = re.compile(r"\d{4}-\d\d-\d\d(T[\d:]+)?")


def make_seed(terms: int, title: str = "all") -> Seed:
    background = Background(function=BACKGROUNDS[-1], terms=terms)
    return Seed(f"{terms} terms", recipe=Recipe(steps=(Step(title=title, background=(background,)),)))


# Each term lowers Rwp by half a per cent. Of the first two the first has more evidence, as a warning counts against the
# second. It is not near the third, whose warnings leave the second as the best.
WARNINGS = {4: 0, 5: 1, 7: 3}
SEEDS = tuple(make_seed(terms) for terms in WARNINGS)


def check_result(result: Result) -> list[Finding]:
    terms = sum(name.startswith("background:") for name in result.varied)
    return [Finding(f"odd-{i}", Severity.WARNING, "odd") for i in range(WARNINGS[terms])]


@pytest.fixture
def host(fake_host: Host) -> Host:
    fake_host.register(type("Plugin", (), {"autogsas_check_result": staticmethod(hookimpl(check_result))}))
    return fake_host


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def files_of_best(folder: Path) -> dict[str, str]:
    """Return the files of the best trial by name, without the time in the CIF."""
    paths = [*folder.glob("best.*"), *(folder / name for name in ("pattern.csv", "reflections.csv", "parameters.csv"))]
    return {path.name: TIME.sub("", path.read_text(encoding="utf-8")) for path in sorted(paths)}


def terms_in(files: dict[str, str]) -> int:
    """Return the number of background terms of the best trial; its recipe and its parameters must agree."""
    data = yaml.safe_load(files["best.recipe.yaml"])
    terms = Recipe.model_validate(data).steps[0].background[0].terms
    assert files["parameters.csv"].count("background:") == terms
    return terms


def begin(host: Host, project: Project, folder: Path, *seeds: Seed) -> dict[str, str]:
    """Run the first two trials, of which the first is the best, and return its files."""
    found = run_search(host, project, folder, *seeds[:2], trials=2)
    assert numbers(found) == (0, 1)
    files = files_of_best(folder)
    assert terms_in(files) == 4
    return files


def numbers(found: Found) -> tuple[int | None, int | None]:
    """Return the numbers of the best trial and of that with the lowest score."""
    return found.best and found.best.number, found.lowest and found.lowest.number


def test_the_files_are_those_of_the_best_trial_as_soon_as_it_is_reported(
    host: Host, project: Project, tmp_path: Path
) -> None:
    seen: list[int] = []

    def watch(event: Event) -> None:
        if isinstance(event, TrialFinished):
            seen.append(terms_in(files_of_best(tmp_path / "run")))

    found = run_search(host, project, tmp_path / "run", *SEEDS, trials=3, progress=watch)
    assert seen == [4, 4, 5]
    assert found.refined is not None
    assert len(found.refined.result.varied) == 5


def test_files_that_an_earlier_session_has_written_are_left_alone(host: Host, project: Project, tmp_path: Path) -> None:
    events: list[Event] = []
    before = begin(host, project, tmp_path / "run", *SEEDS)
    project.phase_files[0].unlink()  # so that a trial would fail
    found = run_search(host, project, tmp_path / "run", *SEEDS, trials=2, progress=events.append)
    assert numbers(found) == (0, 1)
    assert files_of_best(tmp_path / "run") == before
    assert not [event for event in events if isinstance(event, Notice)]


def test_a_trial_of_an_earlier_session_that_becomes_the_best_is_run_again_for_its_files(
    host: Host, project: Project, tmp_path: Path
) -> None:
    events: list[Event] = []
    before = begin(host, project, tmp_path / "parts", *SEEDS)
    parts = run_search(host, project, tmp_path / "parts", *SEEDS, trials=3, progress=events.append)
    whole = run_search(host, project, tmp_path / "whole", *SEEDS, trials=3)
    assert numbers(parts) == numbers(whole) == (1, 2)
    after = files_of_best(tmp_path / "parts")
    assert terms_in(after) == 5
    assert after == files_of_best(tmp_path / "whole")
    assert after.keys() == before.keys()
    # It is the same trial, not another one.
    assert [event.number for event in events if isinstance(event, TrialStarted)] == [2]
    assert not [event for event in events if isinstance(event, Notice)]
    assert len(list((tmp_path / "parts" / "trials").glob("*.json"))) == 3


def test_where_it_cannot_be_run_again_the_user_is_told_and_nothing_is_lost(
    host: Host, project: Project, tmp_path: Path
) -> None:
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if isinstance(event, TrialFinished):
            project.phase_files[0].unlink()

    before = begin(host, project, tmp_path / "run", *SEEDS)
    trials = {path: path.read_bytes() for path in (tmp_path / "run" / "trials").iterdir()}
    found = run_search(host, project, tmp_path / "run", *SEEDS, trials=3, progress=watch)
    assert [event.message.partition(" the project's")[0] for event in events if isinstance(event, Notice)] == [
        "the files of trial 1 could not be written: copying"
    ]
    assert "the files of trial 1 could not be written" in (tmp_path / "run" / "log.txt").read_text()
    assert numbers(found) == (1, 2)
    assert found.finished == "complete"
    assert events[-1] == RunFinished(found.finished, found.best)
    assert [record.state for record in found.records] == ["complete"] * 3
    assert files_of_best(tmp_path / "run") == before
    assert {path: path.read_bytes() for path in trials} == trials


@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_who_stops_the_run_does_not_wait_for_it(host: Host, project: Project, tmp_path: Path, delay: float) -> None:
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if isinstance(event, TrialFinished) and delay:
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
        elif isinstance(event, TrialFinished):
            os.kill(os.getpid(), signal.SIGINT)

    seeds = (SEEDS[0], make_seed(5, "!slow"), SEEDS[2])
    before = begin(host, project, tmp_path / "run", *seeds)
    found = run_search(host, project, tmp_path / "run", *seeds, trials=3, progress=watch)
    assert numbers(found) == (1, 2)
    assert files_of_best(tmp_path / "run") == before
    assert not [event for event in events if isinstance(event, Notice)]


def test_the_files_follow_the_best_trial_where_it_is_chosen_otherwise_on_resuming(
    host: Host, project: Project, tmp_path: Path
) -> None:
    begin(host, project, tmp_path / "run", *SEEDS)
    found = run_search(host, project, tmp_path / "run", *SEEDS[:2], trials=2, by_evidence=False)
    assert numbers(found) == (1, 1)
    assert terms_in(files_of_best(tmp_path / "run")) == 5
    # What was refined again is there for the printed esds.
    assert found.refined is not None
    assert len(found.refined.result.varied) == 5


class Killed(BaseException):
    """Ends a session at once."""


def kill(*_: object) -> None:
    raise Killed


def test_files_that_a_killed_session_left_are_written_again(
    host: Host, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = begin(host, project, tmp_path / "run", *SEEDS)
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "write_values", kill)  # by then the other files are written
        with pytest.raises(Killed):
            run_search(host, project, tmp_path / "run", *SEEDS[:2], trials=2, by_evidence=False)
    assert files_of_best(tmp_path / "run") != before
    run_search(host, project, tmp_path / "run", *SEEDS[:2], trials=2)
    assert files_of_best(tmp_path / "run") == before


def test_files_of_a_trial_that_was_not_stored_are_written_again(
    host: Host, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Database, "add", kill)
        with pytest.raises(Killed):
            run_search(host, project, tmp_path / "run", SEEDS[1], trials=1)
    assert terms_in(files_of_best(tmp_path / "run")) == 5
    run_search(host, project, tmp_path / "run", SEEDS[0], trials=1)
    assert terms_in(files_of_best(tmp_path / "run")) == 4


def refined_again(host: Host, project: Project, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Resume a run so that its second trial becomes the best and is refined again; return notices and files."""
    events: list[Event] = []
    run_search(host, project, folder, *SEEDS[:2], trials=2, by_evidence=False, progress=events.append)
    return [event.message for event in events if isinstance(event, Notice)], files_of_best(folder)


def test_a_repeated_trial_that_ends_elsewhere_does_not_become_the_files(
    host: Host, project: Project, tmp_path: Path
) -> None:
    before = begin(host, project, tmp_path / "run", *SEEDS)
    path = tmp_path / "run" / "trials" / "0001.json"
    trial = json.loads(path.read_text(encoding="utf-8"))
    now = trial["metrics"]["rwp"]
    trial["metrics"]["rwp"] = trial["score"] = 0.98 * now
    path.write_text(json.dumps(trial), encoding="utf-8")
    notices, after = refined_again(host, project, tmp_path / "run")
    assert notices == [
        f"the files of trial 1 could not be written: its recipe ended at Rwp {now:.3f} % when it was repeated, and at "
        f"{0.98 * now:.3f} % before"
    ]
    assert after == before


def test_a_repeated_trial_that_is_no_longer_usable_does_not_become_the_files(
    host: Host, project: Project, tmp_path: Path
) -> None:
    before = begin(host, project, tmp_path / "run", *SEEDS)

    def check_result(result: Result) -> list[Finding]:
        return [Finding("odd", Severity.ERROR, "this is impossible")]

    host.register(type("Strict", (), {"autogsas_check_result": staticmethod(hookimpl(check_result))}))
    notices, after = refined_again(host, project, tmp_path / "run")
    assert notices == [
        "the files of trial 1 could not be written: its result is no longer usable when it is refined again (this is "
        "impossible)"
    ]
    assert after == before

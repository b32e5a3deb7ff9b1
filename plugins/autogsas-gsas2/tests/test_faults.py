"""Failures of GSAS-II's process cost one trial and have a cause; earlier trials are kept. With a fake GSAS-II."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from autogsas import cli
from autogsas.commands import verbs
from autogsas.errors import BackendMissing
from autogsas.hooks.host import Host
from autogsas.model.project import Project, Search
from autogsas.model.recipe import Recipe
from autogsas.runfolder.writer import RunFolder
from autogsas.testing.samples import make_project, make_recipe
from autogsas.trial import pool as isolate

from autogsas_gsas2 import discovery
from autogsas_gsas2.interpreters import SETTING

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fake GSAS-II is a script with a shebang")


@pytest.fixture
def fake_gsas2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the fake GSAS-II the interpreter; the value is the file with its process ids."""
    python = tmp_path / "fake_gsas2" / "bin" / "python"
    python.parent.mkdir(parents=True)
    text = (Path(__file__).parent / "fake_gsas2.py").read_text(encoding="utf-8")
    python.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    python.chmod(0o755)
    pids = tmp_path / "pids"
    monkeypatch.setenv(SETTING, str(python))
    monkeypatch.setenv("FAKE_GSAS2_PIDS", str(pids))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    discovery.probe.cache_clear()
    yield pids
    discovery.probe.cache_clear()


def project(folder: Path, *recipes: Recipe, trial_timeout: float = 30.0) -> Project:
    made = make_project(folder, search=Search(trials=len(recipes), trial_timeout=trial_timeout, scout="off"))
    return replace(made, recipes=recipes, backend="gsas2")


def search(
    folder: Path, host: Callable[..., Host], *titles: tuple[str, ...], trial_timeout: float = 30.0
) -> tuple[verbs.FinishedRun, list[tuple[str, str, str]]]:
    """Run a trial for each list of step titles; return the run and the state, cause and message of each trial."""
    recipes = [make_recipe(*steps, terms=3 + number, name=f"r{number}") for number, steps in enumerate(titles)]
    read = project(folder / "project", *recipes, trial_timeout=trial_timeout)
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in read.files}
    run = verbs.run((read, host(())), verbs.RunRequest(out=folder / "run", trials=len(titles)))
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in read.files} == before
    kept = RunFolder(run.folder)
    trials = [kept.read_trial(number) for number in range(len(titles))]
    kept.close()
    return run, [(trial.record.state, trial.record.cause, trial.record.message) for trial in trials]


def alive(pids: Path) -> list[int]:
    found = []
    for pid in map(int, pids.read_text().split()):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(pid)
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


def wait_until_gone(pids: Path) -> list[int]:
    end = time.monotonic() + 10
    while alive(pids) and time.monotonic() < end:
        time.sleep(0.05)
    return alive(pids)


FAULTS = {
    "!die": ("engine-died", "GSAS-II's process has ended: killed by signal 9"),
    "!exit": ("engine-died", "GSAS-II's process has ended: exit status 5"),
    "!garbage": ("protocol", "not a message: b' ** no convergence"),
    "!half": ("protocol", 'not a message: b\'{"type": "StepRep\''),
    "!wrong": ("protocol", "Closed instead of StepReport"),
    "!full": ("disk-full", "No space left on device"),
    "!nan": ("nan", "not finite"),
}
HANGS = {"!hang": ("timeout", "not finished after 2 s"), "!grandchild": ("timeout", "not finished after 2 s")}


@pytest.mark.parametrize(("faults", "limit"), [(FAULTS, 30.0), (HANGS, 2.0)])
def test_a_failure_costs_only_its_trial(
    tmp_path: Path, gsas2_host: Any, fake_gsas2: Path, faults: dict[str, tuple[str, str]], limit: float
) -> None:
    titles = [("good",), *(steps for order in faults for steps in (("first", order), ("good", "too")))]
    run, trials = search(tmp_path, gsas2_host, *titles, trial_timeout=limit)
    assert run.exit_status == 0
    for (state, cause, message), steps in zip(trials, titles, strict=True):
        if steps[-1] not in faults:
            assert (state, cause) == ("complete", ""), steps
            continue
        assert (state, cause) == ("failed", faults[steps[-1]][0])
        assert faults[steps[-1]][1] in message
        assert "\n" not in message
    assert run.best is not None
    assert run.best.number == 0
    assert run.summary.plain()["causes"] == Counter(cause for cause, _ in faults.values())
    assert (run.folder / "best.recipe.yaml").is_file()
    assert wait_until_gone(fake_gsas2) == []


def test_one_child_serves_trials_until_one_fails(tmp_path: Path, gsas2_host: Any, fake_gsas2: Path) -> None:
    _, trials = search(tmp_path, gsas2_host, ("a",), ("b",), ("!full",), ("c",), ("!die",), ("d",), ("e",))
    assert [state for state, _, _ in trials] == ["complete"] * 2 + ["failed", "complete", "failed"] + ["complete"] * 2
    pids = fake_gsas2.read_text().split()
    assert len(set(pids)) == len(pids) == 2


def test_the_steps_before_a_failure_are_kept(tmp_path: Path, gsas2_host: Any, fake_gsas2: Path) -> None:
    run, _ = search(tmp_path, gsas2_host, ("one", "two", "!die", "never"))
    assert run.exit_status == 1
    with RunFolder(run.folder) as folder:
        steps = folder.read_trial(0).record.steps
    assert [step.title for step in steps] == ["one", "two"]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("exit", "exit status 3; a library is missing"),
        ("garbage", "not a message: b'Welcome to GSAS-II"),
        ("missing", "half of it is missing"),
        ("version", "uses version"),
    ],
)
def test_a_child_that_does_not_start_stops_the_run(
    tmp_path: Path, gsas2_host: Any, fake_gsas2: Path, monkeypatch: pytest.MonkeyPatch, order: str, message: str
) -> None:
    monkeypatch.setenv("FAKE_GSAS2_START", order)
    with pytest.raises(BackendMissing) as caught:
        search(tmp_path, gsas2_host, ("good",))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 3
    assert not (tmp_path / "run").exists()
    assert wait_until_gone(fake_gsas2) == []


def test_earlier_trials_are_kept_when_gsas2_disappears(tmp_path: Path, gsas2_host: Any, fake_gsas2: Path) -> None:
    recipes = [make_recipe(*steps, terms=3 + n) for n, steps in enumerate((("one",), ("!vanish",), ("three",)))]
    read = project(tmp_path / "project", *recipes)
    with pytest.raises(BackendMissing, match="a library is missing"):
        verbs.run((read, gsas2_host(())), verbs.RunRequest(out=tmp_path / "run", trials=3))
    with RunFolder(tmp_path / "run") as folder:
        assert [folder.read_trial(number).record.state for number in (0, 1)] == ["complete", "failed"]
        assert not (folder.folder / "trials" / "0002.json").exists()
    assert (tmp_path / "run" / "best.recipe.yaml").is_file()
    vanished(fake_gsas2).unlink()
    run = verbs.run((read, gsas2_host(())), verbs.RunRequest(out=tmp_path / "run", trials=3, resume=True))
    assert run.exit_status == 0
    assert [item["state"] for item in run.summary.plain()["history"]] == ["complete", "failed", "complete"]


def vanished(pids: Path) -> Path:
    """The file that makes the fake GSAS-II fail at its start."""
    return pids.with_suffix(".vanished")


def test_a_disk_too_full_for_a_trials_folder(
    tmp_path: Path, gsas2_host: Any, fake_gsas2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = isolate.shutil.copyfile
    calls = []

    def full(source: Path, target: Path) -> Any:
        calls.append(source)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        return copy(source, target)

    monkeypatch.setattr(isolate.shutil, "copyfile", full)
    run, trials = search(tmp_path, gsas2_host, ("good",), ("better",))
    assert [trial[:2] for trial in trials] == [("complete", ""), ("failed", "disk-full")]
    assert run.exit_status == 0


def call(capfd: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.fixture
def only_this_plugin(gsas2_host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line finds this plugin, installed or not, and no other."""
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())


@pytest.mark.usefixtures("only_this_plugin")
@pytest.mark.parametrize("kind", ["missing", "half"])
def test_a_missing_gsas2_is_an_error_of_one_line_with_exit_status_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    python = tmp_path / "python"
    if kind == "half":
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
        python.chmod(0o755)
    monkeypatch.setenv(SETTING, str(python))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    discovery.probe.cache_clear()
    folder = tmp_path / "project"
    make_project(folder)
    (folder / "project.yaml").write_text(
        "data: [{file: pattern.xy, wavelength: 1.5406, radiation: xray}]\nphases: [{file: phase.cif}]\n"
    )
    before = sorted(folder.rglob("*"))
    status, out, err = call(capfd, "run", folder, "--backend", "gsas2", "--trials", 2)
    assert (status, out) == (3, "")
    reason = "there is no such file" if kind == "missing" else "numpy cannot be imported"
    assert err.startswith(f"autogsas: backend 'gsas2' cannot be used: {python}: {reason}")
    assert "GSAS-II-tutorials/install.html" in err
    assert err.count("\n") == 1
    assert sorted(folder.rglob("*")) == before
    status, out, _ = call(capfd, "doctor", "--backend", "gsas2")
    assert status == 3
    assert f"gsas2: cannot be used: {python}: {reason}" in out
    assert "install GSAS-II as described on https://" in out
    assert "a project without a backend uses: numpy" in out
    discovery.probe.cache_clear()


@pytest.mark.usefixtures("only_this_plugin", "fake_gsas2")
def test_doctor_refines_with_gsas2(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capfd, "doctor", "--backend", "gsas2")
    assert status == 0, out
    assert "gsas2: 0.1\n" in out
    assert "compiled modules: probe_script, probe_script can be imported" in out
    assert out.count("self-test: synthetic data refined in") == 2


@pytest.mark.usefixtures("only_this_plugin")
def test_doctor_reports_a_child_that_does_not_start(
    fake_gsas2: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_GSAS2_START", "exit")
    status, out, _ = call(capfd, "doctor", "--backend", "gsas2")
    assert status == 3
    assert "self-test: FAILED: backend 'gsas2' cannot be used: GSAS-II's process has ended: exit status 3" in out


def test_a_worker_that_cannot_start_is_a_missing_backend(
    tmp_path: Path, gsas2_host: Any, fake_gsas2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = project(tmp_path / "project", make_recipe("good"))
    monkeypatch.setattr("autogsas.trial.worker.sys.executable", str(tmp_path / "fake_gsas2" / "bin" / "python"))
    with pytest.raises(BackendMissing):
        verbs.run((read, gsas2_host(())), verbs.RunRequest(out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("only_this_plugin")
def test_a_gpx_that_could_execute_code_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    ran = tmp_path / "ran"
    (folder / "evil.gpx").write_bytes(f"cos\nsystem\n(S'touch {ran}'\ntR.".encode())
    for path in (folder, folder / "evil.gpx"):
        status, out, err = call(capfd, "run", path)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert "refused" in err
        assert "'os.system'" in err
    assert not ran.exists()
    assert list(folder.iterdir()) == [folder / "evil.gpx"]


@pytest.mark.usefixtures("fake_gsas2")
def test_a_gpx_that_has_changed_is_checked_again(tmp_path: Path, gsas2_host: Any) -> None:
    ran = tmp_path / "ran"
    file = tmp_path / "a.gpx"
    file.write_bytes(f"cos\nsystem\n(S'touch {ran}'\ntR.".encode())
    read = replace(project(tmp_path / "project", make_recipe("good")), phase_files=(file,))
    run = verbs.run((read, gsas2_host(())), verbs.RunRequest(out=tmp_path / "run"))
    assert run.exit_status == 1
    with RunFolder(run.folder) as folder:
        trial = folder.read_trial(0).record
    assert (trial.state, trial.cause) == ("failed", "refused")
    assert "os.system" in trial.message
    assert not ran.exists()

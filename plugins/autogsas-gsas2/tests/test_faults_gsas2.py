"""Failures of GSAS-II itself; the user's .gpx is unchanged after success, failure and a killed host."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from autogsas.commands import verbs
from autogsas.input.loading import load_project
from autogsas.model.project import Project
from autogsas.model.recipe import Background, Free, Recipe, Setting, Step
from autogsas.runfolder.writer import RunFolder
from autogsas.trial import pool as isolate
from autogsas.trial.messages import StepDone
from autogsas.trial.pool import Outcome, Workers

from autogsas_gsas2.backend import Gsas2Backend
from autogsas_gsas2.gpx import read_project

pytestmark = [
    pytest.mark.engine("gsas2"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc"),
]

FIRST = Step(
    title="scale",
    background=(Background(function="chebyschev-1", terms=3),),
    free=(Free(group="scale"), Free(group="background")),
)
SHORT = Recipe(steps=(FIRST, Step(title="cell", free=(Free(group="cell"),))))
# Long enough to fail in the middle: widths start far from their values.
LONG = Recipe(
    steps=(
        FIRST,
        *(
            Step(
                title=f"more {i}",
                set=(Setting(group="W", value=500.0),),
                free=(Free(group="W"), Free(group="cell")),
                cycles=10,
            )
            for i in range(3)
        ),
    )
)


def snapshot(file: Path) -> tuple[bytes, int]:
    return file.read_bytes(), file.stat().st_mtime_ns


@pytest.fixture
def untouched(small_gpx: Path) -> Iterator[Path]:
    """The user's .gpx; the end of the test checks that it and its folder are unchanged."""
    before = snapshot(small_gpx)
    yield small_gpx
    assert snapshot(small_gpx) == before
    assert {path.name for path in small_gpx.parent.iterdir()} <= {small_gpx.name, "runs"}


def children(pid: int) -> list[int]:
    """Return all processes that ``pid`` started, and those they started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += [int(entry.name), *children(int(entry.name))]
    return found


_earlier: set[int] = set()


@pytest.fixture(autouse=True)
def earlier() -> None:
    """Processes of GSAS-II that other tests have started are neither counted nor killed."""
    _earlier.clear()
    _earlier.update(gsas2_processes())


def gsas2_processes(pid: int | None = None) -> list[int]:
    """Return GSAS-II's processes below ``pid`` or this one that the test started: the child, then the trial's."""
    found = []
    for child in children(os.getpid() if pid is None else pid):
        if child in _earlier:
            continue
        try:
            if b"child/launch.py" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
        except OSError:
            continue
    return found


def outcome(workers: Workers, number: int, recipe: Recipe, strike: Callable[[], None] | None = None) -> Outcome:
    """Run one trial; call ``strike`` after its first step."""
    workers.submit(number, recipe)
    while True:
        event = workers.wait(120.0)
        if isinstance(event, StepDone) and strike is not None:
            strike()
            strike = None
        elif isinstance(event, Outcome):
            return event
        assert event is not None, "the trial did not end within 120 s"


def kill_trial() -> None:
    os.kill(gsas2_processes()[-1], signal.SIGKILL)


def kill_all() -> None:
    for pid in gsas2_processes():
        os.kill(pid, signal.SIGKILL)


def stop_trial() -> None:
    os.kill(gsas2_processes()[-1], signal.SIGSTOP)


def write_garbage() -> None:
    pid = gsas2_processes()[-1]
    written = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        # A file may be closed between listing and reading it.
        with contextlib.suppress(FileNotFoundError):
            flags = int(Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text().split("flags:")[1].split()[0], 8)
            if os.readlink(entry).startswith("pipe:") and flags & os.O_ACCMODE == os.O_WRONLY:
                with entry.open("wb", buffering=0) as pipe:
                    written += pipe.write(b"\n*** not a message ***\n")
    assert written, "GSAS-II has no pipe to the host"


def test_a_failure_in_a_step_costs_only_its_trial(untouched: Path) -> None:
    strikes = {kill_trial: "engine-died", kill_all: "engine-died", write_garbage: "protocol", stop_trial: "timeout"}
    with Workers(read_project(untouched), Gsas2Backend(), trial_timeout=60.0) as workers:
        for number, (strike, cause) in enumerate(strikes.items()):
            assert outcome(workers, 2 * number, SHORT).result is not None
            workers._timeout = 3.0 if cause == "timeout" else 60.0
            struck = outcome(workers, 2 * number + 1, LONG, strike)
            assert struck.result is None
            assert struck.cause == cause, struck.message
            assert struck.message
            assert "\n" not in struck.message
        workers._timeout = 60.0
        assert outcome(workers, 99, SHORT).result is not None
    assert gsas2_processes() == []


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk for the trials' folders with space for the project but not for a refinement."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be made here: {mounted.stderr.strip()}")
    monkeypatch.setattr(isolate, "scratch", lambda: folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_costs_only_its_trial(untouched: Path, small_disk: Path) -> None:
    project = read_project(untouched)
    with Workers(project, Gsas2Backend(), trial_timeout=60.0) as workers:
        filler = small_disk / "filler"
        room = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(b"x" * (room - untouched.stat().st_size - 30_000))
        full = outcome(workers, 0, SHORT)
        assert full.result is None
        assert full.cause == "disk-full", full.message
        filler.unlink()
        assert [path.name for path in small_disk.iterdir()] == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        assert outcome(workers, 1, SHORT).result is not None


def test_the_gpx_is_unchanged_after_success_and_failure(untouched: Path, gsas2_host: Any) -> None:
    loaded = load_project(untouched.parent, host_factory=gsas2_host)
    run = verbs.refine(loaded, SHORT, verbs.RefineRequest(backend="gsas2"))
    assert run.exit_status == 0
    assert run.folder == untouched.parent / "runs" / "small-1"
    assert (run.folder / "best.gpx").stat().st_size > 0
    empty = Recipe(steps=(FIRST, Step(title="nothing", limits=(40.1, 40.9))))
    failed = verbs.refine(loaded, empty, verbs.RefineRequest(backend="gsas2"))
    assert failed.exit_status == 1
    assert failed.folder == untouched.parent / "runs" / "small-2"
    assert (failed.folder / "summary.json").is_file()


_RUN = """
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from autogsas import builtin
from autogsas.hooks import host
from autogsas.commands import verbs
from autogsas.input.loading import load_project
from autogsas.model.recipe import Recipe
builtin.MODULES = (*builtin.MODULES, "autogsas_gsas2.plugin")
project, plugins = load_project(Path(sys.argv[1]), host_factory=partial(host.Host, entry_points=False))
made = replace(project, recipes=tuple(Recipe.model_validate_json(text) for text in sys.argv[4:])), plugins
options = {"trials": int(sys.argv[2]), "resume": sys.argv[3] == "resume"}
print("start", flush=True)
request = verbs.RunRequest(backend="gsas2", scout="off", **options)
run = verbs.run(made, request, progress=lambda e: print(type(e).__name__, flush=True))
print(run.exit_status)
"""


def test_after_a_killed_host_the_gpx_is_unchanged_and_the_run_can_be_resumed(untouched: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    recipes = [recipe.model_dump_json(by_alias=True) for recipe in (SHORT, LONG)]
    command = [sys.executable, "-c", _RUN, str(untouched)]
    host = subprocess.Popen([*command, "2", "new", *recipes], stdout=subprocess.PIPE, text=True, env=environment)
    assert host.stdout is not None
    seen: list[str] = []
    for line in host.stdout:
        seen.append(line.strip())
        if "TrialFinished" in seen and seen[-1] == "StepFinished":
            break
    below = gsas2_processes(host.pid)
    assert below, seen
    host.kill()
    host.wait()
    host.stdout.close()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in below) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)
    folder = untouched.parent / "runs" / "small-1"
    first = (folder / "trials/0000.json").read_bytes()
    with RunFolder(folder) as kept:
        assert kept.read_trial(0).record.steps
    done = subprocess.run(
        [*command, "2", "resume", *recipes], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split().count("TrialStarted") == 1
    with RunFolder(folder) as kept:
        assert kept.read_trial(1).record.steps
    assert (folder / "trials/0000.json").read_bytes() == first


def test_the_trials_folders_are_removed_with_the_run(untouched: Path, tmp_path: Path, monkeypatch: Any) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(isolate, "scratch", lambda: room)
    project: Project = read_project(untouched)
    with Workers(project, Gsas2Backend()) as workers:
        assert outcome(workers, 0, SHORT).result is not None
        workers.submit(1, LONG)
        event = workers.wait(60.0)
        assert isinstance(event, StepDone)
        assert len(list(room.iterdir())) == 1
    assert list(room.iterdir()) == []
    assert gsas2_processes() == []

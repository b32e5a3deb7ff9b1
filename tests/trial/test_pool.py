"""Worker processes: what happens in one costs its trial and nothing else."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autogsas.errors import BackendError, BackendMissing, PluginError
from autogsas.model.project import Project
from autogsas.testing.fake import FakeBackend, FakeSession, expected_rwp
from autogsas.testing.samples import make_project, make_recipe
from autogsas.trial import pool as isolate
from autogsas.trial.child import copies, relocate
from autogsas.trial.messages import StepDone
from autogsas.trial.pool import Interrupt, Outcome, Workers


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where trials' folders are made, so that leftovers are seen."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(isolate, "scratch", lambda: folder)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


@pytest.fixture
def workers(project: Project) -> Iterator[Workers]:
    with Workers(project, FakeBackend(), trial_timeout=20.0) as made:
        yield made


def outcome(workers: Workers) -> Outcome:
    while True:
        event = workers.wait(60.0)
        assert event is not None, "nothing happened for a minute"
        if isinstance(event, Outcome):
            return event


def state(project: Project) -> dict[Path, tuple[bytes, int]]:
    assert project.file is not None
    files = (*project.files, project.file)
    return {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def run(workers: Workers, number: int, *titles: str) -> Outcome:
    workers.submit(number, make_recipe(*titles))
    return outcome(workers)


def test_a_good_trial_gives_result_files_and_steps(workers: Workers, room: Path) -> None:
    recipe = make_recipe("first", "!print second")
    workers.submit(0, recipe)
    events = [workers.wait(60.0) for _ in range(3)]
    assert [event.step.title for event in events[:2] if isinstance(event, StepDone)] == ["first", "!print second"]
    end = events[2]
    assert isinstance(end, Outcome)
    assert end.result is not None
    assert end.result.engine_rwp == pytest.approx(expected_rwp(recipe))
    assert set(end.saved) == {"best.cif", "best.py"}
    assert "the engine says something" in end.log
    assert end.cause == ""
    assert list(room.iterdir()) == []


def test_a_worker_serves_many_trials_in_one_process(workers: Workers) -> None:
    assert run(workers, 0, "a").result is not None
    process = workers._workers[0]
    assert run(workers, 1, "b").result is not None
    assert workers._workers[0] is process


@pytest.mark.parametrize(
    ("order", "cause", "text"),
    [
        ("!fail", "singular", "on order"),
        ("!error", "engine-error", "RuntimeError: an error on order"),
        ("!exit", "engine-error", "sys.exit(3)"),
        ("!crash", "crash", "SIGKILL"),
        ("!memory", "out-of-memory", "memory"),
        ("!disk-full", "disk-full", "No space left"),
        ("!garbage", "protocol", "unexpected bytes"),
    ],
)
def test_each_failure_has_its_cause_and_costs_one_trial(
    workers: Workers, project: Project, room: Path, order: str, cause: str, text: str
) -> None:
    before = state(project)
    failed = run(workers, 0, "fine", order)
    assert (failed.cause, failed.result) == (cause, None)
    assert text in failed.message
    assert list(room.iterdir()) == []
    assert run(workers, 1, "fine").result is not None
    assert state(project) == before


def test_a_hanging_engine_is_stopped_with_its_children(project: Project, room: Path) -> None:
    before = state(project)
    with Workers(project, FakeBackend(), trial_timeout=1.5) as workers:
        hung = run(workers, 0, "!grandchild")
        assert hung.cause == "timeout"
        assert hung.seconds >= 1.5
        pid = int(hung.log.split()[1])
        for _ in range(100):
            if not alive(pid):
                break
            time.sleep(0.05)
        assert not alive(pid)
        assert list(room.iterdir()) == []
        assert run(workers, 1, "fine").result is not None
    assert state(project) == before


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_closing_in_the_middle_leaves_nothing_behind(project: Project, room: Path) -> None:
    before = state(project)
    workers = Workers(project, FakeBackend())
    workers.submit(0, make_recipe("first", "!hang"))
    assert isinstance(workers.wait(60.0), StepDone)
    worker = workers._workers[0]
    assert worker is not None
    pid = worker._process.pid
    workers.close()
    assert not alive(pid)
    assert list(room.iterdir()) == []
    assert state(project) == before


def test_a_worker_without_its_host_ends_and_clears_up(project: Project, room: Path) -> None:
    workers = Workers(project, FakeBackend())
    workers.submit(0, make_recipe("first", "!hang"))
    assert isinstance(workers.wait(60.0), StepDone)
    worker = workers._workers[0]
    assert worker is not None
    process = worker._process
    assert process.stdin is not None
    process.stdin.close()  # what the end of the host looks like from the worker
    process.wait(20.0)
    assert list(room.iterdir()) == []
    workers.close()


def test_two_workers_run_at_a_time(project: Project) -> None:
    with Workers(project, FakeBackend(), jobs=2) as workers:
        workers.submit(0, make_recipe("!hang"))
        workers.submit(1, make_recipe("fine"))
        assert workers.idle == 0
        assert outcome(workers).number == 1
        assert workers.idle == 1


def test_an_interrupt_ends_the_waiting(workers: Workers) -> None:
    workers.submit(0, make_recipe("!hang"))
    threading.Timer(0.3, workers.interrupt).start()
    events = [workers.wait(30.0)]
    assert isinstance(events[0], Interrupt)


def test_waiting_ends_after_its_timeout(workers: Workers) -> None:
    began = time.monotonic()
    assert workers.wait(0.2) is None
    assert time.monotonic() - began >= 0.2


def test_engines_get_one_thread_and_their_own_folder(tmp_path: Path, project: Project) -> None:
    hooks = tmp_path / "hooks.py"
    hooks.write_text(
        "import os, sys, tempfile\n"
        "from autogsas.testing.fake import FakeBackend, FakeSession\n"
        "class Nosy(FakeBackend):\n"
        "    def open(self, project, folder):\n"
        "        print(os.environ['OMP_NUM_THREADS'], os.getcwd() == str(folder),\n"
        "              tempfile.gettempdir() == str(folder),\n"
        "              repr(sys.stdin.read()), os.getpgrp() == os.getpid(), project.file.parent == folder)\n"
        "        return super().open(project, folder)\n"
    )
    from autogsas.hooks.host import load_file

    backend = load_file(hooks).Nosy()
    with Workers(project, backend, (hooks,)) as workers:
        assert run(workers, 0, "fine").log.split() == ["1", "True", "True", "''", "True", "True"]


def test_a_backend_that_does_not_start_is_missing(tmp_path: Path, project: Project) -> None:
    hooks = tmp_path / "hooks.py"
    hooks.write_text("from autogsas.testing.fake import FakeBackend\nclass Own(FakeBackend):\n    pass\n")
    from autogsas.hooks.host import load_file

    backend = load_file(hooks).Own()
    hooks.write_text("raise ImportError('no such engine here')\n")
    with Workers(project, backend, (hooks,)) as workers:
        workers.submit(0, make_recipe("fine"))
        with pytest.raises(BackendMissing, match="no such engine here"):
            outcome(workers)


def test_a_backend_that_cannot_be_pickled_is_named(project: Project) -> None:
    class Local(FakeBackend):
        pass

    with pytest.raises(PluginError, match="backend 'fake' cannot be sent to a child process"):
        Workers(project, Local())


def test_a_file_removed_after_loading_fails_the_trial(workers: Workers, project: Project, room: Path) -> None:
    project.files[0].unlink()
    assert run(workers, 0, "fine").cause == "files"
    assert list(room.iterdir()) == []


@pytest.mark.parametrize("where", ["pathlib.Path.mkdir", "shutil.copyfile"])
def test_a_full_disk_fails_one_trial(workers: Workers, room: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(where, full)
        assert run(workers, 0, "fine").cause == "disk-full"
    assert list(room.iterdir()) == []
    assert run(workers, 1, "fine").result is not None
    with monkeypatch.context() as patch:
        patch.setattr(where, full)
        workers.submit(2, make_recipe("fine"))
        event = workers.wait()  # the worker is ready and has begun nothing: no end is set to this wait
    assert isinstance(event, Outcome)
    assert event.cause == "disk-full"


class Gone(FakeBackend):
    def open(self, project: Project, folder: Path) -> FakeSession:
        raise BackendError("engine-missing", "its library is gone")


def test_an_engine_that_is_missing_stops_all_trials(project: Project, room: Path) -> None:
    with Workers(project, Gone()) as workers:
        workers.submit(0, make_recipe("fine"))
        with pytest.raises(BackendMissing, match="backend 'fake' cannot be used: its library is gone"):
            workers.wait(60.0)
    assert list(room.iterdir()) == []


def test_two_files_with_the_same_name_get_two_copies(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "PHASE.cif"
    twice = replace(project, phase_files=(*project.phase_files, other))
    place = copies(twice, tmp_path)
    assert len(set(place.values())) == len(place)
    moved = relocate(twice, tmp_path / "trial")
    assert moved.phase_files[1] == tmp_path / "trial" / "2-PHASE.cif"
    assert all(file.parent == tmp_path / "trial" for file in moved.files)


def test_scratch_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert isolate.scratch() is None
    monkeypatch.undo()
    monkeypatch.setattr("shutil.disk_usage", lambda _: (_ for _ in ()).throw(OSError("gone")))
    assert isolate.scratch() is None

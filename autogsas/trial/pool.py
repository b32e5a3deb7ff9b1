"""Worker processes that run trials: reused, each in its own process group, and replaced when they hang or die."""

from __future__ import annotations

import errno
import math
import os
import pickle
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from autogsas.errors import BackendMissing, PluginError
from autogsas.hooks.backend import Backend
from autogsas.model.advice import Guide
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe
from autogsas.model.result import Result
from autogsas.model.trial import Cause
from autogsas.trial.child import LOG, SAVED, copies
from autogsas.trial.messages import Ended, MalformedMessage, Ready, Setup, StepDone
from autogsas.trial.worker import START_TIMEOUT, Gone, Task, Worker

__all__ = ["Interrupt", "Outcome", "Workers", "scratch"]

# The end of an engine's log that is kept. Not measured.
_LOG_BYTES = 65536


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: a result, or a cause.

    ``cause`` is a `Cause` or an engine's own word. ``recipe`` is the one that a guided trial found.
    ``saved`` holds the engine's own files by name; ``log`` the end of what the engine printed.
    """

    number: int
    result: Result | None = None
    saved: dict[str, bytes] = field(default_factory=dict)
    cause: str = ""
    message: str = ""
    traceback: str = ""
    log: str = ""
    seconds: float = 0.0
    recipe: Recipe | None = None


@dataclass(frozen=True)
class Interrupt:
    """The user asked to stop."""


def scratch() -> Path | None:
    """Return the folder for trials' temporary folders: a memory disk with more than 1 GB free, else None."""
    memory = Path("/dev/shm")
    try:
        if memory.is_dir() and os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free > 2**30:
            return memory
    except OSError:
        pass
    return None


class Workers:
    """Up to ``jobs`` worker processes for one backend and project; used by one thread.

    ``trial_timeout`` in seconds counts from the moment a ready worker gets its trial. Raises PluginError if the backend
    cannot be sent to a child process. Close it, or use it as a context.
    """

    def __init__(
        self,
        project: Project,
        backend: Backend,
        hook_files: tuple[Path, ...] = (),
        *,
        jobs: int = 1,
        trial_timeout: float = 300.0,
    ) -> None:
        try:
            pickled = pickle.dumps((backend, project))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise PluginError(f"backend {backend.name!r} cannot be sent to a child process: {error}") from error
        self._setup = Setup(tuple(file.resolve() for file in hook_files), pickled)
        self._project = project
        self._name = backend.name
        self._timeout = trial_timeout
        self._events: SimpleQueue[tuple[Worker | None, Any]] = SimpleQueue()
        self._workers: list[Worker | None] = [None] * jobs
        self.interrupted = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def idle(self) -> int:
        """How many trials can be submitted now."""
        return sum(1 for worker in self._workers if worker is None or worker.task is None)

    def interrupt(self) -> None:
        """Make `wait` return an Interrupt; may be called from a signal handler."""
        self.interrupted = True
        self._events.put((None, Interrupt()))

    def submit(
        self,
        number: int,
        recipe: Recipe,
        hopeless: float | None = None,
        slow: float | None = None,
        guide: Guide | None = None,
    ) -> None:
        """Start a trial on an idle worker; with a ``guide`` it finds its recipe itself, and begins with ``recipe``.

        It is stopped early if its Rwp is above ``hopeless`` before its decisive step, and after ``slow`` seconds.
        """
        slot = next(i for i, worker in enumerate(self._workers) if worker is None or worker.task is None)
        worker = self._workers[slot]
        if worker is None:
            worker = self._workers[slot] = Worker(self._setup, self._events)
        folder = (scratch() or Path(tempfile.gettempdir())) / f"autogsas-{secrets.token_hex(8)}"
        worker.task = Task(number, recipe, folder, hopeless, slow, guide)
        # Sent before the folder exists, so that the worker removes it whenever the host dies from here on.
        worker.announce(folder)
        try:
            folder.mkdir(mode=0o700)
            for source, target in copies(self._project, folder).items():
                shutil.copyfile(source, target)
        except OSError as error:
            cause = Cause.DISK_FULL if _is_full(error) else Cause.FILES
            self._events.put((worker, Ended(number, cause=cause, message=f"copying the project's files: {error}")))
            return
        worker.begin_when_ready()

    def wait(self, timeout: float | None = None) -> StepDone | Outcome | Interrupt | None:
        """Return the next event, or None after ``timeout`` seconds.

        Raises BackendMissing if the backend does not start in a child process, or an engine is missing.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            deadlines = [w.deadline(self._timeout) for w in self._workers if w is not None and w.task is not None]
            ends = [end for end in (until, *deadlines) if end is not None and math.isfinite(end)]
            try:
                worker, event = self._events.get(timeout=max(0.0, min(ends) - time.monotonic()) if ends else None)
            except Empty:
                late = self._late()
                if late is not None:
                    return late
                if until is not None and time.monotonic() >= until:
                    return None
                continue
            if worker is None:
                return Interrupt()
            if worker not in self._workers:
                continue
            answer = self._handle(worker, event)
            if answer is not None:
                return answer

    def close(self) -> None:
        """Kill all workers with their children and remove their trials' folders."""
        for worker in self._workers:
            if worker is not None:
                worker.kill()
        self._workers = [None] * len(self._workers)

    def _handle(self, worker: Worker, event: Any) -> StepDone | Outcome | None:
        task = worker.task
        if isinstance(event, Ready):
            if event.error:
                self._replace(worker)
                raise BackendMissing(f"backend {self._name!r} does not start in a child process: {event.error}")
            worker.ready = True
            if task is not None:
                worker.begin_when_ready()
            return None
        if isinstance(event, (StepDone, Ended)) and task is not None and event.number == task.number:
            if isinstance(event, StepDone):
                return event
            if event.cause == Cause.ENGINE_MISSING:
                self._replace(worker)
                raise BackendMissing(f"backend {self._name!r} cannot be used: {event.message}")
            outcome = _outcome(task, event)
            worker.drop_task()
            return outcome
        if isinstance(event, Gone):
            status = worker.status()
            if not worker.ready:
                last = worker.last_words()
                self._replace(worker)
                raise BackendMissing(f"backend {self._name!r} does not start in a child process: {status}; {last}")
            return self._lose(worker, Cause.CRASH, f"the engine's process ended: {status}")
        text = str(event) if isinstance(event, MalformedMessage) else f"unexpected message {event!r:.80}"
        return self._lose(worker, Cause.PROTOCOL, text)

    def _late(self) -> Outcome | None:
        for worker in self._workers:
            if worker is None or worker.task is None or time.monotonic() < worker.deadline(self._timeout):
                continue
            if not worker.ready:
                self._replace(worker)
                raise BackendMissing(f"backend {self._name!r} did not start within {START_TIMEOUT:g} s")
            slow = worker.task.slow
            if slow is not None and slow < self._timeout:
                return self._lose(
                    worker, Cause.SLOW, f"stopped after {slow:.3g} s: more than six times the usual time of a trial"
                )
            return self._lose(worker, Cause.TIMEOUT, f"stopped: not finished after {self._timeout:g} s")
        return None

    def _lose(self, worker: Worker, cause: str, message: str) -> Outcome | None:
        worker.kill_group()
        task = worker.task
        outcome = None
        if task is not None:
            outcome = Outcome(task.number, cause=cause, message=message, log=_log(task.folder), seconds=task.seconds)
        self._replace(worker)
        return outcome

    def _replace(self, worker: Worker) -> None:
        worker.kill()
        self._workers[self._workers.index(worker)] = None


def _outcome(task: Task, ended: Ended) -> Outcome:
    saved: dict[str, bytes] = {}
    folder = task.folder / SAVED
    for path in sorted(folder.iterdir()) if ended.result is not None and folder.is_dir() else ():
        if path.is_file() and not path.is_symlink():
            saved[path.name] = path.read_bytes()
    return Outcome(
        number=task.number,
        result=ended.result,
        saved=saved,
        cause=ended.cause,
        message=ended.message or (f"files not saved: {ended.save_error}" if ended.save_error else ""),
        traceback=ended.traceback,
        log=_log(task.folder),
        seconds=task.seconds,
        recipe=ended.recipe,
    )


def _log(folder: Path) -> str:
    try:
        with (folder / LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))

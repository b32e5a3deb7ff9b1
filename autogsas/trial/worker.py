"""One worker process, as the host sees it: started, sent messages, listened to, and killed with its children."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from autogsas.model.advice import Guide
from autogsas.model.recipe import Recipe
from autogsas.trial.messages import Begin, MalformedMessage, Setup, TrialFolder, read_message, write_message

__all__ = ["START_TIMEOUT", "Gone", "Task", "Worker"]

# Seconds; GSAS-II imports in a few, more on a busy computer. Not measured.
START_TIMEOUT = 120.0
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)
# An engine allocates and frees arrays of the same sizes in each cycle. By default the C library returns their memory to
# the system each time, which takes a fifth of a trial's time; these settings make it keep the memory.
_KEEP_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": "536870912",
    "MALLOC_TOP_PAD_": "67108864",
    "MALLOC_MMAP_THRESHOLD_": "268435456",
}


@dataclass
class Task:
    number: int
    recipe: Recipe
    folder: Path
    hopeless: float | None = None
    slow: float | None = None
    guide: Guide | None = None
    started: float | None = None

    @property
    def seconds(self) -> float:
        return 0.0 if self.started is None else time.monotonic() - self.started


@dataclass(frozen=True)
class Gone:
    """The worker's pipe has ended."""


class Worker:
    """One child process with the thread that listens to it."""

    def __init__(self, setup: Setup, events: SimpleQueue[tuple[Worker | None, Any]]) -> None:
        self.task: Task | None = None
        self.ready = False
        self._born = time.monotonic()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed with the worker
        paths = [os.path.abspath(path) for path in sys.path]
        code = f"import sys; sys.path[:] = {paths!r}; from autogsas.trial.child import serve; serve()"
        environment = _KEEP_MEMORY | os.environ | dict.fromkeys(_THREADS, "1")
        environment |= {"PYTHONHASHSEED": "0", "MPLBACKEND": "Agg"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(setup, events), daemon=True).start()

    def deadline(self, trial_timeout: float) -> float:
        if self.task is None or self.task.started is None:
            return self._born + START_TIMEOUT if not self.ready else float("inf")
        return self.task.started + min(trial_timeout, self.task.slow or trial_timeout)

    def announce(self, folder: Path) -> None:
        """Send the process the folder that it must remove if the host dies."""
        self._send(TrialFolder(folder))

    def begin_when_ready(self) -> None:
        task = self.task
        if self.ready and task is not None:
            task.started = time.monotonic()
            self._send(Begin(task.number, task.recipe, task.folder, task.hopeless, task.guide))

    def drop_task(self) -> None:
        if self.task is not None:
            shutil.rmtree(self.task.folder, ignore_errors=True)
        self.task = None

    def status(self) -> str:
        """Return how the process ended after its pipe was closed."""
        try:
            return _status(self._process.wait(2.0))
        except subprocess.TimeoutExpired:
            return "it closed its pipe"

    def last_words(self) -> str:
        """Return the last line the process wrote before its first trial."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no output"

    def kill(self) -> None:
        self.kill_group()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._errors.close()
        self.drop_task()

    def kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):  # the listener notices a dead child
            write_message(self._process.stdin, message)

    def _listen(self, setup: Setup, events: SimpleQueue[tuple[Worker | None, Any]]) -> None:
        stream = self._process.stdout
        assert stream is not None
        self._send(setup)
        try:
            while True:
                events.put((self, read_message(stream)))
        except MalformedMessage as error:
            events.put((self, error))
        except (EOFError, OSError, ValueError):
            events.put((self, Gone()))


def _status(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name} (perhaps out of memory)" if name == "SIGKILL" else name

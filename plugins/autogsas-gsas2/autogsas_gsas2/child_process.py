"""The child process in GSAS-II's interpreter: one for each interpreter and host process, replaced if it fails."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from autogsas.errors import BackendError

from autogsas_gsas2 import protocol, serialisation
from autogsas_gsas2.child import launch
from autogsas_gsas2.discovery import Installation, child_environment

__all__ = ["START_TIMEOUT", "Child", "running_child"]

START_TIMEOUT = 120.0
"""Seconds allowed for the first import of GSAS-II, which is slow from a cold disk."""

_POLL_INTERVAL = 0.5
"""Seconds between checks that the child is alive while waiting for an answer."""

_CLOSE_TIMEOUT = 10.0
"""Seconds allowed for closing a trial, which takes milliseconds unless GSAS-II hangs."""

_LONGEST_LINE = 1 << 30
"""In bytes; a message with all curves of a large project is a few megabytes."""

T = TypeVar("T")

_children: dict[tuple[str, ...], Child] = {}


def running_child(installation: Installation) -> Child:
    """Return this process's child for an installation; it is started if there is none. Raises BackendError."""
    command = (str(installation.python), launch.__file__, installation.layout, installation.path)
    child = _children.get(command)
    if child is None or not child.ready:
        if child is not None:
            child.kill()
        child = _children[command] = Child(command, child_environment(installation.python))
    return child


class Child:
    """A child process, which gives one answer to each request. Not thread-safe.

    ``command`` starts it. Raises BackendError("engine-missing") if it does not start, for whatever reason.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str], timeout: float = START_TIMEOUT) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed together with the child
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._trial: int | None = None
        self._broken = False
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
                cwd=Path(command[0]).anchor or None,
            )
        except OSError as error:
            self._errors.close()
            raise BackendError("engine-missing", f"GSAS-II's interpreter cannot be started: {error}") from error
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.kill)
        try:
            self.hello = self._expect(protocol.Hello, self._answer(timeout))
            if self.hello.version != protocol.VERSION:
                message = (
                    f"the child uses version {self.hello.version} of the protocol and the host {protocol.VERSION}; "
                    "install the plugin again"
                )
                raise self._break("protocol", message)
        except BackendError as error:
            raise BackendError("engine-missing", str(error)) from error

    @property
    def ready(self) -> bool:
        """Whether it is alive and has no open trial."""
        return not self._broken and self._process.poll() is None and self._trial is None

    def open(self, request: protocol.Open) -> protocol.Opened:
        """Open a trial. Raises BackendError as `request` does."""
        self._trial = 0
        opened = self.request(request, protocol.Opened)
        self._trial = opened.pid
        return opened

    def request(self, message: object, expected: type[T]) -> T:
        """Send a message and return the answer.

        Raises BackendError with the cause that the child reports, "engine-died" if the child has ended, or "protocol"
        if the answer is not the expected message.
        """
        if self._broken:
            raise BackendError("engine-died", "GSAS-II's process has ended")
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(serialisation.encode(message))
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._died() from error
        return self._expect(expected, self._answer(None))

    def close(self) -> None:
        """Close the open trial; the child is killed if it does not answer within 10 s."""
        if self._trial is None or self._broken:
            return
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(serialisation.encode(protocol.Close()))
            self._process.stdin.flush()
            self._expect(protocol.Closed, self._answer(_CLOSE_TIMEOUT))
            self._trial = None
        except (BackendError, OSError, ValueError):
            self.kill()

    def kill(self) -> None:
        """Kill the child and its open trial. May be called twice."""
        atexit.unregister(self.kill)
        self._broken = True
        if self._trial and self._trial != self._process.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._trial, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._trial = None
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._errors.close()

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            for line in iter(lambda: stream.readline(_LONGEST_LINE), b""):
                self._lines.put(line)
        self._lines.put(b"")

    def _answer(self, timeout: float | None) -> Any:
        """Return the next message, at the latest after ``timeout`` seconds. Raises BackendError.

        A process that has ended while a process of its own keeps the pipe open is noticed, too.
        """
        waited = 0.0
        while True:
            ended = self._process.poll() is not None
            try:
                line = self._lines.get(timeout=_POLL_INTERVAL)
            except queue.Empty:
                waited += _POLL_INTERVAL
                if ended:
                    raise self._died() from None
                if timeout is not None and waited >= timeout:
                    raise self._break("engine-hangs", f"GSAS-II did not answer within {timeout:g} s") from None
                continue
            if not line:
                raise self._died()
            try:
                return serialisation.decode(line)
            except serialisation.ProtocolError as error:
                raise self._break("protocol", str(error)) from error

    def _expect(self, expected: type[T], answer: Any) -> T:
        if isinstance(answer, protocol.Failed):
            if answer.cause in ("engine-died", "engine-missing", "protocol"):
                # The trial's own process has ended, or the two sides are out of step: the child is of no use any more.
                self._trial = None
                self.kill()
            raise BackendError(answer.cause, answer.message)
        if not isinstance(answer, expected):
            raise self._break("protocol", f"the child sent {type(answer).__name__} instead of {expected.__name__}")
        return answer

    def _died(self) -> BackendError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.poll()
        if code is None:
            how = "it closed its output"
        elif code < 0:
            how = f"killed by signal {-code}"
        else:
            how = f"exit status {code}"
        return self._break("engine-died", f"GSAS-II's process has ended: {how}{self._last_error_line()}")

    def _last_error_line(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"; {lines[-1][:200]}" if lines else ""

    def _break(self, cause: str, message: str) -> BackendError:
        self.kill()
        return BackendError(cause, message)

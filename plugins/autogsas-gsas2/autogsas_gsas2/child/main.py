"""The child's main loop: it imports GSAS-II once and forks for each trial.

So a trial can be killed, and leaves nothing behind in memory. Without fork (Windows) the trials run one after the other
in this process, with the same results.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from autogsas_gsas2 import protocol, serialisation
from autogsas_gsas2.child import gsas, last_refinement, readback, saving, setup, steps, wrappers
from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.model import Model

__all__ = ["serve"]


def serve(layout: str, path: str) -> None:
    """Serve trials until standard input ends.

    Standard input and output are the pipes to the host; what GSAS-II prints is sent elsewhere.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    try:
        loaded = gsas.load(layout, path)
        notes: list[str] = []
        wrappers.install(_logger(notes))
    except BaseException as error:
        # An incomplete installation of GSAS-II may raise anything; the host reports it.
        _send(answers, protocol.Failed("engine-missing", _one_line(error), traceback.format_exc()))
        raise
    version = sys.version.split()[0]
    _send(answers, protocol.Hello(protocol.VERSION, loaded.version, version, os.getpid(), notes))
    while True:
        request = _receive(requests)
        if request is None:
            return
        if not isinstance(request, protocol.Open):
            _send(answers, protocol.Failed("protocol", f"request {type(request).__name__} before a project was opened"))
        elif hasattr(os, "fork"):
            _fork(loaded, request, requests, answers)
        else:
            _trial(loaded, request, requests, answers)


def _logger(notes: list[str]) -> Callable[[str], None]:
    """Return the function that takes log lines of the wrappers: for the host at the start, and for the trial's log."""

    def log(line: str) -> None:
        notes.append(line)
        print(line, file=sys.stderr)

    return log


def _fork(loaded: gsas.Gsas, request: protocol.Open, requests: BinaryIO, answers: BinaryIO) -> None:
    # Request and answer alternate, so no buffer holds unread data when the fork takes over the pipes.
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _trial(loaded, request, requests, answers)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        message = f"the trial's process was killed by signal {os.WTERMSIG(status)}"
        _send(answers, protocol.Failed("engine-died", message))
    elif os.WEXITSTATUS(status) != 0:
        _send(
            answers,
            protocol.Failed("engine-died", f"the trial's process ended with exit status {os.WEXITSTATUS(status)}"),
        )


def _trial(loaded: gsas.Gsas, request: protocol.Open, requests: BinaryIO, answers: BinaryIO) -> None:
    """Serve one trial until it is closed."""
    with _printing_to(request.log):
        model = _answer(answers, lambda: _open(loaded, request))
        while True:
            wanted = _receive(requests)
            if wanted is None or isinstance(wanted, protocol.Close):
                break
            if model is None:
                _send(answers, protocol.Failed("protocol", "the project could not be opened"))
            else:
                _answer(answers, lambda: _do(model, wanted))  # noqa: B023  called before `wanted` changes
    if wanted is not None:
        _send(answers, protocol.Closed())


def _open(loaded: gsas.Gsas, request: protocol.Open) -> tuple[Any, Model]:
    model = setup.open_model(loaded, request)
    return protocol.Opened(os.getpid(), model.notes), model


def _do(model: Model, wanted: Any) -> tuple[Any, Model]:
    if isinstance(wanted, protocol.Refine):
        return steps.run(model, wanted.step), model
    if isinstance(wanted, protocol.ReadLastRefinement):
        return last_refinement.load_last_refinement(model), model
    if isinstance(wanted, protocol.Read):
        return readback.read(model), model
    if isinstance(wanted, protocol.Save):
        return saving.save(model, wanted), model
    raise Failure("protocol", f"unexpected request {type(wanted).__name__}")


def _answer(answers: BinaryIO, work: Callable[[], tuple[Any, Model]]) -> Model | None:
    try:
        answer, model = work()
    except Failure as error:
        _send(answers, protocol.Failed(error.cause, str(error), traceback.format_exc()))
        return None
    except MemoryError as error:
        _send(answers, protocol.Failed("out-of-memory", _one_line(error), traceback.format_exc()))
        return None
    except BaseException as error:  # noqa: BLE001  GSAS-II may raise anything; the host gets message and traceback
        with contextlib.suppress(OSError):  # the disk of the log may be full
            traceback.print_exc()
        cause = "disk-full" if _is_full(error) else "engine-error"
        _send(answers, protocol.Failed(cause, _one_line(error), traceback.format_exc()))
        return None
    _send(answers, answer)
    return model


def _receive(requests: BinaryIO) -> Any:
    line = requests.readline()
    return serialisation.decode(line) if line.endswith(b"\n") else None


def _send(answers: BinaryIO, message: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # the host has ended
        answers.write(serialisation.encode(message))
        answers.flush()


@contextlib.contextmanager
def _printing_to(log: str) -> Any:
    """Redirect standard output and error to the trial's log."""
    before = os.dup(2)
    try:
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError:  # a full disk; the refinement will fail with that cause
        target = os.open(os.devnull, os.O_WRONLY)
    _redirect(target)
    try:
        yield
    finally:
        _redirect(before)


def _redirect(target: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    for number in (1, 2):
        os.dup2(target, number)
    os.close(target)


def _is_full(error: BaseException | None) -> bool:
    """Return whether the disk was full, also if GSAS-II raised another error because of that."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

"""One trial in the child process: open the session, refine step by step, send the result back over a pipe.

`serve` is the main function of a worker process.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from autogsas.errors import BackendError
from autogsas.guide.guided import guided_refinement
from autogsas.hooks.backend import Backend
from autogsas.hooks.host import load_file
from autogsas.model.project import Project
from autogsas.model.result import Result, StepResult
from autogsas.model.trial import Cause
from autogsas.trial.messages import Begin, Ended, Ready, StepDone, TrialFolder, read_message, write_message
from autogsas.trial.pruning import decisive_step

__all__ = ["LOG", "SAVED", "copies", "relocate", "run_trial", "serve"]

LOG = "engine.log"
SAVED = "saved"


def copies(project: Project, folder: Path) -> dict[Path, Path]:
    """Return the path of the copy in ``folder`` of each of the project's files; equal names get a number."""
    files = dict.fromkeys((*project.files, *((project.file,) if project.file is not None else ())))
    taken: dict[str, int] = {}
    out: dict[Path, Path] = {}
    for file in files:
        key = file.name.casefold()
        count = taken[key] = taken.get(key, 0) + 1
        out[file] = folder / (file.name if count == 1 else f"{count}-{file.name}")
    return out


def relocate(project: Project, folder: Path) -> Project:
    """Return the project with all its paths changed to the copies in ``folder``."""
    folders = copies(project, folder)
    return replace(
        project,
        histograms=tuple(replace(h, files=tuple(folders[file] for file in h.files)) for h in project.histograms),
        phase_files=tuple(folders[file] for file in project.phase_files),
        file=None if project.file is None else folders[project.file],
        plugins=(),
        originals=tuple((copy, user) for user, copy in folders.items()),
    )


def run_trial(backend: Backend, project: Project, begin: Begin, step_done: Callable[[StepDone], None]) -> Ended:
    """Run one recipe in its folder and return how it ended; the engine's own files are saved under ``SAVED``.

    Any exception of the engine becomes a cause: a `BackendError`'s own, "out-of-memory", "disk-full" or
    "engine-error". "pruned" is a trial stopped early because ``begin.hopeless`` asks for it.
    """
    session = None
    try:
        here = relocate(project, begin.folder)
        if begin.guide is not None:
            found = guided_refinement(
                here,
                begin.guide,
                lambda: backend.open(here, begin.folder),
                lambda step: step_done(StepDone(begin.number, step)),
            )
            session = found.session
            error = _save(session, begin.folder / SAVED)
            return Ended(begin.number, found.result, save_error=error, recipe=found.recipe)
        session = backend.open(here, begin.folder)
        decisive = decisive_step(begin.recipe)
        for index, step in enumerate(begin.recipe.steps, start=1):
            done = session.refine(step)
            if not isinstance(done, StepResult):
                raise BackendError(Cause.PROTOCOL, f"Session.refine returned {type(done).__name__}, not a StepResult")
            step_done(StepDone(begin.number, done))
            if index == decisive and begin.hopeless is not None and done.full_rwp > begin.hopeless:
                return Ended(begin.number, cause=Cause.PRUNED, message=_stopped(done.full_rwp, begin.hopeless))
        result = session.result()
        if not isinstance(result, Result):
            raise BackendError(Cause.PROTOCOL, f"Session.result returned {type(result).__name__}, not a Result")
        return Ended(begin.number, result, save_error=_save(session, begin.folder / SAVED))
    except (Exception, SystemExit) as error:  # noqa: BLE001  the one place that isolates a backend: an engine may raise anything
        cause, message = _cause(error)
        return Ended(begin.number, cause=cause, message=message, traceback=traceback.format_exc())
    finally:
        if session is not None:
            _close(session)


def _stopped(rwp: float, hopeless: float) -> str:
    return (
        f"stopped early, before its steps to convergence, at Rwp {rwp:.2f} % over the full range: trials with "
        f"Rwp above {hopeless:.2f} % at this step never came close to the best"
    )


def _save(session: Any, folder: Path) -> str:
    folder.mkdir()
    try:
        session.save(folder)
    except Exception as error:  # an engine may raise anything when it saves
        # The fit is kept without the engine's files; a message says that they are missing.
        if _cause(error)[0] in (Cause.DISK_FULL, Cause.OUT_OF_MEMORY):
            raise
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return ""


def _close(session: Any) -> None:
    try:
        session.close()
    except Exception:  # noqa: BLE001  the trial has ended; an engine's error on closing goes to its log
        traceback.print_exc()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _cause(error: BaseException) -> tuple[str, str]:
    for link in _chain(error):
        if isinstance(link, MemoryError):
            return Cause.OUT_OF_MEMORY, f"out of memory: {error}"
        if isinstance(link, OSError) and link.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            return Cause.DISK_FULL, f"no space left in the trial's folder: {error}"
    if isinstance(error, BackendError):
        return error.cause, str(error)
    if isinstance(error, SystemExit):
        return Cause.ENGINE_ERROR, f"the engine called sys.exit({error.code!r})"
    return Cause.ENGINE_ERROR, f"{type(error).__name__}: {error}"


def serve() -> None:
    """Serve trials until standard input ends: the body of a worker process.

    Standard input and output of the process are the pipe; what an engine prints goes to a log file, and it reads
    nothing. When the host dies, the current trial's folder is removed and the whole process group ends.
    """
    faulthandler.enable()
    commands, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(commands, inbox), daemon=True).start()
    setup = inbox.get()
    try:
        for file in setup.hook_files:
            load_file(file)
        backend, project = pickle.loads(setup.pickled)
    except Exception as error:  # noqa: BLE001  importing a plugin's backend may raise anything; the host reports it
        traceback.print_exc()
        write_message(answers, Ready(f"{type(error).__name__}: {error}"))
        return
    write_message(answers, Ready())
    home = Path.cwd()
    while True:
        begin = inbox.get()
        with _inside(begin.folder, home):
            ended = run_trial(backend, project, begin, lambda message: write_message(answers, message))
            try:
                write_message(answers, ended)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                write_message(answers, Ended(begin.number, cause=Cause.PROTOCOL, message=f"the result: {error}"))


def _listen(commands: BinaryIO, inbox: SimpleQueue[Any]) -> None:
    folder: Path | None = None
    with contextlib.suppress(EOFError):
        while True:
            message = read_message(commands)
            if isinstance(message, TrialFolder):
                folder = message.folder
            else:
                inbox.put(message)
    for _ in range(3):  # the engine may still be writing there
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


@contextlib.contextmanager
def _inside(folder: Path, home: Path) -> Iterator[None]:
    """Work in the trial's folder; its log and its temporary files are there too."""
    before = os.dup(2)
    try:
        log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError:  # a full disk: the engine will fail too
        log = os.open(os.devnull, os.O_WRONLY)
    _redirect(log)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = str(folder)
    os.chdir(folder)
    try:
        yield
    finally:
        _redirect(before)
        os.chdir(home)


def _redirect(target: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # on a full disk the last lines of the log are lost
            stream.flush()
    for fd in (1, 2):
        os.dup2(target, fd)
    os.close(target)

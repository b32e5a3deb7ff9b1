"""Messages between the host and its worker processes.

Each message is one of the frozen classes below, pickled, after a mark and its length, so that anything else on the pipe
is recognised.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from autogsas.model.advice import Guide
from autogsas.model.recipe import Recipe
from autogsas.model.result import Result, StepResult

__all__ = [
    "Begin",
    "Ended",
    "MalformedMessage",
    "Ready",
    "Setup",
    "StepDone",
    "TrialFolder",
    "read_message",
    "write_message",
]

_MARK = b"AGS1"
_HEAD = struct.Struct(">4sQ")
_LARGEST = 2**31


class MalformedMessage(Exception):
    """The pipe contains something that is not a message."""


@dataclass(frozen=True)
class Setup:
    """First message to a worker: files of hooks to load, then the pickled (backend, project)."""

    hook_files: tuple[Path, ...]
    pickled: bytes


@dataclass(frozen=True)
class Ready:
    """The worker is ready; ``error`` is why it is not."""

    error: str = ""


@dataclass(frozen=True)
class TrialFolder:
    """The folder of the next trial, which the worker removes if the host dies."""

    folder: Path


@dataclass(frozen=True)
class Begin:
    """Run one trial in ``folder``, which holds copies of the project's files.

    With a ``guide`` the trial finds its recipe itself, and ``recipe`` is how it begins. ``hopeless`` is a full-range
    Rwp in per cent: a trial above it before its decisive step is stopped early.
    """

    number: int
    recipe: Recipe
    folder: Path
    hopeless: float | None = None
    guide: Guide | None = None


@dataclass(frozen=True)
class StepDone:
    """One step of a trial has finished."""

    number: int
    step: StepResult


@dataclass(frozen=True)
class Ended:
    """A trial has ended: with a result, or with ``cause`` and details.

    ``recipe`` is the one that a guided trial found.
    """

    number: int
    result: Result | None = None
    cause: str = ""
    message: str = ""
    traceback: str = ""
    save_error: str = ""
    recipe: Recipe | None = None


def write_message(stream: IO[bytes], message: object) -> None:
    """Write one message. If pickle raises an exception, nothing is written."""
    data = pickle.dumps(message)
    stream.write(_HEAD.pack(_MARK, len(data)) + data)
    stream.flush()


def read_message(stream: IO[bytes]) -> Any:
    """Read one message. Raises EOFError at the end and MalformedMessage for anything that is not a message."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    mark, size = _HEAD.unpack(head)
    if mark != _MARK or size > _LARGEST:
        raise MalformedMessage(f"unexpected bytes on the worker's pipe: {head!r}")
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    try:
        return pickle.loads(data)
    except Exception as error:  # unpickling a plugin's object may raise anything
        raise MalformedMessage(f"a message that cannot be unpickled: {type(error).__name__}: {error}") from error

"""Replace a file in one step, so that a reader never sees half of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from autogsas.errors import UserError

__all__ = ["check_place", "replace_file"]


def check_place(file: Path) -> None:
    """Raise UserError where `replace_file` could not write ``file``; call it before a long computation."""
    if file.is_dir():
        raise UserError("cannot be written: Is a directory", file=file)
    temporary = _temporary(file)
    try:
        temporary.touch()
        temporary.unlink()
    except OSError as error:
        raise _cannot_write(file, error) from error


def replace_file(file: Path, content: str | bytes) -> None:
    """Replace ``file`` by ``content`` in one step, a text as UTF-8. Raises UserError if it cannot be written."""
    temporary = _temporary(file)
    try:
        # A name from the file system may hold bytes that are not text; the page is written all the same.
        temporary.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)
        temporary.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _cannot_write(file, error) from error


def _temporary(file: Path) -> Path:
    return file.with_name(f".{file.name}.{os.getpid()}.part")


def _cannot_write(file: Path, error: OSError) -> UserError:
    return UserError(f"cannot be written: {error.strerror or error}", file=file)

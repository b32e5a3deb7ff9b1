"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from autogsas.errors import UserError

__all__ = ["check_place", "replace_file"]


def check_place(file: Path) -> None:
    """Raise UserError where no file can be put there, as `replace_file` would; for asking before the work is done."""
    if file.is_dir():
        raise UserError("cannot be written: Is a directory", file=file)
    fresh = _fresh(file)
    try:
        fresh.touch()
        fresh.unlink()
    except OSError as error:
        raise _unwritable(file, error) from error


def replace_file(file: Path, content: str | bytes) -> None:
    """Put ``content`` in place of the file at once, a text as UTF-8. Raises UserError where it cannot be written."""
    fresh = _fresh(file)
    try:
        # A name from the file system may hold bytes that are no text; they must not cost the page.
        fresh.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)
        fresh.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise _unwritable(file, error) from error


def _fresh(file: Path) -> Path:
    return file.with_name(f".{file.name}.{os.getpid()}.part")


def _unwritable(file: Path, error: OSError) -> UserError:
    return UserError(f"cannot be written: {error.strerror or error}", file=file)

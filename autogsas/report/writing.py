"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from autogsas.errors import UserError

__all__ = ["replace_text"]


def replace_text(file: Path, text: str) -> None:
    """Put ``text`` in place of the file at once, as UTF-8. Raises UserError where it cannot be written."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        # A name from the file system may hold bytes that are no text; they must not cost the page.
        fresh.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        fresh.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise UserError(f"cannot be written: {error.strerror or error}", file=file) from error

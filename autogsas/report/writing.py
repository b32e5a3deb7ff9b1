"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from autogsas.errors import UserError

__all__ = ["replace_file"]


def replace_file(file: Path, content: str | bytes) -> None:
    """Put ``content`` in place of the file at once, a text as UTF-8. Raises UserError where it cannot be written."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        # A name from the file system may hold bytes that are no text; they must not cost the page.
        fresh.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)
        fresh.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise UserError(f"cannot be written: {error.strerror or error}", file=file) from error

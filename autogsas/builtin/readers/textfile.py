"""Read a file of unknown encoding as bytes, text or lines."""

from __future__ import annotations

from pathlib import Path

from autogsas.errors import UserError

__all__ = ["is_binary", "read_bytes", "read_lines", "read_text"]


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Return the file's bytes (the first ``limit`` of them). Raises UserError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read() if limit is None else stream.read(limit)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", file=path) from error


def is_binary(data: bytes) -> bool:
    """Return whether bytes are not text: they have NUL bytes but no UTF-16 byte order mark."""
    return b"\x00" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff"))


def read_text(path: Path) -> str:
    """Return a file as text: UTF-16 if marked, else UTF-8, else Latin-1. Raises UserError for binary files."""
    data = read_bytes(path)
    if is_binary(data):
        raise UserError("the file is binary, not text", file=path)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file with any line ending. Raises UserError for binary files.

    ``str.splitlines`` would also split at a Latin-1 ellipsis in a title.
    """
    return read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")

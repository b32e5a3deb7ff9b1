"""The exceptions of the package, grouped by who can correct them, each with the exit status of the command.

A `UserError` is one line of text, always in this order, parts that are unknown left out::

    FILE:LINE: KEY: what is wrong; found 'VALUE'; allowed: NAMES; did you mean 'NAME'?

for example ``project.yaml:14: search.sampler: unknown value; found 'tep'; allowed: tpe, random; did you mean 'tpe'?``
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["AutogsasError", "BackendError", "BackendMissing", "PluginError", "UserError", "nearest"]


def nearest(found: str, allowed: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """Return the allowed name closest to ``found``, ignoring case; None if no similarity reaches ``cutoff``."""
    folded = {name.casefold(): name for name in allowed}
    hits = difflib.get_close_matches(found.casefold(), folded, n=1, cutoff=cutoff)
    return folded[hits[0]] if hits else None


class AutogsasError(Exception):
    """Base class of all errors that this package raises on purpose."""

    exit_status = 1


class UserError(AutogsasError):
    """A mistake in the user's input (exit 2); its text is one line.

    ``file``, ``line`` (counted from 1) and ``key`` locate the mistake. ``found`` is the wrong value. ``allowed``
    describes the right ones; from a list of names the nearest one is suggested.
    """

    exit_status = 2

    def __init__(
        self,
        message: str,
        *,
        file: object = None,
        line: int | None = None,
        key: str | None = None,
        found: object = None,
        allowed: str | Iterable[str] | None = None,
    ) -> None:
        self.message = message
        self.file = None if file is None else str(file)
        self.line = line
        self.key = key
        self.found = None if found is None else str(found)
        self.nearest: str | None = None
        if allowed is None or isinstance(allowed, str):
            self.allowed = allowed
        else:
            names = list(allowed)
            self.allowed = ", ".join(names)
            if self.found is not None:
                self.nearest = nearest(self.found, names)
        super().__init__(self._text())

    def locate(self, file: object, line: int | None) -> None:
        """Add the place of the mistake, for code that learns it later than the mistake."""
        self.file, self.line = str(file), line
        self.args = (self._text(),)

    def _text(self) -> str:
        place = self.file
        if place is not None and self.line is not None:
            place = f"{place}:{self.line}"
        text = ": ".join(part for part in (place, self.key, self.message) if part)
        if self.found is not None:
            text += f"; found {_short(self.found)}"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.nearest is not None and self.nearest != self.found:
            text += f"; did you mean {self.nearest!r}?"
        return " ".join(text.split())


class PluginError(UserError):
    """A plugin that the user asked for cannot be loaded, or breaks the contract of its hook."""


class BackendMissing(AutogsasError):
    """The refinement program is not installed or does not work (exit 3)."""

    exit_status = 3


class BackendError(AutogsasError):
    """An engine failed in one trial; ``cause`` is a short fixed word, the text describes what happened."""

    def __init__(self, cause: str, message: str) -> None:
        self.cause = cause
        super().__init__(message)

    def __reduce__(self) -> tuple[type[BackendError], tuple[str, str]]:
        return (BackendError, (self.cause, str(self)))


def _short(text: str, limit: int = 120) -> str:
    shown = repr(text)
    return shown if len(shown) <= limit else shown[: limit - 4] + "...'"

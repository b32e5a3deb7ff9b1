"""What can go wrong, by whose doing: the user's (exit 2), a missing backend's (exit 3), one trial's."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["AutogsasError", "BackendError", "BackendMissing", "PluginError", "UserError", "nearest"]


def nearest(found: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name closest to what was found, or None where nothing is close."""
    names = list(allowed)
    folded = {name.casefold(): name for name in names}
    hits = difflib.get_close_matches(found.casefold(), folded, n=1, cutoff=0.5)
    return folded[hits[0]] if hits else None


class AutogsasError(Exception):
    """The root of all errors this package raises on purpose."""

    exit_status = 1


class UserError(AutogsasError):
    """A mistake in what the user gave; its text is one line that says where, what was found and what is allowed.

    ``file`` and ``key`` locate the mistake, ``found`` is the offending value, ``allowed`` says what would be
    right (a list of names also gives the nearest one).
    """

    exit_status = 2

    def __init__(
        self,
        message: str,
        *,
        file: object = None,
        key: str | None = None,
        found: object = None,
        allowed: str | Iterable[str] | None = None,
    ) -> None:
        self.message = message
        self.file = None if file is None else str(file)
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
        super().__init__(self._line())

    def _line(self) -> str:
        where = ": ".join(part for part in (self.file, self.key) if part)
        text = f"{where}: {self.message}" if where else self.message
        if self.found is not None:
            text += f"; found {_short(self.found)}"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.nearest is not None and self.nearest != self.found:
            text += f"; did you mean {self.nearest!r}?"
        return " ".join(text.split())


class PluginError(UserError):
    """A plugin the user asked for cannot be loaded or does not keep the contract."""


class BackendMissing(AutogsasError):
    """The refinement program asked for is not there or does not work (exit 3)."""

    exit_status = 3


class BackendError(AutogsasError):
    """An engine failed inside one trial; ``cause`` is a short stable word, the text says what happened."""

    def __init__(self, cause: str, message: str) -> None:
        self.cause = cause
        super().__init__(message)

    def __reduce__(self) -> tuple[type[BackendError], tuple[str, str]]:
        return (BackendError, (self.cause, str(self)))


def _short(text: str, limit: int = 120) -> str:
    shown = repr(text)
    return shown if len(shown) <= limit else shown[: limit - 4] + "...'"

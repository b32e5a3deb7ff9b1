"""The one exception of the child: what the host is told of a trial that failed."""

from __future__ import annotations

__all__ = ["Failure"]


class Failure(Exception):
    """GSAS-II failed, or did nothing; ``cause`` is a short stable word."""

    def __init__(self, cause: str, message: str) -> None:
        self.cause = cause
        super().__init__(" ".join(message.split()))

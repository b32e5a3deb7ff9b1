"""The exception that ends a trial in the child."""

from __future__ import annotations

__all__ = ["Failure"]


class Failure(Exception):
    """GSAS-II failed or did not refine; ``cause`` is a short stable word, the text is one line."""

    def __init__(self, cause: str, message: str) -> None:
        self.cause = cause
        super().__init__(" ".join(message.split()))

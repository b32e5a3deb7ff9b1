"""Ctrl-C and SIGTERM end a run in an orderly way."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

__all__ = ["stop_signals"]


@contextlib.contextmanager
def stop_signals(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call ``interrupt`` on the first Ctrl-C or SIGTERM; a second one has its usual effect.

    Outside the main thread signals cannot be caught, and nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(number: int, frame: object) -> None:
        restore()
        interrupt()

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()

"""Measurements in separate processes on one thread, and the growth of a cost with a size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MARK", "ROOT", "Failed", "answer", "one_thread", "report", "slope"]

ROOT = Path(__file__).parents[2]
MARK = "MEASURED "
_TIMEOUT = 600.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


class Failed(Exception):
    """A measuring process ended without a result."""


def one_thread() -> dict[str, str]:
    """Return the environment with linear algebra on one thread."""
    return dict(os.environ) | dict.fromkeys(_THREADS, "1")


def answer(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the result of a measuring process. Raises Failed with the last line of its messages."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            cwd=ROOT,
            env=environment or one_thread(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)) from error
    marked = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not marked:
        messages = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise Failed(f"status {done.returncode}: {messages[-1].strip()[:300]}")
    found: dict[str, Any] = json.loads(marked[-1].removeprefix(MARK))
    return found


def report(name: str, *arguments: str) -> dict[str, Any]:
    """Return the result of a module of this folder, run in a new process of this interpreter. Raises Failed."""
    return answer([sys.executable, "-m", f"tests.benchmarks.{name}", *arguments])


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the exponent of the growth of cost with size: the slope of a line through their logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])

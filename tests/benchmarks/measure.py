"""Measuring in processes of their own, on one thread, and how a cost grows with a size."""

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
    """A process that measures ended without an answer."""


def one_thread() -> dict[str, str]:
    """Return the environment with linear algebra on one thread."""
    return dict(os.environ) | dict.fromkeys(_THREADS, "1")


def answer(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what a process measured. Raises Failed with its last words."""
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
        words = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise Failed(f"status {done.returncode}: {words[-1].strip()[:300]}")
    found: dict[str, Any] = json.loads(marked[-1].removeprefix(MARK))
    return found


def report(name: str, *arguments: str) -> dict[str, Any]:
    """Return what a module of this folder measures in a fresh process of this interpreter. Raises Failed."""
    return answer([sys.executable, "-m", f"tests.benchmarks.{name}", *arguments])


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power of size with which cost grows: the slope of a straight line through their logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])

"""The peak memory of processes. Only the standard library: every engine's interpreter can run it."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

__all__ = ["descendants_peak", "own_peak"]


def own_peak() -> float:
    """Return the peak resident memory of this process so far, in MB.

    `ru_maxrss` of a process that was started by another holds the other's peak too, so it is the second choice.
    """
    found = _peak("self")
    if found is not None:
        return found
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if unit == 1e6 else 1.024) / unit


def descendants_peak() -> float | None:
    """Return the highest peak, in MB, of all living processes started from this one; None where there is no /proc."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.parent.name)] = int(fields[1])
    ours = {os.getpid()}
    while grown := {child for child, parent in parents.items() if parent in ours} - ours:
        ours |= grown
    peaks = [_peak(str(process)) for process in ours - {os.getpid()}]
    return max((peak for peak in peaks if peak is not None), default=None)


def _peak(process: str) -> float | None:
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) * 1.024e-3
    return None

"""Writers of GSAS raw records, for the tests of the reader and for the numbers GSAS-II gave for them."""

from __future__ import annotations

from collections.abc import Sequence


def _records(cells: Sequence[str], per_line: int) -> str:
    lines = ["".join(cells[i : i + per_line]).ljust(80) for i in range(0, len(cells), per_line)]
    return "\r\n".join(lines) + "\r\n"


def _bank(kind: str, n: int, per_line: int, start: float, step: float, number: int) -> str:
    records = -(-n // per_line)
    centidegrees = f"{100 * start:.10g} {100 * step:.10g}"
    return f"BANK {number} {n} {records} CONST {centidegrees} 0 0 {kind}".ljust(80) + "\r\n"


def std(
    counts: Sequence[int], detectors: Sequence[int] | None = None, start=10.0, step=0.05, number=1, kind="STD"
) -> str:
    marks = ["  "] * len(counts) if detectors is None else [f"{item:2d}" for item in detectors]
    cells = [f"{mark}{count:6d}" for mark, count in zip(marks, counts, strict=True)]
    return _bank(kind, len(counts), 10, start, step, number) + _records(cells, 10)


def esd(y: Sequence[float], e: Sequence[float], start=10.0, step=0.05, number=1) -> str:
    cells = [f"{value:8.2f}{error:8.3f}" for value, error in zip(y, e, strict=True)]
    return _bank("ESD", len(y), 5, start, step, number) + _records(cells, 5)


def fxye(x: Sequence[float], y: Sequence[float], e: Sequence[float] | None = None, number=1) -> str:
    kind = "FXY" if e is None else "FXYE"
    errors = [""] * len(x) if e is None else [f" {item:.6f}" for item in e]
    lines = [f"{100 * a:.6f} {b:.4f}{c}" for a, b, c in zip(x, y, errors, strict=True)]
    return _bank(kind, len(x), 1, x[0], 0.0, number) + "\r\n".join(lines) + "\r\n"


def alt(x: Sequence[float], y: Sequence[float], e: Sequence[float], number=1) -> str:
    cells = [f"{round(3200 * a):8d}{round(1000 * b):7d}{round(1000 * c):5d}" for a, b, c in zip(x, y, e, strict=True)]
    return _bank("ALT", len(x), 4, x[0], 0.0, number) + _records(cells, 4)


def sample() -> dict[str, str]:
    """Return one file of each type: 53 points on a slope with a bump, whole counts for STD."""
    n = 53
    x = [10.0 + 0.05 * i for i in range(n)]
    counts = [150 + 3 * i + (400 if 20 <= i < 26 else 0) for i in range(n)]
    y = [0.5 * c for c in counts]
    e = [0.7 * c**0.5 for c in counts]
    small = [c / 100 for c in y]
    title = "a made-up pattern".ljust(80) + "\r\n"
    return {
        "std": title + std(counts),
        "detectors": title + std(counts, [1 + i % 10 for i in range(n)]),
        "esd": title + esd(y, e),
        "fxye": title + fxye(x, y, e),
        "fxy": title + fxye(x, y),
        "alt": title + alt(x, small, [c**0.5 / 10 for c in small]),
    }

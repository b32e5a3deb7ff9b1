"""What the readers of patterns share: text out of a file, and measured points into a clean `Pattern`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from autogsas.errors import UserError
from autogsas.model.pattern import Pattern, counting_weights

__all__ = ["is_binary", "make_pattern", "read_bytes", "read_lines", "read_text"]

Array = npt.NDArray[np.float64]

IMPOSSIBLE_ZERO = 20.0
"""Counts beside a zero above which the zero was not counted: its Poisson probability is below exp(-20) = 2e-9."""


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Return the file's bytes (the first ``limit`` of them). Raises UserError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read() if limit is None else stream.read(limit)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", file=path) from error


def is_binary(data: bytes) -> bool:
    """Return whether bytes are no text: NUL bytes that no UTF-16 mark explains."""
    return b"\x00" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff"))


def read_text(path: Path) -> str:
    """Return the file as text: UTF-16 with its mark, else UTF-8, else Latin-1. Raises UserError for binary files."""
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
    """Return the lines of a text file, whatever ends them. Raises UserError for binary files.

    Not by ``str.splitlines``, to which a Latin-1 ellipsis in a title ends a line too.
    """
    return read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def make_pattern(
    path: Path,
    x: Array,
    y: Array,
    *,
    esds: Array | None = None,
    variance_per_count: Array | float = 1.0,
    notes: tuple[str, ...] = (),
    name: str | None = None,
) -> Pattern:
    """Return a clean pattern of measured points: in order, finite, weighted, with notes on all that was mended.

    ``x`` in degrees 2theta, ``y`` and ``esds`` of shape (n,). Without ``esds`` the variance of a point is
    ``variance_per_count`` times its intensity (1 for plain counts, 1/m for a mean of m detectors, the factor
    itself for counts multiplied by it). Raises UserError for repeated positions, for positions that are no angles,
    and where no point can be used.
    """
    said = list(notes)
    factor = np.broadcast_to(np.asarray(variance_per_count, dtype=float), y.shape)
    keep = np.isfinite(x)
    _say(said, np.count_nonzero(~keep), "without a position left out")
    if np.any(x[keep] > 180.0):
        raise UserError(
            "the positions are not degrees 2theta; time-of-flight, energy and channel data are not supported",
            file=path,
            found=f"{np.max(x[keep]):g}",
            allowed="angles up to 180",
        )
    behind = keep & (x <= 0.0)
    _say(said, np.count_nonzero(behind), "at or below 0 degrees left out")
    keep &= ~behind
    order = np.flatnonzero(keep)
    if np.any(np.diff(x[order]) < 0):
        order = order[np.argsort(x[order], kind="stable")]
        said.append("the points were not in order of 2theta and were sorted")
    x, y, factor = x[order], y[order], factor[order]
    esds = None if esds is None else esds[order]
    if x.size < 2:
        raise UserError("no pattern in the file: fewer than two points", file=path, found=str(x.size))
    repeated = np.flatnonzero(np.diff(x) == 0)
    if repeated.size:
        raise UserError(
            "a position occurs twice", file=path, found=f"2theta = {x[repeated[0]]:g}", allowed="each position once"
        )
    y, weights, source = _weigh(y, esds, factor, said)
    if not np.any((weights > 0) & (y != 0)):
        raise UserError("no point of the pattern has an intensity that can be used", file=path)
    return Pattern(name or path.stem, x, y, weights, source, tuple(said))


def _weigh(y: Array, esds: Array | None, factor: Array, said: list[str]) -> tuple[Array, Array, str]:
    finite = np.isfinite(y)
    _say(said, np.count_nonzero(~finite), "without an intensity given weight zero")
    y = np.where(finite, y, 0.0)
    if esds is not None and np.any(np.isfinite(esds) & (esds > 0)):
        good = finite & np.isfinite(esds) & (esds > 0)
        _say(said, np.count_nonzero(finite & ~good), "without a positive esd given weight zero")
        return y, np.where(good, 1.0 / np.where(good, esds, 1.0) ** 2, 0.0), "esds in the file"
    if esds is not None:
        said.append("the column of esds has no positive number: counting statistics are used instead")
    negative = y < 0
    _say(
        said,
        np.count_nonzero(negative),
        "with negative counts given weight zero (where a background was taken off, give esds)",
    )
    missing = finite & _impossible_zeros(y)
    _say(said, np.count_nonzero(missing), f"with zero counts among counts above {IMPOSSIBLE_ZERO:g} taken as missing")
    zero = finite & (y == 0) & ~missing
    _say(said, np.count_nonzero(zero), "with zero counts weighted as one count")
    counts = y / factor
    if np.any(np.abs(counts - np.round(counts)) > 0.01 + 1e-6 * np.abs(counts)):
        said.append("the intensities are not whole counts: without esds the scale of the weights is a guess")
    good = finite & ~negative & ~missing
    return y, np.where(good, counting_weights(counts) / factor**2, 0.0), "counting statistics"


def _impossible_zeros(y: Array) -> npt.NDArray[np.bool_]:
    """Return which zeros stand beside counts that make a Poisson zero impossible; shape (n,).

    Each run of zeros is judged by the smaller of the medians of up to three counts on either side of it: padding
    at the ends of a record, a beam stop, a masked detector.
    """
    zero = y == 0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], zero.astype(int), [0]))))
    out = np.zeros(y.shape, dtype=bool)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        sides = [side[side > 0] for side in (y[max(start - 3, 0) : start], y[stop : stop + 3])]
        beside = [float(np.median(side)) for side in sides if side.size]
        out[start:stop] = bool(beside) and min(beside) > IMPOSSIBLE_ZERO
    return out


def _say(notes: list[str], count: int | np.integer, what: str) -> None:
    if count:
        notes.append(f"{count} {'point' if count == 1 else 'points'} {what}")

"""Make a clean `Pattern` from measured points; all readers of patterns use it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from autogsas.errors import UserError
from autogsas.model.pattern import Pattern, counting_weights

__all__ = ["make_pattern"]

Array = npt.NDArray[np.float64]

IMPOSSIBLE_ZERO = 20.0
"""Beside more counts than this, a zero was not measured: its Poisson probability is below exp(-20) = 2e-9."""


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
    """Return a clean pattern of measured points: in order, finite and weighted, with notes on all corrections.

    ``x`` in degrees 2theta, ``y`` and ``esds`` of shape (n,). Without ``esds`` the variance of a point is
    ``variance_per_count`` times its intensity (1 for plain counts, 1/m for a mean of m detectors, the factor
    itself for counts multiplied by it). Raises UserError for repeated positions, positions that are not angles, and
    if no point can be used.
    """
    all_notes = list(notes)
    factor = np.broadcast_to(np.asarray(variance_per_count, dtype=float), y.shape)
    keep = np.isfinite(x)
    _note(all_notes, np.count_nonzero(~keep), "without a position left out")
    if np.any(x[keep] > 180.0):
        raise UserError(
            "the positions are not degrees 2theta; time-of-flight, energy and channel data are not supported",
            file=path,
            found=f"{np.max(x[keep]):g}",
            allowed="angles up to 180",
        )
    negative = keep & (x <= 0.0)
    _note(all_notes, np.count_nonzero(negative), "at or below 0 degrees left out")
    keep &= ~negative
    order = np.flatnonzero(keep)
    if np.any(np.diff(x[order]) < 0):
        order = order[np.argsort(x[order], kind="stable")]
        all_notes.append("the points were not in order of 2theta; they were sorted")
    x, y, factor = x[order], y[order], factor[order]
    esds = None if esds is None else esds[order]
    if x.size < 2:
        raise UserError("no pattern in the file: fewer than two points", file=path, found=str(x.size))
    repeated = np.flatnonzero(np.diff(x) == 0)
    if repeated.size:
        raise UserError(
            "a position occurs twice", file=path, found=f"2theta = {x[repeated[0]]:g}", allowed="each position once"
        )
    y, weights, source = _weigh(y, esds, factor, all_notes)
    if not np.any((weights > 0) & (y != 0)):
        raise UserError("no point of the pattern has a usable intensity", file=path)
    return Pattern(name or path.stem, x, y, weights, source, tuple(all_notes))


def _weigh(y: Array, esds: Array | None, factor: Array, all_notes: list[str]) -> tuple[Array, Array, str]:
    finite = np.isfinite(y)
    _note(all_notes, np.count_nonzero(~finite), "without an intensity given weight zero")
    y = np.where(finite, y, 0.0)
    if esds is not None and np.any(np.isfinite(esds) & (esds > 0)):
        good = finite & np.isfinite(esds) & (esds > 0)
        _note(all_notes, np.count_nonzero(finite & ~good), "without a positive esd given weight zero")
        return y, np.where(good, 1.0 / np.where(good, esds, 1.0) ** 2, 0.0), "esds in the file"
    if esds is not None:
        all_notes.append("the column of esds has no positive number: counting statistics are used instead")
    negative = y < 0
    _note(
        all_notes,
        np.count_nonzero(negative),
        "with negative counts given weight zero (if a background was subtracted, give esds)",
    )
    missing = finite & _impossible_zeros(y)
    _note(
        all_notes,
        np.count_nonzero(missing),
        f"have zero counts between neighbours above {IMPOSSIBLE_ZERO:g} and are treated as missing",
        f"has zero counts between neighbours above {IMPOSSIBLE_ZERO:g} and is treated as missing",
    )
    zero = finite & (y == 0) & ~missing
    _note(all_notes, np.count_nonzero(zero), "with zero counts weighted as one count")
    counts = y / factor
    if np.any(np.abs(counts - np.round(counts)) > 0.01 + 1e-6 * np.abs(counts)):
        all_notes.append("the intensities are not whole counts: without esds the scale of the weights is unknown")
    good = finite & ~negative & ~missing
    return y, np.where(good, counting_weights(counts) / factor**2, 0.0), "counting statistics"


def _impossible_zeros(y: Array) -> npt.NDArray[np.bool_]:
    """Return which zeros are beside counts so high that a Poisson zero is impossible; shape (n,).

    For each run of zeros the smaller of the medians of up to three counts on either side decides. Such zeros come from
    padding at the ends of a record, a beam stop or a masked detector.
    """
    zero = y == 0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], zero.astype(int), [0]))))
    out = np.zeros(y.shape, dtype=bool)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        neighbours = [part[part > 0] for part in (y[max(start - 3, 0) : start], y[stop : stop + 3])]
        medians = [float(np.median(part)) for part in neighbours if part.size]
        out[start:stop] = bool(medians) and min(medians) > IMPOSSIBLE_ZERO
    return out


def _note(notes: list[str], count: int | np.integer, text: str, one: str = "") -> None:
    if count:
        notes.append(f"{count} {f'point {one or text}' if count == 1 else f'points {text}'}")

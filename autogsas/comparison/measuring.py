"""Agreement factors over selected points, and the common points of two refinements of the same data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.comparison.refinement import Figures, Fit, Refinement
from autogsas.model.metrics import measure
from autogsas.runfolder.reader import Profile

__all__ = ["Common", "Shared", "common_ground", "counted_by_both", "figures_over", "same_data", "shared_points"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Angles agree within this fraction of a step; intensities within this fraction of themselves, for most points: text
# files are rounded, and a program may correct a few points.
_PLACE, _ALIKE, _MOST = 0.1, 1e-3, 0.99
_WEIGHTS = 0.01


@dataclass(frozen=True)
class Shared:
    """Points of one pattern in two refinements: the indices in each profile, both of shape (n,), in order."""

    one: npt.NDArray[np.int64]
    two: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Common:
    """Both fits over the points that count in both, with the weights of the first.

    ``ranges`` are in degrees 2theta, by histogram of the first; ``differ`` is True if limits or excluded regions
    differ; ``notes`` say what else makes the figures less comparable.
    """

    one: Figures
    two: Figures
    ranges: tuple[tuple[str, tuple[float, float]], ...]
    differ: bool
    notes: tuple[str, ...] = ()


def figures_over(
    profiles: Sequence[Profile], masks: Sequence[Mask], variables: int | None, weights: Sequence[Array] | None = None
) -> Figures:
    """Return the figures of all profiles together, over the points of ``masks``.

    Rexp, GoF and BIC are None if ``variables`` is None; ``weights`` replace those of the profiles. Without a point, all
    figures are None.
    """
    own = [profile.weight for profile in profiles] if weights is None else weights
    observed, calculated, weight = (
        np.concatenate([column[mask] for column, mask in zip(columns, masks, strict=True)] or [np.zeros(0)])
        for columns in ([p.observed for p in profiles], [p.calculated for p in profiles], own)
    )
    found = measure(observed, calculated, weight, variables or 0)
    if not math.isfinite(found.rwp):
        return Figures(None)
    known = variables is not None
    return Figures(
        rwp=found.rwp,
        rexp=found.rexp if known and math.isfinite(found.rexp) else None,
        gof=found.gof if known and math.isfinite(found.gof) else None,
        chi2=found.chi2,
        bic=found.bic if known and math.isfinite(found.bic) else None,
        n_observations=found.n_observations,
        n_variables=variables,
    )


def shared_points(one: Profile, two: Profile) -> Shared:
    """Return the points at the same angles in two profiles, whether they count or not."""
    if one.two_theta.size < 2 or two.two_theta.size < 2:
        return Shared(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    slack = _PLACE * min(float(np.median(np.diff(item.two_theta))) for item in (one, two))
    after = np.clip(np.searchsorted(two.two_theta, one.two_theta), 1, two.two_theta.size - 1)
    nearer = one.two_theta - two.two_theta[after - 1] < two.two_theta[after] - one.two_theta
    nearest = np.where(nearer, after - 1, after)
    near = np.abs(two.two_theta[nearest] - one.two_theta) <= slack
    return Shared(np.flatnonzero(near).astype(np.int64), nearest[near].astype(np.int64))


def counted_by_both(one: Profile, two: Profile) -> Shared:
    """Return the points at the same angles in two profiles that count in both."""
    shared = shared_points(one, two)
    both = one.counted[shared.one] & two.counted[shared.two]
    return Shared(shared.one[both], shared.two[both])


def same_data(one: Profile, two: Profile) -> bool:
    """Return whether two profiles are of one measurement: equal angles and intensities over their common range."""
    shared = shared_points(one, two)
    low = max(one.two_theta[0], two.two_theta[0])
    high = min(one.two_theta[-1], two.two_theta[-1])
    within = int(np.count_nonzero((one.two_theta >= low) & (one.two_theta <= high)))
    if not shared.one.size or shared.one.size < _MOST * within - 2:
        return False
    first, second = one.observed[shared.one], two.observed[shared.two]
    known = np.isfinite(first) & np.isfinite(second)
    if not known.any():
        return False
    # Half a count: some formats store whole numbers.
    alike = np.abs(first - second)[known] <= np.maximum(_ALIKE * np.abs(first[known]), 0.5)
    scattered = float(np.ptp(first[known])) > 10.0 or bool(np.array_equal(first[known], second[known]))
    return bool(np.mean(alike) >= _MOST) and scattered


def common_ground(one: Refinement, two: Refinement, pairs: Sequence[tuple[Fit, Fit]]) -> Common | None:
    """Measure both refinements over the points that count in both fits of each pair; None if there are none."""
    profiles: tuple[list[Profile], list[Profile]] = ([], [])
    masks: tuple[list[Mask], list[Mask]] = ([], [])
    weights: tuple[list[Array], list[Array]] = ([], [])
    ranges = []
    notes: list[str] = []
    differ = False
    for first, second in pairs:
        shared = counted_by_both(first.profile, second.profile)
        at = (shared.one, shared.two)
        if not at[0].size:
            continue
        weight = first.profile.weight[at[0]]
        other = second.profile.weight[at[1]]
        for side, (fit, places) in enumerate(zip((first, second), at, strict=True)):
            mask = np.zeros(fit.profile.two_theta.size, dtype=bool)
            mask[places] = True
            spread = np.zeros(mask.size)
            spread[places] = weight
            profiles[side].append(fit.profile)
            masks[side].append(mask)
            weights[side].append(spread)
        x = first.profile.two_theta[at[0]]
        ranges.append((first.name, (float(x[0]), float(x[-1]))))
        lost = max(int(np.count_nonzero(fit.profile.counted)) - at[0].size for fit in (first, second))
        differ = differ or lost > max(2, 1e-3 * at[0].size)
        notes += _weights_note(first.name, weight, other)
    if not ranges:
        return None
    figures = [
        figures_over(profiles[side], masks[side], item.figures.n_variables, weights[side])
        for side, item in enumerate((one, two))
    ]
    return Common(figures[0], figures[1], tuple(ranges), differ, tuple(notes))


def _weights_note(histogram: str, one: Array, two: Array) -> list[str]:
    ratio = np.median(two / one)
    off = np.abs(two / (ratio * one) - 1.0)
    if np.mean(off > _WEIGHTS) > _WEIGHTS or abs(ratio - 1.0) > _WEIGHTS:
        return [f"{histogram}: the weights of the points differ; the figures of both use the weights of the first"]
    return []

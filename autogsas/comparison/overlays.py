"""The patterns of a comparison with all their fits, and the cumulative chi^2 of each fit along 2theta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.comparison.build import Comparison
from autogsas.comparison.measuring import counted_by_both, same_data
from autogsas.comparison.refinement import Fit
from autogsas.runfolder.reader import Profile

__all__ = ["Growth", "Overlay", "growth", "overlays"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Growth:
    """Cumulative chi^2 of two fits over the points that count in both; arrays of shape (n,), 2theta in degrees.

    ``other`` is the index of the second refinement in the comparison; the first is always number 0.
    """

    other: int
    two_theta: Array
    one: Array
    two: Array

    @property
    def difference(self) -> Array:
        """The first minus the second, shape (n,): where it rises, the second fits better."""
        return np.asarray(self.one - self.two)


@dataclass(frozen=True)
class Overlay:
    """One measured pattern with the fits of the refinements that have it, each with its index in the comparison.

    ``two_theta`` and ``observed`` of shape (n,) are the points of the first fit, and of the others outside its range.
    """

    name: str
    two_theta: Array
    observed: Array
    fits: tuple[tuple[int, Fit], ...]
    growths: tuple[Growth, ...]

    @property
    def ends(self) -> tuple[float, float]:
        """The first and the last 2theta of the pattern in degrees."""
        return float(self.two_theta[0]), float(self.two_theta[-1])


def overlays(comparison: Comparison) -> tuple[Overlay, ...]:
    """Return each pattern once, those of the first refinement first; patterns without points are left out."""
    groups: list[list[tuple[int, Fit]]] = [[(0, fit)] for fit in comparison.refinements[0].fits]
    for place, pair in enumerate(comparison.pairs, start=1):
        paired = [two for _, two in pair.fits]
        for one, two in pair.fits:
            next(group for group in groups if group[0][1] is one).append((place, two))
        for fit in pair.two.fits:
            if not any(fit is known for known in paired):
                _add_unpaired(groups, place, fit)
    return tuple(_overlay(group) for group in groups if any(fit.profile.two_theta.size for _, fit in group))


def _add_unpaired(groups: list[list[tuple[int, Fit]]], place: int, fit: Fit) -> None:
    """Add a fit without a counterpart in the first refinement to others of the same measurement, or alone."""
    for group in groups:
        alike = group[0][0] > 0 and all(place != other for other, _ in group)
        if alike and same_data(group[0][1].profile, fit.profile):
            group.append((place, fit))
            return
    groups.append([(place, fit)])


def _overlay(group: Sequence[tuple[int, Fit]]) -> Overlay:
    x, observed = np.zeros(0), np.zeros(0)
    for _, fit in group:
        angles = fit.profile.two_theta
        beyond = (angles < x[0]) | (angles > x[-1]) if x.size else np.full(angles.size, True)
        x = np.concatenate((x, angles[beyond]))
        observed = np.concatenate((observed, fit.profile.observed[beyond]))
        order = np.argsort(x, kind="stable")
        x, observed = x[order], observed[order]
    (first, fit), *others = group
    grown = [growth(fit.profile, other.profile, place) for place, other in others] if first == 0 else []
    return Overlay(fit.name, x, observed, tuple(group), tuple(item for item in grown if item.two_theta.size))


def growth(one: Profile, two: Profile, other: int = 1) -> Growth:
    """Return the cumulative sum w (yo - yc)^2 of both over their common points, with the weights of the first."""
    shared = counted_by_both(one, two)
    weight = one.weight[shared.one]
    sums = [
        np.cumsum(weight * (profile.observed[at] - profile.calculated[at]) ** 2)
        for profile, at in ((one, shared.one), (two, shared.two))
    ]
    return Growth(other, one.two_theta[shared.one], sums[0], sums[1])

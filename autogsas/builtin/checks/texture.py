"""Intensities that follow an axis: a hint at preferred orientation that the model does not have.

The differences of intensities summed over windows of overlapping peaks are fitted by March and Dollase's factor along
each plausible axis of each phase, with a new scale and a new overall U of that phase, since a refinement bends these to
take up a texture. For the same reason axis and ratio are only a hint: the ratio is nearer to 1 than the true one.

Measured on refinements of 11 textured samples without texture: 8 are named, the other three (brucite, where U of
0.4 Å² took the texture up, and gypsum with a ratio of 0.5) only by `intensities-differ`. No alarm in the right models
of 55 simulated samples, in 44 refinements of untextured ones from a poor start, in ten of real patterns, nor in models
with a wrong structure, a wrong space group or widths that follow hkl.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.limits import LIMITS
from autogsas.builtin.checks.lookup import of_phase, with_curves
from autogsas.builtin.checks.misfit import intensity_misfit, profile_misfit
from autogsas.builtin.checks.windows import Sums, calculated_lines, counted, sums_over, variables_per_point, windows
from autogsas.builtin.strategy.options import axes
from autogsas.crystal.symmetry import Symmetry, cell_to_metric, metric_tensor
from autogsas.hooks.specs import hookimpl
from autogsas.model.metrics import Metrics
from autogsas.model.project import Histogram, Project
from autogsas.model.result import Curves, Finding, Reflections, Result, Severity
from autogsas.model.sample import Axis
from autogsas.model.structure import Phase

__all__ = ["march_dollase", "squared_cosines"]

Array = npt.NDArray[np.float64]

_RATIOS = np.concatenate([np.geomspace(0.35, 0.97, 25), np.geomspace(1.03, 2.5, 22)])
_EXPLAINED = 0.3  # of the misfit of the intensities beyond noise; not measured
_REACH = 1.0  # widths on each side of a peak that its intensity is summed over
_FEWEST = 6  # windows of a phase from which a texture can be told
_CLOSE = 6.0  # difference of BIC within which another axis does as well


@dataclass(frozen=True)
class _Hint:
    """An axis along which the intensities of a phase change by a ratio, and by how much BIC is lower with it."""

    axis: Axis
    ratio: float
    gain: float
    explained: float


@hookimpl
def autogsas_check_result(project: Project, result: Result, metrics: Metrics) -> list[Finding]:
    """Report the phases whose intensities follow an axis, where the intensities are what does not fit."""
    findings = []
    parts = [(histogram, curves, counted(histogram, curves)) for histogram, curves in with_curves(project, result)]
    each = variables_per_point(result, (points for _, _, points in parts))
    for histogram, curves, points in parts:
        ranges = windows(calculated_lines(histogram, curves), _REACH)
        share = intensity_misfit(points, ranges)
        profile = profile_misfit(points, points.difference + points.peaks, each * points.x.size)
        # Widths that do not fit make intensities that seem to follow an axis, and more misfit of the profile than that.
        if share.significance < LIMITS.significant or share.share < LIMITS.intensities_of_profile * profile.share:
            continue
        sums = sums_over(points, ranges)
        for phase in result.phases:
            hint = _hint(phase, curves, sums)
            if hint is not None and not _refined(result, histogram, phase, hint[0].axis):
                findings.append(_finding(histogram, phase, hint))
    return findings


def _refined(result: Result, histogram: Histogram, phase: Phase, axis: Axis) -> bool:
    """Whether the orientation of a phase along an axis is refined already."""
    own = of_phase(result, phase.name, histogram.name, "preferred_orientation")
    return phase.specimen.orientation.axis == axis and any(parameter.esd is not None for parameter in own)


def squared_cosines(hkl: npt.NDArray[np.int64], axis: Axis, phase: Phase) -> Array:
    """Return cos^2 of the angles (k, n) between the normals of ``hkl`` (k, 3) (n equivalents each) and ``axis``."""
    reciprocal = metric_tensor(cell_to_metric(phase.cell.values()))
    images = np.einsum("ki,nij->knj", hkl, Symmetry.from_name(phase.space_group).rotations)
    direction = np.asarray(axis, dtype=float)
    along = images @ reciprocal @ direction
    length2 = np.einsum("kni,ij,knj->kn", images, reciprocal, images) * (direction @ reciprocal @ direction)
    return np.asarray(np.clip(along**2 / length2, 0.0, 1.0))


def march_dollase(cosines2: Array, ratio: float) -> Array:
    """Return the factor of March and Dollase, (k,), the mean of (r^2 cos^2 a + sin^2 a / r)^(-3/2) over equivalents.

    Dollase, J. Appl. Cryst. 19, 267 (1986), eq. 9; ``cosines2`` (k, n).
    """
    return np.asarray(np.mean((ratio**2 * cosines2 + (1.0 - cosines2) / ratio) ** -1.5, axis=1))


def _hint(phase: Phase, curves: Curves, sums: Sums) -> list[_Hint] | None:
    """Return the axes that explain the differences about equally well, the best first; None if none does."""
    own = next((item for item in curves.reflections if item.phase == phase.name), None)
    known = gemmi.find_spacegroup_by_name(phase.space_group) is not None
    if own is None or not known or phase.intensities == "Le Bail" or not sums.ranges.size:
        return None
    shares = _shares(curves.reflections, own, sums)
    if shares is None:
        return None
    place, calculated, hkl, q = shares
    count, used = sums.ranges.shape[0], np.unique(place)
    if used.size < _FEWEST:
        return None
    weight = 1.0 / np.sqrt(sums.variance[used])
    whole = np.bincount(place, calculated, count)[used]
    target = (sums.difference[used] + whole) * weight

    def misfit(factor: Array) -> float:
        columns = [np.bincount(place, calculated * factor * more, count)[used] * weight for more in (1.0 + 0.0 * q, q)]
        design = np.column_stack(columns)
        return float(np.sum((target - design @ np.linalg.lstsq(design, target, rcond=None)[0]) ** 2))

    plain = misfit(np.ones_like(calculated))
    if plain <= used.size:
        return None
    hints = []
    options = axes(phase)
    for axis in options:
        cosines2 = squared_cosines(hkl, axis, phase)
        found = [misfit(march_dollase(cosines2, float(ratio))) for ratio in _RATIOS]
        best = int(np.argmin(found))
        # Two parameters more: ratio, and which of the axes.
        gain = used.size * np.log(plain / found[best]) - np.log(used.size) - 2.0 * np.log(len(options))
        explained = (plain - found[best]) / (plain - used.size)
        hints.append(_Hint(axis, float(_RATIOS[best]), float(gain), float(explained)))
    hints.sort(key=lambda hint: -hint.gain)
    if hints[0].gain < LIMITS.bic or hints[0].explained < _EXPLAINED:
        return None
    # Axes that are equivalent by symmetry have one and the same gain.
    distinct = {round(hint.gain, 6): hint for hint in reversed(hints)}
    return [
        hint for hint in sorted(distinct.values(), key=lambda hint: -hint.gain) if hint.gain > hints[0].gain - _CLOSE
    ]


def _shares(
    sets: Sequence[Reflections], own: Reflections, sums: Sums
) -> tuple[npt.NDArray[np.int64], Array, npt.NDArray[np.int64], Array] | None:
    """Return for each reflection of a phase its window, its calculated intensity there in counts, hkl, and 1/d^2.

    Intensities of engines are in units of their own: those of a window share what is calculated there.
    """
    total = np.zeros(sums.ranges.shape[0])

    def places(item: Reflections) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        index = np.maximum(np.searchsorted(sums.ranges[:, 0], item.two_theta, side="right") - 1, 0)
        inside = (item.two_theta >= sums.ranges[index, 0]) & (item.two_theta <= sums.ranges[index, 1])
        return index, inside & np.isfinite(item.intensity) & (item.d > 0)

    for item in sets:
        index, inside = places(item)
        np.add.at(total, index[inside], item.intensity[inside])
    index, inside = places(own)
    inside &= total[index] > 0
    if not inside.any():
        return None
    place = index[inside]
    calculated = own.intensity[inside] * sums.calculated[place] / total[place]
    q = 1.0 / own.d[inside] ** 2
    return place, calculated, own.hkl[inside], q / np.max(q)


def _finding(histogram: Histogram, phase: Phase, hints: Sequence[_Hint]) -> Finding:
    first, *others = hints
    also = "".join(f", or {_words(other)}" for other in others[:2])
    return Finding(
        "texture",
        Severity.WARNING,
        f"the intensities of {phase.name} in {histogram.name} follow an axis: preferred orientation along "
        f"{_words(first)}{also} would explain {100.0 * first.explained:.0f} % of their misfit; refine it",
        {"ratio": first.ratio, "gain": first.gain, "explained": first.explained},
        {"phase": phase.name, "histogram": histogram.name, "axis": " ".join(map(str, first.axis))},
    )


def _words(hint: _Hint) -> str:
    return f"{' '.join(map(str, hint.axis))} (ratio about {hint.ratio:.2g})"

"""Peak widths that are wrong by phase or by direction: a hint at sizes and strains that the model does not have.

In each window of overlapping peaks the differences are fitted by the calculated peaks and their first and second
derivatives. A peak that is broader by a small d(sigma^2) differs by d(sigma^2)/2 times its second derivative: exactly
so for a Gaussian, which solves the equation of heat conduction, and nearly for other shapes. So that coefficient is the
error of the width, whatever the errors of intensity and position are. It is compared between phases, and within a phase
along the angle to each plausible axis (where this is the same for all reflections, as in cubic crystals, along the
fourth power of its cosine), after a straight line in tan(theta) that other widths may take up.

Measured: four of four refinements with an isotropic model of size or strain along an axis, from the truth and from a
poor start (BIC 20 to 37 lower; strain after Stephens that changes GoF by 0.06 at most is not seen), and four of four
with one width for two phases of different size (37 to 123). No alarm in the right models of 55 simulated samples (at
most 9), in the other 40 from a poor start, in 11 textured ones, nor in ten refinements of real patterns (at most 14).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.lookup import with_curves
from autogsas.builtin.checks.texture import squared_cosines
from autogsas.builtin.checks.windows import Counted, calculated_lines, counted, windows
from autogsas.builtin.strategy.options import axes
from autogsas.hooks.specs import hookimpl
from autogsas.model.metrics import Metrics
from autogsas.model.project import Histogram, Project
from autogsas.model.result import Curves, Finding, Reflections, Result, Severity
from autogsas.model.sample import Axis
from autogsas.model.structure import Phase

__all__ = ["WidthError", "width_errors"]

Array = npt.NDArray[np.float64]

_GAIN = 16.0  # decrease of BIC; real patterns have up to 14
_HALVED = 0.5  # what a trend must leave of chi^2 of the widths, at most; real patterns leave 0.64
_WRONG = 5.0  # chi^2 of the widths for each, from which they are worth a finding; not measured
_LEAST = 0.02  # relative error of sigma^2 below which a width is as good as it gets; not measured
_FEWEST, _FEWEST_ALONG = 4, 6  # windows for a comparison of phases, and of directions
_POINTS = 7
_OWNED = 0.8  # of the intensity of a window, from which it is of one phase
_SINGLE = 0.7  # and of one reflection
_SINGULAR = 1e8


@dataclass(frozen=True)
class WidthError:
    """The error of the widths in a window: the relative change of sigma^2 that fits better, with its esd.

    ``phase`` has nearly all the intensity there, ``hkl`` most of it, None where several reflections have.
    """

    two_theta: float
    change: float
    esd: float
    phase: str
    hkl: tuple[int, int, int] | None


@hookimpl
def autogsas_check_result(project: Project, result: Result, metrics: Metrics) -> list[Finding]:
    """Report widths that are wrong by phase, or by direction in a phase."""
    findings: list[Finding] = []
    for histogram, curves in with_curves(project, result):
        found = width_errors(histogram, curves)
        findings += _by_phase(histogram, found)
        for phase in result.phases:
            findings += _by_direction(histogram, phase, [item for item in found if item.phase == phase.name])
    return findings


def width_errors(histogram: Histogram, curves: Curves) -> list[WidthError]:
    """Return the errors of the widths in all windows that are of one phase and have enough points without a gap."""
    points, lines = counted(histogram, curves), calculated_lines(histogram, curves)
    if points.x.size < _POINTS or not lines.position.size:
        return []
    first = np.gradient(points.peaks, points.x)
    templates = np.column_stack([points.peaks, first, np.gradient(first, points.x)])
    step = float(np.median(np.diff(points.x)))
    found = []
    for low, high in windows(lines, 1.0):
        a, b = np.searchsorted(points.x, (low, high))
        owner = _owner(curves.reflections, float(low), float(high))
        if b - a < _POINTS or owner is None or np.max(np.diff(points.x[a:b])) > 3.0 * step:
            continue
        fitted = _second(points, templates, int(a), int(b))
        if fitted is None:
            continue
        middle = 0.5 * float(low + high)
        # sigma^2 = fwhm^2/(8 ln 2)
        sigma2 = float(np.interp(middle, lines.position, lines.fwhm)) ** 2 / (8.0 * np.log(2.0))
        found.append(WidthError(middle, 2.0 * fitted[0] / sigma2, 2.0 * fitted[1] / sigma2, *owner))
    return found


def _second(points: Counted, templates: Array, a: int, b: int) -> tuple[float, float] | None:
    """Return the coefficient of the second derivative from ``a`` to ``b``, and its esd; None where it is not known."""
    sigma = points.sigma[a:b]
    design = templates[a:b] / sigma[:, None]
    scale = np.linalg.norm(design, axis=0)
    if np.any(scale <= 0):
        return None
    design = design / scale
    normal = design.T @ design
    if np.linalg.cond(normal) > _SINGULAR:
        return None
    inverse = np.linalg.inv(normal)
    values = inverse @ (design.T @ (points.difference[a:b] / sigma)) / scale
    return float(values[2]), float(np.sqrt(inverse[2, 2])) / float(scale[2])


def _owner(sets: Sequence[Reflections], low: float, high: float) -> tuple[str, tuple[int, int, int] | None] | None:
    """Return the phase that a window is of, and the reflection; None where several phases are in it."""
    inside = [(item, (item.two_theta >= low) & (item.two_theta <= high)) for item in sets]
    total = sum(float(np.sum(item.intensity[here])) for item, here in inside)
    for item, here in inside:
        own = item.intensity[here]
        if total > 0 and float(np.sum(own)) > _OWNED * total:
            top = int(np.argmax(own))
            h, k, el = (int(index) for index in item.hkl[here][top])
            return item.phase, (h, k, el) if own[top] > _SINGLE * total else None
    return None


def _misfit(found: Sequence[WidthError], more: Sequence[Array]) -> tuple[float, float]:
    """Return chi^2 of the errors of the widths about a line in tan(theta), without and with further columns (n,)."""
    esd = np.hypot([item.esd for item in found], _LEAST)
    target = np.array([item.change for item in found]) / esd
    tangent = np.tan(np.radians([item.two_theta / 2.0 for item in found]))

    def left(columns: Sequence[Array]) -> float:
        design = np.column_stack(columns) / esd[:, None]
        return float(np.sum((target - design @ np.linalg.lstsq(design, target, rcond=None)[0]) ** 2))

    plain = [np.ones_like(tangent), tangent]
    return left(plain), left([*plain, *more])


def _gain(found: Sequence[WidthError], more: Sequence[Array]) -> float:
    """Return the decrease of BIC by further columns; 0 where they leave too much, or the widths are good anyway."""
    count = len(found)
    without, with_them = _misfit(found, more)
    if without < _WRONG * count or with_them > _HALVED * without:
        return 0.0
    return count * float(np.log(without / max(with_them, 1e-9))) - len(more) * float(np.log(count))


def _by_phase(histogram: Histogram, found: Sequence[WidthError]) -> Iterator[Finding]:
    names = sorted({item.phase for item in found})
    if len(names) < 2 or len(found) < _FEWEST:
        return
    gain = _gain(found, [np.array([float(item.phase == name) for item in found]) for name in names[1:]])
    if gain < _GAIN:
        return
    weights = {name: [(item.change, 1.0 / item.esd**2) for item in found if item.phase == name] for name in names}
    means = {name: sum(c * w for c, w in pairs) / sum(w for _, w in pairs) for name, pairs in weights.items()}
    broad, sharp = max(means, key=lambda name: means[name]), min(means, key=lambda name: means[name])
    yield Finding(
        "widths-follow-phase",
        Severity.WARNING,
        f"the peaks of {broad} in {histogram.name} are broader than calculated, compared with those of {sharp}: give "
        "each phase a crystallite size or strain of its own",
        {"gain": gain},
        {"histogram": histogram.name, "phase": broad},
    )


def _by_direction(histogram: Histogram, phase: Phase, found: Sequence[WidthError]) -> Iterator[Finding]:
    single = [item for item in found if item.hkl is not None]
    if len(single) < _FEWEST_ALONG or gemmi.find_spacegroup_by_name(phase.space_group) is None:
        return
    hkl = np.array([item.hkl for item in single])
    gains: dict[Axis, float] = {}
    for axis in axes(phase):
        cosines2 = squared_cosines(hkl, axis, phase)
        mean = np.mean(cosines2, axis=1)
        gains[axis] = _gain(single, [mean if np.ptp(mean) > 1e-9 else np.mean(cosines2**2, axis=1)])
    # In hexagonal crystals all axes in the plane tell the same as c does, which is the one to name.
    best = max(gains, key=lambda axis: (round(gains[axis], 6), axis == (0, 0, 1)))
    words = " ".join(map(str, best))
    if gains[best] > _GAIN:
        yield Finding(
            "widths-follow-hkl",
            Severity.WARNING,
            f"the peak widths of {phase.name} in {histogram.name} follow the direction: by the angle to {words} the "
            "calculated ones are too small or too large; refine size or strain along an axis, or generalised strain",
            {"gain": gains[best]},
            {"histogram": histogram.name, "phase": phase.name, "axis": words},
        )

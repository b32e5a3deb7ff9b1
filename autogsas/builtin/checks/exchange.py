"""Which freed correction could as well be another one: their curves over the lines of a histogram are alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.limits import LIMITS
from autogsas.crystal.symmetry import Symmetry, quadratic_form
from autogsas.model.project import Histogram
from autogsas.model.result import Curves, Finding, Parameter, Reflections, Result, Severity
from autogsas.model.structure import Phase

__all__ = ["alike", "check_exchange"]

Array = npt.NDArray[np.float64]

_SHIFTS = {
    "Zero": "zero",
    "Shift": "displacement",
    "Transparency": "transparency",
    "DisplaceX": "displacement along the beam",
    "DisplaceY": "displacement across the beam",
}
_WIDTHS = {"X": "size", "Y": "strain"}
# Of a broadening that is nearly all Lorentzian, as X and Y are.
_LORENTZIAN = 0.9
_ENOUGH_LINES = 3


def alike(curve: Array, others: Array, taken: Array, weights: Array) -> float:
    """Return the correlation of ``curve`` (n,) with the nearest combination of ``others`` (n, k).

    What ``taken`` (n, m) can take up of either is left out; ``weights`` (n,). Zero where nothing is left of one.
    """
    root = np.sqrt(weights)[:, None]
    left = root * np.column_stack([curve, others])
    size = np.linalg.norm(left, axis=0)
    if taken.shape[1]:
        directions, values, _ = np.linalg.svd(
            root * (taken / np.linalg.norm(root * taken, axis=0)), full_matrices=False
        )
        directions = directions[:, values > 1e-6 * values[0]]
        left = left - directions @ (directions.T @ left)
    lengths = np.linalg.norm(left, axis=0)
    if lengths[0] <= 1e-6 * size[0] or np.all(lengths[1:] <= 1e-6 * size[1:]):
        return 0.0
    target, rest = left[:, 0] / lengths[0], left[:, 1:]
    fitted = rest @ np.linalg.lstsq(rest, target, rcond=None)[0]
    return min(float(np.linalg.norm(fitted)), 1.0)


def check_exchange(histogram: Histogram, curves: Curves, result: Result) -> Iterator[Finding]:
    """Say which freed line shifts and widths stand for others as well that were left where they were.

    Shifts of 2theta: the zero a constant; Bragg-Brentano, displacement as cos(theta) and transparency as sin(2theta);
    Debye-Scherrer, displacement as cos(2theta) and sin(2theta) (Wilson, Mathematical Theory of X-ray Powder
    Diffractometry (1963)), each less what the freed cells and the other freed shifts can take up. Lorentzian widths:
    X and size as 1/cos(theta), Y and strain as tan(theta). Lines count by intensity over width squared, the
    information they hold on their place.
    """
    lines = [item for item in curves.reflections if item.two_theta.size]
    if sum(item.two_theta.size for item in lines) < _ENOUGH_LINES:
        return
    found = {parameter.name: parameter for parameter in result.parameters}
    two_theta = np.radians(np.concatenate([item.two_theta for item in lines]))
    width = np.concatenate([item.fwhm for item in lines])
    intensity = np.concatenate([item.intensity for item in lines])
    weights = np.where(width > 0, np.maximum(intensity, 0.0) / np.where(width > 0, width, 1.0) ** 2, 0.0)
    inside = (two_theta > 0) & (two_theta < np.pi) & np.isfinite(weights)
    weights = np.where(inside, weights, 0.0)
    two_theta = np.where(inside, two_theta, 1.0)
    if np.count_nonzero(weights) < _ENOUGH_LINES:
        return
    yield from _shifts(histogram, result, lines, found, two_theta, weights)
    yield from _widths(histogram, result, lines, found, two_theta, weights)


def _shifts(
    histogram: Histogram,
    result: Result,
    lines: Sequence[Reflections],
    found: Mapping[str, Parameter],
    two_theta: Array,
    weights: Array,
) -> Iterator[Finding]:
    shapes = {
        "Zero": np.ones_like(two_theta),
        "Shift": np.cos(two_theta / 2.0),
        "Transparency": np.sin(two_theta),
        "DisplaceX": np.cos(two_theta),
        "DisplaceY": np.sin(two_theta),
    }
    there = {key: found[name] for key in _SHIFTS if (name := f"{histogram.name}:{key}") in found}
    freed = [key for key, parameter in there.items() if parameter.esd is not None]
    cells = _cells(result, lines, two_theta)
    for key in freed:
        taken = np.column_stack([cells, *(shapes[other] for other in freed if other != key)])
        held = [other for other in there if other not in freed]
        values = {_SHIFTS[other]: alike(shapes[key], shapes[other][:, None], taken, weights) for other in held}
        yield from _findings(histogram, _SHIFTS[key], values, "shift")


def _cells(result: Result, lines: Sequence[Reflections], two_theta: Array) -> Array:
    """Return what refined cells do to the lines, one column a free direction of the metric: d(1/d^2)/sin(2theta)."""
    refined = {p.phase for p in result.parameters if p.group == "cell" and p.esd is not None}
    phases: dict[str, Phase] = {phase.name: phase for phase in result.phases}
    columns = []
    start = 0
    for item in lines:
        rows = slice(start, start + item.two_theta.size)
        start = rows.stop
        if item.phase not in refined or item.phase not in phases:
            continue
        try:
            directions = Symmetry.from_name(phases[item.phase].space_group).metric_basis()
        except ValueError:
            continue
        moved = np.zeros((two_theta.size, directions.shape[1]))
        moved[rows] = quadratic_form(item.hkl) @ directions / np.sin(two_theta[rows])[:, None]
        columns.append(moved[:, np.any(moved != 0.0, axis=0)])
    return np.column_stack(columns) if columns else np.zeros((two_theta.size, 0))


def _widths(
    histogram: Histogram,
    result: Result,
    lines: Sequence[Reflections],
    found: Mapping[str, Parameter],
    two_theta: Array,
    weights: Array,
) -> Iterator[Finding]:
    shapes = {"X": 1.0 / np.cos(two_theta / 2.0), "Y": np.tan(two_theta / 2.0)}
    owner = np.concatenate([np.full(item.two_theta.size, item.phase) for item in lines])
    nothing = np.zeros((two_theta.size, 0))
    for key, group in _WIDTHS.items():
        instrument = found.get(f"{histogram.name}:{key}")
        samples = {phase.name: found.get(f"{phase.name}:{histogram.name}:{group}") for phase in result.phases}
        mixes = (found.get(f"{phase.name}:{histogram.name}:{group}_mix") for phase in result.phases)
        if instrument is None or any(mix is not None and mix.value < _LORENTZIAN for mix in mixes):
            continue
        held = [name for name, sample in samples.items() if sample is not None and sample.esd is None]
        freed = [name for name, sample in samples.items() if sample is not None and sample.esd is not None]
        own = {name: shapes[key] * (owner == name) for name in samples}
        if instrument.esd is not None and held and not freed:
            others = np.column_stack([own[name] for name in held])
            yield from _findings(histogram, key, {group: alike(shapes[key], others, nothing, weights)}, "broaden")
        elif instrument.esd is None and freed:
            # Two phases with sizes of their own are more than one X can be.
            value = min(alike(own[name], shapes[key][:, None], nothing, weights) for name in freed)
            yield from _findings(histogram, group, {key: value}, "broaden")


def _findings(histogram: Histogram, freed: str, others: Mapping[str, float], verb: str) -> Iterator[Finding]:
    near = {other: value for other, value in others.items() if value > LIMITS.exchangeable}
    if not near:
        return
    low, high = histogram.limits
    values = " and ".join(f"{value:.3f}" for value in near.values())
    yield Finding(
        "exchangeable",
        Severity.INFO,
        f"{freed} of {histogram.name} stands for {' or '.join(near)} as well: over {low:g} to {high:g}° they {verb} "
        f"lines alike ({values})",
        near,
    )

"""Corrections that cannot be told apart: they shift or broaden the peaks of a histogram alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.limits import LIMITS
from autogsas.builtin.checks.lookup import of_histogram, of_phase
from autogsas.crystal.symmetry import Symmetry, quadratic_form
from autogsas.model.instrument import Geometry
from autogsas.model.project import Histogram
from autogsas.model.result import Curves, Finding, Parameter, ParameterGroup, Reflections, Result, Severity
from autogsas.model.structure import Phase

__all__ = ["alike", "check_exchange"]

Array = npt.NDArray[np.float64]

# The width of the sample that broadens the peaks as each width of the instrument does.
_WIDTHS: tuple[tuple[ParameterGroup, ParameterGroup], ...] = (("X", "size"), ("Y", "strain"))
_SHIFTING: tuple[ParameterGroup, ...] = ("zero", "displacement", "transparency")
_LORENTZIAN = 0.9  # Lorentzian share from which a broadening is as Lorentzian as X and Y; not measured
_ENOUGH_PEAKS = 3  # fewer cannot show a difference


@dataclass(frozen=True)
class _Peaks:
    """The peaks of all phases in a histogram: ``two_theta`` (n,) in radians and ``weights`` (n,)."""

    sets: Sequence[Reflections]
    two_theta: Array
    weights: Array

    @classmethod
    def of(cls, sets: Sequence[Reflections]) -> _Peaks:
        """Return the peaks, weighted by intensity over width squared: the information they have on their positions."""
        two_theta = np.radians(np.concatenate([item.two_theta for item in sets]))
        width = np.concatenate([item.fwhm for item in sets])
        intensity = np.concatenate([item.intensity for item in sets])
        weights = np.where(width > 0, np.maximum(intensity, 0.0) / np.where(width > 0, width, 1.0) ** 2, 0.0)
        inside = (two_theta > 0) & (two_theta < np.pi) & np.isfinite(weights)
        return cls(sets, np.where(inside, two_theta, 1.0), np.where(inside, weights, 0.0))


@dataclass(frozen=True)
class _Shift:
    """A parameter that shifts the peaks, and its ``curve`` (n,): the shift by 2theta, in any unit."""

    label: str
    parameter: Parameter
    curve: Array


def alike(curve: Array, others: Array, taken: Array, weights: Array) -> float:
    """Return the correlation of ``curve`` (n,) with the nearest combination of ``others`` (n, k).

    What ``taken`` (n, m) can take up of either is left out; ``weights`` (n,). Zero where nothing is left of one.
    """
    root = np.sqrt(weights)[:, None]
    left = root * np.column_stack([curve, others])
    size = np.linalg.norm(left, axis=0)
    own = root * taken
    norms = np.linalg.norm(own, axis=0)
    own = own[:, norms > 0] / norms[norms > 0]  # a phase without intensity here has peaks of no weight
    if own.shape[1]:
        directions, values, _ = np.linalg.svd(own, full_matrices=False)
        directions = directions[:, values > 1e-6 * values[0]]
        left = left - directions @ (directions.T @ left)
    lengths = np.linalg.norm(left, axis=0)
    if lengths[0] <= 1e-6 * size[0] or np.all(lengths[1:] <= 1e-6 * size[1:]):
        return 0.0
    target, rest = left[:, 0] / lengths[0], left[:, 1:]
    fitted = rest @ np.linalg.lstsq(rest, target, rcond=None)[0]
    return min(float(np.linalg.norm(fitted)), 1.0)


def check_exchange(histogram: Histogram, curves: Curves, result: Result) -> Iterator[Finding]:
    """Report refined shifts and widths that cannot be told apart from others that were not refined.

    Shifts of 2theta: the zero a constant; Bragg-Brentano, displacement as cos(theta) and transparency as sin(2theta);
    Debye-Scherrer, displacement as cos(2theta) and sin(2theta) (Wilson, Mathematical Theory of X-ray Powder
    Diffractometry (1963)), each less what the refined cells and the other refined shifts can take up. Lorentzian
    widths: X and size as 1/cos(theta), Y and strain as tan(theta).
    """
    sets = [item for item in curves.reflections if item.two_theta.size]
    if sum(item.two_theta.size for item in sets) < _ENOUGH_PEAKS:
        return
    peaks = _Peaks.of(sets)
    if np.count_nonzero(peaks.weights) < _ENOUGH_PEAKS:
        return
    yield from _shifts(histogram, curves.geometry or histogram.instrument.geometry, result, peaks)
    yield from _widths(histogram, result, peaks)


def _shifting(histogram: Histogram, geometry: Geometry | None, result: Result, two_theta: Array) -> Iterator[_Shift]:
    """Yield the parameters that shift the peaks of a histogram in its geometry."""
    zero, displacement, transparency = (np.ones_like(two_theta), np.cos(two_theta / 2.0), np.sin(two_theta))
    along, across = np.cos(two_theta), np.sin(two_theta)
    found = {group: of_histogram(result, histogram.name, group) for group in _SHIFTING}
    yield from (_Shift("zero", parameter, zero) for parameter in found["zero"][:1])
    if geometry != "Bragg-Brentano":
        labels = (("displacement along the beam", along), ("displacement across the beam", across))
        for (label, curve), parameter in zip(labels, found["displacement"], strict=False):
            yield _Shift(label, parameter, curve)
        return
    yield from (_Shift("displacement", parameter, displacement) for parameter in found["displacement"][:1])
    yield from (_Shift("transparency", parameter, transparency) for parameter in found["transparency"][:1])


def _shifts(histogram: Histogram, geometry: Geometry | None, result: Result, peaks: _Peaks) -> Iterator[Finding]:
    shifts = list(_shifting(histogram, geometry, result, peaks.two_theta))
    refined = [shift for shift in shifts if shift.parameter.esd is not None]
    cells = _cells(result, peaks)
    for one in refined:
        taken = np.column_stack([cells, *(other.curve for other in refined if other is not one)])
        values = {
            other.label: alike(one.curve, other.curve[:, None], taken, peaks.weights)
            for other in shifts
            if other.parameter.esd is None
        }
        yield from _findings(histogram, one.label, values, "shift")


def _cells(result: Result, peaks: _Peaks) -> Array:
    """Return the shifts (n, m) by refined cells, one column a free direction of the metric: d(1/d^2)/sin(2theta)."""
    two_theta = peaks.two_theta
    refined = {p.phase for p in result.parameters if p.group == "cell" and p.esd is not None}
    phases: dict[str, Phase] = {phase.name: phase for phase in result.phases}
    columns = []
    start = 0
    for item in peaks.sets:
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


def _widths(histogram: Histogram, result: Result, peaks: _Peaks) -> Iterator[Finding]:
    two_theta, weights = peaks.two_theta, peaks.weights
    curves = {"X": 1.0 / np.cos(two_theta / 2.0), "Y": np.tan(two_theta / 2.0)}
    owner = np.concatenate([np.full(item.two_theta.size, item.phase) for item in peaks.sets])
    nothing = np.zeros((two_theta.size, 0))
    for key, group in _WIDTHS:
        instrument = of_histogram(result, histogram.name, key)
        mix: ParameterGroup = "size_mix" if group == "size" else "strain_mix"
        mixes = [p for phase in result.phases for p in of_phase(result, phase.name, histogram.name, mix)]
        if not instrument or any(parameter.value < _LORENTZIAN for parameter in mixes):
            continue
        samples = {phase.name: _isotropic(result, phase, histogram.name, group) for phase in result.phases}
        fixed = [name for name, sample in samples.items() if sample is not None and sample.esd is None]
        refined = [name for name, sample in samples.items() if sample is not None and sample.esd is not None]
        own = {name: curves[key] * (owner == name) for name in samples}
        if instrument[0].esd is not None and fixed and not refined:
            others = np.column_stack([own[name] for name in fixed])
            yield from _findings(histogram, key, {group: alike(curves[key], others, nothing, weights)}, "broaden")
        elif instrument[0].esd is None and refined:
            # Two phases with different sizes broaden in a way that one X cannot.
            value = min(alike(own[name], curves[key][:, None], nothing, weights) for name in refined)
            yield from _findings(histogram, group, {key: value}, "broaden")


def _isotropic(result: Result, phase: Phase, histogram: str, group: ParameterGroup) -> Parameter | None:
    """Return the isotropic size or strain of a phase; None for broadening that depends on the direction."""
    found = of_phase(result, phase.name, histogram, group)
    return found[0] if len(found) == 1 else None


def _findings(histogram: Histogram, refined: str, others: Mapping[str, float], verb: str) -> Iterator[Finding]:
    near = {other: value for other, value in others.items() if value > LIMITS.exchangeable}
    if not near:
        return
    low, high = histogram.limits
    values = " and ".join(f"{value:.3f}" for value in near.values())
    yield Finding(
        "exchangeable",
        Severity.INFO,
        f"{refined} and {' or '.join(near)} of {histogram.name} cannot be told apart: over {low:g} to {high:g}° they "
        f"{verb} the peaks alike (correlation {values})",
        near,
    )

"""The calculated pattern of one histogram, and its Jacobian by the chain rule from lines to points."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.engine import axial_terms
from autogsas.engine.lineshape import SIGMA_TO_FWHM
from autogsas.engine.parameters import INSTRUMENT, LEAST_SHL, Layout
from autogsas.engine.peaks import PeakDerivatives, Peaks, ReflectionSet
from autogsas.engine.profile import ALL_KINDS, Plan, Shapes

__all__ = ["PatternModel", "PhasePattern", "cut_offs"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DEGREE = np.pi / 180.0
# GSAS-II's cut-offs: 50 widths towards the side on which the axial tail is, 75 on the other.
_CUT_TAIL, _CUT_OTHER = 50.0, 75.0
_WIDEST = 60.0  # degrees
_ROOM = 0.3  # degrees by which the last reflection may move before they are listed anew
_SLACK = 0.3  # of its width, by which a line may move before its plan is made anew


@dataclass(frozen=True)
class PhasePattern:
    """One phase's part of a pattern: ``unit`` (n,) at unit scale, its peaks and its shapes.

    ``lines`` is how many lines its reflections make.

    ``jacobian`` (n, len(columns)) at the present scale for the variables ``columns``, where it was asked for, and with
    it the peaks' derivatives by the same variables.
    """

    unit: Array
    peaks: Peaks
    shapes: Shapes
    lines: int
    columns: Ints
    jacobian: Array | None
    derivatives: PeakDerivatives | None


class PatternModel:
    """The Bragg part of histogram ``h`` at the points ``x`` (n,), ascending 2theta in degrees.

    Reflections are worked out once, at the cell of ``raw``; build a new model when the cell has moved far.
    """

    def __init__(self, layout: Layout, h: int, x: Array, raw: Array) -> None:
        self.x = x
        self._layout, self._h = layout, h
        instrument = layout.histograms[h].instrument
        self._wavelengths = instrument.wavelengths
        self._ratio = instrument.ratio
        self._held = False
        self._like_gsas2 = layout.histograms[h].axial_sum == "GSAS-II"
        top = float(x[-1]) if x.size else 0.0
        self._built_at = raw.copy()
        self._slack = _ROOM / (2.0 * np.tan(min(top + 1.0, 178.0) * _DEGREE / 2.0)) * _DEGREE
        self.sets = [ReflectionSet(layout, p, h, raw, top) for p in range(len(layout.phases))]
        self._plans: list[Plan | None] = [None] * len(self.sets)
        self._kept: list[_Kept | None] = [None] * len(self.sets)

    def phase(
        self, p: int, raw: Array, directions: Array | None = None, kinds: frozenset[str] | None = None
    ) -> PhasePattern:
        """Return the pattern of phase ``p`` at raw parameters; with ``directions`` (raw, v) the Jacobian too.

        ``kinds`` are the derivatives of shapes to work out, of `ALL_KINDS`: those the Jacobian at the same place will
        need, so that one pass serves both. None: all with directions, none without. Raises ValueError where the
        parameters are outside all sense (no cell volume, widths not finite).
        """
        reflections = self.sets[p]
        local: Array | None = None
        columns = np.zeros(0, dtype=np.int64)
        if directions is not None:
            local = directions[reflections.local]
            columns = np.flatnonzero(np.any(local != 0.0, axis=0))
            local = local[:, columns]
        peaks, derivatives = reflections.peaks(raw, local)
        scale = float(raw[self._layout.pair[p][self._h]][0])
        shl = self._shl(raw)
        lines = self._lines(peaks)
        unit_intensity = lines.spread(peaks.base)
        if kinds is None:
            kinds = frozenset() if directions is None else ALL_KINDS
        found = self._shapes(p, peaks, lines, shl, kinds)
        unit = found.combine({"value": unit_intensity})
        if not np.all(np.isfinite(unit)):
            raise ValueError("the calculated pattern is not finite")
        jacobian = None
        if derivatives is not None and local is not None:
            jacobian = self._jacobian(p, peaks, derivatives, lines, found, scale, shl, local)
        return PhasePattern(unit, peaks, found, lines.two_theta.size, columns, jacobian, derivatives)

    def serves(self, raw: Array) -> bool:
        """Whether the reflections listed are still those of the range, the cell being where it is in ``raw``."""
        return all(
            np.max(np.abs(raw[cell] - self._built_at[cell])) <= self._slack * np.max(np.abs(raw[cell]))
            for cell in self._layout.cell
        )

    def beside(self) -> PatternModel:
        """Return a model of the same reflections whose use leaves no trace in how this one lays its lines out."""
        other = copy.copy(self)
        other._held = False
        other._plans = [None] * len(self.sets)
        other._kept = [None] * len(self.sets)
        return other

    def inherit(self, other: PatternModel) -> None:
        """Take over the intensities that another model of the same histogram has found."""
        for mine, theirs in zip(self.sets, other.sets, strict=True):
            if mine.intensities is None or theirs.intensities is None:
                continue
            known = dict(zip(map(tuple, theirs.hkl.tolist()), theirs.intensities.tolist(), strict=True))
            usual = float(np.median(theirs.intensities)) if theirs.intensities.size else 1.0
            mine.intensities = np.array([known.get(tuple(hkl), usual) for hkl in mine.hkl.tolist()])

    def hold(self, on: bool) -> None:
        """Say whether lines keep the number of terms of GSAS-II's axial sum that they have, wherever they go."""
        if on != self._held:
            self._held = on
            self._kept = [None] * len(self.sets)

    def share_out(self, raw: Array, net: Array, bragg: Array) -> bool:
        """Give each reflection of a phase without structure its share of ``net`` (n,), the pattern less background.

        ``bragg`` (n,) is the calculated Bragg part of all phases. Le Bail, Duroy & Fourquet (1988), after Rietveld
        (1969), eq. 7. Returns whether there is such a phase.
        """
        floor = 1e-9 * float(np.max(np.abs(bragg), initial=1e-200))
        ratio = np.where(bragg > floor, net / np.maximum(bragg, floor), 0.0)
        found = False
        for p, reflections in enumerate(self.sets):
            if reflections.intensities is None:
                continue
            found = True
            pattern = self.phase(p, raw)
            k = reflections.intensities.size
            lines = k * len(self._wavelengths)
            share, under = (
                pattern.shapes.gather(curve, lines).reshape(-1, k) for curve in (ratio, (bragg > floor).astype(float))
            )
            weights = np.array([1.0, self._ratio])[: len(share), None]
            seen = (weights * under).sum(axis=0)
            factor = np.where(seen > 0, (weights * share).sum(axis=0) / np.where(seen > 0, seen, 1.0), 1.0)
            reflections.intensities = np.maximum(reflections.intensities * np.maximum(factor, 1e-3), 1e-12)
        return found

    def _shl(self, raw: Array) -> float:
        return max(float(raw[self._layout.instrument[self._h]][INSTRUMENT.index("SH/L")]), LEAST_SHL)

    def _terms(self, peaks: Peaks, lines: _Lines, shl: float) -> Ints | None:
        return axial_terms.terms(lines.two_theta, shl, lines.repeat(peaks.gamma)) if self._like_gsas2 else None

    def _lines(self, peaks: Peaks) -> _Lines:
        if len(self._wavelengths) == 1:
            return _Lines(peaks.two_theta, np.ones_like(peaks.two_theta), 1, 0.0)
        first, second = self._wavelengths
        # The second line to first order in the difference of wavelengths, as GSAS-II places it.
        split = 360.0 * (second - first) / (np.pi * first)
        theta = peaks.two_theta * _DEGREE / 2.0
        other = peaks.two_theta + split * np.tan(theta)
        slope = 1.0 + split * 0.5 * _DEGREE / np.cos(theta) ** 2
        return _Lines(np.concatenate([peaks.two_theta, other]), slope, 2, self._ratio)

    def _shapes(self, p: int, peaks: Peaks, lines: _Lines, shl: float, kinds: frozenset[str]) -> Shapes:
        fwhm, eta = lines.repeat(peaks.mix.fwhm), lines.repeat(peaks.mix.eta)
        if not np.all(fwhm < _WIDEST):
            raise ValueError(f"lines wider than {_WIDEST:g} degrees")
        kept = self._kept[p]
        if kept is not None and kept.serves(lines.two_theta, fwhm, eta, shl, kinds):
            return kept.shapes
        plan = self._plans[p]
        terms = plan.terms if plan is not None and self._held else self._terms(peaks, lines, shl)
        if plan is None or not plan.fits(lines.two_theta, fwhm, shl, _SLACK) or not _same(terms, plan.terms):
            ends = cut_offs(lines.two_theta, lines.repeat(peaks.variance), lines.repeat(peaks.gamma), shl)
            plan = self._plans[p] = Plan(self.x, lines.two_theta, fwhm, shl, *ends, terms)
        found = plan.shapes(lines.two_theta, fwhm, eta, shl, kinds)
        self._kept[p] = _Kept(lines.two_theta, fwhm, eta, shl, kinds, found)
        return found

    def _jacobian(
        self,
        p: int,
        peaks: Peaks,
        by: PeakDerivatives,
        lines: _Lines,
        found: Shapes,
        scale: float,
        shl: float,
        local: Array,
    ) -> Array:
        out = np.zeros((self.x.size, local.shape[1]))
        intensity = scale * lines.spread(peaks.base)[:, None]
        # Atoms move intensities alone, widths move widths alone; the cell and the corrections move everything.
        moves = np.any(by.position != 0.0, axis=0)
        widens = np.any(by.variance != 0.0, axis=0) | np.any(by.gamma != 0.0, axis=0)
        changes = np.any(by.intensity != 0.0, axis=0)
        mix = peaks.mix
        fwhm = mix.fwhm_by_variance[:, None] * by.variance + mix.fwhm_by_gamma[:, None] * by.gamma
        eta = mix.eta_by_variance[:, None] * by.variance + mix.eta_by_gamma[:, None] * by.gamma
        d_intensity = lines.spread(by.intensity)
        d_position = intensity * lines.moved(by.position)
        d_fwhm, d_eta = intensity * lines.repeat(fwhm), intensity * lines.repeat(eta)
        for group in (moves, ~moves & widens & ~changes, ~moves & ~widens & changes, ~moves & widens & changes):
            if not np.any(group):
                continue
            parts: dict[str, Array] = {}
            if np.any(changes & group):
                parts["value"] = d_intensity[:, group]
            if np.any(moves & group):
                parts["position"] = d_position[:, group]
            if np.any(widens & group):
                parts["fwhm"], parts["eta"] = d_fwhm[:, group], d_eta[:, group]
            out[:, group] = found.combine(parts)
        axial_row = local[self.sets[p].shl_row]
        if np.any(axial_row != 0.0) and shl >= LEAST_SHL:
            out += np.outer(found.combine({"shl": intensity[:, 0]}), axial_row)
        return out


def cut_offs(two_theta: Array, variance: Array, gamma: Array, shl: float) -> tuple[Array, Array]:
    """Return how far below and above each line (n,) is cut off, in degrees, as GSAS-II does (getWidthsCW)."""
    width = SIGMA_TO_FWHM * np.sqrt(variance) + gamma
    tail = _CUT_TAIL * (width + shl * np.abs(np.cos(two_theta * _DEGREE)))
    other = _CUT_OTHER * width
    low = two_theta <= 90.0
    return np.where(low, tail, other), np.where(low, other, tail)


def _same(one: Ints | None, other: Ints | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


@dataclass(frozen=True)
class _Kept:
    """The shapes worked out last, for lines that have not moved since: only intensities have."""

    two_theta: Array
    fwhm: Array
    eta: Array
    shl: float
    kinds: frozenset[str]
    shapes: Shapes

    def serves(self, two_theta: Array, fwhm: Array, eta: Array, shl: float, kinds: frozenset[str]) -> bool:
        return (
            kinds <= self.kinds
            and self.shl == shl
            and np.array_equal(self.two_theta, two_theta)
            and np.array_equal(self.fwhm, fwhm)
            and np.array_equal(self.eta, eta)
        )


@dataclass(frozen=True)
class _Lines:
    """The lines of k reflections: one each, or K-alpha1 of all and then K-alpha2 of all.

    ``slope`` (k,) is how fast the second line moves with the first, ``ratio`` its share of intensity.
    """

    two_theta: Array
    slope: Array
    count: int
    ratio: float

    def repeat(self, values: Array) -> Array:
        """Return reflections' values (k, ...) for lines, the same for both."""
        return values if self.count == 1 else np.concatenate([values, values])

    def spread(self, values: Array) -> Array:
        """Return reflections' intensities (k, ...) for lines, the second at its ratio."""
        return values if self.count == 1 else np.concatenate([values, self.ratio * values])

    def moved(self, values: Array) -> Array:
        """Return derivatives of reflections' positions (k, v) for lines."""
        return values if self.count == 1 else np.concatenate([values, self.slope[:, None] * values])

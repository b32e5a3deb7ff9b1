"""The calculated pattern of one histogram, and its Jacobian by the chain rule from peaks to points."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.engine import axial_terms
from autogsas.engine.lineshape import SIGMA_TO_FWHM
from autogsas.engine.parameters import INSTRUMENT, LEAST_SHL, Layout
from autogsas.engine.peaks import PeakDerivatives, Peaks, ReflectionSet
from autogsas.engine.profile import ALL_KINDS, Plan, Shapes
from autogsas.model.sample import Axis

__all__ = ["PatternModel", "PhasePattern", "cut_offs"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DEGREE = np.pi / 180.0
# GSAS-II's cut-offs (getWidthsCW): 50 widths on the side of the axial tail, 75 on the other.
_CUT_TAIL, _CUT_OTHER = 50.0, 75.0
_WIDEST = 60.0  # degrees; not measured
_ROOM = 0.3  # degrees that the last reflection may move before the reflections are listed again; not measured
_SLACK = 0.3  # of its width, that a peak may move before its plan is made again; not measured


@dataclass(frozen=True)
class PhasePattern:
    """One phase's part of a pattern: ``unit`` (n,) at unit scale, its peaks, their shapes and the plan of the shapes.

    ``n_peaks`` counts K-alpha1 and K-alpha2 separately. ``jacobian`` (n, len(columns)) is at the present scale for the
    variables ``columns``, where directions were given, with the ``derivatives`` of the peaks by the same variables.
    """

    unit: Array
    peaks: Peaks
    shapes: Shapes
    plan: Plan
    n_peaks: int
    columns: Ints
    jacobian: Array | None
    derivatives: PeakDerivatives | None


class PatternModel:
    """The Bragg part of histogram ``h`` at the points ``x`` (n,), ascending 2theta in degrees.

    Reflections are listed once, at the cell of ``raw``; build a new model when the cell has moved far. ``plans``, one
    a phase, are those with which the next fit begins; None: a new one.
    """

    def __init__(self, layout: Layout, h: int, x: Array, raw: Array) -> None:
        self.x = x
        self._layout, self._h = layout, h
        instrument = layout.histograms[h].instrument
        self._wavelengths = instrument.wavelengths
        self._ratio = instrument.ratio
        self._like_gsas2 = layout.histograms[h].axial_sum == "GSAS-II"
        top = float(x[-1]) if x.size else 0.0
        self._built_at = raw.copy()
        self._slack = _ROOM / (2.0 * np.tan(min(top + 1.0, 178.0) * _DEGREE / 2.0)) * _DEGREE
        self.sets = [ReflectionSet(layout, p, h, raw, top) for p in range(len(layout.phases))]
        self.plans: tuple[Plan | None, ...] = (None,) * len(self.sets)
        # The last evaluation of each phase, so that the Jacobian at the same place costs no second one.
        self._kept: list[_Kept | None] = [None] * len(self.sets)
        self._drawn: list[_Evaluation | None] = [None] * len(self.sets)

    @classmethod
    def beside(cls, other: PatternModel, layout: Layout, raw: Array) -> PatternModel:
        """Return the model of the same points for another layout, whose raw parameters are those of the other's.

        What was evaluated of a phase serves again as far as the change of layout leaves it as it is.
        """
        model = other.copy()
        model._layout = layout
        top = float(model.x[-1]) if model.x.size else 0.0
        plans = list(other.plans)
        for p, (one, before) in enumerate(zip(layout.phases, other._layout.phases, strict=True)):
            if one is before:
                continue
            model.sets[p] = ReflectionSet(layout, p, model._h, raw, top)
            model._drawn[p] = None
            if not np.array_equal(model.sets[p].hkl, other.sets[p].hkl):
                model._kept[p] = plans[p] = None
        model.plans = tuple(plans)
        return model

    def phase(
        self,
        p: int,
        raw: Array,
        directions: Array | None = None,
        kinds: frozenset[str] | None = None,
        plan: Plan | None = None,
        *,
        same_terms: bool = False,
    ) -> PhasePattern:
        """Return the pattern of phase ``p`` at raw parameters; with ``directions`` (raw, v) the Jacobian too.

        ``kinds`` are the derivatives of shapes to calculate, of `ALL_KINDS`: those the Jacobian at the same place will
        need, so that one evaluation serves both. None: all with directions, none without. ``plan`` is used where it
        fits, otherwise a new one, which with ``same_terms`` keeps its number of terms of GSAS-II's axial sums. The
        result depends on the arguments and the intensities of `sets` alone, not on earlier calls. Raises ValueError
        where the parameters have no pattern (no cell volume, widths not finite).
        """
        reflections = self.sets[p]
        local: Array | None = None
        columns = np.zeros(0, dtype=np.int64)
        if directions is not None:
            local = directions[reflections.local]
            columns = np.flatnonzero(np.any(local != 0.0, axis=0))
            local = local[:, columns]
        here = raw[reflections.local]
        known = self._drawn[p]
        if known is not None and known.serves(here, local, kinds, plan, same_terms, reflections.intensities):
            return replace(known.pattern, columns=columns)
        peaks, derivatives = reflections.peaks(raw, local)
        doublets = self._doublets(peaks)
        intensity = doublets.spread(peaks.base)
        if kinds is None:
            kinds = frozenset() if directions is None else ALL_KINDS
        wanted = plan
        shapes, plan = self._shapes(p, peaks, doublets, self._shl(raw), kinds, plan, same_terms)
        unit = shapes.combine({"value": intensity})
        if not np.all(np.isfinite(unit)):
            raise ValueError("the calculated pattern is not finite")
        jacobian = None
        if derivatives is not None and local is not None:
            scale = float(raw[self._layout.pair[p][self._h]][0])
            drawn = _Drawn(peaks, doublets, shapes, scale * intensity[:, None])
            jacobian = drawn.jacobian(derivatives, local[reflections.shl_row])
        found = PhasePattern(unit, peaks, shapes, plan, doublets.two_theta.size, columns, jacobian, derivatives)
        kept = self._kept[p]
        has = kinds if kept is None else kept.kinds
        self._drawn[p] = _Evaluation(here, local, has, wanted, same_terms, reflections.intensities, found)
        return found

    def orienting(self, p: int, raw: Array, axis: Axis, ratio: float) -> Array:
        """Return the change of the pattern by an orientation of phase ``p``, which has none, and its slope; (n, 2).

        Both are at the present scale; the slope is by the ratio, at ``ratio``.
        """
        metric = raw[self._layout.cell[p]]
        found = self.phase(p, raw, kinds=ALL_KINDS, plan=self.plans[p])
        by = self.sets[p].oriented(axis, ratio, metric)
        base = found.peaks.base * float(raw[self._layout.pair[p][self._h]][0])
        columns = np.stack([base * (by.factor - 1.0), base * by.by_ratio], axis=1)
        return found.shapes.combine({"value": self._doublets(found.peaks).spread(columns)})

    def serves(self, raw: Array) -> bool:
        """Whether the reflections listed are still those of the range, the cell being where it is in ``raw``."""
        return all(
            np.max(np.abs(raw[cell] - self._built_at[cell])) <= self._slack * np.max(np.abs(raw[cell]))
            for cell in self._layout.cell
        )

    def copy(self) -> PatternModel:
        """Return another model in the same state."""
        other = copy.copy(self)
        other.sets = [copy.copy(reflections) for reflections in self.sets]
        other._kept, other._drawn = list(self._kept), list(self._drawn)
        return other

    def inherit(self, other: PatternModel) -> None:
        """Take over the intensities that another model of the same histogram has found."""
        for mine, theirs in zip(self.sets, other.sets, strict=True):
            if mine.intensities is None or theirs.intensities is None:
                continue
            known = dict(zip(map(tuple, theirs.hkl.tolist()), theirs.intensities.tolist(), strict=True))
            usual = float(np.median(theirs.intensities)) if theirs.intensities.size else 1.0
            mine.intensities = np.array([known.get(tuple(hkl), usual) for hkl in mine.hkl.tolist()])

    def share_out(self, patterns: list[PhasePattern], net: Array, bragg: Array, weights: Array) -> bool:
        """Give each reflection of a phase without structure its share of ``net`` (n,), the pattern less background.

        ``patterns`` are those of all phases, ``bragg`` (n,) their sum with scales, ``weights`` (n,) 1/sigma^2, zero for
        points that do not count. With the reflection's profile p_i, I_new = I sum w_i p_i net_i/sum w_i p_i bragg_i:
        the division in proportion to the calculated intensities of Le Bail, Duroy & Fourquet, Mater. Res. Bull. 23, 447
        (1988), with the weights of the least squares, so that no share raises chi^2 (Daube-Witherspoon & Muehllehner,
        IEEE Trans. Med. Imaging 5, 61 (1986); Lee & Seung, Adv. Neural Inf. Process. Syst. 13, 556 (2001), theorem 1).
        Returns whether there is such a phase.
        """
        found = False
        for reflections, pattern in zip(self.sets, patterns, strict=True):
            if reflections.intensities is None:
                continue
            found = True
            k = reflections.intensities.size
            observed, calculated = (
                pattern.shapes.gather(weights * curve, pattern.n_peaks).reshape(-1, k) for curve in (net, bragg)
            )
            lines = np.array([1.0, self._ratio])[: len(observed), None]
            wanted, present = (lines * observed).sum(axis=0), (lines * calculated).sum(axis=0)
            factor = np.where(present > 0, wanted / np.where(present > 0, present, 1.0), 1.0)
            reflections.intensities = np.maximum(reflections.intensities * np.maximum(factor, 1e-3), 1e-12)
        return found

    def _shl(self, raw: Array) -> float:
        return max(float(raw[self._layout.instrument[self._h]][INSTRUMENT.index("SH/L")]), LEAST_SHL)

    def _terms(self, peaks: Peaks, doublets: _Doublets, shl: float) -> Ints | None:
        return axial_terms.terms(doublets.two_theta, shl, doublets.repeat(peaks.gamma)) if self._like_gsas2 else None

    def _doublets(self, peaks: Peaks) -> _Doublets:
        """Return the peaks with K-alpha2 at 2theta + 360 (l2 - l1)/(pi l1) tan(theta) degrees.

        That is Bragg's law to first order in the difference of the wavelengths l1 and l2, as GSAS-II places it.
        """
        if len(self._wavelengths) == 1:
            return _Doublets(peaks.two_theta, np.ones_like(peaks.two_theta), 1, 0.0)
        first, second = self._wavelengths
        split = 360.0 * (second - first) / (np.pi * first)
        theta = peaks.two_theta * _DEGREE / 2.0
        other = peaks.two_theta + split * np.tan(theta)
        slope = 1.0 + split * 0.5 * _DEGREE / np.cos(theta) ** 2
        return _Doublets(np.concatenate([peaks.two_theta, other]), slope, 2, self._ratio)

    def _shapes(
        self,
        p: int,
        peaks: Peaks,
        doublets: _Doublets,
        shl: float,
        kinds: frozenset[str],
        wanted: Plan | None,
        same_terms: bool,
    ) -> tuple[Shapes, Plan]:
        """Return the shapes of all peaks, and the plan they were evaluated with: ``wanted`` where it fits."""
        fwhm, eta = doublets.repeat(peaks.mix.fwhm), doublets.repeat(peaks.mix.eta)
        if not np.all(fwhm < _WIDEST):
            raise ValueError(f"peaks wider than {_WIDEST:g} degrees")
        place = _Place(doublets.two_theta, fwhm, eta, shl, same_terms)
        kept = self._kept[p]
        if kept is not None and kept.serves(place, kinds, wanted):
            return kept.shapes, kept.plan
        terms = wanted.terms if wanted is not None and same_terms else self._terms(peaks, doublets, shl)
        plan = wanted
        if plan is None or not plan.fits(doublets.two_theta, fwhm, shl, _SLACK) or not _same(terms, plan.terms):
            ends = cut_offs(doublets.two_theta, doublets.repeat(peaks.variance), doublets.repeat(peaks.gamma), shl)
            plan = Plan(self.x, doublets.two_theta, fwhm, shl, *ends, terms)
        shapes = plan.shapes(doublets.two_theta, fwhm, eta, shl, kinds)
        self._kept[p] = _Kept(place, kinds, wanted, plan, shapes)
        return shapes, plan


def cut_offs(two_theta: Array, variance: Array, gamma: Array, shl: float) -> tuple[Array, Array]:
    """Return how far below and above each peak (n,) is cut off, in degrees, as GSAS-II does (getWidthsCW)."""
    width = SIGMA_TO_FWHM * np.sqrt(variance) + gamma
    tail = _CUT_TAIL * (width + shl * np.abs(np.cos(two_theta * _DEGREE)))
    other = _CUT_OTHER * width
    low = two_theta <= 90.0
    return np.where(low, tail, other), np.where(low, other, tail)


def _same(one: Ints | None, other: Ints | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


@dataclass(frozen=True)
class _Place:
    """All that shapes depend on besides the plan."""

    two_theta: Array
    fwhm: Array
    eta: Array
    shl: float
    same_terms: bool

    def equals(self, other: _Place) -> bool:
        return (
            self.shl == other.shl
            and self.same_terms == other.same_terms
            and np.array_equal(self.two_theta, other.two_theta)
            and np.array_equal(self.fwhm, other.fwhm)
            and np.array_equal(self.eta, other.eta)
        )


@dataclass(frozen=True)
class _Kept:
    """The last evaluation: it serves again where only intensities change. ``wanted`` is the plan it was given."""

    place: _Place
    kinds: frozenset[str]
    wanted: Plan | None
    plan: Plan
    shapes: Shapes

    def serves(self, place: _Place, kinds: frozenset[str], wanted: Plan | None) -> bool:
        # The plan that was used fits here, so that asking for it gives the same.
        same_plan = wanted is self.wanted or wanted is self.plan
        return same_plan and kinds <= self.kinds and self.place.equals(place)


@dataclass(frozen=True)
class _Evaluation:
    """The last pattern of a phase, and all that it depends on: raw parameters, directions, how it was evaluated."""

    raw: Array
    directions: Array | None
    kinds: frozenset[str]
    wanted: Plan | None
    same_terms: bool
    intensities: Array | None
    pattern: PhasePattern

    def serves(
        self,
        raw: Array,
        directions: Array | None,
        kinds: frozenset[str] | None,
        wanted: Plan | None,
        same_terms: bool,
        intensities: Array | None,
    ) -> bool:
        same_plan = wanted is self.wanted or wanted is self.pattern.plan
        if not (same_plan and same_terms == self.same_terms and intensities is self.intensities):
            return False
        if kinds is None:
            kinds = frozenset() if directions is None else ALL_KINDS
        if not kinds <= self.kinds or not np.array_equal(raw, self.raw):
            return False
        return directions is None or (self.directions is not None and np.array_equal(directions, self.directions))


@dataclass(frozen=True)
class _Doublets:
    """The peaks of k reflections: one each, or K-alpha1 of all and then K-alpha2 of all.

    ``slope`` (k,) is d(2theta of K-alpha2)/d(2theta of K-alpha1), ``ratio`` the intensity of K-alpha2 over K-alpha1.
    """

    two_theta: Array
    slope: Array
    count: int
    ratio: float

    def repeat(self, values: Array) -> Array:
        """Return reflections' values (k, ...) for all peaks, the same for both."""
        return values if self.count == 1 else np.concatenate([values, values])

    def spread(self, values: Array) -> Array:
        """Return reflections' intensities (k, ...) for all peaks, K-alpha2 at its ratio."""
        return values if self.count == 1 else np.concatenate([values, self.ratio * values])

    def moved(self, values: Array) -> Array:
        """Return derivatives of reflections' positions (k, v) for all peaks."""
        return values if self.count == 1 else np.concatenate([values, self.slope[:, None] * values])


@dataclass(frozen=True)
class _Drawn:
    """One phase as drawn: its peaks and shapes, and the ``intensity`` (l, 1) of all peaks at the present scale."""

    peaks: Peaks
    doublets: _Doublets
    shapes: Shapes
    intensity: Array

    def jacobian(self, by: PeakDerivatives, shl: Array) -> Array:
        """Return dy/dv (n, v) = sum over peaks of dI/dv s + I (ds/dx dx/dv + ds/dH dH/dv + ds/deta deta/dv).

        s is a peak's shape, x its 2theta, H its width, eta its mixing; to this comes I ds/d(SH/L) d(SH/L)/dv with
        ``shl`` (v,) for the last factor.
        """
        out = np.zeros((self.shapes.grid.x.size, by.position.shape[1]))
        doublets, intensity = self.doublets, self.intensity
        # Atoms move intensities alone, widths move widths alone; the cell and the corrections move everything.
        moves = np.any(by.position != 0.0, axis=0)
        widens = np.any(by.variance != 0.0, axis=0) | np.any(by.gamma != 0.0, axis=0)
        changes = np.any(by.intensity != 0.0, axis=0)
        mix = self.peaks.mix
        fwhm = mix.fwhm_by_variance[:, None] * by.variance + mix.fwhm_by_gamma[:, None] * by.gamma
        eta = mix.eta_by_variance[:, None] * by.variance + mix.eta_by_gamma[:, None] * by.gamma
        d_intensity = doublets.spread(by.intensity)
        d_position = intensity * doublets.moved(by.position)
        d_fwhm, d_eta = intensity * doublets.repeat(fwhm), intensity * doublets.repeat(eta)
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
            out[:, group] = self.shapes.combine(parts)
        if np.any(shl != 0.0):
            out += np.outer(self.shapes.combine({"shl": intensity[:, 0]}), shl)
        return out

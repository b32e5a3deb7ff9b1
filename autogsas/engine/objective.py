"""chi^2 of all histograms near one point, the same for the same values whatever was evaluated before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.engine.normal_equations import Linearised
from autogsas.engine.parameters import Layout
from autogsas.engine.pattern_model import PatternModel, PhasePattern
from autogsas.engine.profile import Plan

__all__ = ["Points", "RietveldObjective", "Setup", "weighted_solution"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """One histogram's points of one step: ``x``, ``y`` and ``weights`` (n,), and its background basis (n, t).

    ``refine_background`` is whether the coefficients of the basis are variables; ``fixed`` (n,) are broad background
    peaks added to it.
    """

    x: Array
    y: Array
    weights: Array
    basis: Array
    refine_background: bool
    fixed: Array


@dataclass(frozen=True)
class Setup:
    """All that chi^2 of a problem is calculated from, the same at every point.

    A problem's ``n_values`` values are those of its variables, then background coefficients. ``start`` (raw,) are the
    raw parameters and ``coefficients_at_start`` each histogram's background coefficients at the start; ``directions``
    (raw, v) those of the variables, whose values are those of the raw parameters ``first`` (v,). ``backgrounds`` are
    the places of each histogram's coefficients among the values, ``scales`` the place of the scale of (phase,
    histogram), both without those that are not refined; ``kinds`` the derivatives of shapes that each histogram needs.
    """

    layout: Layout
    models: tuple[PatternModel, ...]
    points: tuple[Points, ...]
    n_values: int
    start: Array
    coefficients_at_start: tuple[Array, ...]
    directions: Array
    first: npt.NDArray[np.int64]
    backgrounds: tuple[slice | None, ...]
    scales: Mapping[tuple[int, int], int]
    kinds: tuple[frozenset[str], ...]

    @property
    def n_observations(self) -> int:
        """The number of points that count."""
        return sum(int(np.count_nonzero(part.weights > 0)) for part in self.points)

    def raw(self, values: Array) -> Array:
        """Return the raw parameters at ``values``."""
        move = values[: len(self.first)] - self.start[self.first]
        return np.asarray(self.start + self.directions @ move)

    def coefficients(self, h: int, values: Array) -> Array:
        """Return the background coefficients of histogram ``h`` at ``values``."""
        part = self.backgrounds[h]
        return self.coefficients_at_start[h] if part is None else values[part]


@dataclass(frozen=True)
class RietveldObjective:
    """chi^2 with its penalty as a function of a problem's values; scales and backgrounds are solved for exactly.

    ``plans`` [histogram][phase] are used wherever they fit, new ones elsewhere. ``price`` is the cost of a width below
    zero: chi^2 grows as if the width were known to be zero within half a step of the pattern, since the pattern does
    not depend on widths below zero and nothing else would lead back. ``same_terms``: the number of terms of GSAS-II's
    axial sums stays that of the plans. Only `advance` changes the function: it sets the intensities of phases without
    structure.
    """

    setup: Setup
    plans: tuple[tuple[Plan | None, ...], ...]
    price: float = 0.0
    same_terms: bool = False

    def settle(self, values: Array) -> tuple[Array, float]:
        """Return the values with scales and backgrounds at their best, and chi^2; infinite where there is no pattern.

        To chi^2 comes ``price`` times the sum of the squares of all widths below zero.
        """
        setup = self.setup
        raw = setup.raw(values)
        out = values.copy()
        chi2 = 0.0
        if any(np.any(raw[occupancy] < -1e-12) for occupancy in setup.layout.occupancy):
            return values, np.inf
        for h, part in enumerate(setup.points):
            try:
                found = [self._phase(p, h, raw, None, setup.kinds[h]) for p in range(len(setup.layout.phases))]
            except ValueError:
                return values, np.inf
            chi2 += self.price * sum(float(np.sum(np.minimum(w, 0.0) ** 2)) for f in found for w in f.peaks.widths)
            chi2 += self._settle_histogram(h, part, [phase.unit for phase in found], raw, out)
        return out, chi2 if np.isfinite(chi2) else np.inf

    def _settle_histogram(self, h: int, part: Points, units: list[Array], raw: Array, out: Array) -> float:
        setup = self.setup
        background = setup.backgrounds[h]
        target = part.y - part.fixed
        columns, places = [], []
        for p, unit in enumerate(units):
            column = setup.scales.get((p, h))
            if column is None:
                target -= raw[setup.layout.pair[p][h][0]] * unit
            else:
                columns.append(unit[:, None])
                places.append(column)
        if background is None:
            target -= part.basis @ setup.coefficients(h, out)
        else:
            columns.append(part.basis)
            places.extend(range(background.start, background.stop))
        if columns:
            design = np.concatenate(columns, axis=1)
            best = weighted_solution(design, target, part.weights)
            scales = [i for i, place in enumerate(places) if place < len(setup.first)]
            if not np.all(np.isfinite(best)) or any(best[i] < 0 for i in scales):
                # A negative scale has no meaning: it keeps its value and only the rest is solved for.
                best[scales] = out[[places[i] for i in scales]]
                rest = [i for i in range(len(places)) if i not in scales]
                if rest:
                    remaining = target - design[:, scales] @ best[scales]
                    best[rest] = weighted_solution(design[:, rest], remaining, part.weights)
            out[places] = best
            target = target - design @ best
        return float(np.sum(part.weights * target**2))

    def linearise(self, values: Array) -> Linearised:
        """Return chi^2 with its gradient and normal matrix at ``values``, and the objective of this place.

        chi^2 = sum w (yo - yc)^2; the penalty is p sum min(width, 0)^2 with p = chi^2/n, n being the observations.
        """
        setup = self.setup
        size = setup.n_values
        gradient, normal, chi2 = np.zeros(size), np.zeros((size, size)), 0.0
        negative: list[tuple[Array, Array]] = []
        plans: list[tuple[Plan, ...]] = []
        for h in range(len(setup.points)):
            jacobian, residual, used = self._weighted(h, values, negative)
            plans.append(used)
            gradient += jacobian.T @ residual
            normal += jacobian.T @ jacobian
            chi2 += float(residual @ residual)
        price = chi2 / max(setup.n_observations, 1)
        penalty = 0.0
        for width, rows in negative:
            gradient -= price * (rows.T @ width)
            normal += price * (rows.T @ rows)
            penalty += price * float(np.sum(width**2))
        return Linearised(gradient, normal, chi2, replace(self, plans=tuple(plans), price=price), penalty)

    def weighted(self, values: Array) -> list[tuple[Array, Array]]:
        """Return for each histogram the Jacobian (n, v) and the residuals (n,), both over sigma."""
        return [self._weighted(h, values, [])[:2] for h in range(len(self.setup.points))]

    def _weighted(
        self, h: int, values: Array, negative: list[tuple[Array, Array]]
    ) -> tuple[Array, Array, tuple[Plan, ...]]:
        """Return Jacobian and residuals of a histogram over sigma, and the plans; widths below zero are added."""
        setup, part = self.setup, self.setup.points[h]
        raw = setup.raw(values)
        jacobian = np.zeros((part.x.size, setup.n_values))
        calculated = part.basis @ setup.coefficients(h, values) + part.fixed
        used = []
        for p in range(len(setup.layout.phases)):
            found = self._phase(p, h, raw, setup.directions, setup.kinds[h])
            used.append(found.plan)
            calculated = calculated + raw[setup.layout.pair[p][h][0]] * found.unit
            if found.jacobian is not None and found.derivatives is not None:
                jacobian[:, found.columns] += found.jacobian
                for width, by in zip(found.peaks.widths, found.derivatives.widths, strict=True):
                    rows = np.zeros((int(np.count_nonzero(width < 0)), setup.n_values))
                    rows[:, found.columns] = by[width < 0]
                    negative.append((width[width < 0], rows))
        background = setup.backgrounds[h]
        if background is not None:
            jacobian[:, background] = part.basis
        root = np.sqrt(part.weights)
        jacobian *= root[:, None]
        return jacobian, root * (part.y - calculated), tuple(used)

    def advance(self, values: Array) -> bool:
        """Share the pattern out to the reflections of phases without structure; return whether there are any."""
        setup = self.setup
        raw = setup.raw(values)
        found = False
        for h, part in enumerate(setup.points):
            if all(reflections.intensities is None for reflections in setup.models[h].sets):
                continue
            patterns = [self._phase(p, h, raw) for p in range(len(setup.layout.phases))]
            bragg = np.zeros_like(part.x)
            for p, phase in enumerate(patterns):
                bragg += raw[setup.layout.pair[p][h][0]] * phase.unit
            net = part.y - part.basis @ setup.coefficients(h, values) - part.fixed
            found |= setup.models[h].share_out(patterns, net, bragg, part.weights)
        return found

    def with_terms_fixed(self, fixed: bool) -> RietveldObjective:
        """Return the objective whose axial sums keep their number of terms, which makes stairs in chi^2, or not."""
        return replace(self, same_terms=fixed)

    def keep(self) -> None:
        """Let the next fit of the same patterns begin with the plans of this objective."""
        for model, plans in zip(self.setup.models, self.plans, strict=True):
            model.plans = plans

    def _phase(
        self,
        p: int,
        h: int,
        raw: Array,
        directions: Array | None = None,
        kinds: frozenset[str] | None = None,
    ) -> PhasePattern:
        plan = self.plans[h][p]
        return self.setup.models[h].phase(p, raw, directions, kinds, plan, same_terms=self.same_terms)


def weighted_solution(design: Array, target: Array, weights: Array) -> Array:
    """Return the weighted least-squares coefficients, the smallest ones where they are not determined."""
    scale = np.sqrt(np.einsum("ij,ij,i->j", design, design, weights))
    scale[scale == 0] = 1.0
    scaled = design / scale
    normal = scaled.T @ (weights[:, None] * scaled)
    right = scaled.T @ (weights * target)
    values, vectors = np.linalg.eigh(normal)
    kept = values > 1e-12 * max(float(values[-1]), 1e-300)
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    return np.asarray(vectors @ (inverse * (vectors.T @ right)) / scale)

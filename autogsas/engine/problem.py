"""The least-squares problem of one step: all histograms, the variables that are free, their backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.engine.normal_equations import Linearised
from autogsas.engine.parameters import Layout, Variable
from autogsas.engine.pattern_model import PatternModel, PhasePattern

__all__ = ["Points", "RietveldProblem", "weighted_solution"]

Array = npt.NDArray[np.float64]

# How far one step may go, by group, so that a bad linearisation cannot throw the model out of all sense.
_LARGEST = {
    "zero": 0.1,
    "displacement": 300.0,
    "transparency": 30.0,
    "SH/L": 0.02,
    "positions": 0.03,
    "uiso": 0.02,
    "uiso_shared": 0.02,
    "uaniso": 0.02,
    "occupancy": 0.3,
}
_LARGEST_CELL = 0.004
_FIRST_SHARES = 5  # rounds of Le Bail over the background as it is
# Which derivatives of a line's shape the variables of a group need; a line that moves changes its width with it.
_WIDTHS = ("fwhm", "eta")
_SHAPE_KINDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("cell", "zero", "displacement", "transparency"), ("position", *_WIDTHS)),
    **dict.fromkeys(("U", "V", "W", "X", "Y", "Z", "size", "strain", "size_mix", "strain_mix"), _WIDTHS),
    "SH/L": ("shl",),
}
# The terms of GSAS-II's axial sum are as many as SH/L and the Lorentzian width ask for.
_STEPPED = frozenset({"SH/L", "X", "Y", "Z", "size", "strain", "size_mix", "strain_mix"})
# Groups whose derivative vanishes at their bound: one bad step there would be the last.
_FLAT_AT_BOUND = frozenset({"SH/L", "size", "strain", "preferred_orientation"})


@dataclass(frozen=True)
class Points:
    """One histogram's points of one step: ``x``, ``y`` and ``weights`` (n,), and its background basis (n, t).

    ``refine_background`` says whether the basis' coefficients are variables; ``fixed`` (n,) are humps added to it.
    """

    x: Array
    y: Array
    weights: Array
    basis: Array
    refine_background: bool
    fixed: Array


class RietveldProblem:
    """chi^2 of all histograms as a function of the free variables; the linear ones are solved for exactly.

    The values are those of ``variables`` in their order, then the background coefficients of each histogram that
    refines them.
    """

    def __init__(
        self,
        layout: Layout,
        models: Sequence[PatternModel],
        points: Sequence[Points],
        raw: Array,
        coefficients: Sequence[Array],
        variables: Sequence[Variable],
    ) -> None:
        self._layout, self._models, self._points = layout, models, points
        self._raw = raw.copy()
        self._coefficients = [array.copy() for array in coefficients]
        self.variables = tuple(variables)
        n = len(self.variables)
        self._directions = np.zeros((layout.size, n))
        for column, variable in enumerate(self.variables):
            self._directions[list(variable.indices), column] = variable.coefficients
        self._first = np.array([variable.indices[0] for variable in self.variables], dtype=np.int64)
        names = [variable.name for variable in self.variables]
        self._slices: list[slice | None] = []
        for h, part in enumerate(points):
            terms = part.basis.shape[1]
            if part.refine_background:
                self._slices.append(slice(len(names), len(names) + terms))
                names += [f"{layout.histograms[h].name}:background {i + 1}" for i in range(terms)]
            else:
                self._slices.append(None)
        self.names = tuple(names)
        size = len(names)
        self.lower, self.upper = np.full(size, -np.inf), np.full(size, np.inf)
        self.largest_step = np.full(size, np.inf)
        self.halves = np.zeros(size, dtype=bool)
        self.stairs = np.zeros(size, dtype=bool)
        for column, variable in enumerate(self.variables):
            self.lower[column], self.upper[column] = variable.lower, variable.upper
            self.largest_step[column] = _LARGEST.get(variable.group, np.inf)
            self.halves[column] = variable.group in _FLAT_AT_BOUND
            self.stairs[column] = variable.group in _STEPPED and any(
                layout.histograms[h].axial_sum == "GSAS-II" for h in layout.histograms_of(variable)
            )
            if variable.group == "cell":
                biggest = max(float(np.max(np.abs(raw[cell]))) for cell in layout.cell if variable.indices[0] in cell)
                self.largest_step[column] = _LARGEST_CELL * biggest
        scale_of = {layout.pair[p][h][0]: (p, h) for p in range(len(layout.phases)) for h in range(len(points))}
        self._scales = {
            scale_of[variable.indices[0]]: column for column, variable in enumerate(self.variables) if variable.linear
        }
        # A width below zero costs chi^2 as if it were known to be zero, give or take half a step of the pattern: beyond
        # zero the pattern no longer answers to it, and without a price nothing would lead back.
        self._price = 0.0
        self._kinds = [
            frozenset(kind for v in variables if h in layout.histograms_of(v) for kind in _SHAPE_KINDS.get(v.group, ()))
            for h in range(len(points))
        ]
        self.n_observations = sum(int(np.count_nonzero(part.weights > 0)) for part in points)

    def start(self) -> Array:
        """Return the values at the raw parameters this problem was made with."""
        out = np.zeros(len(self.names))
        out[: len(self.variables)] = self._raw[self._first]
        for part, coefficients in zip(self._slices, self._coefficients, strict=True):
            if part is not None:
                out[part] = coefficients
        return out

    def raw(self, values: Array) -> Array:
        """Return the raw parameters at ``values``."""
        move = values[: len(self.variables)] - self._raw[self._first]
        return np.asarray(self._raw + self._directions @ move)

    def coefficients(self, h: int, values: Array) -> Array:
        """Return the background coefficients of histogram ``h`` at ``values``."""
        part = self._slices[h]
        return self._coefficients[h] if part is None else values[part]

    def settle(self, values: Array) -> tuple[Array, float]:
        """Return the values with scales and backgrounds at their best, and chi^2; infinite outside all sense."""
        raw = self.raw(values)
        out = values.copy()
        chi2 = 0.0
        if any(np.any(raw[occupancy] < -1e-12) for occupancy in self._layout.occupancy):
            return values, np.inf
        for h, part in enumerate(self._points):
            try:
                found = [self._models[h].phase(p, raw, None, self._kinds[h]) for p in range(len(self._layout.phases))]
            except ValueError:
                return values, np.inf
            chi2 += self._price * sum(float(np.sum(np.minimum(w, 0.0) ** 2)) for f in found for w in f.peaks.widths)
            chi2 += self._settle_histogram(h, part, [phase.unit for phase in found], raw, out)
        return out, chi2 if np.isfinite(chi2) else np.inf

    def _settle_histogram(self, h: int, part: Points, units: list[Array], raw: Array, out: Array) -> float:
        background = self._slices[h]
        target = part.y - part.fixed
        columns, places = [], []
        for p, unit in enumerate(units):
            column = self._scales.get((p, h))
            if column is None:
                target -= raw[self._layout.pair[p][h][0]] * unit
            else:
                columns.append(unit[:, None])
                places.append(column)
        if background is None:
            target -= part.basis @ self._coefficients[h]
        else:
            columns.append(part.basis)
            places.extend(range(background.start, background.stop))
        if columns:
            design = np.concatenate(columns, axis=1)
            best = weighted_solution(design, target, part.weights)
            scales = [i for i, place in enumerate(places) if place < len(self.variables)]
            if not np.all(np.isfinite(best)) or any(best[i] < 0 for i in scales):
                # A negative scale means no such phase: it stays where it was and only the rest is solved.
                best[scales] = out[[places[i] for i in scales]]
                rest = [i for i in range(len(places)) if i not in scales]
                if rest:
                    held = target - design[:, scales] @ best[scales]
                    best[rest] = weighted_solution(design[:, rest], held, part.weights)
            out[places] = best
            target = target - design @ best
        return float(np.sum(part.weights * target**2))

    def linearise(self, values: Array) -> Linearised:
        """Return chi^2 with its gradient and normal matrix at ``values``."""
        raw = self.raw(values)
        size = len(self.names)
        gradient, normal, chi2 = np.zeros(size), np.zeros((size, size)), 0.0
        barred: list[tuple[Array, Array]] = []
        for h, part in enumerate(self._points):
            jacobian = np.zeros((part.x.size, size))
            calculated = part.basis @ self.coefficients(h, values) + part.fixed
            for p in range(len(self._layout.phases)):
                found = self._models[h].phase(p, raw, self._directions, self._kinds[h])
                calculated = calculated + raw[self._layout.pair[p][h][0]] * found.unit
                if found.jacobian is not None and found.derivatives is not None:
                    jacobian[:, found.columns] += found.jacobian
                    for width, by in zip(found.peaks.widths, found.derivatives.widths, strict=True):
                        rows = np.zeros((int(np.count_nonzero(width < 0)), size))
                        rows[:, found.columns] = by[width < 0]
                        barred.append((width[width < 0], rows))
            background = self._slices[h]
            if background is not None:
                jacobian[:, background] = part.basis
            residual = part.y - calculated
            root = np.sqrt(part.weights)
            jacobian *= root[:, None]
            gradient += jacobian.T @ (root * residual)
            normal += jacobian.T @ jacobian
            chi2 += float(np.sum(part.weights * residual**2))
        self._price = chi2 / max(self.n_observations, 1)
        penalty = 0.0
        for width, rows in barred:
            gradient -= self._price * (rows.T @ width)
            normal += self._price * (rows.T @ rows)
            penalty += self._price * float(np.sum(width**2))
        return Linearised(gradient, normal, chi2, penalty)

    def advance(self, values: Array) -> bool:
        """Share the pattern out to the reflections of phases without structure; return whether there are any."""
        raw = self.raw(values)
        found = False
        for h, part in enumerate(self._points):
            if all(reflections.intensities is None for reflections in self._models[h].sets):
                continue
            bragg = np.zeros_like(part.x)
            for p, phase in enumerate(self.patterns(h, raw)):
                bragg += raw[self._layout.pair[p][h][0]] * phase.unit
            net = part.y - part.basis @ self.coefficients(h, values) - part.fixed
            counted = part.weights > 0
            found |= self._models[h].share_out(raw, np.where(counted, net, bragg), bragg)
        return found

    def prepare(self, values: Array) -> None:
        """Share the pattern out a few times over the background as it is: fitted at once it would take all there is."""
        for _ in range(_FIRST_SHARES):
            try:
                if not self.advance(values):
                    return
            except ValueError:
                return  # the start has no pattern: `settle` says so

    def hold(self, on: bool) -> None:
        """Say whether the terms of GSAS-II's axial sums are held, whose number makes stairs in chi^2."""
        for model in self._models:
            model.hold(on)

    def barred(self, values: Array) -> tuple[str, ...]:
        """Return which widths of which histogram stand at zero for some of their lines."""
        raw = self.raw(values)
        out: dict[str, None] = {}
        for h, histogram in enumerate(self._layout.histograms):
            for found in self.patterns(h, raw):
                for kind, width in zip(("Gaussian", "Lorentzian"), found.peaks.widths, strict=True):
                    if np.any(width < 0):
                        out[f"{histogram.name}: {kind} width"] = None
        return tuple(out)

    def patterns(self, h: int, raw: Array) -> list[PhasePattern]:
        """Return the phases' patterns of histogram ``h`` at raw parameters."""
        return [self._models[h].phase(p, raw) for p in range(len(self._layout.phases))]


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

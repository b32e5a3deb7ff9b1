"""The least-squares problem of one step: all histograms, the refined variables, the backgrounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autogsas.engine.objective import Points, RietveldObjective, Setup
from autogsas.engine.parameters import Layout, Variable
from autogsas.engine.pattern_model import PatternModel

__all__ = ["Points", "RietveldProblem"]

Array = npt.NDArray[np.float64]

# The largest change in one step, by group, so that a bad linearisation cannot leave the range of sensible models; in
# the units of the raw parameters. Not measured.
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
_LARGEST_CELL = 0.004  # of the largest element of the reciprocal metric tensor; not measured
_FIRST_SHARES = 5  # Le Bail cycles over the background as it is at the start; not measured
# The derivatives of a peak's shape that a group's variables need; a peak that moves changes its width with it.
_WIDTHS = ("fwhm", "eta")
_SHAPE_KINDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("cell", "zero", "displacement", "transparency"), ("position", *_WIDTHS)),
    **dict.fromkeys(("U", "V", "W", "X", "Y", "Z", "size", "strain", "size_mix", "strain_mix"), _WIDTHS),
    "SH/L": ("shl",),
}
# The number of terms of GSAS-II's axial sum depends on SH/L and the Lorentzian width.
_STEPPED = frozenset({"SH/L", "X", "Y", "Z", "size", "strain", "size_mix", "strain_mix"})
# Groups in which chi^2 is flat at their bound: a bad step onto the bound could not be undone.
_FLAT_AT_BOUND = frozenset({"SH/L", "size", "strain", "preferred_orientation"})


class RietveldProblem:
    """The variables of one step with names, bounds and largest steps; `objective` is chi^2 of all histograms.

    The values are those of ``variables`` in their order, then the background coefficients of each histogram that
    refines them. ``raw`` are the raw parameters at the start, ``coefficients`` (h arrays) those of the backgrounds.
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
        self.variables = tuple(variables)
        n = len(self.variables)
        directions = np.zeros((layout.size, n))
        for column, variable in enumerate(self.variables):
            directions[list(variable.indices), column] = variable.coefficients
        names = [variable.name for variable in self.variables]
        slices: list[slice | None] = []
        for h, part in enumerate(points):
            terms = part.basis.shape[1]
            if part.refine_background:
                slices.append(slice(len(names), len(names) + terms))
                names += [f"{layout.histograms[h].name}:background {i + 1}" for i in range(terms)]
            else:
                slices.append(None)
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
        self.setup = Setup(
            layout=layout,
            models=tuple(models),
            points=tuple(points),
            n_values=size,
            start=raw.copy(),
            coefficients_at_start=tuple(array.copy() for array in coefficients),
            directions=directions,
            first=np.array([variable.indices[0] for variable in self.variables], dtype=np.int64),
            backgrounds=tuple(slices),
            scales={scale_of[v.indices[0]]: column for column, v in enumerate(self.variables) if v.linear},
            kinds=tuple(self._kinds(layout, h) for h in range(len(points))),
        )
        self.n_observations = self.setup.n_observations

    def _kinds(self, layout: Layout, h: int) -> frozenset[str]:
        """Return the derivatives of shapes that the variables need in histogram ``h``."""
        groups = [variable.group for variable in self.variables if h in layout.histograms_of(variable)]
        return frozenset(kind for group in groups for kind in _SHAPE_KINDS.get(group, ()))

    def start(self) -> Array:
        """Return the values at the raw parameters this problem was made with."""
        out = np.zeros(len(self.names))
        out[: len(self.variables)] = self.setup.start[self.setup.first]
        for part, coefficients in zip(self.setup.backgrounds, self.setup.coefficients_at_start, strict=True):
            if part is not None:
                out[part] = coefficients
        return out

    def raw(self, values: Array) -> Array:
        """Return the raw parameters at ``values``."""
        return self.setup.raw(values)

    def coefficients(self, h: int, values: Array) -> Array:
        """Return the background coefficients of histogram ``h`` at ``values``."""
        return self.setup.coefficients(h, values)

    def objective(self) -> RietveldObjective:
        """Return chi^2 with the plans that the last fit of the same patterns ended with, before any linearisation."""
        return RietveldObjective(self.setup, tuple(model.plans for model in self.setup.models))

    def prepare(self, values: Array) -> None:
        """Share the pattern out a few times over the background at ``values``.

        A background fitted before that would take all of the pattern.
        """
        objective = self.objective()
        for _ in range(_FIRST_SHARES):
            try:
                if not objective.advance(values):
                    return
            except ValueError:
                return  # the start has no pattern: `RietveldObjective.settle` reports it

    def negative_widths(self, values: Array) -> tuple[str, ...]:
        """Return which widths of which histogram are below zero, and so held at zero, for some of their peaks."""
        raw = self.raw(values)
        out: dict[str, None] = {}
        for model, histogram in zip(self.setup.models, self.setup.layout.histograms, strict=True):
            for reflections, state in zip(model.sets, self.setup.layout.phases, strict=True):
                peaks, _ = reflections.peaks(raw)
                kinds = ("Gaussian width", "Lorentzian width", f"generalized strain of {state.phase.name}")
                for kind, width in zip(kinds, peaks.widths, strict=False):
                    if np.any(width < 0):
                        out[f"{histogram.name}: {kind}"] = None
        return tuple(out)

"""What the engine computes from a model, for tests that hold for every model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autogsas.engine import backgrounds
from autogsas.engine.pairs import PAIR
from autogsas.engine.parameters import INSTRUMENT, Layout
from autogsas.engine.pattern_model import PatternModel
from autogsas.engine.problem import Points, RietveldProblem
from autogsas.model.instrument import Instrument
from autogsas.model.project import AxialSum, Project
from autogsas.model.recipe import GROUPS, BackgroundFunction, Free
from autogsas.model.structure import Phase

from .random_models import measured

Array = npt.NDArray[np.float64]

POINTS = np.arange(14.0, 62.0, 0.06)

EVERYTHING = [Free(group=group) for group in GROUPS if group != "uiso_shared"]  # U_iso each for itself


def problem_of(
    project: Project, scales: tuple[float, ...], shifts: tuple[float, float], background: tuple[BackgroundFunction, int]
) -> RietveldProblem:
    """The problem that frees everything, at the project's values and the scales and sample shifts given."""
    layout = Layout(project)
    raw = layout.start()
    for p, scale in enumerate(scales[: len(layout.phases)]):
        raw[layout.pair[p][0][PAIR.index("scale")]] = scale
    for name, shift in zip(("shift1", "shift2"), shifts, strict=True):
        raw[layout.instrument[0][INSTRUMENT.index(name)]] = shift
    histogram = project.histograms[0]
    x, pattern = histogram.pattern.x, histogram.pattern
    basis = backgrounds.basis(*background, x, histogram.limits, histogram.instrument.wavelengths[0])
    points = Points(x, pattern.y, pattern.weights, basis, True, np.zeros_like(x))
    coefficients = np.linspace(0.5, 1.0, basis.shape[1])
    model = PatternModel(layout, 0, x, raw)
    return RietveldProblem(layout, [model], [points], raw, [coefficients], layout.variables(EVERYTHING))


class FixedPlans:
    """A problem's Bragg part with the plans of its start wherever they fit."""

    def __init__(self, problem: RietveldProblem) -> None:
        self._setup = problem.setup
        self._start = problem.start()
        self._model = problem.setup.models[0]
        self._plans = problem.objective().linearise(self._start).objective.plans[0]

    def bragg(self, values: Array) -> Array:
        raw = self._setup.raw(values)
        places = [pairs[0][PAIR.index("scale")] for pairs in self._setup.layout.pair]
        found = [
            raw[place] * self._model.phase(p, raw, plan=plan).unit
            for p, (place, plan) in enumerate(zip(places, self._plans, strict=True))
        ]
        return np.asarray(np.sum(found, axis=0))

    def jacobian(self) -> Array:
        raw, directions = self._setup.raw(self._start), self._setup.directions
        out = np.zeros((self._model.x.size, directions.shape[1]))
        for p, plan in enumerate(self._plans):
            found = self._model.phase(p, raw, directions, plan=plan)
            out[:, found.columns] += found.jacobian
        return out


def bragg(phase: Phase, instrument: Instrument, x: Array, axial_sum: AxialSum = "converged") -> Array:
    """The pattern of one phase at unit scale."""
    layout = Layout(measured((phase,), instrument, x, axial_sum=axial_sum))
    raw = layout.start()
    return PatternModel(layout, 0, x, raw).phase(0, raw).unit


def same(found: Array, expected: Array, accuracy: float = 1e-6) -> None:
    assert np.max(expected) > 0
    assert np.max(np.abs(found - expected)) < accuracy * np.max(expected)

"""A refinement in the numpy engine: the state between steps, and the result at the end."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.engine import backgrounds
from autogsas.engine.background_peaks import background_peaks
from autogsas.engine.gains import Situation, as_gain, needs_own_layout
from autogsas.engine.leastsq import Fit, minimise, pinned
from autogsas.engine.objective import Points, weighted_solution
from autogsas.engine.parameters import INSTRUMENT, Layout
from autogsas.engine.pattern_model import PatternModel
from autogsas.engine.problem import RietveldProblem
from autogsas.engine.profile import Plan
from autogsas.engine.readout import read_parameters, read_phases, read_reflections
from autogsas.engine.state import ModelState
from autogsas.errors import BackendError
from autogsas.model.advice import Candidate, Gain
from autogsas.model.metrics import counted_points, effective_points, rwp
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import Background, BackgroundFunction, Step
from autogsas.model.result import Curves, Result, StepResult

__all__ = ["EngineSession"]

Array = npt.NDArray[np.float64]

_MOST_CYCLES = 60  # where a step does not limit them; not measured
_LOW_SHL = 0.005  # SH/L below which usual values are tried instead; not measured
_USUAL_SHL = (0.015, 0.03)  # those values; not measured
_RETRY_CYCLES = 10  # cycles of such a trial; not measured
_NEW_BACKGROUND = np.array([1.0, 0.0, 0.0])  # the coefficients in a new GSAS-II project

_LEAST_SHARE = 1e-3  # of the mean |F|^2, where intensities are taken from the pattern; not measured


@dataclass(frozen=True)
class _BackgroundState:
    function: BackgroundFunction
    coefficients: Array
    limits: tuple[float, float]
    carry: bool = True


class EngineSession:
    """One refinement of a project with the numpy engine. A plain object that can be pickled, without global state.

    Raises BackendError("structure", ...) where the structure is impossible.
    """

    name = "numpy"

    def __init__(self, project: Project, version: str) -> None:
        self._version = version
        try:
            self._state = ModelState(project)
        except ValueError as error:
            raise BackendError("structure", str(error)) from error
        self._models: dict[tuple[int, tuple[float, float]], PatternModel] = {}
        self._latest: dict[int, PatternModel] = {}
        # The plans that `_full_rwp` used last, with the model that they belong to.
        self._full_plans: dict[int, tuple[PatternModel, tuple[Plan | None, ...]]] = {}
        self._retried: set[str] = set()
        self._backgrounds: dict[str, _BackgroundState] = {}
        self._refine_background: set[str] = set()
        self._steps: list[StepResult] = []
        self._fit: Fit | None = None
        self._problem: RietveldProblem | None = None

    @property
    def _project(self) -> Project:
        return self._state.project

    @property
    def _layout(self) -> Layout:
        return self._state.layout

    @property
    def _raw(self) -> Array:
        return self._state.raw

    def refine(self, step: Step) -> StepResult:
        """Run one step. Raises BackendError where nothing can be refined or the numbers are not finite."""
        started = time.perf_counter()
        self._apply(step)
        limits = {h.name: step.limits_for(h.name) or h.limits for h in self._project.histograms}
        points = [self._points(histogram, limits[histogram.name]) for histogram in self._project.histograms]
        try:
            models = [self._model(h, part.x) for h, part in enumerate(points)]
        except ValueError as error:
            raise BackendError("structure", str(error)) from error
        coefficients = [self._backgrounds[h.name].coefficients for h in self._project.histograms]
        variables = sorted(self._state.free.values(), key=lambda variable: variable.indices[0])
        problem = RietveldProblem(self._layout, models, points, self._raw, coefficients, variables)
        if not problem.names:
            raise BackendError("nothing-free", f"step {step.title!r} frees no parameter")
        if problem.n_observations <= len(problem.names):
            raise BackendError("too-few-points", f"{problem.n_observations} points for {len(problem.names)} variables")
        try:
            fit = minimise(problem, problem.start(), step.cycles or _MOST_CYCLES, rough=step.cycles is not None)
            if step.cycles is None:
                fit = self._retry_axial(problem, fit)
        except ValueError as error:
            raise BackendError("not-finite", str(error)) from error
        except np.linalg.LinAlgError as error:
            raise BackendError("linear-algebra", str(error)) from error
        self._state.raw = problem.raw(fit.values)
        for h, histogram in enumerate(self._project.histograms):
            state = self._backgrounds[histogram.name]
            self._backgrounds[histogram.name] = replace(state, coefficients=problem.coefficients(h, fit.values))
        fit.objective.keep()
        self._fit, self._problem = fit, problem
        observed = sum(float(np.sum(part.weights * part.y**2)) for part in points)
        reached = 100.0 * float(np.sqrt(fit.chi2 / observed)) if observed > 0 else math.nan
        whole = all(limits[histogram.name] == histogram.limits for histogram in self._project.histograms)
        result = StepResult(
            title=step.title,
            converged=fit.converged,
            cycles=fit.cycles,
            n_variables=len(problem.names) - len(fit.dropped),
            rwp=reached,
            shift_esd=fit.shift_esd,
            dropped=fit.dropped,
            at_bound=(*fit.at_bound, *problem.negative_widths(fit.values)),
            message=fit.message,
            full_rwp=reached if whole else self._full_rwp(),
            seconds=time.perf_counter() - started,
        )
        self._steps.append(result)
        return result

    def expected_gains(self, step: Step, candidates: Sequence[Candidate]) -> tuple[Gain, ...]:
        """Return what refining each candidate would bring beside what ``step`` refines; candidates in their order.

        The step is applied without least squares, except for scales and backgrounds, which are linear. Derivatives are
        evaluated once for all candidates, and once more for each that changes values, axes or displacement tensors. A
        candidate that is refined already, that the data cannot tell from what is refined, or whose own values have no
        pattern, has no freedoms. Raises BackendError where the model has no pattern.
        """
        self._apply(step)
        try:
            here = Situation.of(self._state, *self._patterns())
            self._state.raw = here.raw
            for histogram, coefficients in zip(self._project.histograms, here.coefficients, strict=True):
                self._backgrounds[histogram.name] = replace(
                    self._backgrounds[histogram.name], coefficients=coefficients
                )
            residuals = [(c.observed - c.calculated) * np.sqrt(c.weights) for c in self._curves()]
        except ValueError as error:
            raise BackendError("not-finite", str(error)) from error
        used = [part[part != 0.0] for part in residuals]
        points = sum(counted_points(effective_points(part), part.size) for part in used)
        observed = sum(float(np.sum(h.weights * h.y**2)) for h in here.points)
        shared = [one for one in candidates if not needs_own_layout(one)]
        own = [one for one in candidates if needs_own_layout(one)]
        found = dict(zip(map(id, shared), here.gains(shared), strict=True))
        found |= zip(map(id, own), here.own_gains(own), strict=True)
        return tuple(as_gain(one, found[id(one)], here.chi2, points, observed) for one in candidates)

    def copy(self) -> EngineSession:
        """Return another session in the same state, which goes its own way from here on."""
        other = copy.copy(self)
        other._state = copy.copy(self._state)
        other._state.raw, other._state.free = self._state.raw.copy(), dict(self._state.free)
        other._models = {key: model.copy() for key, model in self._models.items()}
        made = {id(model): other._models[key] for key, model in self._models.items()}
        other._latest = {h: made.get(id(model)) or model.copy() for h, model in self._latest.items()}
        other._full_plans = {}
        other._retried, other._refine_background = set(self._retried), set(self._refine_background)
        other._backgrounds, other._steps = dict(self._backgrounds), list(self._steps)
        return other

    def _patterns(self) -> tuple[list[PatternModel], list[Points], list[Array]]:
        """Return pattern models, points and background coefficients of all histograms over their full limits."""
        points = [self._points(histogram, histogram.limits) for histogram in self._project.histograms]
        models = [self._model(h, part.x) for h, part in enumerate(points)]
        return models, points, [self._backgrounds[h.name].coefficients for h in self._project.histograms]

    def _retry_axial(self, problem: RietveldProblem, fit: Fit) -> Fit:
        """Return a better fit where SH/L fell to its bound although a usual value fits better, else ``fit``.

        The number of terms of GSAS-II's axial sum depends on SH/L and widths, so that chi^2 has stairs in them, and
        false minima: with one term the axial divergence only shifts the peaks, which zero and cell take up while SH/L
        falls to its bound. A few usual values are therefore tried once. The converged integral needs no retry.
        """
        best = fit
        for column, variable in enumerate(problem.variables):
            if variable.group != "SH/L":
                continue
            if fit.values[column] > _LOW_SHL:
                self._retried.discard(variable.name)
                continue
            if variable.name in self._retried:
                continue
            self._retried.add(variable.name)
            for value in _USUAL_SHL:
                start = fit.values.copy()
                start[column] = value
                # Zero and cell must adapt to the new value before it may move.
                with pinned(problem, np.arange(start.size) == column, start):
                    start = minimise(problem, start, _RETRY_CYCLES).values
                other = minimise(problem, start, _RETRY_CYCLES)
                if other.chi2 < best.chi2 * (1.0 - 1e-6):
                    best = other
        if best is fit:
            return fit
        return replace(minimise(problem, best.values, _MOST_CYCLES), cycles=fit.cycles + best.cycles)

    def result(self) -> Result:
        """Return the present state with curves over the project's full limits. Raises BackendError before any step."""
        if self._fit is None or self._problem is None:
            raise BackendError("no-step", "no step has been refined")
        try:
            curves = self._curves()
        except ValueError as error:
            raise BackendError("not-finite", str(error)) from error
        parameters = read_parameters(
            self._layout, self._raw, self._problem, self._fit, {n: s.coefficients for n, s in self._backgrounds.items()}
        )
        kept = [i for i, name in enumerate(self._problem.names) if name not in self._fit.dropped]
        covariance = self._fit.covariance[np.ix_(kept, kept)]
        esd = np.sqrt(np.diag(covariance))
        safe = np.where(esd > 0, esd, 1.0)
        correlation = covariance / np.outer(safe, safe)
        np.fill_diagonal(correlation, 1.0)
        return Result(
            backend=self.name,
            backend_version=self._version,
            curves=tuple(curves),
            parameters=parameters,
            varied=tuple(self._problem.names[i] for i in kept),
            correlation=correlation,
            phases=read_phases(self._layout, self._raw),
            steps=tuple(self._steps),
            engine_rwp=rwp(
                np.concatenate([c.observed for c in curves]),
                np.concatenate([c.calculated for c in curves]),
                np.concatenate([c.weights for c in curves]),
            ),
        )

    def _curves(self) -> list[Curves]:
        """Return the curves of all histograms over the project's full limits."""
        curves = []
        for h, histogram in enumerate(self._project.histograms):
            part = self._points(histogram, histogram.limits)
            model = self._model(h, part.x)
            background = part.basis @ self._backgrounds[histogram.name].coefficients + part.fixed
            phases = [model.phase(p, self._raw, plan=model.plans[p]) for p in range(len(self._layout.phases))]
            scales = [float(self._raw[self._layout.pair[p][h][0]]) for p in range(len(phases))]
            bragg = np.sum([scale * found.unit for scale, found in zip(scales, phases, strict=True)], axis=0)
            reflections = tuple(
                read_reflections(self._layout, p, found, model.sets[p], part.y - background, bragg, scales[p])
                for p, found in enumerate(phases)
            )
            function = self._backgrounds[histogram.name].function
            curves.append(
                Curves(
                    histogram.name,
                    part.x,
                    part.y,
                    background + bragg,
                    background,
                    part.weights,
                    reflections,
                    function,
                    histogram.instrument.geometry,
                )
            )
        return curves

    def _full_rwp(self) -> float:
        """Return the Rwp in per cent of the present model over the project's full limits; NaN where it has no value."""
        squares = total = 0.0
        for h, histogram in enumerate(self._project.histograms):
            part = self._points(histogram, histogram.limits)
            calculated = part.basis @ self._backgrounds[histogram.name].coefficients + part.fixed
            try:
                model = self._model(h, part.x)
                kept = self._full_plans.get(h)
                plans = kept[1] if kept is not None and kept[0] is model else (None,) * len(model.sets)
                found = [model.phase(p, self._raw, plan=plan) for p, plan in enumerate(plans)]
            except ValueError:
                return math.nan
            self._full_plans[h] = (model, tuple(phase.plan for phase in found))
            for p, phase in enumerate(found):
                calculated = calculated + self._raw[self._layout.pair[p][h][0]] * phase.unit
            squares += float(np.sum(part.weights * (part.y - calculated) ** 2))
            total += float(np.sum(part.weights * part.y**2))
        return 100.0 * math.sqrt(squares / total) if total > 0 else math.nan

    def _apply(self, step: Step) -> None:
        """Apply a step's starts, settings, backgrounds, and freed and fixed groups."""
        before = self._layout
        if step.intensities is not None and self._backgrounds:
            self._keep_intensities()
        self._state.apply(step)
        if self._layout is not before:
            self._models.clear()
        for histogram in self._project.histograms:
            limits = step.limits_for(histogram.name) or histogram.limits
            wanted = [b for b in step.background if b.histogram in (None, histogram.name)]
            self._set_background(histogram, limits, wanted[-1] if wanted else None)
        for free in step.free:
            if free.group == "background":
                self._refine_background.update(self._named(free.histogram))
        for fixed in step.fix:
            if fixed.group == "background":
                self._refine_background.difference_update(self._named(fixed.histogram))

    def _keep_intensities(self) -> None:
        """Keep the structure's |F|^2 as the intensities that a phase without structure begins with."""
        for h, histogram in enumerate(self._project.histograms):
            try:
                model = self._model(h, self._points(histogram, histogram.limits).x)
                found = [model.phase(p, self._raw, plan=plan).peaks.f2 for p, plan in enumerate(model.plans)]
            except ValueError:
                continue  # the step reports what is wrong with the structure
            for reflections, f2 in zip(model.sets, found, strict=True):
                if reflections.intensities is None and f2.size:
                    # An intensity of zero could not grow: shares are in proportion to what is there.
                    reflections.intensities = np.maximum(f2, _LEAST_SHARE * float(np.mean(f2)))

    def _model(self, h: int, x: Array) -> PatternModel:
        """Return the pattern of histogram ``h`` at ``x``; reflections and plans are kept while the cell stays."""
        key = (h, (float(x[0]), float(x[-1])))
        model = self._models.get(key)
        if model is None or not model.serves(self._raw):
            model = self._models[key] = PatternModel(self._layout, h, x, self._raw)
        latest = self._latest.get(h)
        if latest is not None and latest is not model:
            model.inherit(latest)
        self._latest[h] = model
        return model

    def _named(self, histogram: str | None) -> list[str]:
        return [h.name for h in self._project.histograms if histogram in (None, h.name)]

    def _set_background(self, histogram: Histogram, limits: tuple[float, float], wanted: Background | None) -> None:
        """Give a histogram its background for these limits; the new coefficients draw the present curve.

        Without ``carry`` the coefficients keep their values, and begin with those of a new GSAS-II project.
        """
        state = self._backgrounds.get(histogram.name)
        if wanted is not None:
            function, terms, carry = wanted.function, wanted.terms, wanted.carry
        elif state is not None:
            function, terms, carry = state.function, state.coefficients.size, state.carry
        else:
            function, terms, carry = "chebyschev-1", 3, True
        if not carry:
            numbers = _NEW_BACKGROUND if state is None else state.coefficients
            coefficients = np.concatenate([numbers[:terms], np.zeros(max(0, terms - numbers.size))])
            self._backgrounds[histogram.name] = _BackgroundState(function, coefficients, limits, carry=False)
            return
        if state is not None and (state.function, state.coefficients.size, state.limits) == (function, terms, limits):
            self._backgrounds[histogram.name] = replace(state, carry=True)
            return
        x, y, weights = self._data(histogram, limits)
        wavelength = histogram.instrument.wavelengths[0]
        new = backgrounds.basis(function, terms, x, limits, wavelength)
        if state is None:
            broad = background_peaks(x, histogram, self._raw_shl(histogram))
            coefficients = _lower_envelope(new, y - broad, weights)
        else:
            old = backgrounds.basis(state.function, state.coefficients.size, x, state.limits, wavelength)
            coefficients = weighted_solution(new, old @ state.coefficients, np.ones_like(x))
        self._backgrounds[histogram.name] = _BackgroundState(function, coefficients, limits)

    def _data(self, histogram: Histogram, limits: tuple[float, float]) -> tuple[Array, Array, Array]:
        pattern = histogram.pattern
        inside = pattern.mask(limits)
        if not np.any(inside):
            raise BackendError("too-few-points", f"no point of {histogram.name} lies within {limits}")
        counted = pattern.mask(limits, histogram.excluded)
        return pattern.x[inside], pattern.y[inside], np.where(counted, pattern.weights, 0.0)[inside]

    def _points(self, histogram: Histogram, limits: tuple[float, float]) -> Points:
        x, y, weights = self._data(histogram, limits)
        state = self._backgrounds[histogram.name]
        basis = backgrounds.basis(
            state.function, state.coefficients.size, x, state.limits, histogram.instrument.wavelengths[0]
        )
        fixed = background_peaks(x, histogram, self._raw_shl(histogram))
        return Points(x, y, weights, basis, histogram.name in self._refine_background, fixed)

    def _raw_shl(self, histogram: Histogram) -> float:
        h = self._project.histograms.index(histogram)
        return float(self._raw[self._layout.instrument[h]][INSTRUMENT.index("SH/L")])


def _lower_envelope(basis: Array, y: Array, weights: Array) -> Array:
    """Return coefficients (t,) of a background under the peaks: a fit repeated with the peaks clipped.

    Each round clips the data at the curve plus its square root and fits again; 30 rounds at most (not measured).
    """
    target = y.copy()
    coefficients = np.zeros(basis.shape[1])
    for _ in range(30):
        coefficients = weighted_solution(basis, target, weights)
        curve = basis @ coefficients
        spread = np.sqrt(np.maximum(curve, 1.0))
        clipped = np.minimum(target, curve + spread)
        if np.all(clipped == target):
            break
        target = clipped
    return coefficients

"""The host's assessment of a finished refinement: agreement, findings, score. The same for every engine."""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autogsas.errors import PluginError
from autogsas.hooks.host import Host
from autogsas.model.metrics import (
    Array,
    Metrics,
    durbin_watson,
    effective_points,
    esd_factor,
    measure,
    r_bragg,
    r_f,
    rwp_background_subtracted,
)
from autogsas.model.pattern import Pattern
from autogsas.model.project import Histogram, Project
from autogsas.model.quantification import MeasuredAmounts, Quantification
from autogsas.model.result import Curves, Finding, Reflections, Result, Severity
from autogsas.model.trial import Cause, TrialState
from autogsas.quantification import measure_amounts, quantification_findings, quantify

__all__ = ["Assessment", "HistogramFigures", "assess", "measure_result"]

# Per cent; engines round, and count points at the limits differently. Not measured.
_RWP_TOLERANCE = 0.05


@dataclass(frozen=True)
class HistogramFigures:
    """The figures of one histogram; R factors in per cent, ``r_bragg`` and ``r_f`` by phase.

    For one of several histograms, Rexp counts as many of the variables as its share of the points. ``durbin_watson``,
    ``effective_points`` and ``esd_factor``, by which serial correlation widens esds, are those of its weighted
    residuals (see `autogsas.model.metrics`). Figures that a run of an older version does not hold are NaN.
    """

    name: str
    metrics: Metrics
    r_bragg: dict[str, float] = field(default_factory=dict)
    r_f: dict[str, float] = field(default_factory=dict)
    rwp_background_subtracted: float = math.nan
    durbin_watson: float = math.nan
    effective_points: float = math.nan
    esd_factor: float = math.nan


@dataclass(frozen=True)
class Assessment:
    """The assessment of one result.

    ``state`` is "complete", "infeasible" (a finding is an error) or "failed" with ``cause`` and ``message``;
    metrics and score are None if it failed. ``amounts`` are what each histogram says
    about the amounts of the phases, ``quantification`` what follows from them.
    """

    state: TrialState
    metrics: Metrics | None = None
    histograms: tuple[HistogramFigures, ...] = ()
    findings: tuple[Finding, ...] = ()
    score: float | None = None
    cause: str = ""
    message: str = ""
    traceback: str = ""
    amounts: tuple[MeasuredAmounts, ...] = ()
    quantification: tuple[Quantification, ...] = ()


class _Unusable(Exception):
    def __init__(self, cause: Cause, message: str) -> None:
        self.cause = cause
        super().__init__(message)


def assess(host: Host, project: Project, result: Result) -> Assessment:
    """Measure a result over the project's limits less its excluded regions, collect findings and the score.

    Does not raise for a wrong result or a failing check: the assessment is then "failed" with cause "result"
    (missing or of the wrong shape), "coverage" (curves that end inside the limits), "nan", or "hook".
    """
    try:
        return _assess(host, project, result)
    except _Unusable as error:
        return Assessment(TrialState.FAILED, cause=error.cause, message=str(error))
    except PluginError as error:
        return Assessment(TrialState.FAILED, cause=Cause.HOOK, message=str(error), traceback=traceback.format_exc())


def measure_result(project: Project, result: Result) -> Metrics | None:
    """Return the agreement of a result as `assess` measures it, without any check; None if it cannot be used."""
    try:
        return _measured(project, result)[1]
    except _Unusable:
        return None


def _measured(project: Project, result: Result) -> tuple[list[tuple[Histogram, Curves, Array]], Metrics]:
    """Return each histogram with its curves and weights (n,), and the agreement of all together."""
    if not isinstance(result, Result):
        raise _Unusable(Cause.RESULT, f"the backend returned {type(result).__name__} instead of a Result")
    _check_parameters(result)
    found = {curves.histogram: curves for curves in result.curves}
    parts: list[tuple[Histogram, Curves, Array]] = []
    for histogram in project.histograms:
        if histogram.name not in found:
            raise _Unusable(Cause.RESULT, f"the backend returned no curves for histogram {histogram.name!r}")
        curves = found[histogram.name]
        parts.append((histogram, curves, _weights(histogram, curves)))
    weights = np.concatenate([w for _, _, w in parts])
    observed = np.concatenate([_counted(c.observed, w) for _, c, w in parts])
    calculated = np.concatenate([_counted(c.calculated, w) for _, c, w in parts])
    metrics = measure(observed, calculated, weights, result.n_variables)
    if not math.isfinite(metrics.rwp):
        raise _Unusable(Cause.NAN, "Rwp cannot be computed: no point with weight and intensity inside the limits")
    return parts, metrics


def _assess(host: Host, project: Project, result: Result) -> Assessment:
    parts, metrics = _measured(project, result)
    findings = [finding for part in parts for finding in _compare_data(*part)]
    if math.isfinite(result.engine_rwp) and abs(result.engine_rwp - metrics.rwp) > _RWP_TOLERANCE:
        findings.append(_engine_differs(result.engine_rwp, metrics.rwp))
    for plugin, answer in host.call_each("check_result", project=project, result=result, metrics=metrics):
        findings += _findings(plugin, answer)
    amounts = measure_amounts(project, result)
    quantification = quantify(project, result.phases, amounts)
    findings += quantification_findings(quantification)
    state = (
        TrialState.INFEASIBLE
        if any(finding.severity is Severity.ERROR for finding in findings)
        else TrialState.COMPLETE
    )
    return Assessment(
        state=state,
        metrics=metrics,
        histograms=tuple(_figures(c, w, metrics) for _, c, w in parts),
        findings=tuple(findings),
        score=_score(host, project, result, metrics, findings),
        amounts=amounts,
        quantification=quantification,
        cause=Cause.FINDINGS if state is TrialState.INFEASIBLE else "",
        message="; ".join(f.message for f in findings if f.severity is Severity.ERROR),
    )


def _check_parameters(result: Result) -> None:
    size = len(result.varied)
    if np.shape(result.correlation) != (size, size):
        raise _Unusable(
            Cause.RESULT, f"the correlation matrix has shape {np.shape(result.correlation)}, not ({size}, {size})"
        )
    names = [parameter.name for parameter in result.parameters]
    if len(set(names)) != len(names):
        raise _Unusable(Cause.RESULT, "two parameters have the same name")
    missing = set(result.varied) - set(names)
    if missing:
        raise _Unusable(Cause.RESULT, f"refined but not among the parameters: {', '.join(sorted(missing))}")
    bad = [parameter.name for parameter in result.parameters if not math.isfinite(parameter.value)]
    if bad:
        raise _Unusable(Cause.NAN, f"not finite after the refinement: {', '.join(bad[:5])}")


def _weights(histogram: Histogram, curves: Curves) -> Array:
    """Check the curves and return their weights, zero outside the limits and in excluded regions."""
    name = histogram.name
    arrays = {key: np.asarray(getattr(curves, key)) for key in ("x", "observed", "calculated", "background", "weights")}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) != 1 or arrays["x"].ndim != 1 or arrays["x"].size == 0:
        raise _Unusable(Cause.RESULT, f"{name}: the curves are not one-dimensional arrays of the same length: {shapes}")
    x = arrays["x"]
    if not np.all(np.isfinite(x)) or np.any(np.diff(x) <= 0):
        raise _Unusable(Cause.RESULT, f"{name}: 2theta of the curves is not strictly increasing")
    points = histogram.pattern.x[histogram.pattern.mask(histogram.limits)]
    slack = float(np.median(np.diff(points))) if points.size > 1 else 0.0
    pattern = Pattern(name, x, arrays["observed"], arrays["weights"], "the engine")
    inside = pattern.mask(histogram.limits)
    if points.size and (x[0] > points[0] + slack or x[-1] < points[-1] - slack or inside.sum() < 0.99 * points.size):
        raise _Unusable(
            Cause.COVERAGE,
            f"{name}: the curves ({x[0]:.3f} to {x[-1]:.3f}, {inside.sum()} points inside) do not cover the limits "
            f"({points[0]:.3f} to {points[-1]:.3f}, {points.size} points)",
        )
    counted = pattern.mask(histogram.limits, histogram.excluded)
    weights = np.where(counted, arrays["weights"], 0.0)
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise _Unusable(Cause.NAN, f"{name}: weights that are negative or not finite")
    used = weights > 0
    for key in ("observed", "calculated", "background"):
        bad = int(np.count_nonzero(~np.isfinite(arrays[key][used])))
        if bad:
            raise _Unusable(Cause.NAN, f"{name}: {bad} points of the {key} curve are not finite")
    return weights


def _counted(values: Array, weights: Array) -> Array:
    # A missing value has no weight, but zero times NaN is NaN.
    return np.where(weights > 0, values, 0.0)


def _compare_data(histogram: Histogram, curves: Curves, weights: Array) -> list[Finding]:
    """Warn if the engine uses other points or intensities than the project's: its Rwp cannot be compared."""
    pattern = histogram.pattern
    mine = pattern.mask(histogram.limits, histogram.excluded) & (pattern.weights > 0)
    n_engine, n_project = int(np.count_nonzero(weights > 0)), int(np.count_nonzero(mine))
    used = weights > 0
    reference = np.interp(curves.x[used], pattern.x[mine], pattern.y[mine]) if mine.any() else curves.observed[used]
    scale = float(np.sum(np.abs(reference)))
    off = float(np.sum(np.abs(curves.observed[used] - reference))) / scale if scale > 0 else 0.0
    if abs(n_engine - n_project) <= max(2, 0.001 * n_project) and off < 0.01:
        return []
    return [
        Finding(
            "engine-data-differ",
            Severity.WARNING,
            f"{histogram.name}: the engine's data differ from the project's: {n_engine} points for {n_project}, "
            f"intensities {100 * off:.2g} % off",
            {"n_engine": n_engine, "n_project": n_project, "off": off},
        )
    ]


def _engine_differs(engine: float, mine: float) -> Finding:
    return Finding(
        "engine-rwp-differs",
        Severity.INFO,
        f"the engine reports Rwp {engine:.3f} %, calculated from its curves it is {mine:.3f} %",
        {"engine_rwp": engine, "rwp": mine},
    )


def _figures(curves: Curves, weights: Array, total: Metrics) -> HistogramFigures:
    points = int(np.count_nonzero(weights > 0))
    share = round(total.n_variables * points / total.n_observations) if total.n_observations else 0
    observed, calculated = _counted(curves.observed, weights), _counted(curves.calculated, weights)
    used = weights > 0
    residuals = np.sqrt(weights[used]) * (observed - calculated)[used]
    by_phase = {item.phase: _intensities(item) for item in curves.reflections}
    return HistogramFigures(
        curves.histogram,
        measure(observed, calculated, weights, share),
        {phase: r_bragg(*found) for phase, found in by_phase.items()},
        {phase: r_f(*found) for phase, found in by_phase.items()},
        rwp_background_subtracted(observed, calculated, _counted(curves.background, weights), weights),
        durbin_watson(residuals),
        effective_points(residuals),
        esd_factor(residuals, share),
    )


def _intensities(item: Reflections) -> tuple[Array, Array]:
    """Return observed and calculated I = multiplicity F^2 (Young, The Rietveld Method (1993), table 1.3)."""
    observed, calculated = item.multiplicity * item.f2_observed, item.multiplicity * item.f2_calculated
    usable = np.isfinite(observed) & np.isfinite(calculated)
    return observed[usable], calculated[usable]


def _findings(plugin: str, answer: Any) -> list[Finding]:
    findings = list(answer) if isinstance(answer, Iterable) and not isinstance(answer, str) else None
    if findings is None or not all(isinstance(item, Finding) for item in findings):
        raise PluginError(
            f"hook autogsas_check_result ({plugin}) gave a wrong answer",
            found=repr(answer),
            allowed="findings, in a list or yielded",
        )
    return findings


def _score(host: Host, project: Project, result: Result, metrics: Metrics, findings: list[Finding]) -> float:
    score = host.call("score", project=project, result=result, metrics=metrics, findings=tuple(findings))
    if score is None:
        return metrics.rwp
    if isinstance(score, bool) or not isinstance(score, (int, float, np.number)) or not math.isfinite(score):
        whose = host.whose("autogsas_score")
        raise PluginError(
            f"hook autogsas_score ({whose}) gave a wrong answer", found=repr(score), allowed="a finite number or None"
        )
    return float(score)

"""A refinement from a project and a result, for example what a plugin reads from a file of its engine."""

from __future__ import annotations

import math

import numpy as np

from autogsas.comparison.labels import background_of, groups_of
from autogsas.comparison.refinement import Figures, Fit, Kind, Refinement
from autogsas.crystal.endpoints import end_point
from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.model.metrics import Metrics
from autogsas.model.pattern import Pattern
from autogsas.model.project import Histogram, Project
from autogsas.model.result import Curves, Result
from autogsas.runfolder.reader import Marks, Profile
from autogsas.trial.assessment import Assessment, assess
from autogsas.trial.cells import with_found_cells

__all__ = ["refinement_from_result"]


def refinement_from_result(
    host: Host, project: Project, result: Result, label: str, source: str, kind: Kind = "project"
) -> Refinement:
    """Return a result, measured and checked by the host over the project's limits.

    Raises UserError if the result cannot be measured.
    """
    found = assess(host, with_found_cells(host, project), result)
    if found.metrics is None:
        raise UserError(f"cannot be measured: {found.message}", file=source)
    return Refinement(
        label=label,
        kind=kind,
        source=source,
        engine=f"{result.backend} {result.backend_version}".strip(),
        figures=_figures(found.metrics),
        fits=tuple(_fit(project.histogram(curves.histogram), curves, found, result) for curves in result.curves),
        findings=found.findings,
        parameters=result.parameters,
        end=end_point(found.metrics.rwp, result.phases, result.parameters),
        groups=groups_of(result.parameters),
        notes=result.notes,
    )


def _figures(metrics: Metrics) -> Figures:
    return Figures(
        rwp=metrics.rwp,
        rexp=_finite(metrics.rexp),
        gof=_finite(metrics.gof),
        chi2=metrics.chi2,
        bic=_finite(metrics.bic),
        n_observations=metrics.n_observations,
        n_variables=metrics.n_variables,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _fit(histogram: Histogram, curves: Curves, found: Assessment, result: Result) -> Fit:
    measured = Pattern(histogram.name, curves.x, curves.observed, curves.weights, result.backend)
    weights = np.where(measured.mask(histogram.limits, histogram.excluded), curves.weights, 0.0)
    figures = next((item for item in found.histograms if item.name == histogram.name), None)
    function, terms = background_of(histogram.name, None, result.parameters)
    arrays = (curves.observed, curves.calculated, curves.background, weights)
    return Fit(
        profile=Profile(histogram.name, curves.x, *(np.asarray(array, dtype=np.float64) for array in arrays)),
        limits=histogram.limits,
        excluded=histogram.excluded,
        rwp=None if figures is None else figures.metrics.rwp,
        r_bragg=tuple((phase, _finite(value)) for phase, value in figures.r_bragg.items()) if figures else (),
        background=curves.background_function or function,
        terms=terms,
        marks=tuple(Marks(histogram.name, item.phase, item.hkl, item.d, item.two_theta) for item in curves.reflections),
    )

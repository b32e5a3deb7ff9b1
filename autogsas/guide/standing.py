"""A model on the way of a guided refinement, and the evidence for one model over another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autogsas.hooks.backend import AdvisingSession
from autogsas.model.advice import Candidate
from autogsas.model.metrics import bic_fall, counted_points, effective_points
from autogsas.model.result import Parameter, Result

__all__ = ["Standing", "evidence", "standing"]


@dataclass(frozen=True)
class Standing:
    """A model that has been refined: the session that holds it, what it refines, and how well it fits.

    ``terms`` are those of the background by histogram, ``points`` the number of points that count (see
    `counted_points`), ``gof`` the goodness of fit.
    """

    session: AdvisingSession
    result: Result
    accepted: tuple[Candidate, ...]
    terms: Mapping[str, int]
    chi2: float
    n_variables: int
    points: float
    gof: float

    @property
    def values(self) -> Mapping[str, Parameter]:
        """The parameters by name."""
        return {parameter.name: parameter for parameter in self.result.parameters}


def standing(session: AdvisingSession, accepted: tuple[Candidate, ...], terms: Mapping[str, int]) -> Standing:
    """Return the standing of what a session holds."""
    result = session.result()
    chi2 = points = 0.0
    n = 0
    for curves in result.curves:
        residuals = (curves.observed - curves.calculated) * np.sqrt(curves.weights)
        used = residuals[curves.weights > 0]
        chi2 += float(np.sum(used**2))
        points += counted_points(effective_points(used), used.size)
        n += used.size
    gof = math.sqrt(chi2 / max(n - result.n_variables, 1))
    return Standing(session, result, accepted, dict(terms), chi2, result.n_variables, points, gof)


def evidence(after: Standing, before: Standing) -> float:
    """Return by how much BIC is lower ``after`` (see `bic_fall`), in the independent points of the better fit."""
    points = after.points if after.chi2 <= before.chi2 else before.points
    return bic_fall(before.chi2, after.chi2, after.n_variables - before.n_variables, points)

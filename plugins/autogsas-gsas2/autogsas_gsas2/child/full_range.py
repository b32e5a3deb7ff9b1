"""Rwp over the project's full limits, calculated without changing the project."""

from __future__ import annotations

import contextlib
import math
import os
import traceback
from typing import Any

import numpy as np

from autogsas_gsas2.child import background
from autogsas_gsas2.child.model import HistogramModel, Model

__all__ = ["full_rwp"]

Array = Any


class _Calculated(BaseException):
    """Ends a refinement after the pattern is calculated. Not an Exception, because GSAS-II catches every Exception."""


def full_rwp(model: Model) -> float:
    """Return Rwp in per cent over the project's full limits, as the host calculates it; NaN if that fails.

    After a step within narrower limits this takes one calculation of the pattern without derivatives. NaN also for Le
    Bail phases then, which have no intensities outside the limits of their extraction.
    """
    if all(model.histogram(item)["Limits"][1] == item.limits for item in model.histograms):
        return _rwp(model, [np.ma.getdata(model.histogram(item)["data"][1][3]) for item in model.histograms])
    if model.le_bail():
        return math.nan
    try:
        return _rwp(model, _calculated_curves(model))
    except Exception:  # noqa: BLE001  whatever GSAS-II raises here, the trial continues
        traceback.print_exc()
        return math.nan


def _rwp(model: Model, calculated: list[Array]) -> float:
    """Return 100 sqrt(sum w (yo - yc)^2 / sum w yo^2) over the full limits without the excluded regions."""
    squares = total = 0.0
    for item, curve in zip(model.histograms, calculated, strict=True):
        tree = model.histogram(item)
        x, y, weights = (np.ma.getdata(array) for array in tree["data"][1][:3])
        counted = np.zeros(x.size, dtype=bool)
        counted[model.points(item, item.limits)] = True
        for low, high in item.excluded:
            counted &= (x < low) | (x > high)
        weights = weights * float(tree["data"][0].get("wtFactor", 1.0))
        squares += float(np.sum((weights * (y - curve) ** 2)[counted]))
        total += float(np.sum((weights * y**2)[counted]))
    return 100.0 * math.sqrt(squares / total) if total > 0 else math.nan


def _calculated_curves(model: Model) -> list[Array]:
    """Return the calculated curves over the full limits, for all points of each histogram.

    The limits and backgrounds are changed, saved to another file, and set back.
    """
    file, before = model.gpx.filename, {item.key: _limits_and_background(model, item) for item in model.histograms}
    covariance = model.gpx.data["Covariance"]["data"]
    other_file = os.path.join(model.folder, "full_range.gpx")
    try:
        for item in model.histograms:
            tree = model.histogram(item)
            function, terms = tree["Background"][0][0], int(tree["Background"][0][2])
            known = model.background_limits.get(item.name)
            if known != item.limits and item.name not in model.coefficients_kept:
                tree["Background"][0] = background.same_curve(model, item, function, terms, item.limits, known)
            tree["Limits"][1] = list(item.limits)
        model.gpx.data["Covariance"]["data"] = {}
        model.gpx.filename = other_file
        model.gpx.save()
    finally:
        model.gpx.filename = file
        model.gpx.data["Covariance"]["data"] = covariance
        for item in model.histograms:
            tree = model.histogram(item)
            tree["Limits"][1], tree["Background"][0] = before[item.key]
    return _first_curves(model, other_file)


def _limits_and_background(model: Model, item: HistogramModel) -> tuple[Any, Any]:
    tree = model.histogram(item)
    return tree["Limits"][1], tree["Background"][0]


def _first_curves(model: Model, file: str) -> list[Array]:
    """Return the curves that GSAS-II calculates for a project's file before the first cycle of a refinement."""
    math_module = model.g2.math
    original = math_module.HessianLSQ
    seen: list[Any] = []

    def calculate(function: Any, values: Any, *_: Any, args: Any = (), **__: Any) -> Any:
        function(values, *args)
        seen.append(args[0][0])
        raise _Calculated

    math_module.HessianLSQ = calculate
    model.g2.io.gpxSize = -1
    try:
        with contextlib.suppress(_Calculated):
            model.g2.main.Refine(file, makeBack=False)
    finally:
        math_module.HessianLSQ = original
        model.g2.io.gpxSize = -1
    if not seen:
        raise ValueError("GSAS-II did not calculate the pattern")
    return [np.ma.getdata(seen[0][item.key]["Data"][3]) for item in model.histograms]

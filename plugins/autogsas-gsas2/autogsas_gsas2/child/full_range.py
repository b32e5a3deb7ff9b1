"""A look at how the model fits over the project's full limits, by which nothing changes."""

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


class _Seen(BaseException):
    """Ends a refinement once its curves are calculated; GSAS-II catches every Exception."""


def full_rwp(model: Model) -> float:
    """Return Rwp in per cent over the project's full limits as the host measures it; NaN where that fails.

    After a step over less it costs one calculation, without derivatives. Le Bail phases have no intensities beyond the
    limits they were extracted in: NaN.
    """
    if all(model.histogram(item)["Limits"][1] == item.limits for item in model.histograms):
        return _rwp(model, [np.ma.getdata(model.histogram(item)["data"][1][3]) for item in model.histograms])
    if model.le_bail():
        return math.nan
    try:
        return _rwp(model, _calculated(model))
    except Exception:  # noqa: BLE001  a look must not cost the trial, whatever GSAS-II raises
        traceback.print_exc()
        return math.nan


def _rwp(model: Model, calculated: list[Array]) -> float:
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


def _calculated(model: Model) -> list[Array]:
    """Return the calculated curves over the full limits, on all points of each histogram."""
    file, ranges = model.gpx.filename, {item.key: _range(model, item) for item in model.histograms}
    covariance = model.gpx.data["Covariance"]["data"]
    aside = os.path.join(model.folder, "look.gpx")
    try:
        for item in model.histograms:
            tree = model.histogram(item)
            function, terms = tree["Background"][0][0], int(tree["Background"][0][2])
            known = model.backgrounds.get(item.name)
            if known != item.limits and item.name not in model.numbers_kept:
                tree["Background"][0] = background.carried(model, item, function, terms, item.limits, known)
            tree["Limits"][1] = list(item.limits)
        model.gpx.data["Covariance"]["data"] = {}
        model.gpx.filename = aside
        model.gpx.save()
    finally:
        model.gpx.filename = file
        model.gpx.data["Covariance"]["data"] = covariance
        for item in model.histograms:
            tree = model.histogram(item)
            tree["Limits"][1], tree["Background"][0] = ranges[item.key]
    return _curves(model, aside)


def _range(model: Model, item: HistogramModel) -> tuple[Any, Any]:
    tree = model.histogram(item)
    return tree["Limits"][1], tree["Background"][0]


def _curves(model: Model, file: str) -> list[Array]:
    """Return the curves that GSAS-II calculates for a project's file, before it would refine anything."""
    math_module = model.g2.math
    original = math_module.HessianLSQ
    seen: list[Any] = []

    def calculate(function: Any, values: Any, *_: Any, args: Any = (), **__: Any) -> Any:
        function(values, *args)
        seen.append(args[0][0])
        raise _Seen

    math_module.HessianLSQ = calculate
    model.g2.io.gpxSize = -1
    try:
        with contextlib.suppress(_Seen):
            model.g2.main.Refine(file, makeBack=False)
    finally:
        math_module.HessianLSQ = original
        model.g2.io.gpxSize = -1
    if not seen:
        raise ValueError("GSAS-II calculated nothing")
    return [np.ma.getdata(seen[0][item.key]["Data"][3]) for item in model.histograms]

"""Changing the function, the terms or the limits of a background without changing its curve.

GSAS-II keeps the coefficients in that case, although they then describe another curve: coefficients of one series used
for another have given an Rwp of 100 % at once. So the new function is fitted to the old curve.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autogsas_gsas2.child.model import HistogramModel, Model

__all__ = ["basis", "peaks_and_debye_terms", "same_coefficients", "same_curve"]

Array = Any

_MOST_CLIPPINGS = 30
"""A limit in case the clipping does not end; chosen, not tuned."""


def basis(model: Model, item: HistogramModel, function: str, terms: int, x: Array) -> Array:
    """Return the basis functions of a background at ``x`` (n,) as GSAS-II calculates them, shape (n, terms)."""
    columns = []
    for chosen in range(terms):
        values = {f":0:Back;{i}": float(i == chosen) for i in range(terms)}
        columns.append(_by_gsas2(model, item, function, values, x))
    return np.column_stack(columns)


def peaks_and_debye_terms(model: Model, item: HistogramModel, x: Array) -> Array:
    """Return the background's peaks and Debye terms at ``x`` (n,) as GSAS-II calculates them, shape (n,)."""
    extras = model.histogram(item)["Background"][1]
    values = {":0:Back;0": 0.0}
    for names, rows in (
        (("DebyeA", "DebyeR", "DebyeU"), extras.get("debyeTerms", ())),
        (("BkPkpos", "BkPkint", "BkPksig", "BkPkgam"), extras.get("peaksList", ())),
    ):
        for number, row in enumerate(rows):
            values |= {f":0:{name};{number}": float(v) for name, v in zip(names, row[::2], strict=True)}
    return _by_gsas2(model, item, "chebyschev-1", values, x)


def _by_gsas2(model: Model, item: HistogramModel, function: str, values: dict[str, float], x: Array) -> Array:
    tree = model.histogram(item)["Instrument Parameters"][0]
    values |= {
        ":0:Lam": float((tree.get("Lam") or tree["Lam1"])[1]),
        ":0:SH/L": float(tree.get("SH/L", (0.0, 0.002))[1]),
    }
    return np.ma.getdata(model.g2.pwd.getBackground(":0:", values, function, tree["Type"][0], x)[0])


def same_curve(
    model: Model, item: HistogramModel, function: str, terms: int, limits: list[float], known: list[float] | None
) -> list[Any]:
    """Return GSAS-II's list for a background of this function and limits that reproduces the present curve.

    ``known`` are the limits in which the present coefficients were refined. Outside of them, and if ``known`` is None,
    the curve is an estimate of the background under the peaks.
    """
    tree = model.histogram(item)
    old = tree["Background"][0]
    x, y, weights = (np.ma.getdata(array) for array in tree["data"][1][:3])
    inside = model.points(item, limits)
    x_new = x[inside]
    new = basis(model, item, function, terms, x_new)
    target = new @ _lower_envelope(new, y[inside] - peaks_and_debye_terms(model, item, x_new), weights[inside])
    if known is not None:
        before = model.points(item, known)
        curve = basis(model, item, old[0], old[2], x[before]) @ np.asarray(old[3 : 3 + old[2]], dtype=float)
        covered = (x_new >= x[before][0]) & (x_new <= x[before][-1])
        target[covered] = np.interp(x_new[covered], x[before], curve)
    return [function, bool(old[1]), terms, *(float(value) for value in _solution(new, target))]


def same_coefficients(present: list[Any], function: str, terms: int) -> list[Any]:
    """Return GSAS-II's list for a background with the present coefficients, cut or filled with zeros like GSAS-II."""
    coefficients = [*present[3 : 3 + min(terms, present[2])], *[0.0] * (terms - present[2])]
    return [function, bool(present[1]), terms, *coefficients]


def _lower_envelope(functions: Array, y: Array, weights: Array) -> Array:
    """Return coefficients (t,) of a background under the peaks.

    Fit and clipping alternate: points higher than one standard deviation (the square root of the counts) above the
    curve are set to that height, at most 30 times, until no point is clipped any more.
    """
    weight = np.sqrt(weights)
    target = y.copy()
    coefficients = np.zeros(functions.shape[1])
    for _ in range(_MOST_CLIPPINGS):
        coefficients = _solution(functions * weight[:, None], target * weight)
        curve = functions @ coefficients
        clipped = np.minimum(target, curve + np.sqrt(np.maximum(curve, 1.0)))
        if np.all(clipped == target):
            break
        target = clipped
    return coefficients


def _solution(design: Array, target: Array) -> Array:
    # Powers of Q differ by many orders of magnitude: the columns are scaled to one norm.
    size = np.sqrt(np.sum(design**2, axis=0))
    size = np.where(size > 0, size, 1.0)
    return np.linalg.lstsq(design / size, target, rcond=1e-10)[0] / size

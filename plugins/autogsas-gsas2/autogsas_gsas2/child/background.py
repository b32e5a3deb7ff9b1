"""Changing a histogram's background without changing its curve.

GSAS-II keeps the coefficients when the function, their number or the limits change, though they then mean another
curve: coefficients of one series read as another's have given Rwp of 100 % at once. So the old curve is fitted anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autogsas_gsas2.child.model import HistogramModel, Model

__all__ = ["basis", "carried", "extras", "with_its_numbers"]

Array = Any


def basis(model: Model, item: HistogramModel, function: str, terms: int, x: Array) -> Array:
    """Return the functions of a background at ``x`` (n,) by GSAS-II itself, shape (n, terms)."""
    columns = []
    for chosen in range(terms):
        values = {f":0:Back;{i}": float(i == chosen) for i in range(terms)}
        columns.append(_by_gsas2(model, item, function, values, x))
    return np.column_stack(columns)


def extras(model: Model, item: HistogramModel, x: Array) -> Array:
    """Return what the background has besides its function at ``x`` (n,) by GSAS-II itself: peaks and Debye terms."""
    said = model.histogram(item)["Background"][1]
    values = {":0:Back;0": 0.0}
    for names, rows in (
        (("DebyeA", "DebyeR", "DebyeU"), said.get("debyeTerms", ())),
        (("BkPkpos", "BkPkint", "BkPksig", "BkPkgam"), said.get("peaksList", ())),
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


def carried(
    model: Model, item: HistogramModel, function: str, terms: int, limits: list[float], known: list[float] | None
) -> list[Any]:
    """Return GSAS-II's list for a background of this function and limits that draws the present curve.

    ``known`` are the limits the present coefficients were refined in, None where there is no curve to keep: then, and
    outside of them, the curve lies under the peaks.
    """
    tree = model.histogram(item)
    old = tree["Background"][0]
    x, y, weights = (np.ma.getdata(array) for array in tree["data"][1][:3])
    inside = model.points(item, limits)
    x_new = x[inside]
    new = basis(model, item, function, terms, x_new)
    target = new @ _lower_envelope(new, y[inside] - extras(model, item, x_new), weights[inside])
    if known is not None:
        before = model.points(item, known)
        curve = basis(model, item, old[0], old[2], x[before]) @ np.asarray(old[3 : 3 + old[2]], dtype=float)
        covered = (x_new >= x[before][0]) & (x_new <= x[before][-1])
        target[covered] = np.interp(x_new[covered], x[before], curve)
    return [function, bool(old[1]), terms, *(float(value) for value in _solution(new, target))]


def with_its_numbers(present: list[Any], function: str, terms: int) -> list[Any]:
    """Return GSAS-II's list for a background with the present numbers, cut or filled with zeros, as GSAS-II does it."""
    numbers = [*present[3 : 3 + min(terms, present[2])], *[0.0] * (terms - present[2])]
    return [function, bool(present[1]), terms, *numbers]


def _lower_envelope(functions: Array, y: Array, weights: Array) -> Array:
    """Return coefficients (t,) of a background under the peaks: a fit, with what stands out clipped in turns."""
    weight = np.sqrt(weights)
    target = y.copy()
    coefficients = np.zeros(functions.shape[1])
    for _ in range(30):
        coefficients = _solution(functions * weight[:, None], target * weight)
        curve = functions @ coefficients
        clipped = np.minimum(target, curve + np.sqrt(np.maximum(curve, 1.0)))
        if np.all(clipped == target):
            break
        target = clipped
    return coefficients


def _solution(design: Array, target: Array) -> Array:
    # Powers of Q differ by many orders of magnitude; scaled to one size, they do not drown each other.
    size = np.sqrt(np.sum(design**2, axis=0))
    size = np.where(size > 0, size, 1.0)
    return np.linalg.lstsq(design / size, target, rcond=1e-10)[0] / size

"""Distinct solutions among the end points of a run's trials."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["group_candidates"]

Array = npt.NDArray[np.float64]

_CELL_TOLERANCE = 1e-3
_LENGTH_TOLERANCE = 0.02
_ESDS = 5.0


def group_candidates(trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group complete trials into distinct structures, best first.

    ``trials`` are what the trials' JSON files hold, in any order; those that are not complete are left out. Two end
    points are one solution where every cell parameter, coordinate and U_iso agrees within 5 esd (the larger of the
    two) or within a tolerance that no refinement of one minimum exceeds: 1e-3 of a cell parameter, 0.02 Angstrom of
    a position or of a root mean square displacement. Groups are joined by single linkage.

    Each group gives its best ``trial`` with ``rwp`` and the codes of its ``findings``, the ``count`` of trials, and
    which parameters ``differ`` from the best group's.
    """
    complete = [trial for trial in trials if trial["state"] == "complete" and trial["score"] is not None]
    structures = [trial for trial in complete if trial.get("structure")]
    if not structures:
        return []
    structures.sort(key=lambda trial: (trial["score"], trial["number"]))
    by_number = {trial["number"]: index for index, trial in enumerate(structures)}
    names = list(_values(structures[0]))
    values = np.array([[found.get(name, np.nan) for name in names] for found in map(_values, structures)])
    margins = np.array([_margins(trial, names) for trial in structures])
    wrapped = np.array([name.rsplit(":", 1)[-1] in ("x", "y", "z") for name in names])
    labels = _linked(values, margins, wrapped)
    counts: dict[int, int] = {}
    for trial in complete:
        # A trial that took over an earlier one's result ended where that one did.
        same_as = trial.get("same_as")
        index = by_number.get(trial["number"] if same_as is None else same_as)
        if index is not None:
            counts[labels[index]] = counts.get(labels[index], 0) + 1
    groups = []
    for label in dict.fromkeys(labels):
        index = labels.index(label)
        same = _same(values, margins, wrapped, 0, index)
        trial = structures[index]
        groups.append(
            {
                "trial": trial["number"],
                "rwp": trial["metrics"]["rwp"],
                "count": counts[label],
                "findings": list(dict.fromkeys(finding["code"] for finding in trial["findings"])),
                "differs": [name for name, agrees in zip(names, same, strict=True) if not agrees],
            }
        )
    return groups


def _values(trial: Mapping[str, Any]) -> dict[str, float]:
    """Cell parameters, coordinates and signed root mean square displacements (Angstrom) by name."""
    out: dict[str, float] = {}
    for phase in trial["structure"]:
        name = phase["name"]
        out |= {f"{name}:{key}": float(value) for key, value in phase["cell"].items()}
        for site in phase["sites"]:
            out |= {f"{name}:{site['label']}:{axis}": float(site[axis]) for axis in "xyz"}
            uiso = float(site["uiso"])
            out[f"{name}:{site['label']}:Uiso"] = float(np.sign(uiso) * np.sqrt(abs(uiso)))
    return out


def _margins(trial: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    """How far each value may lie from another one of the same solution, in the units of `_values`."""
    esds = {_key(item["name"]): item["esd"] for item in trial.get("parameters", ()) if item["esd"] is not None}
    cells = {phase["name"]: phase["cell"] for phase in trial["structure"]}
    values = _values(trial)
    out = []
    for name in names:
        phase, last = name.split(":", 1)[0], name.rsplit(":", 1)[-1]
        esd = _ESDS * float(esds.get(_key(name), 0.0))
        cell = cells.get(phase, {})
        if last in cell:
            tolerance = _CELL_TOLERANCE * abs(cell[last])
        elif last in ("x", "y", "z"):
            tolerance = _LENGTH_TOLERANCE / cell[{"x": "a", "y": "b", "z": "c"}[last]] if cell else 0.0
        else:
            # An esd of U is one of sqrt(U) times 2 sqrt(U).
            esd /= 2.0 * max(abs(values.get(name, 0.0)), _LENGTH_TOLERANCE)
            tolerance = _LENGTH_TOLERANCE
        out.append(max(esd, tolerance))
    return out


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9:]", "", name.casefold())


def _same(
    values: Array, margins: Array, wrapped: npt.NDArray[np.bool_], first: int, second: Any
) -> npt.NDArray[np.bool_]:
    """Which parameters of one trial agree with those of another, shape (p,), or of several, (n, p)."""
    difference = values[second] - values[first]
    difference = np.where(wrapped, difference - np.round(difference), difference)
    return np.asarray(np.abs(difference) <= np.maximum(margins[second], margins[first]))


def _linked(values: Array, margins: Array, wrapped: npt.NDArray[np.bool_]) -> list[int]:
    """Label the rows of ``values`` (n, p) by single linkage; a label is the first row of its group."""
    labels = list(range(len(values)))
    for row in range(len(values)):
        near = np.flatnonzero(_same(values, margins, wrapped, row, slice(None)).all(axis=1))
        joined = {labels[other] for other in near} | {labels[row]}
        keep = min(joined)
        labels = [keep if label in joined else label for label in labels]
    return labels

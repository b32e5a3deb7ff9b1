"""One refinement by GSAS-II, with checks that see every kind of failure.

GSAS-II's scripting layer drops the return value of the refinement, and after a failure the project still shows the
results of the step before. So the function that refines is called directly, its results are cleared before and checked
afterwards.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.model import Model, frozen_list

__all__ = ["Outcome", "calculate", "refine_once"]

_WORST_RWP = 100.0
"""In per cent: a calculated pattern of zero gives 100 %, so a larger Rwp is worse than no model."""

_WORST_LE_BAIL = 200.0
"""In per cent: Le Bail peaks are as strong as the measured ones also at wrong positions, and can double the misfit."""

_DAMPED = 0.005
"""Marquardt's lambda from which the shifts are small because of damping, so that they do not show convergence."""

_LARGEST = {
    "U": 1e5,
    "V": 1e5,
    "W": 1e5,
    "X": 1e3,
    "Y": 1e3,
    "Z": 1e3,
    "SH/L": 0.5,
    "Zero": 5.0,
    "Shift": 1e4,
    "DisplaceX": 1e5,
    "DisplaceY": 1e5,
    "Transparency": 1e3,
}
"""Largest absolute values in GSAS-II's units: beyond them peaks are several degrees wide, or shifted by degrees."""

_UISO_RANGE = (-1.0, 5.0)
"""In Å²; typical values are 0.002 to 0.1."""

_CELL_CHANGE = 0.1
"""The largest relative change of a cell length in one refinement; 1 % already moves peaks by whole widths."""


@dataclass(frozen=True)
class Outcome:
    """Result of one refinement: GSAS-II's variables with esds, and the shifts of its last cycle.

    ``converged`` and ``stuck`` (no step lowered chi^2) are GSAS-II's own flags; ``damped``: the last shifts were small
    because of damping. ``first_chi2`` and ``chi2`` are those before and after.
    """

    names: list[str]
    esds: Any
    shifts: dict[str, float]
    singular: list[str]
    frozen: list[str]
    cycles: int
    rwp: float
    first_chi2: float
    chi2: float
    converged: bool
    stuck: bool
    damped: bool
    message: str

    @property
    def dropped(self) -> list[str]:
        """Variables that could not be refined: singular, or without an esd."""
        without_esd = [
            name for name, esd in zip(self.names, self.esds, strict=True) if not (np.isfinite(esd) and esd > 0)
        ]
        return list(dict.fromkeys([*self.singular, *without_esd]))

    @property
    def shift_esd(self) -> float:
        """The largest |shift|/esd of the last cycle among the variables that were refined."""
        dropped = set(self.dropped)
        ratios = [
            abs(self.shifts.get(name, 0.0)) / float(esd)
            for name, esd in zip(self.names, self.esds, strict=True)
            if name not in dropped
        ]
        return max(ratios, default=0.0)


def refine_once(model: Model, cycles: int, tolerance: float) -> Outcome:
    """Refine with at most ``cycles`` cycles, until the relative change of chi^2 is below ``tolerance``.

    With ``cycles`` 0 the pattern is only calculated. Raises Failure if GSAS-II failed in any way.
    """
    controls = model.gpx.data["Controls"]["data"]
    controls["max cyc"], controls["min dM/M"] = cycles, tolerance
    for item in model.histograms:
        model.histogram(item)["data"][0].pop("wR", None)
    model.gpx.data["Covariance"]["data"] = {}
    cells = [list(model.phase(phase)["General"]["Cell"][1:8]) for phase in model.phases]
    # GSAS-II keeps offsets into the project's file as long as its size is the same, and would misread another file.
    model.gpx.save()
    model.g2.io.gpxSize = -1
    try:
        with _watched(model.g2.math) as seen:
            answer = model.g2.main.Refine(model.gpx.filename, makeBack=False)
    except Exception as error:
        # GSAS-II may raise any exception; its message is the reason of the failure.
        traceback.print_exc()
        raise Failure(_cause(str(error)), f"{type(error).__name__}: {error}") from error
    if answer is not None and not answer[0]:
        message = str(answer[1].get("msg", "")).strip() or "GSAS-II's refinement failed without a message"
        raise Failure(_cause(message), message)
    model.gpx.reload()
    figures = _calculated(model) if cycles == 0 else _refined(model, cells)
    return _outcome(model, figures, seen)


def calculate(model: Model) -> None:
    """Calculate the pattern for the present parameters and limits; the results of the last refinement are kept.

    Raises Failure as `refine_once` does.
    """
    kept = model.gpx.data["Covariance"]["data"]
    refine_once(model, 0, 1e-3)
    model.gpx.data["Covariance"]["data"] = kept


@contextlib.contextmanager
def _watched(module: Any) -> Iterator[list[dict[str, Any]]]:
    """Record what the least-squares function returns: GSAS-II drops the number of cycles and the singular variables."""
    original = getattr(module, "HessianLSQ", None)
    seen: list[dict[str, Any]] = []
    if original is None:
        yield seen
        return

    def watch(*args: Any, **keywords: Any) -> Any:
        result = original(*args, **keywords)
        seen.append(result[2])
        return result

    module.HessianLSQ = watch
    try:
        yield seen
    finally:
        module.HessianLSQ = original


def _calculated(model: Model) -> dict[str, Any]:
    _check_curves(model)
    return {}


def _refined(model: Model, cells: list[list[float]]) -> dict[str, Any]:
    found: dict[str, Any] = model.gpx.data["Covariance"]["data"]
    if not found.get("varyList"):
        raise Failure("nothing-refined", "GSAS-II refined nothing, because no variable is free")
    if any(model.histogram(item)["data"][0].get("wR") is None for item in model.histograms):
        raise Failure("silent-failure", "GSAS-II returned without a message and without a wR")
    if not np.all(np.isfinite(np.asarray(found["variables"], dtype=float))):
        bad = [n for n, v in zip(found["varyList"], found["variables"], strict=True) if not np.isfinite(v)]
        raise Failure("not-finite", f"values are not finite after the refinement: {', '.join(bad[:5])}")
    _check_curves(model)
    rwp = float(found["Rvals"]["Rwp"])
    if not rwp <= (_WORST_LE_BAIL if model.le_bail() else _WORST_RWP):
        raise Failure("diverged", f"Rwp is {rwp:.4g} %, worse than without a model")
    _check_values(model, found)
    _check_cells(model, cells)
    return found


def _check_curves(model: Model) -> None:
    for item in model.histograms:
        arrays = model.histogram(item)["data"][1]
        inside = model.points(item, model.histogram(item)["Limits"][1])
        if not np.all(np.isfinite(np.ma.getdata(arrays[3])[inside])):
            raise Failure("not-finite", f"the calculated pattern of {item.name} is not finite")


def _check_values(model: Model, found: dict[str, Any]) -> None:
    frozen = {str(item) for item in frozen_list(model.gpx)}
    for name, value in zip(found["varyList"], found["variables"], strict=True):
        if name in frozen:  # GSAS-II sets a variable beyond its limit back to the limit
            continue
        largest = _LARGEST.get(name.split(":")[2]) if name.startswith(":") else None
        if largest is not None and abs(value) > largest:
            raise Failure("diverged", f"{name} became {value:.4g}, beyond {largest:g}")
        if ":AUiso:" in name and not _UISO_RANGE[0] < value < _UISO_RANGE[1]:
            raise Failure("diverged", f"{name} became {value:.4g} Å²")


def _check_cells(model: Model, cells: list[list[float]]) -> None:
    for phase, before in zip(model.phases, cells, strict=True):
        after = model.phase(phase)["General"]["Cell"][1:8]
        if not all(np.isfinite(after)) or any(
            abs(b / a - 1.0) > _CELL_CHANGE for a, b in zip(before[:3], after[:3], strict=True)
        ):
            raise Failure("diverged", f"the cell of {phase.name} diverged: {', '.join(f'{v:.4f}' for v in after[:6])}")


def _outcome(model: Model, found: dict[str, Any], seen: list[dict[str, Any]]) -> Outcome:
    rvals: dict[str, Any] = found.get("Rvals", {})
    info = seen[-1] if seen else {}
    names = list(found.get("varyList", []))
    converged = bool(rvals.get("converged"))
    return Outcome(
        names=names,
        esds=np.array([np.nan if esd is None else esd for esd in found.get("sig", [])], dtype=float),
        shifts={key: float(value) for key, value in (rvals.get("lastShifts") or {}).items()},
        singular=[names[i] for i in info.get("psing", []) if i < len(names)],
        frozen=[str(item) for item in frozen_list(model.gpx)],
        # GSAS-II does not count the cycle in which it finds convergence.
        cycles=int(info.get("num cyc", 0)) + (1 if converged else 0),
        rwp=float(rvals.get("Rwp", np.nan)),
        first_chi2=float(info.get("chisq0", np.nan)),
        chi2=float(rvals.get("chisq", np.nan)),
        converged=converged,
        stuck=bool(rvals.get("Aborted")),
        damped=float(rvals.get("lamMax", 0.0)) > _DAMPED,
        message=" ".join(str(rvals.get("msg", "")).split()),
    )


def _cause(message: str) -> str:
    return "disk-full" if "No space left" in message else "refinement-failed"

"""One refinement by GSAS-II with every way it fails made visible.

GSAS-II's scripting layer drops the return value of the refinement; after a failure the project still shows the step
before. So the refinement is called itself, what it would leave is cleared before, and is looked for after.
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

_WORST_RWP, _WORST_LE_BAIL = 100.0, 200.0
"""Le Bail's lines are as strong as those measured however far off they lie: twice the harm of no lines at all."""

_DAMPED = 0.005
"""Marquardt's lambda from which shifts are short because they were made so; short shifts then prove nothing."""

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
"""Beyond these a value means nothing: lines several degrees wide, or several degrees off."""


@dataclass(frozen=True)
class Outcome:
    """What one refinement did: GSAS-II's names of variables with esds, and the shifts of its last cycle."""

    names: list[str]
    esds: Any
    shifts: dict[str, float]
    singular: list[str]
    frozen: list[str]
    cycles: int
    rwp: float
    first_chi2: float
    chi2: float
    settled: bool
    stuck: bool
    damped: bool
    message: str

    @property
    def dropped(self) -> list[str]:
        """Variables that were freed and took no part: singular, or without an esd."""
        dead = [name for name, esd in zip(self.names, self.esds, strict=True) if not (np.isfinite(esd) and esd > 0)]
        return list(dict.fromkeys([*self.singular, *dead]))

    @property
    def shift_esd(self) -> float:
        """The largest shift of the last cycle over its esd, of the variables that took part."""
        out = set(self.dropped)
        ratios = [
            abs(self.shifts.get(name, 0.0)) / float(esd)
            for name, esd in zip(self.names, self.esds, strict=True)
            if name not in out
        ]
        return max(ratios, default=0.0)


def refine_once(model: Model, cycles: int, tolerance: float) -> Outcome:
    """Refine with at most ``cycles`` cycles, until chi^2 changes by less than ``tolerance`` of itself.

    No cycles only calculate. Raises Failure by whatever sign GSAS-II shows one.
    """
    controls = model.gpx.data["Controls"]["data"]
    controls["max cyc"], controls["min dM/M"] = cycles, tolerance
    for item in model.histograms:
        model.histogram(item)["data"][0].pop("wR", None)
    model.gpx.data["Covariance"]["data"] = {}
    cells = [list(model.phase(phase)["General"]["Cell"][1:8]) for phase in model.phases]
    # Offsets into the project's file are kept by its size alone: another file of the same size would be misread.
    model.gpx.save()
    model.g2.io.gpxSize = -1
    try:
        with _watched(model.g2.math) as seen:
            answer = model.g2.main.Refine(model.gpx.filename, makeBack=False)
    except Exception as error:
        # GSAS-II raises its own and anybody's exceptions; the trial ends with its word.
        traceback.print_exc()
        raise Failure(_cause(str(error)), f"{type(error).__name__}: {error}") from error
    if answer is not None and not answer[0]:
        message = str(answer[1].get("msg", "")).strip() or "the refinement failed without a word"
        raise Failure(_cause(message), message)
    model.gpx.reload()
    figures = _calculated(model) if cycles == 0 else _refined(model, cells)
    return _outcome(model, figures, seen)


def calculate(model: Model) -> None:
    """Calculate the curves of the present parameters over the present limits; the last refinement's esds are kept.

    Raises Failure as `refine_once` does.
    """
    kept = model.gpx.data["Covariance"]["data"]
    refine_once(model, 0, 1e-3)
    model.gpx.data["Covariance"]["data"] = kept


@contextlib.contextmanager
def _watched(module: Any) -> Iterator[list[dict[str, Any]]]:
    """Keep what the least squares says of itself: the number of cycles and singular variables are not passed on."""
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
        raise Failure("nothing-refined", "GSAS-II refined nothing: no variable is left free")
    if any(model.histogram(item)["data"][0].get("wR") is None for item in model.histograms):
        raise Failure("silent-failure", "GSAS-II left no residual and said nothing")
    if not np.all(np.isfinite(np.asarray(found["variables"], dtype=float))):
        bad = [n for n, v in zip(found["varyList"], found["variables"], strict=True) if not np.isfinite(v)]
        raise Failure("not-finite", f"not finite after the refinement: {', '.join(bad[:5])}")
    _check_curves(model)
    rwp = float(found["Rvals"]["Rwp"])
    if not rwp <= (_WORST_LE_BAIL if model.le_bail() else _WORST_RWP):
        raise Failure("diverged", f"Rwp is {rwp:.4g} %: worse than no model at all")
    _check_sense(model, found, cells)
    return found


def _check_curves(model: Model) -> None:
    for item in model.histograms:
        arrays = model.histogram(item)["data"][1]
        inside = model.points(item, model.histogram(item)["Limits"][1])
        if not np.all(np.isfinite(np.ma.getdata(arrays[3])[inside])):
            raise Failure("not-finite", f"the calculated pattern of {item.name} is not finite")


def _check_sense(model: Model, found: dict[str, Any], cells: list[list[float]]) -> None:
    frozen = {str(item) for item in frozen_list(model.gpx)}
    for name, value in zip(found["varyList"], found["variables"], strict=True):
        if name in frozen:  # beyond a limit, and set back to it
            continue
        limit = _LARGEST.get(name.split(":")[2]) if name.startswith(":") else None
        if limit is not None and abs(value) > limit:
            raise Failure("diverged", f"{name} went to {value:.4g}")
        if ":AUiso:" in name and not -1.0 < value < 5.0:
            raise Failure("diverged", f"{name} went to {value:.4g}")
    for phase, before in zip(model.phases, cells, strict=True):
        after = model.phase(phase)["General"]["Cell"][1:8]
        if not all(np.isfinite(after)) or any(
            abs(b / a - 1.0) > 0.1 for a, b in zip(before[:3], after[:3], strict=True)
        ):
            raise Failure("diverged", f"the cell of {phase.name} ran away: {', '.join(f'{v:.4f}' for v in after[:6])}")


def _outcome(model: Model, found: dict[str, Any], seen: list[dict[str, Any]]) -> Outcome:
    rvals: dict[str, Any] = found.get("Rvals", {})
    info = seen[-1] if seen else {}
    names = list(found.get("varyList", []))
    settled = bool(rvals.get("converged"))
    return Outcome(
        names=names,
        esds=np.array([np.nan if esd is None else esd for esd in found.get("sig", [])], dtype=float),
        shifts={key: float(value) for key, value in (rvals.get("lastShifts") or {}).items()},
        singular=[names[i] for i in info.get("psing", []) if i < len(names)],
        frozen=[str(item) for item in frozen_list(model.gpx)],
        # The cycle in which GSAS-II finds itself converged is not counted by it.
        cycles=int(info.get("num cyc", 0)) + (1 if settled else 0),
        rwp=float(rvals.get("Rwp", np.nan)),
        first_chi2=float(info.get("chisq0", np.nan)),
        chi2=float(rvals.get("chisq", np.nan)),
        settled=settled,
        stuck=bool(rvals.get("Aborted")),
        damped=float(rvals.get("lamMax", 0.0)) > _DAMPED,
        message=" ".join(str(rvals.get("msg", "")).split()),
    )


def _cause(message: str) -> str:
    return "disk-full" if "No space left" in message else "refinement-failed"

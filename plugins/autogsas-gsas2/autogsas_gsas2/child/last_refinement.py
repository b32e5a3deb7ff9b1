"""A project as its last refinement left it, taken for a step, so that it can be read without being refined again."""

from __future__ import annotations

from typing import Any

import numpy as np

from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.model import Model, frozen_list
from autogsas_gsas2.child.variable_names import ours
from autogsas_gsas2.protocol import StepReport

__all__ = ["stand"]


def stand(model: Model) -> StepReport:
    """Return what the last refinement of the project was. Raises Failure where there was none, or it is not whole."""
    found = model.gpx.data.get("Covariance", {}).get("data") or {}
    rvals: dict[str, Any] = found.get("Rvals") or {}
    if not found.get("varyList") or "Rwp" not in rvals or found.get("sig") is None or found.get("covMatrix") is None:
        raise Failure("not-refined", "the .gpx holds no finished refinement")
    for item in model.histograms:
        arrays = model.histogram(item)["data"][1]
        inside = model.points(item, model.histogram(item)["Limits"][1])
        calculated = np.ma.getdata(arrays[3])[inside]
        if not np.all(np.isfinite(calculated)) or not np.any(calculated):
            raise Failure("not-refined", f"the .gpx holds no calculated pattern of {item.name}")
    names = ours(model)
    esds = np.array([np.nan if esd is None else esd for esd in found["sig"]], dtype=float)
    shifts = {key: float(value) for key, value in (rvals.get("lastShifts") or {}).items()}
    sizes = [
        abs(shifts[name]) / esd
        for name, esd in zip(found["varyList"], esds, strict=True)
        if name in shifts and np.isfinite(esd) and esd > 0
    ]
    report = StepReport(
        converged=bool(rvals.get("converged")),
        cycles=int(rvals.get("Max cyc", 0) or 0),
        n_variables=int(np.count_nonzero(np.isfinite(esds) & (esds > 0))),
        rwp=float(rvals["Rwp"]),
        shift_esd=float(max(sizes)) if sizes else float("nan"),
        dropped=[],
        at_bound=[names.get(str(name), str(name)) for name in frozen_list(model.gpx)],
        message="",
        full_rwp=float(rvals["Rwp"]),
    )
    model.reports.append(report)
    return report

"""The last refinement stored in a project, taken as the result of a step: nothing is refined again."""

from __future__ import annotations

from typing import Any

import numpy as np

from autogsas_gsas2.child.covariance import read_covariance
from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.model import Model, frozen_list
from autogsas_gsas2.child.variable_names import host_names
from autogsas_gsas2.protocol import StepReport

__all__ = ["load_last_refinement"]


def load_last_refinement(model: Model) -> StepReport:
    """Return the outcome of the project's last refinement. Raises Failure if there is none or it is incomplete."""
    found = read_covariance(model)
    if found is None:
        raise Failure("not-refined", "the .gpx holds no finished refinement")
    for item in model.histograms:
        arrays = model.histogram(item)["data"][1]
        inside = model.points(item, model.histogram(item)["Limits"][1])
        calculated = np.ma.getdata(arrays[3])[inside]
        if not np.all(np.isfinite(calculated)) or not np.any(calculated):
            raise Failure("not-refined", f"the .gpx holds no calculated pattern of {item.name}")
    names = host_names(model)
    refined = np.isfinite(found.esds) & (found.esds > 0)
    ratios = [
        abs(found.last_shifts[name]) / esd
        for name, esd, used in zip(found.variables, found.esds, refined, strict=True)
        if used and name in found.last_shifts
    ]
    figures: dict[str, Any] = model.gpx.data["Covariance"]["data"]["Rvals"]
    report = StepReport(
        converged=bool(figures.get("converged")),
        cycles=int(figures.get("Max cyc", 0) or 0),
        n_variables=int(np.count_nonzero(refined)),
        rwp=found.rwp,
        shift_esd=float(max(ratios)) if ratios else float("nan"),
        dropped=[],
        at_bound=[names.get(str(name), str(name)) for name in frozen_list(model.gpx)],
        message="",
        full_rwp=found.rwp,
    )
    model.reports.append(report)
    return report

"""Weight fractions of the phases in a histogram, with esds by GSAS-II's own propagation."""

from __future__ import annotations

from typing import Any

import numpy as np

from autogsas_gsas2.child.model import HistogramModel, Model
from autogsas_gsas2.protocol import ParameterData

__all__ = ["weight_fractions"]

_HEAVY = 1e12
"""GSAS-II gives no fractions where masses times phase fractions add up to less than 1; their ratios are the same."""


def weight_fractions(model: Model, item: HistogramModel, found: dict[str, Any]) -> list[ParameterData]:
    """Return the weight fractions in a histogram by the covariance in ``found``; none for one phase, or Le Bail's.

    Le Bail's intensities say nothing of how much there is. The constraints must be those of the last refinement.
    """
    phases = [phase for phase in model.phases if model.pair(phase, item) is not None]
    if len(phases) < 2 or any(model.without_structure(phase, item) for phase in phases):
        return []
    trees = {}
    for phase in phases:
        general, pair = model.phase(phase)["General"], model.phase(phase)["Histograms"][item.key]
        if general.get("doPawley") or general["Type"] == "magnetic":
            return []
        heavy = {"Type": general["Type"], "doPawley": False, "Mass": general["Mass"] * _HEAVY}
        trees[phase.key] = {"pId": phase.number, "General": heavy, "Histograms": {item.key: pair}}
    names, covariance = found["varyList"], np.asarray(found["covMatrix"], dtype=float)
    values, esds = model.g2.derivatives.calcMassFracs(names, covariance, trees, item.key, item.number)
    out = []
    for phase in phases:
        variable = f"{phase.number}:{item.number}:WgtFrac"
        if variable in values:
            esd = float(esds[variable])
            name = f"{phase.name}:{item.name}:weight fraction"
            out.append(
                ParameterData(
                    name,
                    float(values[variable]),
                    esd if np.isfinite(esd) and esd > 0 else None,
                    "",
                    "weight_fraction",
                    phase.name,
                    item.name,
                )
            )
    return out

"""Weight fractions of the phases in a histogram, with esds that GSAS-II propagates from the covariance matrix."""

from __future__ import annotations

import numpy as np

from autogsas_gsas2.child.covariance import Covariance
from autogsas_gsas2.child.model import HistogramModel, Model
from autogsas_gsas2.protocol import ParameterData

__all__ = ["weight_fractions"]

_MASS_FACTOR = 1e12
"""All masses are multiplied by it, which leaves the fractions as they are.

GSAS-II gives no weight fractions where the sum of masses times phase fractions is below 1.
"""


def weight_fractions(model: Model, item: HistogramModel, covariance: Covariance) -> list[ParameterData]:
    """Return the weight fractions in a histogram; none for one phase, or beside Le Bail, Pawley or magnetic phases.

    w_p = S_p M_p / sum_q S_q M_q with phase fractions S and masses M of the cell. Le Bail intensities carry no
    information on the amount of a phase. The constraints must be those of the last refinement.
    """
    phases = [phase for phase in model.phases if model.pair(phase, item) is not None]
    if len(phases) < 2 or any(model.without_structure(phase, item) for phase in phases):
        return []
    trees = {}
    for phase in phases:
        general, pair = model.phase(phase)["General"], model.phase(phase)["Histograms"][item.key]
        if general.get("doPawley") or general["Type"] == "magnetic":
            return []
        scaled = {"Type": general["Type"], "doPawley": False, "Mass": general["Mass"] * _MASS_FACTOR}
        trees[phase.key] = {"pId": phase.number, "General": scaled, "Histograms": {item.key: pair}}
    values, esds = model.g2.derivatives.calcMassFracs(
        covariance.variables, covariance.matrix, trees, item.key, item.number
    )
    out = []
    for phase in phases:
        variable = f"{phase.number}:{item.number}:WgtFrac"
        if variable in values:
            esd = float(esds[variable])
            out.append(
                ParameterData(
                    name=f"{phase.name}:{item.name}:weight fraction",
                    value=float(values[variable]),
                    esd=esd if np.isfinite(esd) and esd > 0 else None,
                    unit="",
                    group="weight_fraction",
                    phase=phase.name,
                    histogram=item.name,
                )
            )
    return out

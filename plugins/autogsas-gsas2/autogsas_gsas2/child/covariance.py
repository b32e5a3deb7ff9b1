"""What GSAS-II's last refinement left in the project: variables, their values and esds, the covariance matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autogsas_gsas2.child.model import Model

__all__ = ["Covariance", "read_covariance"]

Array = Any


@dataclass(frozen=True)
class Covariance:
    """Results of the last refinement, for p variables.

    ``values`` (p,); ``esds`` (p,), NaN where GSAS-II gives none; ``matrix`` (p, p). ``dependent_esds`` are those of
    variables that constraints determine. ``last_shifts`` are the shifts of the last cycle by variable.
    """

    variables: list[str]
    values: Array
    esds: Array
    matrix: Array
    dependent_esds: dict[str, float]
    last_shifts: dict[str, float]
    rwp: float

    def all_esds(self) -> dict[str, float]:
        """Return the esds by variable, of refined and dependent ones, where they are positive and finite."""
        every = dict(zip(self.variables, map(float, self.esds), strict=True)) | self.dependent_esds
        return {name: esd for name, esd in every.items() if np.isfinite(esd) and esd > 0}


def read_covariance(model: Model) -> Covariance | None:
    """Return the results of the last refinement; None if the project holds no complete one."""
    found = model.gpx.data.get("Covariance", {}).get("data") or {}
    figures: dict[str, Any] = found.get("Rvals") or {}
    if not found.get("varyList") or "Rwp" not in figures or found.get("sig") is None or found.get("covMatrix") is None:
        return None
    dependent = found.get("depSigDict", {}).items()
    return Covariance(
        variables=list(found["varyList"]),
        values=np.asarray(found["variables"], dtype=float),
        esds=np.array([np.nan if esd is None else esd for esd in found["sig"]], dtype=float),
        matrix=np.asarray(found["covMatrix"], dtype=float),
        dependent_esds={name: float(pair[1]) for name, pair in dependent if pair[1] is not None},
        last_shifts={name: float(value) for name, value in (figures.get("lastShifts") or {}).items()},
        rwp=float(figures["Rwp"]),
    )

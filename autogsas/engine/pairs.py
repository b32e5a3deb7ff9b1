"""The raw parameters that a phase has of its own in each histogram: scale, broadening, orientation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.strain import MOST_TERMS, start_coefficients, strain_terms
from autogsas.model.recipe import GROUPS, Group
from autogsas.model.structure import Phase

__all__ = ["LEAST", "PAIR", "PairKey", "pair_keys", "pair_start"]

Array = npt.NDArray[np.float64]

# In their order; only a generalised strain uses the coefficients "strain 1" and so on.
PAIR: tuple[str, ...] = (
    "scale",
    "size",
    "size axial",
    "size mix",
    "strain",
    "strain axial",
    "strain mix",
    "orientation",
    *(f"strain {i + 1}" for i in range(MOST_TERMS)),
)
# The smallest uniaxial size (micrometre) and strain (1e-6); with no strain along a direction there is no slope.
# Not measured.
LEAST = {"size": 1e-3, "strain": 1.0}
_COEFFICIENT_UNIT = "1e-12 Å⁻⁴"


@dataclass(frozen=True)
class PairKey:
    """A raw parameter of `PAIR`: its ``key``, its ``name`` in results, bounds and unit."""

    key: str
    name: str
    lower: float
    upper: float
    unit: str


def pair_keys(group: Group, phase: Phase) -> list[PairKey]:
    """Return the raw parameters of a group that a phase has in each histogram."""
    unit = GROUPS[group].unit
    if group == "scale":
        return [PairKey("scale", "scale", 0.0, np.inf, unit)]
    if group == "preferred_orientation":
        return [PairKey("orientation", "preferred_orientation", 0.05, 20.0, unit)]
    if group in ("size_mix", "strain_mix"):
        return [PairKey(group.replace("_", " "), group, 0.0, 1.0, unit)]
    if group not in ("size", "strain"):
        return []
    model = (phase.specimen.size if group == "size" else phase.specimen.strain).model
    if model == "generalized":
        # Not bounded, as in GSAS-II: a coefficient may be negative as long as no reflection's sum is.
        names = strain_terms(phase.space_group).names
        return [
            PairKey(f"strain {i + 1}", f"strain {name}", -np.inf, np.inf, _COEFFICIENT_UNIT)
            for i, name in enumerate(names)
        ]
    upper = 20.0 if group == "size" else 1e6
    if model == "isotropic":
        return [PairKey(group, group, LEAST["size"] if group == "size" else 0.0, upper, unit)]
    return [
        PairKey(group, f"{group} equatorial", LEAST[group], upper, unit),
        PairKey(f"{group} axial", f"{group} axial", LEAST[group], upper, unit),
    ]


def pair_start(phase: Phase, metric: Array) -> Array:
    """Return the values of `PAIR` that a phase starts with, at the reciprocal ``metric`` A0..A5.

    Raises ValueError for a wrong number of S_hkl.
    """
    size, strain = phase.specimen.size, phase.specimen.strain
    coefficients = np.zeros(MOST_TERMS)
    if strain.model == "generalized":
        own = start_coefficients(phase, metric)
        coefficients[: own.size] = own
    return np.array(
        [
            1.0,
            size.value,
            size.value if size.axial is None else size.axial,
            size.mix,
            strain.value,
            strain.value if strain.axial is None else strain.axial,
            strain.mix,
            phase.specimen.orientation.ratio,
            *coefficients,
        ]
    )

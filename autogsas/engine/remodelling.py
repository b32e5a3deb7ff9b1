"""Another model of size or strain with the broadening of the present one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autogsas.crystal.strain import directions, strain_terms
from autogsas.engine.alignment import squared_cosine
from autogsas.engine.pairs import LEAST, PAIR
from autogsas.model.sample import Broadening
from autogsas.model.structure import Phase

__all__ = ["changed", "isotropic_as", "remodelled"]

Array = npt.NDArray[np.float64]


def changed(one: Broadening, other: Broadening) -> bool:
    """Whether two models differ: another kind, or another axis."""
    return one.model != other.model or (one.model == "uniaxial" and one.axis != other.axis)


def remodelled(kind: str, before: Phase, after: Phase, values: Array, metric: Array) -> Array:
    """Return the values of `PAIR` (n,) with the size or strain (``kind``) of ``before`` in the model of ``after``.

    A generalised strain is fitted to the present one in all directions; other models get the mean over all directions,
    of the strain or of the inverse size, to which widths are proportional. ``metric`` is the reciprocal one.
    """
    old, new = (_model(kind, phase) for phase in (before, after))
    if not changed(old, new):
        return values
    out = values.copy()
    along = _along(kind, before, values, metric)
    mean = float(np.mean(along)) if kind == "strain" else 1.0 / float(np.mean(1.0 / along))
    if old.model == "isotropic":
        mean = float(values[PAIR.index(kind)])
    if new.model == "uniaxial":
        mean = max(mean, LEAST[kind])
    out[[PAIR.index(kind), PAIR.index(f"{kind} axial")]] = mean
    if new.model == "generalized":
        terms = strain_terms(after.space_group)
        first = PAIR.index("strain 1")
        out[first : first + len(terms.names)] = terms.fitting(along, metric)
    return out


def isotropic_as(kind: str, phase: Phase, value: float, values: Array, metric: Array) -> Array:
    """Return the values of `PAIR` (n,) with the same size or strain ``value`` in all directions, in a phase's model."""
    out = values.copy()
    out[[PAIR.index(kind), PAIR.index(f"{kind} axial")]] = value
    if _model(kind, phase).model == "generalized":
        terms = strain_terms(phase.space_group)
        first = PAIR.index("strain 1")
        flat = np.full(len(directions(metric)), value)
        out[first : first + len(terms.names)] = terms.fitting(flat, metric)
    return out


def _model(kind: str, phase: Phase) -> Broadening:
    return phase.specimen.size if kind == "size" else phase.specimen.strain


def _along(kind: str, phase: Phase, values: Array, metric: Array) -> Array:
    """Return the size or strain in each of `directions`."""
    model = _model(kind, phase)
    across, axial = (float(values[PAIR.index(key)]) for key in (kind, f"{kind} axial"))
    lines = directions(metric)
    if model.model == "isotropic":
        return np.full(len(lines), across)
    if model.model == "generalized":
        terms = strain_terms(phase.space_group)
        first = PAIR.index("strain 1")
        return terms.strains(values[first : first + len(terms.names)], metric)
    cos2, _ = squared_cosine(lines, model.axis, metric)
    return np.asarray(1.0 / np.sqrt(cos2 / axial**2 + (1.0 - cos2) / across**2))

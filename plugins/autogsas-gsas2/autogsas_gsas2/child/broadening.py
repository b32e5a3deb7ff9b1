"""Another model of size or strain with the broadening of the present one, as the host's own engine does it."""

from __future__ import annotations

from typing import Any

import numpy as np

from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.tree import Path, write
from autogsas_gsas2.protocol import BroadeningModelData, Change

__all__ = ["change_model", "coefficients_of", "strain_names"]

_NAMES = {"size": "Size", "strain": "Mustrain"}
_LEAST = {"size": 1e-3, "strain": 1.0}
_DIRECTIONS = 400


def strain_names(model: Model, phase: PhaseModel) -> list[str]:
    """Return GSAS-II's names of the coefficients of a generalised strain."""
    return [str(name) for name in model.g2.groups.MustrainNames(model.phase(phase)["General"]["SGData"])]


def coefficients_of(model: Model, phase: PhaseModel, strains: Any) -> list[float]:
    """Return the coefficients that give the strains in all directions, by least squares of their squares.

    ``strains`` is one number, or one for each direction.
    """
    terms = _terms(model, phase)
    scale = np.linalg.norm(terms, axis=0)
    squares = np.broadcast_to(np.square(strains), len(terms))
    return [float(value) for value in np.linalg.lstsq(terms / scale, squares, rcond=None)[0] / scale]


def change_model(
    model: Model,
    phase: PhaseModel,
    histogram: HistogramModel,
    kind: str,
    wanted: BroadeningModelData,
    changes: list[Change],
) -> None:
    """Give a phase another model of size or strain (``kind``) in a histogram.

    A generalised strain is fitted to the present one in all directions; other models get the mean over all directions,
    of the strain or of the inverse size.
    """
    name = _NAMES[kind]
    pair = model.pair(phase, histogram)
    if pair is None:
        return
    stored = pair[name]
    same_axis = wanted.model != "uniaxial" or [int(i) for i in stored[3]] == wanted.axis
    if stored[0] == wanted.model and same_axis:
        return
    path: Path = ("Phases", phase.key, "Histograms", histogram.key, name)
    along = _along(model, phase, kind, stored)
    mean = float(np.mean(along)) if kind == "strain" else 1.0 / float(np.mean(1.0 / along))
    if stored[0] == "isotropic":
        mean = float(stored[1][0])
    if wanted.model == "uniaxial":
        mean = max(mean, _LEAST[kind])
    data = model.gpx.data
    if wanted.model == "generalized":
        coefficients = coefficients_of(model, phase, along)
        write(data, (*path, 4), coefficients, changes)
        write(data, (*path, 5), [False] * len(coefficients), changes)
    write(data, (*path, 0), wanted.model, changes)
    write(data, (*path, 1), [mean, mean, float(stored[1][2])], changes)
    write(data, (*path, 3), wanted.axis, changes)


def _along(model: Model, phase: PhaseModel, kind: str, stored: Any) -> Any:
    """Return the size or strain in each direction."""
    across, axial = float(stored[1][0]), float(stored[1][1])
    if stored[0] == "isotropic":
        return np.full(_DIRECTIONS, across)
    lines, reciprocal = _directions(model, phase)
    if stored[0] == "generalized":
        return np.sqrt(np.maximum(_terms(model, phase) @ np.array(stored[4], dtype=float), 0.0))
    if stored[0] == "ellipsoidal":
        # GSAS-II keeps no means of an ellipsoid; the mean of its three half-axes stands for it.
        return np.full(_DIRECTIONS, float(np.mean(stored[4][:3])))
    axis = np.array(stored[3], dtype=float)
    cos2 = (lines @ reciprocal @ axis) ** 2 / (axis @ reciprocal @ axis)
    return 1.0 / np.sqrt(cos2 / axial**2 + (1.0 - cos2) / across**2)


def _terms(model: Model, phase: PhaseModel) -> Any:
    """Return GSAS-II's terms of the generalised strain in each direction; (n, t)."""
    lines, _ = _directions(model, phase)
    return np.array(model.g2.groups.MustrainCoeff(lines.T, model.phase(phase)["General"]["SGData"])).T


def _directions(model: Model, phase: PhaseModel) -> tuple[Any, Any]:
    """Return directions over a sphere (n, 3) as h k l of length 1/Angstrom, and the reciprocal metric tensor.

    They are those of `autogsas.crystal.strain.directions`.
    """
    a = model.g2.lattice.cell2A(model.phase(phase)["General"]["Cell"][1:7])
    reciprocal = np.array([[a[0], a[3] / 2, a[4] / 2], [a[3] / 2, a[1], a[5] / 2], [a[4] / 2, a[5] / 2, a[2]]])
    turn = np.arange(_DIRECTIONS) * np.pi * (3.0 - np.sqrt(5.0))
    z = 1.0 - (2.0 * np.arange(_DIRECTIONS) + 1.0) / _DIRECTIONS
    across = np.sqrt(1.0 - z * z)
    unit = np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)
    return np.linalg.solve(np.linalg.cholesky(reciprocal).T, unit.T).T, reciprocal

"""The sample of a .gpx as the host's data: broadening, preferred orientation, absorption, background peaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from autogsas.model.sample import Axis, BackgroundPeak, Broadening, BroadeningModel, Orientation, Specimen

__all__ = ["absorption", "background_peaks", "read_specimen"]


def read_specimen(pair: Mapping[str, Any]) -> tuple[Specimen, tuple[str, ...]]:
    """Return size, strain and orientation of a phase in a histogram, and notes on models the host does not have."""
    notes: list[str] = []
    default = Specimen()
    size = _broadening(pair.get("Size"), default.size, "size", notes)
    strain = _broadening(pair.get("Mustrain"), default.strain, "strain", notes)
    orientation = default.orientation
    stored = pair.get("Pref.Ori.")
    if stored and stored[0] == "MD":
        orientation = Orientation(_axis(stored[3]), float(stored[1]))
    elif stored and any(stored[5].values()):
        notes.append(
            "preferred orientation by spherical harmonics is used by GSAS-II only: other engines start without it"
        )
    return Specimen(size, strain, orientation), tuple(notes)


def absorption(sample: Mapping[str, Any]) -> float:
    """Return muR of a Debye-Scherrer sample; 0 for the other geometry, where GSAS-II does not use it."""
    return float(sample.get("Absorption", (0.0,))[0]) if sample.get("Type") == "Debye-Scherrer" else 0.0


def background_peaks(extras: Mapping[str, Any]) -> tuple[BackgroundPeak, ...]:
    """Return the background's peaks; in GSAS-II's rows each number is followed by its refinement flag."""
    rows = list(extras.get("peaksList", ()))[: extras.get("nPeaks", 0)]
    return tuple(BackgroundPeak(*(float(value) for value in row[::2])) for row in rows)


def _broadening(stored: Sequence[Any] | None, default: Broadening, what: str, notes: list[str]) -> Broadening:
    if stored is None:
        return default
    model = stored[0]
    if model not in get_args(BroadeningModel) or (what, model) == ("size", "generalized"):
        notes.append(f"the {model} {what} is used by GSAS-II only: other engines start from the default {what}")
        return default
    value, axial, mix = (float(number) for number in stored[1][:3])
    if model == "isotropic":
        return Broadening(value, "isotropic", None, default.axis, mix)
    if model == "generalized":
        coefficients = tuple(float(number) for number in stored[4])
        return Broadening(value, "generalized", None, default.axis, mix, coefficients)
    return Broadening(value, "uniaxial", axial, _axis(stored[3]), mix)


def _axis(indices: Sequence[Any]) -> Axis:
    h, k, el = (round(float(index)) for index in indices)
    return (h, k, el)

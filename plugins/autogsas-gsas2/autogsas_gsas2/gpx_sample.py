"""What a .gpx says of the specimen as the host's plain data: broadening, orientation, absorption, background peaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from autogsas.model.sample import Axis, BackgroundPeak, Broadening, BroadeningModel, Orientation, Specimen

__all__ = ["absorption", "background_peaks", "read_specimen"]


def read_specimen(pair: Mapping[str, Any]) -> tuple[Specimen, tuple[str, ...]]:
    """Return what a phase's crystallites do in a histogram, and notes on what plain data have no words for."""
    notes: list[str] = []
    usual = Specimen()
    size = _broadening(pair.get("Size"), usual.size, "size", notes)
    strain = _broadening(pair.get("Mustrain"), usual.strain, "strain", notes)
    orientation = usual.orientation
    said = pair.get("Pref.Ori.")
    if said and said[0] == "MD":
        orientation = Orientation(_axis(said[3]), float(said[1]))
    elif said and any(said[5].values()):
        notes.append("preferred orientation by spherical harmonics is GSAS-II's alone: other engines start without any")
    return Specimen(size, strain, orientation), tuple(notes)


def absorption(sample: Mapping[str, Any]) -> float:
    """Return muR of a Debye-Scherrer sample; 0 for another."""
    return float(sample.get("Absorption", (0.0,))[0]) if sample.get("Type") == "Debye-Scherrer" else 0.0


def background_peaks(extras: Mapping[str, Any]) -> tuple[BackgroundPeak, ...]:
    """Return the peaks of a background, as they are now: GSAS-II has a flag behind each number."""
    rows = list(extras.get("peaksList", ()))[: extras.get("nPeaks", 0)]
    return tuple(BackgroundPeak(*(float(value) for value in row[::2])) for row in rows)


def _broadening(said: Sequence[Any] | None, usual: Broadening, what: str, notes: list[str]) -> Broadening:
    if said is None:
        return usual
    model = said[0]
    if model not in get_args(BroadeningModel):
        notes.append(f"the {model} {what} is GSAS-II's alone: other engines start from an isotropic one")
        return usual
    value, axial, mix = (float(number) for number in said[1][:3])
    if model == "isotropic":
        return Broadening(value, "isotropic", None, usual.axis, mix)
    return Broadening(value, "uniaxial", axial, _axis(said[3]), mix)


def _axis(said: Sequence[Any]) -> Axis:
    h, k, el = (round(float(index)) for index in said)
    return (h, k, el)

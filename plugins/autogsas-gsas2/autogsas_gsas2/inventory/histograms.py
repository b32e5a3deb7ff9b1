"""The entries of a histogram: limits, background, instrument, sample."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autogsas.model.inventory import Entry, Kind, Treatment
from autogsas.model.recipe import Group
from autogsas.text.formatting import counted, interval

from autogsas_gsas2.inventory.parts import (
    ALWAYS_FREE,
    Owner,
    guarded,
    number,
    parameter,
    part,
    unknown,
    unknown_keys,
)

__all__ = ["is_constant_wavelength", "is_time_of_flight", "of_crystal", "of_pattern"]

_INSTRUMENT: Mapping[str, Group] = {
    "Zero": "zero", "U": "U", "V": "V", "W": "W", "X": "X", "Y": "Y", "Z": "Z", "SH/L": "SH/L",
}  # fmt: skip
_WITHOUT_GROUP = ("Lam", "Lam1", "Lam2", "I(L2)/I(L1)", "Polariz.")
_OTHER_TYPES = (
    *("difA", "difB", "difC", "alpha", "beta-0", "beta-1", "beta-q", "sig-0", "sig-1", "sig-2", "sig-q"),
    *("alpha-0", "alpha-1", "A", "B", "C", "XE", "YE", "ZE", "WE"),
)
_NOT_REFINED = ("Type", "Bank", "Source", "Azimuth", "2-theta", "fltPath", "pdabc")

_SAMPLE: Mapping[str, Mapping[str, Group]] = {
    "Bragg-Brentano": {"Shift": "displacement", "Transparency": "transparency"},
    "Debye-Scherrer": {"DisplaceX": "displacement", "DisplaceY": "displacement", "Absorption": "absorption"},
}
_USED = {
    "Bragg-Brentano": ("Shift", "Transparency", "SurfRoughA", "SurfRoughB"),
    "Debye-Scherrer": ("Absorption", "DisplaceX", "DisplaceY"),
}
_SAMPLE_PARAMETERS = ("Absorption", "DisplaceX", "DisplaceY", "Shift", "Transparency", "SurfRoughA", "SurfRoughB")
_CONDITIONS = (
    *("InstrName", "ranId", "Type", "Temperature", "Pressure", "Time", "FreePrm1", "FreePrm2", "FreePrm3"),
    *("Gonio. radius", "Omega", "Chi", "Phi", "Azimuth", "Materials", "Thick", "Contrast", "Trans", "SlitLen"),
    *("Diffuse", "Humidity", "Voltage", "Force"),
)
_PARTS = (
    *("data", "Comments", "Limits", "Background", "Instrument Parameters", "Sample Parameters", "Peak List"),
    *("Index Peak List", "Unit Cells List", "Reflection Lists", "Reflection List"),
)
_ABOUT = (
    *("wtFactor", "Dummy", "ranId", "Offset", "delOffset", "refOffset", "refDelt", "Yminmax", "Nobs", "sumwYo"),
    *("R", "wR", "Rb", "wRb", "wRmin", "hId", "Durbin-Watson", "histTitle", "Magnification", "Residuals", "sumBk"),
    *("BackFile", "sqrtPlot", "dPlot", "qPlot", "HKLconfig", "simTitle", "SuppressRescale"),
)
_RESULT = re.compile(r"^\d*:\d*:")

_SCALE_TIED = (
    "refined from the first step of every trial beside the phase fractions, because constraints tie those; "
    "if trials report that the scales are singular, turn its flag off in GSAS-II"
)
_DEBYE = ("A", "R", "U")
_PEAK = ("position", "intensity", "sigma", "gamma")


def is_constant_wavelength(kind: str) -> bool:
    """Return whether GSAS-II's type of a histogram is one that autogsas refines."""
    return kind in ("PXC", "PNC")


def is_time_of_flight(kind: str) -> bool:
    """Return whether a histogram is of time of flight."""
    return kind[2:3] == "T"


def of_pattern(
    owner: Owner, item: Mapping[str, Any], kind: str, phases: int, fractions_tied: bool, unit: str
) -> Iterator[Entry]:
    """Yield the entries of a powder pattern.

    ``phases`` is the number of its phases, ``fractions_tied`` whether constraints tie their fractions.
    """
    known = is_constant_wavelength(kind)
    if not known:
        what = "time of flight is" if is_time_of_flight(kind) else f"data of type {kind or 'unknown'} are"
        reason = f"{what} not supported yet; remove the histogram in GSAS-II to refine the others"
        yield part(owner, Kind.DATA, "powder pattern", kind, reason, Treatment.NOT_SUPPORTED)
    yield from guarded(_about, owner, "data", item["data"][0])
    yield from guarded(_limits, owner, "Limits", item.get("Limits", ()), unit)
    yield from guarded(_background, owner, "Background", item.get("Background", ()), known)
    yield from guarded(_instrument, owner, "Instrument Parameters", item.get("Instrument Parameters", ()), known)
    yield from guarded(
        _sample, owner, "Sample Parameters", item.get("Sample Parameters", {}), known, phases, fractions_tied
    )
    yield from unknown_keys(owner, "histogram", item, _PARTS)


def of_crystal(owner: Owner, item: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield the entries of a single-crystal histogram."""
    reason = "autogsas refines powder patterns only; remove the single-crystal data in GSAS-II"
    yield part(owner, Kind.DATA, "single-crystal reflections", reason=reason, treatment=Treatment.NOT_SUPPORTED)
    yield from unknown_keys(owner, "histogram", item, _PARTS)


def _about(owner: Owner, about: Mapping[str, Any]) -> Iterator[Entry]:
    if about.get("Dummy"):
        reason = "a simulation, not a measurement: there is nothing to fit; import the measured pattern in GSAS-II"
        yield part(owner, Kind.DATA, "calculated pattern", reason=reason, treatment=Treatment.NOT_SUPPORTED)
    if float(about.get("wtFactor", 1.0)) != 1.0:
        yield part(owner, Kind.DATA, "weight factor", number(about["wtFactor"]))
    results = {key: value for key, value in about.items() if not _RESULT.match(str(key))}
    yield from unknown_keys(owner, "data", results, _ABOUT)


def _limits(owner: Owner, limits: Sequence[Any], unit: str) -> Iterator[Entry]:
    low, high = (float(value) for value in limits[1])
    yield part(
        owner, Kind.LIMITS, "limits", interval((low, high), unit), "the first steps of a trial may use a part of them"
    )
    for region in limits[2:]:
        ends = (float(region[0]), float(region[1]))
        yield part(owner, Kind.EXCLUDED, "excluded region", interval(ends, unit))


def _background(owner: Owner, stored: Sequence[Any], known: bool) -> Iterator[Entry]:
    function, flag, terms = stored[0][:3]
    groups: tuple[Group, ...] = ("background",) if known else ()
    text = f"{function}, {counted(int(terms), 'term')}"
    yield parameter(owner, "background function", text, bool(flag), groups, kind=Kind.BACKGROUND)
    extras = stored[1] if len(stored) > 1 else {}
    for kind, name, names, rows in (
        (Kind.DEBYE, "Debye term", _DEBYE, list(extras.get("debyeTerms", ()))[: extras.get("nDebye", 0)]),
        (Kind.BACKGROUND_PEAK, "background peak", _PEAK, list(extras.get("peaksList", ()))[: extras.get("nPeaks", 0)]),
    ):
        for row in rows:
            text = ", ".join(f"{one} {number(value)}" for one, value in zip(names, row[::2], strict=False))
            free = [one for one, flag in zip(names, row[1::2], strict=False) if flag]
            text += f"; refined: {', '.join(free)}" if free else ""
            yield parameter(owner, name, text, bool(free), kind=kind)
    points = extras.get("FixedPoints", ())
    if len(points):
        yield part(
            owner, Kind.FIXED_POINTS, "fixed background points", str(len(points)), "GSAS-II does not refine with them"
        )
    file: Sequence[Any] = extras.get("background PWDR") or ("",)
    if file[0]:
        refined = len(file) > 2 and bool(file[2])
        yield parameter(
            owner, "fixed background pattern", f"{number(file[1])} × {file[0]}", refined, kind=Kind.BACKGROUND_FILE
        )
    names_known = ("nDebye", "debyeTerms", "nPeaks", "peaksList", "background PWDR", "FixedPoints", "autoPrms")
    yield from unknown_keys(owner, "background", extras, names_known)


def _instrument(owner: Owner, stored: Sequence[Any], known: bool) -> Iterator[Entry]:
    for name, values in stored[0].items():
        if name in _NOT_REFINED:
            continue
        refined = len(values) > 2 and bool(values[2])
        if known and name in _INSTRUMENT:
            yield parameter(owner, name, number(values[1]), refined, (_INSTRUMENT[name],))
        elif name in (*_INSTRUMENT, *_WITHOUT_GROUP, *_OTHER_TYPES):
            yield parameter(owner, name, number(values[1]), refined)
        else:
            reason = ALWAYS_FREE if refined else "GSAS-II gets it unchanged"
            yield unknown(owner, f"instrument: {name}", [values[1], refined], reason)


def _sample(owner: Owner, sample: Mapping[str, Any], known: bool, phases: int, fractions_tied: bool) -> Iterator[Entry]:
    geometry = str(sample.get("Type"))
    scale = sample.get("Scale", (1.0, False))
    if phases > 1 and not fractions_tied:
        reason = "the fractions of the phases are refined instead"
        yield part(owner, Kind.FLAG, "histogram scale", number(scale[0]), reason, refined=bool(scale[1]))
    else:
        groups: tuple[Group, ...] = ("scale",) if known and phases <= 1 else ()
        found = parameter(owner, "histogram scale", number(scale[0]), bool(scale[1]), groups)
        tied = scale[1] and phases > 1
        yield replace(found, reason=_SCALE_TIED) if tied else found
    for name in _SAMPLE_PARAMETERS:
        if name not in sample:
            continue
        value, flag = sample[name]
        if name in _USED.get(geometry, ()):
            group = _SAMPLE[geometry].get(name) if known else None
            yield parameter(owner, name, number(value), bool(flag), () if group is None else (group,))
        else:
            reason = f"GSAS-II does not use it for {geometry}"
            yield part(owner, Kind.FLAG, name, number(value), reason, refined=bool(flag))
    yield from unknown_keys(owner, "sample", sample, ("Scale", *_SAMPLE_PARAMETERS, *_CONDITIONS))

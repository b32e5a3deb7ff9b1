"""Read PANalytical XRDML (schema versions 1.x and 2.x): the pattern and the diffractometer."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

import numpy as np
import numpy.typing as npt

from autogsas.builtin.readers.measured import make_pattern
from autogsas.builtin.readers.textfile import read_bytes
from autogsas.errors import UserError
from autogsas.hooks.specs import hookimpl
from autogsas.model.instrument import Geometry, Instrument
from autogsas.model.pattern import Pattern

Array = npt.NDArray[np.float64]

AXIS = "2Theta"


@dataclass(frozen=True)
class _Scan:
    x: Array
    counts: Array
    attenuation: Array
    seconds: Array


class _DoctypeFound(Exception):
    """The file declares a document type: never in XRDML, but needed for an entity-expansion attack."""


@hookimpl
def autogsas_read_pattern(path: Path, bank: int | None) -> Pattern | None:
    """Read the scan number ``bank``; without a number, the only scan or the sum of repeated scans."""
    root = _root(path)
    if root is None:
        return None
    elements = _completed(root)
    if not elements:
        raise UserError("the file has no scan with data points", file=path)
    notes: list[str] = []
    if bank is not None:
        if bank > len(elements):
            raise UserError(
                "no such scan in the file", file=path, key="bank", found=bank, allowed=f"1 to {len(elements)}"
            )
        scans = [_scan(path, elements[bank - 1])]
    else:
        scans = [_scan(path, element) for element in elements]
        first = scans[0]
        if any(scan.x.shape != first.x.shape or np.max(np.abs(scan.x - first.x)) > 1e-4 for scan in scans[1:]):
            raise UserError(
                "the scans of the file have different positions, so they cannot be added",
                file=path,
                key="bank",
                found=f"{len(scans)} scans",
                allowed=f"1 to {len(scans)}",
            )
        if len(scans) > 1:
            notes.append(f"the sum of {len(scans)} repeated scans")
    return _sum(path, scans, notes)


@hookimpl
def autogsas_read_instrument(path: Path, bank: int | None) -> Instrument | None:
    """Read wavelengths, radius and geometry; the widths are GSAS-II's defaults for laboratory X-rays."""
    root = _root(path)
    if root is None:
        return None
    used = root.find(".//{*}usedWavelength")
    ratio = _value(used, "ratioKAlpha2KAlpha1")
    first, second, beta = (_value(used, tag) for tag in ("kAlpha1", "kAlpha2", "kBeta"))
    intended = "" if used is None else used.get("intended", "")
    wavelengths: tuple[float, ...] = ()
    if "Beta" in intended and beta:
        wavelengths = (beta,)
    elif first:
        wavelengths = (first, second) if second and ratio else (first,)
    measurement = root.find(".//{*}xrdMeasurement")
    mode = "" if measurement is None else measurement.get("sampleMode", "")
    modes: dict[str, Geometry] = {"Reflection": "Bragg-Brentano", "Transmission": "Debye-Scherrer"}
    radius = _value(root.find(".//{*}diffractedBeamPath"), "radius")
    radius = radius or _value(root.find(".//{*}incidentBeamPath"), "radius")
    notes = ["widths U V W X Y and polarization are GSAS-II's defaults for laboratory X-rays, as the file has none"]
    return Instrument(
        radiation="xray",
        wavelengths=wavelengths,
        ratio=ratio or 0.5,
        polarization=0.7,
        geometry=modes.get(mode),
        radius=radius or 200.0,
        notes=tuple(notes),
    )


def _root(path: Path) -> ET.Element | None:
    """Return the document, or None if the file is not XRDML. Raises UserError for broken or malicious XML."""
    named = path.suffix.lower() == ".xrdml"
    head = read_bytes(path, 4096)
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16" if wide else "latin-1", errors="replace")
    if not named and "<xrdMeasurements" not in text:
        return None
    data = read_bytes(path)

    def refuse(*_: object) -> None:
        raise _DoctypeFound

    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = refuse
    try:
        guard.Parse(data, True)
        root = ET.fromstring(data)
    except _DoctypeFound:
        raise UserError("contains a DOCTYPE line, which is not allowed in XRDML", file=path) from None
    except (expat.ExpatError, ET.ParseError) as error:
        raise UserError(f"broken XML: {error}", file=path) from error
    if not root.tag.endswith("xrdMeasurements"):
        raise UserError("not an XRDML document", file=path, found=root.tag, allowed="xrdMeasurements")
    return root


def _completed(root: ET.Element) -> list[ET.Element]:
    """Return the scans with data: the completed ones or, if there are none, the interrupted ones."""
    scans = [scan for scan in root.iterfind(".//{*}scan") if scan.find("{*}dataPoints") is not None]
    done = [scan for scan in scans if scan.get("status", "Completed") == "Completed"]
    return done or scans


def _value(parent: ET.Element | None, tag: str) -> float | None:
    found = None if parent is None else parent.find("{*}" + tag)
    if found is None or not found.text:
        return None
    try:
        return float(found.text)
    except ValueError:
        return None


def _list(path: Path, element: ET.Element | None, name: str) -> Array | None:
    if element is None or not element.text:
        return None
    try:
        return np.array([float(piece) for piece in element.text.split()])
    except ValueError:
        raise UserError(f"the {name} are not a list of numbers", file=path, found=element.text.strip()[:60]) from None


def _scan(path: Path, scan: ET.Element) -> _Scan:
    points = scan.find("{*}dataPoints")
    corrected = _list(path, scan.find(".//{*}intensities"), "intensities")
    raw = _list(path, scan.find(".//{*}counts"), "counts")
    values = corrected if corrected is not None else raw
    if points is None or values is None:
        raise UserError("a scan has no intensities", file=path)
    n = values.size
    factors = _list(path, points.find("{*}beamAttenuationFactors"), "attenuation factors")
    attenuation = np.ones(n) if factors is None else factors
    times = _list(path, points.find("{*}countingTimes"), "counting times")
    common = _value(points, "commonCountingTime") or 1.0
    seconds = np.full(n, common) if times is None else times
    if attenuation.size != n or seconds.size != n or np.any(attenuation <= 0) or np.any(seconds <= 0):
        raise UserError("attenuation factors and counting times must be positive, one for each intensity", file=path)
    # `intensities` are corrected for the attenuation, `counts` are not.
    counts = values / attenuation if corrected is not None else values
    return _Scan(_positions(path, points, n), counts, attenuation, seconds)


def _positions(path: Path, points: ET.Element, n: int) -> Array:
    axes = {axis.get("axis", ""): axis for axis in points.iterfind("{*}positions")}
    if AXIS not in axes:
        raise UserError("a scan has no 2Theta axis", file=path, found=", ".join(axes) or "none", allowed=AXIS)
    axis = axes[AXIS]
    listed = _list(path, axis.find("{*}listPositions"), "positions")
    start, end = _value(axis, "startPosition"), _value(axis, "endPosition")
    if listed is not None:
        x = listed
    elif start is not None and end is not None:
        x = np.linspace(start, end, n)
    elif axis.find("{*}commonPosition") is not None:
        raise UserError(
            "2Theta is constant in this scan: not a powder pattern",
            file=path,
            found=axis.findtext("{*}commonPosition"),
        )
    else:
        raise UserError("the positions of a scan are not given", file=path)
    if x.size != n:
        raise UserError("numbers of positions and intensities of a scan differ", file=path, found=f"{x.size} and {n}")
    return np.degrees(x) if axis.get("unit") == "rad" else x


def _sum(path: Path, scans: Sequence[_Scan], notes: list[str]) -> Pattern:
    """Return the sum of scans, scaled to one counting time if the time varies along the pattern."""
    seconds = np.sum([scan.seconds for scan in scans], axis=0)
    total = np.sum([scan.counts * scan.attenuation for scan in scans], axis=0)
    variance = np.sum([scan.counts * scan.attenuation**2 for scan in scans], axis=0)
    scale = np.ones(seconds.shape)
    if np.ptp(seconds) > 1e-6 * np.max(seconds):
        scale = float(np.median(seconds)) / seconds
        notes.append(f"counting times differ: intensities are scaled to {float(np.median(seconds)):g} s")
    if any(np.any(scan.attenuation != 1.0) for scan in scans):
        notes.append("the beam was attenuated in part: weights are those of the uncorrected counts")
    attenuation = np.mean([scan.attenuation for scan in scans], axis=0)
    factor = np.divide(variance, total, out=attenuation.copy(), where=total > 0) * scale
    return make_pattern(path, scans[0].x, total * scale, variance_per_count=factor, notes=tuple(notes))

"""The instrument of a data entry: defaults where no file describes it, and what the entry itself states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autogsas.input.yamlfile import Document
from autogsas.model.instrument import Instrument, Radiation
from autogsas.model.pattern import Pattern
from autogsas.model.project import DataEntry

__all__ = ["complete_instrument", "default_instrument"]

WAVELENGTHS = (0.05, 20.0)
"""Angstrom. A value outside is in another unit (pm, nm, keV), not a wavelength of powder diffraction."""

TUBE_LINES = (0.5594, 0.7093, 1.5406, 1.6579, 1.7890, 1.9360, 2.1019, 2.2897)
"""K-alpha1 of Ag, Mo, Cu, Ni, Co, Fe, Mn, Cr in Angstrom (International Tables C, table 4.2.2.1), rounded."""

_WAVELENGTH_FORM = "Angstrom, such as 1.494 or [1.5406, 1.5444]"


def default_instrument(entry: DataEntry, pattern: Pattern, document: Document, key: str) -> Instrument:
    """Return a usual instrument for the radiation and wavelength of an entry without an instrument file.

    Widths and polarization are those of GSAS-II's built-in "CuKa lab data" and "1.9A ILL D1A CW data"
    (defaultIparms.py); the widths are reduced where the pattern's steps show that its peaks are narrower. ``key`` is
    the entry's place in the file. Raises UserError if radiation or wavelength is missing.
    """
    if entry.wavelength is None:
        raise document.error(
            "no wavelength is given, neither here nor by an instrument file",
            f"{key}.wavelength",
            allowed=_WAVELENGTH_FORM,
        )
    radiation: Radiation | None = entry.radiation or ("xray" if len(entry.wavelength) == 2 else None)
    if radiation is None:
        raise document.error(
            "no radiation is given, neither here nor by an instrument file",
            f"{key}.radiation",
            allowed=["xray", "neutron"],
        )
    note = "no instrument file: widths and polarization are GSAS-II's defaults for {}, to be refined"
    if radiation == "neutron":
        instrument = Instrument(
            radiation,
            (),
            polarization=0.0,
            U=257.182710995,
            V=-640.525145369,
            W=569.378664828,
            notes=(note.format("a neutron diffractometer (D1A)"),),
        )
    else:
        tube = len(entry.wavelength) == 2 or any(abs(entry.wavelength[0] - line) < 0.002 for line in TUBE_LINES)
        source = "laboratory X-rays" if tube else "a synchrotron"
        instrument = Instrument(radiation, (), polarization=0.7 if tube else 0.99, notes=(note.format(source),))
    return _as_narrow_as(pattern, instrument)


def _as_narrow_as(pattern: Pattern, instrument: Instrument) -> Instrument:
    """Return the instrument with a FWHM of at most four steps of the pattern: a usual scan has that many per peak."""
    step = 100.0 * float(np.median(np.diff(pattern.x))) if pattern.x.size > 1 else np.inf
    share = min(1.0, (4.0 * step / 2.3548) ** 2 / instrument.W)
    return replace(instrument, U=share * instrument.U, V=share * instrument.V, W=share * instrument.W)


def complete_instrument(instrument: Instrument, entry: DataEntry, document: Document, key: str) -> Instrument:
    """Return the instrument with the values of an entry, which take precedence, and with a geometry as GSAS-II chooses.

    Raises UserError for a missing or impossible wavelength.
    """
    instrument = replace(
        instrument,
        radiation=entry.radiation or instrument.radiation,
        wavelengths=entry.wavelength or instrument.wavelengths,
        ratio=instrument.ratio if entry.ratio is None else entry.ratio,
        radius=instrument.radius if entry.radius is None else entry.radius,
        polarization=instrument.polarization if entry.polarization is None else entry.polarization,
        geometry=entry.geometry or instrument.geometry,
    )
    _check_wavelengths(instrument, document, f"{key}.wavelength")
    if instrument.geometry is not None:
        return instrument
    if instrument.doublet:
        note = "no geometry is given: Bragg-Brentano is assumed for two wavelengths, as in GSAS-II"
        return replace(instrument, geometry="Bragg-Brentano", notes=(*instrument.notes, note))
    note = "no geometry is given: Debye-Scherrer is assumed for one wavelength, as in GSAS-II"
    return replace(instrument, geometry="Debye-Scherrer", notes=(*instrument.notes, note))


def _check_wavelengths(instrument: Instrument, document: Document, key: str) -> None:
    wavelengths = instrument.wavelengths
    if not wavelengths:
        raise document.error(
            "no wavelength is given, neither here nor by the instrument file", key, allowed=_WAVELENGTH_FORM
        )
    low, high = WAVELENGTHS
    wrong = next((value for value in wavelengths if not low <= value <= high), None)
    if wrong is not None:
        raise document.error(
            "not a wavelength of powder diffraction in Angstrom",
            key,
            found=f"{wrong:g}",
            allowed=f"{low:g} to {high:g}",
        )
    if len(wavelengths) == 2 and (instrument.radiation == "neutron" or wavelengths[0] >= wavelengths[1]):
        raise document.error(
            "two wavelengths must be K-alpha1 and the longer K-alpha2 of an X-ray tube", key, found=list(wavelengths)
        )

"""Absorption of X-rays by a phase, from its anomalous scattering."""

from __future__ import annotations

import math

import gemmi

from autogsas.crystal.contents import contents_of
from autogsas.model.instrument import Instrument
from autogsas.model.structure import Phase

__all__ = ["density", "linear_absorption", "photoabsorption"]

_HC = 12398.4198  # eV Angstrom, CODATA 2018
_ELECTRON = 2.8179403205e-5  # classical radius of the electron in Angstrom, CODATA 2022
_AVOGADRO = 0.602214076  # 1e24/mol
_PER_CM = 1e8  # 1/Angstrom in 1/cm
_LIGHTEST = 3  # Cromer & Liberman's tables begin here


def photoabsorption(element: str, wavelength: float) -> float:
    """Return the cross section for photoabsorption of one atom in Angstrom^2 at a wavelength in Angstrom.

    The optical theorem, sigma = 2 r_e lambda f'' (James, The Optical Principles of the Diffraction of X-rays (1948),
    chapter IV), with f'' of Cromer & Liberman, Acta Cryst. A37, 267 (1981). Coherent and Compton scattering are left
    out: at Cu K-alpha they are 1 to 3 % of the total attenuation, 4 % for oxygen. Zero for H and He.
    """
    number = gemmi.Element(element).atomic_number
    if number < _LIGHTEST:
        return 0.0
    second = gemmi.cromer_liberman(z=number, energy=_HC / wavelength)[1]
    return 2.0 * _ELECTRON * wavelength * float(second)


def linear_absorption(phase: Phase, instrument: Instrument) -> float:
    """Return the linear absorption coefficient of a phase in 1/cm, mu = sum sigma/V over the atoms of the cell.

    The mean over the wavelengths of the instrument by their intensities. Raises ValueError for a phase whose contents
    are not known.
    """
    atoms, volume = _cell(phase)
    shares = [1.0, *(instrument.ratio for _ in instrument.wavelengths[1:])]
    total = sum(
        share * sum(count * photoabsorption(element, wavelength) for element, count in atoms.items())
        for share, wavelength in zip(shares, instrument.wavelengths, strict=True)
    )
    return _PER_CM * total / sum(shares) / volume


def density(phase: Phase) -> float:
    """Return the density of a phase in g/cm^3. Raises ValueError for a phase whose contents are not known."""
    atoms, volume = _cell(phase)
    return sum(count * gemmi.Element(element).weight for element, count in atoms.items()) / (_AVOGADRO * volume)


def _cell(phase: Phase) -> tuple[dict[str, float], float]:
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    contents = None if group is None else contents_of(phase, group)
    volume = float(gemmi.UnitCell(*phase.cell.values()).volume)
    if contents is None or not (volume > 0 and math.isfinite(volume)):
        raise ValueError(f"the contents of the cell of {phase.name} are not known")
    return contents.atoms, volume

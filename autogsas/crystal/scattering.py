"""X-ray form factors with anomalous terms and neutron scattering lengths, from gemmi's tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

__all__ = ["Scatterers", "parse_element"]

Array = npt.NDArray[np.float64]

_HC = 12398.4198  # eV Angstrom, CODATA 2018
_LABEL = re.compile(r"^([A-Za-z]{1,2})(?:(\d*)([+-]))?(?:([+-])(\d+))?$")

# gemmi corrects Cromer & Liberman's f' by the energy-independent term of Kissel & Pratt (Acta Cryst. A46, 170 (1990));
# GSAS-II, and the table of International Tables C (1992), 4.2.6.8 (Pb, Cu K-alpha: -4.075), do not.
# The difference by atomic number from 3 to 92, measured: FPcalc(GetXsectionCoeff(element), keV)[0] of GSAS-II 2.0.0
# (August 2026) less gemmi.cromer_liberman of gemmi 0.7.5, median over nine wavelengths from 0.3 to 2.29 Angstrom.
# Ce and Bi, where gemmi alone has a pole of f' near 0.645 and 1.525 Angstrom, take their neighbours' values.
_LIGHTEST = 3
_RELATIVISTIC = -np.array(
    [
        0.0004,
        -0.0004,
        0.0002,
        -0.0002,
        0.0,
        0.0002,
        0.0004,
        -0.0004,
        0.0004,
        0.001,
        -0.0005,
        0.0008,
        0.0,
        0.0,
        0.001,
        0.0007,
        0.001,
        0.0012,
        0.001,
        0.002,
        0.002,
        0.002,
        0.0016,
        0.0029,
        0.003,
        0.0035,
        0.0028,
        0.004,
        0.005,
        0.007,
        0.005,
        0.009,
        0.009,
        0.009,
        0.009,
        0.011,
        0.01,
        0.011,
        0.013,
        0.013,
        0.014,
        0.0201,
        0.02,
        0.019,
        0.021,
        0.023,
        0.027,
        0.025,
        0.028,
        0.028,
        0.034,
        0.03,
        0.032,
        0.04,
        0.041,
        0.0415,
        0.042,
        0.048,
        0.0461,
        0.0518,
        0.0568,
        0.065,
        0.059,
        0.062,
        0.065,
        0.067,
        0.072,
        0.076,
        0.083,
        0.083,
        0.089,
        0.094,
        0.105,
        0.098,
        0.101,
        0.11,
        0.113,
        0.117,
        0.123,
        0.13,
        0.1324,
        0.1441,
        0.1482,
        0.153,
        0.1571,
        0.161,
        0.1702,
        0.1782,
        0.186,
        0.164,
    ]
)

# Bound coherent scattering lengths in 1e-12 cm by Rauch & Waschkowski (Neutron Data Booklet, 2003), which GSAS-II has,
# where they differ from gemmi's of Sears (Neutron News 3 (3), 26 (1992)); the imaginary part where it is known.
_LENGTHS: Mapping[str, complex] = {
    "H": -0.37395,
    "D": 0.6681,
    "T": 0.4792,
    "Li": -0.193,
    "B": 0.53 - 0.0213j,
    "C": 0.66484,
    "O": 0.58037,
    "Ne": 0.46,
    "Si": 0.41507,
    "Cl": 0.9579,
    "Sc": 1.21,
    "Ti": -0.337,
    "V": -0.0443,
    "Mn": -0.375,
    "Br": 0.679,
    "Rb": 0.708,
    "Ru": 0.702,
    "Sn": 0.6239,
    "Te": 0.568,
    "Xe": 0.469,
    "Pr": 0.444,
    "Nd": 0.787,
    "Tb": 0.734,
    "Ho": 0.844,
    "Hf": 0.777,
    "W": 0.4755,
    "Au": 0.79,
    "Hg": 1.266,
    "Pb": 0.94024,
    "Bi": 0.85242,
}
# Near a resonance the length depends on the energy (Lynn & Seeger, At. Data Nucl. Data Tables 44, 191 (1990)):
# b = b0 + sum A ((E - E0) re - i im)/((E - E0)^2 + (g/2)^2); here b0, re, im, E0, g, then further A, E0; 1e-12 cm, meV.
_RESONANCES: Mapping[str, tuple[float, ...]] = {
    "Rh": (0.59, 78.92, 6156.0, 1257.0, 156.0, 0.0, 0.0, 0.0, 0.0),
    "Cd": (0.21, 27.7, 1842.0, 178.0, 113.0, 0.0, 0.0, 0.0, 0.0),
    "Sm": (0.4099, 30.1, 949.4, 97.75, 65.14, 0.0, 0.0, 0.0, 0.0),
    "Eu": (0.7551, 8.553, 385.5, 321.0, 87.32, 7.141, 459.7, 1.253, -30.96),
    "Gd": (0.6794, 72.72, 3866.0, 30.4, 105.6, 0.0, 0.0, 0.0, 0.0),
    "Er": (0.8525, 12.08, 523.5, 460.3, 88.08, 0.6522, 584.4, 0.0, 0.0),
    "Yb": (1.227, 0.5567, 36.2, 597.0, 66.16, 0.0, 0.0, 0.0, 0.0),
}
_NEUTRON_ENERGY = 81.80703  # meV Angstrom^2
# O2- exists in a crystal only; gemmi and GSAS-II have fits of different authors, which differ by up to 1 %. This is
# that of Hovestreydt, Acta Cryst. A39, 268 (1983), that GSAS-II has: a, b, c.
_O2 = ((3.76936, 2.53342, 1.91579, 1.55094), (15.0797, 6.3043, 40.3445, 0.31291), 0.22789)


def _form_factor(element: gemmi.Element, charge: int) -> tuple[list[float], list[float], float] | None:
    """Return a, b and c of an atom or ion, of the neutral atom where the tables lack the ion, None without either."""
    if (element.name, charge) == ("O", -2):
        return list(_O2[0]), list(_O2[1]), _O2[2]
    # gemmi looks up ions only after this setting, which holds for the whole process.
    before = gemmi.IT92_get_ignore_charge()
    gemmi.IT92_set_ignore_charge(False)
    try:
        found = gemmi.IT92_get_exact(element, charge) or gemmi.IT92_get_exact(element, 0)
    finally:
        gemmi.IT92_set_ignore_charge(before)
    return None if found is None else (list(found.a), list(found.b), float(found.c))


def _scattering_length(element: gemmi.Element, wavelength: float) -> complex:
    """Return the coherent neutron scattering length of an element in 1e-12 cm at a wavelength in Angstrom."""
    if element.name not in _RESONANCES:
        return complex(_LENGTHS.get(element.name, float(element.neutron92.calculate_sf(0.0)) / 10.0))
    b0, re, im, e0, width, a1, e1, a2, e2 = _RESONANCES[element.name]
    energy = _NEUTRON_ENERGY / wavelength**2
    total = complex(b0)
    for share, place in ((1.0, e0), (a1, e1), (a2, e2)):
        away = energy - place
        total += share * complex(re * away, im) / (away**2 + width**2 / 4.0)
    return total


def parse_element(text: str) -> tuple[gemmi.Element, int]:
    """Return the element and charge of a scatterer such as "Ca", "O2-", "Fe+3". Raises ValueError otherwise."""
    match = _LABEL.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a scatterer")
    element = gemmi.Element(match[1])
    if element.atomic_number == 0:
        raise ValueError(f"{text!r} is not an element")
    if match[3]:
        return element, int(match[2] or 1) * (1 if match[3] == "+" else -1)
    if match[4]:
        return element, int(match[5]) * (1 if match[4] == "+" else -1)
    return element, 0


@dataclass(frozen=True)
class Scatterers:
    """The scattering of several atoms in one radiation.

    ``a`` (n, m), ``b`` (n, m) and ``c`` (n,) give f0(s) = sum a exp(-b s^2) + c with s = sin(theta)/lambda in
    1/Angstrom (International Tables C (1992), 6.1.1.4; for neutrons only c, the coherent length in 1e-12 cm);
    ``anomalous`` (n,) complex is f' + i f'' (Cromer & Liberman, Acta Cryst. A37, 267 (1981)), f' with the
    relativistic term that GSAS-II has.
    """

    a: Array
    b: Array
    c: Array
    anomalous: npt.NDArray[np.complex128]

    @classmethod
    def xray(cls, elements: tuple[str, ...], wavelength: float) -> Scatterers:
        """Return the X-ray scattering of ``elements`` at ``wavelength`` (Angstrom).

        A charged ion that the tables lack scatters as its neutral atom. Raises ValueError for an unknown element.
        """
        a, b, c, anomalous = [], [], [], []
        for text in elements:
            element, charge = parse_element(text)
            coefficients = _form_factor(element, charge)
            if coefficients is None:
                raise ValueError(f"no X-ray form factor is known for {text!r}")
            a.append(coefficients[0])
            b.append(coefficients[1])
            c.append(coefficients[2])
            if element.atomic_number <= 2:
                anomalous.append(0j)
            else:
                first, second = gemmi.cromer_liberman(z=element.atomic_number, energy=_HC / wavelength)
                place = min(element.atomic_number - _LIGHTEST, _RELATIVISTIC.size - 1)
                anomalous.append(complex(first + _RELATIVISTIC[place], second))
        return cls(np.array(a), np.array(b), np.array(c), np.array(anomalous))

    @classmethod
    def neutron(cls, elements: tuple[str, ...], wavelength: float) -> Scatterers:
        """Return the coherent neutron scattering of ``elements`` in 1e-12 cm, GSAS-II's unit, at ``wavelength``."""
        lengths = np.array([_scattering_length(parse_element(text)[0], wavelength) for text in elements])
        n = len(elements)
        return cls(np.zeros((n, 1)), np.zeros((n, 1)), lengths.real.copy(), 1j * lengths.imag)

    def factors(self, s2: Array) -> tuple[Array, Array]:
        """Return f0 and df0/d(s^2) at s^2 = (sin(theta)/lambda)^2, of shape (k,); both (k, n)."""
        terms = self.a * np.exp(-self.b * s2[:, None, None])
        return terms.sum(axis=2) + self.c, -(terms * self.b).sum(axis=2)

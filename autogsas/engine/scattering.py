"""How atoms scatter: X-ray form factors with anomalous terms, neutron lengths; the tables are gemmi's."""

from __future__ import annotations

import re
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

__all__ = ["Scatterers", "parse_element"]

Array = npt.NDArray[np.float64]

_HC = 12398.4198  # eV Angstrom, CODATA 2018
_LABEL = re.compile(r"^([A-Za-z]{1,2})(?:(\d*)([+-]))?(?:([+-])(\d+))?$")

# gemmi corrects Cromer & Liberman's f' by the energy-independent term of Kissel & Pratt (Acta Cryst. A46, 170 (1990));
# GSAS-II, and the table of International Tables C (1992), 4.2.6.8 (Pb, Cu K-alpha: -4.075), leave their own as it is.
# The difference by atomic number from 3 to 92, measured: FPcalc(GetXsectionCoeff(element), keV)[0] of GSAS-II 2.0.0
# (August 2026) less gemmi.cromer_liberman of gemmi 0.7.5, median over nine wavelengths from 0.3 to 2.29 Angstrom.
# Ce and Bi, where gemmi's f' has a pole near 0.645 and 1.525 Angstrom that is none of theirs, are as their neighbours.
_LIGHTEST = 3
_RELATIVISTIC = -np.array([
    0.0004, -0.0004, 0.0002, -0.0002, 0.0, 0.0002, 0.0004, -0.0004, 0.0004, 0.001, -0.0005, 0.0008, 0.0, 0.0, 0.001,
    0.0007, 0.001, 0.0012, 0.001, 0.002, 0.002, 0.002, 0.0016, 0.0029, 0.003, 0.0035, 0.0028, 0.004, 0.005, 0.007,
    0.005, 0.009, 0.009, 0.009, 0.009, 0.011, 0.01, 0.011, 0.013, 0.013, 0.014, 0.0201, 0.02, 0.019, 0.021, 0.023,
    0.027, 0.025, 0.028, 0.028, 0.034, 0.03, 0.032, 0.04, 0.041, 0.0415, 0.042, 0.048, 0.0461, 0.0518, 0.0568, 0.065,
    0.059, 0.062, 0.065, 0.067, 0.072, 0.076, 0.083, 0.083, 0.089, 0.094, 0.105, 0.098, 0.101, 0.11, 0.113, 0.117,
    0.123, 0.13, 0.1324, 0.1441, 0.1482, 0.153, 0.1571, 0.161, 0.1702, 0.1782, 0.186, 0.164,
])  # fmt: skip


def parse_element(text: str) -> tuple[gemmi.Element, int]:
    """Return the element and charge of a scatterer such as "Ca", "O2-", "Fe+3". Raises ValueError if it is none."""
    match = _LABEL.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no scatterer")
    element = gemmi.Element(match[1])
    if element.atomic_number == 0:
        raise ValueError(f"{text!r} is no element")
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
            coefficients = gemmi.IT92_get_exact(element, charge) or gemmi.IT92_get_exact(element, 0)
            if coefficients is None:
                raise ValueError(f"no X-ray form factor is known for {text!r}")
            a.append(list(coefficients.a))
            b.append(list(coefficients.b))
            c.append(float(coefficients.c))
            if element.atomic_number <= 2:
                anomalous.append(0j)
            else:
                first, second = gemmi.cromer_liberman(z=element.atomic_number, energy=_HC / wavelength)
                place = min(element.atomic_number - _LIGHTEST, _RELATIVISTIC.size - 1)
                anomalous.append(complex(first + _RELATIVISTIC[place], second))
        return cls(np.array(a), np.array(b), np.array(c), np.array(anomalous))

    @classmethod
    def neutron(cls, elements: tuple[str, ...]) -> Scatterers:
        """Return the coherent neutron scattering of ``elements`` in 1e-12 cm (GSAS-II's unit; gemmi's are fm)."""
        lengths = []
        for text in elements:
            element, _ = parse_element(text)
            lengths.append(float(element.neutron92.calculate_sf(0.0)) / 10.0)
        n = len(elements)
        return cls(np.zeros((n, 1)), np.zeros((n, 1)), np.array(lengths), np.zeros(n, dtype=complex))

    def factors(self, s2: Array) -> tuple[Array, Array]:
        """Return f0 and df0/d(s^2) at s^2 = (sin(theta)/lambda)^2, of shape (k,); both (k, n)."""
        terms = self.a * np.exp(-self.b * s2[:, None, None])
        return terms.sum(axis=2) + self.c, -(terms * self.b).sum(axis=2)

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
    ``anomalous`` (n,) complex is f' + i f'' (Cromer & Liberman, Acta Cryst. A37, 267 (1981)).
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
                anomalous.append(complex(first, second))
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

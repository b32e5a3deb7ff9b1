"""Generalised strain: widths from variances of the metric (Stephens, J. Appl. Cryst. 32, 281 (1999)).

The strain along the normal of h k l is M = d^2 sqrt(sum S_i c_i(hkl)), in 1e-6 with S in 1e-12/Angstrom^4. The terms
c_i are quartic forms in h k l, which symmetry reduces from 15 to between 2 and 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import metric_tensor
from autogsas.model.structure import Phase

__all__ = ["MOST_TERMS", "StrainTerms", "directions", "start_coefficients", "strain_terms"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Terms = Callable[[Array, Array, Array], list[Array]]

MOST_TERMS = 15
_DIRECTIONS = 400  # over a sphere; a mean strain then has an error below 1e-3; not measured


def directions(metric: Array) -> Array:
    """Return directions spread evenly over a sphere as h k l of length 1/Angstrom; (n, 3), not integers.

    ``metric`` is the reciprocal metric A0..A5. They lie on a Fibonacci spiral (Gonzalez, Math. Geosci. 42, 49 (2010)).
    """
    turn = np.arange(_DIRECTIONS) * np.pi * (3.0 - np.sqrt(5.0))
    z = 1.0 - (2.0 * np.arange(_DIRECTIONS) + 1.0) / _DIRECTIONS
    across = np.sqrt(1.0 - z * z)
    unit = np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)
    # |h|^2 = h G* h = |L^T h|^2 with G* = L L^T.
    return np.asarray(np.linalg.solve(np.linalg.cholesky(metric_tensor(metric)).T, unit.T).T)


@dataclass(frozen=True)
class StrainTerms:
    """The terms of a space group by GSAS-II's ``names`` ("S400") and in its order."""

    names: tuple[str, ...]
    _terms: _Terms

    def of(self, hkl: Array | Ints) -> Array:
        """Return the terms c_i of ``hkl`` (k, 3); shape (k, t)."""
        h, k, m = np.asarray(hkl, dtype=float).T
        return np.stack(self._terms(h, k, m), axis=1)

    def strains(self, coefficients: Array, metric: Array) -> Array:
        """Return the strain in 1e-6 of ``coefficients`` (t,) in each of `directions`, 0 where its square is below 0."""
        return np.sqrt(np.maximum(self.of(directions(metric)) @ coefficients, 0.0))

    def fitting(self, strains: Array, metric: Array) -> Array:
        """Return the coefficients (t,) that give ``strains`` in `directions`, by least squares of the squares.

        For the same strain in all directions they are exact, except with rhombohedral axes, where one of GSAS-II's
        terms is not symmetric.
        """
        terms = self.of(directions(metric))
        scale = np.linalg.norm(terms, axis=0)
        return np.asarray(np.linalg.lstsq(terms / scale, strains**2, rcond=None)[0] / scale)


@lru_cache(maxsize=64)
def strain_terms(space_group: str) -> StrainTerms:
    """Return the terms of a space group as GSAS-II has them (MustrainNames and MustrainCoeff of its GSASIIspc).

    Where its terms of trigonal groups are not symmetric ("31m" and rhombohedral axes), they are kept as they are, so
    that the same values mean the same: both engines list the same one of equivalent reflections. Raises ValueError for
    an unknown group.
    """
    group = gemmi.find_spacegroup_by_name(space_group)
    if group is None:
        raise ValueError(f"unknown space group {space_group!r}")
    laue = group.laue_str()
    if laue in ("m-3", "m-3m"):
        return StrainTerms(("S400", "S220"), _cubic)
    if laue in ("-3", "-3m") and group.ext == "R":
        return StrainTerms(("S400", "S220", "S310", "S211"), _rhombohedral)
    if laue == "-3m" and group.number in _TWOFOLD_BETWEEN_AXES:
        return StrainTerms(("S400", "S004", "S202", "S301"), _between_axes)
    if laue in ("6/m", "6/mmm", "-3", "-3m"):
        return StrainTerms(("S400", "S004", "S202"), _hexagonal)
    if laue in ("4/m", "4/mmm"):
        return StrainTerms(("S400", "S004", "S220", "S022"), _tetragonal)
    if laue == "mmm":
        return StrainTerms(_ORTHORHOMBIC, _orthorhombic)
    if laue == "2/m":
        axis = group.monoclinic_unique_axis()
        return StrainTerms((*_ORTHORHOMBIC, *_OBLIQUE[axis][0]), _OBLIQUE[axis][1])
    return StrainTerms((*_ORTHORHOMBIC, *_OTHERS), _triclinic)


def start_coefficients(phase: Phase, metric: Array) -> Array:
    """Return the coefficients (t,) that a phase with a generalised strain starts with: its own, or those of its value.

    Raises ValueError for a wrong number of them.
    """
    strain, terms = phase.specimen.strain, strain_terms(phase.space_group)
    if not strain.coefficients:
        return terms.fitting(np.full(_DIRECTIONS, strain.value), metric)
    if len(strain.coefficients) != len(terms.names):
        raise ValueError(
            f"{phase.name} has {len(strain.coefficients)} coefficients of strain instead of {len(terms.names)}"
        )
    return np.array(strain.coefficients)


# P 3 1 2, P 31 1 2, P 32 1 2, P 3 1 m, P 3 1 c, P -3 1 m and P -3 1 c: Laue class "31m" of GSAS-II.
_TWOFOLD_BETWEEN_AXES = frozenset({149, 151, 153, 157, 159, 162, 163})
_ORTHORHOMBIC = ("S400", "S040", "S004", "S220", "S202", "S022")
_OTHERS = ("S310", "S103", "S031", "S130", "S301", "S013", "S211", "S121", "S112")


def _cubic(h: Array, k: Array, m: Array) -> list[Array]:
    return [h**4 + k**4 + m**4, 3.0 * ((h * k) ** 2 + (h * m) ** 2 + (k * m) ** 2)]


def _hexagonal(h: Array, k: Array, m: Array) -> list[Array]:
    basal = h**4 + k**4 + 2.0 * k * h**3 + 2.0 * h * k**3 + 3.0 * (h * k) ** 2
    return [basal, m**4, 3.0 * ((h * m) ** 2 + (k * m) ** 2 + h * k * m**2)]


def _between_axes(h: Array, k: Array, m: Array) -> list[Array]:
    return [*_hexagonal(h, k, m), 4.0 * m * h**3]


def _rhombohedral(h: Array, k: Array, m: Array) -> list[Array]:
    # The last product should be h k^3; GSAS-II has l k^3 twice.
    third = 2.0 * (h * m**3 + m * k**3 + k * h**3) + 2.0 * (m * h**3 + k * m**3 + m * k**3)
    return [*_cubic(h, k, m), third, 4.0 * (k * m * h**2 + h * m * k**2 + h * k * m**2)]


def _tetragonal(h: Array, k: Array, m: Array) -> list[Array]:
    return [h**4 + k**4, m**4, 3.0 * (h * k) ** 2, 3.0 * ((h * m) ** 2 + (k * m) ** 2)]


def _orthorhombic(h: Array, k: Array, m: Array) -> list[Array]:
    return [h**4, k**4, m**4, 3.0 * (h * k) ** 2, 3.0 * (h * m) ** 2, 3.0 * (k * m) ** 2]


def _unique_a(h: Array, k: Array, m: Array) -> list[Array]:
    return [*_orthorhombic(h, k, m), 2.0 * k * m**3, 2.0 * m * k**3, 4.0 * k * m * h**2]


def _unique_b(h: Array, k: Array, m: Array) -> list[Array]:
    return [*_orthorhombic(h, k, m), 2.0 * m * h**3, 2.0 * h * m**3, 4.0 * h * m * k**2]


def _unique_c(h: Array, k: Array, m: Array) -> list[Array]:
    return [*_orthorhombic(h, k, m), 2.0 * h * k**3, 2.0 * k * h**3, 4.0 * h * k * m**2]


def _triclinic(h: Array, k: Array, m: Array) -> list[Array]:
    first = [2.0 * k * h**3, 2.0 * h * m**3, 2.0 * m * k**3, 2.0 * h * k**3, 2.0 * m * h**3, 2.0 * k * m**3]
    return [*_orthorhombic(h, k, m), *first, 4.0 * k * m * h**2, 4.0 * h * m * k**2, 4.0 * k * h * m**2]


_OBLIQUE: dict[str, tuple[tuple[str, ...], _Terms]] = {
    "a": (("S013", "S031", "S211"), _unique_a),
    "b": (("S301", "S103", "S121"), _unique_b),
    "c": (("S130", "S310", "S112"), _unique_c),
}

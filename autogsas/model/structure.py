"""A crystal structure: plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from autogsas.model.sample import OccupancySum, Specimen

__all__ = ["Cell", "Intensities", "Phase", "Site", "equivalent_u"]

U6 = tuple[float, float, float, float, float, float]

Intensities = Literal["structure", "Le Bail"]


@dataclass(frozen=True)
class Cell:
    """Lattice parameters in Angstrom and degrees."""

    a: float
    b: float
    c: float
    alpha: float
    beta: float
    gamma: float

    def values(self) -> U6:
        """Return (a, b, c, alpha, beta, gamma)."""
        return (self.a, self.b, self.c, self.alpha, self.beta, self.gamma)


@dataclass(frozen=True)
class Site:
    """One site of the asymmetric unit.

    ``element`` is the scatterer with its charge as in CIF ("Ca", "O2-"); ``xyz`` fractional; ``uiso`` in Angstrom^2;
    ``uaniso`` (U11, U22, U33, U12, U13, U23) in Angstrom^2 in CIF's convention, or None.
    """

    label: str
    element: str
    xyz: tuple[float, float, float]
    occupancy: float
    uiso: float
    uaniso: U6 | None = None


@dataclass(frozen=True)
class Phase:
    """One crystalline phase. ``space_group`` is a Hermann-Mauguin symbol with its setting ("R -3 m:H").

    ``intensities`` of its reflections are calculated from the structure, or each is taken from the pattern
    (Le Bail, Duroy & Fourquet, Mater. Res. Bull. 23, 447 (1988)). ``occupancy_sums`` are kept while it is refined.
    """

    name: str
    space_group: str
    cell: Cell
    sites: tuple[Site, ...]
    notes: tuple[str, ...] = ()
    specimen: Specimen = field(default_factory=Specimen)
    intensities: Intensities = "structure"
    occupancy_sums: tuple[OccupancySum, ...] = ()


def equivalent_u(cell: Cell, tensor: U6) -> float:
    """Return the equivalent isotropic U, in Angstrom^2, of a tensor in CIF's convention.

    A third of the trace on orthonormal axes, sum_ij U_ij a*_i a*_j (a_i . a_j)/3 (Fischer & Tillmanns, Acta Cryst.
    C44, 775 (1988), eq. 2). NaN for a cell without volume.
    """
    u11, u22, u33, u12, u13, u23 = tensor
    ca, cb, cg = (math.cos(math.radians(angle)) for angle in (cell.alpha, cell.beta, cell.gamma))
    volume2 = 1.0 - ca * ca - cb * cb - cg * cg + 2.0 * ca * cb * cg
    if volume2 <= 0:
        return math.nan
    # a a* = sin(alpha)/V for unit axes, and so on.
    sa, sb, sg = (math.sqrt(max(1.0 - c * c, 0.0) / volume2) for c in (ca, cb, cg))
    trace = u11 * sa * sa + u22 * sb * sb + u33 * sg * sg
    trace += 2.0 * (u12 * sa * sb * cg + u13 * sa * sg * cb + u23 * sb * sg * ca)
    return trace / 3.0

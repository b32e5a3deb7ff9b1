"""A crystal structure: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from autogsas.sample import OccupancySum, Specimen

__all__ = ["Cell", "Intensities", "Phase", "Site"]

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

    ``intensities`` says where those of its reflections come from: from the structure, or each from the pattern alone
    (Le Bail, Duroy & Fourquet, Mater. Res. Bull. 23, 447 (1988)). ``occupancy_sums`` hold while it is refined.
    """

    name: str
    space_group: str
    cell: Cell
    sites: tuple[Site, ...]
    notes: tuple[str, ...] = ()
    specimen: Specimen = field(default_factory=Specimen)
    intensities: Intensities = "structure"
    occupancy_sums: tuple[OccupancySum, ...] = ()

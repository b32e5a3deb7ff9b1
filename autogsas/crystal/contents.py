"""The contents of a unit cell: multiplicities, formula, number of formula units, mass and density."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.model.structure import Cell, Phase, Site

__all__ = ["Contents", "cell_volume", "contents_of", "element_of", "multiplicity"]

_SAME_POSITION = 0.05  # Angstrom
_WHOLE = 1e-3
_PER_MOL = 0.602214076  # Angstrom^3 to cm^3, times Avogadro


@dataclass(frozen=True)
class Contents:
    """``atoms`` in the cell by element, ``units`` is Z; ``weight`` in g/mol of one unit, ``density`` in g/cm^3."""

    atoms: dict[str, float]
    units: int
    weight: float
    density: float

    @property
    def formula(self) -> str:
        """One formula unit in Hill's order (J. Am. Chem. Soc. 22, 478 (1900)), as CIF writes it: "Ca5 F O12 P3"."""
        first = [name for name in ("C", "H") if name in self.atoms and "C" in self.atoms]
        names = [*first, *sorted(name for name in self.atoms if name not in first)]
        counts = ((name, self.atoms[name] / self.units) for name in names)
        return " ".join(f"{name}{_count(count)}" for name, count in counts if count > 0)


def _count(value: float) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "" if text == "1" else text


def cell_volume(cell: Cell) -> float:
    """Return the volume of a cell in Angstrom^3."""
    return float(gemmi.UnitCell(*cell.values()).volume)


def element_of(scatterer: str) -> str:
    """Return the element of a scatterer: "O" for "O2-", "D" for "D", "B" for "B_11"; "X" if there is none."""
    match = re.match(r"[A-Za-z]{1,2}", scatterer)
    for size in (2, 1) if match else ():
        name = scatterer[:size].capitalize()
        if name.isalpha() and gemmi.Element(name).name == name:
            return name
    return "X"


def multiplicity(site: Site, cell: Cell, group: gemmi.SpaceGroup) -> int:
    """Return the number of positions in the cell that are equivalent to a site."""
    box = gemmi.UnitCell(*cell.values())
    here = np.array(site.xyz)
    operations = list(group.operations())
    fixing = 0
    for operation in operations:
        step = np.array(operation.apply_to_xyz(list(site.xyz))) - here
        step -= np.round(step)
        fixing += _near(box, step)
    return max(1, round(len(operations) / max(fixing, 1)))


def _near(box: gemmi.UnitCell, step: npt.NDArray[np.float64]) -> bool:
    return bool(box.orthogonalize(gemmi.Fractional(*step)).length() < _SAME_POSITION)


def contents_of(phase: Phase, group: gemmi.SpaceGroup) -> Contents | None:
    """Return the contents of the cell of a phase; None if it has no atoms or an unknown element.

    Z is the greatest common divisor of the numbers of atoms if all are whole, else of the sites' multiplicities.
    """
    atoms: dict[str, float] = {}
    multiplicities = []
    for site in phase.sites:
        count = multiplicity(site, phase.cell, group)
        multiplicities.append(count)
        atoms[element_of(site.element)] = atoms.get(element_of(site.element), 0.0) + count * site.occupancy
    if not atoms or "X" in atoms or not all(math.isfinite(v) for v in atoms.values()):
        return None
    whole = [round(value) for value in atoms.values()]
    exact = all(abs(a - b) < _WHOLE for a, b in zip(whole, atoms.values(), strict=True)) and all(whole)
    units = max(1, math.gcd(*(whole if exact else multiplicities)))
    weight = sum(gemmi.Element(name).weight * count for name, count in atoms.items()) / units
    volume = cell_volume(phase.cell)
    density = weight * units / (volume * _PER_MOL) if volume > 0 else math.nan
    return Contents(atoms, units, weight, density)

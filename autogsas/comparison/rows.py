"""The parameters of several refinements: value, esd, and difference from the first in esds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import gemmi

from autogsas.comparison.refinement import Refinement
from autogsas.crystal.endpoints import PhaseEnd
from autogsas.model.result import Parameter

__all__ = ["Cell", "Gap", "Row", "Section", "parameter_rows"]

Section = Literal["cell", "atoms", "amounts", "broadening", "instrument"]

_CELL = (("a", "Å"), ("b", "Å"), ("c", "Å"), ("alpha", "°"), ("beta", "°"), ("gamma", "°"))
_AMOUNTS = ("weight_fraction", "scale")
_BROADENING = ("size", "strain", "size_mix", "strain_mix", "preferred_orientation")
_LEFT_OUT = ("cell", "positions", "uiso", "uiso_shared", "uaniso", "occupancy", "background", *_AMOUNTS, *_BROADENING)


@dataclass(frozen=True)
class Cell:
    """A value with its esd, None if it was not refined."""

    value: float
    esd: float | None


@dataclass(frozen=True)
class Gap:
    """The first value minus another, in the row's unit and in their combined esd (None: neither was refined)."""

    value: float
    esds: float | None


@dataclass(frozen=True)
class Row:
    """One parameter: a cell for each refinement, None if it lacks the parameter; a gap for each but the first.

    ``owner`` is its phase, its histogram or both, ``name`` the rest, such as "Ca2 x".
    """

    section: Section
    owner: str
    name: str
    unit: str
    cells: tuple[Cell | None, ...]
    gaps: tuple[Gap | None, ...]


def parameter_rows(aligned: Sequence[Refinement]) -> tuple[Row, ...]:
    """Return all refined parameters, and every cell and atom, of refinements that use the names of the first."""
    rows = [*_cells(aligned), *_atoms(aligned)]
    rows += _others(aligned, _AMOUNTS, "amounts", always=("weight_fraction",))
    rows += _others(aligned, _BROADENING, "broadening")
    groups = dict.fromkeys(item.group for one in aligned for item in one.parameters if item.group not in _LEFT_OUT)
    rows += _others(aligned, tuple(groups), "instrument")
    return tuple(rows)


def gap(first: Cell | None, other: Cell | None) -> Gap | None:
    """Return the difference of two values.

    The esds are taken as independent. Those of one data set are not, so a difference below 3 esds may still be real.
    """
    if first is None or other is None:
        return None
    joint = math.hypot(first.esd or 0.0, other.esd or 0.0)
    value = first.value - other.value
    return Gap(value, value / joint if joint > 0 else None)


def _row(section: Section, owner: str, name: str, unit: str, cells: Sequence[Cell | None]) -> Row:
    return Row(section, owner, name, unit, tuple(cells), tuple(gap(cells[0], other) for other in cells[1:]))


def _phase(one: Refinement, name: str) -> PhaseEnd | None:
    return next((phase for phase in one.end.phases if phase.name == name), None)


def _names(aligned: Sequence[Refinement]) -> list[str]:
    return list(dict.fromkeys(phase.name for one in aligned for phase in one.end.phases))


def _cell_of(value: float, esd: float) -> Cell | None:
    return Cell(float(value), float(esd) if math.isfinite(esd) and esd > 0 else None) if math.isfinite(value) else None


def _cells(aligned: Sequence[Refinement]) -> Iterator[Row]:
    for name in _names(aligned):
        phases = [_phase(one, name) for one in aligned]
        seen: list[list[float]] = []
        for i, (key, unit) in enumerate(_CELL):
            cells = [None if phase is None else _cell_of(phase.cell[i], phase.cell_esd[i]) for phase in phases]
            # Lengths that symmetry makes equal are shown once, angles that it fixes not at all.
            fixed = i > 2 and all(cell is None or cell.esd is None for cell in cells) and _one_value(cells)
            values = [math.nan if cell is None else round(cell.value, 9) for cell in cells]
            if values in seen or fixed:
                continue
            seen.append(values)
            yield _row("cell", name, key, unit, cells)
        volumes = [_volume(one, name) for one in aligned]
        if any(volume is not None for volume in volumes):
            yield _row("cell", name, "volume", "Å³", volumes)


def _one_value(cells: Sequence[Cell | None]) -> bool:
    values = [cell.value for cell in cells if cell is not None]
    return len(values) < 2 or max(values) - min(values) < 1e-4


def _volume(one: Refinement, phase: str) -> Cell | None:
    found = next((item for item in one.parameters if item.phase == phase and item.name.endswith(":volume")), None)
    if found is not None:
        return Cell(found.value, found.esd)
    end = _phase(one, phase)
    return None if end is None else Cell(float(gemmi.UnitCell(*end.cell).volume), None)


def _atoms(aligned: Sequence[Refinement]) -> Iterator[Row]:
    for name in _names(aligned):
        phases = [_phase(one, name) for one in aligned]
        labels = dict.fromkeys(label for phase in phases if phase is not None for label in phase.labels)
        for label in labels:
            for i, axis in enumerate("xyz"):
                cells = [_at(phase, label, "xyz", i) for phase in phases]
                if _one_value(cells) and all(cell is None or cell.esd is None for cell in cells):
                    continue  # fixed by symmetry, or fixed at the same value
                yield _row("atoms", name, f"{label} {axis}", "", cells)
            yield _row("atoms", name, f"{label} U_iso", "Å²", [_at(phase, label, "u") for phase in phases])
            yield _row("atoms", name, f"{label} occupancy", "", [_at(phase, label, "occupancy") for phase in phases])


def _at(phase: PhaseEnd | None, label: str, what: str, column: int | None = None) -> Cell | None:
    if phase is None or label not in phase.labels:
        return None
    at = phase.labels.index(label)
    values, esds = getattr(phase, what), getattr(phase, f"{what}_esd")
    place = at if column is None else (at, column)
    return _cell_of(values[place], esds[place])


def _others(
    aligned: Sequence[Refinement], groups: Sequence[str], section: Section, always: Sequence[str] = ()
) -> Iterator[Row]:
    """Return the parameters of these groups that were refined in any refinement."""
    found: list[dict[str, Parameter]] = [
        {item.name: item for item in one.parameters if item.group in groups} for one in aligned
    ]
    for name in dict.fromkeys(name for items in found for name in items):
        items = [by_name.get(name) for by_name in found]
        known = [item for item in items if item is not None]
        if all(item.esd is None and item.group not in always for item in known):
            continue
        owners = [part for part in (known[0].phase, known[0].histogram) if part]
        rest = name
        for owner in owners:
            rest = rest.removeprefix(f"{owner}:")
        cells = [None if item is None else Cell(item.value, item.esd) for item in items]
        yield _row(section, ", ".join(owners), rest, known[0].unit, cells)

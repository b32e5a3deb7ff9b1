"""Directions of a crystal that texture and broadening may have, for candidates of what to refine next."""

from __future__ import annotations

from collections.abc import Mapping

import gemmi
import numpy as np

from autogsas.builtin.strategy.options import axes
from autogsas.model.sample import Axis
from autogsas.model.structure import Phase

__all__ = ["broadening_axes", "orientation_axes"]

# Planes that cleave or bound crystals, besides those that a search chooses from: rhombohedra and pyramids (1 0 4 of
# calcite, 1 0 1 of quartz, 0 1 2 of corundum), prisms and octahedra.
_FACES: Mapping[str, tuple[Axis, ...]] = {
    "cubic": ((2, 1, 0), (2, 1, 1)),
    "hexagonal": ((1, 0, 1), (1, 0, 2)),
    "trigonal": ((1, 0, 1), (0, 1, 1), (0, 1, 2), (1, 0, 4)),
    "tetragonal": ((1, 0, 1), (1, 1, 1)),
    "orthorhombic": ((0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1)),
}
# The same faces with rhombohedral axes: 0 0 1 of hexagonal ones is 1 1 1, 0 1 2 is 1 1 0, 1 0 4 is 2 1 1.
_RHOMBOHEDRAL_FACES: tuple[Axis, ...] = ((1, 1, 1), (1, 0, 0), (1, 1, 0), (2, 1, 1), (1, -1, 0))
_OBLIQUE_FACES: tuple[Axis, ...] = (
    (0, 1, 1),
    (0, 1, -1),
    (1, 0, 1),
    (1, 0, -1),
    (1, 1, 0),
    (1, -1, 0),
    (1, 1, 1),
    (1, 1, -1),
)
_LINES: tuple[Axis, ...] = (
    (0, 0, 1),
    (1, 0, 0),
    (0, 1, 0),
    (1, 0, 1),
    (1, 0, -1),
    (1, 1, 0),
    (1, -1, 0),
    (0, 1, 1),
    (0, 1, -1),
    (1, 1, 1),
)


def orientation_axes(phase: Phase) -> tuple[Axis, ...]:
    """Return the plausible axes of preferred orientation: those that a search chooses from, then other common faces.

    Of equivalent faces one is given.
    """
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    if group is None:
        return axes(phase)
    more = _RHOMBOHEDRAL_FACES if group.ext == "R" else _FACES.get(group.crystal_system_str(), _OBLIQUE_FACES)
    found: list[Axis] = []
    known: set[tuple[int, ...]] = set()
    for axis in (*axes(phase), *more):
        if axis not in known:
            found.append(axis)
            known |= _equivalents(axis, group)
    return tuple(found)


def broadening_axes(phase: Phase) -> tuple[Axis, ...]:
    """Return the axes of uniaxial broadening that every operation of the Laue class keeps; none for cubic crystals.

    About another axis equivalent reflections would differ in width, although they are one peak: GSAS-II then uses the
    width of the one in its list.
    """
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    if group is None:
        return ()
    return tuple(axis for axis in _LINES if len(_equivalents(axis, group)) == 2)


def _equivalents(axis: Axis, group: gemmi.SpaceGroup) -> set[tuple[int, ...]]:
    """Return the planes equivalent to those of an axis in the Laue class, the opposite sides included."""
    images = [np.array(axis) @ (np.array(op.rot) // gemmi.Op.DEN) for op in group.operations().sym_ops]
    return {tuple((sign * image).tolist()) for image in images for sign in (1, -1)}

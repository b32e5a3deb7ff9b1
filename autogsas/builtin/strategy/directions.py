"""Directions of a crystal that texture and broadening may have, for candidates of what to refine next."""

from __future__ import annotations

import math
from collections.abc import Mapping

import gemmi
import numpy as np

from autogsas.builtin.strategy.options import axes
from autogsas.model.sample import Axis
from autogsas.model.structure import Phase

__all__ = ["broadening_axes", "orientation_axes"]

# Low indices; and of crystals whose equivalents are so few that there are many of them, only the lowest.
_HIGHEST: Mapping[str, int] = {"monoclinic": 1, "triclinic": 1}
_USUAL_HIGHEST = 2
# Besides them, what cleaves or bounds crystals: rhombohedra such as 1 0 4 of calcite.
_FACES: Mapping[str, tuple[Axis, ...]] = {"trigonal": ((1, 0, 4), (0, 1, 4)), "monoclinic": ((1, 0, 2), (1, 0, -2))}
# The same faces with rhombohedral axes: 0 0 1 of hexagonal ones is 1 1 1, 0 1 2 is 1 1 0, 1 0 4 is 2 1 1.
_RHOMBOHEDRAL_FACES: tuple[Axis, ...] = ((1, 1, 1), (1, 0, 0), (1, 1, 0), (2, 1, 1), (1, -1, 0))
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
    """Return the plausible axes of preferred orientation: those that a search chooses from, then others of low indices.

    Of equivalent faces one is given.
    """
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    if group is None:
        return axes(phase)
    system = group.crystal_system_str()
    more = _RHOMBOHEDRAL_FACES if group.ext == "R" else (*_low_indices(system), *_FACES.get(system, ()))
    found: list[Axis] = []
    known: set[tuple[int, ...]] = set()
    for axis in (*axes(phase), *more):
        if axis not in known:
            found.append(axis)
            known |= _equivalents(axis, group)
    return tuple(found)


def _low_indices(system: str) -> tuple[Axis, ...]:
    """Return the planes of low indices, those of lower ones first, one of each pair of opposite sides."""
    top = _HIGHEST.get(system, _USUAL_HIGHEST)
    found = [
        (h, k, m)
        for h in range(-top, top + 1)
        for k in range(-top, top + 1)
        for m in range(-top, top + 1)
        if (h, k, m) > (0, 0, 0) and math.gcd(h, k, m) == 1
    ]
    return tuple(sorted(found, key=lambda axis: (sum(map(abs, axis)), [-index for index in axis])))


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

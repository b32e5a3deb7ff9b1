"""Coordinates that fix the origin of a polar space group: that they were left out is no fault of the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import Symmetry
from autogsas.model.result import Parameter
from autogsas.model.structure import Phase

__all__ = ["both_move_the_origin", "fixing_the_origin", "free_origin"]

_AXES = {"x": 0, "y": 1, "z": 2}


def free_origin(space_group: str) -> npt.NDArray[np.float64]:
    """Return the projector (3, 3) onto the shifts of the origin that leave a space group as it is; zero for none.

    The mean of all rotation matrices projects on what each of them leaves alone (International Tables A, table 2.1.3.2:
    ten polar crystal classes). Zero for an unknown symbol.
    """
    try:
        symmetry = Symmetry.from_name(space_group)
    except ValueError:
        return np.zeros((3, 3))
    return np.asarray(np.mean(symmetry.rotations.astype(float), axis=0))


def fixing_the_origin(
    dropped: Iterable[str], parameters: Sequence[Parameter], phases: Sequence[Phase]
) -> tuple[str, ...]:
    """Return which of the ``dropped`` parameters fix the origin of a phase: coordinates along a polar axis.

    Of each phase as many as its origin has free directions: one along a polar axis, two in a mirror plane, three in P1.
    """
    by_name = {parameter.name: parameter for parameter in parameters if parameter.group == "positions"}
    projectors = {phase.name: free_origin(phase.space_group) for phase in phases}
    left = {name: int(np.linalg.matrix_rank(matrix, tol=1e-6)) for name, matrix in projectors.items()}
    found = []
    for name in dropped:
        parameter = by_name.get(name)
        axis = _AXES.get(name.rsplit(":", 1)[-1])
        if parameter is None or parameter.phase is None or axis is None or not left.get(parameter.phase):
            continue
        if np.any(np.abs(projectors[parameter.phase][:, axis]) > 1e-6):
            left[parameter.phase] -= 1
            found.append(name)
    return tuple(found)


def both_move_the_origin(first: str, second: str, parameters: Sequence[Parameter], phases: Sequence[Phase]) -> bool:
    """Whether two parameters are coordinates of one phase along the same free direction of its origin.

    An engine that does not fix the origin moves them together, at no cost.
    """
    by_name = {parameter.name: parameter for parameter in parameters if parameter.group == "positions"}
    one, two = by_name.get(first), by_name.get(second)
    ends = first.rsplit(":", 1)[-1], second.rsplit(":", 1)[-1]
    if one is None or two is None or one.phase != two.phase or ends[0] != ends[1] or ends[0] not in _AXES:
        return False
    phase = next((phase for phase in phases if phase.name == one.phase), None)
    return phase is not None and bool(np.any(np.abs(free_origin(phase.space_group)[:, _AXES[ends[0]]]) > 1e-6))

"""Equivalence constraints of GSAS-II: for atoms at one position, and for sites that share an isotropic U.

They are determined again at each step, so that a constraint is removed together with its reason. The user's own
constraints stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autogsas_gsas2.child.model import Model, PhaseModel

__all__ = ["update_equivalences"]

_TENSOR = ("11", "22", "33", "12", "13", "23")


def update_equivalences(model: Model) -> list[tuple[str, ...]]:
    """Write the equivalences that are needed now into the project, and return them."""
    wanted = [group for phase in model.phases for group in _groups(model, phase)]
    if wanted != model.equivalences:
        constraints = model.gpx.data["Constraints"]["data"]["Phase"]
        constraints[:] = [one for one in constraints if _variables(one) not in model.equivalences]
        present = [_variables(one) for one in constraints]
        # An equivalence that the user has made must not be removed later, so it is not counted as ours.
        wanted = [group for group in wanted if group not in present]
        for group in wanted:
            model.gpx.add_EquivConstr(group)
        model.equivalences = wanted
    return wanted


def _groups(model: Model, phase: PhaseModel) -> Iterator[tuple[str, ...]]:
    """Yield the variables to make equal: those of atoms at one position, and the isotropic U of sites that share it.

    Coordinates and tensor components that symmetry ties within an atom are left out: GSAS-II ties them itself.
    """
    tree, n = model.phase(phase), phase.number
    _, _, symbol, adp = tree["General"]["AtomPtrs"]
    isotropic = {i for i, atom in enumerate(tree["Atoms"]) if atom[adp] == "I"}
    for sites in _merged([*phase.same_position, *phase.shared_uiso]):
        equal = sorted(sites & isotropic)
        if len(equal) > 1:
            yield tuple(f"{n}::AUiso:{i}" for i in equal)
    for position in phase.same_position:
        symmetry = tree["Atoms"][position[0]][symbol]
        for axis in _independent([int(i) for i in model.g2.groups.GetCSxinel(symmetry)[0]]):
            yield tuple(f"{n}::dA{'xyz'[axis]}:{i}" for i in position)
        tensors = [i for i in position if i not in isotropic]
        for part in _independent([int(i) for i in model.g2.groups.GetCSuinel(symmetry)[0]]) if len(tensors) > 1 else ():
            yield tuple(f"{n}::AU{_TENSOR[part]}:{i}" for i in tensors)


def _independent(free: list[int]) -> list[int]:
    """Return the components that symmetry leaves free, or none if some of them depend on each other.

    ``free`` has for each component the number of its free parameter in GSAS-II's tables, 0 for none.
    """
    used = [i for i in free if i]
    return [component for component, i in enumerate(free) if i] if len(set(used)) == len(used) else []


def _merged(groups: list[Any]) -> list[set[int]]:
    """Return the groups with those joined that have a member in common."""
    out: list[set[int]] = []
    for group in map(set, groups):
        touching = [other for other in out if other & group]
        out = [other for other in out if not other & group] + [group.union(*touching)]
    return out


def _variables(constraint: list[Any]) -> tuple[str, ...] | None:
    """Return the variables of an equivalence, None for another kind of constraint."""
    return tuple(term[1].varname() for term in constraint[:-3]) if constraint[-1] == "e" else None

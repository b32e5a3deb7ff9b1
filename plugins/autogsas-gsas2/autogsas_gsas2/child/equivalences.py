"""Variables that GSAS-II is told to make one: those of atoms at one place, and isotropic U that a recipe shares out.

All of it is worked out anew at each step, so that a constraint goes with what it was made for; the user's own stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autogsas_gsas2.child.model import Model, PhaseModel

__all__ = ["write"]

_TENSOR = ("11", "22", "33", "12", "13", "23")


def write(model: Model) -> list[tuple[str, ...]]:
    """Bring the project's equivalences up to date, and return all that are ours."""
    wanted = [group for phase in model.phases for group in _groups(model, phase)]
    if wanted != model.equated:
        constraints = model.gpx.data["Constraints"]["data"]["Phase"]
        constraints[:] = [one for one in constraints if _names(one) not in model.equated]
        there = [_names(one) for one in constraints]
        # What the user has made one already is not ours to take away again.
        wanted = [group for group in wanted if group not in there]
        for group in wanted:
            model.gpx.add_EquivConstr(group)
        model.equated = wanted
    return wanted


def _groups(model: Model, phase: PhaseModel) -> Iterator[tuple[str, ...]]:
    """Give the variables to make one: what no pattern tells apart of atoms at one place, and U_iso that are tied.

    Coordinates and tensors that symmetry ties within an atom are left alone: GSAS-II ties those of each atom itself.
    """
    tree, n = model.phase(phase), phase.number
    _, _, symbol, adp = tree["General"]["AtomPtrs"]
    isotropic = {i for i, atom in enumerate(tree["Atoms"]) if atom[adp] == "I"}
    for together in _merged([*phase.places, *phase.ties]):
        same = sorted(together & isotropic)
        if len(same) > 1:
            yield tuple(f"{n}::AUiso:{i}" for i in same)
    for place in phase.places:
        site = tree["Atoms"][place[0]][symbol]
        for axis in _single([int(i) for i in model.g2.groups.GetCSxinel(site)[0]]):
            yield tuple(f"{n}::dA{'xyz'[axis]}:{i}" for i in place)
        tensors = [i for i in place if i not in isotropic]
        for part in _single([int(i) for i in model.g2.groups.GetCSuinel(site)[0]]) if len(tensors) > 1 else ():
            yield tuple(f"{n}::AU{_TENSOR[part]}:{i}" for i in tensors)


def _single(free: list[int]) -> list[int]:
    """Return which of a site's numbers are free, where none of them depends on another."""
    used = [i for i in free if i]
    return [place for place, i in enumerate(free) if i] if len(set(used)) == len(used) else []


def _merged(groups: list[Any]) -> list[set[int]]:
    out: list[set[int]] = []
    for group in map(set, groups):
        touching = [other for other in out if other & group]
        out = [other for other in out if not other & group] + [group.union(*touching)]
    return out


def _names(constraint: list[Any]) -> tuple[str, ...] | None:
    return tuple(term[1].varname() for term in constraint[:-3]) if constraint[-1] == "e" else None

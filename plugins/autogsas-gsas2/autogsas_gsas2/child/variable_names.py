"""The host's names for GSAS-II's variables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from autogsas_gsas2.child.model import Model
from autogsas_gsas2.child.parameters import parameter_groups

__all__ = ["METRIC", "ConstraintVariable", "constraint_variables", "group_of_variable", "host_names"]

METRIC = ("a", "b", "c", "gamma", "beta", "alpha")
"""For the components A0 to A5 of the reciprocal metric, the cell parameter that each changes most."""

_GROUPS = (
    ("Back", "background"),
    ("BkPk", "background"),
    ("Debye", "background"),
    ("DebyeA", "background"),
    ("HStrain", "cell"),
    ("D1", "cell"),
    ("D2", "cell"),
    ("D3", "cell"),
    ("eA", "cell"),
    ("A", "cell"),
    ("Size", "size"),
    ("Mustrain", "strain"),
    ("AUiso", "uiso"),
    ("AU", "uaniso"),
    ("Afrac", "occupancy"),
    ("dA", "positions"),
    ("RB", "positions"),
    ("MD", "preferred_orientation"),
    ("C(", "preferred_orientation"),
    ("Absorption", "absorption"),
    ("SurfRough", "absorption"),
    ("Displace", "displacement"),
    ("Shift", "displacement"),
    ("Transparency", "transparency"),
    ("Zero", "zero"),
    ("SH/L", "SH/L"),
)
"""Beginnings of GSAS-II's variable names (GSAS-II manual, "parameter names") with the nearest group of a recipe."""


@dataclass(frozen=True)
class ConstraintVariable:
    """A variable that GSAS-II made from constraint equations.

    ``bound`` is one of the variables in the equations; ``slopes`` its derivatives by all refined variables.
    """

    bound: str
    slopes: dict[str, float]


def host_names(model: Model) -> dict[str, str]:
    """Return the host's name for each variable of GSAS-II that has one."""
    found = {entry.variable: entry.name for group in parameter_groups(model) for entry in group.entries}
    for phase in model.phases:
        found.update({f"{phase.number}::A{i}": f"{phase.name}:{name}" for i, name in enumerate(METRIC)})
    return found | {name: found[made.bound] for name, made in constraint_variables(model, found).items()}


def constraint_variables(model: Model, known: Collection[str]) -> dict[str, ConstraintVariable]:
    """Return the variables that GSAS-II made from constraints, each with one of ``known`` that it determines.

    GSAS-II refines the degrees of freedom that the equations leave, under names of its own ("::constr0"). The
    constraints must be those of the last refinement.
    """
    varied = model.gpx.data["Covariance"]["data"].get("varyList", [])
    found: dict[str, ConstraintVariable] = {}
    used: set[str] = set()
    for variable in varied:
        if not variable.startswith("::constr"):
            continue
        for bound in model.g2.constraints.GetDependentVars():
            if bound not in known or bound in used:
                continue
            slopes = dict(zip(*model.g2.constraints.getInvConstraintEq(bound, varied), strict=True))
            if variable in slopes:
                found[variable] = ConstraintVariable(bound, slopes)
                used.add(bound)
                break
    return found


def group_of_variable(variable: str) -> str:
    """Return the nearest group for a variable that no group of a recipe frees; a .gpx may bring such variables."""
    name = variable.split(":")[2] if variable.count(":") >= 2 else variable
    return next((group for start, group in _GROUPS if name.startswith(start)), "scale")

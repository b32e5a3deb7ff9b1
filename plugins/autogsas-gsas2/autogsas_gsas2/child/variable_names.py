"""GSAS-II's names of variables in the host's words."""

from __future__ import annotations

from collections.abc import Collection

from autogsas_gsas2.child.model import Model
from autogsas_gsas2.child.parameters import knobs

__all__ = ["METRIC", "generated", "ours", "strange_group"]

METRIC = ("a", "b", "c", "gamma", "beta", "alpha")
"""What each component A0 to A5 of the reciprocal metric stands for first."""

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


def ours(model: Model) -> dict[str, str]:
    """Return the host's name for each variable of GSAS-II that it has a word for."""
    found = {entry.variable: entry.name for knob in knobs(model) for entry in knob.entries}
    for phase in model.phases:
        found.update({f"{phase.number}::A{i}": f"{phase.name}:{name}" for i, name in enumerate(METRIC)})
    return found | {variable: found[bound] for variable, (bound, _) in generated(model, found).items()}


def generated(model: Model, known: Collection[str]) -> dict[str, tuple[str, dict[str, float]]]:
    """Return for variables that GSAS-II made of constraints one that they bind, and how it depends on all of them.

    GSAS-II refines what the equations leave free, under names of its own; one of ``known`` stands for each. The
    constraints are those of the last refinement.
    """
    varied = model.gpx.data["Covariance"]["data"].get("varyList", [])
    found: dict[str, tuple[str, dict[str, float]]] = {}
    taken: set[str] = set()
    for variable in varied:
        if not variable.startswith("::constr"):
            continue
        for bound in model.g2.constraints.GetDependentVars():
            if bound not in known or bound in taken:
                continue
            slopes = dict(zip(*model.g2.constraints.getInvConstraintEq(bound, varied), strict=True))
            if variable in slopes:
                found[variable] = (bound, slopes)
                taken.add(bound)
                break
    return found


def strange_group(variable: str) -> str:
    """Return the group nearest to a variable that no group frees: a project may bring more than recipes know."""
    name = variable.split(":")[2] if variable.count(":") >= 2 else variable
    return next((group for start, group in _GROUPS if name.startswith(start)), "scale")

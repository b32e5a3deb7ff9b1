"""GSAS-II's names of variables in the host's words."""

from __future__ import annotations

from autogsas_gsas2.child.knobs import knobs
from autogsas_gsas2.child.model import Model

__all__ = ["METRIC", "ours", "strange_group"]

METRIC = ("a", "b", "c", "gamma", "beta", "alpha")
"""What each component A0 to A5 of the reciprocal metric stands for first."""

_GROUPS = (
    ("Back", "background"), ("BkPk", "background"), ("Debye", "background"), ("DebyeA", "background"),
    ("HStrain", "cell"), ("D1", "cell"), ("D2", "cell"), ("D3", "cell"), ("eA", "cell"), ("A", "cell"),
    ("Size", "size"), ("Mustrain", "strain"), ("AUiso", "uiso"), ("AU", "uaniso"), ("Afrac", "occupancy"),
    ("dA", "positions"), ("RB", "positions"), ("MD", "preferred_orientation"), ("C(", "preferred_orientation"),
    ("Absorption", "absorption"), ("SurfRough", "absorption"), ("Displace", "displacement"), ("Shift", "displacement"),
    ("Transparency", "transparency"), ("Zero", "zero"), ("SH/L", "SH/L"),
)  # fmt: skip


def ours(model: Model) -> dict[str, str]:
    """Return the host's name for each variable of GSAS-II that it has a word for."""
    found = {entry.variable: entry.name for knob in knobs(model) for entry in knob.entries}
    for phase in model.phases:
        found.update({f"{phase.number}::A{i}": f"{phase.name}:{name}" for i, name in enumerate(METRIC)})
    return found


def strange_group(variable: str) -> str:
    """Return the group nearest to a variable that no group frees: a project may bring more than recipes know."""
    name = variable.split(":")[2] if variable.count(":") >= 2 else variable
    return next((group for start, group in _GROUPS if name.startswith(start)), "scale")

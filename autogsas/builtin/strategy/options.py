"""What a refinement may vary, as named options: tables, and which of their entries apply to a project and backend.

Zero, displacement and transparency shift peaks by a constant, by cos(theta) and by sin(2theta). Over a usual range zero
and displacement have nearly the same effect (correlation 0.99 and more, and the cell drifts with them), so they are
alternatives and never refined together. The same holds for X and size, and for Y and strain, which are the same
Lorentzian terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import gemmi

from autogsas.hooks.backend import Capabilities
from autogsas.model.instrument import Geometry
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import Group
from autogsas.model.sample import Axis
from autogsas.model.structure import Phase

__all__ = [
    "GAUSSIAN",
    "LORENTZIAN",
    "allowed",
    "axes",
    "displacements",
    "nearest_option",
    "options",
    "shift_name",
    "shifts",
]

Options = Mapping[str, tuple[Group, ...]]

GAUSSIAN: Options = {"none": (), "W": ("W",), "U W": ("U", "W"), "U V W": ("U", "V", "W")}
LORENTZIAN: Options = {
    "none": (),
    "X": ("X",),
    "Y": ("Y",),
    "X Y": ("X", "Y"),
    "size strain": ("size", "strain"),
}
_SHIFTS: Mapping[Geometry, Options] = {
    "Bragg-Brentano": {
        "none": (),
        "zero": ("zero",),
        "displacement": ("displacement",),
        "zero, transparency": ("zero", "transparency"),
        "displacement, transparency": ("displacement", "transparency"),
    },
    "Debye-Scherrer": {"none": (), "zero": ("zero",), "displacement": ("displacement",)},
}
_SHIFT_NAMES: Mapping[Geometry, str] = {"Bragg-Brentano": "shift.flat", "Debye-Scherrer": "shift.capillary"}

# Planes that grow or cleave, normal to plates or along needles, by crystal system.
_AXES: Mapping[str, tuple[Axis, ...]] = {
    "cubic": ((1, 0, 0), (1, 1, 0), (1, 1, 1)),
    "hexagonal": ((0, 0, 1), (1, 0, 0), (1, 1, 0)),
    "trigonal": ((0, 0, 1), (1, 0, 0), (1, 1, 0)),
    "tetragonal": ((0, 0, 1), (1, 0, 0), (1, 1, 0)),
}
_OTHER_AXES: tuple[Axis, ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def allowed(groups: Iterable[Group], project: Project, capabilities: Capabilities) -> tuple[Group, ...]:
    """Return the groups that the backend has and the project does not exclude."""
    never = project.search.groups.never
    return tuple(group for group in groups if group in capabilities.groups and group not in never)


def options(table: Options, project: Project, capabilities: Capabilities) -> dict[str, tuple[Group, ...]]:
    """Return the entries of a table whose groups are all allowed for this project and backend."""
    found = {name: groups for name, groups in table.items() if allowed(groups, project, capabilities) == groups}
    return found or {"none": ()}


def shift_name(histogram: Histogram) -> str:
    """Return the name of the choice of peak shifts, which depend on the geometry."""
    return _SHIFT_NAMES[histogram.instrument.geometry or "Debye-Scherrer"]


def shifts(histogram: Histogram) -> Options:
    """Return the peak shifts of a histogram's geometry."""
    return _SHIFTS[histogram.instrument.geometry or "Debye-Scherrer"]


def displacements(phase: Phase, project: Project, capabilities: Capabilities) -> dict[str, tuple[Group, ...]]:
    """Return how the displacement parameters of a phase can be refined: one for all sites, one each, or tensors.

    Options that contradict what the project refines always or never are left out.
    """
    tensors = [site.uaniso is not None for site in phase.sites]
    isotropic = tensors.count(False)
    each: tuple[Group, ...] = (*(("uiso",) if isotropic else ()), *(("uaniso",) if any(tensors) else ()))
    table: dict[str, tuple[Group, ...]] = {"none": (), "per site": each}
    if isotropic > 1 and not any(tensors):
        table["shared"] = ("uiso_shared",)
    if isotropic:
        table["anisotropic"] = ("uaniso",)
    always = {group for group in project.search.groups.always if group in ("uiso", "uiso_shared", "uaniso")}
    found = options(table, project, capabilities)
    return {name: groups for name, groups in found.items() if not always or always <= {*groups}} or {"none": ()}


def axes(phase: Phase) -> tuple[Axis, ...]:
    """Return the possible axes of preferred orientation: the phase's own, then the usual ones of its crystal system."""
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    system = group.crystal_system_str() if group is not None else ""
    own = phase.specimen.orientation.axis
    return tuple(dict.fromkeys((own, *_AXES.get(system, _OTHER_AXES))))


def nearest_option(wanted: Sequence[str], offered: Mapping[str, object]) -> str:
    """Return the first wanted option that is offered, else the last one offered."""
    return next((name for name in wanted if name in offered), list(offered)[-1])

"""The default strategy: what a careful person varies between one refinement and the next, as choices.

Zero, displacement and transparency shift lines by a constant, by cos(theta) and by sin(2theta). Over a usual range zero
and displacement are nearly one and the same curve (correlation 0.99 and more, the cell drifting along), so they are
offered as alternatives and never together. So are X with size and Y with strain, which are the same Lorentzian terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from autogsas import hookimpl
from autogsas.backend import Capabilities
from autogsas.hookspecs import Choose, Plan, Seed
from autogsas.project import Histogram, Project
from autogsas.recipe import Background, Free, Group, Setting, Step

__all__: list[str] = []

Number = TypeVar("Number", int, float)

_GAUSSIAN: dict[str, tuple[Group, ...]] = {"none": (), "W": ("W",), "U W": ("U", "W"), "U V W": ("U", "V", "W")}
_LORENTZIAN: dict[str, tuple[Group, ...]] = {
    "none": (),
    "X": ("X",),
    "Y": ("Y",),
    "X Y": ("X", "Y"),
    "size strain": ("size", "strain"),
}
_SHIFTS: dict[str, dict[str, tuple[Group, ...]]] = {
    "Bragg-Brentano": {
        "none": (),
        "zero": ("zero",),
        "displacement": ("displacement",),
        "zero, transparency": ("zero", "transparency"),
        "displacement, transparency": ("displacement", "transparency"),
    },
    "Debye-Scherrer": {"none": (), "zero": ("zero",), "displacement": ("displacement",)},
}
_SHIFT_GROUPS: frozenset[Group] = frozenset({"zero", "displacement", "transparency"})
_STRUCTURE: frozenset[Group] = frozenset({"positions", "uiso", "uaniso", "occupancy", "preferred_orientation"})
_FIRST_WIDTHS: frozenset[Group] = frozenset({"W", "Y", "strain"})

_USUAL_SHL = 0.03

# The blocks that stand between "scale and background" and "everything".
_ORDERS: dict[str, tuple[str, ...]] = {
    "cell, widths, structure": ("cell", "first widths", "widths", "structure"),
    "widths, cell, structure": ("first widths", "cell", "widths", "structure"),
    "cell, structure, widths": ("cell", "structure", "first widths", "widths"),
    "cell and widths, structure": ("cell and first widths", "widths", "structure"),
    "cell, then all": ("cell",),
}


def _allowed(groups: Sequence[Group], project: Project, capabilities: Capabilities) -> tuple[Group, ...]:
    never = project.search.groups.never
    return tuple(group for group in groups if group in capabilities.groups and group not in never)


def _options(
    table: dict[str, tuple[Group, ...]], project: Project, capabilities: Capabilities
) -> dict[str, tuple[Group, ...]]:
    """Return the entries of a table that this project and backend can have in full, one of each kind."""
    found: dict[str, tuple[Group, ...]] = {}
    for name, groups in table.items():
        if _allowed(groups, project, capabilities) == groups:
            found[name] = groups
    return found or {"none": ()}


@hookimpl
def autogsas_set_background(
    choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
) -> Background:
    """Choose function and number of terms within what the project allows."""
    settings = project.search.background
    functions = {str(name): name for name in settings.functions if name in capabilities.backgrounds}
    function = choose.category("background.function", list(functions))
    return Background(function=functions[function], terms=choose.integer("background.terms", *settings.terms))


@hookimpl
def autogsas_choose_profile(
    choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
) -> list[Free]:
    """Choose which widths are free, and whether the axial divergence is."""
    gaussian = _options(_GAUSSIAN, project, capabilities)
    lorentzian = _options(_LORENTZIAN, project, capabilities)
    groups = [*gaussian[choose.category("profile.gaussian", list(gaussian))]]
    groups += lorentzian[choose.category("profile.lorentzian", list(lorentzian))]
    if _allowed(("SH/L",), project, capabilities) and _yes(choose, "profile.axial", "SH/L", project):
        groups.append("SH/L")
    return [Free(group=group) for group in groups]


@hookimpl
def autogsas_choose_limits(choose: Choose, project: Project, histogram: Histogram) -> tuple[float, float]:
    """Choose the range of the first steps: where it begins, and how much of the rest it takes."""
    low, high = histogram.limits
    first = project.search.first
    start = low + choose.number("first.start", *first.start) * (high - low)
    return (start, start + choose.number("first.width", *first.width) * (high - start))


@hookimpl
def autogsas_choose_groups(choose: Choose, project: Project, capabilities: Capabilities) -> list[Free]:
    """Choose the line shifts of each histogram, and which parts of the structure are free."""
    frees = [Free(group="cell")] if _allowed(("cell",), project, capabilities) else []
    several = len(project.histograms) > 1
    for histogram in project.histograms:
        table = _SHIFTS[histogram.instrument.geometry or "Debye-Scherrer"]
        options = _options(table, project, capabilities)
        name = f"shift[{histogram.name}]" if several else "shift"
        for group in options[choose.category(name, list(options))]:
            frees.append(Free(group=group, histogram=histogram.name if several else None))
    for name, group, phase in _structural(project, capabilities):
        if _yes(choose, name, group, project):
            frees.append(Free(group=group, phase=phase))
    for group in _allowed(project.search.groups.offer, project, capabilities):
        if not any(free.group == group for free in frees) and _yes(choose, f"offered.{group}", group, project):
            frees.append(Free(group=group))
    for group in project.search.groups.always:
        if group in capabilities.groups and not any(free.group == group for free in frees):
            frees.append(Free(group=group))
    return frees


def _structural(project: Project, capabilities: Capabilities) -> list[tuple[str, Group, str | None]]:
    """Return the choices of structure: name, group, and phase where there are several.

    A minor phase shows too few lines to give its atoms away, so each phase is a choice of its own.
    """
    out: list[tuple[str, Group, str | None]] = []
    several = len(project.phases) > 1
    for phase in project.phases:
        if phase.intensities == "Le Bail":
            continue  # its reflections do not come from its atoms
        tensors = [site.uaniso is not None for site in phase.sites]
        for group in _allowed(("positions", "uiso", "uaniso"), project, capabilities):
            if (group == "uiso" and all(tensors)) or (group == "uaniso" and not any(tensors)):
                continue
            name = f"structure.{group}[{phase.name}]" if several else f"structure.{group}"
            out.append((name, group, phase.name if several else None))
    return out


def _yes(choose: Choose, name: str, group: Group, project: Project) -> bool:
    return group in project.search.groups.always or choose.yes(name)


@hookimpl
def autogsas_order_steps(choose: Choose, project: Project, plan: Plan) -> list[Step]:
    """Order the steps: scale and background first, everything over the full limits last, the rest by choice.

    Early steps stop after a few cycles: they only have to bring the model near. The last goes on to convergence.
    """
    order = choose.category("order", list(_ORDERS))
    cycles = choose.integer("early.cycles", *project.search.cycles)
    blocks = _blocks(plan)
    window = dict(plan.window) or None
    first = (Free(group="scale"), Free(group="background"))
    steps = [
        Step(
            title="scale and background",
            limits=window,
            background=plan.backgrounds,
            set=_leaning(project, plan),
            free=first,
            cycles=cycles,
        )
    ]
    for name in _ORDERS[order]:
        frees = tuple(free for part in name.split(" and ") for free in blocks[part])
        if frees:
            # The narrow first range is for what must not be led astray; widths and structure want all lines.
            narrow = name in ("cell", "first widths", "cell and first widths")
            steps.append(Step(title=name, limits=window if narrow else None, free=frees, cycles=cycles))
    everything = [free for frees in blocks.values() for free in frees]
    steps.append(Step(title="everything", free=tuple(dict.fromkeys(everything))))
    return steps


def _leaning(project: Project, plan: Plan) -> tuple[Setting, ...]:
    """Return a usual axial divergence for histograms that refine it from nothing, where its derivative vanishes."""
    freed = [free.histogram for free in plan.profile if free.group == "SH/L"]
    return tuple(
        Setting(group="SH/L", value=_USUAL_SHL, histogram=histogram.name)
        for histogram in project.histograms
        if histogram.instrument.SH_L < _USUAL_SHL / 2 and (None in freed or histogram.name in freed)
    )


def _blocks(plan: Plan) -> dict[str, list[Free]]:
    """Sort what is freed into the blocks that orders are made of."""
    blocks: dict[str, list[Free]] = {"cell": [], "first widths": [], "widths": [], "structure": [], "rest": []}
    for free in (*plan.profile, *plan.groups):
        if free.group == "cell" or free.group in ("zero", "displacement"):
            blocks["cell"].append(free)
        elif free.group in _FIRST_WIDTHS:
            blocks["first widths"].append(free)
        elif free.group in _STRUCTURE:
            blocks["structure"].append(free)
        elif free.group in _SHIFT_GROUPS:
            blocks["rest"].append(free)
        else:
            blocks["widths"].append(free)
    return blocks


@hookimpl
def autogsas_seed_recipes(project: Project, capabilities: Capabilities) -> list[Seed]:
    """Bring the recipes a careful person would try first, from the fullest to the plainest."""
    search = project.search
    if search.space != "default":
        return []
    functions = search.background.functions

    def seed(
        name: str, function: str, terms: int, shift: str, gaussian: str, lorentzian: str, *, main_only: bool = False
    ) -> Seed:
        choices: dict[str, Any] = {"order": "cell, widths, structure", "early.cycles": _within(4, search.cycles)}
        choices |= {f"offered.{group}": False for group in search.groups.offer if group not in search.groups.always}
        for key, group, phase in _structural(project, capabilities):
            # Tensors ask for better data than most patterns are: they are left to the search.
            choices[key] = group != "uaniso" and not (main_only and phase not in (None, project.phases[0].name))
        for histogram in project.histograms:
            suffix = f"[{histogram.name}]" if len(project.histograms) > 1 else ""
            flat = histogram.instrument.geometry == "Bragg-Brentano"
            neutrons = histogram.instrument.radiation == "neutron"
            own: dict[str, Any] = {
                "background.function": function if function in functions else functions[0],
                "background.terms": _within(terms, search.background.terms),
                # The lines of a neutron diffractometer are Gaussian, whatever the sample does to them.
                "profile.gaussian": "U V W" if neutrons else gaussian,
                "profile.lorentzian": "none" if neutrons and gaussian != "U V W" else lorentzian,
                "profile.axial": True,
                "first.start": _within(0.0, search.first.start),
                "first.width": _within(0.7, search.first.width),
                "shift": shift if flat else shift.split(",")[0],
            }
            choices |= {key + suffix: value for key, value in own.items()}
        return Seed(name, choices=_possible(choices, project, capabilities))

    minor = [seed("careful, first phase", "chebyschev-1", 12, "displacement", "U V W", "X Y", main_only=True)]
    return [
        *(minor if len(project.phases) > 1 else []),
        seed("careful", "chebyschev-1", 12, "displacement, transparency", "U V W", "X Y"),
        seed("careful, knots", "log interpolate", 15, "displacement, transparency", "U V W", "X Y"),
        seed("Lorentzian", "chebyschev-1", 12, "displacement", "none", "X Y"),
        seed("zero only", "chebyschev-1", 9, "zero", "U V W", "X Y"),
        seed("sample broadening", "chebyschev-1", 12, "displacement", "U V W", "size strain"),
        seed("plain", "chebyschev-1", 6, "zero", "W", "Y"),
    ]


def _within(value: Number, ends: tuple[Number, Number]) -> Number:
    return min(max(value, ends[0]), ends[1])


def _possible(choices: dict[str, Any], project: Project, capabilities: Capabilities) -> dict[str, Any]:
    """Leave out what this project or backend does not offer, so that the sampler chooses it instead."""
    never, always = project.search.groups.never, project.search.groups.always
    out = {}
    for key, value in choices.items():
        name = key.split("[")[0]
        if name == "profile.gaussian":
            options = _options(_GAUSSIAN, project, capabilities)
        elif name == "profile.lorentzian":
            options = _options(_LORENTZIAN, project, capabilities)
        elif name == "shift":
            options = _options(_SHIFTS["Bragg-Brentano"], project, capabilities)
        else:
            if name == "profile.axial" and ("SH/L" in {*never, *always} or "SH/L" not in capabilities.groups):
                continue
            if name.startswith("structure.") and name.removeprefix("structure.") in always:
                continue
            out[key] = value
            continue
        if value in options:
            out[key] = value
    return out

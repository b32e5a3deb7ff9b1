"""The default strategy: what a careful person varies from one refinement to the next, as choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autogsas.builtin.strategy.options import (
    GAUSSIAN,
    LORENTZIAN,
    allowed,
    axes,
    displacements,
    options,
    shift_name,
    shifts,
)
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Choose, Plan
from autogsas.hooks.specs import hookimpl
from autogsas.hooks.strategy import Strategy
from autogsas.model.instrument import Geometry
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import Background, Free, Group, Setting, Start, Step
from autogsas.model.structure import Phase

__all__ = ["DEFAULT", "ORDER", "named"]

DEFAULT = Strategy(
    name="default",
    about="what a careful person varies",
    title="the default search",
    patience=6,
    labels={
        "background.function": "background function",
        "background.terms": "background terms",
        "profile.gaussian": "Gaussian widths",
        "profile.lorentzian": "Lorentzian widths",
        "profile.axial": "axial divergence",
        "axial.start": "axial divergence",
        "first.start": "range of the first steps",
        "first.width": "range of the first steps",
        "structure.positions": "atomic positions",
        "structure.u": "displacement parameters",
        "structure.orientation": "preferred orientation",
        "structure.axis": "preferred orientation",
        "order": "order of steps",
        "early.steps": "order of steps",
        "early.cycles": "cycles of the early steps",
        "start.cell": "starting cell",
        "perturb": "moved starting structure",
        "geometry": "geometry",
        "shift": "peak shifts",
    },
    group_prefixes=("offered",),
)

_FIRST_WIDTHS: frozenset[Group] = frozenset({"W", "Y", "strain"})
_STRUCTURE: frozenset[Group] = frozenset(
    {"positions", "uiso", "uiso_shared", "uaniso", "occupancy", "preferred_orientation"}
)
_SHIFTS: frozenset[Group] = frozenset({"zero", "displacement", "transparency"})

# How to treat the axial divergence: keep the instrument's value, keep another value, refine it with the other widths,
# or refine it when everything else has converged. GSAS-II sums it with few terms, so that chi^2 has steps: refined
# early, the refinement ends on any of these; from a value kept while everything else converges, on the next lower one.
AXIAL = ("last", "free", "held", "as given")
AXIAL_START = (0.005, 0.2)

# The blocks between "scale and background" and "everything", each with the range from which its place is drawn. The
# ranges overlap, so that every order is possible and the usual one comes most often. Not measured.
ORDER: Mapping[str, tuple[float, float]] = {
    "cell": (0.0, 0.8),
    "first widths": (0.1, 0.9),
    "structure": (0.2, 1.0),
    "widths": (0.3, 1.0),
}
# If the cell has a place before this, it is refined in the first step already. Not measured.
_AT_ONCE = 0.08
# The narrow first range keeps these from a false minimum; widths and structure need all peaks.
_NARROW = ("cell", "first widths")


def named(name: str, phase: Phase, project: Project) -> str:
    """Return the name of a choice made for each phase."""
    return f"{name}[{phase.name}]" if len(project.phases) > 1 else name


def _concerns(project: Project) -> bool:
    return project.search.space == "default"


@hookimpl
def autogsas_choose_geometry(
    choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
) -> Geometry | None:
    """Choose between a flat sample and a capillary for X-rays; a neutron sample is in a can."""
    assumed = histogram.instrument.geometry
    if not _concerns(project):
        return None
    if histogram.instrument.radiation != "xray" or assumed is None or len(capabilities.geometry) < 2:
        return None
    other: Geometry = "Debye-Scherrer" if assumed == "Bragg-Brentano" else "Bragg-Brentano"
    return assumed if choose.category("geometry", [assumed, other]) == assumed else other


@hookimpl
def autogsas_set_background(
    choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
) -> Background | None:
    """Choose function and number of terms within what the project allows."""
    if not _concerns(project):
        return None
    settings = project.search.background
    functions = {str(name): name for name in settings.functions if name in capabilities.backgrounds}
    function = choose.category("background.function", list(functions))
    return Background(function=functions[function], terms=choose.integer("background.terms", *settings.terms))


@hookimpl
def autogsas_choose_profile(
    choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
) -> list[Free] | None:
    """Choose which widths are refined, and how to treat the axial divergence."""
    if not _concerns(project):
        return None
    gaussian = options(GAUSSIAN, project, capabilities)
    lorentzian = options(LORENTZIAN, project, capabilities)
    groups = [*gaussian[choose.category("profile.gaussian", list(gaussian))]]
    groups += lorentzian[choose.category("profile.lorentzian", list(lorentzian))]
    if allowed(("SH/L",), project, capabilities) and _axial(choose, "profile.axial", project) in ("last", "free"):
        groups.append("SH/L")
    return [Free(group=group) for group in groups]


@hookimpl
def autogsas_choose_limits(choose: Choose, project: Project, histogram: Histogram) -> tuple[float, float] | None:
    """Choose the range of the first steps: where it starts, and how much of the rest it covers."""
    if not _concerns(project):
        return None
    low, high = histogram.limits
    first = project.search.first
    start = low + choose.number("first.start", *first.start) * (high - low)
    return (start, start + choose.number("first.width", *first.width) * (high - start))


@hookimpl
def autogsas_choose_groups(choose: Choose, project: Project, capabilities: Capabilities) -> list[Free] | None:
    """Choose the peak shifts of each histogram, and which parts of the structure are refined."""
    if not _concerns(project):
        return None
    search = project.search.groups
    frees = [Free(group="cell")] if allowed(("cell",), project, capabilities) else []
    several = len(project.histograms) > 1
    for histogram in project.histograms:
        offered = options(shifts(histogram), project, capabilities)
        name = shift_name(histogram) + (f"[{histogram.name}]" if several else "")
        for group in offered[choose.category(name, list(offered))]:
            frees.append(Free(group=group, histogram=histogram.name if several else None))
    for phase in project.phases:
        if phase.intensities != "Le Bail":  # whose reflections do not come from its atoms
            frees += _structural(choose, phase, project, capabilities)
    for group in allowed(search.offer, project, capabilities):
        if not any(free.group == group for free in frees) and _yes(choose, f"offered.{group}", group, project):
            frees.append(Free(group=group))
    for group in search.always:
        if group in capabilities.groups and not any(free.group == group for free in frees):
            frees.append(Free(group=group))
    return frees


def _structural(choose: Choose, phase: Phase, project: Project, capabilities: Capabilities) -> Iterator[Free]:
    """Choose what is refined of a phase; each phase has its own choices, because a minor one shows too few peaks."""
    own = phase.name if len(project.phases) > 1 else None
    if allowed(("positions",), project, capabilities) and _yes(
        choose, named("structure.positions", phase, project), "positions", project
    ):
        yield Free(group="positions", phase=own)
    offered = displacements(phase, project, capabilities)
    for group in offered[choose.category(named("structure.u", phase, project), list(offered))]:
        yield Free(group=group, phase=own)
    # Grains lie flat on a plate; in a capillary or a can they hardly do.
    flat = [item.name for item in project.histograms if item.instrument.geometry == "Bragg-Brentano"]
    oriented: tuple[Group, ...] = ("preferred_orientation",)
    if (
        flat
        and allowed(oriented, project, capabilities)
        and _yes(choose, named("structure.orientation", phase, project), oriented[0], project)
    ):
        for histogram in flat if len(project.histograms) > 1 else [None]:
            yield Free(group=oriented[0], phase=own, histogram=histogram)


def _axial(choose: Choose, name: str, project: Project) -> str:
    """Choose how to treat the axial divergence."""
    offered = AXIAL[:2] if "SH/L" in project.search.groups.always else AXIAL
    return choose.category(name, list(offered))


def _yes(choose: Choose, name: str, group: Group, project: Project) -> bool:
    return group in project.search.groups.always or choose.yes(name)


@hookimpl
def autogsas_order_steps(choose: Choose, project: Project, plan: Plan, capabilities: Capabilities) -> list[Step] | None:
    """Order the steps: scale and background first, everything over the full limits last, the rest by choice.

    Each block gets a place; the first few of them get a step of their own, all others wait for the last. Early steps
    stop after a few cycles: they only have to bring the model close. The last one runs to convergence.
    """
    if not _concerns(project):
        return None
    places = {name: choose.number(f"order.{name}", *ends) for name, ends in ORDER.items()}
    own_steps = choose.integer("early.steps", 0, len(ORDER))
    cycles = choose.integer("early.cycles", *project.search.cycles)
    axial, late = _axial_plan(choose, project, plan, capabilities)
    blocks = _blocks(plan, late)
    window = dict(plan.window) or None
    at_once = tuple(blocks["cell"]) if places["cell"] < _AT_ONCE else ()
    first = Step(
        title="scale, background and cell" if at_once else "scale and background",
        limits=window,
        background=plan.backgrounds,
        set=axial,
        start=_starts(choose, project, plan),
        free=(Free(group="scale"), Free(group="background"), *at_once),
        cycles=cycles,
    )
    steps = [first]
    early = [
        name for name in sorted(ORDER, key=places.__getitem__) if blocks[name] and not (name == "cell" and at_once)
    ]
    for name in early[:own_steps]:
        steps.append(
            Step(title=name, limits=window if name in _NARROW else None, free=_gently(blocks[name]), cycles=cycles)
        )
    everything = dict.fromkeys(free for frees in blocks.values() for free in frees)
    if not late:
        return [*steps, Step(title="everything", free=tuple(everything))]
    before = tuple(free for free in everything if free not in late)
    # The last step names everything again, because it defines what was refined.
    return [
        *steps,
        Step(title="all but the axial divergence", free=before),
        Step(title="everything", free=tuple(everything)),
    ]


def _gently(frees: list[Free]) -> tuple[Free, ...]:
    """Return what an early step refines: tensors wait until their sites have an isotropic value."""
    return tuple(free.model_copy(update={"group": "uiso"}) if free.group == "uaniso" else free for free in frees)


def _starts(choose: Choose, project: Project, plan: Plan) -> tuple[Start, ...]:
    """Choose the axis of preferred orientation for phases whose orientation is refined."""
    found = []
    for phase in project.phases:
        oriented = [free for free in plan.groups if free.group == "preferred_orientation"]
        if any(free.phase in (None, phase.name) for free in oriented):
            offered = {"{} {} {}".format(*axis): axis for axis in axes(phase)}
            axis = offered[choose.category(named("structure.axis", phase, project), list(offered))]
            found.append(Start(phase=phase.name, axis=axis))
    return tuple(found)


def _axial_plan(
    choose: Choose, project: Project, plan: Plan, capabilities: Capabilities
) -> tuple[tuple[Setting, ...], list[Free]]:
    """Return the starting values of the axial divergence, and what of it is refined at the end only."""
    values: list[Setting] = []
    late: list[Free] = []
    for histogram in project.histograms if allowed(("SH/L",), project, capabilities) else ():
        freed = [free for free in plan.profile if free.group == "SH/L" and free.histogram in (None, histogram.name)]
        suffix = f"[{histogram.name}]" if len(project.histograms) > 1 else ""
        treatment = _axial(choose, f"profile.axial{suffix}", project)
        if treatment == "as given":
            continue
        start = choose.number(f"axial.start{suffix}", *AXIAL_START, log=True)
        values.append(Setting(group="SH/L", value=start, histogram=histogram.name))
        late += freed if treatment == "last" else []
    return tuple(values), late


def _blocks(plan: Plan, late: list[Free]) -> dict[str, list[Free]]:
    """Sort what is refined into the blocks of which orders are made; what is late goes with the rest."""
    blocks: dict[str, list[Free]] = {"cell": [], "first widths": [], "widths": [], "structure": [], "rest": []}
    for free in (*plan.profile, *plan.groups):
        if free in late:
            blocks["rest"].append(free)
        elif free.group == "cell" or free.group in ("zero", "displacement"):
            blocks["cell"].append(free)
        elif free.group in _FIRST_WIDTHS:
            blocks["first widths"].append(free)
        elif free.group in _STRUCTURE:
            blocks["structure"].append(free)
        elif free.group in _SHIFTS:
            blocks["rest"].append(free)
        else:
            blocks["widths"].append(free)
    return blocks

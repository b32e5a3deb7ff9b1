"""Recipes a careful person would try first, as points of the default strategy's space."""

from __future__ import annotations

from typing import TypeVar, cast

from autogsas.builtin.strategy.default import named
from autogsas.builtin.strategy.guided import guided_seeds
from autogsas.builtin.strategy.options import (
    GAUSSIAN,
    LORENTZIAN,
    allowed,
    displacements,
    nearest_option,
    options,
    shift_name,
)
from autogsas.builtin.strategy.options import shifts as shifts_of
from autogsas.builtin.strategy.starts import CELL, PERTURB, offered_starts, perturbable
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Seed
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import Group
from autogsas.model.structure import Phase
from autogsas.model.trial import Choice, Choices

__all__: list[str] = []

Number = TypeVar("Number", int, float)

_PLACES = {"order.cell": 0.1, "order.first widths": 0.2, "order.widths": 0.5, "order.structure": 0.8}

# In the order of preference; the first that is offered is taken.
_SHIFTS = {
    "full": ("displacement, transparency", "displacement", "zero, transparency", "zero", "none"),
    "displacement": ("displacement", "zero", "none"),
    "zero": ("zero", "displacement", "none"),
}
_U = {
    "per site": ("per site", "shared", "none"),
    "shared": ("shared", "per site", "none"),
    "anisotropic": ("anisotropic", "per site", "shared", "none"),
}


@hookimpl
def autogsas_seed_recipes(project: Project, capabilities: Capabilities) -> list[Seed]:
    """Return a guided trial, and the recipes a careful person would try first: fewer beside a guided one."""
    if project.search.space != "default":
        return []
    guided = guided_seeds(project, capabilities)
    main = project.phases[0].name
    found = bool(offered_starts(project, capabilities))
    unmoved = {PERTURB: 0} if perturbable(project, capabilities) else {}

    def seed(
        name: str,
        function: str,
        terms: int,
        shift: str,
        widths: tuple[str, str] = ("U V W", "X Y"),
        u: str = "per site",
        *,
        axial: float = 0.02,
        main_only: bool = False,
        cell: str = "found",
    ) -> Seed:
        choices: dict[str, Choice] = {
            **_PLACES,
            **({CELL: cell} if found else {}),
            **unmoved,
            "early.steps": 4,
            "early.cycles": _within(4, project.search.cycles),
            **{f"offered.{group}": False for group in project.search.groups.offer},
        }
        for phase in project.phases:
            quiet = main_only and phase.name != main
            choices |= _structure(phase, project, capabilities, "none" if quiet else u, positions=not quiet)
        for histogram in project.histograms:
            suffix = f"[{histogram.name}]" if len(project.histograms) > 1 else ""
            own = _histogram(histogram, project, capabilities, function, terms, shift, widths, axial)
            choices |= {key + suffix: value for key, value in own.items()}
        return Seed(name, choices=_chosen_here(choices, project, capabilities))

    seeds = [
        seed("careful, knots", "log interpolate", 15, "full", axial=0.05),
        seed("careful", "chebyschev-1", 12, "full"),
        seed("anisotropic", "log interpolate", 15, "full", u="anisotropic"),
    ]
    # What these change, a guided trial decides by the data.
    seeds += (
        []
        if guided
        else [
            seed("one U", "log interpolate", 12, "full", u="shared"),
            seed("Lorentzian", "chebyschev-1", 12, "displacement", ("none", "X Y")),
            seed("zero only, knots", "log interpolate", 15, "zero"),
            seed("sample broadening", "chebyschev-1", 12, "displacement", ("U V W", "size strain")),
            seed("plain", "chebyschev-1", 6, "zero", ("W", "Y")),
        ]
    )
    if found:
        # The search for cells may be wrong; the same recipe from the project's cell shows it.
        seeds.insert(3, seed("careful, cell as given", "chebyschev-1", 12, "full", cell="as given"))
    if len(project.phases) > 1:
        seeds.insert(0, seed("careful, first phase", "chebyschev-1", 12, "displacement", main_only=True))
    return [*guided, *_distinct(seeds)]


def _structure(
    phase: Phase, project: Project, capabilities: Capabilities, u: str, *, positions: bool
) -> dict[str, Choice]:
    if phase.intensities == "Le Bail":
        return {}
    offered = displacements(phase, project, capabilities)
    found = "none" if u == "none" and "none" in offered else nearest_option(_U.get(u, _U["per site"]), offered)
    return {
        named("structure.positions", phase, project): positions,
        named("structure.u", phase, project): found,
        named("structure.orientation", phase, project): False,
    }


def _histogram(
    histogram: Histogram,
    project: Project,
    capabilities: Capabilities,
    function: str,
    terms: int,
    shift: str,
    widths: tuple[str, str],
    axial: float,
) -> dict[str, Choice]:
    search = project.search
    functions = [item for item in search.background.functions if item in capabilities.backgrounds]
    gaussian, lorentzian = widths
    if histogram.instrument.radiation == "neutron":
        # The peaks of a neutron diffractometer are mainly Gaussian, whatever the broadening by the sample.
        gaussian, lorentzian = "U V W", "none" if gaussian != "U V W" else lorentzian
    shifts = options(shifts_of(histogram), project, capabilities)
    found: dict[str, Choice] = {
        "background.function": function if function in functions else functions[0],
        "background.terms": _within(terms, search.background.terms),
        "profile.gaussian": nearest_option((gaussian, "U V W", "U W", "W"), options(GAUSSIAN, project, capabilities)),
        "profile.lorentzian": nearest_option((lorentzian, "X Y", "Y"), options(LORENTZIAN, project, capabilities)),
        "profile.axial": "last",
        "axial.start": axial,
        "first.start": _within(0.0, search.first.start),
        "first.width": _within(0.7, search.first.width),
        shift_name(histogram): nearest_option(_SHIFTS[shift], shifts),
    }
    assumed = histogram.instrument.geometry
    if assumed is not None and not histogram.geometry_declared and "geometry" in capabilities.starts:
        found["geometry"] = assumed
    return found


# The group that a choice of yes or no refines: there is no choice if the project refines it always or never.
_FREES: dict[str, Group] = {
    "structure.positions": "positions",
    "structure.orientation": "preferred_orientation",
}


def _chosen_here(choices: dict[str, Choice], project: Project, capabilities: Capabilities) -> dict[str, Choice]:
    """Leave out the choices that are not made for this project or backend."""
    always = project.search.groups.always
    flat = any(histogram.instrument.geometry == "Bragg-Brentano" for histogram in project.histograms)
    out = {}
    for key, value in choices.items():
        name = key.split("[")[0]
        group = _FREES.get(name) or (name.removeprefix("offered.") if name.startswith("offered.") else None)
        # After "offered." follows a group that the project's settings name.
        if group is not None and (group in always or not allowed((cast(Group, group),), project, capabilities)):
            continue
        if name in ("profile.axial", "axial.start") and not allowed(("SH/L",), project, capabilities):
            continue
        if name == "structure.orientation" and not flat:
            continue
        if name == "geometry" and not _geometry_is_chosen(key, project, capabilities):
            continue
        out[key] = value
    return out


def _geometry_is_chosen(key: str, project: Project, capabilities: Capabilities) -> bool:
    histograms = [h for h in project.histograms if key in ("geometry", f"geometry[{h.name}]")]
    return len(capabilities.geometry) > 1 and all(h.instrument.radiation == "xray" for h in histograms)


def _distinct(seeds: list[Seed]) -> list[Seed]:
    """Leave out seeds that are the same as an earlier one."""
    seen: list[Choices | None] = []
    out = []
    for seed in seeds:
        if seed.choices not in seen:
            seen.append(seed.choices)
            out.append(seed)
    return out


def _within(value: Number, ends: tuple[Number, Number]) -> Number:
    return min(max(value, ends[0]), ends[1])

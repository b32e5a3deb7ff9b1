"""The published search, `space: published-2020`: what Ozaki et al. vary, as they vary it, to compare with.

Y. Ozaki, Y. Suzuki, T. Hawai, K. Saito, M. Onishi & K. Ono, npj Comput. Mater. 6, 75 (2020), and their program
(github.com/quantumbeam/BBO-Rietveld, 1_Y2O3.ipynb): sixteen dimensions, seven refinements of three cycles in one order.

- For limits of 15 to 150 the window begins at 15 to 130 and ends at its beginning + 20 to 150. Here: from the lower
  limit to the upper one - 20, and from the beginning + 20 to the upper limit (10 to 20 degrees wide at the least where
  the whole range is less than 40).
- Four dimensions do nothing there and nothing here; they are asked for, since the sampler has them to deal with:
  `window.refine` stands for a key that GSASIIscriptable does not read, `free.scale` for a flag that is set from the
  start, `free.displacement_x` and `_y` for corrections that Bragg-Brentano samples do not have. Debye-Scherrer samples
  have them; recipes free both together, and so it is where either is chosen.
- Their "chebyschev" is a series of powers in GSAS-II, `power series` here; "chebyschev-1" are Chebyshev's polynomials.
- A background keeps its numbers when function, terms or limits change. One that is not refined stays as a project
  begins: 1 and zeros, which is next to nothing.
- GSAS-II takes U, V and W of a GSAS instrument file, and 0, 0 and 0.002 for X, Y and SH/L whatever it says. They
  began there, and so does a recipe for such a file; one for GSAS-II's own begins with what the file says.
- Anisotropic sites, which they make isotropic, stay as they are. Several histograms choose each for itself; of several
  phases the fractions are free where they would leave them at 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Choose, Plan
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import Background, BackgroundFunction, Free, Group, Setting, Step

__all__: list[str] = []

_FUNCTIONS: dict[str, BackgroundFunction] = {
    "chebyschev": "power series",
    "cosine": "cosine",
    "Q^2 power series": "Q^2 power series",
    "Q^-2 power series": "Q^-2 power series",
    "lin interpolate": "lin interpolate",
    "inv interpolate": "inv interpolate",
    "log interpolate": "log interpolate",
}
"""By their names."""
_WIDTHS: tuple[Group, ...] = ("U", "V", "W", "X", "Y", "SH/L")
_LEAST_WINDOW = 20.0  # degrees
_CYCLES = 3  # GSAS-II's own
_GSAS_FILES = (".prm", ".inst")
_AS_GSAS2_READS: dict[Group, float] = {"X": 0.0, "Y": 0.0, "SH/L": 0.002}


def _concerns(project: Project) -> bool:
    return project.search.space == "published-2020"


@hookimpl
def autogsas_set_background(
    choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
) -> Background | None:
    """Choose function and number of terms. A backend without the series of powers has the same curves otherwise."""
    if not _concerns(project):
        return None
    function = _FUNCTIONS[choose.category("background.function", list(_FUNCTIONS))]
    if function == "power series" and function not in capabilities.backgrounds:
        function = "chebyschev-1"
    return Background(function=function, terms=choose.integer("background.terms", 1, 15), carry=False)


@hookimpl
def autogsas_choose_profile(
    choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
) -> Sequence[Free] | None:
    """Choose all that is of one pattern, each by itself: background, zero, what they call sample parameters, widths."""
    if not _concerns(project):
        return None
    groups: list[Group] = ["background"] if choose.yes("background.refine") else []
    groups += ["zero"] if choose.yes("free.zero") else []
    displaced = [choose.yes(f"free.displacement_{axis}") for axis in "xy"]
    if any(displaced) and histogram.instrument.geometry == "Debye-Scherrer":
        groups.append("displacement")
    choose.yes("free.scale")
    return [Free(group=group) for group in (*groups, *(one for one in _WIDTHS if choose.yes(f"free.{one}")))]


@hookimpl
def autogsas_choose_limits(choose: Choose, project: Project, histogram: Histogram) -> tuple[float, float] | None:
    """Choose the window of all refinements but the last."""
    if not _concerns(project):
        return None
    low, high = histogram.limits
    least = min(_LEAST_WINDOW, 0.5 * (high - low))
    start = choose.number("window.start", low, high - least)
    choose.yes("window.refine")
    return (start, choose.number("window.end", start + least, high, moving=True))


@hookimpl
def autogsas_choose_groups(choose: Choose, project: Project, capabilities: Capabilities) -> Sequence[Free] | None:
    """Free cell, positions and U always: there is no choice."""
    if not _concerns(project):
        return None
    frees = [Free(group="cell")]
    several = len(project.phases) > 1
    for phase in project.phases:
        if phase.intensities == "Le Bail":
            continue  # its reflections do not come from its atoms
        name = phase.name if several else None
        tensors = [site.label for site in phase.sites if site.uaniso is not None]
        frees.append(Free(group="positions", phase=name))
        frees += [Free(group="uiso", phase=name)] if len(tensors) < len(phase.sites) else []
        # Named one by one: freeing a group of tensors makes tensors of all sites.
        frees += [Free(group="uaniso", phase=name, site=label) for label in tensors]
    return frees


@hookimpl
def autogsas_order_steps(choose: Choose, project: Project, plan: Plan) -> Sequence[Step] | None:
    """Return their seven refinements. One that frees nothing new still refines."""
    if not _concerns(project):
        return None
    window = dict(plan.window)
    new = tuple(b.model_copy(update={"function": "chebyschev-1", "terms": 3}) for b in plan.backgrounds)

    def of(*groups: Group) -> tuple[Free, ...]:
        return tuple(free for free in (*plan.groups, *plan.profile) if free.group in groups)

    scale = (Free(group="scale"),)
    return [
        Step(title="scale", limits=window, background=new, set=_starts(project), free=scale, cycles=_CYCLES),
        Step(title="background", limits=window, background=plan.backgrounds, free=of("background"), cycles=_CYCLES),
        Step(title="cell and zero", limits=window, free=of("cell", "zero"), cycles=_CYCLES),
        Step(title="sample parameters", limits=window, free=of("displacement"), cycles=_CYCLES),
        Step(title="widths", limits=window, free=of(*_WIDTHS), cycles=_CYCLES),
        Step(title="structure", limits=window, free=of("positions", "uiso", "uaniso"), cycles=_CYCLES),
        Step(title="full limits", cycles=_CYCLES),
    ]


def _starts(project: Project) -> tuple[Setting, ...]:
    several = len(project.histograms) > 1
    return tuple(
        Setting(group=group, value=value, histogram=histogram.name if several else None)
        for histogram in project.histograms
        if any(file.suffix.lower() in _GSAS_FILES for file in histogram.files)
        for group, value in _AS_GSAS2_READS.items()
    )

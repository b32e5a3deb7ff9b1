"""The published search, `space: published-2020`: what Ozaki et al. vary, as they vary it, for comparison.

Y. Ozaki, Y. Suzuki, T. Hawai, K. Saito, M. Onishi & K. Ono, npj Comput. Mater. 6, 75 (2020), and their program
(github.com/quantumbeam/BBO-Rietveld, 1_Y2O3.ipynb): sixteen dimensions, seven refinements of three cycles in one order.

- For limits of 15 to 150 their window starts at 15 to 130 and ends between its start + 20 and 150. Here: from the lower
  limit to the upper one - 20, and from the start + 20 to the upper limit (at least 10 to 20 degrees wide if the whole
  range is less than 40).
- Four dimensions have no effect there or here; they are chosen because the sampler must deal with them:
  `window.refine` is a key that GSASIIscriptable does not read, `free.scale` a flag that is set from the start,
  `free.displacement_x` and `_y` are corrections that Bragg-Brentano samples do not have. Debye-Scherrer samples have
  them; a recipe refines both together, here if either is chosen.
- Their "chebyschev" is a series of powers in GSAS-II, `power series` here; "chebyschev-1" are Chebyshev's polynomials.
- A background keeps its coefficients when function, terms or limits change. One that is not refined keeps the starting
  values of a project, 1 and zeros, which is nearly no background.
- From a GSAS instrument file GSAS-II takes U, V and W, and always sets X, Y and SH/L to 0, 0 and 0.002. They started
  from these values, and so does a recipe for such a file; one for a GSAS-II file starts with the values of the file.
- Anisotropic sites, which they make isotropic, stay anisotropic. With several histograms each has its own choices; with
  several phases the fractions are refined, which they would leave at 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Choose, Plan
from autogsas.hooks.specs import hookimpl
from autogsas.hooks.strategy import Strategy, TpeSampler
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import Background, BackgroundFunction, Free, Group, Setting, Step
from autogsas.model.trial import TrialRecord, TrialState

__all__ = ["PUBLISHED", "published_value"]

_PENALTY = 1e9  # the number in their program (see `published_value`); a failed trial of ours is a state, never a number


def published_value(record: TrialRecord) -> float:
    """Return what Ozaki et al. report to their sampler: Rwp, or 1e9 if the trial failed or a U_iso is negative.

    npj Comput. Mater. 6, 75 (2020) and their program. Our other findings do not count there.
    """
    if record.state not in (TrialState.COMPLETE, TrialState.INFEASIBLE) or record.score is None:
        return _PENALTY
    displacements = [f.numbers.get("value", 0.0) for f in record.findings if f.code == "u-out-of-range"]
    return _PENALTY if min(displacements, default=0.0) < 0 else record.score


PUBLISHED = Strategy(
    name="published-2020",
    about="that of Ozaki et al. (2020)",
    title="the published search",
    sampler="tpe-2020",
    # As Ozaki et al. call it, with a version of Optuna before 5: one dimension at a time, no constant liar.
    own_sampler=TpeSampler("tpe-2020", startup_trials=20, value=published_value),
    prunes=False,
    seeded=False,
    scouted=False,
    takes_earlier=False,
    finds_cells=False,
    choose="rwp",
    labels={
        "background.function": "background function",
        "background.terms": "background terms",
        "background.refine": "background",
        "window.start": "range of the first steps",
        "window.end": "range of the first steps",
        "window.refine": "range of the first steps",
    },
    group_prefixes=("free",),
)

_FUNCTIONS: dict[str, BackgroundFunction] = {
    "chebyschev": "power series",
    "cosine": "cosine",
    "Q^2 power series": "Q^2 power series",
    "Q^-2 power series": "Q^-2 power series",
    "lin interpolate": "lin interpolate",
    "inv interpolate": "inv interpolate",
    "log interpolate": "log interpolate",
}
"""Our functions by the names in their program."""
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
    """Choose function and number of terms. Without power series, Chebyshev polynomials describe the same curves."""
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
    """Choose the window of all refinements except the last."""
    if not _concerns(project):
        return None
    low, high = histogram.limits
    least = min(_LEAST_WINDOW, 0.5 * (high - low))
    start = choose.number("window.start", low, high - least)
    choose.yes("window.refine")
    return (start, choose.number("window.end", start + least, high, moving=True))


@hookimpl
def autogsas_choose_groups(choose: Choose, project: Project, capabilities: Capabilities) -> Sequence[Free] | None:
    """Refine cell, positions and U always: there is no choice."""
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
        # Named one by one: refining the whole group would make tensors of all sites.
        frees += [Free(group="uaniso", phase=name, site=label) for label in tensors]
    return frees


@hookimpl
def autogsas_order_steps(choose: Choose, project: Project, plan: Plan) -> Sequence[Step] | None:
    """Return their seven refinements. One that adds no parameter still refines."""
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

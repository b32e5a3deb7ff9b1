"""What could be refined next: the groups that a crystallographer would consider, each in its usual form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from autogsas.builtin.strategy.directions import broadening_axes, orientation_axes
from autogsas.builtin.strategy.options import allowed
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.specs import hookimpl
from autogsas.model.advice import Candidate
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import Free, Group, Setting, SizeModel, Start, StrainModel
from autogsas.model.sample import Axis
from autogsas.model.structure import Phase

__all__: list[str] = []

# A slope at ratio 1 cannot tell axes apart (see the numpy engine's gains); these ratios are a moderate texture. The
# choice between 0.7 and 0.8 made no difference to the order of axes on the textured samples of known truth.
_RATIOS = {"plates": 0.75, "needles": 1.33}

# As much asymmetry as a laboratory diffractometer has, and what is far below it: a file that says 0.002, GSAS-II's
# default, mostly says that nobody has measured it, and from there shifts of peaks can take the place of asymmetry.
_USUAL_SHL = 0.025
_LOW_SHL = 0.01


@hookimpl
def autogsas_list_candidates(project: Project, capabilities: Capabilities) -> list[Candidate]:
    """Return peak shifts and widths of each histogram, and structure, broadening and orientation of each phase."""
    found: list[Candidate] = []
    for histogram in project.histograms:
        found += _of_histogram(histogram, project)
    for phase in project.phases:
        found += _of_phase(phase, project, capabilities)
    never = project.search.groups.never
    return [
        candidate
        for candidate in found
        if all(free.group in capabilities.groups and free.group not in never for free in candidate.free)
    ]


def _of_histogram(histogram: Histogram, project: Project) -> Iterator[Candidate]:
    several = len(project.histograms) > 1
    suffix = f" of {histogram.name}" if several else ""

    def candidate(name: str, *groups: Group, rivals: str = "") -> Candidate:
        frees = tuple(Free(group=group, histogram=histogram.name) for group in groups)
        # Peaks have to be in their places before their widths can be told.
        return Candidate(name + suffix, frees, rivals=rivals, turn=0 if rivals else 1)

    shifts = f"shifts of {histogram.name}"
    # In the order in which they are preferred where the data cannot tell them apart: a sample is mounted anew each
    # time, while the zero of an instrument is adjusted and stays.
    if histogram.instrument.geometry == "Bragg-Brentano":
        yield candidate("displacement", "displacement", rivals=shifts)
        yield candidate("zero", "zero", rivals=shifts)
        yield candidate("transparency", "transparency", rivals=shifts)
    else:
        yield candidate("zero", "zero", rivals=shifts)
        yield candidate("displacement", "displacement", rivals=shifts)
        yield candidate("absorption", "absorption")
    yield candidate("W", "W")
    yield candidate("U, V, W", "U", "V", "W")
    yield candidate("X", "X")
    yield candidate("Y", "Y")
    yield candidate("X, Y", "X", "Y")
    axial = f"axial divergence{suffix}"
    yield replace(candidate("SH/L", "SH/L"), alternatives=axial)
    if histogram.instrument.SH_L < _LOW_SHL:
        usual = Setting(group="SH/L", value=_USUAL_SHL, histogram=histogram.name)
        restarted = candidate(f"SH/L from {_USUAL_SHL}", "SH/L")
        yield replace(restarted, set=(usual,), alternatives=axial, restarts=shifts)


def _of_phase(phase: Phase, project: Project, capabilities: Capabilities) -> Iterator[Candidate]:
    several = len(project.phases) > 1
    suffix = f" of {phase.name}" if several else ""

    def candidate(
        name: str, group: Group, site: str | None = None, *, turn: int = 1, expected: bool = False
    ) -> Candidate:
        free = Free(group=group, phase=phase.name, site=site)
        return Candidate(name + suffix, (free,), turn=turn, expected=expected)

    yield candidate("cell", "cell", turn=0, expected=True)
    yield candidate("size", "size")
    yield candidate("strain", "strain")
    if "broadening" in capabilities.starts:
        yield from _by_direction(phase, suffix)
    if phase.intensities == "Le Bail":
        return
    yield candidate("positions", "positions", expected=True)
    yield candidate("one U_iso for all sites", "uiso_shared", expected=True)
    yield candidate("U_iso of each site", "uiso", expected=True)
    yield candidate("anisotropic U", "uaniso", turn=2)
    for site in phase.sites:
        yield candidate(f"occupancy of {site.label}", "occupancy", site.label, turn=2)
    if allowed(("preferred_orientation",), project, capabilities) and "axis" in capabilities.starts:
        for axis in orientation_axes(phase):
            yield from _orientations(phase, axis, suffix)


def _by_direction(phase: Phase, suffix: str) -> Iterator[Candidate]:
    """Give size and strain that depend on the direction, unless the phase has such a model already."""
    size, strain = phase.specimen.size.model, phase.specimen.strain.model
    for axis in broadening_axes(phase):
        indices = "{} {} {}".format(*axis)
        if size == "isotropic":
            yield Candidate(
                f"uniaxial size along {indices}{suffix}",
                (Free(group="size", phase=phase.name),),
                (Start(phase=phase.name, size=SizeModel(model="uniaxial", axis=axis)),),
                alternatives=f"uniaxial size{suffix}",
            )
        if strain == "isotropic":
            yield Candidate(
                f"uniaxial strain along {indices}{suffix}",
                (Free(group="strain", phase=phase.name),),
                (Start(phase=phase.name, strain=StrainModel(model="uniaxial", axis=axis)),),
                alternatives=f"strain by direction{suffix}",
            )
    if strain != "generalized":
        yield Candidate(
            f"generalized strain{suffix}",
            (Free(group="strain", phase=phase.name),),
            (Start(phase=phase.name, strain=StrainModel(model="generalized")),),
            alternatives=f"strain by direction{suffix}",
        )


def _orientations(phase: Phase, axis: Axis, suffix: str) -> Iterator[Candidate]:
    """Give preferred orientation along an axis from either side of ratio 1, unless the phase has a ratio already."""
    if phase.specimen.orientation.ratio != 1.0:
        return
    indices = "{} {} {}".format(*axis)
    for shape, ratio in _RATIOS.items():
        yield Candidate(
            f"preferred orientation {indices}, {shape}{suffix}",
            (Free(group="preferred_orientation", phase=phase.name),),
            (Start(phase=phase.name, axis=axis),),
            (Setting(group="preferred_orientation", value=ratio, phase=phase.name),),
            alternatives=f"preferred orientation{suffix}",
        )

"""Hypothesis strategies: structures, specimens, instruments and whole projects as they may come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st

from autogsas.crystal.strain import directions, strain_terms
from autogsas.crystal.symmetry import Symmetry, cell_to_metric
from autogsas.engine.parameters import Layout
from autogsas.engine.readout import read_phases
from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern, counting_weights
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.recipe import Free
from autogsas.model.sample import Axis, Broadening, OccupancySum, Orientation, Specimen
from autogsas.model.structure import Cell, Phase, Site

from .models import CUBIC, MONOCLINIC, QUARTZ, TETRAGONAL, TRICLINIC

Array = npt.NDArray[np.float64]

ORTHORHOMBIC = Phase(
    "anglesite",
    "P n m a",
    Cell(8.48, 5.398, 6.958, 90, 90, 90),
    (
        Site("Pb", "Pb", (0.188, 0.25, 0.167), 1.0, 0.012),
        Site("S", "S", (0.063, 0.25, 0.684), 1.0, 0.008),
        Site("O", "O", (0.077, 0.026, 0.809), 1.0, 0.015),
    ),
)
RHOMBOHEDRAL = Phase(
    "corundum",
    "R -3 c:H",
    Cell(4.759, 4.759, 12.991, 90, 90, 120),
    (Site("Al", "Al", (0.0, 0.0, 0.352), 1.0, 0.004), Site("O", "O", (0.306, 0.0, 0.25), 1.0, 0.005)),
)
POLAR = Phase(
    "zincite",
    "P 63 m c",
    Cell(3.25, 3.25, 5.207, 90, 90, 120),
    (Site("Zn", "Zn", (1 / 3, 2 / 3, 0.0), 1.0, 0.006), Site("O", "O", (1 / 3, 2 / 3, 0.382), 1.0, 0.007)),
)
SHARED = Phase(
    "salt",
    "F m -3 m",
    Cell(4.3, 4.3, 4.3, 90, 90, 90),
    (
        Site("Mg", "Mg", (0.0, 0.0, 0.0), 0.7, 0.006),
        Site("Fe", "Fe", (0.0, 0.0, 0.0), 0.3, 0.006),
        Site("O", "O", (0.5, 0.5, 0.5), 1.0, 0.008),
    ),
    occupancy_sums=(OccupancySum(("Mg", "Fe")),),
)
FAMILY = (CUBIC, TETRAGONAL, QUARTZ, MONOCLINIC, TRICLINIC, ORTHORHOMBIC, RHOMBOHEDRAL, POLAR, SHARED)
AXES: tuple[Axis, ...] = ((0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 2), (2, -1, 3))


def examples(few: int, many: int) -> Any:
    """Mark a test that takes a ``count``: few examples in the usual run, many in the slow one."""
    return pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.slow)])


def holds(count: int, check: Callable[..., None], *strategies: st.SearchStrategy[Any]) -> None:
    """Check a property over ``count`` examples that are the same on every machine."""
    profile = settings(
        derandomize=True,
        database=None,
        max_examples=count,
        suppress_health_check=list(HealthCheck),
        phases=(Stage.generate, Stage.shrink),
    )
    profile(given(*strategies)(check))()


def broadenings(isotropic: float, axes: tuple[Axis, ...]) -> st.SearchStrategy[Broadening]:
    values = st.floats(0.3 * isotropic, 3.0 * isotropic)
    models = st.sampled_from(["isotropic", "uniaxial"] if axes else ["isotropic"])
    return st.builds(Broadening, values, models, values, st.sampled_from(axes or AXES), st.floats(0, 1))


@st.composite
def generalised(draw: st.DrawFn, phase: Phase) -> Broadening:
    """A generalised strain of a phase, around an isotropic one."""
    metric = cell_to_metric(phase.cell.values())
    terms = strain_terms(phase.space_group)
    flat = terms.fitting(np.full(len(directions(metric)), draw(st.floats(600.0, 6000.0))), metric)
    factors = draw(st.tuples(*[st.floats(0.7, 1.5)] * len(flat)))
    return Broadening(1000.0, "generalized", mix=draw(st.floats(0, 1)), coefficients=tuple(flat * factors))


def specimens(axes: tuple[Axis, ...] = AXES, phase: Phase | None = None) -> st.SearchStrategy[Specimen]:
    """A specimen; ``axes`` are those that uniaxial broadening may have. A phase may have generalised strain."""
    orientations = st.builds(Orientation, st.sampled_from(AXES), st.one_of(st.just(1.0), st.floats(0.4, 2.5)))
    strains = broadenings(2000.0, axes)
    if phase is not None:
        strains = st.one_of(strains, generalised(phase))
    return st.builds(Specimen, broadenings(0.1, axes), strains, orientations)


def unique_axes(symmetry: Symmetry) -> tuple[Axis, ...]:
    """The axes that all operations keep: about others, equivalent reflections are not equally wide."""
    return tuple(
        axis
        for axis in (*AXES, (0, 1, 0))
        if all(
            tuple((np.array(axis) @ rotation).tolist()) in (axis, tuple(-i for i in axis))
            for rotation in symmetry.rotations
        )
    )


@st.composite
def phases(draw: st.DrawFn, family: tuple[Phase, ...] = FAMILY, *, unique: bool = False) -> Phase:
    """A phase of the family with its free values moved, some sites with tensors, and a specimen.

    ``unique``: its broadening may be uniaxial only about an axis of its symmetry.
    """
    phase = draw(st.sampled_from(family))
    sites = tuple(
        replace(site, uaniso=draw(tensor_values())) if phase is not SHARED and draw(st.booleans()) else site
        for site in phase.sites
    )
    axes = unique_axes(Symmetry.from_name(phase.space_group)) if unique else AXES
    phase = replace(phase, sites=sites, specimen=draw(specimens(axes, None if unique else phase)))
    layout = Layout(Project("one", (), (phase,), Search()))
    raw = layout.start()
    groups = ("cell", "positions", "uiso", "occupancy")
    for variable in layout.variables([Free(group=group) for group in groups]):
        first = raw[variable.indices[0]]
        move = {
            "cell": first * draw(st.floats(-0.03, 0.03)),
            "positions": draw(st.floats(-0.02, 0.02)),
            "uiso": first * draw(st.floats(-0.6, 1.5)),
            "occupancy": -first * draw(st.floats(0.0, 0.4)),
        }[variable.group]
        raw[list(variable.indices)] += move * np.array(variable.coefficients)
    return read_phases(layout, raw)[0]


def tensor_values() -> st.SearchStrategy[tuple[float, ...]]:
    long, cross = st.floats(0.004, 0.02), st.floats(-0.002, 0.002)
    return st.tuples(long, long, long, cross, cross, cross)


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """A usual instrument: laboratory doublet, synchrotron or reactor; either geometry."""
    radiation = draw(st.sampled_from(["xray", "neutron"]))
    pairs = [(1.5405, 1.5443), (2.2897, 2.2936), (1.1, 1.1)]
    single = st.tuples(st.floats(0.9, 2.2))
    return Instrument(
        radiation,
        draw(st.one_of(single, st.sampled_from(pairs)) if radiation == "xray" else single),
        ratio=draw(st.floats(0, 1)),
        polarization=draw(st.floats(0, 1)),
        zero=draw(st.floats(-0.1, 0.1)),
        U=draw(st.floats(0, 30)),
        V=draw(st.floats(-6, 4)),
        W=draw(st.floats(4, 30)),
        X=draw(st.floats(0, 6)),
        Y=draw(st.floats(0, 8)),
        Z=draw(st.floats(0, 1)),
        SH_L=draw(st.floats(0.004, 0.08)),
        geometry=draw(st.sampled_from(["Bragg-Brentano", "Debye-Scherrer"])),
        radius=draw(st.floats(100, 500)),
    )


def measured(
    phases: tuple[Phase, ...], instrument: Instrument, x: Array, y: Array | None = None, **more: Any
) -> Project:
    """A project of one histogram over all of ``x`` (n,)."""
    y = np.full_like(x, 1000.0) if y is None else y
    pattern = Pattern("data", x, y, counting_weights(y), "counting statistics")
    histogram = Histogram("data", pattern, instrument, (float(x[0]), float(x[-1])), **more)
    return Project("random", (histogram,), phases, Search())


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """One or two phases in one histogram of a few hundred points that shows some tens of lines."""
    first = draw(phases())
    others = tuple(phase for phase in FAMILY if phase.name != first.name)
    found = (first, draw(phases(others))) if draw(st.booleans()) else (first,)
    instrument = draw(instruments())
    low = draw(st.floats(8.0, 40.0))
    finest = float(np.degrees(2 * np.arcsin(min(instrument.wavelengths[0] / 2.2, 0.98))))
    high = min(low + draw(st.floats(20.0, 60.0)), max(finest, low + 15.0), 160.0)
    x = np.arange(low, high, draw(st.sampled_from([0.03, 0.06, 0.1])))
    # muR is kept off 3, where its two fits meet with a step.
    absorption = draw(st.one_of(st.floats(0.0, 2.8), st.floats(3.2, 8.0)))
    return measured(
        found, instrument, x, absorption=absorption, axial_sum=draw(st.sampled_from(["GSAS-II", "converged"]))
    )

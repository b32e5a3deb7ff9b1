"""Small made-up samples for the tests of the numpy engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from autogsas.engine.session import EngineSession
from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern, counting_weights
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.recipe import Background, Free, Group, Step
from autogsas.model.structure import Cell, Phase, Site

Array = npt.NDArray[np.float64]

CUBIC = Phase(
    "fluorite",
    "F m -3 m",
    Cell(5.463, 5.463, 5.463, 90, 90, 90),
    (Site("Ca", "Ca", (0.0, 0.0, 0.0), 1.0, 0.006), Site("F", "F", (0.25, 0.25, 0.25), 1.0, 0.009)),
)
TETRAGONAL = Phase(
    "rutile",
    "P 42/m n m",
    Cell(4.594, 4.594, 2.959, 90, 90, 90),
    (Site("Ti", "Ti", (0.0, 0.0, 0.0), 1.0, 0.005), Site("O", "O", (0.305, 0.305, 0.0), 1.0, 0.007)),
)
QUARTZ = Phase(
    "quartz",
    "P 32 2 1",
    Cell(4.913, 4.913, 5.405, 90, 90, 120),
    (Site("Si", "Si", (0.47, 0.0, 2 / 3), 1.0, 0.007), Site("O", "O", (0.4136, 0.2674, 0.7858), 1.0, 0.012)),
)
MONOCLINIC = Phase(
    "baddeleyite",
    "P 1 21/c 1",
    Cell(5.1505, 5.2116, 5.3173, 90, 99.23, 90),
    (
        Site("Zr", "Zr", (0.2754, 0.0395, 0.2083), 1.0, 0.005),
        Site("O1", "O", (0.07, 0.3317, 0.3447), 1.0, 0.008),
        Site("O2", "O", (0.4496, 0.7569, 0.4792), 1.0, 0.008),
    ),
)
TRICLINIC = Phase(
    "triclinic",
    "P -1",
    Cell(5.12, 6.03, 6.91, 81.2, 95.4, 102.7),
    (Site("Cu", "Cu", (0.12, 0.23, 0.31), 1.0, 0.008), Site("O", "O", (0.61, 0.42, 0.17), 1.0, 0.011)),
)
PHASES = (CUBIC, TETRAGONAL, QUARTZ, MONOCLINIC, TRICLINIC)

XRAY = Instrument(
    "xray",
    (1.5405, 1.5443),
    ratio=0.5,
    polarization=0.7,
    U=3.0,
    V=-1.0,
    W=6.0,
    X=1.0,
    Y=0.5,
    SH_L=0.03,
    geometry="Bragg-Brentano",
)
NEUTRON = Instrument("neutron", (1.909,), U=180.0, V=-350.0, W=350.0, SH_L=0.04, geometry="Debye-Scherrer")


def project(
    phases: tuple[Phase, ...], instrument: Instrument, limits: tuple[float, float], step: float, y: Array | None = None
) -> Project:
    """Return a project of one histogram named "data"; without ``y`` it is flat."""
    x = np.arange(limits[0], limits[1] + step / 2, step)
    values = np.full_like(x, 1000.0) if y is None else y
    pattern = Pattern("data", x, values, counting_weights(values), "counting statistics")
    return Project("test", (Histogram("data", pattern, instrument, limits),), phases, Search())


def simulate(made: Project, scales: tuple[float, ...], background: Array) -> Array:
    """Return the engine's own pattern of a project, without noise: Bragg parts at ``scales`` on ``background`` (n,)."""
    from autogsas.engine.parameters import Layout
    from autogsas.engine.pattern_model import PatternModel

    layout = Layout(made)
    raw = layout.start()
    model = PatternModel(layout, 0, made.histograms[0].pattern.x, raw)
    return np.asarray(background + sum(s * model.phase(p, raw).unit for p, s in enumerate(scales)))


def with_data(made: Project, y: Array) -> Project:
    """Return the project with ``y`` (n,) as its measured counts."""
    histogram = made.histograms[0]
    pattern = replace(histogram.pattern, y=y, weights=counting_weights(y))
    return replace(made, histograms=(replace(histogram, pattern=pattern),))


def step(*groups: Group, title: str = "", terms: int | None = None, cycles: int | None = None) -> Step:
    """Return a step that frees groups, with a Chebyshev background of so many terms."""
    background = () if terms is None else (Background(function="chebyschev-1", terms=terms),)
    frees = tuple(Free(group=group) for group in groups)
    return Step(title=title, background=background, free=frees, cycles=cycles)


def refined(made: Project, *steps: Step) -> EngineSession:
    """Return a session after the steps."""
    session = EngineSession(made, "test")
    for item in steps:
        session.refine(item)
    return session

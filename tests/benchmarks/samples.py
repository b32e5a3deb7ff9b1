"""Synthetic samples with any number of points, reflections and variables, made with the public interface."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.engine.session import EngineSession
from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern, counting_weights
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.recipe import Background, Free, Setting, Step
from autogsas.model.structure import Cell, Phase, Site

__all__ = ["Sample", "make_sample"]

Array = npt.NDArray[np.float64]

LIMITS = (10.0, 130.0)
WAVELENGTH = 1.5406
_SCALE, _BACKGROUND = 1.0, 200.0
_HEIGHT = 2.0e4  # counts of the highest point over the background
# Many esds off, so that least squares has work in every cycle, and within a line's width, so that it finds back.
_CELL_OFF, _POSITION_OFF, _UISO_OFF, _W_OFF = 1.0001, 0.005, 2.5, 2.0


@dataclass(frozen=True)
class Sample:
    """A project that starts near the values of its synthetic pattern, and its number of reflections."""

    project: Project
    reflections: int

    @property
    def points(self) -> int:
        """The number of points of the pattern."""
        return self.project.histograms[0].pattern.x.size

    def step(self, variables: int, *, terms: int = 6, cycles: int) -> Step:
        """Return a step that frees exactly this many variables: scale, background, cell, widths, then sites."""
        frees = [Free(group="scale"), Free(group="background")]
        left = variables - 1 - terms
        for group, count in (("cell", 6), ("W", 1), ("Y", 1)):
            if left >= count:
                frees.append(Free.model_validate({"group": group}))
                left -= count
        for group, count in (("positions", 3), ("uiso", 1)):
            for site in self.project.phases[0].sites:
                if left >= count:
                    frees.append(Free.model_validate({"group": group, "site": site.label}))
                    left -= count
        if left:
            raise ValueError(f"the sample has {left} variables too few")
        background = (Background(function="chebyschev-1", terms=terms),)
        return Step(title=f"{variables} variables", background=background, free=tuple(frees), cycles=cycles)


def make_sample(points: int, reflections: int, sites: int) -> Sample:
    """Return a triclinic sample with about this many reflections, set by the volume of its cell."""
    edge = 5.0 * (reflections / _per_volume(125.0)) ** (1.0 / 3.0)
    cell = Cell(0.94 * edge, edge, 1.07 * edge, 88.0, 93.0, 91.0)
    draw = np.random.default_rng(sites)
    places = draw.uniform(0.05, 0.45, (sites, 3))
    phase = Phase(
        "sample",
        "P -1",
        cell,
        tuple(
            Site(f"A{i}", ("Fe", "O", "Si")[i % 3], (float(x), float(y), float(z)), 1.0, 0.008)
            for i, (x, y, z) in enumerate(places)
        ),
    )
    instrument = Instrument(
        "xray", (WAVELENGTH,), polarization=0.7, U=2.0, V=-2.0, W=5.0, Y=2.0, SH_L=0.02, geometry="Bragg-Brentano"
    )
    x = np.linspace(*LIMITS, points)
    flat = _project(phase, instrument, x, np.full(points, 1000.0))
    y, count = _bragg(flat)
    y = np.random.default_rng(points).poisson(_BACKGROUND + y * (_HEIGHT / float(np.max(y)))).astype(np.float64)
    return Sample(_project(_moved(phase, draw), replace(instrument, W=instrument.W * _W_OFF), x, y), count)


def _per_volume(volume: float) -> float:
    """Return the number of reflections within the limits for a triclinic cell of this volume in cubic Angstrom."""
    longest = 2.0 * np.sin(np.radians(LIMITS[1] / 2.0)) / WAVELENGTH
    return float(2.0 / 3.0 * np.pi * volume * longest**3)


def _project(phase: Phase, instrument: Instrument, x: Array, y: Array) -> Project:
    pattern = Pattern("made", x, y, counting_weights(y), "counting statistics")
    return Project("made up", (Histogram("made", pattern, instrument, LIMITS),), (phase,), Search())


def _bragg(project: Project) -> tuple[Array, int]:
    """Return the engine's own Bragg part (n,) at the project's values, and the number of reflections."""
    session = EngineSession(project, "")
    session.refine(Step(set=(Setting(group="scale", value=_SCALE),), free=(Free(group="background"),), cycles=1))
    curves = session.result().curves[0]
    return curves.calculated - curves.background, len(curves.reflections[0].two_theta)


def _moved(phase: Phase, draw: np.random.Generator) -> Phase:
    """Return the phase with values near the true ones."""
    sites = []
    for site in phase.sites:
        x, y, z = (float(value) for value in np.array(site.xyz) + draw.normal(0.0, _POSITION_OFF, 3))
        sites.append(replace(site, xyz=(x, y, z), uiso=site.uiso * _UISO_OFF))
    a, b, c, *angles = phase.cell.values()
    return replace(phase, cell=Cell(a * _CELL_OFF, b * _CELL_OFF, c / _CELL_OFF, *angles), sites=tuple(sites))

"""Made-up patterns whose cells are others than the project says: easy ones, and ones that lie in other ways too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import cell_to_metric, metric_to_cell
from autogsas.engine.cells.match import CellMatcher
from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern, counting_weights
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.sample import Orientation
from autogsas.model.structure import Cell, Phase

from .models import NEUTRON, XRAY, simulate
from .random_models import FAMILY

__all__ = ["Moved", "make_moved"]

Array = npt.NDArray[np.float64]
U6 = tuple[float, float, float, float, float, float]

COMMON, DEVIATION, ZERO = 0.010, 0.005, 0.1


@dataclass(frozen=True)
class Moved:
    """A project, and the cells that its pattern was made with."""

    project: Project
    truth: tuple[U6, ...]

    def displaced(self, p: int, cell: U6) -> float:
        """Return how far phase ``p``'s lines are from the truth at a cell, in the instrument's full widths."""
        matcher = CellMatcher(self.project)
        strains = [
            np.linalg.lstsq(matcher.directions[p], cell_to_metric(one) - matcher.metrics[p], rcond=None)[0]
            for one in (cell, self.truth[p])
        ]
        return matcher.displaced(p, *strains)

    def error(self, p: int, cell: U6) -> float:
        """Return the largest error of a length (fraction) or an angle (radians)."""
        true = self.truth[p]
        return float(
            max(
                *(abs(cell[i] / true[i] - 1.0) for i in range(3)),
                *(abs(np.radians(cell[i] - true[i])) for i in range(3, 6)),
            )
        )


def make_moved(
    seed: int, *, phases: int = 1, hostile: bool = False, moved: bool = True, family: tuple[Phase, ...] = FAMILY
) -> Moved:
    """Return a pattern of ``phases`` phases with a zero up to 0.1 degrees, noise, and in part a broad background peak.

    Cells are strained by up to 1 % in common and 0.5 % more on each axis; ``moved`` False: the project knows that.
    ``hostile``: lines up to three times as wide as the instrument says, preferred orientation and wrong U_iso,
    lines of something unknown, a short range, a region left out.
    """
    random = np.random.default_rng(seed)
    chosen = [family[i] for i in random.permutation(len(family))[:phases]]
    instrument = _instrument(random)
    wide = float(random.uniform(1, 3)) if hostile else 1.0
    low = float(random.uniform(10, 25))
    high = float(random.uniform(60, 130) if hostile else random.uniform(80, 150))
    if instrument.wavelengths[0] < 1.3:
        high = min(high, 90.0)
    x = np.arange(low, high, 0.03 if instrument.radiation == "xray" else 0.08)
    real = replace(
        instrument,
        zero=instrument.zero + float(random.uniform(-ZERO, ZERO)),
        U=instrument.U * wide**2,
        V=instrument.V * wide**2,
        W=instrument.W * wide**2,
        X=instrument.X * wide,
        Y=instrument.Y * wide,
        SH_L=float(random.uniform(0.005, 0.05)),
    )
    true, known = [], []
    for phase in chosen:
        cell = Cell(*_strained(phase, random))
        other = replace(phase, cell=cell)
        if hostile:
            ratio = float(random.uniform(0.6, 1.5))
            sites = tuple(replace(site, uiso=site.uiso * float(random.uniform(0.5, 3))) for site in phase.sites)
            specimen = replace(phase.specimen, orientation=Orientation((0, 0, 1), ratio))
            other = replace(other, sites=sites, specimen=specimen)
        true.append(other)
        known.append(phase if moved else replace(phase, cell=cell))
    height = float(10 ** random.uniform(2.3, 4.5))
    bragg = np.zeros_like(x)
    for k, phase in enumerate(true):
        unit = simulate(_project((phase,), real, x, np.zeros_like(x)), (1.0,), np.zeros_like(x))
        bragg += unit / max(float(unit.max()), 1e-9) * (float(random.uniform(0.1, 0.6)) if k else 1.0)
    if hostile:
        for _ in range(int(random.integers(0, 8))):
            place, strength = random.uniform(low, high), random.uniform(0.02, 0.4)
            bragg += strength * np.exp(-0.5 * ((x - place) / (0.06 * wide)) ** 2)
    background = 50 + 200 * np.exp(-(x - low) / 20)
    if random.random() < 0.5:
        background = background + 150 * np.exp(-0.5 * ((x - 30) / 6) ** 2)
    y = random.poisson(height * bragg + background * np.sqrt(height) / 30).astype(float)
    excluded = ((40.0, 42.0),) if hostile and random.random() < 0.3 else ()
    return Moved(_project(tuple(known), instrument, x, y, excluded), tuple(phase.cell.values() for phase in true))


def _instrument(random: np.random.Generator) -> Instrument:
    kind = random.random()
    if kind < 0.6:
        return XRAY
    if kind < 0.8:
        return NEUTRON
    wavelength, width = float(random.choice([0.8, 1.2, 1.8])), float(random.uniform(1, 20))
    return replace(XRAY, wavelengths=(wavelength,), geometry="Debye-Scherrer", W=width)


def _strained(phase: Phase, random: np.random.Generator) -> U6:
    flat = np.linspace(20, 120, 100)
    matcher = CellMatcher(_project((phase,), XRAY, flat, np.ones_like(flat)))
    metric, directions = matcher.metrics[0], matcher.directions[0]
    strains = random.uniform(-COMMON, COMMON) * np.linalg.lstsq(directions, -2.0 * metric, rcond=None)[0]
    if directions.shape[1] > 1:
        strains = strains + random.uniform(-DEVIATION, DEVIATION, directions.shape[1])
    return metric_to_cell(metric + directions @ strains)


def _project(
    phases: tuple[Phase, ...],
    instrument: Instrument,
    x: Array,
    y: Array,
    excluded: tuple[tuple[float, float], ...] = (),
) -> Project:
    pattern = Pattern("data", x, y, counting_weights(y), "counting statistics")
    histogram = Histogram("data", pattern, instrument, (float(x[0]), float(x[-1])), excluded)
    return Project("moved", (histogram,), phases, Search())

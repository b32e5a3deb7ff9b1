"""Laws of scale: what happens to a pattern when atoms, occupancies, scales or lines are multiplied."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from autogsas.model.instrument import Instrument
from autogsas.model.project import AxialSum, Project
from autogsas.model.structure import Phase

from .computed import POINTS, FixedPlans, bragg, problem_of, same
from .random_models import examples, holds, instruments, phases, projects

Array = npt.NDArray[np.float64]


@examples(10, 200)
def test_half_an_atom_twice_is_an_atom(count: int) -> None:
    def check(phase: Phase, instrument: Instrument) -> None:
        first, *rest = phase.sites
        half = replace(first, occupancy=first.occupancy / 2)
        split = replace(phase, sites=(half, replace(half, label="again"), *rest), occupancy_sums=())
        same(bragg(split, instrument, POINTS), bragg(phase, instrument, POINTS), 1e-12)

    holds(count, check, phases(), instruments())


@examples(10, 200)
def test_twice_the_occupancies_are_four_times_the_intensity(count: int) -> None:
    def check(phase: Phase, instrument: Instrument) -> None:
        twice = tuple(replace(site, occupancy=2 * site.occupancy) for site in phase.sites)
        dense = replace(phase, sites=twice, occupancy_sums=())
        same(bragg(dense, instrument, POINTS), 4 * bragg(phase, instrument, POINTS), 1e-12)

    holds(count, check, phases(), instruments())


@examples(10, 200)
def test_a_pattern_is_linear_in_its_scales(count: int) -> None:
    def check(project: Project, scales: tuple[float, float]) -> None:
        def parts(factor: float) -> Array:
            problem = problem_of(project, tuple(factor * s for s in scales), (0.0, 0.0), ("chebyschev-1", 1))
            return FixedPlans(problem).bragg(problem.start())

        assert np.allclose(parts(7.0), 7 * parts(1.0), rtol=1e-12)

    holds(count, check, projects(), st.tuples(*[st.floats(0.1, 1000.0)] * 2))


@examples(10, 200)
def test_k_alpha2_adds_its_ratio(count: int) -> None:
    """A pattern is linear in the ratio of a doublet; with equal wavelengths it is 1 + ratio times that of one."""

    def check(phase: Phase, instrument: Instrument, second: float, ratio: float, axial_sum: AxialSum) -> None:
        first = instrument.wavelengths[0]

        def at(wavelengths: tuple[float, ...], share: float) -> Array:
            return bragg(phase, replace(instrument, wavelengths=wavelengths, ratio=share), POINTS, axial_sum)

        alone, both = at((first, first * second), 0.0), at((first, first * second), 1.0)
        same(at((first, first * second), ratio), (1 - ratio) * alone + ratio * both, 1e-10)
        same(at((first, first), ratio), (1 + ratio) * at((first,), 0.0), 1e-10)

    holds(
        count,
        check,
        phases(),
        instruments(),
        st.floats(1.0, 1.004),
        st.floats(0, 1),
        st.sampled_from(["GSAS-II", "converged"]),
    )

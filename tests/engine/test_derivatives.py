"""Every derivative of every model is that of finite differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st

from autogsas.model.project import Project
from autogsas.model.recipe import BACKGROUNDS, GROUPS, BackgroundFunction

from .computed import FixedPlans, problem_of
from .random_models import examples, holds, projects

Array = npt.NDArray[np.float64]


def check_derivatives(
    project: Project, scales: tuple[float, float], shifts: tuple[float, float], seen: set[str]
) -> None:
    problem = problem_of(project, scales, shifts, ("chebyschev-1", 2))
    fixed = FixedPlans(problem)
    values, jacobian = problem.start(), fixed.jacobian()
    height = float(np.max(fixed.bragg(values)))
    for i, variable in enumerate(problem.variables):
        largest = float(np.max(np.abs(jacobian[:, i])))
        missed = []
        for relative in (1e-5, 1e-4, 1e-6, 1e-3):
            e = relative * max(abs(values[i]), 1e-2)
            move = np.zeros_like(values)
            move[i] = e
            numeric = (fixed.bragg(values + move) - fixed.bragg(values - move)) / (2 * e)
            # What rounding leaves of a difference of two patterns is no error of the derivative.
            allowed = 1e-5 * largest + 1e-13 * height / e
            missed.append(float(np.max(np.abs(numeric - jacobian[:, i]))) / max(allowed, 1e-300))
            if missed[-1] < 1.0:
                break
        assert min(missed) < 1.0, f"{problem.names[i]} misses by {min(missed):.3g} of what is allowed"
        if largest > 0:
            seen |= {variable.group, variable.name.split(":")[-1]}


@examples(12, 400)
def test_every_derivative_of_every_model(count: int) -> None:
    seen: set[str] = set()
    scales = st.tuples(*[st.floats(0.1, 1000.0)] * 2)
    shifts = st.tuples(st.floats(-100, 100), st.floats(-5, 5))

    def check(project: Project, scales: tuple[float, float], shifts: tuple[float, float]) -> None:
        check_derivatives(project, scales, shifts, seen)

    holds(count, check, projects(), scales, shifts)
    assert seen >= set(GROUPS) - {"background", "uiso_shared"}
    assert seen >= {f"{kind} {part}" for kind in ("size", "strain") for part in ("equatorial", "axial")}
    assert seen >= {"Shift", "Transparency", "DisplaceX", "DisplaceY"}


def check_background_derivatives(
    project: Project, scales: tuple[float, float], function: BackgroundFunction, terms: int
) -> None:
    """chi^2 is a parabola in each coefficient, so that its central difference is its slope at any step."""
    problem = problem_of(project, scales, (0.0, 0.0), (function, terms))
    values = problem.start()
    objective = problem.objective()
    here = objective.linearise(values)
    for i in range(len(problem.variables), len(problem.names)):
        step = np.zeros_like(values)
        # So far that chi^2 doubles, where its rounding counts least.
        step[i] = np.sqrt(here.chi2 / max(here.normal[i, i], 1e-300))
        up, down = (objective.linearise(values + sign * step).chi2 for sign in (1, -1))
        assert here.normal[i, i] > 0
        assert (down - up) / 4 == pytest.approx(here.gradient[i] * step[i], abs=1e-9 * here.chi2)
        assert (up + down) / 2 - here.chi2 == pytest.approx(here.normal[i, i] * step[i] ** 2, rel=1e-9)


@examples(8, 300)
def test_every_background_term_of_every_function(count: int) -> None:
    scales = st.tuples(*[st.floats(0.1, 1000.0)] * 2)
    holds(count, check_background_derivatives, projects(), scales, st.sampled_from(BACKGROUNDS), st.integers(1, 12))

"""chi^2 is a function: the same values give the same number, whatever was evaluated between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from autogsas.engine.leastsq import minimise
from autogsas.engine.problem import RietveldProblem
from autogsas.model.project import Project

from .computed import problem_of
from .random_models import examples, holds, projects


def away(values: np.ndarray, problem: RietveldProblem, seed: int, share: float) -> np.ndarray:
    """Values within their bounds, moved by up to ``share`` of each one's largest step: farther than plans allow."""
    rng = np.random.default_rng(seed)
    largest = problem.largest_step
    step = np.where(np.isfinite(largest), largest, 0.3 * np.maximum(np.abs(values), 1.0))
    return np.clip(values + share * step * rng.uniform(-1, 1, values.size), problem.lower, problem.upper)


def check_history(project: Project, seed: int) -> None:
    problem = problem_of(project, (3.0, 40.0), (10.0, 0.5), ("chebyschev-1", 3))
    # Widths below zero at some places, so that the penalty counts.
    start = away(problem.start(), problem, seed, 0.1)
    near = away(start, problem, seed + 1, 1e-3)
    # Some random models have no pattern there, such as peaks as wide as all of it.
    assume(all(np.isfinite(problem.objective().settle(place)[1]) for place in (start, near)))
    objective = problem.objective().linearise(start).objective
    before = objective.settle(near), objective.linearise(near)
    for i, share in enumerate((1.0, 0.3, 1e-5)):
        other = away(start, problem, seed + 2 + i, share)
        try:
            objective.settle(other)
            elsewhere = objective.linearise(other).objective
            elsewhere.settle(near)
            elsewhere.with_terms_fixed(True).settle(other)
        except ValueError:
            continue  # no pattern there
    after = objective.settle(near), objective.linearise(near)
    assert after[0][1] == before[0][1]
    assert np.array_equal(after[0][0], before[0][0])
    assert (after[1].chi2, after[1].penalty) == (before[1].chi2, before[1].penalty)
    assert np.array_equal(after[1].gradient, before[1].gradient)
    assert np.array_equal(after[1].normal, before[1].normal)


@examples(8, 300)
def test_chi2_does_not_depend_on_what_was_evaluated_before(count: int) -> None:
    holds(count, check_history, projects(), st.integers(0, 1000))


@examples(3, 60)
def test_a_fit_does_not_depend_on_an_earlier_one(count: int) -> None:
    def check(project: Project, seed: int) -> None:
        problem = problem_of(project, (3.0, 40.0), (0.0, 0.0), ("chebyschev-1", 3))
        first = minimise(problem, problem.start(), 4)
        minimise(problem, away(problem.start(), problem, seed, 0.2), 2)
        second = minimise(problem, problem.start(), 4)
        assert second.chi2 == first.chi2
        assert np.array_equal(second.values, first.values)

    holds(count, check, projects(), st.integers(0, 1000))


def test_the_penalty_of_negative_widths_is_that_of_the_linearisation() -> None:
    """The penalty of `settle` at the place of the linearisation is that of `linearise`."""
    from autogsas.model.recipe import Free, Setting, Step

    from .models import CUBIC, XRAY, project, refined

    session = refined(
        project((CUBIC,), XRAY, (20.0, 90.0), 0.05),
        Step(set=(Setting(group="W", value=-3.0),), free=(Free(group="scale"), Free(group="background")), cycles=1),
    )
    problem = session._problem
    here = problem.objective().linearise(problem.start())
    values, chi2 = here.objective.settle(problem.start())
    assert here.penalty > 0
    assert chi2 - here.objective.linearise(values).chi2 == pytest.approx(here.penalty, rel=1e-6)

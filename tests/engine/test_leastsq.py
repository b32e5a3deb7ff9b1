"""The solver alone: known minima, bounds, singular directions named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from autogsas.engine.leastsq import minimise
from autogsas.engine.normal_equations import Linearised

Array = npt.NDArray[np.float64]


@dataclass
class Residuals:
    """A problem given by residuals and their Jacobian."""

    function: Callable[[Array], Array]
    jacobian: Callable[[Array], Array]
    names: tuple[str, ...]
    n_observations: int
    lower: Array
    upper: Array
    largest_step: Array
    halves: npt.NDArray[np.bool_]
    stairs: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, function, jacobian, names: str, n: int, lower=None, upper=None) -> Residuals:
        size = len(names.split())
        lower = np.full(size, -np.inf) if lower is None else lower
        upper = np.full(size, np.inf) if upper is None else upper
        largest, halves = np.full(size, np.inf), np.zeros(size, dtype=bool)
        return cls(function, jacobian, tuple(names.split()), n, lower, upper, largest, halves, halves)

    def settle(self, values: Array) -> tuple[Array, float]:
        return values, float(np.sum(self.function(values) ** 2))

    def linearise(self, values: Array) -> Linearised:
        j, r = self.jacobian(values), self.function(values)
        return Linearised(-j.T @ r, j.T @ j, float(r @ r), self)

    def objective(self) -> Residuals:
        return self

    def prepare(self, values: Array) -> None:
        pass

    def advance(self, values: Array) -> bool:
        return False

    def with_terms_fixed(self, fixed: bool) -> Residuals:
        return self

    def keep(self) -> None:
        pass


def straight(x: Array, y: Array, **bounds) -> Residuals:
    design = np.stack([np.ones_like(x), x], axis=1)
    return Residuals.of(lambda v: design @ v - y, lambda v: design, "a b", x.size, **bounds)


def test_a_straight_line_with_its_esds() -> None:
    rng = np.random.default_rng(0)
    x = np.linspace(0, 10, 50)
    y = 3 + 2 * x + rng.normal(0, 0.3, 50)
    fit = minimise(straight(x, y), np.zeros(2), 20)
    expected, covariance = np.polyfit(x, y, 1, cov=True)
    assert fit.converged
    assert np.all(np.abs(fit.values - expected[::-1]) < 0.01 * np.sqrt(np.diag(covariance))[::-1])
    assert np.allclose(fit.covariance, covariance[::-1, ::-1], rtol=1e-6)


def test_rosenbrock_from_the_usual_start() -> None:
    problem = Residuals.of(
        lambda v: np.array([10 * (v[1] - v[0] ** 2), 1 - v[0], 0.0]),
        lambda v: np.array([[-20 * v[0], 10.0], [-1.0, 0.0], [0.0, 0.0]]),
        "x y",
        3,
    )
    fit = minimise(problem, np.array([-1.2, 1.0]), 100)
    assert fit.values == pytest.approx([1.0, 1.0], abs=1e-5)


def test_of_two_equivalent_variables_one_is_dropped() -> None:
    x = np.linspace(0, 1, 30)
    design = np.stack([np.ones(30), x, 2 * x], axis=1)
    y = 1 + 3 * x + 0.01 * np.sin(40 * x)
    problem = Residuals.of(lambda v: design @ v - y, lambda v: design, "a b c", 30)
    fit = minimise(problem, np.zeros(3), 20)
    assert len(fit.dropped) == 1
    assert fit.dropped[0] in ("b", "c")
    assert fit.values[1] + 2 * fit.values[2] == pytest.approx(3.0, abs=0.05)
    assert np.all(np.isfinite(fit.covariance))


def test_a_variable_without_influence_is_dropped_by_name() -> None:
    x = np.linspace(0, 1, 30)
    design = np.stack([np.ones(30), np.zeros(30)], axis=1)
    problem = Residuals.of(lambda v: design @ v - x, lambda v: design, "a dead", 30)
    fit = minimise(problem, np.array([0.0, 7.0]), 20)
    assert fit.dropped == ("dead",)
    assert fit.values[1] == 7.0


def test_a_bound_holds_and_is_named() -> None:
    x = np.linspace(0, 10, 50)
    fit = minimise(straight(x, 3 - 2 * x, lower=np.array([-np.inf, -1.0])), np.array([0.0, 0.0]), 50)
    assert fit.values[1] == -1.0
    assert fit.at_bound == ("b",)
    assert fit.values[0] == pytest.approx(np.mean(3 - 2 * x + x), rel=1e-3)


def test_a_start_without_value_is_an_error() -> None:
    problem = Residuals.of(lambda v: np.array([np.inf]), lambda v: np.ones((1, 1)), "a", 1)
    with pytest.raises(ValueError, match="starting values"):
        minimise(problem, np.zeros(1), 5)


def test_the_cycle_limit_is_kept_and_reported() -> None:
    problem = Residuals.of(
        lambda v: np.array([10 * (v[1] - v[0] ** 2), 1 - v[0], 0.0]),
        lambda v: np.array([[-20 * v[0], 10.0], [-1.0, 0.0], [0.0, 0.0]]),
        "x y",
        3,
    )
    fit = minimise(problem, np.array([-1.2, 1.0]), 2)
    assert fit.cycles == 2
    assert "2 cycles" in fit.message


@pytest.mark.parametrize("stepped", [False, True])
def test_a_fit_that_stalls_on_a_slope_has_not_converged(stepped: bool) -> None:
    """Also with stairs: where no step lowers chi^2 but the others still move, there is no minimum."""
    x = np.linspace(0, 10, 50)
    y = 3 + 2 * x + np.random.default_rng(1).normal(0, 1, 50)
    problem = straight(x, y)
    problem.stairs[0] = stepped
    design = problem.jacobian(np.zeros(2))
    # The derivatives have the wrong sign, so that every step increases chi^2.
    wrong = Residuals(**{**vars(problem), "jacobian": lambda v: -design})
    # A fifth of an esd from the minimum: too far to be at rest, too near for chi^2 to show it.
    near = np.linalg.lstsq(design, y, rcond=None)[0] + np.array([0.06, 0.0])
    fit = minimise(wrong, near, 50)
    assert 0.1 < fit.shift_esd < 0.5
    assert not fit.converged
    assert "edge" not in fit.message
    assert "no step lowers chi2" in fit.message

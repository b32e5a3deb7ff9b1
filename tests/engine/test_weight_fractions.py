"""Weight fractions: what they add up to, a ratio worked out by hand, and esds against differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.engine.session import EngineSession
from autogsas.model.recipe import Free, Step
from autogsas.model.result import Result

from .models import CUBIC, QUARTZ, TETRAGONAL, XRAY, project, refined, simulate, step, with_data

# Masses of the cells' contents in Dalton: 3 SiO2, 4 CaF2, 2 TiO2 (IUPAC 2021, rounded).
MASSES = {"quartz": 3 * 60.083, "fluorite": 4 * 78.075, "rutile": 2 * 79.865}


def mixture(*groups: str) -> tuple[EngineSession, dict[str, float]]:
    made = project((QUARTZ, CUBIC, TETRAGONAL), XRAY, (18.0, 110.0), 0.03)
    scales = (300.0, 100.0, 200.0)
    clean = simulate(made, scales, np.full(made.histograms[0].pattern.x.size, 500.0))
    noisy = np.random.default_rng(1).poisson(clean).astype(float)
    session = refined(with_data(made, noisy), step("scale", "background", terms=4), step(*groups))
    names = [phase.name for phase in made.phases]
    shares = np.array([scale * MASSES[name] for scale, name in zip(scales, names, strict=True)])
    return session, dict(zip(names, (shares / shares.sum()).tolist(), strict=True))


def fractions(result: Result) -> dict[str, tuple[float, float | None]]:
    return {p.phase or "": (p.value, p.esd) for p in result.parameters if p.group == "weight_fraction"}


def test_they_add_up_to_one_and_are_those_of_the_mixture() -> None:
    session, expected = mixture("cell", "uiso")
    found = fractions(session.result())
    assert sum(value for value, _ in found.values()) == pytest.approx(1.0, abs=1e-12)
    for name, (value, esd) in found.items():
        assert esd is not None
        assert abs(value - expected[name]) < 4 * esd
        assert value == pytest.approx(expected[name], rel=0.02)


def test_their_ratio_is_that_of_scales_times_masses() -> None:
    session, _ = mixture("cell")
    found = fractions(session.result())
    scales = {p.phase: p.value for p in session.result().parameters if p.group == "scale"}
    ratio = scales["quartz"] * MASSES["quartz"] / (scales["fluorite"] * MASSES["fluorite"])
    assert found["quartz"][0] / found["fluorite"][0] == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize("groups", [("cell", "uiso"), ("occupancy",)])
def test_esds_against_differences_through_all_variables(groups: tuple[str, ...]) -> None:
    session, _ = mixture(*groups)
    session.refine(Step(fix=(Free(group="occupancy", phase="quartz"),), free=(Free(group="scale"),)))
    result = session.result()
    problem, fit, layout = session._problem, session._fit, session._layout
    assert problem is not None
    assert fit is not None
    n = len(problem.variables)
    masses = [state.masses() for state in layout.phases]

    def shares(values: np.ndarray) -> np.ndarray:
        raw = problem.raw(values)
        parts = [raw[layout.pair[p][0][0]] * (masses[p] @ raw[layout.occupancy[p]]) for p in range(3)]
        return np.array(parts) / np.sum(parts)

    jacobian = np.zeros((3, n))
    for i in range(n):
        move = np.zeros(len(problem.names))
        move[i] = 1e-6 * max(abs(fit.values[i]), 1e-3)
        jacobian[:, i] = (shares(fit.values + move) - shares(fit.values - move)) / (2 * move[i])
    expected = np.sqrt(np.diag(jacobian @ fit.covariance[:n, :n] @ jacobian.T))
    assert [esd for _, esd in fractions(result).values()] == pytest.approx(expected.tolist(), rel=1e-4)


def test_esds_grow_with_what_is_not_known() -> None:
    few, _ = mixture("cell")
    many, _ = mixture("cell", "uiso", "W", "X")
    for name, (_, esd) in fractions(few.result()).items():
        other = fractions(many.result())[name][1]
        assert esd is not None
        assert other is not None
        assert other > esd


def test_no_weight_fractions_of_one_phase_or_without_structures() -> None:
    made = project((QUARTZ,), XRAY, (18.0, 60.0), 0.05)
    made = with_data(made, simulate(made, (0.3,), np.full(made.histograms[0].pattern.x.size, 500.0)))
    assert fractions(refined(made, step("scale", "background", terms=3)).result()) == {}
    pair = replace(made, phases=(QUARTZ, replace(CUBIC, intensities="Le Bail")))
    assert fractions(refined(pair, step("scale", "background", terms=3)).result()) == {}

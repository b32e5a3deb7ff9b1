"""Sums of occupancies: they hold exactly, and esds say that the dependent occupancy is its partners'."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.engine.parameters import Layout
from autogsas.engine.session import EngineSession
from autogsas.errors import BackendError
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Setting, Step
from autogsas.model.sample import OccupancySum
from autogsas.model.structure import Cell, Phase, Site

from .models import XRAY, project, simulate, step, with_data


def solid_solution(occupancies: tuple[float, ...], total: float = 1.0) -> Phase:
    """Rock salt with three metals on one place, whose occupancies are summed, and oxygen on the other."""
    metals = ("Mg", "Fe", "Ca")
    sites = tuple(
        Site(element, element, (0.0, 0.0, 0.0), occupancy, 0.006)
        for element, occupancy in zip(metals, occupancies, strict=False)
    )
    return Phase(
        "salt",
        "F m -3 m",
        Cell(4.3, 4.3, 4.3, 90, 90, 90),
        (*sites, Site("O", "O", (0.5, 0.5, 0.5), 1.0, 0.008)),
        occupancy_sums=(OccupancySum(metals[: len(sites)], total),),
    )


def measured(truth: Phase, start: Phase, noise: bool = False) -> Project:
    made = project((truth,), XRAY, (25.0, 140.0), 0.04)
    clean = simulate(made, (800.0,), np.full(made.histograms[0].pattern.x.size, 3000.0))
    y = np.random.default_rng(5).poisson(clean).astype(float) if noise else clean
    return replace(with_data(made, y), phases=(start,))


def occupancies(session: EngineSession) -> dict[str, tuple[float, float | None]]:
    return {p.site or "": (p.value, p.esd) for p in session.result().parameters if p.group == "occupancy"}


@pytest.mark.parametrize("total", [1.0, 0.9])
def test_two_occupancies_are_found_and_add_up_exactly(total: float) -> None:
    truth = solid_solution((0.7 * total, 0.3 * total), total)
    start = solid_solution((0.5 * total, 0.5 * total), total)
    session = EngineSession(measured(truth, start), "test")
    session.refine(step("scale", "background", terms=3))
    session.refine(step("occupancy").model_copy(update={"fix": (Free(group="occupancy", site="O"),)}))
    found = occupancies(session)
    assert found["Mg"][0] + found["Fe"][0] == pytest.approx(total, abs=2e-16)
    assert found["Mg"][0] == pytest.approx(0.7 * total, abs=1e-5)
    assert found["Mg"][1] == found["Fe"][1] is not None
    assert found["O"] == (1.0, None)


def test_the_esd_of_three_is_that_of_a_sum() -> None:
    truth = solid_solution((0.5, 0.3, 0.2))
    session = EngineSession(measured(truth, truth, noise=True), "test")
    session.refine(step("scale", "background", terms=3))
    done = session.refine(Step(free=(Free(group="occupancy", site="Fe"), Free(group="occupancy", site="Ca")), cycles=2))
    fit, problem = session._fit, session._problem
    assert fit is not None
    assert problem is not None
    assert not done.dropped
    found = occupancies(session)
    assert sum(found[metal][0] for metal in ("Mg", "Fe", "Ca")) == pytest.approx(1.0, abs=1e-15)
    i, j = (problem.names.index(f"salt:{metal}:occupancy") for metal in ("Fe", "Ca"))
    c = fit.covariance
    assert found["Mg"][1] == pytest.approx(np.sqrt(c[i, i] + c[j, j] + 2 * c[i, j]), rel=1e-9)


def test_noise_leaves_the_sum_exact_and_the_truth_within_the_esd() -> None:
    truth, start = solid_solution((0.7, 0.3)), solid_solution((0.4, 0.6))
    session = EngineSession(measured(truth, start, noise=True), "test")
    for item in (
        step("scale", "background", terms=3),
        step("cell", "W", cycles=5),
        step("occupancy", "uiso", "X", "Y"),
        Step(fix=(Free(group="occupancy", site="O"),)),
    ):
        done = session.refine(item)
        found = occupancies(session)
        assert found["Mg"][0] + found["Fe"][0] == 1.0
    assert done.converged
    value, esd = found["Mg"]
    assert esd is not None
    assert abs(value - 0.7) < 4 * esd


def test_a_start_off_its_sum_is_put_right_and_one_above_it_is_named() -> None:
    layout = Layout(project((solid_solution((0.3, 0.3)),), XRAY, (25.0, 60.0), 0.1))
    raw = layout.start()
    assert raw[layout.occupancy[0]].tolist() == [0.7, 0.3, 1.0]
    over = solid_solution((0.9, 0.8, 0.7))
    with pytest.raises(BackendError, match="exceed") as caught:
        EngineSession(project((over,), XRAY, (25.0, 60.0), 0.1), "test")
    assert caught.value.cause == "structure"


def test_a_setting_is_followed_by_the_partner() -> None:
    start = solid_solution((0.6, 0.4))
    session = EngineSession(measured(start, start), "test")
    session.refine(
        step("scale", "background", terms=3).model_copy(
            update={"set": (Setting(group="occupancy", site="Fe", value=0.25),)}
        )
    )
    found = occupancies(session)
    assert found["Fe"][0] == 0.25
    assert found["Mg"][0] == 0.75


def test_asking_for_the_dependent_site_frees_its_partner() -> None:
    layout = Layout(project((solid_solution((0.7, 0.3)),), XRAY, (25.0, 60.0), 0.1))
    for site in ("Mg", "Fe"):
        (variable,) = layout.variables([Free(group="occupancy", site=site)])
        assert variable.name == "salt:Fe:occupancy"
        assert variable.coefficients == (1.0, -1.0)
        assert (variable.lower, variable.upper) == (0.0, 1.0)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_at_a_bound_both_occupancies_stay_within_theirs(share: float) -> None:
    truth, start = solid_solution((share, 1 - share)), solid_solution((0.5, 0.5))
    session = EngineSession(measured(truth, start, noise=True), "test")
    session.refine(step("scale", "background", terms=3))
    session.refine(Step(free=(Free(group="occupancy", site="Mg"),)))
    found = occupancies(session)
    assert 0 <= found["Mg"][0] <= 1
    assert 0 <= found["Fe"][0] <= 1
    assert found["Mg"][0] == pytest.approx(share, abs=0.02)

"""Starting values by choice: the cell that the patterns show, and random starts if the project asks for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.builtin.checks.physical import autogsas_check_result
from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.builtin.strategy import starts
from autogsas.builtin.strategy.starts import CELL, PERTURB, perturbed
from autogsas.engine.session import EngineSession
from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.metrics import Metrics
from autogsas.model.project import GroupSearch, PerturbSearch, Project, Search
from autogsas.model.recipe import Recipe, SizeModel, Start, Step, StrainModel
from autogsas.model.structure import Cell, Phase
from autogsas.trial.building import build_recipe
from autogsas.trial.cells import with_found_cells
from tests.builtin.strategy.test_strategy import Random
from tests.engine.models import MONOCLINIC, QUARTZ, XRAY, project, refined, simulate, step, with_data

CAN = replace(NumpyBackend().capabilities(), advises=False)
PERTURBED = Search(perturb=PerturbSearch(positions=0.1, cell=0.01))


def measured(phase: Phase) -> Project:
    made = project((phase,), XRAY, (15.0, 110.0), 0.03)
    y = simulate(made, (100.0,), np.full_like(made.histograms[0].pattern.x, 200.0))
    return with_data(made, np.random.default_rng(1).poisson(y).astype(float))


@pytest.fixture(scope="module")
def host() -> Host:
    return Host(entry_points=False)


@pytest.fixture(scope="module")
def right(host: Host) -> Project:
    return with_found_cells(host, measured(QUARTZ))


@pytest.fixture(scope="module")
def wrong(host: Host, right: Project) -> Project:
    """The same pattern, with a cell whose lines are several widths off."""
    a, c = 1.011 * QUARTZ.cell.a, 1.006 * QUARTZ.cell.c
    phase = replace(QUARTZ, cell=Cell(a, a, c, 90, 90, 120))
    return with_found_cells(host, replace(right, phases=(phase,), found_cells=None))


def built(host: Host, made: Project, can: Capabilities = CAN, **fixed: object) -> tuple[Recipe, set[str]]:
    made = with_found_cells(host, made)
    choose = Random(1, {name.replace("__", "."): value for name, value in fixed.items()})
    return build_recipe(host, made, can, choose), choose.names


def test_a_found_cell_is_a_choice(host: Host, wrong: Project) -> None:
    recipe, names = built(host, wrong, start__cell="found")
    assert CELL in names
    assert PERTURB not in names
    (start,) = recipe.steps[0].start
    assert start.cell == pytest.approx(QUARTZ.cell.values(), rel=5e-4)
    recipe, _ = built(host, wrong, start__cell="as given")
    assert not any(start.cell for step in recipe.steps for start in step.start)


def test_a_right_cell_adds_no_choice(host: Host, right: Project) -> None:
    assert not {CELL, PERTURB} & built(host, right)[1]


def test_a_cell_that_cannot_change_adds_no_choice(host: Host, wrong: Project) -> None:
    wrong = replace(wrong, search=PERTURBED)
    assert not {CELL, PERTURB} & built(host, wrong, replace(CAN, starts=frozenset()))[1]
    held = replace(wrong, search=Search(groups=GroupSearch(never=("cell",))))
    assert CELL not in built(host, held)[1]
    published = replace(wrong, search=PERTURBED.model_copy(update={"space": "published-2020"}))
    assert starts.autogsas_choose_start(Random(0), published, CAN) == ()


def test_the_cells_of_a_project_are_looked_for_once(wrong: Project) -> None:
    host = Host(entry_points=False)
    asked = []

    class Counting:
        @hookimpl
        def autogsas_find_cells(self, project: Project) -> None:
            asked.append(project)

    host.register(Counting())
    fresh = replace(wrong, found_cells=None)
    filled = with_found_cells(host, fresh)
    assert filled.found_cells == wrong.found_cells
    assert with_found_cells(host, filled) is filled
    assert asked == [fresh]
    published = replace(fresh, search=Search(space="published-2020"))
    assert with_found_cells(host, published) is published


def test_a_wrong_answer_about_cells_names_the_plugin(wrong: Project) -> None:
    host = Host(entry_points=False)

    class Wrong:
        @hookimpl
        def autogsas_find_cells(self) -> dict[str, tuple[float, ...]]:
            return {"nowhere": (1.0, 2.0)}

    host.register(Wrong(), "wrong")
    with pytest.raises(PluginError, match=r"autogsas_find_cells \(wrong, .*gave a wrong answer"):
        with_found_cells(host, replace(wrong, found_cells=None))


def test_all_seeds_but_one_start_from_the_found_cell(host: Host, right: Project, wrong: Project) -> None:
    seeds = host.call("seed_recipes", project=replace(wrong, search=PERTURBED), capabilities=CAN)[0]
    cells = [seed.choices[CELL] for seed in seeds]
    assert cells.count("as given") == 1
    assert cells[0] == "found"
    assert {seed.choices[PERTURB] for seed in seeds} == {0}
    for seed in host.call("seed_recipes", project=right, capabilities=CAN)[0]:
        assert not {CELL, PERTURB} & set(seed.choices)


METRICS = Metrics(rwp=8.0, rexp=5.0, gof=1.6, chi2=1e4, n_observations=1000, n_variables=3)


def test_a_cell_from_which_least_squares_fails(host: Host) -> None:
    """The steps are fewer than the strategy's, which finds its way from most cells of made-up patterns."""
    a, b, c, *angles = MONOCLINIC.cell.values()
    made = measured(MONOCLINIC)
    made = replace(made, phases=(replace(MONOCLINIC, cell=Cell(1.012 * a, 1.012 * b, 1.012 * c, *angles)),))
    results = []
    for cell in ("found", "as given"):
        first = built(host, made, start__cell=cell)[0].steps[0]
        begin = step("scale", "background", terms=3).model_copy(update={"start": first.start})
        results.append(refined(made, begin, step("cell", cycles=20)).result())
    found, given = results
    assert found.phases[0].cell.values() == pytest.approx(MONOCLINIC.cell.values(), rel=1e-4)
    assert given.engine_rwp > found.engine_rwp + 5
    made = with_found_cells(host, made)
    codes = [{one.code for one in autogsas_check_result(made, result, METRICS)} for result in results]
    assert "cell-found" in codes[0]
    assert "cell-found" not in codes[1]


def test_a_right_cell_gives_no_finding(right: Project) -> None:
    result = refined(right, step("scale", "background", terms=3), step("cell")).result()
    assert "cell-found" not in {one.code for one in autogsas_check_result(right, result, METRICS)}


def test_random_starts_are_a_choice(host: Host, right: Project) -> None:
    made = replace(right, search=PERTURBED)
    assert PERTURB in built(host, made)[1]
    assert not any(start.cell or start.sites for start in built(host, made, perturb=0)[0].steps[0].start)
    (start,) = built(host, made, perturb=3)[0].steps[0].start
    assert start == built(host, made, perturb=3)[0].steps[0].start[0]
    assert start != built(host, made, perturb=4)[0].steps[0].start[0]
    assert set(start.sites) == {"Si", "O"}
    EngineSession(made, "test").refine(Step(start=(start,), free=("scale",)))  # type: ignore[arg-type]


def test_random_starts_are_around_the_found_cell(host: Host, wrong: Project) -> None:
    (found,) = (wrong.found_cells or {}).values()
    for wanted, near in ((PerturbSearch(positions=0.1), 1e-12), (PerturbSearch(cell=0.003), 0.0031)):
        made = replace(wrong, search=Search(perturb=wanted))
        for index in range(1, 9):
            (start,) = built(host, made, start__cell="found", perturb=index)[0].steps[0].start
            assert start.cell == pytest.approx(found, rel=near)
            assert bool(start.sites) == (wanted.positions > 0)


def test_random_starts_are_within_the_given_distance(right: Project) -> None:
    made = replace(right, search=PERTURBED)
    for index in range(1, 9):
        (start,) = perturbed(made, index, 7)
        assert start.cell is not None
        a, b, c, *angles = start.cell
        assert a == b
        assert angles == [90, 90, 120]
        assert max(abs(a / QUARTZ.cell.a - 1), abs(c / QUARTZ.cell.c - 1)) <= 0.0101
        # Silicon stays on its axis.
        assert start.sites["Si"][1:] == pytest.approx(QUARTZ.sites[0].xyz[1:])


def test_a_start_of_the_step_itself_takes_precedence() -> None:
    given = (Start(phase="p", cell=(5, 5, 5, 90, 90, 90), sites={"A": (0, 0, 0.1), "B": (0, 0, 0.2)}), Start(phase="q"))
    own = Step(start=(Start(phase="p", sites={"A": (0, 0, 0.3)}, axis=(1, 0, 0)), Start(phase="r", axis=(0, 1, 0))))
    merged = {start.phase: start for start in own.beginning_at(given).start}
    assert list(merged) == ["p", "q", "r"]
    assert merged["p"].cell == (5, 5, 5, 90, 90, 90)
    assert merged["p"].sites == {"A": (0, 0, 0.3), "B": (0, 0, 0.2)}
    assert merged["p"].axis == (1, 0, 0)


def test_a_model_of_the_step_itself_takes_precedence() -> None:
    uniaxial, generalised = SizeModel(model="uniaxial", axis=(1, 0, 0)), StrainModel(model="generalized")
    given = (Start(phase="p", size=uniaxial, strain=generalised),)
    own = Step(start=(Start(phase="p", size=SizeModel(model="isotropic")),))
    (merged,) = own.beginning_at(given).start
    assert merged.size == SizeModel(model="isotropic")
    assert merged.strain == generalised

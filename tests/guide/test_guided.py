"""Guided refinements of samples of known truth, and the recipes that repeat them."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.judging import true_values
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.builtin.strategy.candidates import autogsas_list_candidates
from autogsas.builtin.strategy.guided import guided_seeds
from autogsas.errors import BackendError
from autogsas.guide.guided import Guided, guided_refinement
from autogsas.guide.standing import evidence, standing
from autogsas.hooks.choices import Seed
from autogsas.hooks.host import Host
from autogsas.model.advice import Guide
from autogsas.model.project import GroupSearch, Project, Search
from autogsas.model.recipe import Background, Free, Recipe, Step
from autogsas.model.result import StepResult, parameter_group
from autogsas.search.seeds import collect_seeds
from autogsas.testing.fake import FakeBackend
from autogsas.trial.child import run_trial
from autogsas.trial.messages import Begin

BACKEND = NumpyBackend()
BY_NAME = {sample.name: sample for sample in SAMPLES}
FIRST = Step(
    background=(Background(function="chebyschev-1", terms=8),), free=(Free(group="scale"), Free(group="background"))
)


def guide_of(project: Project) -> Guide:
    seed = guided_seeds(project, BACKEND.capabilities())[0]
    assert seed.guide is not None
    return Guide(seed.guide.beginnings, tuple(autogsas_list_candidates(project, BACKEND.capabilities())))


def guided(name: str, search: Search | None = None) -> tuple[Guided, list[StepResult]]:
    project = given_project(BY_NAME[name], search or Search())
    steps: list[StepResult] = []
    found = guided_refinement(project, guide_of(project), lambda: BACKEND.open(project, Path()), steps.append)
    return found, steps


def groups(recipe: Recipe) -> set[str]:
    return {free.group for step in recipe.steps for free in step.free}


@pytest.mark.parametrize("name", ["zincite-plates", "displaced-quartz", "glass-and-rutile"])
def test_the_data_lead_to_the_truth(name: str) -> None:
    found, steps = guided(name)
    truth = true_values(BY_NAME[name])
    known = {parameter.name: parameter for parameter in found.result.parameters}
    # Along z the origin of zincite is free, so that only the distance of its atoms has a true value.
    refined = {key: value for key, value in truth.items() if known[key].esd and not key.startswith("zincite:O:z")}
    pulls = [(known[key].value - value) / (known[key].esd or 1.0) for key, value in refined.items()]
    assert len(pulls) >= 4
    assert max(map(abs, pulls)) < 4.0
    assert len(steps) > len(found.recipe.steps)
    wanted = {"zincite-plates": "preferred_orientation", "displaced-quartz": "displacement"}.get(name)
    assert wanted is None or wanted in groups(found.recipe)
    if name == "glass-and-rutile":
        terms = [background.terms for step in found.recipe.steps for background in step.background]
        assert terms[-1] > 8


def test_the_recipe_repeats_the_result_and_a_plain_sample_stays_plain() -> None:
    found, _ = guided("corundum-plain")
    project = given_project(BY_NAME["corundum-plain"], Search())
    session = BACKEND.open(project, Path())
    for step in found.recipe.steps:
        session.refine(step)
    assert session.result().engine_rwp == pytest.approx(found.result.engine_rwp, rel=1e-9)
    assert found.recipe.steps[-1].cycles is None
    assert not groups(found.recipe) & {"preferred_orientation", "occupancy", "uaniso", "displacement", "transparency"}
    # What the evidence does not rule out is remembered, with its own values.
    assert found.result.alternatives
    for other in found.result.alternatives:
        assert other.n_variables != found.result.n_variables or other.parameters != found.result.parameters


@pytest.mark.slow
def test_groups_that_are_always_or_never_refined() -> None:
    search = Search(groups=GroupSearch(always=("zero",), never=("cell", "positions")))
    found, _ = guided("corundum-plain", search)
    assert "zero" in groups(found.recipe)
    assert not groups(found.recipe) & {"cell", "positions"}


def test_a_copy_goes_its_own_way() -> None:
    project = given_project(BY_NAME["corundum-plain"], Search())
    session = BACKEND.open(project, Path())
    session.refine(FIRST)
    before = session.result()
    other = session.copy()
    other.refine(Step(free=(Free(group="cell"), Free(group="Y"))))
    assert session.result().engine_rwp == before.engine_rwp
    assert other.result().engine_rwp < before.engine_rwp
    # And the first one arrives where the copy did.
    session.refine(Step(free=(Free(group="cell"), Free(group="Y"))))
    assert session.result().engine_rwp == pytest.approx(other.result().engine_rwp, rel=1e-12)


def test_evidence_counts_variables() -> None:
    project = given_project(BY_NAME["corundum-plain"], Search())
    session = BACKEND.open(project, Path())
    session.refine(FIRST)
    small = standing(session, (), {})
    more = session.copy()
    more.refine(Step(free=(Free(group="cell"),)))
    large = standing(more, (), {})
    assert evidence(large, small) > 100.0
    assert evidence(small, large) == pytest.approx(-evidence(large, small))
    assert evidence(large, large) == 0.0


def test_an_engine_that_cannot_advise_gets_no_guided_trial(samples_project: Project) -> None:
    assert all(seed.guide is None for seed in collect_seeds(Host(), samples_project, FakeBackend()))
    guide = Guide((FIRST,))
    with pytest.raises(BackendError, match="cannot tell"):
        guided_refinement(samples_project, guide, lambda: FakeBackend().open(samples_project, Path()), lambda _: None)


def test_a_guided_trial_in_its_folder(tmp_path: Path) -> None:
    project = given_project(BY_NAME["zincite-plates"], Search())
    seed: Seed = next(seed for seed in collect_seeds(Host(), project, BACKEND) if seed.guide is not None)
    assert seed.guide is not None
    assert seed.recipe is not None
    assert len(seed.guide.candidates) > 10
    ended = run_trial(BACKEND, project, Begin(3, seed.recipe, tmp_path, guide=seed.guide), lambda _: None)
    assert (ended.cause, ended.number) == ("", 3)
    assert ended.recipe is not None
    assert ended.result is not None
    assert (tmp_path / "saved" / "best.py").is_file()
    assert parameter_group("preferred_orientation") in groups(ended.recipe)


@pytest.fixture
def samples_project() -> Project:
    return given_project(BY_NAME["corundum-plain"], Search())

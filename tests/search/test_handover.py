"""A recipe for another engine begins where the first engine ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.model.project import Search
from autogsas.model.recipe import Background, Free, Group, Recipe, Setting, SizeModel, Start, Step, StrainModel
from autogsas.model.result import Parameter
from autogsas.search.handover import from_the_end


def free(*groups: Group) -> tuple[Free, ...]:
    return tuple(Free(group=group) for group in groups)


RECIPE = Recipe(
    steps=(
        Step(background=(Background(function="chebyschev-1", terms=8),), free=free("scale", "background"), cycles=5),
        Step(free=free("cell"), cycles=5),
        Step(free=free("Y", "positions", "uiso_shared"), cycles=5),
        Step(),
    )
)


def test_the_recipe_begins_at_the_end_and_ends_at_the_same_fit() -> None:
    project = given_project(next(one for one in SAMPLES if one.name == "corundum-plain"), Search())
    session = NumpyBackend().open(project, Path())
    for step in RECIPE.steps:
        session.refine(step)
    end = session.result()
    again = NumpyBackend().open(project, Path())
    recipe = from_the_end(RECIPE, end.parameters)
    rwps = [again.refine(step).rwp for step in recipe.steps]
    # At once, and not only after all has been refined: the first step refines scale and background alone.
    assert rwps == pytest.approx([end.engine_rwp] * len(rwps), rel=1e-4)
    known = {one.name: one.value for one in end.parameters}
    for one in again.result().parameters:
        if one.esd and one.group != "background":
            assert abs(one.value - known[one.name]) < 0.05 * one.esd


def parameter(name: str, value: float, group: Group, unit: str, **where: str) -> Parameter:
    return Parameter(name, value, 0.01, unit, group, where.get("phase"), where.get("histogram"), where.get("site"))


def test_models_come_first_and_what_was_set_but_not_refined_stays() -> None:
    recipe = Recipe(
        steps=(
            Step(free=free("scale")),
            Step(
                start=(Start(phase="p", size=SizeModel(model="uniaxial"), strain=StrainModel(model="generalized")),),
                set=(Setting(group="W", value=3.0), Setting(group="X", value=2.0)),
                free=free("size", "strain", "X"),
            ),
        )
    )
    pair = {"phase": "p", "histogram": "h"}
    parameters = [
        parameter("p:h:size equatorial", 0.02, "size", "µm", **pair),
        parameter("p:h:size axial", 0.08, "size", "µm", **pair),
        parameter("p:h:strain S400", 900.0, "strain", "1e-12 Å⁻⁴", **pair),
        parameter("h:X", 1.5, "X", "0.01°", histogram="h"),
        parameter("h:background 1", 5.0, "background", "", histogram="h"),
    ]
    first, second = from_the_end(recipe, parameters).steps
    assert first.start == recipe.steps[1].start
    assert [(one.group, one.histogram) for one in first.set] == [("W", None), ("X", None), ("size", "h"), ("X", "h")]
    assert [one.value for one in first.set] == pytest.approx([3.0, 2.0, 0.04, 1.5])
    assert not second.start
    assert not second.set
    assert second.free == recipe.steps[1].free
    assert from_the_end(Recipe(steps=recipe.steps[:1]), []).steps == recipe.steps[:1]

"""The default strategy makes recipes that fit the project, and offers no two names for one thing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from autogsas.builtin.backend import NumpyBackend
from autogsas.host import Host
from autogsas.project import BackgroundSearch, GroupSearch, Project, Search
from autogsas.recipe import Recipe
from autogsas.space import FixedChoose, build_recipe
from tests.engine.models import CUBIC, NEUTRON, XRAY, project

CAPABILITIES = NumpyBackend().capabilities()


class Random:
    """Chooses at random, and fills in what fixed values leave open."""

    def __init__(self, seed: int, fixed: dict[str, Any] | None = None) -> None:
        self._random = random.Random(seed)
        self._fixed = fixed or {}
        self.names: set[str] = set()

    def _or(self, name: str, value: Any) -> Any:
        self.names.add(name)
        return self._fixed.get(name, value)

    def category(self, name: str, options: Sequence[Any]) -> Any:
        value = self._or(name, self._random.choice(list(options)))
        assert value in options, (name, value)
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        value = self._or(name, self._random.randint(low, high))
        assert low <= value <= high
        return int(value)

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        value = self._or(name, self._random.uniform(low, high))
        assert low <= value <= high
        return float(value)

    def yes(self, name: str) -> bool:
        return bool(self._or(name, self._random.random() < 0.5))


def samples() -> list[Project]:
    flat = project((CUBIC,), XRAY, (15.0, 130.0), 0.05)
    capillary = project((CUBIC,), NEUTRON, (15.0, 130.0), 0.05)
    both = replace(flat, histograms=(replace(flat.histograms[0], name="X"), replace(capillary.histograms[0], name="N")))
    tensor = replace(
        CUBIC, name="tensor", sites=(replace(CUBIC.sites[0], uaniso=(0.01,) * 3 + (0.0,) * 3), CUBIC.sites[1])
    )
    return [flat, capillary, both, replace(flat, phases=(CUBIC, tensor))]


@pytest.fixture(scope="module")
def host() -> Host:
    return Host(entry_points=False)


def freed(recipe: Recipe) -> list[str]:
    return [str(free.group) for step in recipe.steps for free in step.free]


@pytest.mark.parametrize("index", range(4))
def test_random_recipes_keep_the_rules(host: Host, index: int) -> None:
    made = samples()[index]
    for seed in range(60):
        recipe = build_recipe(host, made, CAPABILITIES, Random(seed))
        first, last = recipe.steps[0], recipe.steps[-1]
        assert {free.group for free in first.free} == {"scale", "background"}
        assert len(first.background) == len(made.histograms)
        assert last.limits is None
        assert last.cycles is None, "the last step goes on to convergence"
        everything = {*freed(recipe)} - {"scale", "background"}
        assert ("uaniso" in everything) <= (index == 3)
        assert {str(free.group) for free in last.free} == everything
        for histogram in made.histograms:
            own = {f.group for f in last.free if f.histogram in (None, histogram.name)}
            assert not {"zero", "displacement"} <= own, "zero and displacement are one curve"
            assert not {"X", "size"} <= own
            assert not {"Y", "strain"} <= own
            if histogram.instrument.geometry == "Debye-Scherrer":
                assert "transparency" not in own


@pytest.mark.parametrize("index", range(4))
def test_seeds_are_points_of_the_space(host: Host, index: int) -> None:
    made = samples()[index]
    seeds = host.call("seed_recipes", project=made, capabilities=CAPABILITIES)[0]
    assert len(seeds) >= 4
    recipes = []
    for seed in seeds:
        choose = Random(0)
        build_recipe(host, made, CAPABILITIES, choose)
        recipes.append(build_recipe(host, made, CAPABILITIES, FixedChoose(seed.choices)))
        assert set(seed.choices) <= choose.names | set(seed.choices)
    assert len({str(recipe.plain()) for recipe in recipes}) == len(recipes)


def test_settings_narrow_the_space(host: Host) -> None:
    search = Search(
        background=BackgroundSearch(functions=("cosine",), terms=(4, 5)),
        groups=GroupSearch(never=("SH/L", "positions", "displacement"), always=("uiso", "occupancy")),
    )
    made = replace(samples()[0], search=search)
    for seed in range(30):
        recipe = build_recipe(host, made, CAPABILITIES, Random(seed))
        background = recipe.steps[0].background[0]
        assert background.function == "cosine"
        assert background.terms in (4, 5)
        assert not {"SH/L", "positions", "displacement"} & set(freed(recipe))
        assert {"uiso", "occupancy"} <= set(freed(recipe))
    for seed in host.call("seed_recipes", project=made, capabilities=CAPABILITIES)[0]:
        recipe = build_recipe(host, made, CAPABILITIES, Random(1, seed.choices))
        assert recipe.steps[0].background[0].terms in (4, 5)


def test_the_first_steps_keep_to_their_range(host: Host) -> None:
    made = samples()[0]
    choices = host.call("seed_recipes", project=made, capabilities=CAPABILITIES)[0][0].choices
    recipe = build_recipe(host, made, CAPABILITIES, FixedChoose(choices | {"first.start": 0.2, "first.width": 0.5}))
    low, high = recipe.steps[0].limits["data"]
    assert low == pytest.approx(15 + 0.2 * 115)
    assert high == pytest.approx(low + 0.5 * (130 - low))


def test_a_minor_phase_can_keep_its_atoms(host: Host) -> None:
    made = samples()[3]
    seeds = host.call("seed_recipes", project=made, capabilities=CAPABILITIES)[0]
    recipe = build_recipe(host, made, CAPABILITIES, FixedChoose(seeds[0].choices))
    assert {free.phase for free in recipe.steps[-1].free if free.group in ("positions", "uiso")} == {"fluorite"}


def test_a_phase_without_structure_is_not_asked_for_atoms() -> None:
    plain, free = CUBIC, replace(CUBIC, name="free", intensities="Le Bail")
    made = project((plain, free), XRAY, (15.0, 130.0), 0.05)
    choose = Random(3, {"structure.positions[fluorite]": True, "structure.uiso[fluorite]": True})
    recipe = build_recipe(Host(), made, CAPABILITIES, choose)
    asked = {name for name in choose.names if name.startswith("structure.")}
    assert asked == {"structure.positions[fluorite]", "structure.uiso[fluorite]"}
    freed = [item for step in recipe.steps for item in step.free if item.group in ("positions", "uiso", "uaniso")]
    assert {item.phase for item in freed} == {"fluorite"}

"""The default strategy makes recipes that fit the project, and never offers two names for the same recipe."""

from __future__ import annotations

import functools
import random
from dataclasses import replace
from typing import Any

import pytest

from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.builtin.strategy.options import displacements
from autogsas.hooks.host import Host
from autogsas.model.project import BackgroundSearch, GroupSearch, Project, Search
from autogsas.model.recipe import Recipe
from autogsas.trial.building import build_recipe
from autogsas.trial.choosers import YES_OR_NO, Category, Chooser, Dimension, FixedChoose, Integer, Value
from autogsas.trial.pruning import decisive_step
from tests.engine.models import CUBIC, NEUTRON, XRAY, project

# Of an engine that cannot tell what to free next: its seeds are all by hand.
CAPABILITIES = replace(NumpyBackend().capabilities(), advises=False)


class Random(Chooser):
    """Chooses at random, and fills in what fixed values leave open."""

    def __init__(self, seed: int, fixed: dict[str, Any] | None = None) -> None:
        self._random = random.Random(seed)
        self._fixed = fixed or {}
        self.names: set[str] = set()

    def choose(self, name: str, dimension: Dimension) -> Value:
        self.names.add(name)
        value = self._fixed.get(name, self._draw(dimension))
        if isinstance(dimension, Category):
            assert value in dimension.options, (name, value)
        else:
            assert dimension.low <= value <= dimension.high
        return value

    def _draw(self, dimension: Dimension) -> Value:
        if dimension is YES_OR_NO:
            return self._random.random() < 0.5
        if isinstance(dimension, Category):
            return self._random.choice(list(dimension.options))
        if isinstance(dimension, Integer):
            return self._random.randint(dimension.low, dimension.high)
        return self._random.uniform(dimension.low, dimension.high)


@functools.cache
def samples() -> tuple[Project, ...]:
    flat = project((CUBIC,), XRAY, (15.0, 130.0), 0.05)
    capillary = project((CUBIC,), NEUTRON, (15.0, 130.0), 0.05)
    both = replace(flat, histograms=(replace(flat.histograms[0], name="X"), replace(capillary.histograms[0], name="N")))
    tensor = replace(
        CUBIC, name="tensor", sites=(replace(CUBIC.sites[0], uaniso=(0.01,) * 3 + (0.0,) * 3), CUBIC.sites[1])
    )
    return flat, capillary, both, replace(flat, phases=(CUBIC, tensor))


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
        at_once = {free.group for free in first.free}
        assert at_once >= {"scale", "background"}
        assert at_once <= {"scale", "background", "cell", "zero", "displacement"}
        assert len(first.background) == len(made.histograms)
        assert last.limits is None
        assert last.cycles is None, "the last step runs to convergence"
        everything = {str(free.group) for free in last.free}
        # Tensors begin as isotropic in the steps before the last.
        assert {*freed(recipe)} - {"scale", "background"} - everything <= {"uiso"}
        early = [step for step in recipe.steps if step.cycles is not None]
        assert not any(free.group == "uaniso" for step in early for free in step.free)
        assert not {"uiso_shared", "uiso"} <= everything or index == 3
        oriented = [free for free in last.free if free.group == "preferred_orientation"]
        assert not oriented or recipe.steps[0].start, "an orientation has an axis"
        assert not oriented or index != 1, "grains in a can are not oriented"
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


def test_the_first_steps_stay_in_their_range(host: Host) -> None:
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


def test_a_phase_without_structure_has_no_choices_of_atoms() -> None:
    plain, free = CUBIC, replace(CUBIC, name="free", intensities="Le Bail")
    made = project((plain, free), XRAY, (15.0, 130.0), 0.05)
    choose = Random(3, {"structure.positions[fluorite]": True, "structure.u[fluorite]": "per site"})
    recipe = build_recipe(Host(), made, CAPABILITIES, choose)
    asked = {name for name in choose.names if name.startswith("structure.")}
    assert asked - {"structure.axis[fluorite]"} == {
        "structure.positions[fluorite]",
        "structure.u[fluorite]",
        "structure.orientation[fluorite]",
    }
    freed = [item for step in recipe.steps for item in step.free if item.group in ("positions", "uiso", "uaniso")]
    assert {item.phase for item in freed} == {"fluorite"}


def order_of(recipe: Recipe) -> tuple[str, ...]:
    return tuple(step.title for step in recipe.steps[1:] if step.cycles is not None)


def test_every_order_is_possible_and_the_usual_one_is_most_frequent(host: Host) -> None:
    made = samples()[0]
    fixed = {"early.steps": 4, "profile.gaussian": "U V W", "structure.positions": True}
    orders = [order_of(build_recipe(host, made, CAPABILITIES, Random(seed, fixed))) for seed in range(2000)]
    whole = [order for order in orders if len(order) == 4]
    assert len(set(whole)) == 24
    assert max(set(whole), key=whole.count)[:2] == ("cell", "first widths")


def test_there_are_as_many_early_steps_as_chosen(host: Host) -> None:
    made = samples()[0]
    for count in range(5):
        fixed = {"early.steps": count, "profile.gaussian": "U V W", "structure.positions": True, "order.cell": 0.3}
        recipe = build_recipe(host, made, CAPABILITIES, Random(1, fixed))
        assert len(order_of(recipe)) == count
        assert recipe.steps[-1].limits is None


@pytest.mark.parametrize("way", ["last", "free", "held", "as given"])
def test_the_axial_divergence_is_treated_as_chosen(host: Host, way: str) -> None:
    fixed = {"profile.axial": way, "axial.start": 0.03}
    for seed in range(10):
        recipe = build_recipe(host, samples()[0], CAPABILITIES, Random(seed, fixed))
        set_to = [item.value for item in recipe.steps[0].set if item.group == "SH/L"]
        frees = ["SH/L" in {str(free.group) for free in step.free} for step in recipe.steps]
        assert set_to == ([] if way == "as given" else [0.03])
        assert any(frees) == (way in ("last", "free"))
        if way == "last":
            assert frees == [False] * (len(frees) - 1) + [True]
            assert recipe.steps[-2].cycles is None, "all else has converged before"
            assert {*recipe.steps[-2].free} == {free for free in recipe.steps[-1].free if free.group != "SH/L"}
            assert decisive_step(recipe) == len(recipe.steps) - 2
        else:
            assert decisive_step(recipe) == len(recipe.steps) - 1


def test_an_undeclared_geometry_is_a_choice_with_its_own_shifts(host: Host) -> None:
    made = samples()[0]
    assumed = replace(made, histograms=(replace(made.histograms[0], geometry_declared=False),))
    seen = set()
    for seed in range(40):
        choose = Random(seed)
        recipe = build_recipe(host, assumed, CAPABILITIES, choose)
        geometry = recipe.steps[0].geometry_for("data")
        seen.add(geometry)
        flat = geometry is None
        assert ("shift.flat" in choose.names) == flat
        assert ("shift.capillary" in choose.names) == (not flat)
        assert "transparency" not in freed(recipe) or flat
        assert all(step.geometry is None for step in recipe.steps[1:])
    assert seen == {None, "Debye-Scherrer"}
    choose = Random(1)
    build_recipe(host, made, CAPABILITIES, choose)
    assert "geometry" not in choose.names, "a declared geometry is not chosen"


def test_orientation_is_along_an_axis_of_the_crystal_system(host: Host) -> None:
    fixed = {"structure.orientation": True}
    axes = set()
    for seed in range(30):
        recipe = build_recipe(host, samples()[0], CAPABILITIES, Random(seed, fixed))
        (start,) = recipe.steps[0].start
        axes.add(start.axis)
    assert axes == {(0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 1, 1)}


@pytest.mark.parametrize(
    ("always", "never", "expected"),
    [
        ((), (), {"none", "per site", "shared", "anisotropic"}),
        (("uiso",), (), {"per site"}),
        (("uaniso",), (), {"anisotropic"}),
        (("uiso_shared",), (), {"shared"}),
        ((), ("uaniso", "uiso_shared"), {"none", "per site"}),
        ((), ("uaniso", "uiso_shared", "uiso"), {"none"}),
    ],
)
def test_displacement_parameters_follow_the_project(host: Host, always: Any, never: Any, expected: set[str]) -> None:
    made = replace(samples()[0], search=Search(groups=GroupSearch(always=always, never=never)))
    ways = displacements(made.phases[0], made, CAPABILITIES)
    assert set(ways) == expected
    for seed in range(20):
        last = build_recipe(host, made, CAPABILITIES, Random(seed)).steps[-1]
        assert set(always) <= {free.group for free in last.free}
        assert not set(never) & {free.group for free in last.free}


def test_offered_groups_are_choices(host: Host) -> None:
    made = replace(samples()[0], search=Search(groups=GroupSearch(offer=("occupancy",))))
    found = {("occupancy" in freed(build_recipe(host, made, CAPABILITIES, Random(seed)))) for seed in range(20)}
    assert found == {True, False}
    plain = [freed(build_recipe(host, samples()[0], CAPABILITIES, Random(seed))) for seed in range(20)]
    assert not any("occupancy" in groups for groups in plain)


def test_seeds_leave_out_excluded_groups(host: Host) -> None:
    search = Search(groups=GroupSearch(never=("displacement", "transparency")))
    made = replace(samples()[0], search=search)
    for seed in host.call("seed_recipes", project=made, capabilities=CAPABILITIES)[0]:
        assert seed.choices["shift.flat"] == "zero"
        build_recipe(host, made, CAPABILITIES, FixedChoose(seed.choices))

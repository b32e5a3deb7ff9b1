"""From the choosing hooks to a recipe that fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Project
from autogsas.model.recipe import Background, Free, Group, Recipe, Setting, Start, Step
from autogsas.testing.fake import FakeBackend
from autogsas.testing.samples import make_project
from autogsas.trial.building import build_recipe
from autogsas.trial.choosers import FixedChoose, Recorder
from autogsas.trial.cutting import fit_recipe

CHOICES = {
    "background.function": "cosine",
    "background.terms": 7,
    "free.Y": True,
    "free.zero": True,
    "free.uiso": False,
    "window": 0.5,
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture
def two(tmp_path: Path) -> Project:
    return make_project(tmp_path, histograms=2)


def can(*, without: set[Group] = frozenset(), **change: Any) -> Capabilities:  # type: ignore[assignment]
    full = FakeBackend().capabilities()
    return replace(full, groups=full.groups - without, **change)


def add(host: Host, **hooks: Any) -> None:
    plugin = type("Plugin", (), {f"autogsas_{k}": staticmethod(hookimpl(v)) for k, v in hooks.items()})
    host.register(plugin, "mine")


def groups(recipe: Recipe) -> set[str]:
    return {str(free) for step in recipe.steps for free in step.free}


def test_choices_become_a_recipe(fake_host: Host, project: Project) -> None:
    recipe = build_recipe(fake_host, project, can(), FixedChoose(CHOICES))
    assert recipe.steps[0].background == (Background(function="cosine", terms=7),)
    assert recipe.steps[0].limits == {"pattern": (18.0, 51.5)}
    assert recipe.steps[-1].limits is None
    assert groups(recipe) == {"scale", "cell", "transparency", "zero", "W", "Y"}


def test_what_the_backend_does_not_have_is_left_out(fake_host: Host, project: Project) -> None:
    recipe = build_recipe(fake_host, project, can(without={"Y", "zero"}), FixedChoose(CHOICES))
    assert groups(recipe) == {"scale", "cell", "transparency", "W"}


def test_what_the_geometry_does_not_have_is_left_out(fake_host: Host, project: Project) -> None:
    histogram = project.histograms[0]
    scherrer = replace(histogram, instrument=replace(histogram.instrument, geometry="Debye-Scherrer"))
    recipe = build_recipe(fake_host, replace(project, histograms=(scherrer,)), can(), FixedChoose(CHOICES))
    assert "transparency" not in groups(recipe)


def test_each_of_two_geometries_gets_its_own_groups(fake_host: Host, two: Project) -> None:
    own = ("background.function", "background.terms", "free.Y", "window")
    values = {f"{key}[{name}]": CHOICES[key] for key in own for name in ("pattern1", "pattern2")}
    recipe = build_recipe(fake_host, two, can(), FixedChoose(CHOICES | values))
    assert "transparency (pattern1)" in groups(recipe)
    assert not any(text.startswith("transparency") and "pattern2" in text for text in groups(recipe))
    assert {item.histogram for item in recipe.steps[0].background} == {"pattern1", "pattern2"}
    assert {"W (pattern1)", "W (pattern2)", "cell"} <= groups(recipe)


@pytest.mark.parametrize(
    ("hook", "answer", "text"),
    [
        ("set_background", None, "strategy 'default' has no hook autogsas_set_background;"),
        ("set_background", "cosine", "a Background"),
        ("set_background", Background(function="cosine", terms=3, histogram="other"), "allowed: pattern"),
        ("choose_profile", "W", "a sequence of Free"),
        ("choose_profile", ["W"], "Free(group)"),
        ("choose_limits", 12.0, "(low, high)"),
        ("choose_limits", (90.0, 95.0), "within 18 to 85"),
        ("choose_limits", (40.0, 30.0), "within 18 to 85"),
        ("choose_groups", [None], "Free(group)"),
        ("choose_start", [{"phase": "sample"}], "a sequence of Start"),
        ("choose_start", 3, "a sequence of Start"),
        ("order_steps", None, "strategy 'default' has no hook autogsas_order_steps;"),
        ("order_steps", [], "a sequence of steps"),
        ("order_steps", [Step(limits=(20.0, 30.0))], "full limits"),
        ("order_steps", [Step(free=(Free(group="W", histogram="patern"),))], "did you mean 'pattern'"),
    ],
)
def test_a_wrong_answer_names_the_hook(fake_host: Host, project: Project, hook: str, answer: Any, text: str) -> None:
    # A first answer of None passes to the next plugin, so the others must not answer at all.
    fake_host.unregister("autogsas.testing.fake")
    good: dict[str, Any] = {
        "set_background": Background(function="cosine", terms=3),
        "choose_profile": [],
        "choose_limits": None,
        "choose_groups": [Free(group="cell")],
        "order_steps": [Step()],
    }
    add(fake_host, **{name: (lambda value=value: value) for name, value in (good | {hook: answer}).items()})
    with pytest.raises(PluginError) as raised:
        build_recipe(fake_host, project, can(), FixedChoose(CHOICES))
    assert text in str(raised.value)
    assert hook in str(raised.value) or "unknown histogram" in str(raised.value)


def test_a_hook_that_raises_is_named(fake_host: Host, project: Project) -> None:
    def choose_groups() -> Any:
        raise ZeroDivisionError("by zero")

    add(fake_host, choose_groups=choose_groups)
    with pytest.raises(PluginError, match=r"autogsas_choose_groups .*failed: ZeroDivisionError: by zero"):
        build_recipe(fake_host, project, can(), FixedChoose(CHOICES))


def test_a_background_the_backend_does_not_have_is_refused(fake_host: Host, project: Project) -> None:
    with pytest.raises(PluginError, match=r"autogsas_set_background.*allowed: chebyschev-1"):
        build_recipe(fake_host, project, can(backgrounds=("chebyschev-1",)), FixedChoose(CHOICES))


@pytest.mark.parametrize(
    ("ask", "values", "text"),
    [
        (lambda choose: choose.integer("terms", 1, 5), {}, "terms: fixed choices: no value"),
        (lambda choose: choose.integer("terms", 1, 5), {"terms": 6}, "found '6'; allowed: 1 to 5"),
        (lambda choose: choose.integer("terms", 1, 5), {"terms": True}, "out of range"),
        (lambda choose: choose.category("f", ["sine", "cosine"]), {"f": "cosin"}, "did you mean 'cosine'"),
        (lambda choose: choose.number("x", 0.0, 1.0), {"x": float("nan")}, "out of range"),
        (lambda choose: choose.yes("y"), {"y": 1}, "not one of the options"),
    ],
)
def test_fixed_choices_must_fit(ask: Any, values: dict[str, Any], text: str) -> None:
    with pytest.raises(PluginError) as raised:
        ask(FixedChoose(values))
    assert text in str(raised.value)


def test_a_recorder_records_choices_and_checks_ranges() -> None:
    ranges: dict[str, Any] = {}
    recorder = Recorder(FixedChoose({"n": 3, "f": "a", "y": True, "x": 0.5}), ranges)
    assert recorder.integer("n", 1, 5) == 3
    assert recorder.category("f", ["a", "b"]) == "a"
    assert recorder.yes("y") is True
    assert recorder.number("x", 0.0, 1.0) == 0.5
    assert recorder.choices == {"n": 3, "f": "a", "y": True, "x": 0.5}
    with pytest.raises(PluginError, match="another range"):
        Recorder(FixedChoose({"n": 3}), ranges).integer("n", 1, 6)
    for ask in (
        lambda: recorder.integer("e", 2, 1),
        lambda: recorder.category("g", []),
        lambda: recorder.number("z", 0.0, 1.0, log=True),
    ):
        with pytest.raises(PluginError, match=r"range|options"):
            ask()


def test_a_given_recipe_is_cut_the_same_way(project: Project) -> None:
    frees = (Free(group="Y"), Free(group="absorption"), Free(group="scale"))
    recipe = Recipe(steps=(Step(free=frees, set=(Setting(group="absorption", value=1.0),), fix=(Free(group="Y"),)),))
    step = fit_recipe(recipe, project, can(without={"Y"})).steps[0]
    assert (step.free, step.set, step.fix) == ((Free(group="scale"),), (), ())
    wanted = {"phase": project.phases[0].name, "size": {"model": "uniaxial", "axis": (1, 0, 0)}}
    models = Recipe(steps=(Step(start=(Start.model_validate(wanted),)),))
    assert fit_recipe(models, project, can()).steps[0].start == ()
    able = replace(can(), starts=frozenset({"broadening"}))
    assert fit_recipe(models, project, able).steps[0].start == models.steps[0].start
    odd = Recipe(steps=(Step(background=(Background(function="cosine", terms=2),)),))
    with pytest.raises(PluginError, match="does not have this background"):
        fit_recipe(odd, project, can(backgrounds=("chebyschev-1",)))

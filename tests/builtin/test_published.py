"""The published space has the dimensions, the steps and the manners of the published search."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

import autogsas
from autogsas.builtin.backend import NumpyBackend
from autogsas.hookspecs import TrialRecord
from autogsas.host import Host
from autogsas.project import Project, Search
from autogsas.recipe import BACKGROUNDS, Recipe, Step
from autogsas.result import Finding, Severity
from autogsas.resuming import settings_of
from autogsas.seeds import collect_seeds
from autogsas.space import FixedChoose, Recorder, build_recipe
from autogsas.study import Proposer, value_of_2020
from tests.builtin.test_strategy import samples
from tests.engine.models import CUBIC, XRAY, project

CAPABILITIES = NumpyBackend().capabilities()
YES = CategoricalDistribution([False, True])
FREES = ("zero", "displacement_x", "displacement_y", "scale", "U", "V", "W", "X", "Y", "SH/L")
RECIPE = Recipe(steps=(Step(),))
CHOICES = {
    "window.start": 40.0, "window.end": 75.0, "window.refine": False, "background.function": "chebyschev",
    "background.terms": 7, "background.refine": True, **{f"free.{name}": True for name in FREES},
}  # fmt: skip


@pytest.fixture(scope="module")
def host() -> Host:
    return Host(entry_points=False)


def published(given: Project) -> Project:
    return replace(given, search=Search(space="published-2020"))


@pytest.fixture
def flat() -> Project:
    """One pattern with the limits of the published example."""
    return published(project((CUBIC,), XRAY, (15.0, 150.0), 0.05))


def made(host: Host, given: Project, changes: Mapping[str, Any] = {}) -> Recipe:
    return build_recipe(host, given, CAPABILITIES, FixedChoose(CHOICES | dict(changes)))


def proposed(host: Host, given: Project, proposer: Proposer, number: int) -> FrozenTrial:
    build_recipe(host, given, CAPABILITIES, Recorder(proposer.ask(number)))
    return proposer.proposed(number)


def test_the_dimensions_are_theirs(host: Host, flat: Project) -> None:
    # Ozaki et al. 2020 and their program: names, kinds and bounds of all that is asked of Optuna.
    proposer = Proposer("random", 1)
    for number in range(20):
        trial = proposed(host, flat, proposer, number)
        start = trial.params["window.start"]
        assert trial.distributions == {
            "window.start": FloatDistribution(15.0, 130.0),
            "window.end": FloatDistribution(start + 20.0, 150.0),
            "window.refine": YES,
            "background.function": CategoricalDistribution(
                ["chebyschev", "cosine", "Q^2 power series", "Q^-2 power series", "lin interpolate", "inv interpolate",
                 "log interpolate"]),
            "background.terms": IntDistribution(1, 15),
            "background.refine": YES,
            **{f"free.{name}": YES for name in FREES},
        }  # fmt: skip


def test_the_steps_are_theirs(host: Host, flat: Project) -> None:
    steps = made(host, flat).steps
    assert [[str(free) for free in step.free] for step in steps] == [
        ["scale"], ["background"], ["cell", "zero"], [], ["U", "V", "W", "X", "Y", "SH/L"],
        ["positions", "uiso"], [],
    ]  # fmt: skip
    assert [step.limits_for("data") for step in steps] == [(40.0, 75.0)] * 6 + [None]
    assert {step.cycles for step in steps} == {3}
    assert not any(step.fix or step.set for step in steps)
    backgrounds = [(b.function, b.terms, b.carry) for step in steps for b in step.background]
    assert backgrounds == [("chebyschev-1", 3, False), ("power series", 7, False)]


def test_widths_begin_as_gsas2_reads_gsas_files(host: Host, flat: Project) -> None:
    # GSASIIfiles.SetPowderInstParms compares a text with the number 3: X, Y and SH/L are its defaults in any case.
    only = flat.histograms[0]
    read = replace(flat, histograms=(replace(only, files=(Path("a.csv"), Path("INST_XRY.PRM"))),))
    own = replace(flat, histograms=(replace(only, files=(Path("a.csv"), Path("a.instprm"))),))
    found = {setting.group: setting.value for setting in made(host, read).steps[0].set}
    assert found == {"X": 0.0, "Y": 0.0, "SH/L": 0.002}
    assert made(host, own).steps[0].set == ()


def test_what_is_not_chosen_is_not_freed(host: Host, flat: Project) -> None:
    chosen = {"background.refine": False, **{f"free.{name}": False for name in FREES}}
    freed = {str(free) for step in made(host, flat, chosen).steps for free in step.free}
    assert freed == {"scale", "cell", "positions", "uiso"}


@pytest.mark.parametrize("name", ["window.refine", "free.scale", "free.displacement_x", "free.displacement_y"])
def test_dead_dimensions_change_nothing(host: Host, flat: Project, name: str) -> None:
    assert made(host, flat, {name: True}) == made(host, flat, {name: False})


def test_displacements_of_other_samples_are_alive(host: Host) -> None:
    capillary = published(samples()[1])
    steps = made(host, capillary, {"free.displacement_x": False}).steps
    assert [str(free) for free in steps[3].free] == ["displacement"]


def test_a_backend_without_powers_has_the_polynomials(host: Host, flat: Project) -> None:
    plain = replace(CAPABILITIES, backgrounds=BACKGROUNDS)
    recipe = build_recipe(host, flat, plain, FixedChoose(CHOICES))
    assert recipe.steps[1].background[0].function == "chebyschev-1"


@pytest.mark.parametrize("limits", [(15.0, 130.0), (20.0, 55.0), (30.0, 31.0)])
def test_the_window_scales_with_the_limits(host: Host, limits: tuple[float, float]) -> None:
    given = published(project((CUBIC,), XRAY, limits, 0.01))
    low, high = limits
    least = min(20.0, (high - low) / 2)
    proposer = Proposer("tpe-2020", 1)
    for number in range(5):
        trial = proposed(host, given, proposer, number)
        assert trial.distributions["window.start"] == FloatDistribution(low, high - least)
        assert trial.distributions["window.end"] == FloatDistribution(trial.params["window.start"] + least, high)


@pytest.mark.parametrize("index", range(4))
def test_every_kind_of_project_has_recipes(host: Host, index: int) -> None:
    given = published(samples()[index])
    proposer = Proposer("tpe-2020", 2)
    for number in range(10):
        recipe = build_recipe(host, given, CAPABILITIES, Recorder(proposer.ask(number)))
        assert len(recipe.steps) == 7


def test_nothing_is_tried_beforehand(host: Host, flat: Project) -> None:
    own = Recipe(name="mine", steps=made(host, flat).steps)
    assert collect_seeds(host, replace(flat, recipes=(own,)), NumpyBackend()) == ()
    assert collect_seeds(host, replace(flat, search=Search(), recipes=(own,)), NumpyBackend()) != ()


def test_the_default_space_is_not_concerned(host: Host) -> None:
    choose = Recorder(Proposer("random", 1).ask(0))
    build_recipe(host, samples()[0], CAPABILITIES, choose)
    assert {"first.start", "order.cell"} <= set(choose.choices)


def record(state: str, score: float | None, *findings: Finding, number: int = 0) -> TrialRecord:
    return TrialRecord(number, state, "search", RECIPE, {"window.refine": True}, score, findings=findings)


def u_iso(value: float) -> Finding:
    return Finding("u-out-of-range", Severity.ERROR, "", {"value": value})


def test_the_sampler_is_told_what_theirs_was_told() -> None:
    unfinished = Finding("not-converged", Severity.ERROR, "")
    assert value_of_2020(record("complete", 7.0)) == 7.0
    assert value_of_2020(record("infeasible", 7.0, unfinished)) == 7.0
    assert value_of_2020(record("infeasible", 7.0, u_iso(0.2), u_iso(0.0))) == 7.0
    assert value_of_2020(record("infeasible", 7.0, unfinished, u_iso(-0.01))) == 1e9
    assert value_of_2020(record("failed", None)) == 1e9


def test_failures_are_penalties_to_the_sampler_alone(host: Host, flat: Project) -> None:
    proposer = Proposer("tpe-2020", 1)
    for number, state in enumerate(("failed", "complete")):
        proposed(host, flat, proposer, number)
        proposer.tell(record(state, 7.0 if state == "complete" else None, number=number))
    trials = proposer._study.get_trials()
    assert [(trial.state, trial.value) for trial in trials] == [(TrialState.COMPLETE, 1e9), (TrialState.COMPLETE, 7.0)]


def test_a_run(host: Host, tmp_path: Path) -> None:
    given = published(project((CUBIC,), XRAY, (20.0, 80.0), 0.05))
    run = autogsas.run((given, host), backend="numpy", trials=3, seed=5, out=tmp_path / "run")
    kept = settings_of(run.folder)
    assert kept["sampler"] == "tpe-2020"
    with (run.folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["origin"] for row in rows] == ["search"] * 3

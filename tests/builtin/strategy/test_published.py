"""The published space has the dimensions, the steps and the manners of the published search."""

from __future__ import annotations

import csv
import importlib.util
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import chi2_contingency, ks_2samp

import autogsas
from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.builtin.strategy import default as strategy
from autogsas.builtin.strategy import handmade
from autogsas.builtin.strategy.published import published_value
from autogsas.hooks.choices import Plan
from autogsas.hooks.host import Host
from autogsas.model import trial as model
from autogsas.model.project import Project, Search
from autogsas.model.recipe import BACKGROUNDS, Recipe, Step
from autogsas.model.result import Finding, Severity
from autogsas.model.trial import TrialRecord
from autogsas.search import sampler as study_module
from autogsas.search.resuming import settings_of
from autogsas.search.sampler import Proposer
from autogsas.search.seeds import collect_seeds
from autogsas.trial.building import build_recipe, fitting_choices
from autogsas.trial.choosers import FixedChoose, Recorder
from tests.builtin.strategy.test_strategy import samples
from tests.engine.models import CUBIC, XRAY, project

CAPABILITIES = NumpyBackend().capabilities()
YES = CategoricalDistribution([False, True])
FREES = ("zero", "displacement_x", "displacement_y", "scale", "U", "V", "W", "X", "Y", "SH/L")
RECIPE = Recipe(steps=(Step(),))
CHOICES = {
    "window.start": 40.0,
    "window.end": 75.0,
    "window.refine": False,
    "background.function": "chebyschev",
    "background.terms": 7,
    "background.refine": True,
    **{f"free.{name}": True for name in FREES},
}


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
    build_recipe(host, given, CAPABILITIES, Recorder(proposer.propose(number)))
    return proposer.proposed(number)


def test_the_dimensions_are_theirs(host: Host, flat: Project) -> None:
    # Ozaki et al. 2020 and their program: names, kinds and bounds of all dimensions.
    proposer = Proposer("random", 1)
    for number in range(20):
        trial = proposed(host, flat, proposer, number)
        start = trial.params["window.start"]
        assert trial.distributions == {
            "window.start": FloatDistribution(15.0, 130.0),
            "window.end": FloatDistribution(start + 20.0, 150.0),
            "window.refine": YES,
            "background.function": CategoricalDistribution(
                [
                    "chebyschev",
                    "cosine",
                    "Q^2 power series",
                    "Q^-2 power series",
                    "lin interpolate",
                    "inv interpolate",
                    "log interpolate",
                ]
            ),
            "background.terms": IntDistribution(1, 15),
            "background.refine": YES,
            **{f"free.{name}": YES for name in FREES},
        }


def test_the_steps_are_theirs(host: Host, flat: Project) -> None:
    steps = made(host, flat).steps
    assert [[str(free) for free in step.free] for step in steps] == [
        ["scale"],
        ["background"],
        ["cell", "zero"],
        [],
        ["U", "V", "W", "X", "Y", "SH/L"],
        ["positions", "uiso"],
        [],
    ]
    assert [step.limits_for("data") for step in steps] == [(40.0, 75.0)] * 6 + [None]
    assert {step.cycles for step in steps} == {3}
    assert not any(step.fix or step.set for step in steps)
    backgrounds = [(b.function, b.terms, b.carry) for step in steps for b in step.background]
    assert backgrounds == [("chebyschev-1", 3, False), ("power series", 7, False)]


def test_widths_start_as_gsas2_reads_gsas_files(host: Host, flat: Project) -> None:
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
def test_dimensions_without_effect_change_nothing(host: Host, flat: Project, name: str) -> None:
    assert made(host, flat, {name: True}) == made(host, flat, {name: False})


def test_displacements_of_capillaries_have_an_effect(host: Host) -> None:
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
    proposer = Proposer("tpe-2020", 1, host.own_samplers())
    for number in range(5):
        trial = proposed(host, given, proposer, number)
        assert trial.distributions["window.start"] == FloatDistribution(low, high - least)
        assert trial.distributions["window.end"] == FloatDistribution(trial.params["window.start"] + least, high)


@pytest.mark.parametrize("index", range(4))
def test_every_kind_of_project_has_recipes(host: Host, index: int) -> None:
    given = published(samples()[index])
    proposer = Proposer("tpe-2020", 2, host.own_samplers())
    for number in range(10):
        recipe = build_recipe(host, given, CAPABILITIES, Recorder(proposer.propose(number)))
        assert len(recipe.steps) == 7


def test_there_are_no_seeds(host: Host, flat: Project) -> None:
    own = Recipe(name="mine", steps=made(host, flat).steps)
    assert collect_seeds(host, replace(flat, recipes=(own,)), NumpyBackend()) == ()
    assert collect_seeds(host, replace(flat, search=Search(), recipes=(own,)), NumpyBackend()) != ()


def test_the_default_space_keeps_its_choices(host: Host) -> None:
    choose = Recorder(Proposer("random", 1).propose(0))
    build_recipe(host, samples()[0], CAPABILITIES, choose)
    assert {"first.start", "order.cell"} <= set(choose.choices)


def record(state: str, score: float | None, *findings: Finding, number: int = 0) -> TrialRecord:
    return TrialRecord(
        number, model.TrialState(state), "search", RECIPE, {"window.refine": True}, score, findings=findings
    )


def u_iso(value: float) -> Finding:
    return Finding("u-out-of-range", Severity.ERROR, "", {"value": value})


def test_the_sampler_gets_the_same_values_as_theirs() -> None:
    unfinished = Finding("not-converged", Severity.ERROR, "")
    assert published_value(record("complete", 7.0)) == 7.0
    assert published_value(record("infeasible", 7.0, unfinished)) == 7.0
    assert published_value(record("infeasible", 7.0, u_iso(0.2), u_iso(0.0))) == 7.0
    assert published_value(record("infeasible", 7.0, unfinished, u_iso(-0.01))) == 1e9
    assert published_value(record("failed", None)) == 1e9


def test_failures_are_penalties_to_the_sampler_alone(host: Host, flat: Project) -> None:
    proposer = Proposer("tpe-2020", 1, host.own_samplers())
    for number, state in enumerate(("failed", "complete")):
        proposed(host, flat, proposer, number)
        proposer.report(record(state, 7.0 if state == "complete" else None, number=number))
    trials = proposer._study.get_trials()
    assert [(trial.state, trial.value) for trial in trials] == [(TrialState.COMPLETE, 1e9), (TrialState.COMPLETE, 7.0)]


def test_a_run(host: Host, tmp_path: Path) -> None:
    given = published(project((CUBIC,), XRAY, (20.0, 80.0), 0.05))
    run = autogsas.run((given, host), backend="numpy", trials=3, seed=5, out=tmp_path / "run")
    kept = settings_of(run.folder)
    assert kept is not None
    assert kept.sampler == "tpe-2020"
    with (run.folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["origin"] for row in rows] == ["search"] * 3


# The published search itself, by Optuna alone, for what needs no GSAS-II.

REFERENCE = Path(__file__).parents[3] / "plugins" / "autogsas-gsas2" / "benchmarks" / "published2020.py"
needs_reference = pytest.mark.skipif(not REFERENCE.is_file(), reason=f"the reference is not at {REFERENCE}")


@pytest.fixture(scope="module")
def reference() -> Any:
    spec = importlib.util.spec_from_file_location("published2020", REFERENCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ForEachDimension(BaseSampler):
    """Another sampler, with a new seed for each dimension of each trial: their order does not matter then."""

    def __init__(self, make: Callable[[int], BaseSampler], names: Mapping[str, str], seed: int) -> None:
        self._make, self._names, self._seed = make, names, seed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> Any:
        return {}

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        seed = zlib.crc32(f"{self._seed} {trial.number} {self._names.get(name, name)}".encode())
        return self._make(seed).sample_independent(study, trial, name, distribution)


class NoFirst:
    """A trial that offers "no" first, as ours do: the order of options has no meaning but for the random numbers."""

    def __init__(self, trial: Any) -> None:
        self.suggest_float, self.suggest_int = trial.suggest_float, trial.suggest_int
        self._category = trial.suggest_categorical

    def suggest_categorical(self, name: str, options: Sequence[Any]) -> Any:
        return self._category(name, options[::-1] if list(options) == [True, False] else options)


def artificial(choices: Mapping[str, Any]) -> float:
    """A stand-in for Rwp by our names, with what the search meets: one trial in five is a penalty."""
    value = 6.0 + 0.002 * (choices["window.start"] - 70.0) ** 2 + 0.01 * (150.0 - choices["window.end"])
    value += abs(choices["background.terms"] - 9) + (0.0 if "interpolate" in choices["background.function"] else 5.0)
    value += sum(2.0 for name in ("background.refine", "free.zero", "free.W") if not choices[name])
    return 1e9 if choices["free.U"] and choices["window.start"] > 90.0 else value


def our_trials(host: Host, given: Project, seed: int, count: int) -> list[dict[str, Any]]:
    """Search the artificial function; a penalty is a failure or a negative U in turns."""
    proposer = Proposer("tpe-2020", seed, host.own_samplers())
    found = []
    for number in range(count):
        choose = Recorder(proposer.propose(number))
        build_recipe(host, given, CAPABILITIES, choose)
        value = artificial(choose.choices)
        bad = value >= 1e9
        reported = record("failed", None) if bad and number % 2 else record("infeasible", 7.0, u_iso(-0.01))
        proposer.report(replace(reported if bad else record("complete", value), number=number))
        found.append({**choose.choices, "value": value})
    return found


def their_trials(reference: Any, sampler: BaseSampler, count: int, wrap: Any = lambda trial: trial) -> list[Any]:
    study = optuna.create_study(sampler=sampler)
    found = []
    for _ in range(count):
        trial = study.ask()
        choices = reference.as_autogsas(reference.suggest(wrap(trial), 15.0, 150.0))
        value = artificial(choices)
        study.tell(trial, value)
        found.append({**choices, "value": value})
    return found


@needs_reference
def test_each_proposal_is_theirs_given_the_same_random_numbers(
    reference: Any, host: Host, flat: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Twenty random ones and thirty by TPE: the same dimensions, the same values, the same sampler.
    original, names = study_module._sampler, reference.NAMES

    def ours(name: Any, seed: int, number: int) -> BaseSampler:
        return ForEachDimension(lambda own: original(name, own, 0), names, seed)

    def their_sampler(own: int) -> BaseSampler:
        sampler: BaseSampler = reference.sampler("tpe", int(np.random.SeedSequence([own, 0]).generate_state(1)[0]))
        return sampler

    monkeypatch.setattr(study_module, "_sampler", ours)
    mine = our_trials(host, flat, 3, 50)
    theirs = their_trials(reference, ForEachDimension(their_sampler, names, 3), 50, NoFirst)
    assert mine == theirs
    assert sum(trial["value"] >= 1e9 for trial in mine) >= 3


def assert_alike(mine: list[Any], theirs: list[Any], least: float) -> None:
    """Compare independent samples: chi^2 for what has few values, else Kolmogorov-Smirnov."""
    if isinstance(mine[0], (str, bool)):
        values = sorted({*mine, *theirs})
        table = [[sample.count(value) for value in values] for sample in (mine, theirs)]
        assert chi2_contingency(table).pvalue > least
    else:
        assert ks_2samp(mine, theirs).pvalue > least


@needs_reference
def test_random_proposals_are_distributed_as_theirs(reference: Any, host: Host, flat: Project) -> None:
    mine = [trial for seed in range(12) for trial in our_trials(host, flat, seed, 20)]
    theirs = [
        trial for seed in range(100, 112) for trial in their_trials(reference, reference.sampler("tpe", seed), 20)
    ]
    # Seventeen tests at once: one in a thousand each.
    for name in mine[0]:
        assert_alike([trial[name] for trial in mine], [trial[name] for trial in theirs], 0.001)


@pytest.mark.slow
@needs_reference
def test_searches_develop_as_theirs(reference: Any, host: Host, flat: Project) -> None:
    # Proposals of one search depend on each other; one figure of each search does not.
    count, searches = 50, 24
    mine = [our_trials(host, flat, seed, count) for seed in range(searches)]
    theirs = [their_trials(reference, reference.sampler("tpe", seed), count) for seed in range(200, 200 + searches)]

    def figures(trials: list[Any]) -> dict[str, float]:
        late = trials[20:]
        means = {
            name: float(np.mean([trial[name] for trial in late]))
            for name in late[0]
            if not isinstance(late[0][name], str) and name != "value"
        }
        knots = np.mean(["interpolate" in trial["background.function"] for trial in late])
        penalties = np.mean([trial["value"] >= 1e9 for trial in late])
        best = {f"best {number}": min(trial["value"] for trial in trials[:number]) for number in (20, 35, 50)}
        return means | best | {"knots": float(knots), "penalties": float(penalties)}

    ours, others = ([figures(trials) for trials in runs] for runs in (mine, theirs))
    for name in ours[0]:
        assert_alike([figure[name] for figure in ours], [figure[name] for figure in others], 0.001)


def test_an_undeclared_geometry_adds_no_choice(host: Host, flat: Project) -> None:
    only = replace(flat.histograms[0], geometry_declared=False)
    choose = Recorder(Proposer("random", 1).propose(0))
    recipe = build_recipe(host, replace(flat, histograms=(only,)), CAPABILITIES, choose)
    assert set(choose.choices) == set(CHOICES)
    assert recipe.steps[0].geometry is None
    assert not any(step.start for step in recipe.steps)


def test_the_default_strategy_does_not_answer(flat: Project) -> None:
    only = flat.histograms[0]
    choose = FixedChoose({})
    plan = Plan((), (), ())
    assert strategy.autogsas_choose_geometry(choose, flat, only, CAPABILITIES) is None
    assert strategy.autogsas_set_background(choose, flat, only, CAPABILITIES) is None
    assert strategy.autogsas_choose_profile(choose, flat, only, CAPABILITIES) is None
    assert strategy.autogsas_choose_limits(choose, flat, only) is None
    assert strategy.autogsas_choose_groups(choose, flat, CAPABILITIES) is None
    assert strategy.autogsas_order_steps(choose, flat, plan, CAPABILITIES) is None
    assert handmade.autogsas_seed_recipes(flat, CAPABILITIES) == []


def test_an_earlier_runs_choices_fit(host: Host, flat: Project) -> None:
    assert fitting_choices(host, flat, CAPABILITIES, CHOICES | {"other": 1}) == CHOICES


def test_no_constraints_reach_the_sampler(host: Host, flat: Project) -> None:
    proposer = Proposer("tpe-2020", 1, host.own_samplers())
    proposed(host, flat, proposer, 0)
    proposer.report(record("infeasible", 7.0, Finding("not-converged", Severity.ERROR, "")))
    (trial,) = proposer._study.get_trials()
    assert not trial.constraints

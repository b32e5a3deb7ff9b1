"""The printed esds of a run, from its trials and their alternatives."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from autogsas.model.metrics import Metrics
from autogsas.model.recipe import Recipe, Step
from autogsas.model.result import Alternative, Parameter
from autogsas.model.structure import Cell, Phase, Site
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.trials import StoredTrial, trial_json
from autogsas.runfolder.trials import _stored as read_back
from autogsas.runfolder.uncertainty import uncertainty_of, with_esds
from autogsas.trial.assessment import HistogramFigures

POINTS = 2000.0
ESDS = {"p:a": 1e-4, "p:O:z": 1e-3, "p:O:Uiso": 1e-3}
VALUES = {"p:a": 3.25, "p:O:z": 0.382, "p:O:Uiso": 0.01, "H:zero": 0.0, "H:background 1": 5.0}


def parameters(values: dict[str, float], esds: dict[str, float]) -> tuple[Parameter, ...]:
    groups = {"a": "cell", "z": "positions", "Uiso": "uiso", "zero": "zero", "background 1": "background"}
    return tuple(
        Parameter(
            name,
            value,
            esds.get(name),
            "",
            groups[name.rpartition(":")[2]],  # type: ignore[arg-type]
            "p" if name.startswith("p") else None,
            "H" if name.startswith("H") else None,
            name.split(":")[1] if name.count(":") == 2 else None,
        )
        for name, value in (VALUES | values).items()
    )


def trial(
    number: int,
    gain: float = 0.0,
    values: dict[str, float] | None = None,
    esds: dict[str, float] | None = None,
    *,
    state: TrialState = TrialState.COMPLETE,
    factor: float = 1.0,
    effective: float = POINTS,
    origin: float = 0.0,
    alternatives: tuple[Alternative, ...] = (),
    observations: int = 4000,
) -> StoredTrial:
    """A trial whose BIC is lower by ``gain`` than that of trial 0; ``origin`` moves the polar axis of its structure."""
    own = parameters({"p:O:z": VALUES["p:O:z"] + origin} | (values or {}), ESDS if esds is None else esds)
    count = sum(p.esd is not None for p in own)
    metrics = Metrics(8.0, 8.0, 1.0, chi2_for(gain, count), observations, count)
    at = {p.name: p.value for p in own}
    sites = (
        Site("Zn", "Zn", (1 / 3, 2 / 3, origin), 1.0, 0.01),
        Site("O", "O", (1 / 3, 2 / 3, at["p:O:z"]), 1.0, at["p:O:Uiso"]),
    )
    phase = Phase("p", "P 63 m c", Cell(at["p:a"], at["p:a"], 5.2, 90, 90, 120), sites)
    record = TrialRecord(number, state, "search", Recipe(steps=(Step(free=("scale",)),)), {}, 8.0, metrics)
    figures = HistogramFigures("H", metrics, effective_points=effective, esd_factor=factor)
    return StoredTrial(record, None, "", (figures,), True, 8.0, own, (), (phase,), alternatives=alternatives)


def chi2_for(gain: float, n_variables: int) -> float:
    return POINTS * math.exp((-gain - (n_variables - len(ESDS)) * math.log(POINTS)) / POINTS)


def alternative(name: str, gain: float, values: dict[str, float], esds: dict[str, float]) -> Alternative:
    return Alternative(name, chi2_for(gain, len(esds)), len(esds), parameters(values, esds))


def test_a_model_without_rivals_has_its_own_esds() -> None:
    far = trial(1, -12.0, {"p:a": 3.3}, {**ESDS, "H:zero": 0.01})
    for others in ([], [trial(0)], [far], [trial(1, 3.0, state=TrialState.INFEASIBLE)], [trial(1, observations=3000)]):
        found = uncertainty_of(trial(0), [trial(0), *others])
        assert found.esds == pytest.approx(ESDS)
        assert [(rival.trial, rival.weight) for rival in found.rivals] == [(0, 1.0)]
        assert (found.factor, found.n_points) == (1.0, POINTS)


def test_a_rival_as_good_widens_by_its_distance() -> None:
    rival = trial(1, 0.0, {"p:a": 3.252, "H:zero": 0.03}, {"p:a": 2e-4, "p:O:z": 1e-3, "H:zero": 0.01})
    found = uncertainty_of(trial(0), [trial(0), rival])
    assert [(item.trial, round(item.weight, 6)) for item in found.rivals] == [(0, 0.5), (1, 0.5)]
    assert found.esds["p:a"] == pytest.approx(math.sqrt((1e-8 + 4e-8) / 2 + 0.002**2 / 2))
    # Fixed in the rival, at the same value.
    assert found.esds["p:O:Uiso"] == ESDS["p:O:Uiso"]
    # Not refined in the chosen one: still not refined.
    assert "H:zero" not in found.esds
    less = uncertainty_of(trial(0), [trial(0), trial(1, -6.0, {"p:a": 3.252}, {"p:a": 1e-4, "p:O:z": 1e-3})])
    assert less.esds["p:a"] == pytest.approx(math.sqrt(1e-8 + 0.002**2 / (1 + math.exp(3.0))))


def test_trials_that_refine_the_same_count_once_with_the_best_of_them() -> None:
    free = {"p:a": 1e-4, "H:zero": 0.01}
    crowd = [trial(n, -4.0, {"p:a": 3.26}, free | {"H:background 1": 1.0}) for n in (1, 2, 3)]
    best = trial(4, -1.0, {"p:a": 3.251}, free)
    found = uncertainty_of(trial(0), [trial(0), *crowd, best])
    assert [item.trial for item in found.rivals] == [0, 4]
    # One that refines the same as the chosen one counts where the evidence prefers it.
    worse, better = (trial(1, gain, {"p:a": 3.26}) for gain in (-1.0, 1.0))
    assert [item.trial for item in uncertainty_of(trial(0), [trial(0), worse]).rivals] == [0]
    assert [item.trial for item in uncertainty_of(trial(0), [trial(0), better]).rivals] == [1, 0]


def test_the_origin_and_whole_cells_are_no_spread() -> None:
    rival = trial(1, 0.0, None, {"p:a": 1e-4, "p:O:z": 1e-3}, origin=1.3)
    found = uncertainty_of(trial(0), [trial(0), rival])
    assert len(found.rivals) == 2
    assert found.esds == pytest.approx(ESDS)


def test_serial_correlation_widens_esds_but_not_the_spread_and_fewer_points_tell_less() -> None:
    rival = trial(1, 0.0, {"p:a": 3.252}, {"p:a": 1e-4, "p:O:z": 1e-3})
    found = uncertainty_of(trial(0, factor=3.0), [trial(0, factor=3.0), rival])
    assert found.factor == 3.0
    assert found.esds["p:O:Uiso"] == pytest.approx(3 * ESDS["p:O:Uiso"])
    assert found.esds["p:a"] == pytest.approx(math.sqrt(9e-8 + 0.002**2 / 2))
    far = trial(1, -40.0, {"p:a": 3.252}, {"p:a": 1e-4, "p:O:z": 1e-3})
    assert len(uncertainty_of(trial(0), [trial(0), far]).rivals) == 1
    few = trial(0, effective=100.0)
    assert len(uncertainty_of(few, [few, far]).rivals) == 2


def test_alternatives_of_a_trial_are_rivals() -> None:
    other = alternative("zero in place of U", 0.0, {"p:a": 3.254, "H:zero": 0.05}, {"p:a": 1e-4, "H:zero": 0.01})
    chosen = trial(0, alternatives=(other,))
    found = uncertainty_of(chosen, [chosen])
    assert [(item.trial, item.name) for item in found.rivals] == [(0, ""), (0, "zero in place of U")]
    assert found.esds["p:a"] == pytest.approx(math.sqrt(1e-8 + 0.004**2 / 2))
    assert uncertainty_of(trial(0), [trial(0), replace(chosen, record=trial(1).record)]).esds == found.esds
    # They are stored with the trial.
    assert read_back(trial_json(chosen)).alternatives == (other,)


def test_two_histograms_have_a_factor_each() -> None:
    (first,) = trial(0).histograms
    two = tuple(
        replace(first, name=name, esd_factor=factor, metrics=replace(first.metrics, chi2=chi2))
        for name, factor, chi2 in (("H", 1.0, 3000.0), ("J", 3.0, 1000.0))
    )
    zero = {**ESDS, "H:zero": 0.01, "H:background 1": 0.1}
    found = uncertainty_of(replace(trial(0, esds=zero), histograms=two), [])
    assert found.factor == pytest.approx(math.sqrt((3000 + 9 * 1000) / 4000))
    assert found.esds["p:a"] == pytest.approx(found.factor * 1e-4)
    assert found.esds["H:zero"] == pytest.approx(0.01)
    assert found.n_points == 2 * POINTS


def test_a_trial_of_an_older_version_counts_all_points() -> None:
    old = trial(0, effective=math.nan, factor=math.nan)
    found = uncertainty_of(old, [old, trial(1, 0.0, {"p:a": 3.252}, {"p:a": 1e-4, "p:O:z": 1e-3})])
    assert math.isnan(found.n_points)
    assert found.factor == 1.0
    # With 4000 points for 2000, the higher chi^2 of the rival counts twice, its variable less a little more.
    delta = 2 * math.log(POINTS) - math.log(4000)
    assert found.esds["p:a"] == pytest.approx(math.sqrt(1e-8 + 0.002**2 / (1 + math.exp(delta / 2))))


def test_esds_are_replaced_by_name() -> None:
    own = parameters({}, ESDS)
    found = {p.name: p.esd for p in with_esds(own, {"p:a": 1.0})}
    assert found == {name: {"p:a": 1.0}.get(name, ESDS.get(name)) for name in VALUES}

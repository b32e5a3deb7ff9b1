"""The best trial of a run: the lowest score, or the most evidence among those near it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from autogsas.model.metrics import Metrics
from autogsas.model.recipe import Recipe, Step
from autogsas.model.result import Finding, Severity
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.search.choosing import Best

N = 4000


def trial(number: int, chi2: float, n_variables: int, *codes: str, score: float | None = None) -> TrialRecord:
    rwp, rexp = 100.0 * math.sqrt(chi2 / 1e6), 100.0 * math.sqrt((N - n_variables) / 1e6)
    metrics = Metrics(rwp, rexp, rwp / rexp, chi2, N, n_variables)
    return TrialRecord(
        number=number,
        state=TrialState.COMPLETE,
        origin="search",
        recipe=Recipe(steps=(Step(),)),
        choices={},
        score=rwp if score is None else score,
        metrics=metrics,
        steps=(),
        findings=tuple(Finding(code, Severity.WARNING, code) for code in codes),
        cause="",
        message="",
        seconds=1.0,
        ended=1.0,
    )


def best(*trials: TrialRecord, by_evidence: bool = True, answers: Sequence[int] = ()) -> Best:
    found = Best(by_evidence=by_evidence)
    for i, record in enumerate(trials):
        found.add(record, float(N), answers[i] if answers else 0)
    return found


def test_many_variables_for_little_do_not_win() -> None:
    found = best(trial(0, 4000.0, 20), trial(1, 3970.0, 60))
    assert found.chosen is not None
    assert found.lowest is not None
    assert (found.chosen.number, found.lowest.number) == (0, 1)


def test_variables_that_pay_win() -> None:
    found = best(trial(0, 4000.0, 20), trial(1, 3970.0, 22))
    assert found.chosen is not None
    assert found.chosen.number == 1


def test_what_people_want_to_know_may_cost_something() -> None:
    bare, structure = trial(0, 4000.0, 10), trial(1, 3990.0, 28)
    chosen = [best(bare, structure, answers=answers).chosen for answers in ((1, 1), (1, 19))]
    assert [one and one.number for one in chosen] == [0, 1]


def test_by_rwp_the_lowest_is_the_best() -> None:
    found = best(trial(0, 4000.0, 20), trial(1, 3970.0, 60), by_evidence=False)
    assert found.chosen is found.lowest
    assert set(found.near) == {0, 1}


def test_a_much_lower_score_wins_however_many_variables_it_takes() -> None:
    found = best(trial(0, 4000.0, 20), trial(1, 3000.0, 200))
    assert found.chosen is not None
    assert found.chosen.number == 1
    assert found.near == (1,)


def test_a_warning_counts_against_a_trial() -> None:
    found = best(trial(0, 4000.0, 20, "misfit"), trial(1, 4004.0, 20))
    assert found.chosen is not None
    assert found.chosen.number == 1


def test_the_score_of_a_plugin_decides_alone() -> None:
    found = best(trial(0, 4000.0, 20, score=2.0), trial(1, 3970.0, 60, score=1.999))
    assert found.chosen is not None
    assert found.chosen.number == 1


def test_a_trial_that_is_not_usable_is_never_the_best() -> None:
    found = best(dataclasses.replace(trial(0, 100.0, 5), state=TrialState.INFEASIBLE))
    assert found.chosen is None
    assert found.lowest is None


@given(st.permutations([(4000.0, 20), (3970.0, 60), (3990.0, 22), (3500.0, 150), (4100.0, 10), (3530.0, 30)]))
def test_the_choice_does_not_depend_on_the_order(models: list[tuple[float, int]]) -> None:
    found = best(*(trial(i, chi2, count) for i, (chi2, count) in enumerate(models)))
    assert found.chosen is not None
    assert found.chosen.metrics is not None
    assert (found.chosen.metrics.chi2, found.chosen.metrics.n_variables) == (3530.0, 30)

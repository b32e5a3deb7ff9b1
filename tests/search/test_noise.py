"""A fit as good as counting statistics allow ends a search; one with a warning, or with misfit left, does not."""

from __future__ import annotations

import pytest

from autogsas.model.metrics import Metrics
from autogsas.model.recipe import Recipe, Step
from autogsas.model.result import Finding, Severity
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.search.noise import at_noise

N = 4000


def trial(gof: float, *codes: str, severity: Severity = Severity.WARNING, n: int = N) -> TrialRecord:
    return TrialRecord(
        number=0,
        state=TrialState.COMPLETE,
        origin="search",
        recipe=Recipe(steps=(Step(),)),
        choices={},
        score=8.0,
        metrics=Metrics(rwp=8.0, rexp=8.0 / gof, gof=gof, chi2=gof**2 * n, n_observations=n, n_variables=20),
        findings=tuple(Finding(code, severity, code) for code in codes),
    )


# chi^2/(N-P) scatters by 0.022 here: three times that and 0.02 make GoF 1.043.
@pytest.mark.parametrize(("gof", "expected"), [(0.99, True), (1.03, True), (1.06, False), (1.6, False)])
def test_noise_is_what_counting_statistics_allow(gof: float, expected: bool) -> None:
    assert at_noise(trial(gof)) is expected


def test_few_points_scatter_more() -> None:
    assert at_noise(trial(1.06, n=1000))


def test_a_warning_keeps_the_search_going() -> None:
    assert not at_noise(trial(1.0, "contacts"))
    assert at_noise(trial(1.0, "correlated"))
    assert not at_noise(trial(1.0, "kept"))
    assert at_noise(trial(1.0, "kept"), decided=True)
    assert at_noise(trial(1.0, "bonds", severity=Severity.INFO))


def test_without_a_usable_trial_there_is_no_end() -> None:
    assert not at_noise(None)

"""Superfluous background terms are found where the true number is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.builtin.checks.limits import LIMITS
from autogsas.builtin.checks.terms import check_terms, compare_terms
from autogsas.engine.backgrounds import basis
from autogsas.model.metrics import effective_points
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import BACKGROUNDS, Background, BackgroundFunction, Step
from autogsas.model.result import Curves, Finding, Result
from autogsas.model.sample import BackgroundPeak
from tests.engine.models import QUARTZ, XRAY, project, refined, simulate, step, with_data

LIMITS_2THETA = (15.0, 130.0)
TRUE = np.array([900.0, -420.0, 210.0, -130.0, 90.0])


def sample(function: BackgroundFunction, seed: int) -> Project:
    """Return quartz on a background of five terms, with Poisson noise."""
    made = project((QUARTZ,), XRAY, LIMITS_2THETA, 0.06)
    histogram = made.histograms[0]
    columns = basis(function, TRUE.size, histogram.pattern.x, histogram.limits, histogram.instrument.wavelengths[0])
    # Any shape with significant terms will do: powers and knots draw the curve of the cosines.
    like = basis("cosine", TRUE.size, histogram.pattern.x, histogram.limits, 1.0) @ TRUE
    background = columns @ np.linalg.lstsq(columns, like, rcond=None)[0]
    background += 250.0 - min(0.0, float(background.min()))
    y = np.random.default_rng(seed).poisson(simulate(made, (0.02,), background))
    return with_data(made, y.astype(float))


def finish(made: Project, function: BackgroundFunction, terms: int) -> Result:
    first = Step(background=(Background(function=function, terms=terms),), free=step("scale", "background").free)
    return refined(made, first, step("cell", "W", "uiso")).result()


def findings(made: Project, result: Result) -> list[Finding]:
    return list(check_terms(made.histograms[0], result.curves[0], result))


@pytest.mark.parametrize("function", BACKGROUNDS)
def test_too_many_terms_are_found_and_the_true_number_is_accepted(function: BackgroundFunction) -> None:
    made = sample(function, 1)
    assert findings(made, finish(made, function, 5)) == []
    (finding,) = findings(made, finish(made, function, 16))
    assert finding.code == "background-terms"
    assert finding.numbers["terms"] == 16
    assert 4 <= finding.numbers["enough"] <= 7
    assert finding.numbers["gain"] > LIMITS.bic
    assert f"16 terms ({function})" in finding.message


def test_how_often_it_is_wrong() -> None:
    """Forty patterns of five terms: the true number, one more and five more."""
    x = np.arange(*LIMITS_2THETA, 0.04)
    truth = basis("chebyschev-1", 5, x, LIMITS_2THETA, 1.5) @ TRUE + 1500.0
    found = {present: [] for present in (5, 6, 10)}
    for seed in range(40):
        y = np.random.default_rng(seed).poisson(truth).astype(float)
        for present, terms in found.items():
            terms.append(compare_terms("chebyschev-1", present, x, y, 1.0 / y, LIMITS_2THETA, 1.5).enough)
    assert found[5] == [5] * 40
    assert np.mean(np.array(found[6]) == 5) > 0.9
    assert np.mean(np.array(found[10]) == 5) > 0.9


def test_residuals_that_hang_together_are_worth_fewer_points() -> None:
    """An autoregression of coefficient 0.8 has (1 - 0.8)/(1 + 0.8) of its points."""
    random = np.random.default_rng(1).normal(size=20_000)
    tied = np.zeros_like(random)
    for i in range(1, tied.size):
        tied[i] = 0.8 * tied[i - 1] + random[i]
    assert effective_points(random) == pytest.approx(20_000, rel=0.03)
    assert effective_points(tied) == pytest.approx(20_000 / 9.0, rel=0.05)
    assert effective_points(np.array([1.0, -1.0] * 50)) == 100
    assert effective_points(np.zeros(10)) == 10
    assert effective_points(np.ones(1)) == 1


def test_noise_that_hangs_together_pays_for_no_term() -> None:
    """Counted as independent, the same noise would."""
    x = np.arange(*LIMITS_2THETA, 0.04)
    wrong = counted_wrong = 0
    for seed in range(20):
        noise = np.convolve(np.random.default_rng(seed).normal(size=x.size + 24), np.ones(25) / 5.0, "valid")
        y, weights = 1000.0 + 30.0 * noise, np.full(x.size, 1.0 / 900.0)
        terms = compare_terms("chebyschev-1", 20, x, y, weights, LIMITS_2THETA, 1.5)
        wrong += terms.enough > 2
        chi2 = []
        for count in (1, 20):
            design = basis("chebyschev-1", count, x, LIMITS_2THETA, 1.5)
            chi2.append(float(np.sum((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2)))
        counted_wrong += x.size * np.log(chi2[0] / chi2[1]) > 19 * np.log(x.size)
    assert wrong <= 2
    assert counted_wrong >= 15


def test_broad_background_peaks_are_not_part_of_the_terms() -> None:
    broad = BackgroundPeak(position=24.0, intensity=300_000.0, sig=40_000.0, gam=0.1)
    made = sample("chebyschev-1", 2)
    x = made.histograms[0].pattern.x
    y = made.histograms[0].pattern.y + 600.0 * np.exp(-0.5 * ((x - 24.0) / 2.0) ** 2)
    made = with_data(made, np.round(y))
    made = replace(made, histograms=(replace(made.histograms[0], background_peaks=(broad,)),))
    (finding,) = findings(made, finish(made, "chebyschev-1", 14))
    assert 4 <= finding.numbers["enough"] <= 8


def test_silent_where_it_cannot_know() -> None:
    made = sample("chebyschev-1", 1)
    result = finish(made, "chebyschev-1", 16)
    curves: Curves = result.curves[0]
    histogram: Histogram = made.histograms[0]

    def codes(curves: Curves, result: Result) -> list[str]:
        return [finding.code for finding in check_terms(histogram, curves, result)]

    assert codes(curves, result) == ["background-terms"]
    assert curves.background_function == "chebyschev-1"
    assert codes(replace(curves, background_function=""), result) == []
    assert codes(replace(curves, background=curves.background + 100.0), result) == []  # something else is in it
    assert codes(replace(curves, weights=0.0 * curves.weights), result) == []
    held = replace(result, parameters=tuple(replace(p, esd=None) for p in result.parameters))
    assert codes(curves, held) == []
    without = replace(result, parameters=tuple(p for p in result.parameters if p.group != "background"))
    assert codes(curves, without) == []


def test_a_background_refined_in_other_limits_is_left_alone() -> None:
    made = sample("chebyschev-1", 1)
    narrow = Step(
        limits=(20.0, 60.0),
        background=(Background(function="chebyschev-1", terms=16),),
        free=step("scale", "background").free,
    )
    assert findings(made, refined(made, narrow).result()) == []

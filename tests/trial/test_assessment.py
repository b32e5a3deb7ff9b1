"""What the host makes of a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Project
from autogsas.model.recipe import Step
from autogsas.model.result import Curves, Finding, Result, Severity
from autogsas.testing.fake import FakeSession
from autogsas.testing.samples import make_project, make_recipe
from autogsas.trial.assessment import assess


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def result_of(project: Project, *, steps: tuple[Step, ...] = make_recipe("one").steps) -> Result:
    session = FakeSession(project, Path())
    for step in steps:
        session.refine(step)
    return session.result()


def add(host: Host, **hooks: Any) -> None:
    host.register(type("P", (), {f"autogsas_{k}": staticmethod(hookimpl(v)) for k, v in hooks.items()}))


def with_curves(result: Result, change: Callable[[Curves], Curves]) -> Result:
    return replace(result, curves=tuple(change(curves) for curves in result.curves))


def test_r_factors_follow_their_definitions(fake_host: Host, project: Project) -> None:
    result = result_of(project)
    found = assess(fake_host, project, result)
    curves = result.curves[0]
    total = float(np.sum(curves.weights * curves.observed**2))
    assert found.state == "complete"
    assert found.metrics is not None
    expected = 100 * np.sqrt(np.sum(curves.weights * (curves.observed - curves.calculated) ** 2) / total)
    assert found.metrics.rwp == pytest.approx(expected)
    assert found.metrics.rwp == pytest.approx(result.engine_rwp)
    assert found.metrics.rexp == pytest.approx(100 * np.sqrt((curves.x.size - result.n_variables) / total))
    assert found.score == found.metrics.rwp
    assert found.histograms[0].metrics == found.metrics
    # One reflection with F2 of 102 observed and 100 calculated.
    assert found.histograms[0].r_bragg == {"phase": pytest.approx(100 * 2 / 102)}
    assert found.findings == ()


def test_excluded_regions_and_points_outside_the_limits_do_not_count(fake_host: Host, project: Project) -> None:
    result = result_of(project)
    histogram = replace(project.histograms[0], excluded=((30.0, 40.0),))

    def spoil(curves: Curves) -> Curves:
        inside = (curves.x > 30.0) & (curves.x < 40.0)
        return replace(curves, calculated=np.where(inside, np.nan, curves.calculated))

    spoiled = with_curves(result, spoil)
    clean = assess(fake_host, project, result)
    assert assess(fake_host, project, spoiled).cause == "nan"
    found = assess(fake_host, replace(project, histograms=(histogram,)), spoiled)
    assert found.metrics is not None
    assert clean.metrics is not None
    assert found.metrics.rwp == pytest.approx(clean.metrics.rwp, rel=0.02)
    assert found.metrics.n_observations == clean.metrics.n_observations - 201


def test_missing_points_without_weight_do_no_harm(fake_host: Host, project: Project) -> None:
    def lose(curves: Curves) -> Curves:
        gone = np.arange(curves.x.size) == 100
        return replace(
            curves, observed=np.where(gone, np.nan, curves.observed), weights=np.where(gone, 0.0, curves.weights)
        )

    found = assess(fake_host, project, with_curves(result_of(project), lose))
    assert found.state == "complete"


def _cut(curves: Curves) -> Curves:
    return replace(
        curves, **{k: getattr(curves, k)[:500] for k in ("x", "observed", "calculated", "background", "weights")}
    )


@pytest.mark.parametrize(
    ("change", "cause", "text"),
    [
        (lambda r: replace(r, curves=()), "result", "no curves for histogram 'pattern'"),
        (lambda r: with_curves(r, _cut), "coverage", "do not cover the limits (18.000 to 85.000, 1341 points)"),
        (lambda r: with_curves(r, lambda c: replace(c, calculated=c.calculated[:-1])), "result", "of the same length"),
        (lambda r: with_curves(r, lambda c: replace(c, x=c.x[::-1])), "result", "not strictly increasing"),
        (lambda r: with_curves(r, lambda c: replace(c, weights=-c.weights)), "nan", "negative"),
        (lambda r: with_curves(r, lambda c: replace(c, calculated=c.calculated * np.inf)), "nan", "calculated curve"),
        (lambda r: with_curves(r, lambda c: replace(c, weights=c.weights * 0)), "nan", "no point with weight"),
        (lambda r: replace(r, correlation=np.eye(2)), "result", "correlation matrix has shape (2, 2)"),
        (lambda r: replace(r, varied=("x",), correlation=np.eye(1)), "result", "not among the parameters: x"),
        (lambda r: replace(r, parameters=r.parameters * 2), "result", "the same name"),
        (
            lambda r: replace(r, parameters=(replace(r.parameters[0], value=np.nan), *r.parameters[1:])),
            "nan",
            "not finite after the refinement: phase:a",
        ),
        (lambda r: "a text", "result", "str instead of a Result"),
    ],
)
def test_an_unusable_result_is_a_failure_with_a_cause(
    fake_host: Host, project: Project, change: Any, cause: str, text: str
) -> None:
    found = assess(fake_host, project, change(result_of(project)))
    assert (found.state, found.cause) == ("failed", cause)
    assert text in found.message
    assert found.score is None
    assert found.metrics is None


def test_a_different_rwp_of_the_engine_is_a_finding(fake_host: Host, project: Project) -> None:
    result = result_of(project)
    near = assess(fake_host, project, replace(result, engine_rwp=result.engine_rwp + 0.04))
    far = assess(fake_host, project, replace(result, engine_rwp=result.engine_rwp + 0.06))
    assert near.findings == ()
    assert [(f.code, f.severity) for f in far.findings] == [("engine-rwp-differs", Severity.INFO)]
    assert far.findings[0].numbers["engine_rwp"] == pytest.approx(far.findings[0].numbers["rwp"] + 0.06)
    assert far.state == "complete"
    assert assess(fake_host, project, replace(result, engine_rwp=float("nan"))).findings == ()


def test_data_that_differ_from_the_projects_are_a_finding(fake_host: Host, project: Project) -> None:
    found = assess(fake_host, project, with_curves(result_of(project), lambda c: replace(c, observed=c.observed * 2)))
    assert "engine-data-differ" in [finding.code for finding in found.findings]


def test_an_error_among_the_findings_makes_it_infeasible(fake_host: Host, project: Project) -> None:
    add(fake_host, check_result=lambda: [Finding("u", Severity.ERROR, "U is negative"), Finding("v", "info", "so")])  # type: ignore[arg-type]
    found = assess(fake_host, project, result_of(project))
    assert (found.state, found.cause, found.message) == ("infeasible", "findings", "U is negative")
    assert found.score is not None


def test_findings_may_be_yielded(fake_host: Host, project: Project) -> None:
    def check_result(result: Result) -> Iterator[Finding]:
        for step in result.steps:
            yield Finding("v", Severity.INFO, step.title)

    add(fake_host, check_result=check_result)
    found = assess(fake_host, project, result_of(project))
    assert found.state == "complete"
    assert [finding.code for finding in found.findings] == ["v"] * len(found.findings) != []


def raising() -> Iterator[Finding]:
    yield Finding("v", Severity.INFO, "so")
    raise ValueError("no such site")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: "a text", "autogsas_check_result (wrong) gave a wrong answer; found \"'a text'\""),
        (lambda: Finding("v", Severity.INFO, "so"), "autogsas_check_result (wrong) gave a wrong answer"),
        (raising, "autogsas_check_result (wrong) failed: ValueError: no such site"),
    ],
)
def test_only_the_check_that_is_wrong_is_named(
    fake_host: Host, project: Project, wrong: Callable[[], Any], text: str
) -> None:
    add(fake_host, check_result=lambda: [Finding("v", Severity.INFO, "so")])
    fake_host.register(type("P", (), {"autogsas_check_result": staticmethod(hookimpl(wrong))}), "wrong")
    add(fake_host, check_result=lambda: None)
    found = assess(fake_host, project, result_of(project))
    assert found.state == "failed"
    assert text in found.message


def test_a_score_hook_decides(fake_host: Host, project: Project) -> None:
    add(fake_host, score=lambda metrics: metrics.rwp * 2)
    found = assess(fake_host, project, result_of(project))
    assert found.metrics is not None
    assert found.score == pytest.approx(2 * found.metrics.rwp)


@pytest.mark.parametrize(
    "hooks",
    [
        {"score": lambda: float("nan")},
        {"score": lambda: "good"},
        {"check_result": lambda: ["a text"]},
        {"check_result": lambda: 1 / 0},
    ],
)
def test_a_failing_check_fails_the_trial_and_is_named(fake_host: Host, project: Project, hooks: dict[str, Any]) -> None:
    add(fake_host, **hooks)
    found = assess(fake_host, project, result_of(project))
    assert (found.state, found.cause) == ("failed", "hook")
    assert f"autogsas_{next(iter(hooks))}" in found.message


def test_several_histograms_are_assessed_together_and_one_by_one(fake_host: Host, tmp_path: Path) -> None:
    project = make_project(tmp_path / "two", histograms=2)
    found = assess(fake_host, project, result_of(project))
    assert found.metrics is not None
    assert sum(item.metrics.n_observations for item in found.histograms) == found.metrics.n_observations
    assert sum(item.metrics.chi2 for item in found.histograms) == pytest.approx(found.metrics.chi2)

"""Impossible trials that fit well are tried again without what made them impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autogsas import hookimpl
from autogsas.builtin.strategy.repairs import autogsas_repair_trial
from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.recipe import GROUPS, Recipe, Step
from autogsas.model.result import Finding, Result, Severity
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.search.options import Found
from autogsas.testing.samples import make_project
from tests.search.running import run_search

EVERYTHING = Capabilities(groups=frozenset(GROUPS))
BAD = "Y is impossible"


def forbid_y(host: Host) -> None:
    """Make every trial that frees Y impossible, and repair it by not freeing Y."""

    def check(result: Result) -> list[Finding]:
        freed = any(name.endswith(":Y") for name in result.varied)
        return [Finding("bad", Severity.ERROR, BAD, {}, {"what": "Y"})] if freed else []

    def repair(record: TrialRecord) -> dict[str, Any]:
        assert record.findings[0].about == {"what": "Y"}
        return {**record.choices, "free.Y": False}

    hooks = {"autogsas_check_result": check, "autogsas_repair_trial": repair}
    host.register(type("Plugin", (), {name: staticmethod(hookimpl(hook)) for name, hook in hooks.items()}))


def go(host: Host, folder: Path, **options: Any) -> Found:
    project = make_project(folder.parent / "project")
    return run_search(host, project, folder, sampler="random", seed=3, **options)


def test_an_impossible_trial_is_repaired_and_tried_again(fake_host: Host, tmp_path: Path) -> None:
    forbid_y(fake_host)
    found = go(fake_host, tmp_path / "run", trials=12)
    repaired = [record for record in found.records if record.origin.endswith("repaired")]
    assert repaired
    for record in repaired:
        origin = found.records[int(record.origin.split()[1])]
        assert origin.state == "infeasible"
        assert origin.message == BAD
        assert record.choices == {**origin.choices, "free.Y": False}
        assert record.state == "complete"
        assert record.number == origin.number + 1
    choices = [tuple(sorted(record.choices.items())) for record in repaired]
    assert len(choices) == len(set(choices))


def test_a_trial_far_from_the_best_is_not_repaired(fake_host: Host, tmp_path: Path) -> None:
    forbid_y(fake_host)
    found = go(fake_host, tmp_path / "run", trials=30)
    best = float("inf")
    origins = {record.origin for record in found.records}
    for record in found.records:
        if record.state == "infeasible" and record.score is not None and record.score > 1.03 * best:
            assert f"trial {record.number} repaired" not in origins
        if record.state == "complete" and record.score is not None:
            best = min(best, record.score)
    assert any(
        record.state == "infeasible" and f"trial {record.number} repaired" not in origins for record in found.records
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_resumed_run_repairs_the_same(fake_host: Host, tmp_path: Path, jobs: int) -> None:
    forbid_y(fake_host)
    whole = go(fake_host, tmp_path / "whole", trials=14, jobs=jobs)
    for trials in (3, 6, 14):
        parts = go(fake_host, tmp_path / "parts", trials=trials, jobs=jobs)
    assert [r.origin for r in parts.records] == [r.origin for r in whole.records]
    assert [r.choices for r in parts.records] == [r.choices for r in whole.records]


def test_a_wrong_answer_names_the_plugin(fake_host: Host, tmp_path: Path) -> None:
    forbid_y(fake_host)
    wrong = type("Wrong", (), {"autogsas_repair_trial": staticmethod(hookimpl(lambda record: ["Y"]))})
    fake_host.register(wrong)
    with pytest.raises(PluginError, match=r"autogsas_repair_trial .*gave a wrong answer"):
        go(fake_host, tmp_path / "run", trials=12)


def width(kind: str, histogram: str = "pattern") -> Finding:
    about = {"phase": "phase", "histogram": histogram, "width": kind}
    return Finding("width-not-positive", Severity.ERROR, "", {}, about)


def displaced(code: str = "u-out-of-range") -> Finding:
    return Finding(code, Severity.ERROR, "", {}, {"phase": "phase", "site": "Cl"})


def repaired(project: Project, choices: dict[str, Any], *findings: Finding) -> dict[str, Any] | None:
    record = TrialRecord(1, TrialState.INFEASIBLE, "search", Recipe(steps=(Step(),)), choices, 5.0, findings=findings)
    answer = autogsas_repair_trial(project, record, EVERYTHING)
    return None if answer is None else {key: value for key, value in answer.items() if choices[key] != value}


def test_the_strategy_simplifies_what_is_impossible(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    choices = {"profile.gaussian": "U V W", "profile.lorentzian": "X Y", "structure.u": "anisotropic", "other": 1}
    assert repaired(project, choices, width("Gaussian")) == {"profile.gaussian": "none"}
    assert repaired(project, choices, width("Lorentzian")) == {"profile.lorentzian": "Y"}
    assert repaired(project, choices, displaced("u-not-positive-definite")) == {"structure.u": "per site"}
    both = repaired(project, choices, displaced(), displaced(), width("Gaussian"))
    assert both == {"structure.u": "per site", "profile.gaussian": "none"}
    assert repaired(project, choices | {"structure.u": "shared"}, displaced()) == {"structure.u": "none"}
    occupied = Finding("occupancy-out-of-range", Severity.ERROR, "")
    assert repaired(project, choices | {"offered.occupancy": True}, occupied) == {"offered.occupancy": False}


def test_a_trial_without_remedy_is_not_tried_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    choices = {"profile.gaussian": "none", "profile.lorentzian": "X Y", "structure.u": "none"}
    close = Finding("atoms-too-close", Severity.ERROR, "")
    assert repaired(project, choices, width("Gaussian")) is None
    assert repaired(project, choices, displaced()) is None
    assert repaired(project, choices, width("Lorentzian"), close) is None
    assert repaired(project, choices, Finding("correlated", Severity.WARNING, "")) is None


def test_only_the_histogram_of_the_finding_is_repaired(tmp_path: Path) -> None:
    project = make_project(tmp_path, histograms=2)
    choices = {f"profile.gaussian[pattern{n}]": "U V W" for n in (1, 2)}
    assert repaired(project, choices, width("Gaussian", "pattern2")) == {"profile.gaussian[pattern2]": "none"}

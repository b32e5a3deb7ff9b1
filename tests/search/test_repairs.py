"""Impossible trials that fit well are tried again without what made them impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autogsas import hookimpl
from autogsas.builtin.strategy.repairs import autogsas_mend_trial
from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.recipe import GROUPS, Recipe, Step
from autogsas.model.result import Finding, Result, Severity
from autogsas.model.trial import TrialRecord
from autogsas.runfolder.writer import RunFolder
from autogsas.search.loop import search
from autogsas.search.options import Found, Options
from autogsas.testing.fake import FakeBackend
from autogsas.testing.samples import make_project

EVERYTHING = Capabilities(groups=frozenset(GROUPS))
BAD = "Y is impossible"


def forbid_y(host: Host) -> None:
    """Make every trial that frees Y impossible, and mend it by not freeing Y."""

    def check(result: Result) -> list[Finding]:
        freed = any(name.endswith(":Y") for name in result.varied)
        return [Finding("bad", Severity.ERROR, BAD, {}, {"what": "Y"})] if freed else []

    def mend(record: TrialRecord) -> dict[str, Any]:
        assert record.findings[0].about == {"what": "Y"}
        return record.choices | {"free.Y": False}

    hooks = {"autogsas_check_result": check, "autogsas_mend_trial": mend}
    host.register(type("Plugin", (), {name: staticmethod(hookimpl(hook)) for name, hook in hooks.items()}))


def go(host: Host, folder: Path, **options: Any) -> Found:
    project = make_project(folder.parent / "project")
    with RunFolder(folder) as run:
        return search(host, project, FakeBackend(), run, Options(sampler="random", seed=3, **options), seeds=())


def test_an_impossible_trial_is_tried_again_mended(fake_host: Host, tmp_path: Path) -> None:
    forbid_y(fake_host)
    found = go(fake_host, tmp_path / "run", trials=12)
    mended = [record for record in found.records if record.origin.endswith("mended")]
    assert mended
    for record in mended:
        origin = found.records[int(record.origin.split()[1])]
        assert origin.state == "infeasible"
        assert origin.message == BAD
        assert record.choices == origin.choices | {"free.Y": False}
        assert record.state == "complete"
        assert record.number == origin.number + 1
    choices = [tuple(sorted(record.choices.items())) for record in mended]
    assert len(choices) == len(set(choices))


def test_what_would_not_be_the_best_is_left_alone(fake_host: Host, tmp_path: Path) -> None:
    forbid_y(fake_host)
    found = go(fake_host, tmp_path / "run", trials=30)
    best = float("inf")
    told = {record.origin for record in found.records}
    for record in found.records:
        if record.state == "infeasible" and record.score is not None and record.score > 1.03 * best:
            assert f"trial {record.number} mended" not in told
        if record.state == "complete" and record.score is not None:
            best = min(best, record.score)
    assert any(record.state == "infeasible" and f"trial {record.number} mended" not in told for record in found.records)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_is_gone_on_with_mends_the_same(fake_host: Host, tmp_path: Path, jobs: int) -> None:
    forbid_y(fake_host)
    whole = go(fake_host, tmp_path / "whole", trials=14, jobs=jobs)
    for trials in (3, 6, 14):
        parts = go(fake_host, tmp_path / "parts", trials=trials, jobs=jobs)
    assert [r.origin for r in parts.records] == [r.origin for r in whole.records]
    assert [r.choices for r in parts.records] == [r.choices for r in whole.records]


def test_an_answer_that_is_no_choices_is_the_plugins_mistake(fake_host: Host, tmp_path: Path) -> None:
    forbid_y(fake_host)
    wrong = type("Wrong", (), {"autogsas_mend_trial": staticmethod(hookimpl(lambda record: ["Y"]))})
    fake_host.register(wrong)
    with pytest.raises(PluginError, match=r"autogsas_mend_trial .*gave a wrong answer"):
        go(fake_host, tmp_path / "run", trials=12)


def width(kind: str, histogram: str = "pattern") -> Finding:
    about = {"phase": "phase", "histogram": histogram, "width": kind}
    return Finding("width-not-positive", Severity.ERROR, "", {}, about)


def displaced(code: str = "u-out-of-range") -> Finding:
    return Finding(code, Severity.ERROR, "", {}, {"phase": "phase", "site": "Cl"})


def mended(project: Project, choices: dict[str, Any], *findings: Finding) -> dict[str, Any] | None:
    record = TrialRecord(1, "infeasible", "search", Recipe(steps=(Step(),)), choices, 5.0, findings=findings)
    answer = autogsas_mend_trial(project, record, EVERYTHING)
    return None if answer is None else {key: value for key, value in answer.items() if choices[key] != value}


def test_the_strategy_makes_plainer_what_is_impossible(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    choices = {"profile.gaussian": "U V W", "profile.lorentzian": "X Y", "structure.u": "anisotropic", "other": 1}
    assert mended(project, choices, width("Gaussian")) == {"profile.gaussian": "none"}
    assert mended(project, choices, width("Lorentzian")) == {"profile.lorentzian": "Y"}
    assert mended(project, choices, displaced("u-not-positive-definite")) == {"structure.u": "per site"}
    both = mended(project, choices, displaced(), displaced(), width("Gaussian"))
    assert both == {"structure.u": "per site", "profile.gaussian": "none"}
    assert mended(project, choices | {"structure.u": "shared"}, displaced()) == {"structure.u": "none"}
    occupied = Finding("occupancy-out-of-range", Severity.ERROR, "")
    assert mended(project, choices | {"offered.occupancy": True}, occupied) == {"offered.occupancy": False}


def test_what_has_no_remedy_is_not_tried_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    choices = {"profile.gaussian": "none", "profile.lorentzian": "X Y", "structure.u": "none"}
    close = Finding("atoms-too-close", Severity.ERROR, "")
    assert mended(project, choices, width("Gaussian")) is None
    assert mended(project, choices, displaced()) is None
    assert mended(project, choices, width("Lorentzian"), close) is None
    assert mended(project, choices, Finding("correlated", Severity.WARNING, "")) is None


def test_of_several_histograms_the_one_concerned_is_mended(tmp_path: Path) -> None:
    project = make_project(tmp_path, histograms=2)
    choices = {f"profile.gaussian[pattern{n}]": "U V W" for n in (1, 2)}
    assert mended(project, choices, width("Gaussian", "pattern2")) == {"profile.gaussian[pattern2]": "none"}

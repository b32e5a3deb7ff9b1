"""A run without a usable trial shows its nearest miss: the trial, its picture, why it is not usable, what to try."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import autogsas
from autogsas.commands import verbs
from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Project, Search
from autogsas.model.result import Curves, Finding, Reflections, Severity
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.curves import curves_npz, read_curves
from autogsas.runfolder.nearest import as_shown, nearest_trial
from autogsas.runfolder.reader import read_run
from autogsas.runfolder.summary import summary_schema
from autogsas.runfolder.trials import StoredTrial
from autogsas.testing.samples import make_project, make_recipe


def stored(number: int, state: TrialState, score: float | None = None, steps: int = 0) -> StoredTrial:
    done = tuple(step for step in [None] * steps)
    return StoredTrial(TrialRecord(number, state, "search", make_recipe("one"), {}, score, steps=done))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trials", "nearest"),
    [
        ([stored(0, TrialState.INFEASIBLE, 9.0), stored(1, TrialState.INFEASIBLE, 8.0)], 1),
        ([stored(0, TrialState.INFEASIBLE, 8.0), stored(1, TrialState.INFEASIBLE, 8.0)], 0),
        ([stored(0, TrialState.FAILED, steps=3), stored(1, TrialState.INFEASIBLE, 50.0)], 1),
        ([stored(0, TrialState.FAILED, steps=1), stored(1, TrialState.FAILED, steps=3)], 1),
        ([stored(0, TrialState.INFEASIBLE, 5.0), stored(1, TrialState.COMPLETE, 50.0)], None),
        ([], None),
    ],
)
def test_the_nearest_is_the_infeasible_trial_of_the_lowest_score(
    trials: list[StoredTrial], nearest: int | None
) -> None:
    found = nearest_trial(trials)
    assert (None if found is None else found.record.number) == nearest


def test_curves_and_reflections_are_read_back(tmp_path: Path) -> None:
    x = np.linspace(10.0, 20.0, 7)
    marks = Reflections("a phase", np.array([[1, 0, -2]]), np.array([6]), *(np.array([v]) for v in (2.5, *range(7))))
    curves = Curves("data", x, x + 1, x + 2, x + 3, x + 4, (marks,))
    (tmp_path / "with.npz").write_bytes(curves_npz((curves,), reflections=True))
    (found,) = read_curves(tmp_path / "with.npz").curves
    assert np.array_equal(found.x, x)
    assert found.calculated == pytest.approx(x + 2, abs=1e-5)
    (read,) = found.reflections
    assert read.phase == "a phase"
    assert read.hkl.tolist() == [[1, 0, -2]]
    assert (read.multiplicity[0], read.d[0], read.two_theta[0], read.gamma[0]) == (6, 2.5, 0.0, 6.0)
    (tmp_path / "without.npz").write_bytes(curves_npz((curves,), reflections=False))
    assert read_curves(tmp_path / "without.npz").curves[0].reflections == ()


def run_with_errors(host: Host, folder: Path, trials: int = 4) -> verbs.FinishedRun:
    def check_result(project: Project, result: Any, metrics: Any) -> list[Finding]:
        return [Finding("never-right", Severity.ERROR, "it is never right", advice="try something else")]

    host.register(type("Plugin", (), {"autogsas_check_result": staticmethod(hookimpl(check_result))}))
    project = make_project(folder / "project", search=Search(trials=trials, seed=1))
    return verbs.run((project, host), verbs.RunRequest(trials=trials, out=folder / "run"))


def test_a_run_of_infeasible_trials_shows_the_nearest(fake_host: Host, tmp_path: Path) -> None:
    done = run_with_errors(fake_host, tmp_path)
    assert done.exit_status == 1
    summary = done.summary
    assert summary.best_trial is None
    assert summary.rwp is None
    miss = summary.nearest_miss
    assert miss is not None
    rwps = {item.number: item.rwp for item in summary.history}
    assert miss.rwp == min(value for value in rwps.values() if value is not None) == rwps[miss.trial]
    assert miss.why == ["it is never right"]
    assert miss.advice[0] == "try something else"
    assert miss.parameters
    assert miss.structure
    assert {"never-right"} <= {finding.code for finding in miss.findings}
    assert as_shown(summary).rwp == miss.rwp
    jsonschema.validate(json.loads((done.folder / "summary.json").read_text()), summary_schema())
    read = read_run(done.folder)
    assert read.profiles
    assert read.marks
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert f"The nearest miss: trial {miss.trial}" in page
    assert "try something else" in page
    assert "it is never right" in repr(autogsas.open_run(done.folder))
    assert not (done.folder / "best.recipe.yaml").exists()


def test_a_run_of_failed_trials_says_why(fake_host: Host, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", search=Search(trials=1))
    project = replace(project, recipes=(make_recipe("first", "!fail", name="by hand"),))
    request = verbs.RefineRequest(out=tmp_path / "run")
    done = verbs.refine((project, fake_host), make_recipe("first", "!fail", name="by hand"), request)
    miss = done.summary.nearest_miss
    assert done.exit_status == 1
    assert miss is not None
    assert (miss.state, miss.cause, miss.rwp) == ("failed", "singular", None)
    assert "singular" in miss.why[0]
    assert not (done.folder / "pattern.csv").exists()
    assert "The nearest miss" in (done.folder / "report.html").read_text(encoding="utf-8")

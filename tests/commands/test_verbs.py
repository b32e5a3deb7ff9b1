"""A project in, a folder of results out."""

from __future__ import annotations

import csv
import inspect
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

import autogsas
from autogsas.builtin import MODULES
from autogsas.cli import main
from autogsas.commands import verbs
from autogsas.errors import BackendMissing, UserError
from autogsas.hooks.choices import Section
from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.metrics import rwp
from autogsas.model.project import Project, Search
from autogsas.model.recipe import Recipe
from autogsas.model.result import Finding, Severity
from autogsas.report import write_report
from autogsas.runfolder.summary import Summary, summary_schema
from autogsas.search import resuming
from autogsas.search.database import Database
from autogsas.testing.fake import FakeBackend
from autogsas.testing.samples import make_project, make_recipe
from autogsas.text.prose import describe_esds

SCHEMA = Path(autogsas.__file__).parent / "schema" / "summary.schema.json"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project", search=Search(trials=6, seed=1))


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def add(host: Host, **hooks: Any) -> None:
    host.register(type("Plugin", (), {f"autogsas_{k}": staticmethod(hookimpl(v)) for k, v in hooks.items()}))


def test_a_run_leaves_everything_the_design_names(fake_host: Host, project: Project, tmp_path: Path) -> None:
    run = autogsas.run((project, fake_host))
    assert run.exit_status == 0
    assert run.folder == tmp_path / "project" / "runs" / "made-1"
    names = {path.name for path in run.folder.iterdir()}
    assert names >= {
        "summary.json",
        "best.recipe.yaml",
        "best.cif",
        "best.py",
        "pattern.csv",
        "reflections.csv",
        "parameters.csv",
        "trials.csv",
        "study.db",
        "report.html",
        "log.txt",
        "trials",
    }
    assert not [name for name in names if name.endswith(".part")]
    assert {path.name for path in (run.folder / "trials").iterdir()} == {
        f"{number:04d}.{kind}" for number in range(6) for kind in ("json", "npz")
    }


def test_the_summary_is_valid_and_agrees_with_the_files(fake_host: Host, project: Project) -> None:
    run = verbs.run((project, fake_host))
    text = (run.folder / "summary.json").read_text()
    data = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    assert Summary.model_validate(data).plain() == data
    assert data["backend"] == {"name": "fake", "version": "1.0"}
    assert data["trials"] == {"complete": 6, "pruned": 0, "failed": 0, "infeasible": 0, "total": 6}
    assert data["finished"] == "complete"
    assert data["seed"] == 1
    assert data["limits"] == {"pattern": [18.0, 85.0]}
    table = rows(run.folder / "trials.csv")
    best = min(table, key=lambda row: float(row["score"]))
    assert int(best["number"]) == data["best_trial"]
    assert float(best["rwp"]) == pytest.approx(data["rwp"])
    assert best["background.terms"] == str(data["recipe"]["steps"][0]["background"]["terms"])
    assert [item["best_so_far"] for item in data["history"]][-1] == data["rwp"]
    assert data["correlations"] == [{"a": "phase:a", "b": data["correlations"][0]["b"], "value": 0.9}]
    assert data["n_variables"] == sum(1 for row in rows(run.folder / "parameters.csv") if row["esd"])


def test_the_pattern_gives_the_rwp(fake_host: Host, project: Project) -> None:
    histogram = replace(project.histograms[0], excluded=((20.0, 21.0),))
    run = verbs.run((replace(project, histograms=(histogram,)), fake_host), verbs.RunRequest(trials=2))
    table = rows(run.folder / "pattern.csv")
    columns = {key: np.array([float(row[key]) for row in table]) for key in table[0] if key != "histogram"}
    assert list(table[0]) == [
        "histogram",
        "two_theta",
        "observed",
        "calculated",
        "background",
        "difference",
        "weight",
    ]
    assert rwp(columns["observed"], columns["calculated"], columns["weight"]) == pytest.approx(run.summary.rwp)
    inside = (columns["two_theta"] > 20.0) & (columns["two_theta"] < 21.0)
    assert np.all(columns["weight"][inside] == 0)
    assert inside.sum() > 5
    assert np.allclose(columns["difference"], columns["observed"] - columns["calculated"])


def test_files_and_summary_quote_the_same_esds(fake_host: Host, project: Project) -> None:
    """The files of the best trial are written again when the whole run is known."""
    run = verbs.run((project, fake_host), verbs.RunRequest(trials=8, seed=1))
    found = {item.name: item for item in run.summary.parameters}
    table = {row["name"]: row for row in rows(run.folder / "parameters.csv")}
    assert set(table) == set(found)
    for name, row in table.items():
        assert [float(row[key]) if row[key] else None for key in ("esd", "esd_computed")] == [
            None if value is None else pytest.approx(value, rel=1e-6)
            for value in (found[name].esd, found[name].esd_computed)
        ]
        computed = found[name].esd_computed
        assert computed is None or (found[name].esd or 0.0) >= computed * (1 - 1e-9)
    assert run.summary.uncertainty is not None
    assert sum(item.weight for item in run.summary.uncertainty.models) == pytest.approx(1.0)
    assert run.summary.uncertainty.models[0].trial == run.summary.best_trial
    # The fake engine's residuals change their sign at each point.
    assert run.summary.uncertainty.esd_factor == 1.0
    assert run.summary.uncertainty.effective_points == run.summary.n_observations
    said = describe_esds(1.0, len(run.summary.uncertainty.models))
    cif = " ".join((run.folder / "best.cif").read_text().split())
    assert said in cif
    assert said in " ".join((run.folder / "parameters.tex").read_text().split())


def test_the_best_recipe_can_be_refined_again(fake_host: Host, project: Project, tmp_path: Path) -> None:
    first = verbs.run((project, fake_host))
    recipe = Recipe.model_validate(yaml.safe_load((first.folder / "best.recipe.yaml").read_text()))
    again = verbs.refine((project, fake_host), recipe, verbs.RefineRequest(out=tmp_path / "again"))
    assert again.summary.rwp == pytest.approx(first.summary.rwp)
    assert again.summary.trials.total == 1
    assert again.exit_status == 0


def test_runs_are_numbered_and_never_overwritten(fake_host: Host, project: Project, tmp_path: Path) -> None:
    first = verbs.run((project, fake_host), verbs.RunRequest(trials=1))
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    second = verbs.run((project, fake_host), verbs.RunRequest(trials=1))
    assert second.folder.name == "made-2"
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(UserError, match="--resume"):
        verbs.run((project, fake_host), verbs.RunRequest(out=first.folder))
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("keep me")
    with pytest.raises(UserError, match="other files"):
        verbs.run((project, fake_host), verbs.RunRequest(out=other))
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


def test_resume_continues_the_last_run(fake_host: Host, project: Project) -> None:
    with pytest.raises(UserError, match="no run to resume"):
        verbs.run((project, fake_host), verbs.RunRequest(resume=True))
    first = verbs.run((project, fake_host), verbs.RunRequest(trials=2))
    again = verbs.run((project, fake_host), verbs.RunRequest(trials=5, resume=True))
    assert again.folder == first.folder
    assert again.summary.trials.total == 5
    assert again.summary.created == first.summary.created
    assert again.summary.seconds > first.summary.seconds
    whole = verbs.run((project, fake_host), verbs.RunRequest(trials=5))
    assert [item.score for item in whole.summary.history] == [item.score for item in again.summary.history]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(b""), "is empty, but there are trials"),
        (lambda file: file.write_bytes(b"garbage" * 100), "is damaged"),
        (lambda file: file.write_bytes(file.read_bytes()[:20_000]), "is damaged"),
    ],
)
def test_a_damaged_database_is_not_resumed_and_nothing_is_lost(
    fake_host: Host, project: Project, damage: Callable[[Path], object], message: str
) -> None:
    first = verbs.run((project, fake_host), verbs.RunRequest(trials=3))
    before = {path.name: path.read_bytes() for path in (first.folder / "trials").iterdir()}
    summary = (first.folder / "summary.json").read_bytes()
    damage(first.folder / "study.db")
    with pytest.raises(UserError, match=message) as caught:
        verbs.run((project, fake_host), verbs.RunRequest(trials=5, resume=True))
    assert "\n" not in str(caught.value)
    assert "--like" in str(caught.value)
    assert {path.name: path.read_bytes() for path in (first.folder / "trials").iterdir()} == before
    assert (first.folder / "summary.json").read_bytes() == summary


def test_the_database_is_opened_once_on_resuming(
    fake_host: Host, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    verbs.run((project, fake_host), verbs.RunRequest(trials=60, patience=0))
    opened: list[Path] = []

    class Counted(Database):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    for module in (verbs, resuming):
        monkeypatch.setattr(module, "Database", Counted)
    again = verbs.run((project, fake_host), verbs.RunRequest(trials=62, patience=0, resume=True))
    assert again.summary.importances is not None
    assert again.summary.importances.items
    assert opened == [again.folder / "study.db"]


def test_resume_refuses_what_cannot_be_compared(fake_host: Host, project: Project) -> None:
    verbs.run((project, fake_host), verbs.RunRequest(trials=1))
    with pytest.raises(UserError, match="another seed"):
        verbs.run((project, fake_host), verbs.RunRequest(resume=True, seed=2))
    changed = replace(project, histograms=(replace(project.histograms[0], limits=(13.0, 38.0)),))
    with pytest.raises(UserError, match="have changed"):
        verbs.run((changed, fake_host), verbs.RunRequest(resume=True))


def test_a_run_without_usable_trial_has_exit_status_1(fake_host: Host, project: Project) -> None:
    run = verbs.refine((project, fake_host), make_recipe("!fail"))
    assert run.exit_status == 1
    assert run.summary.rwp is None
    assert run.summary.causes == {"singular": 1}
    assert run.summary.best_trial is None
    jsonschema.validate(json.loads((run.folder / "summary.json").read_text()), summary_schema())


def test_infinite_numbers_become_null(fake_host: Host, project: Project) -> None:
    finding = Finding("odd", Severity.WARNING, "odd", {"ratio": math.inf, "other": math.nan})
    add(fake_host, check_result=lambda: [finding])
    run = verbs.refine((project, fake_host), make_recipe("x"))
    found = [item for item in run.summary.findings if item.code == "odd"]
    assert found[0].numbers == {"ratio": None, "other": None}


def test_names_cannot_become_formulas(fake_host: Host, project: Project) -> None:
    renamed = replace(project, histograms=(replace(project.histograms[0], name="=1+1"),))
    run = verbs.refine((renamed, fake_host), make_recipe("x", name="@sum(A1)"))
    assert rows(run.folder / "pattern.csv")[0]["histogram"] == "'=1+1"
    assert rows(run.folder / "trials.csv")[0]["origin"] == "'@sum(A1)"
    assert any(row["difference"].startswith("-") for row in rows(run.folder / "pattern.csv"))


def test_a_hook_that_cannot_be_used_leaves_no_folder(fake_host: Host, project: Project, tmp_path: Path) -> None:
    add(fake_host, choose_groups=lambda: ["cell"])
    with pytest.raises(UserError, match="autogsas_choose_groups"):
        verbs.run((replace(project, recipes=()), fake_host), verbs.RunRequest(out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_project_that_the_backend_cannot_refine_is_an_error(
    fake_host: Host, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    can = replace(FakeBackend().capabilities(), radiation=frozenset({"neutron"}))
    monkeypatch.setattr(FakeBackend, "capabilities", lambda self: can)
    with pytest.raises(UserError, match="does not support this radiation; found 'xray'; allowed: neutron"):
        verbs.run((project, fake_host))
    assert not (project.file.parent / "runs").exists()  # type: ignore[union-attr]


def test_a_backend_that_is_not_there(fake_host: Host, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"unknown backend; found 'fak'.*did you mean 'fake'"):
        verbs.run((project, fake_host), verbs.RunRequest(backend="fak"))
    monkeypatch.setattr(fake_host, "_backends", {"fake": FakeBackend(reason="not installed")})
    with pytest.raises(BackendMissing, match="not installed"):
        verbs.run((project, fake_host))


def test_hooks_after_the_run_and_in_the_report(fake_host: Host, project: Project) -> None:
    seen: list[dict[str, Any]] = []
    add(
        fake_host,
        after_run=lambda folder, summary: seen.append({"there": (folder / "summary.json").is_file()} | summary),
        report_section=lambda: Section("A section of mine", ("with a sentence",)),
    )
    run = verbs.run((project, fake_host), verbs.RunRequest(trials=1))
    assert seen[0]["there"]
    assert seen[0]["rwp"] == run.summary.rwp
    assert "A section of mine" in (run.folder / "report.html").read_text()


FAILING = """
from autogsas import hookimpl

@hookimpl
def autogsas_report_section(project, summary):
    raise RuntimeError("broken section")
"""
ADDING = """
from autogsas import hookimpl
from autogsas.hooks.choices import Section

@hookimpl
def autogsas_report_section(project, summary):
    return Section("A section of mine", ("with a sentence",))
"""


@pytest.fixture
def folder(fake_host: Host, project: Project, code: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run, whose project file has hooks by now."""
    run = verbs.run((project, fake_host), verbs.RunRequest(trials=1))
    monkeypatch.setattr("autogsas.builtin.MODULES", MODULES)  # the fake host has no readers
    assert project.file is not None
    (project.file.parent / "hooks.py").write_text(code)
    project.file.write_text(
        "data: [{file: pattern.xy, wavelength: 1.5406, radiation: xray}]\n"
        "phases: [{file: phase.cif}]\nplugins: [hooks.py]\n"
    )
    return run.folder


@pytest.mark.parametrize(
    ("code", "shown", "notices"),
    [(ADDING, True, 0), (FAILING, False, 1)],
)
def test_report_writes_the_page_once_and_returns_what_went_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shown: bool, notices: int
) -> None:
    written = []
    monkeypatch.setattr("autogsas.report.write_report", lambda *given: written.append(given) or write_report(*given))
    done = verbs.report(folder)
    assert len(written) == 1
    assert done.page == folder / "report.html"
    assert ("A section of mine" in done.page.read_text()) is shown
    assert len(done.notices) == notices
    assert all("autogsas_report_section (" in notice and "broken section" in notice for notice in done.notices)


@pytest.mark.parametrize("code", [FAILING])
def test_the_command_shows_what_went_wrong_with_a_report(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["report", str(folder)])
    assert done.value.code == 0
    out, err = capfd.readouterr()
    assert out.strip().endswith("report.html")
    assert "broken section" in err


def settings(door: Callable[..., Any]) -> dict[str, Any]:
    own = {"project", "recipe", "progress"}
    return {name: one.default for name, one in inspect.signature(door).parameters.items() if name not in own}


def test_the_python_interface_has_every_setting_of_the_commands() -> None:
    for door, request in ((autogsas.run, verbs.RunRequest), (autogsas.refine, verbs.RefineRequest)):
        assert settings(door) == {field.name: field.default for field in fields(request)}


def test_two_histograms_have_their_own_choices_and_figures(fake_host: Host, tmp_path: Path) -> None:
    project = make_project(tmp_path / "two", histograms=2)
    run = verbs.run((project, fake_host), verbs.RunRequest(trials=2))
    assert [item.name for item in run.summary.histograms] == ["pattern1", "pattern2"]
    assert run.best is not None
    assert {"background.terms[pattern1]", "background.terms[pattern2]"} <= set(run.best.choices)
    assert {row["histogram"] for row in rows(run.folder / "pattern.csv")} == {"pattern1", "pattern2"}
    assert run.summary.n_observations == sum(item.n_observations or 0 for item in run.summary.histograms)


def test_the_shipped_schema_is_current() -> None:
    assert json.loads(SCHEMA.read_text()) == summary_schema()


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, autogsas; print([m for m in ('numpy', 'pydantic', 'optuna', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_trials_end_on_one_clock_that_continues_when_resumed(fake_host: Host, project: Project, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = verbs.run((project, fake_host), verbs.RunRequest(out=out, trials=3))
    ends = [item.ended for item in first.summary.history]
    assert None not in ends
    assert ends == sorted(ends)  # type: ignore[type-var]
    assert ends[-1] <= first.summary.seconds + 0.001  # type: ignore[operator]
    second = verbs.run((project, fake_host), verbs.RunRequest(out=out, trials=6, resume=True))
    later = [item.ended for item in second.summary.history]
    assert later[:3] == ends
    assert later[3] >= first.summary.seconds  # type: ignore[operator]
    assert later[-1] <= second.summary.seconds + 0.001  # type: ignore[operator]


def test_refinements_made_by_hand_are_kept_in_the_summary(fake_host: Host, project: Project) -> None:
    mine = make_recipe("all", name="mine")
    run = autogsas.run((replace(project, recipes=(mine,), held_rwp=12.5), fake_host))
    held, given = run.summary.by_hand
    assert (held.name, held.trial, held.rwp) == (project.name, None, 12.5)
    assert (given.name, given.trial, given.rwp) == ("mine", 0, run.summary.history[0].rwp)
    assert run.summary.importances is not None
    assert "too few" in run.summary.importances.note
    assert autogsas.run((project, fake_host)).summary.by_hand == []

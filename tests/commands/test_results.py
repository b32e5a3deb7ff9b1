"""Runs in Python: what docs/reference/python.md shows, and what a notebook draws."""

from __future__ import annotations

import base64
import importlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import autogsas
from autogsas.commands.results import Parameters, Run
from autogsas.runfolder.summary import Summary
from tests.runs import write_run

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert('x')</script> \"q\" Ünï"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("run")
    summary = write_run(folder, points=400, name=HOSTILE, phase="<b>phase</b>")
    return autogsas.open_run(folder), summary


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas", reason="the examples show DataFrames")
    shutil.copytree(
        ROOT / "projects" / "lbco-neutron",
        tmp_path / "projects" / "lbco-neutron",
        ignore=shutil.ignore_patterns("runs"),
    )
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8"), flags=re.S
    )
    assert len(blocks) >= 5
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/reference/python.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "Rwp" in printed
    assert "not a run folder" in printed
    frame, best = names["table"], names["best"]
    assert list(frame.columns) == ["value", "esd", "unit", "group", "phase", "histogram", "site", "esd_computed"]
    assert frame.loc["LBCO:a", "value"] == best.parameters["LBCO:a"].value
    trials = names["trials"]
    assert len(trials) == 2
    assert trials.loc[best.number, "rwp"] == pytest.approx(best.rwp)
    assert trials["rwp"].min() <= best.rwp


def test_a_run_agrees_with_its_summary(made: tuple[Run, dict[str, Any]]) -> None:
    run, summary = made
    assert run.best is not None
    assert (run.best.rwp, run.best.number, run.exit_status) == (summary["rwp"], summary["best_trial"], 0)
    assert len(run.best.parameters) == len(summary["parameters"])
    text = repr(run.best.parameters)
    assert "9.36842(14)" in text
    assert text.splitlines()[0].split() == ["name", "value", "unit"]
    assert all(parameter.esd is not None for parameter in run.best.parameters.refined.values())
    assert 0 < len(run.best.parameters.refined) < len(run.best.parameters)
    assert run.best.curves[0].two_theta.size == 400


def test_texts_of_the_user_are_escaped_in_notebooks(made: tuple[Run, dict[str, Any]]) -> None:
    run, _ = made
    assert run.best is not None
    for shown in (run._repr_html_(), run.best._repr_html_(), run.best.parameters._repr_html_()):
        assert "<script" not in shown
        assert "<b>" not in shown
    pictures = run.pictures._repr_html_()
    assert pictures.count("<img ") == 2
    assert "http" not in re.sub(r"base64,[^\"]*", "", pictures)
    for encoded in re.findall(r"base64,([^\"]*)", pictures):
        drawn = base64.b64decode(encoded).decode()
        assert drawn.startswith("<svg")
        assert "<script" not in drawn


def test_a_run_without_a_result_can_be_opened(tmp_path: Path) -> None:
    write_run(tmp_path, usable=False)
    run = autogsas.open_run(tmp_path)
    assert run.best is None
    assert run.exit_status == 1
    assert "nothing usable" in repr(run)
    run.pictures._repr_html_()


def test_a_summary_with_more_keys_is_read(tmp_path: Path) -> None:
    import json

    summary = write_run(tmp_path, points=50)
    (tmp_path / "summary.json").write_text(json.dumps(summary | {"of a later version": 1}))
    assert autogsas.open_run(tmp_path).summary.rwp == summary["rwp"]


def test_without_pandas_the_error_names_the_package_to_install(
    made: tuple[Run, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def absent(name: str, package: str | None = None) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", absent)
    run, summary = made
    part = Summary.model_validate(summary).parameters
    for ask in (lambda: run.trials, Parameters(part).frame):
        with pytest.raises(autogsas.UserError, match=r"pip install 'autogsas\[notebook\]'"):
            ask()


def test_show_draws_in_a_real_notebook(made: tuple[Run, dict[str, Any]]) -> None:
    client = pytest.importorskip("nbclient", reason="a notebook's kernel is started by nbclient")
    pytest.importorskip("ipykernel", reason="a notebook needs a kernel")
    import nbformat

    run, _ = made
    code = f"import autogsas\nrun = autogsas.open_run({str(run.folder)!r})\nrun.show()\nrun"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    client.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [output["data"]["text/html"] for output in notebook.cells[0].outputs if "data" in output]
    assert len(shown) == 2
    assert shown[0].count("data:image/svg+xml;base64,") == 2
    assert shown[1].startswith("<table>")

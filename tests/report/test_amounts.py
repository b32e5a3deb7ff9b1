"""The amounts of the phases at the top of the report and on the terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from autogsas.api import open_run
from autogsas.commands.terminal import show_run
from autogsas.commands.verbs import FinishedRun
from autogsas.report import write_report
from autogsas.runfolder.reader import read_summary
from autogsas.runfolder.trials import read_stored_trial, store_trial, trial_json
from autogsas.trial.pool import Outcome
from tests.exports.refined import mixture
from tests.runs import write_run

AMOUNTS = {
    "histogram": "FAP",
    "phases": [
        {"phase": "fluorapatite", "crystalline": {"value": 0.9134, "esd": 0.0021}},
        {"phase": "<b>lime</b>", "crystalline": {"value": 0.0866, "esd": 0.0021}},
    ],
}


def run_with_amounts(folder: Path) -> Path:
    summary = write_run(folder, points=900, second_phase="<b>lime</b>") | {"quantification": [AMOUNTS]}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_the_report_begins_with_the_amounts(tmp_path: Path) -> None:
    text = write_report(run_with_amounts(tmp_path)).read_text(encoding="utf-8")
    assert text.index("Phase fractions") < text.index("The fit")
    assert text.count("91.3(2)") >= 2  # in the figure and in its caption
    assert "<b>lime" not in text


def test_a_run_without_amounts_has_no_such_section(tmp_path: Path) -> None:
    write_run(tmp_path, points=900)
    assert "Phase fractions" not in write_report(tmp_path).read_text(encoding="utf-8")


def test_the_terminal_and_notebooks_show_them(tmp_path: Path) -> None:
    folder = run_with_amounts(tmp_path)
    text = io.StringIO()
    show_run(FinishedRun(folder, read_summary(folder), None, 0), Console(file=text, width=160))
    assert "fluorapatite 91.3(2), <b>lime</b> 8.7(2) % by mass" in text.getvalue()
    best = open_run(folder).best
    assert best is not None
    assert best.quantification[0].phases[0].crystalline.esd == 0.0021
    assert "91.3(2)" in repr(best)


def test_a_trial_keeps_its_amounts(tmp_path: Path) -> None:
    project, record, assessment, result = mixture()
    stored = store_trial(record, assessment, Outcome(0, result), None)
    assert len(stored.amounts) == len(project.histograms) == 2
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "0000.json").write_text(json.dumps(trial_json(stored)))
    assert read_stored_trial(tmp_path, 0).amounts == stored.amounts

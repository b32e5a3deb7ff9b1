"""The run folder."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autogsas.errors import UserError
from autogsas.model.metrics import Metrics
from autogsas.model.project import Project
from autogsas.model.result import Finding, Severity, StepResult
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.plaindata import plain
from autogsas.runfolder.tables import trials_csv
from autogsas.runfolder.trials import correlations
from autogsas.runfolder.writer import RunFolder, choose_folder
from autogsas.testing.fake import FakeSession
from autogsas.testing.samples import make_project, make_recipe
from autogsas.trial.assessment import Assessment
from autogsas.trial.pool import Outcome


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def record(number: int = 0) -> TrialRecord:
    nan = float("nan")
    return TrialRecord(
        number,
        TrialState.COMPLETE,
        "search",
        make_recipe("a"),
        {"terms": 3, "free.zero": True},
        8.5,
        Metrics(8.5, nan, nan, 10.0, 100, 7),
        (StepResult("a", True, 3, 7, 8.5, nan, ("p:x",)),),
        (Finding("odd", Severity.WARNING, "odd", {"n": 1.0}),),
        seconds=1.5,
    )


def outcome(project: Project, **change: object) -> Outcome:
    session = FakeSession(project, Path())
    session.refine(make_recipe("a").steps[0])
    return Outcome(0, session.result(), {"best.cif": b"data_x\n", "best.py": b"pass\n"}, **change)  # type: ignore[arg-type]


def test_a_trial_is_read_back_as_it_was_written(project: Project, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run") as folder:
        folder.write_trial(record(), Assessment("complete"), outcome(project, log="said"), None)
        again = folder.read_trial(0)
    assert again.same_as is None
    assert repr(again.record) == repr(record())  # by text, for NaN is not equal to itself
    assert (tmp_path / "run/trials/0000.log").read_text() == "said"
    with np.load(tmp_path / "run/trials/0000.npz") as arrays:
        assert list(arrays["histograms"]) == ["pattern"]
        assert arrays["0.x"].dtype == np.float64
        assert np.allclose(arrays["0.observed"], outcome(project).result.curves[0].observed)  # type: ignore[union-attr]


def test_a_damaged_trial_is_reported(project: Project, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run") as folder:
        with pytest.raises(UserError, match=r"0000\.json: the run folder is damaged"):
            folder.read_trial(0)
        (tmp_path / "run/trials/0000.json").write_text('{"number": 0}')
        with pytest.raises(UserError, match="damaged: KeyError"):
            folder.read_trial(0)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    code = "from pathlib import Path\nfrom autogsas.runfolder.writer import RunFolder\n"
    code += f"RunFolder(Path({str(tmp_path / 'run')!r}))"
    with RunFolder(tmp_path / "run"):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "another process is using this run folder" in other.stderr
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    code = "import os\nfrom pathlib import Path\nfrom autogsas.runfolder.writer import RunFolder\n"
    code += f"folder = RunFolder(Path({str(tmp_path / 'run')!r}))\nos._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 9
    assert (tmp_path / "run" / ".lock").exists()
    with RunFolder(tmp_path / "run") as folder:
        assert folder.fresh


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunFolder(tmp_path / "run") as folder:
        folder.write("a.txt", "old")

        def broken(*_: object) -> None:
            raise OSError("disk gone")

        monkeypatch.setattr("os.replace", broken)
        with pytest.raises(OSError, match="disk gone"):
            folder.write("a.txt", "new")
    assert (tmp_path / "run/a.txt").read_text() == "old"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock", "a.txt", "trials"]


def test_a_new_best_trial_replaces_the_old_one(project: Project, tmp_path: Path) -> None:
    first = replace(outcome(project), saved={"best.cif": b"old", "best.gpx": b"old"})
    with RunFolder(tmp_path / "run") as folder:
        folder.write_best(record(), Assessment("complete"), first, project)
        assert (tmp_path / "run/best.gpx").exists()
        folder.write_best(record(1), Assessment("complete"), outcome(project), project)
    assert (tmp_path / "run/best.fake.cif").read_bytes() == b"data_x\n", (
        "the engine's own CIF is kept beside the host's"
    )
    assert (tmp_path / "run/best.cif").read_text(encoding="ascii").startswith("#\\#CIF_1.1")
    assert not (tmp_path / "run/best.gpx").exists()


def test_default_folders_are_numbered_by_the_project(project: Project, tmp_path: Path) -> None:
    runs = tmp_path / "project" / "runs"
    assert choose_folder(project, None, False) == runs / "made-1"
    assert choose_folder(replace(project, name="a/b: Ünï?"), None, False) == runs / "a-b-Ünï-1"
    for name in ("made-2", "made-10", "other-30"):
        (runs / name).mkdir(parents=True)
    assert choose_folder(project, None, False) == runs / "made-11"
    (runs / "made-2" / "study.db").touch()
    assert choose_folder(project, None, True) == runs / "made-2"


def test_a_folder_that_cannot_be_written_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        RunFolder(tmp_path / "file" / "run")


def test_a_discarded_folder_leaves_only_earlier_content(tmp_path: Path) -> None:
    made = RunFolder(tmp_path / "new")
    made.log("a line")
    made.discard()
    made.close()
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    given = RunFolder(tmp_path / "empty")
    given.discard()
    given.close()
    assert list((tmp_path / "empty").iterdir()) == []


def test_plain_data_has_no_nan() -> None:
    data = plain(
        {"a": float("nan"), "b": [np.float64("inf"), np.int64(3), Severity.INFO], "c": (True, None, Path("x"))}
    )
    assert data == {"a": None, "b": [None, 3, "info"], "c": [True, None, "x"]}
    json.dumps(data, allow_nan=False)


def test_strong_correlations_come_strongest_first(project: Project) -> None:
    result = outcome(project).result
    assert result is not None
    names = ("a", "b", "c")
    matrix = np.array([[1.0, 0.85, -0.99], [0.85, 1.0, 0.5], [-0.99, 0.5, 1.0]])
    found = correlations(replace(result, varied=names, correlation=matrix))
    assert [(item.a, item.b, item.value) for item in found] == [("a", "c", -0.99), ("a", "b", 0.85)]


def test_trials_table_has_a_column_for_each_choice() -> None:
    header, first, second = trials_csv([record(), replace(record(1), choices={"other": "=x"})]).splitlines()
    assert header.split(",")[-3:] == ["terms", "free.zero", "other"]
    assert first.split(",")[-3:] == ["3", "True", ""]
    assert second.split(",")[-1] == "'=x"
    assert first.split(",")[5] == ""

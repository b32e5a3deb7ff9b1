"""The trials of a run in a browser, with a real server on the loopback address."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogsas.cli import main
from autogsas.commands import dashboard, verbs
from autogsas.errors import UserError
from autogsas.model.project import Project, Search
from autogsas.search.mirror import Mirror
from autogsas.testing.samples import make_project
from tests.conftest import make_fake_host


def project(folder: Path) -> Project:
    return make_project(folder / "project", histograms=2, search=Search(trials=4, seed=1))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        return verbs.run((project(folder), make_fake_host(patch))).folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run-1"))


@pytest.fixture
def address(run: Path) -> Iterator[str]:
    pytest.importorskip("optuna_dashboard", reason="needs autogsas[dashboard]")
    with dashboard.serving(run, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def fetch(address: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.headers["Content-Type"], answer.read()


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_trials_and_figures_are_served(run: Path, address: str) -> None:
    before = contents(run)
    assert fetch(f"{address}/dashboard")[0].startswith("text/html")
    [study] = json.loads(fetch(f"{address}/api/studies")[1])["study_summaries"]
    assert study["study_name"] == run.name
    trials = json.loads(fetch(f"{address}/api/studies/{study['study_id']}?after=0")[1])["trials"]
    summary = json.loads((run / "summary.json").read_text())
    assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
    scores = [item["score"] for item in summary["history"]]
    assert [trial["values"][0] for trial in trials] == pytest.approx(scores)
    for trial in trials:
        [about] = trial["artifacts"]
        kind, picture = fetch(f"{address}/artifacts/{study['study_id']}/{trial['trial_id']}/{about['artifact_id']}")
        assert kind == "image/svg+xml"
        assert picture.startswith(b"<svg")
        assert f"trial {trial['number']} · pattern2".encode() in picture
    assert contents(run) == before


def test_actions_in_the_browser_do_not_change_the_run(run: Path, address: str) -> None:
    before = contents(run)
    [study] = json.loads(fetch(f"{address}/api/studies")[1])["study_summaries"]
    request = urllib.request.Request(
        f"{address}/api/studies/{study['study_id']}",
        data=b'{"remove_associated_artifacts": true}',
        method="DELETE",
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=20).close()
    assert json.loads(fetch(f"{address}/api/studies")[1])["study_summaries"] == []
    assert contents(run) == before


def test_later_trials_appear(run: Path, fake_host: Any, tmp_path: Path) -> None:
    mirror = Mirror(run / "study.db", "run", lambda number: number == 5)
    assert mirror.count == 4
    verbs.run((project(tmp_path), fake_host), verbs.RunRequest(out=run, resume=True, trials=6))
    mirror.refresh()
    mirror.refresh()
    assert mirror.count == 6
    trials = mirror.storage.get_all_trials(0)
    assert [any(key.startswith("artifacts:") for key in trial.system_attrs) for trial in trials] == [False] * 5 + [True]


def test_ctrl_c_stops_the_server(run: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="needs autogsas[dashboard]")
    command = [sys.executable, "-m", "autogsas", "dashboard", str(run), "--port", "0"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as served:
        assert served.stdout is not None
        line = served.stdout.readline()
        assert "http://127.0.0.1:" in line
        fetch(line.split(" at ")[1].split(" ")[0])
        served.send_signal(signal.SIGINT)
        _, errors = served.communicate(timeout=20)
    assert served.returncode == 0
    assert errors == ""


def test_mistakes_are_one_line(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="needs autogsas[dashboard]")
    with pytest.raises(UserError, match=r"there is no study\.db"), dashboard.serving(tmp_path, "127.0.0.1", 0):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=r"--port.*cannot be used"), dashboard.serving(run, "127.0.0.1", port):
            pass
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "study.db").write_text("no database, but text that is long enough to be read as one" * 20)
    with pytest.raises(UserError, match="cannot be read"), dashboard.serving(broken, "127.0.0.1", 0):
        pass


def test_without_the_package_the_message_names_what_to_install(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.import_module

    def absent(name: str, package: str | None = None) -> Any:
        if name.startswith("optuna_dashboard"):
            raise ModuleNotFoundError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(SystemExit) as ended:
        main(["dashboard", str(run)])
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip() == (
        "autogsas: the dashboard needs optuna-dashboard: pip install 'autogsas[dashboard]'"
    )


def test_a_trial_that_reused_a_result_shows_its_curves(run: Path) -> None:
    shutil.copy(run / "trials/0003.json", run / "trials/0009.json")
    about = json.loads((run / "trials/0009.json").read_text())
    (run / "trials/0009.json").write_text(json.dumps(about | {"same_as": 1}))
    assert "trial 9 · pattern1" in dashboard.trial_svg(run, 9)
    with pytest.raises(UserError, match="has no curves"):
        dashboard.trial_svg(run, 77)
    (run / "trials/0002.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="damaged"):
        dashboard.trial_svg(run, 2)

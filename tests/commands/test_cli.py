"""The command line: output, messages and exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from autogsas import cli
from autogsas.runfolder.summary import summary_schema
from autogsas.testing.samples import make_project, make_recipe

PROJECT = """
name: made
backend: fake
data:
  - {file: pattern.xy, name: pattern, wavelength: 1.5406, radiation: xray, geometry: Bragg-Brentano, limits: [18, 85]}
phases:
  - {file: phase.cif}
search: {trials: 4, seed: 1, scout: off}
plugins: [hooks.py]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    make_project(made)
    (made / "project.yaml").write_text(PROJECT)
    (made / "hooks.py").write_text("from autogsas.testing.fake import *\n")
    return made


def call(capfd: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(arg) for arg in args])
    out, err = capfd.readouterr()
    return int(ended.value.code or 0), out, err


def test_run_prints_progress_to_stderr_and_result_to_stdout(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = call(capfd, "run", folder, "--scout", "2", "--patience", "0")
    assert status == 0
    counted = [line for line in err.splitlines() if line.startswith("[")]
    scouted = [line for line in counted if line.startswith("[scout ")]
    assert scouted
    assert [line.split()[0] for line in counted[len(scouted) :]] == [f"[{n}/4]" for n in range(1, 5)]
    for word in ("Rwp", "GoF", "variables", "best trial", "background", "files"):
        assert word in out
    assert str(folder / "runs" / "made-1") in out.splitlines()[-1]
    assert "\x1b" not in out + err


def test_json_prints_only_json(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = call(capfd, "run", folder, "--json", "--trials", 2)
    assert status == 0
    jsonschema.validate(json.loads(out), summary_schema())
    assert err == ""


def test_quiet_prints_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "run", folder, "--quiet", "--trials", 1, "--out", folder / "out") == (0, "", "")
    assert (folder / "out" / "summary.json").is_file()


def test_refine_runs_one_recipe(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = folder / "mine.recipe.yaml"
    recipe.write_text(yaml.safe_dump(make_recipe("a", "b").plain()))
    status, out, _ = call(capfd, "refine", folder, "--recipe", recipe, "--json")
    data = json.loads(out)
    assert status == 0
    assert data["trials"]["total"] == 1
    assert data["best_origin"] == "mine"
    assert [step["title"] for step in data["steps"]] == ["a", "b"]


def test_no_usable_result_exits_with_one(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = folder / "bad.recipe.yaml"
    recipe.write_text(yaml.safe_dump(make_recipe("!fail").plain()))
    status, out, err = call(capfd, "refine", folder, "--recipe", recipe)
    assert status == 1
    assert "no usable result" in out
    assert "singular" in err


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["rum"], "did you mean 'run'"),
        (["run"], "missing argument 'PROJECT'"),
        (["run", "{folder}", "--trails", "3"], "--trials"),
        (["run", "{folder}", "--trials", "0"], "0 is not in the range"),
        (["run", "{folder}", "--timeout", "soon"], "'soon': must be a duration"),
        (["run", "{folder}", "--timeout", "0"], "must be positive"),
        (["run", "{folder}", "--backend", "fakee"], "did you mean 'fake'"),
        (["run", "{folder}", "--resume"], "no run to resume"),
        (["run", "{folder}/nowhere"], "nowhere"),
        (["run", "{folder}", "--out", "{folder}"], "other files in it"),
        (["run", "{folder}", "--out", "{folder}/project.yaml"], "is not a folder"),
        (["refine", "{folder}"], "missing option '--recipe'"),
        (["refine", "{folder}", "--recipe", "{folder}/no.yaml"], "no such file"),
        (["report", "{folder}"], "summary.json"),
        (["check-backend", "fakee"], "unknown backend"),
    ],
)
def test_a_mistake_is_one_line_and_exits_with_two(
    folder: Path, capfd: pytest.CaptureFixture[str], args: list[str], text: str
) -> None:
    before = sorted(folder.rglob("*"))
    status, out, err = call(capfd, *(arg.format(folder=folder) for arg in args))
    assert status == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert text.casefold() in err.casefold()
    assert [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts] == before


def test_a_missing_backend_exits_with_three(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "hooks.py").write_text(
        "from autogsas.testing.fake import *\n"
        "from autogsas import hookimpl\n"
        "@hookimpl\n"
        "def autogsas_register_backends():\n"
        "    return [FakeBackend(reason='no licence')]\n"
    )
    status, _, err = call(capfd, "run", folder)
    assert (status, err) == (3, "autogsas: backend 'fake' cannot be used: no licence\n")


def test_only_debug_shows_a_traceback(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "Traceback" not in call(capfd, "run", folder, "--backend", "nope")[2]
    assert "Traceback" in call(capfd, "run", folder, "--backend", "nope", "--debug")[2]


def test_an_internal_error_is_one_line(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("autogsas.commands.verbs.run", broken)
    status, _, err = call(capfd, "run", folder)
    assert status == 70
    assert err.splitlines() == ["autogsas: internal error, ZeroDivisionError: oh; add --debug for the traceback"]


def test_report_can_be_written_again(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call(capfd, "run", folder, "--trials", 1, "--quiet", "--out", folder / "out")
    (folder / "out" / "report.html").unlink()
    status, out, _ = call(capfd, "report", folder / "out")
    assert status == 0
    assert out.strip().endswith("report.html")
    assert (folder / "out" / "report.html").is_file()


def test_figures_for_print_can_be_written_with_a_run_or_later(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    status, _, err = call(capfd, "run", folder, "--figures", "svg,pfd", "--out", folder / "out")
    assert status == 2
    assert err.startswith(
        "autogsas: --figures: unknown figure format; found 'pfd'; allowed: pdf, svg, png; did you mean"
    )
    assert err.count("\n") == 1
    assert not (folder / "out").exists()  # the mistake is found before the work
    call(capfd, "run", folder, "--trials", 1, "--quiet", "--out", folder / "out", "--figures", "svg")
    assert (folder / "out" / "figure-pattern.svg").is_file()
    assert call(capfd, "report", folder / "out", "--figures", "pdf")[0] == 0
    assert (folder / "out" / "figure-pattern-wide.pdf").is_file()


def test_plugins_shows_what_is_loaded_and_what_failed(
    folder: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "broken_plugin-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[autogsas]\nbroken = no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    status, out, _ = call(capfd, "plugins", folder)
    assert status == 0
    assert "broken  (broken-plugin 1.2)" in out
    assert "No module named 'no_such_module'" in out
    own = out[out.index(str(folder / "hooks.py")) :]
    assert "set_background" in own.split("hooks  ")[1]
    listed = json.loads(call(capfd, "plugins", "--json")[1])
    assert {"name", "origin", "location", "version", "hooks", "error"} == set(listed[0])


def test_doctor_lists_backends(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capfd, "doctor")
    assert status == 0
    assert "numpy:" in out


def test_check_backend_reports_each_check(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capfd, "check-backend", "fake", "--plugin", folder / "hooks.py")
    assert status == 0
    assert "FAILED" not in out
    assert out.splitlines()[-1] == "fake conforms to the contract"


def test_init_writes_a_project_that_runs(folder: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, err = call(
        capfd,
        "init",
        folder / "pattern.xy",
        "--phase",
        folder / "phase.cif",
        "--wavelength",
        1.5406,
        "--radiation",
        "xray",
        "--limits",
        18,
        85,
        "--out",
        tmp_path,
    )
    assert (status, err) == (0, "")
    assert yaml.safe_load((tmp_path / "project.yaml").read_text())["data"][0]["limits"] == [18, 85]
    assert "project.yaml" in out


def test_an_interrupted_run_keeps_all_trials_and_can_be_resumed(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # As a user does: Ctrl-C while another process runs.
    out = tmp_path / "out"
    command = [sys.executable, "-m", "autogsas", "run", str(folder), "--trials", "500", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (out / "trials" / "0003.json").is_file() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    kept = json.loads((out / "summary.json").read_text())
    assert kept["finished"] == "interrupted"
    assert kept["trials"]["total"] >= 3
    total = kept["trials"]["total"] + 2
    status, _, err = call(capfd, "run", folder, "--trials", total, "--out", out, "--resume")
    assert status == 0, err
    data = json.loads((out / "summary.json").read_text())
    assert data["trials"]["total"] == total
    assert [item["score"] for item in data["history"]][: len(kept["history"])] == [i["score"] for i in kept["history"]]


def test_a_killed_run_can_be_resumed(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    command = ["run", str(folder), "--trials", "5", "--quiet", "--out"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    code = "import sys; from pathlib import Path; from autogsas.trial import pool; from autogsas.cli import main\n"
    code += f"pool.scratch = lambda: Path({str(scratch)!r})\nmain(sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", code, *command, str(out)])
    until = time.monotonic() + 60
    while not (out / "trials" / "0001.json").is_file() and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    until = time.monotonic() + 10
    while any(scratch.iterdir()) and time.monotonic() < until:
        time.sleep(0.05)
    assert list(scratch.iterdir()) == []
    assert call(capfd, *command, out, "--resume")[0] == 0
    assert call(capfd, *command, whole)[0] == 0
    resumed, straight = (json.loads((path / "summary.json").read_text())["history"] for path in (out, whole))
    assert [item["score"] for item in resumed] == [item["score"] for item in straight]


@pytest.mark.parametrize("args", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_no_heavy_package(args: list[str]) -> None:
    code = f"import sys; sys.argv[1:] = {args!r}; from autogsas.cli import main\ntry:\n    main()\nfinally:\n"
    code += "    print([m for m in ('numpy', 'pydantic', 'optuna', 'rich') if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout.strip()


def test_live_progress_restores_the_cursor(folder: Path) -> None:
    # A pseudo-terminal, so that the live display is what is tested.
    import pty

    main, worker = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "autogsas", "run", str(folder), "--trials", "3"],
        stdout=subprocess.DEVNULL,
        stderr=worker,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(worker)
    shown = b""
    try:
        while data := os.read(main, 65536):
            shown += data
    except OSError:
        pass  # the other end is closed
    assert process.wait(60) == 0
    assert b"trial 3/3" in shown
    assert b"best Rwp" in shown
    assert shown.count(b"\x1b[?25h") == shown.count(b"\x1b[?25l")


def test_without_arguments_the_help_is_printed_in_lines(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = call(capfd)
    assert (status, out) == (2, "")
    assert err.startswith("Usage: autogsas")
    assert any(line.split()[:1] == ["compare"] for line in err.splitlines())

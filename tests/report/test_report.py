"""The content of the report; texts from files of the user never become HTML."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from autogsas.commands.terminal import show_run
from autogsas.commands.verbs import FinishedRun
from autogsas.errors import UserError
from autogsas.hooks.choices import Section
from autogsas.report import write_report
from autogsas.runfolder.summary import Summary
from autogsas.text.formatting import count, percent, with_esd
from tests.runs import write_run

EVIL = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"'&amp; {{ 7*7 }} Ünï 磷灰石"


class Reader(HTMLParser):
    """Collects elements, the visible texts, and scripts by their id."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self._inside == "style":
            self.styles.append(data)
        elif data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def page(self) -> str:
        return " ".join(self.texts)


def _read(report: Path) -> Reader:
    reader = Reader()
    reader.feed(report.read_text(encoding="utf-8"))
    return reader


def _unpacked(reader: Reader, identity: str) -> str:
    (text,) = [text for attributes, text in reader.scripts if attributes.get("id") == identity]
    return gzip.decompress(base64.b64decode(text)).decode()


def test_numbers_of_the_page_agree_with_the_summary(tmp_path: Path) -> None:
    finding = {"code": "lorentz-zero", "severity": "warning", "message": "The width ends.", "numbers": {"Y": -4.513}}
    summary = write_run(tmp_path, points=900, findings=(finding,))
    reader = _read(write_report(tmp_path))
    assert reader.texts[reader.texts.index("Rwp") + 1] == percent(summary["rwp"])
    assert reader.texts[reader.texts.index("GoF") + 1] == percent(summary["gof"])
    assert reader.texts[reader.texts.index("Rexp") + 1] == percent(summary["rexp"])
    assert reader.texts[reader.texts.index("R_Bragg") + 1] == percent(
        summary["histograms"][0]["r_bragg"]["fluorapatite"]
    )
    assert reader.texts[reader.texts.index("variables") + 1] == count(summary["n_variables"])
    for parameter in summary["parameters"]:
        at = reader.texts.index(parameter["name"])
        assert reader.texts[at + 1] == with_esd(parameter["value"], parameter["esd"])
    for site in summary["structure"][0]["sites"]:
        assert site["label"] in reader.texts
    assert "a = 9.36842(14) Å" in reader.page
    assert "c = 6.88523(11) Å" in reader.page
    for step in summary["steps"]:
        assert percent(step["rwp"]) in reader.texts
    for candidate in summary["candidates"]:
        assert percent(candidate["rwp"]) in reader.texts
    assert "O3 by 0.31 Å (45 esd), c by -0.021 Å" in reader.texts
    assert "3 and 2 infeasible" in reader.texts
    assert "Distinct solutions; 1 infeasible trial ended elsewhere" in reader.page
    for wanted in (
        summary["command"],
        "Y = -4.513",
        "The width ends.",
        "lorentz-zero",
        "optuna",
        "5.0.0",
        "Free scale and background (log interpolate, 12 terms), over 40 to 130°.",
        f"number {summary['best_trial']}",
    ):
        assert wanted in reader.page


def test_a_changed_number_changes_the_page(tmp_path: Path) -> None:
    summary = write_run(tmp_path, points=300)
    summary["rwp"], summary["parameters"][0]["value"] = 7.654321, 9.12345
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    reader = _read(write_report(tmp_path))
    assert reader.texts[reader.texts.index("Rwp") + 1] == "7.65"
    assert "9.12345(14)" in reader.texts


def test_every_number_may_be_missing(tmp_path: Path) -> None:
    summary = write_run(tmp_path, points=300)
    for key in ("rwp", "rexp", "gof", "chi2", "bic", "engine_rwp", "n_variables", "n_observations"):
        summary[key] = None
    for item in summary["histograms"]:
        item |= {"rwp": None, "rexp": None, "gof": None, "r_bragg": {"fluorapatite": None}, "geometry": None}
    for item in summary["parameters"]:
        item |= {"value": None, "esd": None}
    for item in summary["steps"]:
        item |= {"rwp": None, "shift_esd": None}
    for item in summary["history"]:
        item |= {"rwp": None, "score": None, "best_so_far": None}
    for item in summary["candidates"]:
        item["rwp"] = None
        for difference in item.get("differences", ()):
            difference |= {"shift": None, "esds": None}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    page = _read(write_report(tmp_path)).page
    assert "None" not in page
    assert "nan" not in page


def test_the_terminal_names_the_second_solution(tmp_path: Path) -> None:
    summary = Summary.model_validate(write_run(tmp_path, points=300))
    console = Console(file=io.StringIO(), width=160)
    show_run(FinishedRun(tmp_path, summary, None, 0), console)
    text = console.file.getvalue()
    assert "2 distinct solutions; the report compares them" in text
    assert f"second solution: trial 5 at Rwp {summary.candidates[1].rwp:.3f} %, O3 by 0.31 Å (45 esd) and c by" in text


def test_a_run_of_an_earlier_version_names_the_parameters_that_differ(tmp_path: Path) -> None:
    summary = write_run(tmp_path, points=300)
    del summary["elsewhere"]
    for item in summary["candidates"]:
        for key in ("differences", "infeasible"):
            item.pop(key, None)
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    reader = _read(write_report(tmp_path))
    assert "fluorapatite:c, fluorapatite:O3:x" in reader.texts
    assert "Distinct solutions" in reader.page


def test_an_unusable_run_gives_the_causes(tmp_path: Path) -> None:
    summary = write_run(tmp_path, trials=6, usable=False)
    summary["causes"] = {"timeout": 4, "structure": 2}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "trials.csv").write_text("number,cause,message\n1,structure,O1 lies on O2\n")
    reader = _read(write_report(tmp_path))
    assert "None of 6 trials gave a usable refinement" in reader.page
    assert "timeout, 4 trials:" in reader.texts
    assert "most frequent message: O1 lies on O2" in reader.texts
    assert "The fit" not in reader.texts
    assert not (tmp_path / "fit.svg").exists()
    assert (tmp_path / "history.svg").exists()


@pytest.mark.parametrize(
    ("finished", "says"), [("interrupted", "was interrupted"), ("timeout", "time limit was reached")]
)
def test_an_unfinished_run_has_a_notice(tmp_path: Path, finished: str, says: str) -> None:
    summary = write_run(tmp_path, points=100)
    assert says not in _read(write_report(tmp_path)).page
    (tmp_path / "summary.json").write_text(json.dumps(summary | {"finished": finished}))
    assert says in _read(write_report(tmp_path)).page


def test_names_from_files_are_text(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    evil = tmp_path / "evil"
    finding = {"code": "c", "severity": "error", "message": "m", "numbers": {"n": 1.0}}
    section = Section("t", ("p",), ("h",), (("r",),))
    write_run(plain, points=300, findings=(finding,))
    finding = {"code": EVIL, "severity": "error", "message": EVIL, "numbers": {EVIL: 1.0}}
    summary = write_run(evil, points=300, name=EVIL, phase=EVIL, histograms=(EVIL,), findings=(finding,))
    summary |= {"command": EVIL, "project_file": EVIL, "causes": {EVIL: 1}, "versions": {EVIL: EVIL}}
    summary["recipe"]["name"] = EVIL
    summary["steps"][0]["title"] = EVIL
    summary["candidates"][1] |= {"differs": [EVIL], "findings": [EVIL]}
    for item in summary["candidates"][1]["differences"]:
        item |= {"name": EVIL, "phase": EVIL, "atom": EVIL, "unit": EVIL}
    for item in summary["history"][:2]:
        item["origin"] = EVIL
    (evil / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    ordinary = _read(write_report(plain, [section]))
    hostile = _read(write_report(evil, [Section(EVIL, (EVIL,), (EVIL,), ((EVIL,),))]))
    # Not one element more or of another kind than with ordinary names (versions has fewer rows here).
    kinds = {tag for tag, _ in ordinary.elements}
    assert {tag for tag, _ in hostile.elements} <= kinds | {"br", "small"}
    assert [attributes for attributes, _ in hostile.scripts] == [attributes for attributes, _ in ordinary.scripts]
    assert not any(name.startswith("on") for _, attributes in hostile.elements for name in attributes)
    assert hostile.page.count(" ".join(EVIL.split())) >= 12
    assert "49" not in [text for text in hostile.texts if "7*7" in text]
    for name in ("fit.svg", "history.svg"):
        root = ET.fromstring((evil / name).read_text(encoding="utf-8"))
        assert not [item for item in root.iter() if item.tag.endswith(("script", "img"))]
    assert json.loads(_unpacked(hostile, "data"))["fits"][0]["marks"][0]["phase"] == EVIL


def test_a_name_that_is_not_valid_text_is_replaced(tmp_path: Path) -> None:
    summary = write_run(tmp_path, points=100)
    summary["project"] = "caf\udce9"
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert "caf?" in write_report(tmp_path).read_text(encoding="utf-8")


def test_policy_allows_the_three_scripts_and_nothing_else(tmp_path: Path) -> None:
    write_run(tmp_path, points=100)
    reader = _read(write_report(tmp_path))
    (policy,) = [a["content"] for tag, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    (script,) = [text for attributes, text in reader.scripts if not attributes]
    scripts = [script, _unpacked(reader, "library-plotly"), _unpacked(reader, "library-3dmol")]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = re.search(r"script-src ([^;]+)", policy)
    assert allowed is not None
    assert allowed[1].split() == [f"'sha256-{digest}'" for digest in digests]
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert all(not attributes.get("src") for _, attributes in reader.elements)
    links = [attributes["href"] for _, attributes in reader.elements if attributes.get("href")]
    assert "data:," in links
    assert all(link == "data:," or (tmp_path / str(link)).is_file() for link in links)


def test_size_for_ten_thousand_points_and_five_hundred_trials(tmp_path: Path) -> None:
    write_run(tmp_path, points=10_000, trials=500)
    assert write_report(tmp_path).stat().st_size < 1_500_000
    assert (tmp_path / "fit.svg").stat().st_size < 200_000
    assert (tmp_path / "history.svg").stat().st_size < 200_000


def test_the_same_files_give_the_same_report(tmp_path: Path) -> None:
    write_run(tmp_path, points=300)
    write_report(tmp_path)  # now the page lists the figures too
    assert write_report(tmp_path).read_bytes() == write_report(tmp_path).read_bytes()


def test_several_histograms_have_a_figure_each_and_a_table(tmp_path: Path) -> None:
    summary = write_run(tmp_path, points=300, histograms=("XRA", "CWN"))
    reader = _read(write_report(tmp_path))
    assert {"The fit of XRA", "The fit of CWN", "Agreement by pattern"} <= set(reader.texts)
    for item in summary["histograms"]:
        assert percent(item["rwp"]) in reader.texts
    identities = [attributes["id"] for _, attributes in reader.elements if attributes.get("id")]
    assert len(set(identities)) == len(identities)


def test_nothing_is_written_to_other_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, points=100)
    report = write_report(tmp_path)
    before = report.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match=r"fit\.svg: cannot be written: No space left on device"):
        write_report(tmp_path)
    assert report.read_bytes() == before
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_an_invalid_recipe_is_named(tmp_path: Path) -> None:
    summary = write_run(tmp_path, points=100)
    summary["recipe"]["steps"][0]["free"] = ["scael"]
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(UserError, match=r"summary\.json: recipe\.steps\.0\.free"):
        write_report(tmp_path)

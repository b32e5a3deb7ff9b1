"""``autogsas compare`` on the command line: text, JSON, quiet, mistakes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from autogsas.cli import cli, main
from autogsas.commands.comparison_terminal import show_comparison
from autogsas.comparison import build_comparison
from autogsas.comparison.verdict import VERDICTS
from tests.comparison.samples import make_fit, make_refinement, moved
from tests.runs import write_run


def shown(*refinements, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    show_comparison(build_comparison(refinements), console)
    return console.file.getvalue()


def test_the_text_has_the_verdict_the_figures_and_the_differences():
    text = shown(make_refinement("run", off=0.04, sites=moved("O1", 0, 0.06)), make_refinement("hand"))
    assert "run against hand: different structure" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["O1", "x", "0.5452(3)", "0.4852(3)", "0.06", "+141.4"] in lines
    assert ["variables", "30", "30"] in lines
    assert ["background", "chebyschev-1,", "6", "terms", "chebyschev-1,", "6", "terms"] in lines
    assert "refined: scale and cell" in text


def test_findings_and_other_limits_are_shown():
    text = shown(
        make_refinement("run", errors=["u-negative"]), make_refinement("hand", fits=[make_fit(limits=(20, 90))])
    )
    assert "error: u-negative said so [u-negative]" in text
    assert "warning: run and hand do not count the same points" in text
    assert "Over the points that both count, 20 to 90°" in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_names_with_any_characters_are_shown_unchanged(width):
    name = "[red]x[/red] <b>é"
    text = shown(make_refinement(name), make_refinement("hand", phase="[bold]"), width=width)
    assert name in " ".join(text.split())


def run(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main([str(arg) for arg in args])
    out = capsys.readouterr()
    return int(end.value.code or 0), out.out, out.err


def test_json_has_verdicts_figures_and_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    summary = write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    status, out, err = run(capsys, "compare", tmp_path / "a", tmp_path / "b", "--json")
    assert (status, err) == (0, "")
    data = json.loads(out)
    assert data["schema"] == 1
    assert data["pairs"][0]["verdict"] in VERDICTS
    assert data["pairs"][0]["verdict"] == "same"
    assert [item["label"] for item in data["refinements"]] == ["a", "b"]
    assert data["refinements"][0]["rwp"] == summary["rwp"]
    assert data["parameters"][0]["cells"][0]["value"] == pytest.approx(summary["structure"][0]["cell"]["a"])


def test_quiet_prints_only_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    status, out, err = run(capsys, "compare", tmp_path / "a", tmp_path / "b", "--quiet")
    assert (status, out, err) == (0, "a against b: same\n", "")


def test_mistakes_are_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_run(tmp_path / "a")
    for given, says in (([tmp_path / "a"], "two or more refinements"), ([tmp_path / "a", "nowhere"], "no such file")):
        status, out, err = run(capsys, "compare", *given)
        assert (status, out) == (2, "")
        assert says in err
        assert err.count("\n") == 1


@pytest.mark.parametrize("page", ["nowhere/page.html", "a"])
def test_a_page_that_cannot_be_written_is_reported_before_anything_is_refined(
    page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "a").mkdir()
    asked = []
    monkeypatch.setattr("autogsas.commands.compare.compare", lambda *given, **options: asked.append(given))
    status, out, err = run(capsys, "compare", tmp_path / "a", tmp_path / "b", "--html", tmp_path / page)
    assert (status, out, asked) == (2, "", [])
    assert f"{tmp_path / page}: cannot be written: " in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_the_page_is_written_where_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    page = tmp_path / "page.html"
    status, out, err = run(capsys, "compare", tmp_path / "a", tmp_path / "b", "--quiet", "--html", page)
    assert (status, out, err) == (0, "a against b: same\n", "")
    assert page.read_text(encoding="utf-8").startswith("<!")


def test_the_help_names_the_verdicts():
    text = " ".join(cli.commands["compare"].help.split())
    assert all(word in text for word in VERDICTS)

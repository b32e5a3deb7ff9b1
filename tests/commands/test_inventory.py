"""`autogsas inspect`: the classes of entries, the terminal, JSON, and projects that cannot be read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from autogsas import cli
from autogsas.commands.inventory import inspect
from autogsas.commands.inventory_terminal import plain_inventory, show_inventory
from autogsas.errors import PluginError, UserError
from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.inventory import Entry, HistogramContent, Inventory, Kind, PhaseContent, Treatment
from autogsas.model.project import Project
from autogsas.testing.samples import make_project

PROJECT = """
name: made
backend: numpy
data:
  - {file: pattern.xy, name: pattern, wavelength: 1.5406, radiation: xray, geometry: Bragg-Brentano, limits: [18, 85]}
phases:
  - {file: phase.cif}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_project(tmp_path)
    (tmp_path / "project.yaml").write_text(PROJECT)
    return tmp_path


def shown(inventory: Inventory) -> str:
    stream = io.StringIO()
    show_inventory(inventory, Console(file=stream, width=200))
    return stream.getvalue()


def treatments(inventory: Inventory) -> dict[str, Treatment]:
    return {entry.name: entry.treatment for entry in inventory.entries}


def test_a_project_file_is_inspected_without_refining(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    found = inspect(folder)
    assert found.refusal == ""
    classes = treatments(found)
    assert classes["cell"] is classes["background"] is classes["positions"] is Treatment.SEARCHED
    assert classes["occupancy"] is classes["limits"] is Treatment.FIXED
    assert sorted(folder.rglob("*")) == before
    (folder / "project.yaml").write_text(PROJECT + "search: {groups: {never: [cell], offer: [occupancy]}}\n")
    classes = treatments(inspect(folder / "project.yaml"))
    assert classes["cell"] is Treatment.FIXED
    assert classes["occupancy"] is Treatment.SEARCHED


ENTRIES = (
    Entry(Kind.FLAG, "cell", refined=True, phase="one", groups=("cell",), treatment=Treatment.NOT_SUPPORTED),
    Entry(Kind.FLAG, "extinction", "0.1", True, "one", treatment=Treatment.NOT_SUPPORTED, reason="always free"),
    Entry(Kind.FLAG, "Babinet", "0", False, "one"),
    Entry(Kind.CONTROL, "cycles", "3", treatment=Treatment.SEARCHED),
    Entry(Kind.OTHER, "odd", "[1, True]", True, treatment=Treatment.UNKNOWN),
    *(Entry(Kind.FLAG, "position", "0", on, "one", site=f"O{i}", reason="r") for i, on in enumerate([True, False] * 3)),
    *(Entry(Kind.LIMITS, "limits", "1 to 2", histogram=f"bank {i}") for i in range(6)),
)


class Foreign:
    """A plugin that reads files of a format of its own, and may refuse to refine them."""

    def __init__(self, project: Project | None, answer: object = None) -> None:
        self.project = project
        histogram = HistogramContent("crystal", "X-ray, single crystal", 100)
        phase = PhaseContent("one", "P -1", (1.0, 2.0, 3.0, 90.0, 90.0, float("nan")), 6, histograms=("crystal",))
        self.answer = answer or Inventory(Path("a.odd"), "odd format", (histogram, histogram), (phase,), ENTRIES)

    @hookimpl
    def autogsas_read_inventory(self, path: Path) -> object:
        return self.answer if path.suffix == ".odd" else None

    @hookimpl
    def autogsas_read_project(self, path: Path) -> Project | None:
        if path.suffix == ".odd" and self.project is None:
            raise UserError("neutrons of the moon", file=path, key="bank 1", found="moon")
        return self.project

    def host(self, files: Iterable[Path]) -> Host:
        host = Host(files, entry_points=False)
        host.register(self, "foreign")
        return host


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    file = tmp_path / "a.odd"
    file.write_text("x")
    return file


def test_what_the_search_frees_is_searched_and_the_rest_is_as_the_plugin_says(odd: Path, tmp_path: Path) -> None:
    made = make_project(tmp_path / "made")
    project = replace(made, phases=(replace(made.phases[0], name="one"),))
    found = inspect(odd, host_factory=Foreign(project).host)
    classes = treatments(found)
    assert classes["cell"] is Treatment.SEARCHED
    assert classes["extinction"] is Treatment.NOT_SUPPORTED
    assert classes["odd"] is Treatment.UNKNOWN
    assert found.counts()[Treatment.FIXED] == 13


def test_a_project_that_is_refused_is_described_with_the_reason(odd: Path) -> None:
    found = inspect(odd, host_factory=Foreign(None).host)
    assert found.refusal == "bank 1: neutrons of the moon; found 'moon'"
    assert treatments(found) == {
        "cell": Treatment.NOT_SUPPORTED,
        "extinction": Treatment.NOT_SUPPORTED,
        "Babinet": Treatment.FIXED,
        "cycles": Treatment.NOT_SUPPORTED,
        "odd": Treatment.UNKNOWN,
        "position": Treatment.FIXED,
        "limits": Treatment.FIXED,
    }
    text = shown(found)
    assert "autogsas run does not take this project at present: bank 1: neutrons of the moon" in text
    assert "crystal: X-ray, single crystal; 100 reflections" in text
    assert "not supported yet (" in text
    assert "flag off" in text
    assert "6 histograms" in text


def test_alike_entries_share_a_line(odd: Path) -> None:
    text = shown(Inventory(odd, "odd format", (), (), ENTRIES))
    assert "6 sites of one" not in text  # those with the flag off are in the list of what is not refined
    assert "3 sites of one: O0, O2, O4" in text
    assert "flag off (4): Babinet, position" in text
    assert text.count("limits") == 1


def test_json_has_every_entry_and_plain_numbers(odd: Path) -> None:
    found = inspect(odd, host_factory=Foreign(None).host)
    data = json.loads(json.dumps(plain_inventory(found), allow_nan=False))
    assert data["schema"] == 1
    assert len(data["entries"]) == len(ENTRIES) == sum(data["counts"].values())
    assert data["phases"][0]["cell"][-1] is None
    assert {entry["treatment"] for entry in data["entries"]} <= set(data["counts"])


def test_a_wrong_answer_of_a_plugin_is_an_error_that_names_it(odd: Path) -> None:
    with pytest.raises(PluginError, match=r"autogsas_read_inventory \(foreign\)"):
        inspect(odd, host_factory=Foreign(None, "text").host)


def test_the_command_prints_text_or_json(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for option in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["inspect", str(folder), *option])
        assert ended.value.code == 0
        out, err = capfd.readouterr()
        assert err == ""
        assert "searched" in out
        if option:
            assert json.loads(out)["format"] == "project file"


@pytest.mark.parametrize("name", ["nowhere.gpx", "nowhere", "text.txt"])
def test_what_cannot_be_read_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    (tmp_path / "text.txt").write_text("x")
    with pytest.raises(SystemExit) as ended:
        cli.main(["inspect", str(tmp_path / name)])
    out, err = capfd.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (2, "", 1)

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import pytest
import yaml

from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.input.initialise import write_project
from autogsas.input.loading import load_project
from autogsas.model.project import DataEntry, PhaseEntry, ProjectFile, Search

PROJECTS = Path(__file__).parents[2] / "projects"
_NAMES = ("text", "gsas", "xrdml", "vendor", "instruments", "cif")
READERS = (*(f"autogsas.builtin.readers.{name}" for name in _NAMES), "autogsas.builtin.strategy.registered")
host_factory = partial(Host, entry_points=False)


@pytest.fixture(autouse=True)
def only_readers(monkeypatch):
    monkeypatch.setattr("autogsas.builtin.MODULES", READERS)


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("FAP.XRA", "INST.instprm", "fluorapatite.cif"):
        (tmp_path / "my data").mkdir(exist_ok=True)
        shutil.copy(PROJECTS / "fluorapatite" / name, tmp_path / "my data" / name)
    return tmp_path


def write(folder: Path, target: Path | None = None, **more) -> Path:
    here = folder / "my data"
    given = {"data": [here / "FAP.XRA"], "phases": [here / "fluorapatite.cif"], "instrument": here / "INST.instprm"}
    return write_project(target=target or folder, host_factory=host_factory, **{**given, **more})


def test_what_is_written_loads_again(folder):
    path = write(folder, limits=(15, 130), name="apatite: 1 # no comment")
    assert path == folder / "project.yaml"
    project, _ = load_project(path, host_factory=host_factory)
    (histogram,) = project.histograms
    assert (project.name, histogram.name, histogram.limits) == ("apatite: 1 # no comment", "FAP", (15, 130))
    assert (histogram.instrument.geometry, project.search) == ("Bragg-Brentano", Search())
    assert [file.parent.name for file in project.files] == ["my data"] * 3
    assert str(folder) not in path.read_text()


def test_a_moved_folder_still_loads(folder, tmp_path_factory):
    write(folder)
    moved = tmp_path_factory.mktemp("elsewhere") / "moved"
    folder.rename(moved)
    assert load_project(moved, host_factory=host_factory)[0].histograms[0].name == "FAP"


def test_every_key_is_there_and_every_comment_is_true(folder):
    """Without their marks, the commented keys are a valid project file with only defaults or examples."""
    text = write(folder).read_text()
    uncommented = re.sub(r"^(\s*)# ?(?=\s*[a-z_]+:( |$))", r"\1", text, flags=re.MULTILINE)
    data = yaml.safe_load(uncommented)
    assert set(data) == set(ProjectFile.model_fields)
    assert set(data["data"][0]) == set(DataEntry.model_fields)
    assert set(data["phases"][0]) == set(PhaseEntry.model_fields)
    content = ProjectFile.model_validate(data)
    assert set(data["search"]) == set(Search.model_fields)
    assert (
        content.search.model_copy(update={"timeout": None, "sampler": None, "patience": None, "choose": None})
        == Search()
    )
    assert content.backend == "auto"


def test_without_an_instrument_file(folder):
    path = write(folder, instrument=None, radiation="xray", wavelength=[1.5405, 1.5443], geometry="Debye-Scherrer")
    instrument = load_project(path, host_factory=host_factory)[0].histograms[0].instrument
    assert (instrument.wavelengths, instrument.geometry) == ((1.5405, 1.5443), "Debye-Scherrer")


def test_two_patterns_of_one_stem_get_two_names(folder):
    here = folder / "my data"
    shutil.copy(here / "FAP.XRA", here / "FAP.raw")
    path = write(folder, data=[here / "FAP.XRA", here / "FAP.raw"])
    project, _ = load_project(path, host_factory=host_factory)
    assert [histogram.name for histogram in project.histograms] == ["FAP_XRA", "FAP_raw"]


def test_a_target_file_may_have_another_name_and_folder(folder):
    (folder / "deep").mkdir()
    path = write(folder, folder / "deep" / "second.yaml")
    assert "file: ../my data/FAP.XRA" in path.read_text()
    assert load_project(path, host_factory=host_factory)[0].name == "deep"


def test_an_existing_file_is_left_alone(folder):
    (folder / "project.yaml").write_text("mine")
    with pytest.raises(UserError, match=r"project\.yaml: the file exists; it is not overwritten"):
        write(folder)
    assert (folder / "project.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"data": []}, "data: no data given"),
        ({"phases": []}, "phases: no phase given"),
        ({"data": [Path("nowhere.xy")]}, "nowhere.xy: data: no such file"),
        ({"instrument": Path("nowhere.prm")}, "nowhere.prm: instrument: no such file"),
        ({"instrument": None}, "no wavelength is known; give --instrument, or --radiation and --wavelength"),
        ({"instrument": None, "wavelength": [1.5]}, "no radiation is known; give --instrument, or --radiation and"),
        ({"limits": (200, 300)}, "--limits: the limits reach beyond the data"),
        ({"target": Path("nowhere/at/all")}, "nowhere/at/all: no such folder"),
    ],
)
def test_a_mistake_writes_nothing(more, message, folder):
    before = sorted(folder.rglob("*"))
    with pytest.raises(UserError) as caught:
        write(folder, **more)
    assert message in str(caught.value)
    assert sorted(folder.rglob("*")) == before

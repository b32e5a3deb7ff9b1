"""Common mistakes: each ends with exit status 2 and one line, and changes no file."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autogsas.cli import main

FLUORAPATITE = Path(__file__).parents[2] / "projects" / "fluorapatite"
PROJECT = """\
name: fluorapatite
data:
  - file: FAP.XRA
    instrument: INST.instprm
    limits: [15, 130]
phases:
  - file: fluorapatite.cif
search:
  trials: 2
recipes: [handmade.recipe.yaml]
"""
CIF = """data_x
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Po Po 0 0 0
"""
HOOKS = "from autogsas import hookimpl\n\n@hookimpl\ndef autogsas_{name}({arguments}):\n    {body}\n"


def rewrite(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def project(old: str, new: str) -> Callable[[Path], None]:
    return rewrite("project.yaml", old, new)


def write(file: str, content: str | bytes, then: Callable[[Path], None] | None = None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        if then is not None:
            then(folder)

    return change


def nothing(folder: Path) -> None:
    pass


RUN = ("run", ".", "--backend", "numpy")
HAND = ("refine", ".", "--recipe", "handmade.recipe.yaml", "--backend", "numpy")
PLUGGED = project("name: fluorapatite", "plugins: [hooks.py]")

# The mistake, the command, and texts that the one line must contain: the place, the mistake, what is right.
MISTAKES: dict[str, tuple[Callable[[Path], None], tuple[str, ...], tuple[str, ...]]] = {
    "no such project": (nothing, ("run", "elsewhere"), ("elsewhere", "no such")),
    "unknown command": (nothing, ("rum", "."), ("rum", "'run'")),
    "unknown option": (nothing, ("run", ".", "--trails", "3"), ("--trails", "--trials")),
    "trials not a number": (nothing, (*RUN, "--trials", "many"), ("--trials", "many")),
    "no trials": (nothing, (*RUN, "--trials", "0"), ("--trials", "0")),
    "a duration without a number": (nothing, (*RUN, "--timeout", "soon"), ("--timeout", "soon")),
    "unknown backend": (nothing, ("run", ".", "--backend", "nunpy"), ("nunpy", "'numpy'")),
    "unknown backend in the file": (
        project("name: fluorapatite", "backend: nunpy"),
        ("run", "."),
        ("project.yaml:1: backend", "nunpy", "'numpy'"),
    ),
    "output is another folder": (nothing, (*RUN, "--out", "."), ("--out", "other files")),
    "earlier run without --resume": (nothing, (*RUN, "--out", "earlier"), ("earlier", "--resume")),
    "report of no run": (nothing, ("report", "."), ("summary.json",)),
    "recipe is not there": (nothing, ("refine", ".", "--recipe", "mine.yaml"), ("mine.yaml", "no such")),
    "unknown key": (project("limits:", "limts:"), RUN, ("project.yaml:5: data[0].limts", "'limits'")),
    "duplicate key": (project("search:", "data: []\nsearch:"), RUN, ("project.yaml:8: ", "'data' occurs twice")),
    "not YAML": (project("limits: [15, 130]", "limits: [15, 130"), RUN, ("project.yaml:6: broken YAML",)),
    "wrong type": (project("trials: 2", "trials: [2]"), RUN, ("search.trials", "[2]")),
    "no phases": (project("phases:\n  - file: fluorapatite.cif\n", ""), RUN, ("phases",)),
    "data file missing": (project("FAP.XRA", "FAB.XRA"), RUN, ("data[0].file", "FAB.XRA", "FAP.XRA")),
    "data file empty": (write("FAP.XRA", ""), RUN, ("FAP.XRA", "empty")),
    "data file is binary": (write("FAP.XRA", bytes(range(256)) * 20), RUN, ("FAP.XRA",)),
    "instrument missing": (project("INST.instprm", "INST.prm"), RUN, ("data[0].instrument", "INST.prm")),
    "no wavelength": (project("    instrument: INST.instprm\n", ""), RUN, ("data[0]", "wavelength")),
    "time of flight": (rewrite("INST.instprm", "PXC", "PNT"), RUN, ("INST.instprm", "PNT")),
    "wavelength negative": (
        rewrite("INST.instprm", "Lam1:1.5405", "Lam1:-1.5405"),
        RUN,
        ("INST.instprm", "wavelength", "-1.5405"),
    ),
    "limits outside the data": (project("[15, 130]", "[15, 190]"), RUN, ("data[0].limits", "190", "130.04")),
    "limits reversed": (project("[15, 130]", "[130, 15]"), RUN, ("data[0].limits", "130")),
    "everything excluded": (
        project("limits: [15, 130]", "limits: [15, 130]\n    exclude: [[10, 140]]"),
        RUN,
        ("exclude",),
    ),
    "CIF missing": (project("fluorapatite.cif", "fluor.cif"), RUN, ("phases[0].file", "fluor.cif")),
    "CIF without atoms": (write("fluorapatite.cif", "data_x\n_cell_length_a 9.4\n"), RUN, ("fluorapatite.cif",)),
    "unknown element": (rewrite("fluorapatite.cif", "Ca1  Ca ", "Ca1  Cx "), RUN, ("fluorapatite.cif", "Cx")),
    "unknown space group": (
        write("fluorapatite.cif", CIF.replace("P m -3 m", "P q -3 m")),
        RUN,
        ("fluorapatite.cif", "P q -3 m"),
    ),
    "cell without volume": (
        write("fluorapatite.cif", CIF.replace("gamma 90", "gamma 180")),
        RUN,
        ("fluorapatite.cif", "gamma", "180"),
    ),
    "background function": (
        rewrite("handmade.recipe.yaml", "chebyschev-1", "chebychev"),
        HAND,
        ("handmade.recipe.yaml", "'chebyschev-1'"),
    ),
    "unknown group": (
        rewrite("handmade.recipe.yaml", "[cell, displacement]", "[cel]"),
        HAND,
        ("handmade.recipe.yaml", "'cell'"),
    ),
    "hooks missing": (PLUGGED, RUN, ("hooks.py", "no such")),
    "hooks do not load": (write("hooks.py", "import nonsense_", PLUGGED), RUN, ("hooks.py", "nonsense_")),
    "hook misspelt": (
        write("hooks.py", HOOKS.format(name="scor", arguments="project", body="return 1.0"), PLUGGED),
        RUN,
        ("hooks.py", "'autogsas_score'"),
    ),
    "hook returns a wrong value": (
        write("hooks.py", HOOKS.format(name="choose_profile", arguments="choose", body="return 7"), PLUGGED),
        RUN,
        ("autogsas_choose_profile", "hooks.py"),
    ),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project with an earlier run beside it."""
    folder = tmp_path_factory.mktemp("user") / "fluorapatite"
    shutil.copytree(FLUORAPATITE, folder, ignore=shutil.ignore_patterns("runs"))
    (folder / "project.yaml").write_text(PROJECT, encoding="utf-8")
    earlier = folder / "earlier"
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "refine",
                str(folder),
                "--recipe",
                str(folder / "handmade.recipe.yaml"),
                "--backend",
                "numpy",
                "--out",
                str(earlier),
                "--quiet",
            ]
        )
    assert ended.value.code == 0
    return folder


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_changes_no_file(
    mistake: str, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    change, command, words = MISTAKES[mistake]
    folder = tmp_path / "fluorapatite"
    shutil.copytree(original, folder)
    change(folder)
    monkeypatch.chdir(folder)
    before = fingerprint(folder)
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(command))
    out, err = capfd.readouterr()
    assert ended.value.code == 2, err
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("autogsas: ")
    for word in words:
        assert word in err, err
    assert fingerprint(folder) == before

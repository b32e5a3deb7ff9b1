"""Finding GSAS-II: the order of the interpreters, both layouts, reasons for incomplete installations, the cache."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autogsas_gsas2 import discovery, interpreters
from autogsas_gsas2.discovery import Failure, Found, Installation

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the interpreters made here are scripts of a shell")

NOTHING = 'raise ModuleNotFoundError("No module named %r" % __name__)\n'


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home folder on a machine without GSAS-II, and an empty cache."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("CONDA_PREFIX", "CONDA_PREFIX_1", "MAMBA_ROOT_PREFIX", "PYTHONPATH", interpreters.SETTING):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(interpreters, "_roots", lambda: ())
    discovery.probe.cache_clear()
    yield home
    discovery.probe.cache_clear()


def interpreter(root: Path, *, library: Path | None = None, script: str | None = None) -> Path:
    """An interpreter in ``root/bin``: the running one with a library of its own, or a shell script."""
    python = root / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    path = f"PYTHONPATH='{library}' " if library is not None else ""
    count = f'echo x >> "{root}/starts"'
    python.write_text(script or f'#!/bin/sh\n{count}\n{path}exec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    return python


def gsas2(folder: Path, *, flat: bool = False, broken: tuple[str, ...] = (), first: str = "") -> Path:
    """Files with the names of GSAS-II's modules: a package, or a flat folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "GSASIIscriptable.py": first or ("import GSASIIpath\n" if flat else "from . import GSASIIpath\n"),
        "GSASIIpath.py": "print('GSAS-II says hello')\ndef GetVersionNumber(): return 4321\n"
        "def GetVersionTag(): return 'v5.9.1'\n",
        "git_verinfo.py": "git_version = 'abcdef0123456789'\n",
        "pypowder.py": "",
        "pyspg.py": "",
    }
    for name, text in files.items():
        (folder / name).write_text("raise ImportError('libgfortran is missing')\n" if name[:-3] in broken else text)
    if not flat:
        (folder / "__init__.py").write_text("")
    return folder


def library(folder: Path) -> Path:
    """A site-packages folder with a numpy that has only a version."""
    (folder / "numpy").mkdir(parents=True)
    (folder / "numpy" / "__init__.py").write_text("__version__ = '9.8.7'\n")
    return folder


def works(home: Path, name: str = "gsas2main") -> Path:
    site = library(home / name / "site")
    gsas2(site / "GSASII")
    return interpreter(home / name, library=site)


def starts(python: Path) -> int:
    file = python.parent.parent / "starts"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_without_gsas2_the_advice_is_how_to_install_it(empty_home: Path) -> None:
    found = discovery.find()
    assert found == Found(None)
    probe = discovery.to_probe(found)
    assert not probe.available
    assert probe.reason == "GSAS-II was not found"
    assert "advancedphotonsource.github.io/GSAS-II-tutorials/install.html" in probe.advice
    assert "AUTOGSAS_GSAS2_PYTHON" in probe.advice


@pytest.mark.parametrize("name", ["gsas2main", "gsas2full", "g2full"])
def test_the_self_installers_folder(empty_home: Path, name: str) -> None:
    python = works(empty_home, name)
    found = discovery.find().installation
    assert found is not None
    assert found.python == python
    assert (found.layout, found.path) == ("package", "")
    assert found.version == "5.9.1 (4321)"
    assert found.commit == "abcdef0123456789"
    assert found.numpy == "9.8.7"
    assert [file.name for file in found.compiled] == ["pypowder.py", "pyspg.py"]
    probe = discovery.to_probe(discovery.find())
    assert probe.available
    assert probe.version == "5.9.1 (4321)"
    assert dict(probe.details)["compiled modules"] == "pypowder, pyspg can be imported"
    assert str(python) in dict(probe.details)["interpreter"]


def test_the_running_interpreter_comes_first_and_imports_nothing(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    works(empty_home)
    gsas2(tmp_path / "site" / "GSASII")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    found = discovery.find().installation
    assert found is not None
    assert found.python == Path(sys.executable)
    assert found.module == tmp_path / "site" / "GSASII" / "GSASIIscriptable.py"
    assert not [name for name in sys.modules if name.startswith("GSASII")]


@pytest.mark.parametrize("place", ["GSASII", "GSAS-II/GSASII", "GSAS-II"])
def test_the_flat_layout_beside_the_interpreter(empty_home: Path, place: str) -> None:
    root = empty_home / "g2full"
    folder = gsas2(root / place, flat=True)
    python = interpreter(root, library=library(root / "site"))
    found = discovery.find().installation
    assert found is not None
    assert found.python == python
    assert (found.layout, found.path) == ("flat", str(folder))
    assert found.module == folder / "GSASIIscriptable.py"


def test_a_package_in_a_checkout_beside_the_interpreter(empty_home: Path) -> None:
    root = empty_home / "gsas2main"
    gsas2(root / "GSAS-II" / "GSASII")
    interpreter(root, library=library(root / "site"))
    found = discovery.find().installation
    assert found is not None
    assert (found.layout, found.path) == ("package", str(root / "GSAS-II"))


def test_only_conda_environments_with_gsas2_are_tried(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = interpreter(empty_home / "miniforge3" / "envs" / "plain")
    listed = tmp_path / "elsewhere"
    (empty_home / ".conda").mkdir()
    (empty_home / ".conda" / "environments.txt").write_text(f"{tmp_path / 'gone'}\n\n{listed}\n")
    site = library(listed / "lib" / "python3.11" / "site-packages")
    gsas2(site / "GSASII")
    python = interpreter(listed, library=site)
    assert list(interpreters.candidates()) == [python]
    in_use = empty_home / "miniforge3" / "envs" / "mine"
    gsas2(in_use / "GSASII", flat=True)
    mine = interpreter(in_use, library=library(in_use / "site"))
    assert set(interpreters.candidates()) == {python, mine}
    monkeypatch.setenv("CONDA_PREFIX", str(in_use))
    assert list(interpreters.candidates()) == [mine, python]
    assert starts(plain) == 0
    found = discovery.find().installation
    assert found is not None
    assert found.python == mine


def test_an_interpreter_that_is_named_is_the_only_one_tried(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = works(empty_home)
    named = works(tmp_path, "named")
    monkeypatch.setenv(interpreters.SETTING, str(named))
    assert discovery.find().installation.python == named  # type: ignore[union-attr]
    monkeypatch.setenv(interpreters.SETTING, str(tmp_path / "named"))
    assert discovery.find().installation.python == named  # type: ignore[union-attr]
    assert discovery.find(str(installed)).installation.python == installed  # type: ignore[union-attr]
    monkeypatch.setenv(interpreters.SETTING, str(tmp_path / "wrong" / "python"))
    found = discovery.find()
    assert found.installation is None
    assert found.reason == f"{tmp_path / 'wrong' / 'python'}: there is no such file"


def half(first: str = "", broken: tuple[str, ...] = ()) -> Callable[[Path], Path]:
    """A GSAS-II whose main module begins with ``first``, with broken modules."""

    def make(root: Path) -> Path:
        gsas2(root / "GSASII", first=first, broken=broken)
        return interpreter(root, library=library(root / "site"))

    return make


def script(text: str) -> Callable[[Path], Path]:
    return lambda root: interpreter(root, script=text)


def test_a_relative_path_and_a_command_mean_the_same_in_every_folder(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = works(tmp_path, "named")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(interpreters.SETTING, "named/bin/python")
    assert interpreters.named_interpreter() == named
    monkeypatch.chdir(empty_home)
    assert discovery.find().installation.python == named  # type: ignore[union-attr]
    monkeypatch.setenv("PATH", str(named.parent), prepend=os.pathsep)
    monkeypatch.setenv(interpreters.SETTING, "python")
    assert interpreters.named_interpreter() == named


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda root: interpreter(root, library=root), "numpy cannot be imported: ModuleNotFoundError"),
        (lambda root: interpreter(root, library=library(root / "site")), "it has no module GSASIIscriptable"),
        (
            half(broken=("pypowder",)),
            "GSAS-II's compiled modules cannot be imported: pypowder (ImportError: libgfortran is missing)",
        ),
        (half("import a_missing_part"), "GSAS-II cannot be imported: ModuleNotFoundError: No module named 'a_missing_"),
        (half("import sys; sys.exit(4)"), "GSAS-II cannot be imported: SystemExit: 4"),
        (half("import os; os.abort()"), "before it could answer"),
        (script("#!/bin/sh\necho no >&2\nexit 7\n"), "it ended with status 7 before it could answer: no"),
        (script("#!/no/such/shell\n"), "it cannot be started"),
        (script("#!/bin/sh\necho 'autogsas-probe:{\"a\": 1}'\n"), "cannot be understood"),
        (script("#!/bin/sh\necho 'autogsas-probe:[[['\n"), "cannot be understood"),
    ],
    ids=["no numpy", "no GSAS-II", "compiled", "import", "exit", "abort", "other", "not a program", "answer", "json"],
)
def test_an_incomplete_installation_has_a_reason_of_one_line(
    empty_home: Path, make: Callable[[Path], Path], reason: str
) -> None:
    python = make(empty_home / "gsas2main")
    found = discovery.find()
    assert found.installation is None
    assert found.failures[0].python == python
    assert reason in found.reason
    assert "\n" not in found.reason
    probe = discovery.to_probe(found)
    assert not probe.available
    assert probe.reason.startswith(f"{python}: ")


def test_an_interpreter_that_hangs_is_stopped(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "TIMEOUT", 0.3)
    interpreter(empty_home / "gsas2main", script="#!/bin/sh\nexec sleep 30\n")
    assert "did not answer within 0.3 s" in discovery.find().reason


def test_a_working_installation_is_found_after_a_broken_one(empty_home: Path) -> None:
    broken = interpreter(empty_home / "gsas2main", library=library(empty_home / "site"))
    good = works(empty_home, "g2full")
    found = discovery.find()
    assert isinstance(found.installation, Installation)
    assert found.installation.python == good
    assert [failure.python for failure in found.failures] == [broken]
    assert any(str(broken) in text for name, text in discovery.to_probe(found).details if name == "cannot be used")


def test_an_answer_is_cached_until_files_change(empty_home: Path) -> None:
    python = works(empty_home)
    first = discovery.find()
    assert discovery.find() == first
    assert starts(python) == 1
    discovery.probe.cache_clear()  # as another process
    assert discovery.find() == first
    assert starts(python) == 1
    version = empty_home / "gsas2main" / "site" / "GSASII" / "git_verinfo.py"
    version.write_text("git_version = 'fedcba'\n")
    os.utime(version, (1, 1))
    discovery.probe.cache_clear()
    assert discovery.find().installation.commit == "fedcba"  # type: ignore[union-attr]
    assert starts(python) == 2


def test_a_failure_is_cached_in_this_process_only(empty_home: Path) -> None:
    python = interpreter(empty_home / "gsas2main", library=library(empty_home / "site"))
    assert discovery.find().installation is None
    assert isinstance(discovery.probe(python), Failure)
    assert starts(python) == 1
    gsas2(empty_home / "site" / "GSASII")
    discovery.probe.cache_clear()
    assert discovery.find().installation is not None


@pytest.mark.parametrize("text", ["", "junk", "[1]", '{"x": 3}', None])
def test_a_damaged_cache_is_ignored(empty_home: Path, tmp_path: Path, text: str | None) -> None:
    python = works(empty_home)
    file = tmp_path / "cache" / "autogsas" / "gsas2.json"
    if text is None:
        (tmp_path / "cache").write_text("a file where the folder should be")
    else:
        file.parent.mkdir(parents=True)
        file.write_text(text if text != '{"x": 3}' else json.dumps({str(python): {"installation": 3, "stamps": []}}))
    assert discovery.find().installation is not None


def test_the_hosts_packages_are_hidden_from_the_other_interpreter(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    gsas2(theirs / "GSASII")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(mine), str(theirs)]))
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    environment = discovery.child_environment(tmp_path / "python")
    assert environment["PYTHONPATH"] == str(theirs)
    assert "PYTHONHOME" not in environment
    assert discovery.child_environment(Path(sys.executable))["PYTHONPATH"] == os.environ["PYTHONPATH"]

"""Python interpreters that may have GSAS-II, found by their files; none is started here."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["SETTING", "candidates", "named_interpreter"]

SETTING = "AUTOGSAS_GSAS2_PYTHON"
"""The environment variable for the path of GSAS-II's interpreter."""

_INSTALLERS = ("gsas2main", "gsas2full", "gsas2pkg", "g2main", "g2full", "g2pkg")
_CONDA = ("miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba", "miniconda", "anaconda", "conda")
_PYTHONS = ("Scripts/python.exe", "python.exe") if sys.platform == "win32" else ("bin/python", "bin/python3")


def named_interpreter(setting: str | None = None) -> Path | None:
    """Return the absolute path of the interpreter named by ``setting`` or AUTOGSAS_GSAS2_PYTHON, or None.

    A folder stands for the interpreter in it, a name without a folder for a command. The file may be missing.
    """
    text = setting or os.environ.get(SETTING, "").strip()
    if not text:
        return None
    path = Path(text).expanduser()
    command = shutil.which(text) if path.name == text and not path.exists() else None
    path = Path(os.path.abspath(command or path))
    if setting is None:
        os.environ[SETTING] = str(path)  # trials run in other folders, where a relative path would be wrong
    return (_python_in(path) or path) if path.is_dir() else path


def candidates(home: Path | None = None, roots: Sequence[Path] | None = None) -> Iterator[Path]:
    """Yield the interpreters that seem to have GSAS-II, the likeliest first, each once.

    The order: the running interpreter, if GSAS-II can be imported in it; the folders of GSAS-II's installers in
    ``home`` and ``roots``; conda environments with a folder of GSAS-II. ``home`` and ``roots`` default to the user's
    home folder and the usual folders for programs.
    """
    home = _home() if home is None else home
    roots = _roots() if roots is None else roots
    seen: set[Path] = set()
    for python in _all(home, roots):
        # Links are not followed: the interpreter of a virtual environment is a link to one without GSAS-II.
        absolute = Path(os.path.abspath(python))
        if absolute not in seen:
            seen.add(absolute)
            yield absolute


def _all(home: Path, roots: Sequence[Path]) -> Iterator[Path]:
    if sys.executable and any(importlib.util.find_spec(name) for name in ("GSASII", "GSASIIscriptable")):
        yield Path(sys.executable)
    for root in (home, *roots):
        for name in _INSTALLERS:
            python = _python_in(root / name)
            if python is not None:
                yield python
    for environment in _conda_environments(home, roots):
        python = _python_in(environment)
        if python is not None and _holds_gsas2(environment):
            yield python


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # the home folder is unknown, as in some containers
        return Path(os.path.abspath(os.sep))


def _roots() -> tuple[Path, ...]:
    if sys.platform == "win32":
        named = (os.environ.get(name) for name in ("LOCALAPPDATA", "PROGRAMDATA", "SYSTEMDRIVE"))
        return tuple(Path(text + os.sep) for text in named if text)
    return tuple(Path(text) for text in ("/opt", "/usr/local", "/Applications", "/usr/local/share"))


def _python_in(folder: Path) -> Path | None:
    for name in _PYTHONS:
        if _is_file(folder / name):
            return folder / name
    return None


def _conda_environments(home: Path, roots: Sequence[Path]) -> Iterator[Path]:
    for variable in ("CONDA_PREFIX", "CONDA_PREFIX_1", "MAMBA_ROOT_PREFIX"):
        if os.environ.get(variable):
            yield Path(os.environ[variable])
    try:
        listed = (home / ".conda" / "environments.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        listed = ""
    yield from (Path(line.strip()) for line in listed.splitlines() if line.strip())
    bases = [root / name for root in (home, *roots) for name in _CONDA]
    bases += [home / ".conda", home / ".mamba", home / ".local/share/mamba"]
    if os.environ.get("MAMBA_ROOT_PREFIX"):
        bases.append(Path(os.environ["MAMBA_ROOT_PREFIX"]))
    for base in bases:
        yield base
        yield from _folders(base / "envs")


def _holds_gsas2(environment: Path) -> bool:
    if sys.platform == "win32":
        libraries = [environment / "Lib" / "site-packages"]
    else:
        libraries = [item / "site-packages" for item in _folders(environment / "lib") if item.name.startswith("python")]
    folders = [environment, *libraries]
    if any(_is_folder(folder / name) for folder in folders for name in ("GSASII", "GSAS-II")):
        return True
    if any(_is_file(folder / "GSASIIscriptable.py") for folder in libraries):
        return True
    # Of an editable installation only the metadata are here.
    return any(
        item.name.lower().startswith(("gsas_ii-", "gsas_ii.")) for folder in libraries for item in _items(folder)
    )


def _folders(folder: Path) -> list[Path]:
    return [item for item in _items(folder) if _is_folder(item)]


def _items(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no permission to read the folder
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False

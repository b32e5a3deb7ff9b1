"""Finding a GSAS-II that works: each interpreter is tried in a process of its own, and the answers are cached."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from autogsas.hooks.backend import Probe

from autogsas_gsas2 import probe_script
from autogsas_gsas2.interpreters import SETTING, candidates, named_interpreter

__all__ = ["ADVICE", "TIMEOUT", "Failure", "Found", "Installation", "child_environment", "find", "probe", "to_probe"]

INSTALL_PAGE = "https://advancedphotonsource.github.io/GSAS-II-tutorials/install.html"
ADVICE = f"install GSAS-II as described on {INSTALL_PAGE}, or set {SETTING} to its Python"
TIMEOUT = 60.0
"""Seconds allowed for an answer; the first import of a new installation compiles its modules."""


@dataclass(frozen=True)
class Installation:
    """A GSAS-II that works.

    ``layout`` is "package" (``GSASII.GSASIIscriptable``) or "flat" (``GSASIIscriptable``). ``path`` is the folder to
    put first on ``sys.path`` for that import, "" for none. ``compiled`` are the files of the compiled modules.
    """

    python: Path
    python_version: str
    numpy: str
    layout: str
    path: str
    module: Path
    version: str
    commit: str
    compiled: tuple[Path, ...]

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return names and texts for ``autogsas doctor``."""
        parts = ", ".join(file.name.partition(".")[0] for file in self.compiled)
        return (
            ("interpreter", f"{self.python} (Python {self.python_version}, numpy {self.numpy})"),
            ("folder", str(self.module.parent)),
            ("version", self.version + (f", commit {self.commit[:8]}" if self.commit else "")),
            ("compiled modules", f"{parts} can be imported"),
        )


@dataclass(frozen=True)
class Failure:
    """An interpreter that cannot be used, and the reason in one line."""

    python: Path
    reason: str


@dataclass(frozen=True)
class Found:
    """The installation to use, or None, and the interpreters that were tried before it without success."""

    installation: Installation | None
    failures: tuple[Failure, ...] = ()

    @property
    def reason(self) -> str:
        """The reason why there is none, in one line; empty if there is one."""
        if self.installation is not None:
            return ""
        if not self.failures:
            return "GSAS-II was not found"
        return "; ".join(f"{failure.python}: {failure.reason}" for failure in self.failures)


def find(setting: str | None = None) -> Found:
    """Return the first GSAS-II that works; each interpreter is tried once a process.

    If ``setting`` or AUTOGSAS_GSAS2_PYTHON names an interpreter, no other is tried.
    """
    named = named_interpreter(setting)
    failures: list[Failure] = []
    for python in [named] if named is not None else candidates():
        answer = probe(python)
        if isinstance(answer, Installation):
            return Found(answer, tuple(failures))
        failures.append(answer)
    return Found(None, tuple(failures))


def to_probe(found: Found) -> Probe:
    """Return what was found as the backend contract's `Probe`."""
    others = tuple(("cannot be used", f"{failure.python}: {failure.reason}") for failure in found.failures)
    if found.installation is None:
        return Probe(False, reason=found.reason, details=others, advice=ADVICE)
    return Probe(True, found.installation.version, details=(*found.installation.details(), *others))


@cache
def probe(python: Path) -> Installation | Failure:
    """Return which GSAS-II an interpreter has.

    Failures are cached in this process, successes also on disk.
    """
    cached = _from_cache(python)
    if cached is not None:
        return cached
    answer = _try(python)
    if isinstance(answer, Installation):
        _to_cache(answer)
    return answer


def child_environment(python: Path) -> dict[str, str]:
    """Return the environment variables for GSAS-II's interpreter.

    The host's own packages are not passed on: for another interpreter, PYTHONPATH keeps only folders with GSAS-II.
    """
    environment = dict(os.environ)
    for name in ("PYTHONHOME", "__PYVENV_LAUNCHER__", "PYTHONSTARTUP"):
        environment.pop(name, None)
    if python != Path(os.path.abspath(sys.executable)):
        named = environment.pop("PYTHONPATH", "").split(os.pathsep)
        own = [part for part in named if part and _has_gsas2(Path(part))]
        if own:
            environment["PYTHONPATH"] = os.pathsep.join(own)
    return environment | {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}


def _has_gsas2(folder: Path) -> bool:
    return (folder / "GSASIIscriptable.py").is_file() or (folder / "GSASII" / "GSASIIscriptable.py").is_file()


def _try(python: Path) -> Installation | Failure:
    if not python.is_file():
        return Failure(python, "there is no such file")
    # ROOT/bin/python on Unix, ROOT\\python.exe on Windows
    root = python.parent.parent if python.parent.name in ("bin", "Scripts") else python.parent
    command = [str(python), probe_script.__file__, str(root), str(root.parent)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            env=child_environment(python),
            cwd=root,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Failure(python, f"it did not answer within {TIMEOUT:g} s")
    except OSError as error:
        return Failure(python, f"it cannot be started: {error.strerror or error}")
    lines = done.stdout.decode(errors="replace").splitlines()
    marked = [line for line in lines if line.startswith(probe_script.MARK)]
    if not marked:
        errors = done.stderr.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(errors) if line.strip()), "no message")
        return Failure(python, f"it ended with status {done.returncode} before it could answer: {last[:200]}")
    try:
        return _read(python, json.loads(marked[-1].removeprefix(probe_script.MARK)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Failure(python, f"its answer cannot be understood: {error!r}")


def _read(python: Path, answer: dict[str, Any]) -> Installation | Failure:
    if "error" in answer:
        where = "numpy" if "numpy" not in answer else "GSAS-II"
        return Failure(python, f"{where} cannot be imported: {answer['error']}")
    broken = {name: text for name, text in answer["compiled"].items() if not text.startswith("at ")}
    if broken:
        reasons = "; ".join(f"{name} ({text})" for name, text in broken.items())
        return Failure(python, f"GSAS-II's compiled modules cannot be imported: {reasons}")
    build = answer["build"] and f" ({answer['build']})"
    return Installation(
        python=python,
        python_version=answer["python_version"],
        numpy=answer["numpy"],
        layout=answer["layout"],
        path=answer["path"],
        module=Path(answer["module"]),
        version=(answer["tag"].removeprefix("v") + build if answer["tag"] else answer["build"])
        or answer["package"]
        or "?",
        commit=answer["commit"],
        compiled=tuple(Path(text.removeprefix("at ")) for text in answer["compiled"].values()),
    )


def _cache_file() -> Path:
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "autogsas" / "gsas2.json"


def _stamps(installation: Installation) -> dict[str, int]:
    """Return the modification times of the files whose change invalidates a cached answer."""
    folder = installation.module.parent
    files = [installation.python, installation.module, folder, *installation.compiled]
    files += [file for name in ("git_verinfo.py", "saved_version.py") if (file := folder / name).exists()]
    return {str(file): file.stat().st_mtime_ns for file in files}


def _load_cache() -> dict[str, Any]:
    try:
        data = json.loads(_cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return {}
    return data if isinstance(data, dict) else {}


def _from_cache(python: Path) -> Installation | None:
    entry: Any = _load_cache().get(str(python))
    try:
        fields = entry["installation"] | {key: Path(entry["installation"][key]) for key in ("python", "module")}
        fields["compiled"] = tuple(Path(text) for text in fields["compiled"])
        installation = Installation(**fields)
        return installation if entry["stamps"] == _stamps(installation) else None
    except (OSError, TypeError, KeyError, AttributeError):
        return None


def _to_cache(installation: Installation) -> None:
    try:
        file = _cache_file()
        plain = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(installation).items()}
        plain["compiled"] = [str(part) for part in installation.compiled]
        data = _load_cache() | {str(installation.python): {"installation": plain, "stamps": _stamps(installation)}}
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        part.write_text(json.dumps(data, indent=1), encoding="utf-8")
        part.replace(file)
    except (OSError, RuntimeError):
        pass  # without a cache the interpreter is started once more, nothing else

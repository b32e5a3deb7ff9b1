"""What is installed and whether it works, as text: plugins, doctor, check-backend."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from autogsas.errors import AutogsasError
from autogsas.hooks.backend import Backend
from autogsas.hooks.host import Host
from autogsas.input.loading import load_project
from autogsas.model.recipe import Background, Free, Recipe, Step
from autogsas.testing.conformance import BackendConformance, run_checks
from autogsas.testing.samples import make_project
from autogsas.trial.pool import Outcome, Workers, scratch
from autogsas.trial.worker import START_TIMEOUT
from autogsas.version import __version__

__all__ = ["SELF_TEST_TIMEOUT", "check_backend", "doctor", "plugins"]

SELF_TEST_TIMEOUT = 60.0
"""Seconds for a refinement that takes two; the first import of an engine may take longer."""

_PACKAGES = ("numpy", "scipy", "gemmi", "pluggy", "pydantic", "ruamel.yaml", "optuna", "click", "rich")
_OPTIONAL = {"cmaes": "sampler cmaes", "torch": "sampler gp"}


def plugins(project: Path | None = None, *, as_json: bool = False) -> str:
    """Return all plugins with origin, location, hooks and why one failed; a project's own where one is given."""
    host = Host() if project is None else load_project(project)[1]
    if as_json:
        return json.dumps([asdict(info) for info in host.plugins], indent=1)
    lines = []
    for info in host.plugins:
        lines.append(f"{info.name}  ({info.origin}{f' {info.version}' if info.version else ''})")
        lines.append(f"    from   {info.location}")
        if info.error:
            lines.append(f"    FAILED {info.error}")
        else:
            hooks = [hook.removeprefix("autogsas_") for hook in info.hooks]
            lines.append(f"    hooks  {', '.join(hooks) or 'none'}")
    return "\n".join(lines)


def doctor(wanted: str | None = None) -> tuple[str, int]:
    """Return a description of the installation and the exit status.

    Each backend that can be used refines made-up data, in a process of its own, within `SELF_TEST_TIMEOUT` seconds.
    The status is 3 where the backend ``wanted`` by name, or without a name every one, is missing or broken.
    """
    lines = [f"autogsas {__version__}, Python {platform.python_version()} on {platform.platform()}"]
    lines += [f"    {name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    lines.append("optional packages")
    for name, use in _OPTIONAL.items():
        there = importlib.util.find_spec(name) is not None
        lines.append(f"    {name}: {'there' if there else 'not there'} ({use})")
    folder = Path(scratch() or tempfile.gettempdir())
    free = shutil.disk_usage(folder).free / 2**30
    lines.append(f"trials work in {folder}, {free:.1f} GB free; {os.cpu_count()} processors")
    host = Host()
    lines.append("backends")
    backends = host.backends()
    usable: dict[str, bool] = {}
    works: dict[str, bool] = {}
    for name, backend in backends.items():
        said, usable[name], works[name] = _examine(backend)
        lines += [f"    {line}" for line in said]
    chosen = next((name for name in reversed(backends) if usable[name]), None)
    advice = "" if chosen is None or works[chosen] else ", which does not work; --backend names another"
    lines.append(f"a project that names no backend is refined by: {chosen or 'none'}{advice}")
    if wanted is not None and wanted not in works:
        lines.append(f"no plugin brings a backend {wanted!r}; there are: {', '.join(works)}")
    failed = [info for info in host.plugins if info.error]
    lines += ["plugins that failed to load"] if failed else ["all plugins loaded"]
    lines += [f"    {info.name} ({info.origin}): {info.error}" for info in failed]
    good = any(works.values()) if wanted is None else works.get(wanted, False)
    return "\n".join(lines), 0 if good else 3


def _examine(backend: Backend) -> tuple[list[str], bool, bool]:
    """Return lines about one backend, whether it says that it can be used, and whether it can."""
    try:
        probe = backend.probe()
    except Exception as error:  # noqa: BLE001  a stranger's probe may raise anything; the others are still looked at
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        return [f"{backend.name}: broken: {type(error).__name__}: {error} ({where})"], False, False
    details = [f"    {name}: {text}" for name, text in probe.details]
    if not probe.available:
        lines = [f"{backend.name}: cannot be used: {probe.reason}", *details]
        if probe.advice:
            lines.append(f"    to have it: {probe.advice}")
        return [*lines, "    until then the built-in engine is used, unless a project names this one"], False, False
    said, passed = _self_test(backend)
    return [f"{backend.name}: {probe.version}", *details, f"    self-test: {said}"], True, passed


def _self_test(backend: Backend) -> tuple[str, bool]:
    """Refine made-up data by two short steps as a run would; return what came of it in one line."""
    background = Background(function="chebyschev-1", terms=3)
    frees = (Free(group="scale"), Free(group="background"))
    recipe = Recipe(steps=(Step(background=(background,), free=frees), Step(free=(Free(group="cell"),))))
    # The trial's own time counts from a ready worker; before that the worker has to start.
    longest = START_TIMEOUT + 2 * SELF_TEST_TIMEOUT
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autogsas-doctor-") as folder:
        try:
            project = make_project(Path(folder) / "project")
            with Workers(project, backend, trial_timeout=SELF_TEST_TIMEOUT) as workers:
                workers.submit(0, recipe)
                event = workers.wait(longest)
                while event is not None and not isinstance(event, Outcome):
                    event = workers.wait(longest)
        except (AutogsasError, OSError) as error:
            return f"FAILED: {error}", False
    if not isinstance(event, Outcome):
        return f"FAILED: no answer within {longest:g} s", False
    if event.result is None:
        return f"FAILED: {event.cause}: {event.message}", False
    return f"made-up data refined in {time.monotonic() - began:.1f} s, Rwp {event.result.engine_rwp:.2f} %", True


def check_backend(name: str, files: Sequence[Path], say: Callable[[str], None]) -> int:
    """Run the conformance checks on a backend, saying each; return 0 where all pass, else 3.

    Raises UserError for an unknown backend, BackendMissing where it cannot be used.
    """
    backend = Host(files).backend(name)
    suite = type("Suite", (BackendConformance,), {"backend": lambda self: backend})()
    failures = 0
    for check, error in run_checks(suite):
        failures += bool(error)
        say(f"{'FAILED' if error else 'ok    '} {check}" + (f": {error}" if error else ""))
    say(f"{backend.name}: {failures} failed" if failures else f"{backend.name} keeps the contract")
    return 3 if failures else 0

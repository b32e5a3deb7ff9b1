"""The commands plugins, doctor and check-backend: what is installed and whether it works."""

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
from dataclasses import asdict, dataclass
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
"""Time limit in seconds of a refinement that takes about two; the first import of an engine can be slow."""

_PACKAGES = ("numpy", "scipy", "gemmi", "pluggy", "pydantic", "ruamel.yaml", "optuna", "click", "rich")
_OPTIONAL = {"cmaes": "sampler cmaes", "torch": "sampler gp"}


def plugins(project: Path | None = None, *, as_json: bool = False) -> str:
    """Return all plugins with origin, location, hooks and error; with ``project`` also the plugins of the project."""
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

    Each available backend refines synthetic data in a separate process, within `SELF_TEST_TIMEOUT` seconds.
    The status is 3 if the backend ``wanted``, or without a name every backend, is missing or broken.
    """
    host = Host()
    backends = host.backends()
    examined = {name: _examine(backend) for name, backend in backends.items()}
    lines = [*_installation(), "backends"]
    lines += [f"    {line}" for report in examined.values() for line in report.lines]
    chosen = next((name for name in reversed(backends) if examined[name].available), None)
    broken = chosen is not None and not examined[chosen].works
    advice = ", which does not work; choose another with --backend" if broken else ""
    lines.append(f"a project without a backend uses: {chosen or 'none'}{advice}")
    if wanted is not None and wanted not in examined:
        lines.append(f"no backend {wanted!r}; available names: {', '.join(examined)}")
    failed = [info for info in host.plugins if info.error]
    lines += ["plugins that failed to load"] if failed else ["all plugins loaded"]
    lines += [f"    {info.name} ({info.origin}): {info.error}" for info in failed]
    good = any(report.works for name, report in examined.items() if wanted in (None, name))
    return "\n".join(lines), 0 if good else 3


def _installation() -> list[str]:
    lines = [f"autogsas {__version__}, Python {platform.python_version()} on {platform.platform()}"]
    lines += [f"    {name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    lines.append("optional packages")
    for name, use in _OPTIONAL.items():
        installed = importlib.util.find_spec(name) is not None
        lines.append(f"    {name}: {'installed' if installed else 'not installed'} ({use})")
    folder = Path(scratch() or tempfile.gettempdir())
    free = shutil.disk_usage(folder).free / 2**30
    lines.append(f"trials run in {folder}, {free:.1f} GB free; {os.cpu_count()} processors")
    return lines


@dataclass(frozen=True)
class _Examined:
    """Lines about one backend, whether its probe finds it available, and whether it passed the self-test."""

    lines: list[str]
    available: bool = False
    works: bool = False


def _examine(backend: Backend) -> _Examined:
    try:
        probe = backend.probe()
    except Exception as error:  # noqa: BLE001  the probe of a plugin may raise anything; the other backends are still tested
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        return _Examined([f"{backend.name}: broken: {type(error).__name__}: {error} ({where})"])
    details = [f"    {name}: {text}" for name, text in probe.details]
    if not probe.available:
        lines = [f"{backend.name}: cannot be used: {probe.reason}", *details]
        if probe.advice:
            lines.append(f"    to install it: {probe.advice}")
        return _Examined([*lines, "    until then projects that do not name it use another backend"])
    outcome, passed = _self_test(backend)
    return _Examined([f"{backend.name}: {probe.version}", *details, f"    self-test: {outcome}"], True, passed)


def _self_test(backend: Backend) -> tuple[str, bool]:
    """Refine synthetic data in two short steps, as a run does; return the outcome in one line and whether it passed."""
    background = Background(function="chebyschev-1", terms=3)
    frees = (Free(group="scale"), Free(group="background"))
    recipe = Recipe(steps=(Step(background=(background,), free=frees), Step(free=(Free(group="cell"),))))
    # The time limit of a trial starts when its worker is ready; starting the worker takes time too.
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
    rwp = f"Rwp {event.result.engine_rwp:.2f} % (two short steps do not reach a good fit)"
    return f"synthetic data refined in {time.monotonic() - began:.1f} s, {rwp}", True


def check_backend(name: str, files: Sequence[Path], say: Callable[[str], None]) -> int:
    """Run the conformance checks on a backend and report each one; return 0 if all pass, else 3.

    Raises UserError for an unknown backend, BackendMissing if it cannot be used.
    """
    backend = Host(files).backend(name)
    suite = type("Suite", (BackendConformance,), {"backend": lambda self: backend})()
    failures = 0
    for check, error in run_checks(suite):
        failures += bool(error)
        say(f"{'FAILED' if error else 'ok    '} {check}" + (f": {error}" if error else ""))
    say(f"{backend.name}: {failures} checks failed" if failures else f"{backend.name} conforms to the contract")
    return 3 if failures else 0

"""What is installed and whether it works, as text: plugins, doctor, check-backend."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from autogsas.host import Host
from autogsas.isolate import scratch
from autogsas.loading import load_project
from autogsas.testing.conformance import BackendConformance, run_checks
from autogsas.version import __version__

__all__ = ["check_backend", "doctor", "plugins"]

_PACKAGES = ("numpy", "scipy", "gemmi", "pluggy", "pydantic", "optuna", "click", "rich", "plotly")
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


def doctor() -> tuple[str, int]:
    """Return a description of the installation and the exit status: 3 where no backend can be used."""
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
    usable = 0
    for name, backend in host.backends().items():
        probe = backend.probe()
        usable += probe.available
        lines.append(f"    {name}: " + (f"{probe.version}" if probe.available else f"cannot be used: {probe.reason}"))
    failed = [info for info in host.plugins if info.error]
    lines += ["plugins that failed to load"] if failed else ["all plugins loaded"]
    lines += [f"    {info.name} ({info.origin}): {info.error}" for info in failed]
    return "\n".join(lines), 0 if usable else 3


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

"""Shared fixtures, the profile of hypothesis, and the engines that this test run uses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.testing import pytest_engines
from autogsas.testing.samples import make_project
from hypothesis import settings

from autogsas_gsas2 import discovery
from autogsas_gsas2.backend import Gsas2Backend

DATA = Path(__file__).parents[3].parent / "shared" / "data"


# The time of one example depends on the load of the machine.
settings.register_profile("plugin", deadline=None)
settings.load_profile("plugin")


def pytest_configure(config: pytest.Config) -> None:
    pytest_engines.install(config, [Gsas2Backend()])


@pytest.fixture
def data() -> Path:
    """The folder of measured patterns, which are not part of the project."""
    if not DATA.is_dir():
        pytest.skip(f"the measured patterns are not at {DATA}")
    return DATA


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Caesium chloride with one simulated X-ray pattern."""
    return make_project(tmp_path / "project")


@pytest.fixture
def gsas2_host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Host]:
    """A function that makes hosts with the built-ins and this plugin, whether it is installed or not."""
    from autogsas import builtin

    monkeypatch.setattr(builtin, "MODULES", (*builtin.MODULES, "autogsas_gsas2.plugin"))
    return partial(Host, entry_points=False)


@pytest.fixture(scope="session")
def run_in_gsas2() -> Callable[..., str]:
    """A function that runs a script in GSAS-II's interpreter and returns its output."""
    found = discovery.find()
    if found.installation is None:
        pytest.skip(f"gsas2: {found.reason}")
    installation = found.installation

    def run(script: str, *arguments: Any) -> str:
        head = "import sys; sys.path[:0] = [p for p in [sys.argv.pop(1)] if p]\n"
        package = "GSASII." if installation.layout == "package" else ""
        head += f"import {package}GSASIIscriptable as G2sc\nG2sc.SetPrintLevel('none')\n"
        done = subprocess.run(
            [installation.python, "-c", head + script, installation.path, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            env=discovery.child_environment(installation.python),
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


_SMALL = """
pattern, instrument, structure, out = sys.argv[1:]
project = G2sc.G2Project(newgpx=out)
histogram = project.add_powder_histogram(pattern, instrument, fmthint="xye")
project.add_phase(structure, phasename="CsCl", histograms=[histogram], fmthint="CIF")
histogram.set_refinements({"Limits": [18.0, 85.0], "Background": {"type": "chebyschev-1", "refine": True,
                                                                  "no. coeffs": 3}})
histogram.Excluded([[40.0, 41.0]])
project.save()
"""


@pytest.fixture(scope="session")
def small_gpx_bytes(run_in_gsas2: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A .gpx that GSAS-II made of a small simulated X-ray pattern: one phase, two atoms on special positions."""
    folder = tmp_path_factory.mktemp("small")
    project = make_project(folder)
    pattern = project.histograms[0].pattern
    data = folder / "a.xye"
    np.savetxt(data, np.column_stack([pattern.x, pattern.y, 1.0 / np.sqrt(pattern.weights)]), fmt="%.6f")
    instrument = folder / "a.instprm"
    lines = [
        "#GSAS-II instrument parameter file",
        "Type:PXC",
        "Bank:1",
        "Lam:1.5406",
        "Polariz.:0.5",
        "Azimuth:0.0",
        "Zero:0.0",
        "U:0.0",
        "V:0.0",
        "W:72.0",
        "X:0.0",
        "Y:0.0",
        "Z:0.0",
        "SH/L:0.002",
    ]
    instrument.write_text("\n".join(lines) + "\n")
    run_in_gsas2(_SMALL, data, instrument, project.phase_files[0], folder / "small.gpx")
    return (folder / "small.gpx").read_bytes()


@pytest.fixture
def small_gpx(small_gpx_bytes: bytes, tmp_path: Path) -> Path:
    """That .gpx in a folder of its own."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "small.gpx").write_bytes(small_gpx_bytes)
    return folder / "small.gpx"

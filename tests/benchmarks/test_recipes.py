"""Seconds and peak memory of whole hand-made recipes: ``python -m pytest -m benchmark``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from autogsas.engine.session import EngineSession
from autogsas.loading import load_project

PROJECTS = Path(__file__).parents[2] / "projects"
pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("name", ["fluorapatite", "lbco-neutron"])
def test_hand_made_recipe(benchmark: BenchmarkFixture, name: str) -> None:
    project, _ = load_project(PROJECTS / name)
    cycles = []

    def refine() -> float:
        session = EngineSession(project, "benchmark")
        done = [session.refine(step) for step in project.recipes[0].steps]
        cycles[:] = [sum(step.cycles for step in done)]
        return done[-1].rwp

    rwp = benchmark.pedantic(refine, rounds=5, warmup_rounds=1)
    points = sum(h.pattern.mask(h.limits).sum() for h in project.histograms)
    median = benchmark.stats.stats.median
    benchmark.extra_info |= {
        "rwp": round(rwp, 3),
        "cycles": cycles[0],
        "milliseconds_per_cycle": round(1000 * median / cycles[0], 1),
        "microseconds_per_cycle_and_point": round(1e6 * median / cycles[0] / points, 2),
        "peak_memory_MB": peak_memory(name),
    }
    print(f"\n{name}: {benchmark.extra_info}")


def peak_memory(name: str) -> float:
    """Peak resident memory, in MB, of a process that loads the project and refines it by its recipe."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from autogsas.engine.session import EngineSession\n"
        "from autogsas.loading import load_project\n"
        "project, _ = load_project(Path(sys.argv[1])); session = EngineSession(project, '')\n"
        "[session.refine(step) for step in project.recipes[0].steps]; session.result()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(PROJECTS / name)], capture_output=True, text=True, check=True
    )
    return round(float(done.stdout), 1)

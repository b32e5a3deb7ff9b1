"""Seconds and peak memory of whole hand-made recipes: ``python -m pytest -m benchmark tests/benchmarks -s``."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from autogsas.engine.session import EngineSession
from autogsas.model.result import StepResult
from tests.benchmarks.measure import report
from tests.benchmarks.patterns import PATTERNS, Absent, counted_points, load

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("name", PATTERNS)
def test_hand_made_recipe(benchmark: BenchmarkFixture, name: str) -> None:
    try:
        project = load(name)
    except Absent as error:
        pytest.skip(str(error))
    steps: list[StepResult] = []

    def refine() -> None:
        session = EngineSession(project, "benchmark")
        steps[:] = [session.refine(step) for step in project.recipes[0].steps]
        session.result()

    benchmark.pedantic(refine, rounds=3, warmup_rounds=1)
    alone = report("engines.host", name, "numpy")
    cycles = sum(step.cycles for step in steps)
    seconds = benchmark.stats.stats.min
    benchmark.extra_info |= {
        "rwp": round(alone["rwp"], 3),
        "seconds": round(seconds, 3),
        "cycles": cycles,
        "milliseconds_per_cycle": round(1e3 * seconds / cycles, 1),
        "microseconds_per_cycle_and_point": round(1e6 * seconds / cycles / counted_points(project), 2),
        "peak_memory_MB": round(alone["peak"], 1),
    }
    print(f"\n{name}: {benchmark.extra_info}")
    assert all(step.converged for step in steps)

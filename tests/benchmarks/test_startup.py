"""Time to import the package and to compute a first pattern, each in a new process."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.benchmarks.first import SAMPLES
from tests.benchmarks.measure import ROOT, one_thread, report
from tests.benchmarks.patterns import Absent, load

pytestmark = pytest.mark.benchmark

ROUNDS = 3
MOST_IMPORT = 0.3  # seconds
MOST_FIRST = 0.5


def import_seconds() -> float:
    """Return the time of a new interpreter to import the package, in seconds, as reported by -X importtime."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import autogsas"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=one_thread(),
    )
    own, cumulative, name = done.stderr.splitlines()[-1].removeprefix("import time:").split("|")
    assert name.strip() == "autogsas", own
    return int(cumulative) / 1e6


def test_import(benchmark: BenchmarkFixture) -> None:
    found: list[float] = []
    benchmark.pedantic(lambda: found.append(import_seconds()), rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info["import_seconds"] = min(found)
    print(f"\nimport autogsas: {min(found):.3f} s")
    assert min(found) < MOST_IMPORT


@pytest.mark.parametrize("name", ["Y2O3", "fluorapatite", *SAMPLES])
def test_first_pattern(benchmark: BenchmarkFixture, name: str) -> None:
    if name not in SAMPLES:
        try:
            load(name)
        except Absent as error:
            pytest.skip(str(error))
    found: list[dict[str, float]] = []
    benchmark.pedantic(lambda: found.append(report("first", name)), rounds=ROUNDS)
    best = {key: min(one[key] for one in found) for key in found[0]}
    benchmark.extra_info |= best
    print(f"\n{name}: { ({key: round(value, 3) for key, value in best.items()}) }")
    assert best["first_pattern"] < MOST_FIRST

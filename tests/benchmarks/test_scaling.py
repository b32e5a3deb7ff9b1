"""The cost of a cycle grows at most in proportion to points, reflections and variables.

A cycle's cost is the least CPU time of several steps of a fixed number of cycles, over that number; it includes its
share of what a step does once, such as listing reflections. It is CPU time so that other work on the machine counts
little; that takes linear algebra on one thread (OMP_NUM_THREADS=1), as in CI.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from autogsas.engine.session import EngineSession
from tests.benchmarks.measure import slope
from tests.benchmarks.samples import Sample, make_sample

pytestmark = pytest.mark.benchmark

CYCLES = 3  # the samples start far enough off to need four
REPEATS = 3
# A power of 1 and what the timer may add to it. On two cores that did other work the least of three repeats of one and
# the same code scattered by up to 17 % over six runs; one end of a line over a decade off by that tilts it by
# ln(1.17)/ln(10) = 0.07, and that is how far the powers scattered (0.93 to 1.00 for reflections). A tenth clears it.
MOST = 1.0 + 0.1


@dataclass(frozen=True)
class Cost:
    """A size, and the seconds of a cycle at this size."""

    size: int
    seconds: float


def cost(sample: Sample, variables: int, size: int) -> Cost:
    """Return the cost of a cycle with this many variables."""
    step = sample.step(variables, cycles=CYCLES)
    least = float("inf")
    for _ in range(REPEATS):
        session = EngineSession(sample.project, "benchmark")
        started = time.process_time()
        done = session.refine(step)
        least = min(least, time.process_time() - started)
        assert done.cycles == CYCLES
        assert done.n_variables == variables
    return Cost(size, least / CYCLES)


def shown(what: str, costs: list[Cost], counted: list[Cost]) -> float:
    """Print the costs and return the exponent of their growth over the counted sizes."""
    power = slope([c.size for c in counted], [c.seconds for c in counted])
    print(f"\n{what:>12}  ms a cycle  µs a cycle and {what.removesuffix('s')}")
    for one in costs:
        print(f"{one.size:12d}{1e3 * one.seconds:12.1f}{1e6 * one.seconds / one.size:12.2f}")
    print(f"cost grows as {what}^{power:.2f} from {counted[0].size} to {counted[-1].size}")
    return power


def test_points() -> None:
    costs = [cost(make_sample(n, 300, 6), 26, n) for n in (1_000, 3_000, 10_000, 30_000, 100_000)]
    assert shown("points", costs, costs[2:]) <= MOST


def test_reflections() -> None:
    samples = [make_sample(10_000, n, 6) for n in (100, 300, 1_000, 3_000, 10_000)]
    costs = [cost(sample, 26, sample.reflections) for sample in samples]
    assert shown("reflections", costs, costs[2:]) <= MOST


def test_variables() -> None:
    """Up to 50 variables; above, the cost of the normal matrix grows with their square and is only printed."""
    sample = make_sample(10_000, 500, 60)
    costs = [cost(sample, n, n) for n in (10, 20, 30, 40, 50, 100, 200)]
    assert shown("variables", costs, costs[:5]) <= MOST

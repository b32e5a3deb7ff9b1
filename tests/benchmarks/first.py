"""The time to a session's first pattern, in this process: ``python -m tests.benchmarks.first Y2O3``."""

from __future__ import annotations

import json
import sys
import time

from autogsas.engine.session import EngineSession
from autogsas.model.recipe import Background, Free, Step
from tests.benchmarks.measure import MARK
from tests.benchmarks.patterns import load
from tests.benchmarks.samples import make_sample

__all__ = ["SAMPLES", "first"]

SAMPLES = {"10k reflections": (10_000, 10_000, 6)}
"""Points, reflections and sites of the made-up samples."""


def first(name: str) -> dict[str, float]:
    """Return the seconds from a session's opening to its first pattern, and those that its result takes after that.

    The first pattern is there when a step that scales it to the data and draws a background under it is done.
    """
    project = make_sample(*SAMPLES[name]).project if name in SAMPLES else load(name)
    step = Step(
        background=(Background(function="chebyschev-1", terms=6),),
        free=(Free(group="scale"), Free(group="background")),
        cycles=1,
    )
    started = time.perf_counter()
    session = EngineSession(project, "benchmark")
    session.refine(step)
    there = time.perf_counter()
    session.result()
    return {"first_pattern": there - started, "result": time.perf_counter() - there}


if __name__ == "__main__":
    print(MARK + json.dumps(first(sys.argv[1])))

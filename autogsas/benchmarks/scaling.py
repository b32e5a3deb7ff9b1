"""Speed of two parallel trials compared with one: the same recipes with one worker, then with two."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from autogsas.benchmarks.curves import History
from autogsas.benchmarks.runs import RunSpec, perform, read_history
from autogsas.runfolder.trials import read_records

__all__ = ["Rate", "measure", "rate", "ratio"]

_JOBS = (1, 2)


@dataclass(frozen=True)
class Rate:
    """Speed of one run in trials per second: ``whole`` with start-up and files, ``steady`` after the first results.

    ``wall`` in seconds; ``recipes`` are those tried, to check that they agree between runs.
    """

    jobs: int
    trials: int
    wall: float
    steady: float
    recipes: tuple[str, ...] = ()

    @property
    def whole(self) -> float:
        """Trials per second of wall time."""
        return self.trials / self.wall


def measure(spec: RunSpec, out: Path) -> list[Rate]:
    """Run the same recipes with one job and with two, always in new folders, and return the rates.

    Proposals are random and nothing is pruned; otherwise the proposals would depend on which trial ends first.
    """
    taken = [int(path.name) for path in (out / "scaling").glob("*") if path.name.isdigit()]
    base = out / "scaling" / str(max(taken, default=0) + 1)
    rates = []
    for jobs in _JOBS:
        own = replace(spec, jobs=jobs, prune=False, sampler="random")
        began = time.monotonic()
        folder = perform(own, base, lambda text: None)
        wall = time.monotonic() - began
        history = read_history(folder, spec.trials)
        recipes = tuple(repr(record.recipe.plain()) for record in read_records(folder))
        rates.append(Rate(jobs, len(history.points), wall, rate(history, jobs), recipes))
    return rates


def rate(history: History, jobs: int) -> float:
    """Return trials per second after the first ``jobs`` trials, whose workers had to start; 0 if none are left."""
    ends = sorted(point.ended for point in history.points)
    if len(ends) <= jobs or ends[-1] <= ends[jobs - 1]:
        return 0.0
    return (len(ends) - jobs) / (ends[-1] - ends[jobs - 1])


def ratio(rates: list[Rate]) -> tuple[float, float, bool]:
    """Return how many times as fast the second run is, with and without start-up, and whether the recipes agree."""
    one, two = rates
    steady = two.steady / one.steady if one.steady else 0.0
    return two.whole / one.whole, steady, one.recipes == two.recipes

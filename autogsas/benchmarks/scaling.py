"""How much quicker two trials at a time are than one: the same recipes by one worker, then by two."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from autogsas.benchmarks.curves import History
from autogsas.benchmarks.runs import Wish, perform, read_history
from autogsas.runfolder.trials import read_records

__all__ = ["Rate", "measure", "rate", "ratio"]

_JOBS = (1, 2)


@dataclass(frozen=True)
class Rate:
    """Trials per second of one run: ``whole`` with start-up and files, ``steady`` from its first results on.

    ``recipes`` are what was tried, to see that it was the same.
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


def measure(wish: Wish, out: Path) -> list[Rate]:
    """Run the same recipes with one job and with two, always anew, and return how quick each was.

    Proposals at random and no pruning: else what is tried would depend on which trial ends first.
    """
    taken = [int(path.name) for path in (out / "scaling").glob("*") if path.name.isdigit()]
    base = out / "scaling" / str(max(taken, default=0) + 1)
    rates = []
    for jobs in _JOBS:
        own = replace(wish, jobs=jobs, prune=False, sampler="random")
        began = time.monotonic()
        folder = perform(own, base, lambda text: None)
        wall = time.monotonic() - began
        history = read_history(folder, wish.trials)
        recipes = tuple(repr(record.recipe.plain()) for record in read_records(folder))
        rates.append(Rate(jobs, len(history.points), wall, rate(history, jobs), recipes))
    return rates


def rate(history: History, jobs: int) -> float:
    """Return trials per second after the first ``jobs`` of them, whose workers had to start; 0 where none are left."""
    ends = sorted(point.ended for point in history.points)
    if len(ends) <= jobs or ends[-1] <= ends[jobs - 1]:
        return 0.0
    return (len(ends) - jobs) / (ends[-1] - ends[jobs - 1])


def ratio(rates: list[Rate]) -> tuple[float, float, bool]:
    """Return by what factor the second is quicker, with start-up and without, and whether both tried the same."""
    one, two = rates
    steady = two.steady / one.steady if one.steady else 0.0
    return two.whole / one.whole, steady, one.recipes == two.recipes

"""Compares `space: published-2020` of autogsas with the published search as published2020.py repeats it.

    python benchmarks/compare2020.py refine history.csv project.yaml --trials 20
    python benchmarks/compare2020.py runs history.csv RUN_FOLDER

`refine` takes the proposals of the published search and refines each with GSAS-II by our recipe; the two Rwp of a trial
should be equal. `runs` compares two whole histories with different random numbers.
"""

from __future__ import annotations

import argparse
import csv
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autogsas.builtin.strategy.published import published_value
from autogsas.errors import AutogsasError
from autogsas.hooks.host import Host
from autogsas.input.loading import load_project
from autogsas.model.project import Project
from autogsas.model.trial import TrialRecord
from autogsas.runfolder.trials import read_records
from autogsas.trial.assessment import assess
from autogsas.trial.building import build_recipe
from autogsas.trial.child import copies, relocate
from autogsas.trial.choosers import FixedChoose
from published2020 import PENALTY, SPACE, as_autogsas

from autogsas_gsas2.backend import Gsas2Backend

AT = (20, 50, 100)


def read_choices(row: Mapping[str, str]) -> dict[str, Any]:
    """Return the choices in one row of a history with their types."""
    return {name: _read(row[name], SPACE[name][0]) for name in SPACE}


def _read(text: str, kind: str) -> Any:
    if kind == "categorical":
        return text == "True" if text in ("True", "False") else text
    return int(text) if kind == "int" else float(text)


def refine(project: Project, host: Host, choices: Mapping[str, Any], number: int = 0) -> TrialRecord:
    """Refine a project with choices of the published search, by its names, and return the record of the trial."""
    backend = Gsas2Backend()
    ours = as_autogsas(choices)
    recipe = build_recipe(host, project, backend.capabilities(), FixedChoose(ours))
    with tempfile.TemporaryDirectory(prefix="compared-") as name:
        folder = Path(name)
        for source, target in copies(project, folder).items():
            shutil.copyfile(source, target)
        steps = []
        opened = backend.open(relocate(project, folder), folder)
        try:
            for step in recipe.steps:
                steps.append(opened.refine(step))
            found = assess(host, project, opened.result())
        except AutogsasError as error:
            return TrialRecord(number, "failed", "search", recipe, ours, steps=tuple(steps), message=str(error))
        finally:
            opened.close()
    return TrialRecord(
        number,
        found.state,
        "search",
        recipe,
        ours,
        found.score,
        found.metrics,
        tuple(steps),
        found.findings,
        found.cause,
        found.message,
    )


def best_at(values: Sequence[float], at: Sequence[int] = AT) -> list[float]:
    """Return the smallest values after given numbers of trials."""
    return [min(values[:number]) for number in at if number <= len(values)]


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _theirs(row: Mapping[str, str]) -> float:
    return float(row["value"]) if row["value"] else PENALTY


def _refined(file: Path, source: Path, trials: int) -> Iterator[str]:
    project, host = load_project(source)
    same = count = 0
    for row in _rows(file)[:trials]:
        began = time.monotonic()
        record = refine(project, host, read_choices(row), int(row["number"]))
        rwp = math.nan if record.metrics is None else record.metrics.rwp
        theirs = float(row["rwp"]) if row["rwp"] else math.nan
        count += 1
        same += abs(rwp - theirs) <= 0.01
        steps = " ".join(f"{step.rwp:.4g}" for step in record.steps)
        yield (
            f"{record.number:4}  theirs {theirs:9.3f} ({_theirs(row):11.3f})  ours {rwp:9.3f} "
            f"({published_value(record):11.3f}) {time.monotonic() - began:6.1f} s  {record.message[:90]}\n"
            f"      {row['steps']}  stuck: {row['given_up']}\n      {steps}"
        )
    yield f"{same} of {count} to within 0.01"


def _histories(file: Path, folder: Path) -> Iterator[str]:
    from scipy.stats import ks_2samp

    rows = _rows(file)
    records = read_records(folder)
    theirs, ours = [_theirs(row) for row in rows], [published_value(record) for record in records]
    both = min(len(theirs), len(ours))
    rwp = (
        [float(row["rwp"]) for row in rows[:both] if row["rwp"]],
        [record.metrics.rwp for record in records[:both] if record.metrics is not None],
    )
    for name, values in (("theirs", theirs), ("ours", ours)):
        best = ", ".join(f"{value:.3f}" for value in best_at(values))
        yield f"{name:7} {len(values)} trials, {sum(v >= PENALTY for v in values)} penalties; best at {AT}: {best}"
    yield f"seconds of trials: theirs {float(rows[-1]['seconds']):.0f}, ours {sum(r.seconds for r in records):.0f}"
    test = ks_2samp(*rwp)
    yield f"Rwp of the first {both}: Kolmogorov-Smirnov {test.statistic:.3f}, p = {test.pvalue:.3f}"


def main() -> int:
    """Print the comparison asked for."""
    parser = argparse.ArgumentParser(description="our published-2020 beside the published search")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, what in (("refine", "a project file"), ("runs", "a folder of a run")):
        own = verbs.add_parser(verb)
        own.add_argument("history", type=Path, help="what published2020.py wrote")
        own.add_argument("ours", type=Path, help=what)
        if verb == "refine":
            own.add_argument("--trials", type=int, default=20)
    options = parser.parse_args()
    lines = (
        _refined(options.history, options.ours, options.trials)
        if options.verb == "refine"
        else _histories(options.history, options.ours)
    )
    for line in lines:
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

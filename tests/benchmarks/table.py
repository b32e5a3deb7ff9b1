"""Engines side by side on four patterns, on one core: ``python -m tests.benchmarks.table`` in the project's folder.

Each refinement runs in a fresh process on one core, engine after engine, pattern after pattern, round after round; the
least seconds of the rounds count. Seconds go from the opening of a session to its result,
without imports. GSAS-II is found as the plugin finds it, rietx in the Python that AUTOGSAS_RIETX_PYTHON names or in
this one; an engine that is absent is named with the reason.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.engines.job import write_job
from tests.benchmarks.measure import Failed, answer, one_thread, report
from tests.benchmarks.patterns import PATTERNS, Absent, load

HERE = Path(__file__).parent
RIETX = "AUTOGSAS_RIETX_PYTHON"
Measured = dict[str, Any]
Runner = Callable[[str, Path], Measured]
_REFERENCE, _PLUGIN = "numpy engine", "GSAS-II, plugin"
_LEGEND = (
    "s: from opening to result, what a trial of a search costs; ratio: to the numpy engine on the same pattern; "
    "cycles: least-squares steps, as each engine counts them; peak: the process that refines. The numpy engine and "
    "GSAS-II take the same steps, each to convergence; rietx follows a plan of its own, in which other variables are "
    "free."
)


def numpy_engine() -> Runner:
    """Return a function that refines with the built-in engine."""
    return lambda name, job: report("engines.host", name, "numpy")


def gsas2_plugin() -> Runner:
    """Return a function that refines with GSAS-II through the plugin. Raises Failed if it is missing."""
    _gsas2()
    return lambda name, job: report("engines.host", name, "gsas2")


def gsas2_plain() -> Runner:
    """Return a function that refines with GSASIIscriptable alone. Raises Failed if it is missing."""
    found = _gsas2()
    environment = importlib.import_module("autogsas_gsas2.discovery").child_environment(found.python) | one_thread()
    command = [found.python, HERE / "engines" / "gsas2_plain.py"]
    return lambda name, job: {"version": found.version} | answer([*command, job, found.path], environment)


def _gsas2() -> Any:
    try:
        discovery = importlib.import_module("autogsas_gsas2.discovery")
    except ImportError as error:
        raise Failed("the plugin autogsas-gsas2, which finds it, is not installed") from error
    found = discovery.find()
    if found.installation is None:
        raise Failed(found.reason)
    return found.installation


def rietx(plan: str) -> Callable[[], Runner]:
    """Return a function that finds rietx and refines with one of its plans; it raises Failed if rietx is missing."""

    def find() -> Runner:
        python = os.environ.get(RIETX) or sys.executable
        ask = 'import json, rietx; print("MEASURED " + json.dumps({}))'
        try:
            answer([python, "-c", ask])
        except Failed as error:
            raise Failed(f"{'the Python of ' + RIETX if RIETX in os.environ else 'this Python'}: {error}") from error
        return lambda name, job: answer([python, HERE / "engines" / "rietx_plan.py", job, plan])

    return find


ENGINES: dict[str, Callable[[], Runner]] = {
    _REFERENCE: numpy_engine,
    "GSAS-II plain": gsas2_plain,
    _PLUGIN: gsas2_plugin,
    "rietx, default plan": rietx("mccusker_default"),
    "rietx, with structure": rietx("mccusker_structural"),
}


def run(names: list[str], engines: dict[str, Runner], rounds: int, tell: Callable[[str], None]) -> list[Measured]:
    """Return a row for each pattern and engine; a failed one has a "reason"."""
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory() as home:
        jobs = {}
        for name in names:
            try:
                project = load(name)
            except Absent as error:
                rows.append({"pattern": name, "engine": "all", "reason": str(error)})
                continue
            folder = Path(home) / name
            folder.mkdir()
            jobs[name] = write_job(project, folder)
        found: dict[tuple[str, str], list[Measured]] = {(name, engine): [] for name in jobs for engine in engines}
        failed: dict[tuple[str, str], str] = {}
        for turn in range(rounds):
            for name, job in jobs.items():
                for engine, runner in engines.items() if turn % 2 == 0 else reversed(engines.items()):
                    if (name, engine) in failed:
                        continue
                    tell(f"round {turn + 1} of {rounds}: {name}, {engine}")
                    try:
                        found[name, engine].append(runner(name, job))
                    except Failed as error:
                        failed[name, engine] = str(error)
    for (name, engine), measured in found.items():
        row: Measured = {"pattern": name, "engine": engine}
        if (name, engine) in failed:
            rows.append(row | {"reason": failed[name, engine]})
        else:
            best = min(measured, key=lambda one: float(one["seconds"]))
            rows.append(row | best | {"all_seconds": [one["seconds"] for one in measured]})
    return rows


def table(rows: list[Measured]) -> Table:
    """Return the rows as a table; ratios are seconds over those of the numpy engine on the same pattern."""
    out = Table(title="one hand-made refinement, one core")
    for heading in ("pattern", "engine"):
        out.add_column(heading)
    for heading in ("Rwp, %", "variables", "s", "ratio", "cycles", "ms a cycle", "µs a cycle and point", "peak MB"):
        out.add_column(heading, justify="right")
    reference = {row["pattern"]: row["seconds"] for row in rows if row["engine"] == _REFERENCE and "seconds" in row}
    last = None
    for row in rows:
        pattern = row["pattern"] if row["pattern"] != last else ""
        if last is not None and pattern:
            out.add_section()
        last = row["pattern"]
        if "reason" in row:
            out.add_row(pattern, f"{row['engine']}: {row['reason']}")
            continue
        cycles = max(int(row["cycles"]), 1)
        ratio = f"{row['seconds'] / reference[last]:.2f}" if last in reference else ""
        out.add_row(
            pattern,
            row["engine"],
            f"{row['rwp']:.2f}" + ("" if row["converged"] else " *"),
            str(row["variables"]),
            f"{row['seconds']:.2f}",
            ratio,
            str(row["cycles"]),
            f"{1e3 * row['seconds'] / cycles:.1f}",
            f"{1e6 * row['seconds'] / cycles / row['points']:.2f}",
            f"{row['peak']:.0f}",
        )
    if any("seconds" in row and not row["converged"] for row in rows):
        out.caption = "* not converged"
    return out


def main() -> int:
    """Print the table; exit status 1 if an installed engine failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.table", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--pattern", action="append", choices=list(PATTERNS), help="default: all")
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="default: all")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # child processes stay on this core too
    console = Console(width=None if sys.stdout.isatty() else 140)
    engines: dict[str, Runner] = {}
    for engine in options.engine or ENGINES:
        try:
            engines[engine] = ENGINES[engine]()
        except Failed as error:
            console.print(f"{engine} is absent: {error}", soft_wrap=True, markup=False)
    quiet = Console(stderr=True)
    rows = run(options.pattern or list(PATTERNS), engines, options.rounds, lambda line: quiet.print(line, style="dim"))
    rows.sort(key=lambda row: list(PATTERNS).index(row["pattern"]))
    console.print(table(rows))
    versions = {row["engine"]: row["version"] for row in rows if "version" in row}
    console.print("; ".join(f"{engine} {version}" for engine, version in versions.items()), soft_wrap=True)
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} processors, rounds: {options.rounds}")
    console.print(_LEGEND, soft_wrap=True)
    hosts = [f"{row['host']:.0f}" for row in rows if row["engine"] == _PLUGIN and "host" in row]
    if hosts:
        console.print(f"{_PLUGIN}: the host takes {', '.join(hosts)} MB besides", soft_wrap=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 1 if any("reason" in row and row["engine"] != "all" for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())

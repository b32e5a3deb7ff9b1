"""`python -m autogsas.benchmarks`: how good the search is, on well-known patterns and on other projects."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from autogsas.benchmarks import tables
from autogsas.benchmarks.cases import Case, find_cases
from autogsas.benchmarks.curves import Row, Series, history_csv, table_csv, tabulate
from autogsas.benchmarks.picture import case_svg
from autogsas.benchmarks.proof import read_trials, replay
from autogsas.benchmarks.qarr import qarr
from autogsas.benchmarks.runs import RunSpec, perform, read_history
from autogsas.benchmarks.scaling import measure
from autogsas.benchmarks.truth.command import truth
from autogsas.cli import main
from autogsas.errors import UserError
from autogsas.hooks.host import Host

_PATH = click.Path(path_type=Path)
_PROOF_CASE = "y2o3"


class _Seeds(click.ParamType):  # type: ignore[type-arg]  # not generic in older versions of click
    name = "seeds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        seeds: list[int] = []
        for part in value.split(","):
            match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part.strip())
            if match is None or int(match[2] or match[1]) < int(match[1]):
                self.fail(f"{value!r} must be seeds such as 1-5 or 1,3", param, ctx)
            seeds += range(int(match[1]), int(match[2] or match[1]) + 1)
        return tuple(dict.fromkeys(seeds))


class _Spaces(click.ParamType):  # type: ignore[type-arg]  # not generic in older versions of click
    name = "spaces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        spaces = tuple(dict.fromkeys(part.strip() for part in value.split(",")))
        known = Host().strategies()
        for space in spaces:
            if space not in known:
                self.fail(f"{space!r} must be one of {', '.join(known)}", param, ctx)
        return spaces


@dataclass(frozen=True)
class Plan:
    """Which runs to make of each case; without ``backends`` those of the first backend of its host."""

    backends: tuple[str, ...]
    spaces: tuple[str, ...]
    seeds: tuple[int, ...]
    trials: int
    jobs: int

    def backends_of(self, case: Case) -> tuple[str, ...]:
        """Return the names of the backends to run a case with."""
        return self.backends or tuple(case.host.backends())[:1]

    def pairs(self, case: Case) -> Iterator[tuple[str, str]]:
        """Return the pairs of backend and search space to run a case with."""
        return ((backend, space) for backend in self.backends_of(case) for space in self.spaces)

    def spec(self, case: Case, backend: str, space: str, seed: int) -> RunSpec:
        """Return the run of a case with one seed."""
        return RunSpec(case, backend, space, seed, self.trials, self.jobs)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("projects", nargs=-1, type=_PATH)
@click.option("--data", type=_PATH, metavar="DIR", help="Folder with y2o3/, fluorapatite/ and pbso4/.")
@click.option("--case", "wanted", multiple=True, metavar="NAME", help="Only this case; may be repeated.")
@click.option("--backend", "backends", multiple=True, metavar="NAME", help="May be repeated; default: the first one.")
@click.option("--space", "spaces", type=_Spaces(), default="default", help="default,published-2020 compares both.")
@click.option("--trials", type=click.IntRange(min=1), default=40, show_default=True, help="Trials of each run.")
@click.option("--seeds", type=_Seeds(), default="1-5", show_default=True, help="Such as 1-5 or 1,3.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Trials in parallel.")
@click.option("--reach", type=float, metavar="RWP", help="Report the time to reach this Rwp, in per cent.")
@click.option("--out", type=_PATH, default=Path("benchmarks"), show_default=True, help="Finished runs are reused.")
@click.option("--pruning-proof", "proving", is_flag=True, help="Report what pruning would have saved and lost.")
@click.option("--scaling", is_flag=True, help="Report trials per second with one job and with two.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def benchmarks(
    projects: tuple[Path, ...],
    data: Path | None,
    wanted: tuple[str, ...],
    out: Path,
    proving: bool,
    scaling: bool,
    reach: float | None,
    **plan: Any,
) -> int:
    """Run the search on several cases and seeds; write history.csv, table.csv and a figure of each case.

    Cases are the well-known patterns in --data and all PROJECTS: project files, their folders, .gpx files. Run this on
    an otherwise idle machine: times are wall-clock seconds. Exit status 1: pruning would have stopped the best trial.
    """
    if proving and not wanted and not projects:
        wanted = (_PROOF_CASE,)
    cases = find_cases(data, projects, wanted, out)
    chosen = Plan(**plan)
    for case in cases:
        for backend in chosen.backends_of(case):
            case.host.backend(backend)
    if proving:
        return _prove(cases, out, chosen)
    if scaling:
        return _scale(cases, out, chosen)
    _search(cases, out, chosen, reach)
    return 0


def _search(cases: Sequence[Case], out: Path, plan: Plan, reach: float | None) -> None:
    found: list[Series] = []
    rows: list[Row] = []
    for case in cases:
        here = []
        for backend, space in plan.pairs(case):
            folders = {
                seed: perform(plan.spec(case, backend, space, seed), out / "runs", click.echo) for seed in plan.seeds
            }
            runs = {seed: read_history(folder, plan.trials) for seed, folder in folders.items()}
            here.append(Series(case.name, backend, space, runs))
        found += here
        rows += [tabulate(series, plan.trials, reach) for series in here]
        # Written after each case, because the next one can take hours.
        _write(out, "history.csv", history_csv(found))
        _write(out, "table.csv", table_csv(rows))
        _write(out, f"{case.name}.svg", case_svg(here, plan.trials, case.references))
    tables.show_rows(rows, reach)
    click.echo(f"files: {out}")


def _prove(cases: Sequence[Case], out: Path, plan: Plan) -> int:
    replays = []
    for case in cases:
        for backend, space in plan.pairs(case):
            for seed in plan.seeds:
                spec = replace(plan.spec(case, backend, space, seed), prune=False)
                folder = perform(spec, out / "runs", click.echo)
                lead = 1 if plan.jobs == 1 else 2 * plan.jobs
                replays.append((spec, replay(read_trials(folder)[: plan.trials], lead)))
    tables.show_replays(replays)
    _write(out, "pruning.csv", tables.replays_csv(replays))
    return 1 if any(item.lost for _, item in replays) else 0


def _scale(cases: Sequence[Case], out: Path, plan: Plan) -> int:
    specs = [
        RunSpec(case, backend, plan.spaces[0], seed, plan.trials)
        for case in cases
        for backend in plan.backends_of(case)
        for seed in plan.seeds
    ]
    measured = [(spec, measure(spec, out)) for spec in specs]
    tables.show_rates(measured)
    _write(out, "scaling.csv", tables.rates_csv(measured))
    return 0


def _write(out: Path, name: str, text: str) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", file=out / name, key="--out") from error


if __name__ == "__main__":
    if sys.argv[1:2] == ["truth"]:
        main(sys.argv[2:], command=truth, name="python -m autogsas.benchmarks truth")
    if sys.argv[1:2] == ["qarr"]:
        main(sys.argv[2:], command=qarr, name="python -m autogsas.benchmarks qarr")
    main(command=benchmarks, name="python -m autogsas.benchmarks")

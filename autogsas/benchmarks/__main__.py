"""`python -m autogsas.benchmarks`: how good the search is, on well-known patterns and on projects given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from autogsas.benchmarks import tables
from autogsas.benchmarks.cases import Case, find_cases
from autogsas.benchmarks.curves import Series, history_csv, table_csv, tabulate
from autogsas.benchmarks.picture import case_svg
from autogsas.benchmarks.proof import read_trials, replay
from autogsas.benchmarks.runs import Wish, perform, read_history
from autogsas.benchmarks.scaling import measure
from autogsas.cli import main
from autogsas.errors import UserError
from autogsas.hooks.host import Host

_PATH = click.Path(path_type=Path)
_PROVEN = "y2o3"


class _Seeds(click.ParamType):  # type: ignore[type-arg]  # older versions of click know no argument
    name = "seeds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        seeds: list[int] = []
        for part in value.split(","):
            match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part.strip())
            if match is None or int(match[2] or match[1]) < int(match[1]):
                self.fail(f"{value!r} is not seeds such as 1-5 or 1,3", param, ctx)
            seeds += range(int(match[1]), int(match[2] or match[1]) + 1)
        return tuple(dict.fromkeys(seeds))


class _Spaces(click.ParamType):  # type: ignore[type-arg]  # older versions of click know no argument
    name = "spaces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        spaces = tuple(dict.fromkeys(part.strip() for part in value.split(",")))
        known = Host().strategies()
        for space in spaces:
            if space not in known:
                self.fail(f"{space!r} is not one of {', '.join(known)}", param, ctx)
        return spaces


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("projects", nargs=-1, type=_PATH)
@click.option("--data", type=_PATH, metavar="DIR", help="A folder with y2o3/, fluorapatite/, pbso4/.")
@click.option("--case", "wanted", multiple=True, metavar="NAME", help="Only this case; may be given again.")
@click.option("--backend", "backends", multiple=True, default=("numpy",), metavar="NAME", help="May be given again.")
@click.option("--space", "spaces", type=_Spaces(), default="default", help="default,published-2020 sets both beside.")
@click.option("--trials", type=click.IntRange(min=1), default=40, show_default=True, help="The budget of each run.")
@click.option("--seeds", type=_Seeds(), default="1-5", show_default=True, help="Such as 1-5 or 1,3.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Trials at a time.")
@click.option("--reach", type=float, metavar="RWP", help="Say how long it took to this Rwp, in per cent.")
@click.option("--out", type=_PATH, default=Path("benchmarks"), show_default=True, help="Finished runs are reused.")
@click.option("--pruning-proof", "proving", is_flag=True, help="What giving up trials would have saved and lost.")
@click.option("--scaling", is_flag=True, help="Trials per second by one job and by two.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show where an error came from.")
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
    """Search cases over seeds; write history.csv, table.csv and a picture of each case.

    Cases are the known patterns in --data and all PROJECTS: project files, their folders, .gpx files. Run on a machine
    that does nothing else: seconds are seconds of the clock. Exit status 1: a pruned trial would have been the best.
    """
    if proving and not wanted and not projects:
        wanted = (_PROVEN,)
    cases = find_cases(data, projects, wanted, out)
    for case in cases:
        for backend in plan["backends"]:
            case.host.backend(backend)
    if proving:
        return _prove(cases, out, **plan)
    if scaling:
        return _scale(cases, out, **plan)
    _search(cases, out, reach, **plan)
    return 0


def _search(
    cases: Sequence[Case],
    out: Path,
    reach: float | None,
    *,
    backends: Sequence[str],
    spaces: Sequence[str],
    seeds: Sequence[int],
    trials: int,
    jobs: int,
) -> None:
    found: list[Series] = []
    rows = []
    for case in cases:
        here = []
        for backend in backends:
            for space in spaces:
                wishes = {seed: Wish(case, backend, space, seed, trials, jobs) for seed in seeds}
                folders = {seed: perform(wish, out / "runs", click.echo) for seed, wish in wishes.items()}
                runs = {seed: read_history(folder, trials) for seed, folder in folders.items()}
                here.append(Series(case.name, backend, space, runs))
        found += here
        rows += [tabulate(series, trials, reach) for series in here]
        # What is there is written after each case: the next one may take hours.
        _write(out, "history.csv", history_csv(found))
        _write(out, "table.csv", table_csv(rows))
        _write(out, f"{case.name}.svg", case_svg(here, trials, case.references))
    tables.show_rows(rows, reach)
    click.echo(f"files: {out}")


def _prove(
    cases: Sequence[Case],
    out: Path,
    *,
    backends: Sequence[str],
    spaces: Sequence[str],
    seeds: Sequence[int],
    trials: int,
    jobs: int,
) -> int:
    replays = []
    for case in cases:
        for backend in backends:
            for space in spaces:
                for seed in seeds:
                    wish = Wish(case, backend, space, seed, trials, jobs, prune=False)
                    folder = perform(wish, out / "runs", click.echo)
                    lead = 1 if jobs == 1 else 2 * jobs
                    replays.append((wish, replay(read_trials(folder)[:trials], lead)))
    tables.show_replays(replays)
    _write(out, "pruning.csv", tables.replays_csv(replays))
    return 1 if any(item.lost for _, item in replays) else 0


def _scale(
    cases: Sequence[Case],
    out: Path,
    *,
    backends: Sequence[str],
    spaces: Sequence[str],
    seeds: Sequence[int],
    trials: int,
    jobs: int,
) -> int:
    wishes = [Wish(case, backend, spaces[0], seed, trials) for case in cases for backend in backends for seed in seeds]
    measured = [(wish, measure(wish, out)) for wish in wishes]
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
    main(command=benchmarks, name="python -m autogsas.benchmarks")

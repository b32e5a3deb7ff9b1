"""`python -m autogsas.benchmarks truth`: how often a search is right on samples of known truth, and knows when not."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.judging import Judgement, Verdict, judge
from autogsas.benchmarks.truth.samples import SAMPLES, Sample
from autogsas.commands.verbs import RunRequest, run
from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.model.project import Search
from autogsas.model.trial import Finished
from autogsas.runfolder.reader import read_summary
from autogsas.runfolder.summary import Summary
from autogsas.runfolder.writer import STUDY, RunFolder
from autogsas.version import __version__

__all__ = ["Row", "totals", "truth"]

_COLUMNS = ("sample", "kind", "backend", "seed", "verdict", "rwp", "gof", "variables", "seconds", "missed", "reported")

_INTERRUPTED = 130  # exit status


@dataclass(frozen=True)
class Row:
    """One search of one sample."""

    sample: Sample
    backend: str
    seed: int
    summary: Summary
    judgement: Judgement

    def cells(self) -> tuple[object, ...]:
        """Return the row of the CSV file."""
        missed = "; ".join(str(miss) for miss in self.judgement.misses)
        head = (self.sample.name, self.sample.kind, self.backend, self.seed, self.judgement.verdict.value)
        figures = (self.summary.rwp, self.summary.gof, self.summary.n_variables, round(self.summary.seconds, 2))
        return (*head, *figures, missed, " ".join(self.judgement.reported))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--backend", "backends", multiple=True, metavar="NAME", help="May be given again; default: auto.")
@click.option("--sample", "wanted", multiple=True, metavar="NAME", help="Only this sample; may be given again.")
@click.option("--seeds", type=click.IntRange(1, 100), default=1, show_default=True, help="Seeds 1 to this.")
@click.option("--trials", type=click.IntRange(min=1), default=20, show_default=True, help="The budget of each search.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Trials at a time.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/truth"),
    show_default=True,
    help="Finished searches of this version of autogsas are reused.",
)
def truth(backends: Sequence[str], wanted: Sequence[str], seeds: int, trials: int, jobs: int, out: Path) -> int:
    """Search samples of known truth, simulated by GSAS-II, and compare each answer with the truth.

    Writes truth.csv and prints how many answers are right, wrong and reported, and wrong without a report, and how
    often the printed esds cover the truth.
    """
    host = Host()
    names = [sample.name for sample in SAMPLES]
    for name in wanted:
        if name not in names:
            raise UserError("unknown sample", key="--sample", found=name, allowed=names)
    rows = []
    for backend in backends or ("auto",):
        engine = host.backend(backend).name
        for sample in SAMPLES:
            if wanted and sample.name not in wanted:
                continue
            for seed in range(1, seeds + 1):
                row = _search(host, sample, engine, seed, trials, jobs, out / engine)
                rows.append(row)
                click.echo("  ".join(str(cell) for cell in row.cells()[:9]))
    out.mkdir(parents=True, exist_ok=True)
    with (out / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([_COLUMNS, *(row.cells() for row in rows)])
    click.echo("\n".join(totals(rows)))
    return 0


def totals(rows: Sequence[Row]) -> list[str]:
    """Return the table of the verdicts as lines of text, with the coverage of the printed esds.

    The coverage is over all answers to samples that can be right, whether they are right or not.
    """
    out = []
    for backend in dict.fromkeys(row.backend for row in rows):
        own = [row for row in rows if row.backend == backend]
        counts = Counter(row.judgement.verdict for row in own)
        solvable = [row for row in own if row.sample.expect == "right"]
        right = sum(1 for row in solvable if row.judgement.verdict is Verdict.RIGHT)
        pulls = np.abs([pull for row in solvable for pull in row.judgement.pulls])
        out.append(f"{backend}: right {right} of {len(solvable)} that can be right")
        out += [f"  {verdict.value}: {counts[verdict]} of {len(own)}" for verdict in Verdict]
        if pulls.size:
            cover = [f"{np.mean(pulls < n):.1%} within {n} esd" for n in (1, 2)]
            out.append(
                f"  printed esds: {', '.join(cover)} ({pulls.size} values; a normal distribution has 68.3, 95.4)"
            )
        seconds = sorted(row.summary.seconds for row in own)
        out.append(f"  seconds: median {np.median(seconds):.1f}, largest {seconds[-1]:.1f}")
    return out


def _search(host: Host, sample: Sample, backend: str, seed: int, trials: int, jobs: int, base: Path) -> Row:
    # A summary does not tell how many trials were asked for, as a search may stop before.
    folder = base / f"{sample.name}-seed{seed}-trials{trials}{f'-jobs{jobs}' if jobs > 1 else ''}"
    summary = _finished_before(folder)
    if summary is None:
        _remove_run(folder)
        project = given_project(sample, Search(trials=trials))
        request = RunRequest(backend=backend, trials=trials, seed=seed, jobs=jobs, out=folder)
        done = run((project, host), request)
        if done.exit_status == _INTERRUPTED:
            raise KeyboardInterrupt
        summary = done.summary
    return Row(sample, backend, seed, summary, judge(sample, summary))


def _finished_before(folder: Path) -> Summary | None:
    """Return the summary of a search that this version of autogsas has finished; None if there is none."""
    try:
        summary = read_summary(folder)
    except UserError:  # there is none, or a damaged one
        return None
    finished = summary.finished not in (Finished.INTERRUPTED, Finished.TIMEOUT)
    return summary if finished and summary.autogsas == __version__ else None


def _remove_run(folder: Path) -> None:
    """Remove a search that cannot be reused. Raises UserError if another process is making it."""
    if (folder / STUDY).is_file():
        with RunFolder(folder):
            pass
        shutil.rmtree(folder)

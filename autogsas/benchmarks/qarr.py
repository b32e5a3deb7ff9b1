"""`python -m autogsas.benchmarks qarr FOLDER`: weighed mixtures of the round robin on quantitative phase analysis.

Madsen, Scarlett, Cranswick & Lwin, J. Appl. Cryst. 34, 409 (2001): samples 1a to 1h of corundum, zincite and fluorite,
measured by the Commission on Powder Diffraction. The patterns may not be shipped; the user gives the folder.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from autogsas.commands.verbs import RunRequest, run
from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern, counting_weights
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.structure import Cell, Phase, Site
from autogsas.runfolder.reader import read_summary
from autogsas.runfolder.summary import Summary
from autogsas.text.formatting import duration, weight_percent

__all__ = ["Answer", "Deviation", "deviations", "mixture", "qarr", "totals"]

_NAMES = ("corundum", "zincite", "fluorite")
WEIGHED: Mapping[str, tuple[float, float, float]] = {
    "1a": (1.15, 4.04, 94.81),
    "1b": (94.31, 1.36, 4.33),
    "1c": (5.04, 93.59, 1.36),
    "1d": (13.53, 32.89, 53.58),
    "1e": (55.12, 15.25, 29.62),
    "1f": (27.06, 55.22, 17.72),
    "1g": (31.37, 34.21, 34.42),
    "1h": (35.12, 30.19, 34.69),
}
"""Per cent by mass, as weighed: Madsen et al. (2001), table 1."""

SUMS: Mapping[str, str] = {
    "1a": "8b296af7874080e0d6e4680e4a6fc2f57f1fe6af4d46cb53c1f164dfd56d9d64",
    "1b": "3784e42f8ff9d7e144a1203cf4b4d74ce884609efd9884ea845c883cc651cfe1",
    "1c": "d8161bd98e3de02e6c8c3ac9d5238c55a6e785756c65a7dee84c2faaac763bcf",
    "1d": "4ecaa5dbb56240f2d2880ca7a4509228e193ff63d7e1ea42c3f0508924576d41",
    "1e": "fd6945c72f492f8810c1f1d3aaba6af3b62e46907457f470279ddd2919a39400",
    "1f": "74f19cbdfb75ffdecacdce2cc7a365d85cc0301acc9a5864bc3c3fb9da548ee7",
    "1g": "afd16d03c8742abf315ab5f94585a6e540ab5c2e2c6df6917ac8dbf6be69d990",
    "1h": "0c36af18d7a341f03f4d8f24972608791351c45c951c431dd93fb54eb8e56da3",
}
"""SHA-256 of cpd-1a.prn to cpd-1h.prn: two columns, 2theta and counts, as the round robin gave them out."""

# Philips PW3020, radius 173 mm, flat plate, Cu K-alpha and a graphite monochromator behind the sample: the beam is
# polarised by cos^2(26.6 degrees) = 0.80, which is 1/(1 + 0.80) in GSAS-II's terms. Widths are GSAS-II's usual start.
_INSTRUMENT = Instrument(
    "xray",
    (1.5405929, 1.5444274),
    polarization=0.5556,
    U=2.0,
    V=-2.0,
    W=5.0,
    SH_L=0.002,
    geometry="Bragg-Brentano",
    radius=173.0,
)
_U = 0.006  # for every site, in Angstrom^2
_PHASES = (
    Phase(  # Lewis, Schwarzenbach & Flack, Acta Cryst. A38, 733 (1982)
        "corundum",
        "R -3 c:H",
        Cell(4.759, 4.759, 12.992, 90, 90, 120),
        (Site("Al", "Al", (0.0, 0.0, 0.3522), 1.0, _U), Site("O", "O", (0.3062, 0.0, 0.25), 1.0, _U)),
    ),
    Phase(  # Kihara & Donnay, Can. Mineral. 23, 647 (1985)
        "zincite",
        "P 63 m c",
        Cell(3.250, 3.250, 5.207, 90, 90, 120),
        (Site("Zn", "Zn", (1 / 3, 2 / 3, 0.0), 1.0, _U), Site("O", "O", (1 / 3, 2 / 3, 0.3826), 1.0, _U)),
    ),
    Phase(
        "fluorite",
        "F m -3 m",
        Cell(5.463, 5.463, 5.463, 90, 90, 90),
        (Site("Ca", "Ca", (0.0, 0.0, 0.0), 1.0, _U), Site("F", "F", (0.25, 0.25, 0.25), 1.0, _U)),
    ),
)


@dataclass(frozen=True)
class Deviation:
    """How far one phase is from its weighed share, as fractions of the mass; ``esd`` is the printed one."""

    phase: str
    weighed: float
    found: float
    esd: float | None

    @property
    def difference(self) -> float:
        """Found less weighed."""
        return self.found - self.weighed


@dataclass(frozen=True)
class Answer:
    """One search: empty deviations if nothing usable was found."""

    sample: str
    backend: str
    summary: Summary
    deviations: tuple[Deviation, ...]


def mixture(sample: str, folder: Path, search: Search) -> tuple[Project, str]:
    """Return the project of a sample, and a remark if its file is not the one that is known.

    Raises UserError where the file is missing or is not two columns of numbers.
    """
    path = folder / f"cpd-{sample}.prn"
    try:
        raw = path.read_bytes()
        columns = np.array([line.split() for line in raw.decode("ascii").splitlines() if line.strip()], dtype=float)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", file=path) from error
    except ValueError as error:
        raise UserError("is not two columns of numbers", file=path, allowed="2theta and counts") from error
    if columns.ndim != 2 or columns.shape[1] != 2:
        raise UserError("is not two columns of numbers", file=path, allowed="2theta and counts")
    found = hashlib.sha256(raw).hexdigest()
    remark = "" if found == SUMS[sample] else f"{path.name}: another file than the known one, SHA-256 {found}"
    x, y = columns.T
    pattern = Pattern(f"cpd-{sample}", x, y, counting_weights(y), "counting statistics")
    limits = (max(float(x[0]), 15.0), float(x[-1]))
    histogram = Histogram(pattern.name, pattern, _INSTRUMENT, limits, files=(path,))
    return Project(pattern.name, (histogram,), _PHASES, search), remark


def deviations(sample: str, summary: Summary) -> tuple[Deviation, ...]:
    """Return how far the shares of a run are from the weighed ones; none if nothing usable was found."""
    if not summary.quantification:
        return ()
    shares = {amount.phase: amount.crystalline for amount in summary.quantification[0].phases}
    weighed = np.array(WEIGHED[sample]) / sum(WEIGHED[sample])  # the weighed ones add up to 99.99 to 100.00 %
    return tuple(
        Deviation(name, float(true), shares[name].value, shares[name].esd)
        for name, true in zip(_NAMES, weighed, strict=True)
    )


def totals(answers: Sequence[Answer]) -> list[str]:
    """Return rms, worst deviation and how many are within 3 printed esds, for each backend."""
    out = []
    for backend in dict.fromkeys(answer.backend for answer in answers):
        own = [answer for answer in answers if answer.backend == backend]
        found = [(answer.sample, item) for answer in own for item in answer.deviations]
        empty = sum(1 for answer in own if not answer.deviations)
        line = f"{backend}: {len(own)} samples" + (f", {empty} without a usable answer" if empty else "")
        if found:
            differences = np.array([100 * item.difference for _, item in found])
            worst = int(np.argmax(np.abs(differences)))
            covered = [abs(item.difference) <= 3 * item.esd for _, item in found if item.esd]
            where = f"{found[worst][1].phase} in {found[worst][0]}"
            line += (
                f"; rms {np.sqrt(np.mean(differences**2)):.2f} wt%, worst {differences[worst]:+.2f} wt% ({where}), "
                f"{sum(covered)} of {len(covered)} within 3 printed esds"
            )
        out.append(line)
    return out


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--sample", "wanted", multiple=True, metavar="NAME", help="Only this sample, 1a to 1h; may be repeated.")
@click.option("--backend", "backends", multiple=True, metavar="NAME", help="May be given again; default: auto.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of each search.")
@click.option("--trials", type=click.IntRange(min=1), default=20, show_default=True, help="The budget of each search.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Trials at a time.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/qarr"),
    show_default=True,
    help="Finished searches are reused.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def qarr(
    folder: Path, wanted: Sequence[str], backends: Sequence[str], seed: int, trials: int, jobs: int, out: Path
) -> int:
    """Search the weighed mixtures 1a to 1h of the round robin in FOLDER (cpd-1a.prn to cpd-1h.prn).

    Compares the shares with the weighed ones, prints their rms, the worst one and how many are within three printed
    esds, and writes qarr.csv. Files are compared with known SHA-256 sums.
    """
    host = Host()
    for name in wanted:
        if name not in WEIGHED:
            raise UserError("unknown sample", key="--sample", found=name, allowed=list(WEIGHED))
    samples = [name for name in WEIGHED if name in wanted or not wanted]
    projects = {name: mixture(name, folder, Search(trials=trials)) for name in samples}  # all files are read first
    for _, remark in projects.values():
        if remark:
            click.echo(remark)
    answers = []
    for backend in backends or ("auto",):
        engine = host.backend(backend).name
        for name, (project, _) in projects.items():
            place = out / engine / f"cpd-{name}-seed{seed}"
            if (place / "summary.json").is_file():
                summary = read_summary(place)
            else:
                request = RunRequest(backend=engine, trials=trials, seed=seed, jobs=jobs, out=place)
                summary = run((project, host), request).summary
            answers.append(Answer(name, engine, summary, deviations(name, summary)))
            click.echo(_line(answers[-1]))
    _write(out, answers)
    click.echo("\n".join(totals(answers)))
    return 0


def _line(answer: Answer) -> str:
    head = f"{answer.sample}  {answer.backend}  {duration(answer.summary.seconds)}"
    if not answer.deviations or answer.summary.rwp is None:
        return f"{head}  no usable refinement"
    parts = [
        f"{item.phase} {weight_percent(item.found, item.esd)} ({100 * item.difference:+.2f})"
        for item in answer.deviations
    ]
    return f"{head}  Rwp {answer.summary.rwp:.2f} %  {', '.join(parts)}"


def _figures(summary: Summary) -> tuple[float | None, float | None, float]:
    return summary.rwp, summary.gof, summary.seconds


def _write(out: Path, answers: Sequence[Answer]) -> None:
    header = ("sample", "backend", "rwp", "gof", "seconds", "phase", "weighed", "found", "esd")
    rows = [
        (answer.sample, answer.backend, *_figures(answer.summary), item.phase, item.weighed, item.found, item.esd)
        for answer in answers
        for item in answer.deviations
    ]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "qarr.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])

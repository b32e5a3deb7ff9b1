"""The runs of a benchmark: ordinary run folders, made unless they exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autogsas.benchmarks.cases import Case
from autogsas.benchmarks.curves import History, Point
from autogsas.commands import verbs
from autogsas.errors import UserError
from autogsas.model.project import Project
from autogsas.runfolder.reader import read_summary
from autogsas.runfolder.summary import Summary
from autogsas.runfolder.writer import STUDY
from autogsas.search.resuming import fingerprint, settings_of

__all__ = ["RunSpec", "perform", "read_history"]

_STOPPED_ITSELF = ("noise", "no gain", "terminator")


@dataclass(frozen=True)
class RunSpec:
    """One run of a benchmark; ``prune`` and ``sampler`` None: as in the project."""

    case: Case
    backend: str
    space: str
    seed: int
    trials: int
    jobs: int = 1
    prune: bool | None = None
    sampler: str | None = None

    @property
    def folder(self) -> Path:
        """The run folder within the benchmark folder; its name has all settings but the number of trials."""
        parts = [self.backend, self.space, f"seed{self.seed}"]
        parts += [self.sampler] if self.sampler else []
        parts += [] if self.prune is None else ["pruned" if self.prune else "whole"]
        parts += [f"jobs{self.jobs}"] if self.jobs > 1 else []
        return Path(self.case.name) / "-".join(parts)

    def project(self) -> Project:
        """The project with these settings of the search."""
        given = self.case.project.search
        prune = given.prune if self.prune is None else self.prune
        # Runs are compared over equal numbers of trials, so that none may stop by itself.
        changed: dict[str, Any] = {"space": self.space, "prune": prune, "patience": 0}
        if self.sampler or self.space != given.space:
            changed["sampler"] = self.sampler
        return replace(self.case.project, search=given.model_copy(update=changed))


def perform(spec: RunSpec, base: Path, say: Callable[[str], None]) -> Path:
    """Make a run, or resume it, unless it is finished; return its folder. ``say`` is called with a line of text.

    Raises UserError for a folder made with other data or another engine, KeyboardInterrupt if the user interrupts it.
    """
    folder = base / spec.folder
    project = spec.project()
    if (folder / STUDY).is_file():
        _check(folder, spec, project)
        if _is_over(folder, spec.trials):
            say(f"{spec.folder}: finished before")
            return folder
    done = verbs.run(
        (project, spec.case.host),
        verbs.RunRequest(
            backend=spec.backend,
            trials=spec.trials,
            jobs=spec.jobs,
            seed=spec.seed,
            out=folder,
            resume=(folder / STUDY).is_file(),
        ),
    )
    if done.exit_status == 130:
        raise KeyboardInterrupt
    best = "no usable result" if done.summary.rwp is None else f"Rwp {done.summary.rwp:.3f} %"
    say(f"{spec.folder}: {best} in {done.summary.seconds:.1f} s")
    return folder


def read_history(folder: Path, trials: int) -> History:
    """Return the first ``trials`` trials of a run. Raises UserError if the run has no end times of its trials."""
    points = []
    for item in read_summary(folder).history[:trials]:
        if item.ended is None:
            raise UserError("run of an older version, without the end times of its trials", file=folder)
        points.append(Point(item.number, item.state, item.rwp, item.ended))
    return History(tuple(points))


def _check(folder: Path, spec: RunSpec, project: Project) -> None:
    kept = settings_of(folder)
    if kept is not None and kept.fingerprint not in (None, fingerprint(project)):
        raise UserError("was made with other data, limits or phases; use another folder", file=folder, key="--out")
    summary = _summary(folder)
    now = spec.case.host.backend(spec.backend).probe().version
    if summary is not None and summary.backend.version != now:
        raise UserError(
            "was made with another version of the engine; use another folder",
            file=folder,
            key="--out",
            found=summary.backend.version,
            allowed=now,
        )


def _is_over(folder: Path, trials: int) -> bool:
    summary = _summary(folder)
    return summary is not None and (len(summary.history) >= trials or summary.finished in _STOPPED_ITSELF)


def _summary(folder: Path) -> Summary | None:
    # A run that was killed has no summary, or a damaged one; it is resumed.
    try:
        return read_summary(folder)
    except UserError:
        return None

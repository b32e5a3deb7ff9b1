"""The runs of a benchmark: ordinary run folders, made where they are not there yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autogsas.benchmarks.cases import Case
from autogsas.benchmarks.curves import History, Point
from autogsas.commands import verbs
from autogsas.errors import UserError
from autogsas.model.project import Project
from autogsas.runfolder.writer import STUDY
from autogsas.search.resuming import fingerprint, settings_of

__all__ = ["Wish", "perform", "read_history"]

_STOPPED_ITSELF = ("no gain", "terminator")


@dataclass(frozen=True)
class Wish:
    """One run that is wanted."""

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
        """Where it lies within the benchmark's folder: all that makes two runs differ but how long they are."""
        parts = [self.backend, self.space, f"seed{self.seed}"]
        parts += [self.sampler] if self.sampler else []
        parts += [] if self.prune is None else ["pruned" if self.prune else "whole"]
        parts += [f"jobs{self.jobs}"] if self.jobs > 1 else []
        return Path(self.case.name) / "-".join(parts)

    def project(self) -> Project:
        """The project with the search that is wanted."""
        asked = self.case.project.search
        changed: dict[str, Any] = {"space": self.space, "prune": asked.prune if self.prune is None else self.prune}
        if self.sampler or self.space != asked.space:
            changed["sampler"] = self.sampler
        return replace(self.case.project, search=asked.model_copy(update=changed))


def perform(wish: Wish, base: Path, say: Callable[[str], None]) -> Path:
    """Return the folder of a run that is over, making the run or going on with it where need be.

    Raises UserError for a folder made with other data or another engine, KeyboardInterrupt where the user stops it.
    """
    folder = base / wish.folder
    project = wish.project()
    if (folder / STUDY).is_file():
        _check(folder, wish, project)
        if _is_over(folder, wish.trials):
            say(f"{wish.folder}: there already")
            return folder
    done = verbs.run(
        (project, wish.case.host),
        verbs.RunRequest(
            backend=wish.backend,
            trials=wish.trials,
            jobs=wish.jobs,
            seed=wish.seed,
            out=folder,
            resume=(folder / STUDY).is_file(),
        ),
    )
    if done.exit_status == 130:
        raise KeyboardInterrupt
    best = "nothing usable" if done.summary.rwp is None else f"Rwp {done.summary.rwp:.3f} %"
    say(f"{wish.folder}: {best} in {done.summary.seconds:.1f} s")
    return folder


def read_history(folder: Path, trials: int) -> History:
    """Return the history of a run's first ``trials`` trials. Raises UserError where it does not say when they ended."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    points = []
    for item in summary["history"][:trials]:
        if item.get("ended") is None:
            raise UserError("an older version made this run; it does not say when its trials ended", file=folder)
        points.append(Point(item["number"], item["state"], item["rwp"], item["ended"]))
    return History(tuple(points))


def _check(folder: Path, wish: Wish, project: Project) -> None:
    kept = settings_of(folder)
    if kept.get("fingerprint") not in (None, fingerprint(project)):
        raise UserError("was made with other data, limits or phases; take another folder", file=folder, key="--out")
    made = _summary(folder).get("backend", {}).get("version")
    now = wish.case.host.backend(wish.backend).probe().version
    if made not in (None, now):
        raise UserError(
            "was made with another version of the engine; take another folder",
            file=folder,
            key="--out",
            found=made,
            allowed=now,
        )


def _is_over(folder: Path, trials: int) -> bool:
    summary = _summary(folder)
    return len(summary.get("history", ())) >= trials or summary.get("finished") in _STOPPED_ITSELF


def _summary(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found

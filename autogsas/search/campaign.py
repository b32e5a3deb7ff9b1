"""One run from its first trial to its last: recipes given, an earlier run's, the scout's finds, then the sampler."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autogsas.hooks.backend import Backend
from autogsas.hooks.choices import Seed
from autogsas.hooks.events import Progress
from autogsas.hooks.host import Host
from autogsas.model.project import Project, Scout
from autogsas.runfolder.summary import ScoutPart
from autogsas.runfolder.writer import RunFolder
from autogsas.search.loop import search
from autogsas.search.options import Found, Options
from autogsas.search.sampler import Database
from autogsas.search.scout import send_scout, summary_of

__all__ = ["Seeding", "explore"]


@dataclass(frozen=True)
class Seeding:
    """Where a run's first trials come from: seeds, an earlier run's best (``like``), and the scout's finds."""

    seeds: tuple[Seed, ...]
    earlier: tuple[Seed, ...] = ()
    scout: Scout = "off"
    like: Path | None = None


def explore(
    host: Host,
    project: Project,
    backend: Backend,
    folder: RunFolder,
    options: Options,
    plan: Seeding,
    progress: Progress | None,
    settings: Mapping[str, Any],
    elapsed: float = 0.0,
) -> tuple[Found, ScoutPart | None]:
    """Send the scout, then search; return what was found, and what summary.json says of the scout.

    Whole recipes and an earlier run's come first. Where the scout found something, it has tried the other seeds.
    ``elapsed`` is how many seconds earlier sessions of this run took.
    """
    began = time.monotonic()
    # From here on it is a run that can be gone on with, even if it is stopped while the scout is out.
    with contextlib.closing(Database(folder.study)) as database:
        database.set_settings(settings)
    given = tuple(seed for seed in plan.seeds if seed.recipe is not None)
    others = tuple(seed for seed in plan.seeds if seed.recipe is None)
    first = len(given) + len(plan.earlier)
    scouted = send_scout(
        host, project, backend, folder.folder, options, plan.scout, seeds=(*plan.earlier, *others), progress=progress
    )
    if scouted is not None and scouted.interrupted:
        return Found("interrupted", (), None), summary_of(scouted, first, ())
    spent = time.monotonic() - began
    left = options if options.timeout is None else replace(options, timeout=max(1.0, options.timeout - spent))
    found = search(
        host,
        project,
        backend,
        folder,
        left,
        seeds=(*given, *plan.earlier, *(scouted.seeds if scouted is not None and scouted.seeds else others)),
        recall=None if scouted is None else scouted.recall(first),
        progress=progress,
        settings=settings,
        elapsed=elapsed + spent,
    )
    return found, summary_of(scouted, first, found.records)

"""A search with the scripted engine, for tests."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from autogsas.hooks.choices import Seed
from autogsas.hooks.events import Progress
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.runfolder.writer import RunFolder
from autogsas.search.context import RunContext
from autogsas.search.database import Database
from autogsas.search.loop import search
from autogsas.search.options import Found, Options
from autogsas.testing.fake import FakeBackend


def run_search(
    host: Host, project: Project, folder: Path, *seeds: Seed, progress: Progress | None = None, **options: Any
) -> Found:
    """Search with the scripted engine in ``folder``, which may hold trials already."""
    with RunFolder(folder) as run, contextlib.closing(Database(run.study)) as database:
        context = RunContext(host, project, FakeBackend(), run, database, Options(**options), progress)
        return search(context, seeds)

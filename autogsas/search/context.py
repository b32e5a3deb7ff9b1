"""What all parts of a run share."""

from __future__ import annotations

from dataclasses import dataclass

from autogsas.hooks.backend import Backend, Capabilities
from autogsas.hooks.events import Progress
from autogsas.hooks.host import Host
from autogsas.hooks.strategy import Strategy
from autogsas.model.project import Project
from autogsas.runfolder.writer import RunFolder
from autogsas.search.database import Database
from autogsas.search.options import Options

__all__ = ["RunContext"]


@dataclass(frozen=True)
class RunContext:
    """A run with all it needs: the plugins, the project, the engine, the open folder and database, the options.

    ``elapsed`` is how many seconds the run took before, in earlier sessions and by the scout. ``scouting``: this is the
    search of a scout.
    """

    host: Host
    project: Project
    backend: Backend
    folder: RunFolder
    database: Database
    options: Options
    progress: Progress | None = None
    elapsed: float = 0.0
    scouting: bool = False

    @property
    def strategy(self) -> Strategy:
        """The search strategy of the project."""
        return self.host.strategy(self.project.search.space)

    @property
    def capabilities(self) -> Capabilities:
        """What the engine can refine."""
        return self.backend.capabilities()

"""The cells that a project's patterns show, looked for once before recipes are built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autogsas.errors import PluginError
from autogsas.hooks.host import Host
from autogsas.model.project import Project

__all__ = ["with_found_cells"]


def with_found_cells(host: Host, project: Project) -> Project:
    """Return the project with the cells that its patterns show (`Project.found_cells`), asking the plugins for them.

    Unchanged where they were looked for before. Raises PluginError for a wrong answer.
    """
    if project.found_cells is not None or project.search.space != "default":
        return project
    answer = host.call("find_cells", project=project)
    found = {} if answer is None else answer
    phases = [phase.name for phase in project.phases]
    if not isinstance(found, Mapping) or not all(name in phases and len(cell) == 6 for name, cell in found.items()):
        whose = host.whose("autogsas_find_cells")
        raise PluginError(
            f"hook autogsas_find_cells ({whose}) gave a wrong answer",
            found=repr(answer),
            allowed="(a, b, c, alpha, beta, gamma) by the name of a phase, or None",
        )
    return replace(project, found_cells=dict(found))

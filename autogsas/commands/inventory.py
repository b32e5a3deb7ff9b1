"""The command inspect: what a project holds, and what autogsas does with it. Nothing is refined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from autogsas.errors import PluginError, UserError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.host import Host
from autogsas.input.inventory import project_inventory
from autogsas.input.loading import find_project_file, load_project
from autogsas.model.inventory import Entry, Inventory, Treatment
from autogsas.model.project import Project
from autogsas.model.recipe import Free
from autogsas.trial.offered import offered_frees

__all__ = ["inspect"]

_REFUSED = "not refined, because autogsas does not take this project at present"


def inspect(path: Path, *, host_factory: Callable[[Iterable[Path]], Host] = Host) -> Inventory:
    """Return the inventory of a project: a project file, a folder, or a file that a plugin reads.

    A project that `run` would refuse is described all the same, with the reason. Raises UserError for one that cannot
    be read.
    """
    path = Path(path)
    found = None if find_project_file(path) is not None else _from_plugin(host_factory(()), path)
    try:
        project, host = load_project(path, host_factory=host_factory)
    except UserError as error:
        if found is None:
            raise
        return _refused(found, error)
    found = found or project_inventory(project, project.file or path)
    offered = offered_frees(host, project, _capabilities(host, project))
    return replace(found, entries=tuple(_decided(entry, offered) for entry in found.entries))


def _from_plugin(host: Host, path: Path) -> Inventory | None:
    found = host.call("read_inventory", path=path)
    if found is None or isinstance(found, Inventory):
        return found
    raise PluginError(
        f"hook autogsas_read_inventory ({host.whose('autogsas_read_inventory')}) returned a value of the wrong type",
        found=repr(found),
        allowed="an Inventory or None",
    )


def _capabilities(host: Host, project: Project) -> Capabilities:
    """Return what the project's engine can refine; for "auto" the first one, whether it is installed or not."""
    backends = host.backends()
    return (backends.get(project.backend) or backends[list(backends)[-1]]).capabilities()


def _refused(found: Inventory, error: UserError) -> Inventory:
    where = f"{error.key}: " if error.key else ""
    value = f"; found {error.found!r}" if error.found else ""
    entries = tuple(
        replace(entry, treatment=Treatment.NOT_SUPPORTED, reason=_REFUSED)
        if entry.treatment is Treatment.SEARCHED or (entry.refined and entry.treatment is not Treatment.UNKNOWN)
        else entry
        for entry in found.entries
    )
    return replace(found, entries=entries, refusal=" ".join(f"{where}{error.message}{value}".split()))


def _decided(entry: Entry, offered: frozenset[Free]) -> Entry:
    if any(_frees(free, entry) for free in offered):
        return replace(entry, treatment=Treatment.SEARCHED, reason="")
    return entry


def _frees(free: Free, entry: Entry) -> bool:
    return (
        free.group in entry.groups
        and free.phase in (None, entry.phase)
        and free.histogram in (None, entry.histogram)
        and free.site in (None, entry.site)
    )

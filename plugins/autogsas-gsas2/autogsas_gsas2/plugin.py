"""The plugin's hooks: the backend "gsas2" and the reading of .gpx projects."""

from __future__ import annotations

from pathlib import Path

from autogsas import hookimpl
from autogsas.hooks.backend import Backend
from autogsas.model.inventory import Inventory
from autogsas.model.project import Project
from autogsas.model.result import Finding, Result

from autogsas_gsas2 import gpx
from autogsas_gsas2.backend import Gsas2Backend
from autogsas_gsas2.friedel import friedel_findings
from autogsas_gsas2.inventory import read_inventory
from autogsas_gsas2.last_refinement import read_refinement

__all__ = [
    "autogsas_check_result",
    "autogsas_read_inventory",
    "autogsas_read_project",
    "autogsas_read_refinement",
    "autogsas_register_backends",
]


@hookimpl
def autogsas_register_backends() -> list[Backend]:
    """Register GSAS-II, whether it is installed or not; its probe reports that."""
    return [Gsas2Backend()]


@hookimpl
def autogsas_read_project(path: Path) -> Project | None:
    """Read a .gpx, or the only one in a folder, without executing anything in it."""
    file = gpx.find_gpx(path)
    return None if file is None else gpx.read_project(file)


@hookimpl
def autogsas_read_inventory(path: Path) -> Inventory | None:
    """List all that a .gpx holds, or the only one in a folder, without executing anything in it."""
    file = gpx.find_gpx(path)
    return None if file is None else read_inventory(file)


@hookimpl
def autogsas_read_refinement(path: Path) -> tuple[Project, Result] | None:
    """Read the last refinement stored in a .gpx, with esds. GSAS-II reads a copy and refines nothing."""
    file = gpx.find_gpx(path)
    return None if file is None else read_refinement(file)


@hookimpl
def autogsas_check_result(project: Project, result: Result) -> list[Finding]:
    """Report restraints of a .gpx that the engine did not apply, and where GSAS-II's intensities are not a powder's."""
    own = friedel_findings(project, result) if result.backend == Gsas2Backend.name else ()
    return [*gpx.findings(project, result), *own]

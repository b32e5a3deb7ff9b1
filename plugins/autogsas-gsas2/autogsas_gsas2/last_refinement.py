"""Reading the last refinement stored in a .gpx: GSAS-II reads a copy and refines nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from autogsas.errors import BackendError, BackendMissing, UserError
from autogsas.model.project import Project
from autogsas.model.result import Result
from autogsas.trial.child import copies, relocate

from autogsas_gsas2 import discovery, gpx
from autogsas_gsas2.backend import Gsas2Backend

__all__ = ["read_refinement"]


def read_refinement(file: Path) -> tuple[Project, Result]:
    """Return the project of a .gpx and the result of its last refinement.

    Raises UserError if it holds none or cannot be read, BackendMissing if GSAS-II is not installed.
    """
    project = gpx.read_project(file)
    probe = discovery.to_probe(discovery.find())
    if not probe.available:
        raise BackendMissing(f"the refinement in {file} can be read with GSAS-II only: {probe.reason}; {probe.advice}")
    with tempfile.TemporaryDirectory(prefix="autogsas-") as name:
        folder = Path(name)
        for source, target in copies(project, folder).items():
            shutil.copyfile(source, target)
        try:
            session = Gsas2Backend().open(relocate(project, folder), folder)
            try:
                session.load_last_refinement()
                return project, session.result()
            finally:
                session.close()
        except BackendError as error:
            raise UserError(str(error), file=file) from error

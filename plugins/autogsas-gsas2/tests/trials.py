"""Trials with GSAS-II for tests: a small project, a session on a copy of it, as the host opens one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from autogsas.project import Project
from autogsas.recipe import Background, Free, Group, Step
from autogsas.trial import copies, relocate

from autogsas_gsas2.backend import Gsas2Backend, Gsas2Session
from autogsas_gsas2.finding import find

INSTALLATION = find().installation
needs_gsas2 = pytest.mark.engine("gsas2")
DATA = Path(__file__).parents[4] / "shared" / "data"

FLAT = (Background(function="chebyschev-1", terms=3),)


def frees(*groups: Group) -> tuple[Free, ...]:
    """Return groups to free, everywhere."""
    return tuple(Free(group=group) for group in groups)


FIRST = Step(title="scale", background=FLAT, free=frees("scale", "background"))
SECOND = Step(title="cell and width", free=frees("cell", "W"))


@contextmanager
def session(project: Project, folder: Path) -> Iterator[Gsas2Session]:
    """Open a session on copies of the project's files in a new ``folder``."""
    folder.mkdir()
    for source, target in copies(project, folder).items():
        shutil.copyfile(source, target)
    opened = Gsas2Backend().open(relocate(project, folder), folder)
    try:
        yield opened
    finally:
        opened.close()


def run_script(file: Path) -> float:
    """Run a script with GSAS-II's own interpreter and return the Rwp it prints last, in per cent."""
    assert INSTALLATION is not None
    done = subprocess.run([str(INSTALLATION.python), file.name], cwd=file.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    last = done.stdout.strip().splitlines()[-1]
    return float(last.removeprefix("Rwp").removesuffix("%"))

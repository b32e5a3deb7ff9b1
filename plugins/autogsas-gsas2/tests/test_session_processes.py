"""A trial's process: killed, without fork, and its output."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from autogsas.errors import BackendError
from autogsas.model.project import Project
from autogsas.trial.child import LOG
from trials import FIRST, INSTALLATION, SECOND, needs_gsas2, session, values

from autogsas_gsas2.backend import Gsas2Session
from autogsas_gsas2.child import launch
from autogsas_gsas2.child_process import Child
from autogsas_gsas2.discovery import child_environment

pytestmark = needs_gsas2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="without fork trials have no process of their own")
def test_a_killed_trial_does_not_affect_the_next(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "one") as opened:
        opened.refine(FIRST)
        os.kill(opened._child._trial or 0, signal.SIGKILL)
        with pytest.raises(BackendError) as error:
            opened.refine(SECOND)
    assert error.value.cause == "engine-died"
    with session(project, tmp_path / "two") as opened:
        assert opened.refine(FIRST).rwp < 50.0


def test_a_killed_child_is_replaced(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "one") as opened:
        opened.refine(FIRST)
        first = opened._child
        os.kill(first.hello.pid, signal.SIGKILL)
        time.sleep(0.1)
    with session(project, tmp_path / "two") as opened:
        assert opened._child is not first
        assert opened.refine(FIRST).rwp < 50.0


def test_what_gsas2_prints_goes_to_the_trials_log(project: Project, tmp_path: Path, capfd: Any) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
    assert "chi^2" in (tmp_path / "trial" / LOG).read_text()
    assert "chi^2" not in "".join(capfd.readouterr())


def test_without_fork_trials_give_identical_results(project: Project, tmp_path: Path) -> None:
    assert INSTALLATION is not None
    code = (
        "import os, runpy, sys\n"
        "if hasattr(os, 'fork'): del os.fork\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    command = [str(INSTALLATION.python), "-c", code, launch.__file__, INSTALLATION.layout, INSTALLATION.path]
    child = Child(command, child_environment(INSTALLATION.python))
    found = []
    try:
        for number in range(2):
            folder = tmp_path / f"sequence{number}"
            folder.mkdir()
            opened = Gsas2Session(project, folder, child, "")
            for step in (FIRST, SECOND):
                opened.refine(step)
            found.append(opened.result())
            opened.close()
    finally:
        child.kill()
    with session(project, tmp_path / "fork") as forked:
        forked.refine(FIRST)
        forked.refine(SECOND)
        found.append(forked.result())
    for other in found[1:]:
        assert np.array_equal(other.curves[0].calculated, found[0].curves[0].calculated)
        assert values(other) == values(found[0])

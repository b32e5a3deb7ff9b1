"""What cannot be refined is an error with a cause, and costs its own trial alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from autogsas.errors import BackendError
from autogsas.model.project import Project
from autogsas.model.recipe import Background, Setting, Step
from autogsas.model.structure import Cell
from trials import FIRST, SECOND, frees, needs_gsas2, replace_step, session

pytestmark = needs_gsas2


def test_nothing_free_and_too_few_points_are_causes(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        with pytest.raises(BackendError) as error:
            opened.refine(Step(title="nothing"))
        assert error.value.cause == "nothing-free"
        narrow = Background(function="chebyschev-1", terms=30)
        with pytest.raises(BackendError) as error:
            opened.refine(replace_step(FIRST, background=(narrow,), limits=(30.0, 30.9)))
        assert error.value.cause == "too-few-points"


@pytest.mark.parametrize("group", ["cell", "background"])
def test_what_one_number_cannot_set_is_refused(project: Project, tmp_path: Path, group: str) -> None:
    setting = Setting.model_validate({"group": group, "value": 1.0})
    with session(project, tmp_path / "trial") as opened, pytest.raises(BackendError, match="one number"):
        opened.refine(replace_step(FIRST, set=(setting,)))


def test_a_silent_failure_is_seen(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(SECOND)
        # A zero scale makes GSAS-II give up without raising, the figures of the step before still standing.
        with pytest.raises(BackendError):
            opened.refine(Step(title="no scale", set=(Setting(group="scale", value=0.0),), fix=frees("scale")))


def test_a_cell_that_runs_away_is_a_failure(project: Project, tmp_path: Path) -> None:
    phase = replace(project.phases[0], cell=Cell(0.05, 0.05, 0.05, 90.0, 90.0, 90.0))
    with session(replace(project, phases=(phase,)), tmp_path / "trial") as opened, pytest.raises(BackendError) as error:
        opened.refine(FIRST)
    assert error.value.cause


def test_a_curve_that_is_not_finite_is_a_failure(project: Project, tmp_path: Path) -> None:
    # In a cubic phase nothing depends on the March ratio along one axis at one, and GSAS-II takes it anywhere.
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        with pytest.raises(BackendError) as error:
            opened.refine(Step(title="orientation", free=frees("preferred_orientation"), cycles=3))
    assert error.value.cause in ("not-finite", "refinement-failed", "diverged")


def test_after_a_failure_the_next_trial_is_sound(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "one") as opened, pytest.raises(BackendError):
        opened.refine(Step(title="nothing"))
    with session(project, tmp_path / "two") as opened:
        assert opened.refine(FIRST).rwp < 50.0

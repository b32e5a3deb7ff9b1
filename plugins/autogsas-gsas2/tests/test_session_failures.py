"""A failed refinement is an error with a cause, and does not affect the next trial."""

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


def test_causes_for_nothing_free_and_too_few_points(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        with pytest.raises(BackendError) as error:
            opened.refine(Step(title="nothing"))
        assert error.value.cause == "nothing-free"
        narrow = Background(function="chebyschev-1", terms=30)
        with pytest.raises(BackendError) as error:
            opened.refine(replace_step(FIRST, background=(narrow,), limits=(30.0, 30.9)))
        assert error.value.cause == "too-few-points"


@pytest.mark.parametrize("group", ["cell", "background"])
def test_cell_and_background_cannot_be_set_to_one_number(project: Project, tmp_path: Path, group: str) -> None:
    setting = Setting.model_validate({"group": group, "value": 1.0})
    with session(project, tmp_path / "trial") as opened, pytest.raises(BackendError, match="one number"):
        opened.refine(replace_step(FIRST, set=(setting,)))


def test_a_silent_failure_is_detected(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(SECOND)
        # With a scale of zero GSAS-II fails without an exception, and the project keeps the figures of the step before.
        with pytest.raises(BackendError):
            opened.refine(Step(title="no scale", set=(Setting(group="scale", value=0.0),), fix=frees("scale")))


def test_a_cell_that_diverges_is_a_failure(project: Project, tmp_path: Path) -> None:
    phase = replace(project.phases[0], cell=Cell(0.05, 0.05, 0.05, 90.0, 90.0, 90.0))
    with session(replace(project, phases=(phase,)), tmp_path / "trial") as opened, pytest.raises(BackendError) as error:
        opened.refine(FIRST)
    assert error.value.cause


def test_a_curve_that_is_not_finite_is_a_failure(project: Project, tmp_path: Path) -> None:
    # In a cubic phase the pattern hardly depends on the March-Dollase ratio near 1, so it diverges.
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        with pytest.raises(BackendError) as error:
            opened.refine(Step(title="orientation", free=frees("preferred_orientation"), cycles=3))
    assert error.value.cause in ("not-finite", "refinement-failed", "diverged")


def test_the_next_trial_after_a_failure_works(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "one") as opened, pytest.raises(BackendError):
        opened.refine(Step(title="nothing"))
    with session(project, tmp_path / "two") as opened:
        assert opened.refine(FIRST).rwp < 50.0

"""What must be the same when a run is resumed."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from autogsas.errors import UserError
from autogsas.model.project import Histogram, Project
from autogsas.model.sample import BackgroundPeak
from autogsas.search.resuming import check_resumable, fingerprint
from autogsas.search.settings import RunSettings
from autogsas.testing.fake import FakeBackend
from autogsas.testing.samples import make_project

PEAK = BackgroundPeak(20.0, 100.0, 400.0, 0.1)
# Of a histogram, besides its pattern and its instrument.
CHANGES: dict[str, Any] = {
    "name": "other",
    "limits": (15.0, 40.0),
    "excluded": ((20.0, 21.0),),
    "absorption": 0.5,
    "background_peaks": (PEAK,),
    "axial_sum": "converged",
}
NO_MATTER: dict[str, Any] = {"files": (Path("elsewhere.xye"),), "geometry_declared": False}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def changed(project: Project, field: str, value: Any) -> Project:
    """Return the project with one field of its histogram changed."""
    return replace(project, histograms=(replace(project.histograms[0], **{field: value}),))


def resume(begun: Project, now: Project) -> None:
    """Check whether a run that began with one project can be resumed with another."""
    settings = RunSettings("", "fake", 0, "tpe", fingerprint(begun))
    check_resumable(Path("run"), settings, now, FakeBackend(), None)


def test_every_field_of_a_histogram_is_thought_of() -> None:
    known = {"pattern", "instrument", *CHANGES, *NO_MATTER}
    assert known == {field.name for field in fields(Histogram)}


@pytest.mark.parametrize("field", CHANGES)
def test_a_run_is_not_resumed_with_another_model_of_the_pattern(project: Project, field: str) -> None:
    now = changed(project, field, CHANGES[field])
    resume(now, now)
    for one, other in ((project, now), (now, project)):
        with pytest.raises(UserError, match="corrections or phases have changed since this run began"):
            resume(one, other)


def test_a_change_from_one_value_to_another_is_seen(project: Project) -> None:
    moved = replace(PEAK, position=21.0)
    with pytest.raises(UserError, match="have changed"):
        resume(changed(project, "background_peaks", (PEAK,)), changed(project, "background_peaks", (moved,)))


@pytest.mark.parametrize("field", NO_MATTER)
def test_what_does_not_change_chi2_may_change(project: Project, field: str) -> None:
    resume(project, changed(project, field, NO_MATTER[field]))

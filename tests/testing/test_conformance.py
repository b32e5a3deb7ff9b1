"""The suite for third parties' backends: a good one passes, and each broken promise is found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.model.project import Project
from autogsas.model.recipe import Step
from autogsas.model.result import Result, StepResult
from autogsas.testing.conformance import BackendConformance, run_checks
from autogsas.testing.fake import FakeBackend, FakeSession


class TestFake(BackendConformance):
    def backend(self) -> FakeBackend:
        return FakeBackend()


class Wrong(FakeSession):
    def __init__(self, project: Project, folder: Path, promise: str) -> None:
        super().__init__(project, folder)
        self.promise = promise

    def refine(self, step: Step) -> StepResult:
        if self.promise == "forgets":
            self._freed.clear()
        if self.promise == "swallows":
            step = step.model_copy(update={"limits": None})
        if self.promise == "goes nowhere":
            step = step.model_copy(update={"start": ()})
        done = super().refine(step)
        return replace(done, full_rwp=done.full_rwp / 2) if self.promise == "flatters" else done

    def result(self) -> Result:
        result = super().result()
        if self.promise == "cuts":
            curves = result.curves[0]
            half = curves.x.size // 2
            cut = {k: getattr(curves, k)[:half] for k in ("x", "observed", "calculated", "background", "weights")}
            return replace(result, curves=(replace(curves, **cut),))
        if self.promise == "flatters":
            return replace(result, engine_rwp=result.engine_rwp / 2)
        if self.promise == "no esds":
            return replace(result, parameters=tuple(replace(item, esd=None) for item in result.parameters))
        return result

    def save(self, folder: Path) -> None:
        super().save(folder)
        if self.promise == "half saved":
            (folder / "best.py").unlink()


@dataclass(frozen=True)
class WrongBackend(FakeBackend):
    promise: str = ""

    def open(self, project: Project, folder: Path) -> Wrong:
        super().open(project, folder)
        return Wrong(project, folder, self.promise)


@pytest.mark.parametrize(
    ("promise", "check"),
    [
        ("forgets", "what_is_free_stays_free"),
        ("swallows", "failure_is_a_backend_error"),
        ("cuts", "curves_cover_the_full_limits"),
        ("flatters", "its_rwp_is_the_hosts"),
        ("flatters", "its_rwp_over_all_is_the_hosts"),
        ("goes nowhere", "a_start_is_where_a_phase_begins"),
        ("goes nowhere", "sites_start_where_symmetry_lets_them"),
        ("no esds", "parameters_have_names_units_and_esds"),
        ("half saved", "saving_leaves_what_was_promised"),
    ],
)
def test_a_broken_contract_is_found(tmp_path: Path, promise: str, check: str) -> None:
    class Suite(BackendConformance):
        def backend(self) -> Any:
            return WrongBackend(promise=promise)

    with pytest.raises(AssertionError):
        getattr(Suite(), f"test_{check}")(tmp_path)


class Deaf(NumpyBackend):
    """The numpy engine, which claims to apply everything but ignores one setting of a step."""

    def __init__(self, word: str) -> None:
        self.word = word

    def open(self, project: Project, folder: Path) -> Any:
        session = super().open(project, folder)
        refine, word = session.refine, self.word

        def deaf(step: Step) -> StepResult:
            group = "uiso" if word == "uiso_shared" else "scale"
            free = tuple(item.model_copy(update={"group": group}) if item.group == word else item for item in step.free)
            return refine(
                step.model_copy(
                    update={
                        "free": free,
                        **({word: ()} if word == "start" else {}),
                        **({word: None} if word == "geometry" else {}),
                    }
                )
            )

        session.refine = deaf
        return session


@pytest.mark.parametrize(
    ("word", "check"),
    [
        ("start", "an_axis_is_that_of_the_orientation"),
        ("geometry", "a_geometry_is_that_of_the_corrections"),
        ("uaniso", "isotropic_sites_become_anisotropic_as_they_are"),
        ("uiso_shared", "sites_share_one_u"),
    ],
)
def test_an_ignored_setting_is_found(tmp_path: Path, word: str, check: str) -> None:
    class Suite(BackendConformance):
        def backend(self) -> Any:
            return Deaf(word)

    with pytest.raises(AssertionError):
        getattr(Suite(), f"test_{check}")(tmp_path)


def test_all_checks_run_without_pytest() -> None:
    outcomes = list(run_checks(TestFake()))
    assert len(outcomes) >= 15
    assert [text for _, text in outcomes if text] == []


def test_a_failing_check_is_named_with_its_reason() -> None:
    class Suite(BackendConformance):
        def backend(self) -> Any:
            return FakeBackend(reason="no licence")

    failed = dict(run_checks(Suite()))
    assert failed["`probe` returns a Probe, available with a version."].startswith("AssertionError: not available here")

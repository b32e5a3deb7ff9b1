"""The gain of an orientation without a new model for each axis, against that of a new model."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.model.advice import Candidate
from autogsas.model.project import Search
from autogsas.model.recipe import Background, Free, Group, Setting, Start, Step
from autogsas.model.sample import Axis


def candidate(phase: str, axis: Axis, ratio: float, start: Start | None = None) -> Candidate:
    """Return a texture along an axis; with a start that says more, the engine makes a new model of it."""
    return Candidate(
        f"{axis} {ratio}",
        (Free(group="preferred_orientation", phase=phase),),
        (start or Start(phase=phase, axis=axis),),
        (Setting(group="preferred_orientation", value=ratio, phase=phase),),
    )


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("corundum-plates", ((0, 0, 1), (1, 0, 4), (1, 1, 0))),
        ("calcite-in-quartz", ((0, 0, 1), (1, 0, 4))),
        ("both-anglesite", ((0, 1, 0), (2, 1, 0))),
    ],
)
def test_the_gain_is_that_of_a_new_model(name: str, axes: tuple[Axis, ...]) -> None:
    project = given_project(next(one for one in SAMPLES if one.name == name), Search())
    phase = project.phases[-1]
    session = NumpyBackend().open(project, Path())
    groups: tuple[Group, ...] = ("scale", "background", "cell", "Y", "uiso_shared")
    frees = tuple(Free(group=group) for group in groups)
    session.refine(Step(background=(Background(function="chebyschev-1", terms=8),), free=frees, cycles=6))
    every = [(axis, ratio) for axis in axes for ratio in (0.8, 1.25)]
    # The cell is what it is: saying so makes no other model but a new one.
    cell = {one.name.rsplit(":", 1)[-1]: one.value for one in session.result().parameters if one.phase == phase.name}
    quick = session.expected_gains(Step(), [candidate(phase.name, *one) for one in every])
    slow = session.expected_gains(
        Step(),
        [candidate(phase.name, *one, start=Start(phase=phase.name, axis=one[0], cell=_cell(cell))) for one in every],
    )
    for one, other in zip(quick, slow, strict=True):
        assert one.freedoms == other.freedoms == len(project.histograms)
        assert one.chi2 == pytest.approx(other.chi2, rel=0.1, abs=15.0), one.candidate.name


def _cell(values: dict[str, float]) -> tuple[float, float, float, float, float, float]:
    return (values["a"], values["b"], values["c"], values["alpha"], values["beta"], values["gamma"])

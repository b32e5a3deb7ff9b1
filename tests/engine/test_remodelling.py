"""Other models of size and strain in the course of a recipe: what they begin with, and what stays refined."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogsas.builtin.numpy_engine.script import script_text
from autogsas.crystal.strain import directions, strain_terms
from autogsas.crystal.symmetry import cell_to_metric
from autogsas.engine.session import EngineSession
from autogsas.errors import BackendError
from autogsas.model.project import Project
from autogsas.model.recipe import Background, Free, Setting, SizeModel, Start, Step, StrainModel
from autogsas.model.result import Result
from autogsas.model.sample import Broadening, Specimen
from autogsas.model.structure import Phase

from .models import CUBIC, MONOCLINIC, PHASES, QUARTZ, TETRAGONAL, XRAY, project, simulate, with_data

SCALES = (Free(group="scale"), Free(group="background"))
STILL = Step(background=(Background(function="chebyschev-1", terms=3),), free=SCALES, cycles=1)


def measured(*phases: Phase) -> Project:
    """The engine's own pattern of the phases, without noise."""
    made = project(phases, XRAY, (20.0, 100.0), 0.06)
    return with_data(made, simulate(made, (5.0,) * len(phases), np.full(made.histograms[0].pattern.x.size, 300.0)))


def with_specimen(phase: Phase, **changes: Broadening) -> Phase:
    return replace(phase, specimen=replace(Specimen(Broadening(0.1), Broadening(2000.0)), **changes))


def started(phase: Phase, **models: Any) -> Step:
    return Step(start=(Start(phase=phase.name, **models),))


def values(result: Result, group: str) -> dict[str, float]:
    return {p.name.split(":")[-1]: p.value for p in result.parameters if p.group == group}


def away(one: Result, other: Result) -> float:
    """The largest difference of two patterns, in heights of the first."""
    first, second = one.curves[0].calculated, other.curves[0].calculated
    return float(np.max(np.abs(first - second)) / np.ptp(first))


@pytest.mark.parametrize(
    "models",
    [
        {"size": SizeModel(model="uniaxial")},
        {"strain": StrainModel(model="uniaxial")},
        {"strain": StrainModel(model="generalized")},
    ],
    ids=["size", "strain", "generalised"],
)
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_a_new_model_begins_with_the_pattern_of_the_isotropic_one(phase: Phase, models: Any) -> None:
    phase = with_specimen(phase)
    session = EngineSession(measured(phase), "test")
    session.refine(STILL)
    before = session.result()
    session.refine(started(phase, **models).model_copy(update={"cycles": 1}))
    after = session.result()
    assert away(before, after) < 1e-6
    (end,) = after.phases
    for kind, model in models.items():
        assert getattr(end.specimen, kind).model == model.model


def test_what_was_refined_stays_refined() -> None:
    phase = with_specimen(QUARTZ)
    session = EngineSession(measured(phase), "test")
    session.refine(STILL.model_copy(update={"free": (*SCALES, Free(group="size"))}))
    session.refine(started(phase, size=SizeModel(model="uniaxial"), strain=StrainModel(model="generalized")))
    varied = {name.split(":")[-1] for name in session.result().varied}
    assert {"size equatorial", "size axial"} <= varied
    assert not any(name.startswith("strain") for name in varied), "the strain was not refined"
    session.refine(started(phase, size=SizeModel(model="isotropic")))
    assert "size" in {name.split(":")[-1] for name in session.result().varied}


def test_only_the_histogram_that_refined_it_refines_it_afterwards() -> None:
    phase = with_specimen(QUARTZ)
    one = measured(phase)
    twin = replace(one.histograms[0], name="second")
    made = replace(one, histograms=(one.histograms[0], twin))
    session = EngineSession(made, "test")
    session.refine(STILL.model_copy(update={"free": (*SCALES, Free(group="size", histogram="second"))}))
    session.refine(started(phase, size=SizeModel(model="uniaxial")))
    sizes = {name for name in session.result().varied if ":size" in name}
    assert sizes == {f"{phase.name}:second:size equatorial", f"{phase.name}:second:size axial"}


@pytest.mark.parametrize("kind", ["size", "strain"])
def test_back_to_isotropic_is_the_mean_over_all_directions(kind: str) -> None:
    """Of 1/size and of strain, along a cosine that is spread evenly from 0 to 1."""
    given = Broadening(0.05, "uniaxial", 0.2) if kind == "size" else Broadening(1000.0, "uniaxial", 4000.0)
    phase = with_specimen(TETRAGONAL, **{kind: given})
    session = EngineSession(measured(phase), "test")
    model: Any = SizeModel(model="isotropic") if kind == "size" else StrainModel(model="isotropic")
    session.refine(STILL.model_copy(update={"start": (Start(phase=phase.name, **{kind: model}),)}))
    assert given.axial is not None
    cosine = (np.arange(20000) + 0.5) / 20000
    inverse = np.sqrt(cosine**2 / given.axial**2 + (1 - cosine**2) / given.value**2)
    expected = 1 / np.mean(inverse) if kind == "size" else np.mean(1 / inverse)
    assert values(session.result(), kind) == {kind: pytest.approx(expected, rel=2e-3)}


@pytest.mark.parametrize("phase", [CUBIC, TETRAGONAL, MONOCLINIC], ids=lambda phase: phase.name)
def test_generalised_strain_comes_back_from_an_isotropic_start(phase: Phase) -> None:
    """Coefficients of a strain that differs by a factor of about two between directions are found again."""
    metric = cell_to_metric(phase.cell.values())
    terms = strain_terms(phase.space_group)
    flat = terms.fitting(np.full(len(directions(metric)), 4000.0), metric)
    true = flat * np.linspace(1.6, 0.8, len(flat))
    specimen = {"strain": Broadening(1.0, "generalized", coefficients=tuple(true.tolist()))}
    made = measured(with_specimen(phase, **specimen))
    begun = replace(made, phases=(with_specimen(phase, strain=Broadening(3000.0)),))
    session = EngineSession(begun, "test")
    session.refine(STILL.model_copy(update={"free": (*SCALES, Free(group="strain")), "cycles": 5}))
    done = session.refine(started(phase, strain=StrainModel(model="generalized")))
    assert done.converged
    assert not done.at_bound
    found = session.result()
    names = [f"strain {name}" for name in terms.names]
    assert list(values(found, "strain")) == names
    scale = float(np.max(np.abs(terms.of(np.eye(3)) @ true)))
    assert np.allclose(list(values(found, "strain").values()), true, rtol=2e-3, atol=2e-4 * scale)
    assert {p.unit for p in found.parameters if p.group == "strain"} == {"1e-12 Å⁻⁴"}
    assert {f"{phase.name}:{made.histograms[0].name}:{name}" for name in names} <= set(found.varied)


def test_a_value_is_the_same_in_all_directions_of_a_model() -> None:
    phase = with_specimen(QUARTZ, strain=Broadening(1000.0, "generalized"))
    made = measured(phase)
    session = EngineSession(made, "test")
    set_to = (Setting(group="strain", value=2500.0),)
    session.refine(STILL.model_copy(update={"set": set_to}))
    after = session.result()
    plain = EngineSession(replace(made, phases=(with_specimen(QUARTZ, strain=Broadening(2500.0)),)), "test")
    plain.refine(STILL)
    assert away(plain.result(), after) < 1e-6


def test_a_strain_with_a_negative_square_is_reported() -> None:
    phase = with_specimen(TETRAGONAL, strain=Broadening(1.0, "generalized", coefficients=(9e4, 9e4, -2e5, 9e4)))
    made = measured(with_specimen(TETRAGONAL))
    session = EngineSession(replace(made, phases=(phase,)), "test")
    done = session.refine(STILL)
    assert f"{made.histograms[0].name}: generalized strain of {phase.name}" in done.at_bound
    done = session.refine(STILL.model_copy(update={"free": (*SCALES, Free(group="strain")), "cycles": None}))
    assert done.at_bound == (), "nothing in the pattern asks for a negative square"


def test_a_wrong_number_of_coefficients_is_an_error_of_the_structure() -> None:
    phase = with_specimen(QUARTZ, strain=Broadening(1.0, "generalized", coefficients=(1.0, 2.0)))
    with pytest.raises(BackendError, match="2 coefficients of strain instead of 3"):
        EngineSession(replace(measured(with_specimen(QUARTZ)), phases=(phase,)), "test")


@pytest.mark.parametrize("model", [{}, {"strain": Broadening(900.0, "generalized", coefficients=(5e4, 4e4, 3e4))}])
def test_the_script_repeats_a_change_of_model(tmp_path: Path, model: dict[str, Broadening]) -> None:
    phase = with_specimen(QUARTZ, **model)
    made = measured(phase)
    steps = (STILL, started(phase, size=SizeModel(model="uniaxial")))
    session = EngineSession(made, "test")
    for step in steps:
        session.refine(step)
    (curves,) = session.result().curves
    with (tmp_path / "pattern.csv").open("w") as file:
        file.write("histogram,two_theta,observed,weight\n")
        for row in zip(curves.x.tolist(), curves.observed.tolist(), curves.weights.tolist(), strict=True):
            file.write(f"{curves.histogram},{','.join(map(repr, row))}\n")
    (tmp_path / "best.py").write_text(script_text(made, steps), encoding="utf-8")
    done = subprocess.run([sys.executable, "best.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"Rwp {session.result().engine_rwp:.4f} %" in done.stdout.splitlines()[-1]

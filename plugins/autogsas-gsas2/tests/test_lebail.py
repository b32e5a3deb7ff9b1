"""Le Bail extraction: intensities come from the pattern alone, for the whole range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from autogsas.model.project import Project
from autogsas.model.recipe import Setting, Step
from autogsas.model.structure import Cell, Phase
from autogsas.testing.samples import make_project
from trials import FIRST, FLAT, SECOND, by_name, finished, frees, measured, needs_gsas2, run_script, session, simulated

from autogsas_gsas2.gpx import read_project
from autogsas_gsas2.safe_pickle import read_gpx

pytestmark = needs_gsas2

NARROW = Step(title="narrow", background=FLAT, limits=(20.0, 45.0), free=frees("background"))


def of(project: Project, *phases: Phase) -> Project:
    files = tuple(project.phase_files[0] for _ in phases)
    return replace(project, phases=phases, phase_files=files)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Caesium chloride with Le Bail intensities; limits up to 65°."""
    made = make_project(tmp_path / "project")
    short = replace(made.histograms[0], limits=(made.histograms[0].limits[0], 65.0))
    return of(replace(made, histograms=(short,)), replace(made.phases[0], intensities="Le Bail"))


def test_the_fit_is_better_than_with_the_structure_and_the_script_repeats_it(project: Project, tmp_path: Path) -> None:
    structure = of(project, replace(project.phases[0], intensities="structure"))
    usual, _ = finished(structure, tmp_path / "structure", FIRST, SECOND)
    result, saved = finished(project, tmp_path / "run", NARROW, SECOND)
    assert measured(result) < measured(usual)
    assert result.converged
    assert any("Le Bail" in note for note in result.notes)
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)
    # The limits are wider than those for which the first reflection list was made.
    assert result.curves[0].reflections[0].two_theta.max() > 50.0
    found = read_gpx(saved / "best.gpx")["Phases"]["phase"]["Histograms"]
    assert [pair["LeBail"] for pair in found.values()] == [True]
    whole, _ = finished(project, tmp_path / "whole", FIRST, SECOND)
    assert measured(whole) == pytest.approx(measured(result), abs=1e-3)


def test_groups_whose_effect_the_intensities_absorb_are_not_freed(project: Project, tmp_path: Path) -> None:
    groups = frees("scale", "background", "uiso", "positions", "occupancy", "preferred_orientation", "cell", "W")
    with session(project, tmp_path / "trial") as opened:
        done = opened.refine(Step(background=FLAT, free=groups, cycles=3))
        result = opened.result()
    assert set(result.varied) == {f"pattern:background {i}" for i in (1, 2, 3)} | {"phase:a", "pattern:W"}
    for group in ("scale", "uiso", "positions", "occupancy", "preferred_orientation"):
        assert f"{group} does not apply here" in done.message
    assert by_name(result)["phase:pattern:scale"].value == 1.0


def test_intensities_do_not_depend_on_the_structure(project: Project, tmp_path: Path) -> None:
    structure = of(project, replace(project.phases[0], intensities="structure"))
    made = Step(background=FLAT, set=(Setting(group="scale", value=10.0),), free=frees("background"), cycles=1)
    data = simulated(structure, tmp_path / "made", made, noise=False)
    truth, _ = finished(data, tmp_path / "truth", made)
    # Other U, which would give other intensities: they must have no effect.
    sites = tuple(replace(site, uiso=0.1) for site in project.phases[0].sites)
    wrong = of(data, replace(project.phases[0], sites=sites))
    result, _ = finished(wrong, tmp_path / "run", replace_cycles(FIRST))
    before, after = (found.curves[0].reflections[0].intensity for found in (truth, result))
    assert after == pytest.approx(before, rel=0.02)


def replace_cycles(step: Step) -> Step:
    """Return the step with a number of cycles: without noise it would not converge by its shifts."""
    return step.model_copy(update={"cycles": 20})


def test_two_trials_give_identical_results(project: Project, tmp_path: Path) -> None:
    found = [finished(project, tmp_path / name, NARROW)[0].curves[0] for name in ("one", "two")]
    assert np.array_equal(found[0].calculated, found[1].calculated)


def test_beside_a_phase_with_a_structure(project: Project, tmp_path: Path) -> None:
    other = replace(project.phases[0], name="other", intensities="structure", cell=Cell(3.9, 3.9, 3.9, 90, 90, 90))
    both = of(project, project.phases[0], other)
    result, saved = finished(both, tmp_path / "run", FIRST)
    assert "other:pattern:scale" in result.varied
    assert "phase:pattern:scale" not in result.varied
    assert not any(parameter.group == "weight_fraction" for parameter in result.parameters)
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)


_FLAG = """
project = G2sc.G2Project(gpxfile=sys.argv[1])
project.phases()[0].setHAPvalues({"LeBail": True})
project.save()
"""


def test_a_gpx_with_the_flag_that_was_never_refined(
    small_gpx: Path, tmp_path: Path, run_in_gsas2: Callable[..., str]
) -> None:
    run_in_gsas2(_FLAG, small_gpx)
    read = read_project(small_gpx)
    assert read.phases[0].intensities == "Le Bail"
    result, saved = finished(read, tmp_path / "run", NARROW, Step(title="whole"))
    assert "Cl:Uiso" not in " ".join(result.varied)
    assert measured(result) < 15.0
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)
    again, _ = finished(read_project(saved / "best.gpx"), tmp_path / "again", Step(free=frees("background")))
    assert measured(again) == pytest.approx(measured(result), abs=0.01)

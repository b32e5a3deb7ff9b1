"""Intensities that follow an axis are reported where the model lacks the texture, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest

from autogsas.builtin.checks.texture import autogsas_check_result, march_dollase, squared_cosines
from autogsas.model.result import Finding, Severity
from autogsas.model.structure import Phase
from tests.builtin.checks.truth import refined_at_truth
from tests.engine.models import MONOCLINIC, QUARTZ, TRICLINIC


def found(name: str, *, texture: bool) -> list[Finding]:
    project, result, metrics = refined_at_truth(name, texture=texture)
    return autogsas_check_result(project, result, metrics)


@pytest.mark.parametrize("phase", [MONOCLINIC, TRICLINIC, QUARTZ])
def test_the_angles_are_those_of_the_normals_by_gemmi(phase: Phase) -> None:
    """Normals as Cartesian vectors: the columns of gemmi's fractionalization matrix, transposed, are a*, b*, c*."""
    matrix = np.array(gemmi.UnitCell(*phase.cell.values()).frac.mat.tolist()).T
    one, axis = np.array([[1, 2, 3]]), (1, 0, 2)
    a, b = matrix @ one[0], matrix @ np.array(axis)
    wanted = (a @ b) ** 2 / (a @ a) / (b @ b)
    angles = squared_cosines(one, axis, phase)
    assert np.min(np.abs(angles - wanted)) < 1e-12  # one of the equivalents is the plane itself
    assert np.all((angles >= 0) & (angles <= 1))


def test_the_factor_of_march_and_dollase_keeps_the_mean_over_all_directions() -> None:
    """Its mean over the sphere is one, whatever the ratio."""
    cosines2 = (np.arange(20000)[None, :] + 0.5) ** 2 / 20000.0**2
    for ratio in (0.5, 0.8, 1.0, 1.7):
        assert march_dollase(cosines2, ratio) == pytest.approx(1.0, abs=1e-6)
    assert march_dollase(np.ones((1, 1)), 0.5) == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("name", "phase", "axis"),
    [
        ("zincite-plates", "zincite", "0 0 1"),
        ("corundum-plates", "corundum", "0 0 1"),
        ("halite-cubes", "halite", "1 0 0"),
        ("calcite-in-quartz", "calcite", None),
    ],
)
def test_a_texture_that_the_model_lacks_is_named(name: str, phase: str, axis: str | None) -> None:
    (finding,) = found(name, texture=False)
    assert (finding.code, finding.severity) == ("texture", Severity.WARNING)
    assert finding.about["phase"] == phase
    assert axis in (None, finding.about["axis"])


@pytest.mark.parametrize("name", ["zincite-plates", "halite-cubes", "calcite-in-quartz", "apatite-plain"])
def test_a_right_model_has_no_texture_that_is_not_refined(name: str) -> None:
    assert found(name, texture=True) == []


def test_histograms_share_the_variables() -> None:
    """Two histograms and 0.9 variables for each point of one: 0.45 a point, which leaves little misfit of profile."""
    project, result, metrics = refined_at_truth("halite-cubes", texture=False)
    one, histogram = result.curves[0], project.histograms[0]
    curves = replace(one, weights=0.5 * one.weights)  # GoF is that of few counts
    both = replace(project, histograms=(histogram, replace(histogram, name="other")))
    many = tuple(f"variable {i}" for i in range(int(0.9 * np.count_nonzero(one.weights > 0))))
    result = replace(result, curves=(curves, replace(curves, histogram="other")), varied=many)
    findings = autogsas_check_result(both, result, metrics)
    assert [finding.about["histogram"] for finding in findings] == [histogram.name, "other"]
    # Alone, the histogram has them all.
    assert autogsas_check_result(project, replace(result, curves=(curves,)), metrics) == []


def test_widths_that_follow_hkl_are_not_a_texture() -> None:
    project, result, metrics = refined_at_truth("faulted-zincite", directions=False)
    assert autogsas_check_result(project, result, metrics) == []


def test_a_texture_that_is_refined_along_that_axis_is_not_reported_again() -> None:
    project, result, metrics = refined_at_truth("corundum-plates", texture=False)
    parameters = tuple(replace(p, esd=0.01) if p.group == "preferred_orientation" else p for p in result.parameters)
    assert autogsas_check_result(project, replace(result, parameters=parameters), metrics) == []


def test_a_phase_of_an_unknown_space_group_is_passed_over() -> None:
    project, result, metrics = refined_at_truth("corundum-plates", texture=False)
    strange = tuple(replace(phase, space_group="P q") for phase in result.phases)
    assert autogsas_check_result(project, replace(result, phases=strange), metrics) == []

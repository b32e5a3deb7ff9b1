"""Weight fractions of the phases in a pattern, with esds from GSAS-II's covariance matrix."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from autogsas.model.project import Project
from autogsas.model.recipe import Setting, Step
from autogsas.model.result import Parameter, Result
from autogsas.model.structure import Cell, Site
from autogsas.quantification import measure_amounts, quantify
from autogsas.testing.samples import make_project
from trials import FIRST, FLAT, finished, frees, needs_gsas2, simulated

pytestmark = needs_gsas2

MASSES = {"phase": 132.905 + 35.453, "other": 39.098 + 35.453}
SCALES = {"phase": 20.0, "other": 10.0}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Caesium and potassium chloride with phase fractions 20 and 10."""
    made = make_project(tmp_path / "project")
    sites = (Site("K", "K", (0.0, 0.0, 0.0), 1.0, 0.02), replace(made.phases[0].sites[1]))
    other = replace(made.phases[0], name="other", cell=Cell(3.7, 3.7, 3.7, 90, 90, 90), sites=sites)
    both = replace(made, phases=(*made.phases, other), phase_files=(*made.phase_files, *made.phase_files))
    settings = tuple(Setting(group="scale", phase=name, value=value) for name, value in SCALES.items())
    return simulated(both, tmp_path / "made", Step(background=FLAT, set=settings, free=frees("background"), cycles=1))


def fractions(result: Result) -> dict[str, Parameter]:
    return {str(p.phase): p for p in result.parameters if p.group == "weight_fraction"}


_COMPUTE = """
import json
project = G2sc.G2Project(gpxfile=sys.argv[1])
print(json.dumps(project.histograms()[0].ComputeMassFracs()))
"""


def test_weight_fractions_are_correct_and_equal_to_gsas2s(
    project: Project, tmp_path: Path, run_in_gsas2: Callable[..., str]
) -> None:
    result, saved = finished(project, tmp_path / "run", FIRST)
    found = fractions(result)
    total = sum(SCALES[name] * MASSES[name] for name in SCALES)
    computed = json.loads(run_in_gsas2(_COMPUTE, saved / "best.gpx").splitlines()[-1])
    for name, one in found.items():
        assert (one.name, one.unit, one.histogram) == (f"{name}:pattern:weight fraction", "", "pattern")
        assert one.esd is not None
        assert 0.0 < one.esd < 0.02
        assert abs(one.value - SCALES[name] * MASSES[name] / total) < 4 * one.esd
        assert [one.value, one.esd] == pytest.approx(computed[name], rel=1e-6)
        assert one.name not in result.varied
    assert sum(one.value for one in found.values()) == pytest.approx(1.0, abs=1e-12)


def test_the_esd_is_propagated_from_the_scales(project: Project, tmp_path: Path) -> None:
    result, _ = finished(project, tmp_path / "run", FIRST)
    scales = [next(p for p in result.parameters if p.name == f"{name}:pattern:scale") for name in MASSES]
    esds = np.array([p.esd for p in scales], dtype=float)
    rows = [result.varied.index(p.name) for p in scales]
    covariance = result.correlation[np.ix_(rows, rows)] * np.outer(esds, esds)
    weights = np.array([p.value * mass for p, mass in zip(scales, MASSES.values(), strict=True)])
    total = weights.sum()
    first, second = MASSES.values()
    slopes = np.array([first * weights[1], -second * weights[0]]) / total**2
    assert fractions(result)["phase"].esd == pytest.approx(float(np.sqrt(slopes @ covariance @ slopes)), rel=1e-4)


def test_weak_patterns_have_weight_fractions(project: Project, tmp_path: Path) -> None:
    # GSAS-II itself gives none if the sum of masses times fractions is below one.
    histogram = project.histograms[0]
    pattern = replace(histogram.pattern, y=histogram.pattern.y * 1e-4, weights=histogram.pattern.weights * 1e8)
    np.savetxt(histogram.files[0], np.column_stack([pattern.x, pattern.y]), fmt="%.8g")
    faint = replace(project, histograms=(replace(histogram, pattern=pattern),))
    start = tuple(Setting(group="scale", phase=name, value=1e-3) for name in SCALES)
    usual, _ = finished(project, tmp_path / "usual", FIRST)
    result, _ = finished(faint, tmp_path / "faint", FIRST.model_copy(update={"set": start}))
    for name, one in fractions(result).items():
        assert one.value == pytest.approx(fractions(usual)[name].value, abs=1e-3)
        assert one.esd == pytest.approx(fractions(usual)[name].esd, rel=0.05)


def test_fixed_scales_give_no_esd(project: Project, tmp_path: Path) -> None:
    result, _ = finished(project, tmp_path / "run", FIRST, Step(fix=frees("scale"), cycles=2))
    found = fractions(result)
    assert [one.esd for one in found.values()] == [None, None]
    assert sum(one.value for one in found.values()) == pytest.approx(1.0)
    alone = replace(project, phases=project.phases[:1], phase_files=project.phase_files[:1])
    assert fractions(finished(alone, tmp_path / "alone", FIRST)[0]) == {}


def test_amounts_for_standards_are_scale_times_mass_with_gsas2s_esds(project: Project, tmp_path: Path) -> None:
    """The host's own propagation from scales and correlations agrees with GSAS-II's of its weight fractions."""
    result, _ = finished(project, tmp_path / "run", FIRST)
    (measured,) = measure_amounts(project, result)
    found = fractions(result)
    scales = {p.phase: p.value for p in result.parameters if p.group == "scale"}
    assert measured.amounts == pytest.approx([scales[name] * MASSES[name] for name in measured.phases], rel=1e-4)
    total = sum(measured.amounts)
    first, second = (amount / total for amount in measured.amounts)
    (a, b), (_, c) = measured.covariance
    esd = first * second * np.sqrt(a + c - 2 * b)
    assert [found[name].esd for name in measured.phases] == pytest.approx([esd, esd], rel=1e-3)
    (one,) = quantify(project, result.phases, (measured,))
    assert [amount.crystalline.value for amount in one.phases] == [found[name].value for name in measured.phases]

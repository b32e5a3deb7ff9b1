"""The inventory of a project that the host has read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autogsas.input.inventory import project_inventory
from autogsas.model.inventory import Kind, Treatment
from autogsas.model.project import Project
from autogsas.model.sample import BackgroundPeak, OccupancySum
from autogsas.testing.samples import make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def test_histograms_and_phases_are_described(project: Project) -> None:
    found = project_inventory(project, Path("project.yaml"))
    (histogram,) = found.histograms
    pattern = project.histograms[0].pattern
    assert (histogram.points, histogram.low, histogram.high) == (pattern.x.size, pattern.x[0], pattern.x[-1])
    assert histogram.type == "X-ray, constant wavelength"
    assert histogram.constants[0].endswith(" Å")
    assert histogram.steps is not None
    assert histogram.steps[0] == pytest.approx(histogram.steps[1])
    (phase,) = found.phases
    assert phase.cell == project.phases[0].cell.values()
    assert phase.histograms == (project.histograms[0].name,)


def test_each_group_is_an_entry_and_parts_that_stay_are_fixed(project: Project) -> None:
    one = replace(
        project.histograms[0], excluded=((30.0, 31.0),), background_peaks=(BackgroundPeak(25.0, 10.0, 5.0, 0.1),)
    )
    site = project.phases[0].sites[0].label
    phase = replace(project.phases[0], occupancy_sums=(OccupancySum((site, site)),))
    found = project_inventory(replace(project, histograms=(one,), phases=(phase,)), Path("p"))
    kinds = {entry.kind for entry in found.entries}
    assert {Kind.LIMITS, Kind.EXCLUDED, Kind.BACKGROUND_PEAK, Kind.CONSTRAINT, Kind.FLAG} <= kinds
    assert {entry.treatment for entry in found.entries} == {Treatment.FIXED}
    names = {entry.name for entry in found.entries if entry.groups}
    assert {"cell", "U", "occupancy", "scale"} <= names
    assert len(names & {"transparency", "absorption"}) == 1


def test_a_le_bail_phase_has_no_structure_to_refine(project: Project) -> None:
    phase = replace(project.phases[0], intensities="Le Bail")
    found = project_inventory(replace(project, phases=(phase,)), Path("p"))
    assert any(entry.kind is Kind.INTENSITIES for entry in found.entries)
    assert not any("positions" in entry.groups for entry in found.entries)

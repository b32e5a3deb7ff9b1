"""Friedel mates: how much they differ, against a plain sum over atoms."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.crystal.scattering import Scatterers
from autogsas.model.project import Project, Search

from autogsas_gsas2.friedel import friedel_difference


def sample(name: str) -> Project:
    return given_project(next(one for one in SAMPLES if one.name == name), Search())


def plain(project: Project) -> float:
    phase, histogram = project.phases[0], project.histograms[0]
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    cell = gemmi.UnitCell(*phase.cell.values())
    wavelength = histogram.instrument.wavelengths[0]
    d_min = wavelength / (2.0 * np.sin(np.radians(histogram.limits[1]) / 2.0))
    differ = total = 0.0
    for miller in gemmi.make_miller_array(cell, group, d_min):
        s2 = np.array([cell.calculate_1_d2(miller) / 4.0])
        scatterers = Scatterers.xray(tuple(site.element for site in phase.sites), wavelength)
        f = scatterers.factors(s2)[0][0] + scatterers.anomalous
        squares = []
        for sign in (1, -1):
            amplitude = 0j
            for site, factor in zip(phase.sites, f, strict=True):
                images = {
                    tuple(np.round(np.array(op.apply_to_xyz(list(site.xyz))) % 1.0, 5) % 1.0)
                    for op in group.operations()
                }
                wave = sum(np.exp(2j * np.pi * sign * np.dot(miller, image)) for image in images)
                amplitude += site.occupancy * factor * wave * np.exp(-8.0 * np.pi**2 * s2[0] * site.uiso)
            squares.append(abs(amplitude) ** 2)
        turned = [np.array(op.apply_to_hkl(miller)) for op in group.operations().sym_ops]
        multiplicity = float(len({tuple(sign * h) for h in turned for sign in (1, -1)}))
        differ += multiplicity * abs(squares[0] - squares[1]) / 2.0
        total += multiplicity * sum(squares) / 2.0
    return differ / total


@pytest.mark.parametrize("name", ["zincite-plates", "displaced-quartz"])
def test_the_difference_is_that_of_a_plain_sum(name: str) -> None:
    project = sample(name)
    found = friedel_difference(project.phases[0], project.histograms[0])
    assert found == pytest.approx(plain(project), rel=0.02)


def test_with_a_centre_of_symmetry_there_is_none() -> None:
    project = sample("corundum-plain")
    assert friedel_difference(project.phases[0], project.histograms[0]) == 0.0

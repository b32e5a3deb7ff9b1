"""Directions of texture and broadening, and the candidates along them."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.builtin.strategy.candidates import autogsas_list_candidates
from autogsas.builtin.strategy.directions import broadening_axes, orientation_axes
from autogsas.builtin.strategy.options import axes
from autogsas.crystal.symmetry import Symmetry
from autogsas.hooks.backend import Capabilities, StartWord
from autogsas.model.advice import Candidate
from autogsas.model.project import Project, Search
from autogsas.model.recipe import GROUPS
from autogsas.model.sample import Broadening
from autogsas.model.structure import Cell, Phase

ALL = Capabilities(groups=frozenset(GROUPS), starts=frozenset(get_args(StartWord)))
GROUPS_OF_ALL_SYSTEMS = (
    *("P -1", "P 1 21/c 1", "P 1 1 21/b", "P n m a", "P 42/m n m"),
    *("P 31 2 1", "R -3 c:H", "R -3 c:R", "P 63/m", "F m -3 m"),
)


def phase(group: str) -> Phase:
    return Phase("one", group, Cell(5, 5, 5, 90, 90, 90), ())


def given(name: str) -> Project:
    return given_project(next(sample for sample in SAMPLES if sample.name == name), Search())


def candidates(project: Project, can: Capabilities = ALL) -> dict[str, Candidate]:
    return {one.name: one for one in autogsas_list_candidates(project, can)}


@pytest.mark.parametrize("group", GROUPS_OF_ALL_SYSTEMS)
def test_no_axis_is_offered_twice(group: str) -> None:
    """Equivalent axes have the same March-Dollase factor; those of a search are all there, and come first."""
    found = orientation_axes(phase(group))
    rotations = Symmetry.from_name(group).rotations
    for axis in (*found, *axes(phase(group))):
        equivalents = {tuple((sign * (np.array(axis) @ r)).tolist()) for r in rotations for sign in (1, -1)}
        assert len(equivalents & set(found)) == 1, axis
    first = [axis for axis in found if axis in axes(phase(group))]
    assert list(found[: len(first)]) == first


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("F m -3 m", ()),
        ("P 42/m n m", ((0, 0, 1),)),
        ("P 63/m", ((0, 0, 1),)),
        ("R -3 c:H", ((0, 0, 1),)),
        ("R -3 c:R", ((1, 1, 1),)),
        ("P n m a", ((0, 0, 1), (1, 0, 0), (0, 1, 0))),
        ("P 1 21/c 1", ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 0, 1), (1, 0, -1))),
    ],
)
def test_broadening_is_uniaxial_about_axes_of_the_symmetry(group: str, expected: tuple[object, ...]) -> None:
    assert broadening_axes(phase(group)) == expected


def test_alternatives_of_broadening_exclude_each_other() -> None:
    found = candidates(given("anglesite-neutrons"))
    sizes = [one for name, one in found.items() if name.startswith("uniaxial size")]
    strains = [one for name, one in found.items() if name.startswith(("uniaxial strain", "generalized strain"))]
    assert len(sizes) == 3
    assert len(strains) == 4
    for group in (sizes, strains):
        (label,) = {one.alternatives for one in group}
        assert label


def test_a_phase_keeps_the_model_that_it_has() -> None:
    project = given("faulted-LiCoO2")
    (one,) = project.phases
    uniaxial = replace(one.specimen, strain=Broadening(1000.0, "uniaxial", 2000.0))
    found = candidates(replace(project, phases=(replace(one, specimen=uniaxial),)))
    assert "uniaxial strain along 0 0 1" not in found
    assert "generalized strain" in found
    assert "uniaxial size along 0 0 1" in found
    generalised = replace(one.specimen, strain=Broadening(1000.0, "generalized"))
    found = candidates(replace(project, phases=(replace(one, specimen=generalised),)))
    assert not [name for name in found if name.startswith(("generalized", "uniaxial strain"))]


def test_an_engine_that_cannot_change_models_is_not_asked_to() -> None:
    found = candidates(given("faulted-LiCoO2"), replace(ALL, starts=ALL.starts - {"broadening"}))
    assert not [name for name in found if name.startswith(("generalized", "uniaxial"))]

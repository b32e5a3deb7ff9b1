"""Histograms by their data, phases by kind, sites by place; figures over what both count."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogsas.comparison import build_comparison
from autogsas.comparison.matching import align
from autogsas.comparison.measuring import same_data
from autogsas.model.metrics import measure
from tests.comparison.samples import CELL, SITES, make_fit, make_refinement, observed


def rows(comparison):
    return {(row.owner, row.name): row for row in comparison.rows}


def test_names_of_histogram_phase_and_sites_become_those_of_the_first():
    renamed = tuple((f"{label}_{i}", *rest) for i, (label, *rest) in enumerate(SITES))
    other = make_refinement("hand", fits=[make_fit("PWDR x")], phase="Fap", sites=renamed[::-1])
    found = build_comparison([make_refinement("run"), other])
    assert found.pairs[0].verdict.word == "same"
    assert found.pairs[0].two.fits[0].name == "FAP"
    assert found.pairs[0].two.fits[0].r_bragg == (("apatite", 4.0),)
    row = rows(found)["apatite", "Ca2 x"]
    assert row.cells[0] == row.cells[1]
    assert row.gaps[0].value == 0.0
    assert {item.name for item in found.refinements[1].parameters} == {
        item.name for item in found.refinements[0].parameters
    }


@settings(max_examples=25)
@given(operation=st.integers(0, 11), turn=st.integers(-2, 2), order=st.permutations(range(len(SITES))))
def test_equivalent_sites_are_no_difference(operation, turn, order):
    op = list(gemmi.SpaceGroup("P 63/m").operations())[operation]
    images = tuple(
        (label, element, *(value + turn for value in op.apply_to_xyz([x, y, z])), u)
        for label, element, x, y, z, u in SITES
    )
    found = build_comparison([make_refinement("run"), make_refinement("hand", sites=[images[i] for i in order])])
    for row in found.rows:
        for gap in row.gaps:
            assert gap is None or abs(gap.value) < 1e-9


def test_ions_and_atoms_are_the_same_sites():
    ions = tuple((label, {"Ca": "Ca2+", "O": "O2-"}.get(element, element), *rest) for label, element, *rest in SITES)
    assert (
        build_comparison([make_refinement("run"), make_refinement("hand", sites=ions)]).pairs[0].verdict.word == "same"
    )


def test_another_origin_choice_is_transformed_to_the_setting_of_the_first():
    cell = {"a": 5.43, "b": 5.43, "c": 5.43, "alpha": 90.0, "beta": 90.0, "gamma": 90.0}
    one = make_refinement("run", space_group="F d -3 m:2", cell=cell, sites=[("Si", "Si", 0.125, 0.125, 0.125, 0.006)])
    two = make_refinement("hand", space_group="F d -3 m:1", cell=cell, sites=[("Si", "Si", 0.0, 0.0, 0.0, 0.006)])
    found = build_comparison([one, two])
    assert found.pairs[0].verdict.word == "same", found.pairs[0].verdict
    assert found.pairs[0].two.end.phases[0].xyz[0] == pytest.approx([0.125, 0.125, 0.125], abs=1e-9)


def test_rhombohedral_axes_are_transformed_to_hexagonal_ones():
    hexagonal = {"a": 4.0, "b": 4.0, "c": 9.797958971132712, "alpha": 90.0, "beta": 90.0, "gamma": 120.0}
    rhombohedral = {"a": 4.0, "b": 4.0, "c": 4.0, "alpha": 60.0, "beta": 60.0, "gamma": 60.0}
    one = make_refinement("run", space_group="R -3 m:H", cell=hexagonal, sites=[("Bi", "Bi", 0.0, 0.0, 0.23, 0.01)])
    two = make_refinement(
        "hand", space_group="R -3 m:R", cell=rhombohedral, sites=[("Bi", "Bi", 0.23, 0.23, 0.23, 0.01)]
    )
    found = build_comparison([one, two])
    assert found.pairs[0].verdict.word == "same", found.pairs[0].verdict
    assert found.pairs[0].two.end.phases[0].cell == pytest.approx(list(hexagonal.values()), rel=1e-9)


def test_data_are_recognised_by_their_points_and_counts():
    fit = make_fit()
    assert same_data(fit.profile, make_fit(limits=(40.0, 90.0)).profile)
    assert not same_data(fit.profile, make_fit(seed=2).profile)
    assert not same_data(fit.profile, make_fit(shift=0.01).profile)
    assert not same_data(fit.profile, make_fit(scale=2.0).profile)
    assert not same_data(make_fit(limits=(15.0, 40.0)).profile, make_fit(limits=(60.0, 90.0)).profile)


def test_figures_are_calculated_again_over_the_common_points():
    one, two = make_refinement("run", off=0.04), make_refinement("hand", fits=[make_fit(limits=(40.0, 90.0), off=0.05)])
    profile = one.fits[0].profile
    weight = np.where((profile.two_theta > 50.0) & (profile.two_theta < 60.0), 0.0, profile.weight)
    one = replace(one, fits=(replace(one.fits[0], profile=replace(profile, weight=weight)),))
    common = build_comparison([one, two]).pairs[0].common
    assert common is not None
    assert common.differ
    x = profile.two_theta
    chosen = (x >= 40.0 - 1e-9) & (x <= 90.0 + 1e-9) & (weight > 0)
    right = measure(profile.observed[chosen], profile.calculated[chosen], weight[chosen], 30)
    assert common.one.rwp == pytest.approx(right.rwp, rel=1e-12)
    assert common.one.bic == pytest.approx(right.bic, rel=1e-12)
    assert common.one.n_observations == common.two.n_observations == int(chosen.sum())
    second = two.fits[0].profile
    chosen = (second.two_theta <= 50.0) | (second.two_theta >= 60.0)
    right = measure(second.observed[chosen], second.calculated[chosen], second.weight[chosen], 30)
    assert common.two.rwp == pytest.approx(right.rwp, rel=1e-12)
    assert any("do not count the same points" in text for text in build_comparison([one, two]).warnings)


def test_equal_limits_give_no_warning():
    found = build_comparison([make_refinement("run"), make_refinement("hand", off=0.06)])
    assert found.warnings == ()
    assert found.pairs[0].common.one == found.refinements[0].figures


def test_other_weights_are_reported_and_those_of_the_first_are_used():
    two = make_refinement("hand")
    profile = two.fits[0].profile
    flat = replace(two, fits=(replace(two.fits[0], profile=replace(profile, weight=np.ones(profile.weight.size))),))
    found = build_comparison([make_refinement("run"), flat])
    assert any("weights of the points differ" in text for text in found.warnings)
    assert found.pairs[0].common.two.rwp == pytest.approx(found.pairs[0].common.one.rwp, rel=1e-12)


def test_patterns_are_paired_in_any_order_and_a_missing_one_is_an_obstacle():
    x_rays, neutrons = make_fit("X"), make_fit("N", seed=2)
    one, two = make_refinement("run", fits=[x_rays, neutrons]), make_refinement("hand", fits=[neutrons, x_rays])
    assert [(a.name, b.name) for a, b in align(one, two).pairs] == [("X", "X"), ("N", "N")]
    found = build_comparison([one, make_refinement("hand", fits=[x_rays])]).pairs[0].verdict
    assert found.word == "not comparable"
    assert "only run has N" in found.sentence


def test_differences_are_the_first_minus_the_other_in_combined_esds():
    longer = dict(CELL, a=9.371, b=9.371)
    found = rows(build_comparison([make_refinement("run", cell=longer), make_refinement("hand")]))["apatite", "a"]
    assert found.gaps[0].value == pytest.approx(0.001)
    assert found.gaps[0].esds == pytest.approx(0.001 / np.hypot(1e-4, 1e-4))


def test_the_simulated_pattern_consists_of_counts():
    assert np.array_equal(observed(1), observed(1))
    assert not np.array_equal(observed(1), observed(2))


def test_a_refinement_without_esds_is_reported():
    found = build_comparison([make_refinement("run"), make_refinement("start", esds=False)])
    assert found.warnings == ("start has no esds; differences are given in the esds of run alone",)

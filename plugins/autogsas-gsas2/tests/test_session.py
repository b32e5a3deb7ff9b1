"""A session refines the project's own data, settings and values."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from autogsas.builtin.checks.terms import check_terms
from autogsas.model.pattern import counting_weights
from autogsas.model.project import Project
from autogsas.model.recipe import BACKGROUNDS, Background, Free, Setting, Step
from autogsas.model.structure import Cell
from autogsas.testing.samples import make_project
from trials import FIRST, FLAT, SECOND, frees, measured, needs_gsas2, replace_step, run_script, session, values

pytestmark = needs_gsas2


def test_rwp_of_gsas2_and_of_the_host_agree(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        done = opened.refine(SECOND)
        result = opened.result()
    assert done.converged
    assert done.shift_esd < 0.05
    assert result.engine_rwp == pytest.approx(measured(result), abs=1e-6)
    assert values(result)["phase:a"] == pytest.approx(4.123, abs=5e-4)


def test_weights_and_points_are_the_projects(project: Project, tmp_path: Path) -> None:
    histogram = project.histograms[0]
    weights = histogram.pattern.weights.copy()
    weights[500:520] = 0.0
    weights[600:] *= 0.25
    y = histogram.pattern.y.copy()
    y[510] = np.nan
    changed = replace(histogram, pattern=replace(histogram.pattern, y=y, weights=weights))
    with session(replace(project, histograms=(changed,)), tmp_path / "trial") as opened:
        opened.refine(FIRST)
        curves = opened.result().curves[0]
    inside = np.searchsorted(histogram.pattern.x, curves.x[0])
    assert np.array_equal(curves.weights, weights[inside : inside + curves.x.size])
    assert np.array_equal(curves.x, histogram.pattern.x[inside : inside + curves.x.size])


def test_excluded_regions_have_no_weight_and_no_influence(project: Project, tmp_path: Path) -> None:
    histogram = project.histograms[0]
    y = histogram.pattern.y.copy()
    spoilt = (histogram.pattern.x > 40.0) & (histogram.pattern.x < 45.0)
    y[spoilt] = 9000.0
    np.savetxt(histogram.files[0], np.column_stack([histogram.pattern.x, y]), fmt="%.6f")
    pattern = replace(histogram.pattern, y=y, weights=counting_weights(y))
    changed = replace(histogram, pattern=pattern, excluded=((39.9, 45.1),))
    saved = tmp_path / "saved"
    saved.mkdir()
    with session(replace(project, histograms=(changed,)), tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(SECOND)
        result = opened.result()
        opened.save(saved)
    curves = result.curves[0]
    out = (curves.x >= 39.9) & (curves.x <= 45.1)
    assert np.all(curves.weights[out] == 0)
    assert measured(result) < 20.0
    assert values(result)["phase:a"] == pytest.approx(4.123, abs=1e-3)
    assert str(histogram.files[0]) in (saved / "best.py").read_text(encoding="utf-8")
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=0.01)
    # GSAS-II's own Rwp counts the excluded points in the denominator.
    assert result.engine_rwp < 0.5 * measured(result)


def test_background_keeps_its_curve_when_function_terms_or_limits_change(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        before = opened.result().curves[0]
        other = Background(function="Q^2 power series", terms=5)
        opened.refine(Step(title="another", background=(other,), free=frees("zero"), fix=frees("background"), cycles=1))
        after = opened.result().curves[0]
        # One cycle with the zero free: the background was not refined, only written with another function.
        assert np.max(np.abs(after.background - before.background)) < 0.02 * np.max(before.background)
        window = (before.x[0], 60.0)
        opened.refine(Step(title="window", limits=window, free=frees("zero"), cycles=1))
        narrow = opened.result().curves[0]
    inside = narrow.x < 60.0
    assert np.max(np.abs(narrow.background - before.background)[inside]) < 0.02 * np.max(before.background)


@pytest.mark.parametrize(
    "function",
    [
        "chebyschev-1",
        "cosine",
        "Q^2 power series",
        "Q^-2 power series",
        "lin interpolate",
        "inv interpolate",
        "log interpolate",
    ],
)
def test_every_background_function_is_refined(project: Project, tmp_path: Path, function: str) -> None:
    background = Background.model_validate({"function": function, "terms": 4})
    with session(project, tmp_path / "trial") as opened:
        done = opened.refine(replace_step(FIRST, background=(background,)))
        result = opened.result()
    assert done.n_variables == 5
    assert done.dropped == ()
    assert result.curves[0].background_function == function


@pytest.mark.parametrize("function", BACKGROUNDS)
def test_the_host_finds_unnecessary_background_terms(project: Project, tmp_path: Path, function: str) -> None:
    """The host's check uses the same background functions as GSAS-II; otherwise it would report nothing."""
    background = Background.model_validate({"function": function, "terms": 14})
    with session(project, tmp_path / "trial") as opened:
        opened.refine(replace_step(FIRST, background=(background,), cycles=8))
        opened.refine(replace_step(SECOND, cycles=8))
        result = opened.result()
    (finding,) = check_terms(project.histograms[0], result.curves[0], result)
    assert finding.numbers["terms"] == 14
    assert finding.numbers["enough"] < 8


def test_only_the_corrections_of_the_geometry_are_refined(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", histograms=2)
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(Step(title="shifts", free=frees("displacement", "transparency", "cell"), cycles=5))
        result = opened.result()
    names = result.varied
    assert [curves.geometry for curves in result.curves] == ["Bragg-Brentano", "Debye-Scherrer"]
    assert {"pattern1:Shift", "pattern1:Transparency", "pattern2:DisplaceX", "pattern2:DisplaceY"} <= set(names)
    assert not {"pattern1:DisplaceX", "pattern2:Shift", "pattern2:Transparency"} & set(names)


def test_a_group_that_does_not_apply_is_reported(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        done = opened.refine(replace_step(FIRST, free=(*FIRST.free, *frees("absorption"))))
    assert "absorption does not apply here" in done.message


def test_values_that_are_set_and_fixed_are_kept(project: Project, tmp_path: Path) -> None:
    settings = (
        Setting(group="uiso", value=0.0345, site="Cs"),
        Setting(group="size", value=0.7),
        Setting(group="W", value=70.0),
        Setting(group="displacement", value=11.0),
    )
    with session(project, tmp_path / "trial") as opened:
        opened.refine(replace_step(FIRST, set=settings))
        found = values(opened.result())
    assert found["phase:Cs:Uiso"] == 0.0345
    assert found["phase:Cl:Uiso"] == 0.02
    assert found["phase:pattern:size"] == 0.7
    assert found["pattern:W"] == 70.0
    assert found["pattern:Shift"] == 11.0


def test_the_number_of_cycles_is_not_exceeded(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        assert opened.refine(replace_step(SECOND, cycles=1)).cycles <= 1
        assert opened.refine(replace_step(SECOND, cycles=3)).cycles <= 3


def test_several_phases_have_a_scale_each(project: Project, tmp_path: Path) -> None:
    other = replace(project.phases[0], name="other", cell=Cell(3.9, 3.9, 3.9, 90.0, 90.0, 90.0))
    both = replace(project, phases=(*project.phases, other), phase_files=(*project.phase_files, *project.phase_files))
    with session(both, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        result = opened.result()
    assert {"phase:pattern:scale", "other:pattern:scale"} <= set(result.varied)
    found = values(result)
    assert found["phase:pattern:scale"] > 20 * abs(found["other:pattern:scale"])


def test_atoms_at_one_place_share_their_displacement(project: Project, tmp_path: Path) -> None:
    cs, cl = project.phases[0].sites
    sites = (replace(cs, occupancy=0.5), replace(cs, label="Ba", element="Ba", occupancy=0.5), cl)
    mixed = replace(project, phases=(replace(project.phases[0], sites=sites),))
    with session(mixed, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(Step(title="U", free=frees("uiso")))
        result = opened.result()
    found = values(result)
    assert found["phase:Cs:Uiso"] == found["phase:Ba:Uiso"] != 0.02
    assert sum("Uiso" in name for name in result.varied) == 2


def test_atoms_at_one_place_move_together(project: Project, tmp_path: Path) -> None:
    cs, cl = project.phases[0].sites
    # In P 4 m m x and y are fixed by symmetry, and z of all sites but the first is free.
    sites = (
        cs,
        replace(cl, xyz=(0.5, 0.5, 0.47), occupancy=0.5),
        replace(cl, label="Br", element="Br", xyz=(0.5, 0.5, 0.47), occupancy=0.2),
    )
    polar = replace(project, phases=(replace(project.phases[0], space_group="P 4 m m", sites=sites),))
    with session(polar, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        places = tuple(Free(group="positions", site=label) for label in ("Cl", "Br"))
        opened.refine(Step(title="z", free=(*frees("cell", "W"), *places), cycles=5))
        result = opened.result()
    found = values(result)
    assert found["phase:Cl:z"] == found["phase:Br:z"] != 0.47
    assert found["phase:Cl:x"] == 0.5
    assert sum(name in result.varied for name in ("phase:Cl:z", "phase:Br:z")) == 1


def test_a_structure_in_origin_choice_1_is_returned_in_it(project: Project, tmp_path: Path) -> None:
    cs, _ = project.phases[0].sites
    sites = (replace(cs, label="C", element="C", xyz=(0.0, 0.0, 0.0)),)
    diamond = replace(project.phases[0], space_group="F d -3 m:1", sites=sites, cell=Cell(5.83, 5.83, 5.83, 90, 90, 90))
    with session(replace(project, phases=(diamond,)), tmp_path / "trial") as opened:
        opened.refine(FIRST)
        result = opened.result()
    assert result.phases[0].sites[0].xyz == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    # In the diamond structure 200 is extinct: space group and site are read correctly.
    assert {tuple(hkl) for hkl in np.abs(result.curves[0].reflections[0].hkl)} >= {(1, 1, 1), (2, 2, 0)}
    assert values(result)["phase:C:x"] == pytest.approx(0.0, abs=1e-9)


def test_tensors_are_refined_and_returned(project: Project, tmp_path: Path) -> None:
    cs, cl = project.phases[0].sites
    tensor = (0.02, 0.02, 0.02, 0.0, 0.0, 0.0)
    phase = replace(project.phases[0], sites=(replace(cs, uaniso=tensor), cl))
    with session(replace(project, phases=(phase,)), tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(Step(title="U", free=(Free(group="uaniso", site="Cs"),)))
        result = opened.result()
    assert result.phases[0].sites[0].uaniso is not None
    assert result.phases[0].sites[1].uaniso is None
    assert "phase:Cs:U11" in result.varied
    found = values(result)
    assert found["phase:Cs:U11"] == found["phase:Cs:U22"] != 0.02


def test_all_fields_of_a_result_are_filled(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        result = opened.result()
    reflections = result.curves[0].reflections[0]
    sizes = {np.shape(getattr(reflections, f.name))[0] for f in dataclasses.fields(reflections) if f.name != "phase"}
    assert sizes == {reflections.d.size}
    first = reflections.hkl[0]
    assert sorted(np.abs(first)) == [0, 0, 1]
    assert reflections.multiplicity[0] == 6
    assert reflections.d[0] == pytest.approx(4.123, abs=1e-3)
    wavelength = project.histograms[0].instrument.wavelengths[0]
    assert reflections.two_theta[0] == pytest.approx(2 * np.degrees(np.arcsin(wavelength / 2 / 4.123)), abs=0.01)
    assert FLAT[0].terms == sum("background" in name for name in values(result))


def test_a_group_can_be_freed_for_one_site(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(Step(title="one U", free=(Free(group="uiso", site="Cl"),), cycles=3))
        varied = opened.result().varied
    assert "phase:Cl:Uiso" in varied
    assert "phase:Cs:Uiso" not in varied


def test_axial_divergence_stops_at_its_limit(project: Project, tmp_path: Path) -> None:
    # The peaks are symmetric: SH/L decreases to its limit, and would diverge in GSAS-II without one.
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(SECOND)
        done = opened.refine(Step(title="divergence", free=frees("SH/L"), set=(Setting(group="SH/L", value=0.01),)))
        found = values(opened.result())
    assert found["pattern:SH/L"] == 0.002
    assert "pattern:SH/L" in done.at_bound
    assert done.rwp == pytest.approx(measured_again(project, tmp_path), abs=0.01)


def measured_again(project: Project, tmp_path: Path) -> float:
    """Return Rwp of the same steps without SH/L."""
    with session(project, tmp_path / "without") as opened:
        opened.refine(FIRST)
        return opened.refine(SECOND).rwp

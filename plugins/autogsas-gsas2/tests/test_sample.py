"""The sample of a project (size, strain, orientation, absorption, background peaks) in GSAS-II."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from autogsas.crystal.strain import strain_terms
from autogsas.crystal.symmetry import cell_to_metric
from autogsas.engine.session import EngineSession
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Setting, SizeModel, Start, Step, StrainModel
from autogsas.model.sample import BackgroundPeak, Broadening, OccupancySum, Orientation, Specimen
from autogsas.model.structure import Cell
from autogsas.testing.samples import make_project
from trials import FIRST, FLAT, by_name, finished, frees, measured, needs_gsas2, run_script, session, simulated

from autogsas_gsas2.gpx import read_project
from autogsas_gsas2.safe_pickle import read_gpx

pytestmark = needs_gsas2

BROAD_PEAKS = (BackgroundPeak(33.0, 4000.0, 4000.0, 50.0), BackgroundPeak(50.0, 3000.0, 2000.0, 0.1))
SPECIMEN = Specimen(
    Broadening(0.04, "uniaxial", 0.02, (0, 0, 1), 0.7), Broadening(1800.0, mix=0.9), Orientation((0, 0, 1), 0.8)
)
TRUTH = Step(
    title="made", background=FLAT, set=(Setting(group="scale", value=15.0),), free=frees("background"), cycles=1
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A tetragonal phase with narrow instrumental peaks, in Debye-Scherrer geometry."""
    made = make_project(tmp_path / "project", histograms=2)
    histogram = made.histograms[1]
    sharp = replace(histogram, instrument=replace(histogram.instrument, W=5.0))
    cs, cl = made.phases[0].sites
    phase = replace(made.phases[0], space_group="P 4/m m m", cell=Cell(4.123, 4.123, 4.025, 90, 90, 90), sites=(cs, cl))
    return replace(made, histograms=(sharp,), phases=(phase,))


def of(project: Project, specimen: Specimen, **histogram: Any) -> Project:
    phases = tuple(replace(phase, specimen=specimen) for phase in project.phases)
    return replace(project, phases=phases, histograms=tuple(replace(item, **histogram) for item in project.histograms))


def tree(saved: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of the phase in the pattern, and of the pattern, from a saved project."""
    found = read_gpx(saved / "best.gpx")
    key = next(key for key in found if key.startswith("PWDR "))
    return found["Phases"]["phase"]["Histograms"][key], found[key]


def test_the_sample_is_written_into_the_gpx_and_the_script(project: Project, tmp_path: Path) -> None:
    wanted = of(project, SPECIMEN, absorption=0.4, background_peaks=BROAD_PEAKS)
    result, saved = finished(wanted, tmp_path / "run", FIRST)
    pair, pattern = tree(saved)
    assert pair["Size"][:4] == ["uniaxial", [0.04, 0.02, 0.7], [False, False, False], [0, 0, 1]]
    assert pair["Mustrain"][:3] == ["isotropic", [1800.0, 1800.0, 0.9], [False, False, False]]
    assert pair["Pref.Ori."][:4] == ["MD", 0.8, False, [0, 0, 1]]
    assert pair["LeBail"] is False
    assert pattern["Sample Parameters"]["Absorption"] == [0.4, False]
    assert pattern["Background"][1]["nPeaks"] == 2
    assert pattern["Background"][1]["peaksList"][0] == [33.0, False, 4000.0, False, 4000.0, False, 50.0, False]
    found = by_name(result)
    assert [
        found[f"phase:pattern2:{name}"].value for name in ("size equatorial", "size axial", "size_mix", "strain")
    ] == [0.04, 0.02, 0.7, 1800.0]
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)
    again = read_project(saved / "best.gpx")
    assert again.phases[0].specimen == SPECIMEN
    assert (again.histograms[0].absorption, again.histograms[0].background_peaks) == (0.4, BROAD_PEAKS)


def test_a_default_sample_changes_nothing(project: Project, tmp_path: Path) -> None:
    result, saved = finished(project, tmp_path / "run", FIRST)
    assert "the sample" not in (saved / "best.py").read_text(encoding="utf-8")
    assert {"phase:pattern2:size", "phase:pattern2:strain"} <= set(by_name(result))
    assert result.notes == ()


@pytest.mark.parametrize("group", ["size", "strain"])
def test_uniaxial_broadening_is_refined(project: Project, tmp_path: Path, group: Any) -> None:
    truth, start = {
        "size": (Broadening(0.04, "uniaxial", 0.02), Broadening(0.05, "uniaxial", 0.03)),
        "strain": (Broadening(2500.0, "uniaxial", 6000.0), Broadening(3500.0, "uniaxial", 4500.0)),
    }[group]
    data = simulated(of(project, replace(Specimen(), **{group: truth})), tmp_path / "made", TRUTH)
    result, _ = finished(
        of(data, replace(Specimen(), **{group: start})), tmp_path / "run", FIRST, Step(free=frees(group))
    )
    found = by_name(result)
    for name, value in (("equatorial", truth.value), ("axial", truth.axial)):
        parameter = found[f"phase:pattern2:{group} {name}"]
        assert parameter.esd is not None
        assert parameter.name in result.varied
        assert abs(parameter.value - (value or 0.0)) < 4 * parameter.esd
        assert parameter.esd < 0.2 * parameter.value


def test_the_lorentzian_fraction_is_refined(project: Project, tmp_path: Path) -> None:
    data = simulated(of(project, Specimen(Broadening(0.04, mix=0.5))), tmp_path / "made", TRUTH)
    step = Step(title="mix", free=frees("size_mix"))
    result, saved = finished(of(data, Specimen(Broadening(0.04))), tmp_path / "run", FIRST, step)
    found = by_name(result)["phase:pattern2:size_mix"]
    assert found.value == pytest.approx(0.5, abs=0.15)
    assert (found.group, found.unit) == ("size_mix", "")
    assert found.esd is not None
    assert abs(found.value - 0.5) < 4 * found.esd
    assert tree(saved)[0]["Size"][2] == [False, False, True]
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)


def test_the_lorentzian_fraction_is_limited_to_one(project: Project, tmp_path: Path) -> None:
    # The start has too little strain, so that the fraction of its Lorentzian part would exceed one.
    data = simulated(of(project, Specimen(strain=Broadening(6000.0))), tmp_path / "made", TRUTH)
    start = of(data, Specimen(strain=Broadening(5000.0, mix=0.9)))
    with session(start, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        done = opened.refine(Step(title="fraction", free=frees("strain_mix")))
        result = opened.result()
    assert by_name(result)["phase:pattern2:strain_mix"].value == 1.0
    assert done.at_bound == ("phase:pattern2:strain_mix",)


def test_the_wrong_derivative_of_a_gaussian_size_is_noted(project: Project, tmp_path: Path) -> None:
    with session(of(project, Specimen(Broadening(0.05, mix=0.5))), tmp_path / "trial") as opened:
        opened.refine(FIRST)
        done = opened.refine(Step(title="size", free=frees("size"), cycles=1))
        assert any("derivative of an isotropic Gaussian size" in note for note in opened.result().notes)
    assert "derivative of an isotropic Gaussian size" in done.message


def test_orientation_and_absorption_are_refined(project: Project, tmp_path: Path) -> None:
    wanted = of(project, replace(Specimen(), orientation=Orientation((0, 0, 1), 0.8)), absorption=0.5)
    data = simulated(wanted, tmp_path / "made", TRUTH)
    start = of(data, replace(Specimen(), orientation=Orientation((0, 0, 1), 0.9)), absorption=0.5)
    result, saved = finished(start, tmp_path / "run", FIRST, Step(free=frees("preferred_orientation")))
    found = by_name(result)["phase:pattern2:preferred_orientation"]
    assert found.value == pytest.approx(0.8, abs=0.02)
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)
    step = Step(free=frees("absorption"), fix=frees("scale"), set=(Setting(group="scale", value=15.0),))
    again = by_name(finished(of(start, wanted.phases[0].specimen, absorption=0.1), tmp_path / "two", FIRST, step)[0])
    absorption = again["pattern2:Absorption"]
    assert absorption.esd is not None
    assert abs(absorption.value - 0.5) < 5 * absorption.esd


def test_absorption_is_left_out_in_bragg_brentano_geometry(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    flat = replace(project, histograms=(replace(project.histograms[0], absorption=0.4),))
    result, _ = finished(flat, tmp_path / "run", FIRST)
    assert any("absorption is left out" in note for note in result.notes)


def test_broad_peaks_are_added_to_the_background_function(project: Project, tmp_path: Path) -> None:
    peaks = (BackgroundPeak(45.0, 60000.0, 10000.0, 0.1),)
    data = simulated(of(project, Specimen(), background_peaks=peaks), tmp_path / "made", TRUTH, noise=False)
    plain = data.histograms[0].pattern.y
    # The background is not freed: its curve must be the one under the broad peak.
    still = Step(title="start", background=FLAT, free=frees("scale"))
    result, _ = finished(data, tmp_path / "run", still)
    curve = result.curves[0]
    polynomial = np.polynomial.Polynomial.fit(curve.x[curve.x > 60], curve.background[curve.x > 60], 2)
    broad = curve.background - polynomial(curve.x)
    around = np.abs(curve.x - 45.0) < 6.0
    assert np.trapezoid(broad[around], curve.x[around]) * 100.0 == pytest.approx(60000.0, rel=0.03)
    assert np.max(np.abs(curve.calculated - plain)) < 0.1 * np.max(plain)


@pytest.fixture
def mixed(tmp_path: Path) -> Project:
    """Two atoms share a position; their occupancies add up to one."""
    made = make_project(tmp_path / "mixed")
    cs, cl = made.phases[0].sites
    sites = (replace(cs, occupancy=0.6), replace(cs, label="Rb", element="Rb", occupancy=0.4), cl)
    phase = replace(made.phases[0], sites=sites, occupancy_sums=(OccupancySum(("Cs", "Rb"), 1.0),))
    return replace(made, phases=(phase,))


def test_occupancies_keep_their_sum(mixed: Project, tmp_path: Path) -> None:
    step = Step(title="occupancies", free=(*frees("occupancy"),), fix=(Free(group="occupancy", site="Cl"),))
    result, saved = finished(mixed, tmp_path / "run", FIRST, step)
    found = by_name(result)
    cs, rb = found["phase:Cs:occupancy"], found["phase:Rb:occupancy"]
    assert cs.value != 0.6
    assert cs.value + rb.value == pytest.approx(1.0, abs=1e-9)
    assert cs.esd == pytest.approx(rb.esd)
    # One variable is refined. It has the name of one of the occupancies instead of GSAS-II's name.
    assert [name for name in result.varied if "occupancy" in name] == ["phase:Cs:occupancy"]
    assert result.correlation.shape == (len(result.varied), len(result.varied))
    assert not any("constr" in name for name in found)
    # More electrons at the position make the peaks stronger, which a smaller scale compensates.
    row = result.varied.index("phase:Cs:occupancy")
    assert result.correlation[row, result.varied.index("phase:pattern:scale")] < -0.5
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)


def test_one_free_occupancy_of_a_sum_stays_at_its_value(mixed: Project, tmp_path: Path) -> None:
    result, _ = finished(mixed, tmp_path / "run", FIRST, Step(free=(Free(group="occupancy", site="Rb"),)))
    assert [by_name(result)[f"phase:{site}:occupancy"].value for site in ("Cs", "Rb")] == [0.6, 0.4]


@pytest.mark.parametrize(
    ("group", "wanted", "truth"),
    [
        ("size", SizeModel(model="uniaxial"), Broadening(0.04, "uniaxial", 0.02)),
        ("strain", StrainModel(model="uniaxial"), Broadening(2500.0, "uniaxial", 6000.0)),
    ],
)
def test_a_recipe_makes_broadening_uniaxial(
    project: Project, tmp_path: Path, group: Any, wanted: Any, truth: Broadening
) -> None:
    """From an isotropic start; what was refined stays refined, and the script repeats it."""
    data = simulated(of(project, replace(Specimen(), **{group: truth})), tmp_path / "made", TRUTH)
    steps = (FIRST, Step(free=frees(group)), Step(start=(Start(phase="phase", **{group: wanted}),)))
    start = Broadening(0.04 if group == "size" else 3000.0)
    result, saved = finished(of(data, replace(Specimen(), **{group: start})), tmp_path / "run", *steps)
    found = by_name(result)
    for name, value in (("equatorial", truth.value), ("axial", truth.axial)):
        parameter = found[f"phase:pattern2:{group} {name}"]
        assert parameter.esd is not None
        assert abs(parameter.value - (value or 0.0)) < 4 * parameter.esd
    assert getattr(result.phases[0].specimen, group).model == "uniaxial"
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)


def test_generalised_strain_is_refined_and_as_in_the_numpy_engine(project: Project, tmp_path: Path) -> None:
    """Started by a recipe in both engines: the same coefficients, under the same names."""
    names = strain_terms(project.phases[0].space_group).names
    metric = cell_to_metric(project.phases[0].cell.values())
    flat = strain_terms(project.phases[0].space_group).fitting(np.full(400, 4000.0), metric)
    true = Broadening(1000.0, "generalized", coefficients=tuple((flat * np.linspace(1.4, 0.9, len(flat))).tolist()))
    data = simulated(of(project, Specimen(strain=true)), tmp_path / "made", TRUTH)
    begun = of(data, Specimen(strain=Broadening(3500.0)))
    steps = (
        FIRST,
        Step(free=frees("strain")),
        Step(start=(Start(phase="phase", strain=StrainModel(model="generalized")),)),
    )
    result, saved = finished(begun, tmp_path / "run", *steps)
    mine = EngineSession(begun, "test")
    for step in steps:
        mine.refine(step)
    theirs, ours = by_name(result), by_name(mine.result())
    for name, value in zip(names, true.coefficients, strict=True):
        parameter, other = theirs[f"phase:pattern2:strain {name}"], ours[f"phase:pattern2:strain {name}"]
        assert parameter.esd is not None
        assert other.esd is not None
        assert abs(parameter.value - value) < 4 * parameter.esd
        assert abs(parameter.value - other.value) < 0.5 * parameter.esd
        assert parameter.unit == other.unit
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)
    again = read_project(saved / "best.gpx").phases[0].specimen.strain
    assert again.model == "generalized"
    assert again.coefficients == pytest.approx([theirs[f"phase:pattern2:strain {name}"].value for name in names])


@pytest.mark.parametrize("back", ["isotropic", "uniaxial"])
def test_models_are_changed_to_the_values_of_the_numpy_engine(project: Project, tmp_path: Path, back: Any) -> None:
    """From an anisotropic strain, the mean over the same directions; a value set in all directions."""
    names = strain_terms(project.phases[0].space_group).names
    flat = strain_terms(project.phases[0].space_group).fitting(
        np.full(400, 3000.0), cell_to_metric(project.phases[0].cell.values())
    )
    given = Broadening(1000.0, "generalized", coefficients=tuple((flat * np.linspace(1.8, 0.7, len(flat))).tolist()))
    begun = of(project, Specimen(strain=given))
    change = Step(start=(Start(phase="phase", strain=StrainModel(model=back)),), cycles=1)
    set_to = Step(
        start=(Start(phase="phase", strain=StrainModel(model="generalized")),),
        set=(Setting(group="strain", value=2000.0),),
        cycles=1,
    )
    for steps in ((FIRST, change), (FIRST, set_to)):
        result, _ = finished(begun, tmp_path / f"run{len(steps[1].set)}", *steps)
        mine = EngineSession(begun, "test")
        for step in steps:
            mine.refine(step)
        theirs, ours = (
            {p.name: p.value for p in one.parameters if p.group == "strain"} for one in (result, mine.result())
        )
        assert len(theirs) == (len(names) if steps[1] is set_to else 2 if back == "uniaxial" else 1)
        assert theirs == {name: pytest.approx(value, rel=1e-6) for name, value in ours.items()}

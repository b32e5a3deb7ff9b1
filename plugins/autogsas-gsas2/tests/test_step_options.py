"""Options of a step besides groups: starting values, geometry, tensors of isotropic sites, shared U_iso."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
from autogsas.errors import BackendError
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Setting, Start, Step
from autogsas.model.result import Result
from autogsas.model.sample import Orientation, Specimen
from autogsas.model.structure import Cell, Site
from autogsas.testing.samples import make_project
from trials import FIRST, FLAT, by_name, finished, frees, measured, needs_gsas2, run_script, session, simulated

from autogsas_gsas2.gpx import read_project
from autogsas_gsas2.safe_pickle import read_gpx

pytestmark = needs_gsas2

TENSOR = (0.012, 0.03, 0.02, 0.004, 0.006, -0.003)
MADE = Step(title="made", background=FLAT, set=(Setting(group="scale", value=4.0),), free=frees("background"), cycles=1)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A monoclinic phase whose three sites have different U, two of them in general positions; limits up to 60°."""
    made = make_project(tmp_path / "project")
    # A shorter pattern has fewer reflections, and GSAS-II's time is proportional to their number.
    short = replace(made.histograms[0], limits=(made.histograms[0].limits[0], 60.0))
    sites = (
        Site("Cs", "Cs", (0.0, 0.0, 0.0), 1.0, 0.01),
        Site("Cl", "Cl", (0.27, 0.31, 0.42), 1.0, 0.02),
        Site("O", "O", (0.61, 0.12, 0.17), 1.0, 0.03),
    )
    phase = replace(made.phases[0], space_group="P 1 21/c 1", cell=Cell(5.1, 5.3, 6.2, 90, 105, 90), sites=sites)
    return replace(made, histograms=(short,), phases=(phase,))


def of(project: Project, **changes: Any) -> Project:
    return replace(project, phases=(replace(project.phases[0], **changes),))


def labelled(free: Free | str, **narrowed: str) -> Free:
    return Free(group=free, **narrowed)  # type: ignore[arg-type]


def displacements(result: Result) -> list[float]:
    found = by_name(result)
    return [found[f"phase:{label}:Uiso"].value for label in ("Cs", "Cl", "O")]


def equivalences(gpx: Path) -> int:
    return sum(one[-1] == "e" for one in read_gpx(gpx)["Constraints"]["data"]["Phase"])


@pytest.mark.parametrize(
    ("group", "cell", "places"),
    [
        ("P 1 21/c 1", Cell(5.1, 5.3, 6.2, 90, 105, 90), [(0, 0, 0), (0.27, 0.31, 0.42)]),
        ("P -3 m 1", Cell(5.1, 5.1, 6.2, 90, 90, 120), [(0, 0, 0), (0.17, 0.34, 0.42), (0.3, 0.0, 0.0)]),
        ("R -3 c:R", Cell(5.1, 5.1, 5.1, 57, 57, 57), [(0, 0, 0), (0.3, 0.2, 0.25)]),
    ],
    ids=["monoclinic", "trigonal", "rhombohedral"],
)
def test_the_tensor_of_an_isotropic_site_gives_the_same_pattern(
    project: Project, tmp_path: Path, group: str, cell: Cell, places: list[Any]
) -> None:
    """The tensor is also that of the numpy engine: U_eq is U_iso, off-diagonal terms are of the reciprocal axes."""
    from autogsas.crystal.phases import PhaseState
    from autogsas.crystal.symmetry import cell_to_metric
    from autogsas.crystal.tensors import isotropic_tensor

    sites = tuple(Site(f"O{i}", "O", place, 1.0, 0.01 * (i + 1)) for i, place in enumerate(places))
    made = of(project, space_group=group, cell=cell, sites=sites)
    still = Step(title="still", free=frees("uaniso"), fix=frees("uaniso"), cycles=1)
    before, _ = finished(made, tmp_path / "before", MADE)
    after, _ = finished(made, tmp_path / "after", MADE, still)
    curves = [result.curves[0].calculated - result.curves[0].background for result in (before, after)]
    assert np.allclose(*curves, rtol=0, atol=1e-5 * np.max(curves[0]))
    state = PhaseState.of(made.phases[0])
    for site, start, symmetric in zip(after.phases[0].sites, sites, state.sites, strict=True):
        expected = isotropic_tensor(start.uiso, cell_to_metric(cell.values()), symmetric.u_basis)
        assert site.uaniso == pytest.approx(expected, abs=1e-9)
        assert site.uiso == pytest.approx(start.uiso)


def test_tensors_are_refined_from_isotropic_sites(project: Project, tmp_path: Path) -> None:
    """The .gpx and the CIF have the tensors, and the script gives the same Rwp."""
    cs, cl, o = project.phases[0].sites
    data = simulated(of(project, sites=(cs, replace(cl, uaniso=TENSOR), o)), tmp_path / "made", MADE, noise=False)
    data = replace(data, phases=project.phases)
    steps = (FIRST, Step(title="U", free=frees("uiso")), Step(title="tensor", free=(labelled("uaniso", site="Cl"),)))
    result, saved = finished(data, tmp_path / "run", *steps)
    # U12 and U23 are correlated, and GSAS-II's damped shifts do not reach the minimum.
    assert result.phases[0].sites[1].uaniso == pytest.approx(TENSOR, abs=2e-3)
    assert result.steps[2].rwp < 0.25 * result.steps[1].rwp
    assert [site.uaniso is None for site in result.phases[0].sites] == [True, False, True]
    assert {f"phase:Cl:U{part}" for part in ("11", "22", "33", "12", "13", "23")} <= set(result.varied)
    assert "phase:Cl:Uiso" not in by_name(result)
    assert {"phase:Cs:Uiso", "phase:O:Uiso"} <= set(result.varied)
    block = gemmi.cif.read(str(saved / "best.cif"))[0]
    assert [row[0] for row in block.find("_atom_site_aniso_", ["label"])] == ["Cl"]
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)
    again = read_project(saved / "best.gpx").phases[0].sites[1]
    assert again.uaniso == pytest.approx(result.phases[0].sites[1].uaniso)


def test_uiso_does_not_apply_to_sites_with_tensors(project: Project, tmp_path: Path) -> None:
    with session(project, tmp_path / "trial") as opened:
        opened.refine(MADE)
        opened.refine(Step(title="tensors", free=frees("uaniso"), fix=frees("uaniso"), cycles=1))
        done = opened.refine(Step(title="uiso", free=frees("uiso"), cycles=1))
        assert done.n_variables == 3
        assert "uiso does not apply here" in done.message


def test_one_shared_u_and_separate_ones_again(project: Project, tmp_path: Path) -> None:
    """A shared U is one variable with an esd for each site; the constraint is removed when uiso is freed."""
    data = simulated(project, tmp_path / "made", MADE, noise=False)
    shared = Step(title="shared", free=frees("uiso_shared"))
    result, saved = finished(data, tmp_path / "tied", FIRST, shared)
    found = by_name(result)
    assert len(set(displacements(result))) == 1
    assert [name for name in result.varied if name.endswith("Uiso")] == ["phase:Cs:Uiso"]
    esds = [found[f"phase:{label}:Uiso"].esd for label in ("Cs", "Cl", "O")]
    assert esds[0]
    assert esds[0] > 0
    assert esds[1:] == pytest.approx(esds[:1] * 2)
    assert equivalences(saved / "best.gpx") == 1
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)

    apart, saved = finished(data, tmp_path / "apart", FIRST, shared, Step(title="separate", free=frees("uiso")))
    assert displacements(apart) == pytest.approx([0.01, 0.02, 0.03], abs=5e-4)
    assert equivalences(saved / "best.gpx") == 0
    assert run_script(saved / "best.py") == pytest.approx(measured(apart), abs=1e-3)


def test_a_shared_u_starts_at_the_mean(project: Project, tmp_path: Path) -> None:
    """The mean of the sites that the selections of one step share; it can be set, too."""
    fixed = frees("uiso_shared")
    cases = {
        "all": ((labelled("uiso_shared"),), [0.02, 0.02, 0.02]),
        "two": ((labelled("uiso_shared", site="Cs"), labelled("uiso_shared", site="O")), [0.02, 0.02, 0.02]),
        "others": ((labelled("uiso_shared", site="Cl"), labelled("uiso_shared", site="O")), [0.01, 0.025, 0.025]),
    }
    for name, (free, expected) in cases.items():
        result, _ = finished(project, tmp_path / name, MADE, Step(title="mean", free=free, fix=fixed, cycles=1))
        assert displacements(result) == pytest.approx(expected), name
    given = Step(title="set", set=(Setting(group="uiso_shared", value=0.015),), cycles=1)
    result, _ = finished(project, tmp_path / "set", MADE, given)
    assert displacements(result) == pytest.approx([0.015] * 3)


@pytest.mark.parametrize("leaving", ["free", "fix", "tensor"])
def test_a_site_that_stops_sharing_leaves_the_others_shared(project: Project, tmp_path: Path, leaving: str) -> None:
    data = simulated(project, tmp_path / "made", MADE, noise=False)
    step = {
        "free": Step(title="leaves", free=(labelled("uiso", site="Cs"),)),
        "fix": Step(title="leaves", fix=(labelled("uiso", site="Cs"),)),
        "tensor": Step(title="leaves", free=(labelled("uaniso", site="Cs"),)),
    }[leaving]
    result, _ = finished(data, tmp_path / "run", FIRST, Step(title="tied", free=frees("uiso_shared")), step)
    found = by_name(result)
    assert found["phase:Cl:Uiso"].value == found["phase:O:Uiso"].value
    assert ("phase:Cs:Uiso" in result.varied) == (leaving == "free")
    assert ("phase:Cs:U11" in result.varied) == (leaving == "tensor")
    assert "phase:Cl:Uiso" in result.varied


def test_atoms_at_one_position_stay_equal_in_all_steps(project: Project, tmp_path: Path) -> None:
    cs, cl, o = project.phases[0].sites
    mixed = of(project, sites=(cs, replace(cl, occupancy=0.5), Site("Br", "Br", cl.xyz, 0.5, 0.02), o))
    data = simulated(mixed, tmp_path / "made", MADE, noise=False)
    steps = (
        FIRST,
        Step(title="tied", free=frees("uiso_shared")),
        Step(title="apart", free=frees("uiso")),
        Step(title="tensor", free=(labelled("uaniso", site="Br"),)),
    )
    apart, _ = finished(data, tmp_path / "apart", *steps[:3])
    assert by_name(apart)["phase:Cl:Uiso"].value == by_name(apart)["phase:Br:Uiso"].value
    assert [name for name in apart.varied if name.endswith("Uiso")] == [f"phase:{s}:Uiso" for s in ("Cs", "Cl", "O")]
    tensors, saved = finished(data, tmp_path / "tensors", *steps)
    _, chlorine, bromine, _ = tensors.phases[0].sites
    assert chlorine.uaniso is not None
    assert chlorine.uaniso == bromine.uaniso
    assert run_script(saved / "best.py") == pytest.approx(measured(tensors), abs=1e-3)


def test_the_users_own_equivalence_is_kept(project: Project, tmp_path: Path) -> None:
    """A .gpx with an equivalence of two U: shared with a third site, separate again, and replaced by tensors."""
    pair = Step(title="pair", free=(labelled("uiso_shared", site="Cs"), labelled("uiso_shared", site="Cl")))
    data = simulated(project, tmp_path / "made", MADE, noise=False)
    _, saved = finished(data, tmp_path / "user", FIRST, pair)
    user = read_project(saved / "best.gpx")
    assert equivalences(saved / "best.gpx") == 1
    still = Step(title="mine", free=frees("scale", "background", "uiso"))
    tied = Step(title="tied", free=frees("uiso_shared"))
    apart, again = finished(user, tmp_path / "apart", still, tied, Step(title="apart", free=frees("uiso")))
    found = displacements(apart)
    assert found[0] == pytest.approx(found[1])
    assert found[2] == pytest.approx(0.03, abs=2e-3)
    assert equivalences(again / "best.gpx") == 1
    together, _ = finished(user, tmp_path / "together", still, tied)
    assert np.ptp(displacements(together)) < 1e-9
    assert len([name for name in together.varied if name.endswith("Uiso")]) == 1
    tensors, _ = finished(user, tmp_path / "tensors", still, Step(title="tensor", free=frees("uaniso"), cycles=3))
    assert all(site.uaniso is not None for site in tensors.phases[0].sites)


def test_a_start_replaces_cell_and_sites(project: Project, tmp_path: Path) -> None:
    """With only the scale free, the pattern is that of a project with the same cell and sites."""
    place, cell = (0.25, 0.33, 0.4), (5.12, 5.28, 6.22, 90.0, 105.3, 90.0)
    start = Step(
        title="start",
        background=FLAT,
        start=(Start(phase="phase", cell=cell, sites={"Cl": place}),),
        free=frees("scale"),
    )
    result, saved = finished(project, tmp_path / "run", start)
    assert result.phases[0].cell.values() == pytest.approx(cell)
    assert result.phases[0].sites[1].xyz == pytest.approx(place)
    assert result.phases[0].sites[2].xyz == project.phases[0].sites[2].xyz
    cs, cl, o = project.phases[0].sites
    there = of(project, cell=Cell(*cell), sites=(cs, replace(cl, xyz=place), o))
    expected, _ = finished(there, tmp_path / "there", start.model_copy(update={"start": ()}))
    assert result.curves[0].calculated == pytest.approx(expected.curves[0].calculated, rel=1e-6)
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)


def test_a_start_is_given_in_the_origin_of_the_project(project: Project, tmp_path: Path) -> None:
    """Coordinates are shifted to GSAS-II's origin and back."""
    sites = (Site("Cs", "Cs", (0.0, 0.0, 0.0), 1.0, 0.01), Site("O", "O", (0.0, 0.5, 0.3), 1.0, 0.01))
    there = of(project, space_group="P 4/n m m:1", cell=Cell(5.1, 5.1, 6.2, 90, 90, 90), sites=sites)
    start = Start(phase="phase", sites={"O": (0.0, 0.505, 0.27)})
    result, _ = finished(there, tmp_path / "run", MADE.model_copy(update={"start": (start,)}))
    assert result.phases[0].sites[1].xyz == pytest.approx((0.0, 0.5, 0.27))


@pytest.mark.parametrize(
    "start",
    [Start(phase="phase", cell=(5.1, 5.3, 6.2, 91, 105, 90)), Start(phase="phase", sites={"Cs": (0.05, 0, 0)})],
    ids=["cell", "site"],
)
def test_a_start_that_disagrees_with_the_symmetry_is_an_error_of_the_recipe(
    project: Project, tmp_path: Path, start: Start
) -> None:
    with session(project, tmp_path / "trial") as opened, pytest.raises(BackendError) as caught:
        opened.refine(Step(title="start", start=(start,), free=frees("scale")))
    assert caught.value.cause == "recipe"
    assert "\n" not in str(caught.value)


def test_a_start_gives_another_axis_of_preferred_orientation(project: Project, tmp_path: Path) -> None:
    def along(axis: tuple[int, int, int], ratio: float) -> Specimen:
        return Specimen(orientation=Orientation(axis, ratio))

    data = simulated(of(project, specimen=along((0, 1, 0), 0.7)), tmp_path / "made", MADE, noise=False)
    data = replace(data, phases=of(project, specimen=along((0, 0, 1), 1.0)).phases)
    axis = Step(title="axis", start=(Start(phase="phase", axis=(0, 1, 0)),), free=frees("preferred_orientation"))
    result, saved = finished(data, tmp_path / "run", FIRST, axis)
    assert by_name(result)["phase:pattern:preferred_orientation"].value == pytest.approx(0.7, abs=0.005)
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)


def test_another_geometry_starts_with_its_own_parameters(project: Project, tmp_path: Path) -> None:
    """Its own corrections are refined, those of the other one are removed; absorption is the project's."""
    project = simulated(project, tmp_path / "made", MADE)
    project = replace(project, histograms=(replace(project.histograms[0], absorption=0.3),))
    steps = (
        FIRST,
        Step(title="flat", set=(Setting(group="displacement", value=50.0),), free=frees("transparency"), cycles=2),
        Step(title="round", geometry="Debye-Scherrer", free=frees("displacement"), cycles=2),
    )
    result, saved = finished(project, tmp_path / "round", *steps)
    found = by_name(result)
    assert result.curves[0].geometry == "Debye-Scherrer"
    assert {"pattern:DisplaceX", "pattern:DisplaceY"} <= set(result.varied)
    assert "pattern:Transparency" not in found
    assert found["pattern:Absorption"].value == 0.3
    assert run_script(saved / "best.py") == pytest.approx(measured(result), abs=1e-3)
    back = Step(title="back", geometry={"pattern": "Bragg-Brentano"}, cycles=1)
    again, _ = finished(project, tmp_path / "back", *steps, back)
    assert by_name(again)["pattern:Shift"].value == by_name(again)["pattern:Transparency"].value == 0.0
    assert not [name for name in again.varied if "Displace" in name or "Shift" in name]
    with session(project, tmp_path / "same") as opened:
        counts = [
            opened.refine(step).n_variables
            for step in (*steps[:2], Step(title="same", geometry="Bragg-Brentano", cycles=1))
        ]
    assert counts[1] == counts[2]


def test_the_rwp_over_the_full_limits_is_the_hosts(project: Project, tmp_path: Path) -> None:
    """After a step within narrower limits and after one over the full limits, with an excluded region."""
    data = simulated(project, tmp_path / "made", MADE)
    data = replace(data, histograms=(replace(data.histograms[0], excluded=((40.0, 44.0),)),))
    window = FIRST.model_copy(update={"limits": (25.0, 60.0)})
    for number, steps in enumerate(((window,), (window, Step(title="all", free=frees("cell"))))):
        with session(data, tmp_path / f"trial{number}") as opened:
            for step in steps:
                done = opened.refine(step)
            assert done.full_rwp == pytest.approx(measured(opened.result()), rel=1e-5)


def test_rwp_over_the_full_limits_does_not_change_the_refinement(project: Project, tmp_path: Path) -> None:
    """With and without the calculation after each step, GSAS-II's values are identical."""
    data = simulated(project, tmp_path / "made", MADE)
    low, high = data.histograms[0].limits
    window = FIRST.model_copy(update={"limits": (25.0, 60.0), "cycles": 3})
    # Limits slightly inside the full ones have the same points, but need the calculation.
    wider = replace(data, histograms=(replace(data.histograms[0], limits=(low - 1e-6, high + 1e-6)),))
    ends = []
    for name, one in (("without", data), ("with", wider)):
        step = Step(title="more", limits=(low, high), free=frees("cell", "uiso"), cycles=2)
        result, _ = finished(one, tmp_path / name, window, step, step, step)
        ends.append([one.value for one in result.parameters if one.name in result.varied and one.group != "background"])
    assert ends[0] == ends[1]

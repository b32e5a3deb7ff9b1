"""What a step may say besides groups: starts, geometry, tensors from isotropic sites, one U_iso for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.crystal.phases import PhaseState
from autogsas.crystal.starts import start_cell, start_sites
from autogsas.crystal.symmetry import cell_to_metric
from autogsas.crystal.tensors import equivalent_isotropic, isotropic_tensor
from autogsas.engine.session import EngineSession
from autogsas.engine.state import ModelState
from autogsas.errors import BackendError
from autogsas.model.metrics import rwp
from autogsas.model.project import Project
from autogsas.model.recipe import Background, Free, Setting, Start, Step
from autogsas.model.result import Result
from autogsas.model.sample import Orientation, Specimen
from autogsas.model.structure import Cell, Phase, Site

from .models import (
    CUBIC,
    MONOCLINIC,
    NEUTRON,
    PHASES,
    QUARTZ,
    TETRAGONAL,
    TRICLINIC,
    XRAY,
    project,
    simulate,
    with_data,
)

PLAIN = Background(function="chebyschev-1", terms=3)


def measured(*phases: Phase, instrument=XRAY, limits=(20.0, 100.0)) -> Project:
    """The engine's own pattern of the phases, without noise."""
    made = project(phases, instrument, limits, 0.06)
    flat = np.full(made.histograms[0].pattern.x.size, 300.0)
    return with_data(made, simulate(made, (5.0,) * len(phases), flat))


def frees(*groups: str, **narrowed: str) -> tuple[Free, ...]:
    return tuple(Free(group=group, **narrowed) for group in groups)  # type: ignore[arg-type]


def begun(made: Project, *steps: Step) -> EngineSession:
    session = EngineSession(made, "test")
    session.refine(Step(background=(PLAIN,), free=frees("scale", "background")))
    for step in steps:
        session.refine(step)
    return session


def value(result: Result, name: str) -> float:
    return next(parameter.value for parameter in result.parameters if parameter.name == name)


# Tensors


@pytest.mark.parametrize("instrument", [XRAY, NEUTRON], ids=["xray", "neutron"])
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_the_tensor_of_an_isotropic_site_gives_the_same_pattern(phase: Phase, instrument) -> None:
    """Oblique cells too: U12 of a hexagonal one is U/2, not zero."""
    made = measured(phase, instrument=instrument)
    scales = Step(background=(PLAIN,), free=frees("scale", "background"), cycles=1)
    before = begun(made, scales).result()
    # Frozen again at once: what is compared is the conversion, not a refinement.
    converted = scales.model_copy(update={"free": frees("scale", "uaniso"), "fix": frees("uaniso")})
    after = begun(made, converted).result()
    height = np.ptp(before.curves[0].calculated)
    assert np.allclose(after.curves[0].calculated, before.curves[0].calculated, rtol=0, atol=1e-7 * height)
    assert all(site.uaniso is not None for site in after.phases[0].sites)
    for site, start in zip(after.phases[0].sites, phase.sites, strict=True):
        assert site.uiso == pytest.approx(start.uiso, rel=1e-9), "the equivalent U of a tensor"


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_the_exponent_of_the_tensor_is_the_isotropic_one(phase: Phase) -> None:
    """sum U_ij h_i h_j a*_i a*_j = U/d^2 for any h (Grosse-Kunstleve & Adams (2002))."""
    state = PhaseState.of(phase)
    metric = cell_to_metric(phase.cell.values())
    hkl = np.random.default_rng(3).integers(-5, 6, (30, 3))
    lengths = np.sqrt(metric[:3])
    for site in state.sites:
        u = isotropic_tensor(0.02, metric, site.u_basis)
        full = np.array([[u[0], u[3], u[4]], [u[3], u[1], u[5]], [u[4], u[5], u[2]]]) * np.outer(lengths, lengths)
        h, k, m = hkl.T
        inverse_d2 = np.stack([h * h, k * k, m * m, h * k, h * m, k * m], axis=1) @ metric
        assert np.einsum("ki,ij,kj->k", hkl, full, hkl) == pytest.approx(0.02 * inverse_d2, rel=1e-9, abs=1e-15)
        assert equivalent_isotropic(u, metric) == pytest.approx(0.02)


def test_tensors_are_refined_from_isotropic_sites() -> None:
    """Made with a tensor, started isotropic, the tensor comes back; the isotropic site beside it stays."""
    tensor = (0.012, 0.02, 0.016, 0.004, 0.003, -0.002)
    true = replace(TRICLINIC, sites=(replace(TRICLINIC.sites[0], uaniso=tensor), TRICLINIC.sites[1]))
    made = replace(measured(true), phases=(TRICLINIC,))
    result = begun(made, Step(free=(*frees("uiso"), *frees("uaniso", site="Cu")))).result()
    copper, oxygen = result.phases[0].sites
    assert copper.uaniso == pytest.approx(tensor, abs=2e-5)
    assert oxygen.uaniso is None
    assert set(result.varied) >= {f"triclinic:Cu:U{part}" for part in ("11", "22", "33", "12", "13", "23")}
    assert "triclinic:O:Uiso" in result.varied
    assert "triclinic:Cu:Uiso" not in {parameter.name for parameter in result.parameters}


def test_uiso_of_sites_with_tensors_stays_ignored() -> None:
    result = begun(
        measured(TRICLINIC), Step(free=frees("uaniso"), cycles=2), Step(free=frees("uiso"), cycles=2)
    ).result()
    assert not [name for name in result.varied if name.endswith(":Uiso")]
    assert all(site.uaniso is not None for site in result.phases[0].sites)


def test_atoms_at_one_place_become_anisotropic_together() -> None:
    mixed = replace(
        TETRAGONAL,
        sites=(Site("Ti", "Ti", (0, 0, 0), 0.7, 0.005), Site("Sn", "Sn", (0, 0, 0), 0.3, 0.005), TETRAGONAL.sites[1]),
    )
    result = begun(measured(mixed), Step(free=frees("uaniso", site="Sn"))).result()
    titanium, tin, oxygen = result.phases[0].sites
    assert titanium.uaniso == pytest.approx(tin.uaniso)
    assert oxygen.uaniso is None


# One U_iso


def test_one_u_for_all_is_their_mean_at_first_and_moves_them_together() -> None:
    made = measured(MONOCLINIC)
    tied = ModelState(made)
    tied.apply(Step(free=frees("uiso_shared")))
    assert tied.raw[tied.layout.uiso[0]] == pytest.approx([(0.005 + 0.008 + 0.008) / 3] * 3)
    result = begun(made, Step(free=frees("uiso_shared"))).result()
    names = [f"baddeleyite:{label}:Uiso" for label in ("Zr", "O1", "O2")]
    assert [name for name in result.varied if name.endswith(":Uiso")] == names[:1]
    assert len({value(result, name) for name in names}) == 1
    esds = {parameter.name: parameter.esd for parameter in result.parameters}
    assert esds[names[0]] == esds[names[1]] == esds[names[2]]
    assert esds[names[0]] > 0


def test_freeing_uiso_unties_and_tying_again_takes_the_mean() -> None:
    session = begun(measured(MONOCLINIC), Step(free=frees("uiso_shared")), Step(free=frees("uiso")))
    apart = session.result()
    assert [value(apart, f"baddeleyite:{label}:Uiso") for label in ("Zr", "O1", "O2")] == pytest.approx(
        [0.005, 0.008, 0.008], abs=1e-4
    )
    tied = session.refine(Step(free=frees("uiso_shared"), cycles=1))
    assert tied.n_variables == len(apart.varied) - 2


def test_a_site_that_is_freed_fixed_or_made_anisotropic_leaves_the_others_tied() -> None:
    for step in (
        Step(free=frees("uiso", site="Zr")),
        Step(fix=frees("uiso", site="Zr")),
        Step(free=frees("uaniso", site="Zr")),
    ):
        state = ModelState(measured(MONOCLINIC))
        state.apply(Step(free=frees("uiso_shared")))
        state.apply(step)
        tied = [variable for variable in state.free.values() if variable.group == "uiso_shared"]
        assert [variable.indices for variable in tied] == [tuple(state.layout.uiso[0][1:].tolist())]
        assert tied[0].name == "baddeleyite:O1:Uiso"
    state.apply(Step(fix=frees("uiso_shared")))
    assert not [variable for variable in state.free.values() if variable.group == "uiso_shared"]


def test_sites_named_in_one_step_are_tied_to_each_other_alone() -> None:
    state = ModelState(measured(MONOCLINIC))
    state.apply(Step(free=(*frees("uiso_shared", site="Zr"), *frees("uiso_shared", site="O2"))))
    assert state.raw[state.layout.uiso[0]] == pytest.approx([0.0065, 0.008, 0.0065])
    assert [variable.indices for variable in state.free.values()] == [tuple(state.layout.uiso[0][[0, 2]].tolist())]


def test_each_phase_has_an_u_of_its_own() -> None:
    result = begun(measured(MONOCLINIC, CUBIC), Step(free=frees("uiso_shared"))).result()
    assert {name for name in result.varied if name.endswith(":Uiso")} == {"baddeleyite:Zr:Uiso", "fluorite:Ca:Uiso"}


def test_the_shared_u_has_the_derivative_of_all_its_sites() -> None:
    session = begun(
        measured(MONOCLINIC), Step(set=(Setting(group="uiso_shared", value=0.01),), cycles=1, free=frees("uiso_shared"))
    )
    problem, values = session._problem, session._fit.values
    column = next(i for i, one in enumerate(problem.variables) if one.group == "uiso_shared")
    move = np.zeros_like(values)
    move[column] = 1e-6
    # Scale and background are solved for in `settle`, so chi^2 itself is differenced at fixed values of theirs.
    objective = session._fit.objective
    chi2 = [objective.linearise(values + sign * move).chi2 for sign in (1, -1)]
    assert -2 * objective.linearise(values).gradient[column] == pytest.approx((chi2[0] - chi2[1]) / 2e-6, rel=1e-3)


# Starts


def test_a_start_replaces_cell_and_sites() -> None:
    """From a cell 0.3 % off and an atom 0.1 Angstrom off, with nothing else free, the pattern is that of the start."""
    made = measured(QUARTZ)
    start = Start(phase="quartz", cell=(4.93, 4.93, 5.42, 90, 90, 120), sites={"O": (0.42, 0.25, 0.78)})
    result = begun(made, Step(start=(start,), free=frees("scale"))).result()
    assert result.phases[0].cell.values() == pytest.approx(start.cell)
    assert result.phases[0].sites[1].xyz == pytest.approx(start.sites["O"])
    assert result.phases[0].sites[0].xyz == pytest.approx(QUARTZ.sites[0].xyz), "not named, not moved"
    moved = replace(
        QUARTZ, cell=Cell(*start.cell), sites=(QUARTZ.sites[0], replace(QUARTZ.sites[1], xyz=(0.42, 0.25, 0.78)))
    )
    there = begun(replace(made, phases=(moved,)), Step(free=frees("scale"))).result()
    assert result.curves[0].calculated == pytest.approx(there.curves[0].calculated, rel=1e-6)


def test_a_start_is_where_a_refinement_goes_on_from() -> None:
    made = measured(QUARTZ)
    away = Step(start=(Start(phase="quartz", cell=(4.916, 4.916, 5.408, 90, 90, 120)),), free=frees("cell"))
    assert begun(made, away).result().phases[0].cell.a == pytest.approx(QUARTZ.cell.a, abs=1e-4)


@pytest.mark.parametrize(
    ("phase", "cell", "expected"),
    [
        (CUBIC, (5.46, 5.463, 5.466, 90, 90, 90), (5.463, 5.463, 5.463, 90, 90, 90)),
        (QUARTZ, (4.915, 4.913, 5.41, 90, 90, 120.004), None),
        (MONOCLINIC, (5.15, 5.21, 5.32, 90.003, 99.2, 89.997), None),
    ],
    ids=["cubic", "hexagonal", "monoclinic"],
)
def test_a_cell_close_to_the_symmetry_is_brought_onto_it(phase: Phase, cell, expected) -> None:
    found = start_cell(PhaseState.of(phase), cell)
    assert found == pytest.approx(cell, abs=0.01)
    if expected:
        assert found == pytest.approx(expected, abs=1e-4)
    metric, basis = cell_to_metric(found), PhaseState.of(phase).symmetry.metric_basis()
    assert basis @ np.linalg.lstsq(basis, metric, rcond=None)[0] == pytest.approx(metric, abs=1e-12)


@pytest.mark.parametrize(
    "start",
    [
        Start(phase="fluorite", cell=(5.46, 5.46, 5.5, 90, 90, 90)),
        Start(phase="fluorite", cell=(5.46, 5.46, 5.46, 90, 90, 90.5)),
        Start(phase="fluorite", cell=(5.46, 5.46, 5.46, 20, 20, 160)),
        Start(phase="fluorite", sites={"Ca": (0.02, 0, 0)}),
    ],
    ids=["edges", "angles", "no volume", "special position"],
)
def test_a_start_that_symmetry_forbids_is_said_in_one_line(start: Start) -> None:
    with pytest.raises(BackendError) as caught:
        begun(measured(CUBIC), Step(start=(start,), free=frees("scale")))
    assert caught.value.cause == "recipe"
    assert "\n" not in str(caught.value)


def test_a_site_close_to_its_special_position_is_brought_onto_it() -> None:
    """On the mirror x, x, 0 of rutile: the nearest point in space; a lattice vector away is the same atom."""
    state = PhaseState.of(TETRAGONAL)
    assert start_sites(state, {"O": (0.31, 0.304, 0.005)}) == {"O": pytest.approx((0.307, 0.307, 0.0))}
    assert start_sites(state, {"O": (1.31, 0.31, 0.0)}) == {"O": pytest.approx((1.31, 0.31, 0.0))}
    with pytest.raises(ValueError, match="special position"):
        start_sites(state, {"O": (0.33, 0.30, 0.0)})


def test_atoms_at_one_place_start_together() -> None:
    there = (0.3, 0.3, 0.0)
    mixed = replace(
        TETRAGONAL, sites=(TETRAGONAL.sites[0], Site("O", "O", there, 0.5, 0.01), Site("F", "F", there, 0.5, 0.01))
    )
    state = PhaseState.of(mixed)
    assert start_sites(state, {"F": (0.31, 0.31, 0.0)}) == {label: pytest.approx((0.31, 0.31, 0)) for label in "OF"}
    with pytest.raises(ValueError, match="share one place"):
        start_sites(state, {"F": (0.31, 0.31, 0.0), "O": (0.3, 0.3, 0.0)})


def test_a_start_gives_another_axis_of_preferred_orientation() -> None:
    """Plates made along 0 0 1 do not fit along 1 0 0, and do once the recipe says the axis."""
    plates = replace(TETRAGONAL, specimen=Specimen(orientation=Orientation((0, 0, 1), 0.7)))
    wrong = replace(TETRAGONAL, specimen=Specimen(orientation=Orientation((1, 0, 0), 1.0)))
    made = replace(measured(plates), phases=(wrong,))
    texture = Step(free=frees("preferred_orientation"))
    session = begun(made, texture)
    before = session.result().engine_rwp
    after = session.refine(texture.model_copy(update={"start": (Start(phase="rutile", axis=(0, 0, 1)),)}))
    assert before > 0.3
    assert after.rwp < 0.01
    assert value(session.result(), "rutile:data:preferred_orientation") == pytest.approx(0.7, abs=1e-3)


# Geometry


def test_another_geometry_moves_lines_as_that_geometry_does() -> None:
    made = measured(QUARTZ, instrument=replace(XRAY, geometry="Debye-Scherrer"))
    flat = replace(made.histograms[0], instrument=XRAY)
    session = begun(replace(made, histograms=(flat,)))
    session.refine(
        Step(set=(Setting(group="displacement", value=100.0),), free=frees("transparency", "displacement"), cycles=1)
    )
    done = session.refine(Step(geometry="Debye-Scherrer", free=frees("scale")))
    result = session.result()
    assert done.rwp < 0.01, "the other geometry's displacement and transparency are gone"
    names = {parameter.name for parameter in result.parameters}
    assert {"data:DisplaceX", "data:DisplaceY", "data:Absorption"} <= names
    assert not {"data:Shift", "data:Transparency"} & names
    assert not [name for name in result.varied if "Displace" in name or "Shift" in name], "nothing of it is free"


def test_the_same_geometry_again_changes_nothing() -> None:
    session = begun(measured(QUARTZ), Step(free=frees("displacement", "transparency")))
    count = session.refine(Step(geometry={"data": "Bragg-Brentano"}, cycles=1)).n_variables
    assert count == 1 + 3 + 2
    assert {"data:Shift", "data:Transparency"} <= set(session.result().varied)


# Rwp over all


def test_the_rwp_over_the_full_limits_is_that_of_the_result() -> None:
    made = measured(QUARTZ)
    y = np.random.default_rng(8).poisson(made.histograms[0].pattern.y).astype(float)
    made = with_data(made, y)
    made = replace(made, histograms=(replace(made.histograms[0], excluded=((40.0, 45.0),)),))
    session = EngineSession(made, "test")
    for limits in ((20.0, 60.0), None, (30.0, 70.0)):
        done = session.refine(Step(limits=limits, background=(PLAIN,), free=frees("scale", "background", "cell")))
        curves = session.result().curves[0]
        assert done.full_rwp == pytest.approx(rwp(curves.observed, curves.calculated, curves.weights), rel=1e-6)
        assert (done.full_rwp == done.rwp) == (limits is None)


def test_looking_over_the_full_limits_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    made = measured(QUARTZ)
    made = with_data(made, np.random.default_rng(8).poisson(made.histograms[0].pattern.y).astype(float))
    steps = [
        Step(limits=(25.0, 60.0), background=(PLAIN,), free=frees("scale", "background", "cell")),
        Step(limits=(25.0, 80.0), free=frees("W", "X")),
        Step(free=frees("positions", "uiso")),
    ]
    looked = [[done.rwp for done in map(EngineSession(made, "test").refine, steps)]]
    monkeypatch.setattr(EngineSession, "_full_rwp", lambda self: float("nan"))
    looked.append([done.rwp for done in map(EngineSession(made, "test").refine, steps)])
    assert looked[0] == pytest.approx(looked[1], rel=1e-6)

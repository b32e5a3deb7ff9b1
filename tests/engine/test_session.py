"""Whole refinements with the numpy engine on made-up and on real data."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from autogsas.engine.session import EngineSession
from autogsas.errors import BackendError
from autogsas.model.instrument import Instrument
from autogsas.model.metrics import measure
from autogsas.model.recipe import GROUPS, Free, Setting, Step
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
    refined,
    simulate,
    step,
    with_data,
)

EVERYTHING = [
    group for group in GROUPS if group not in ("preferred_orientation", "absorption", "uaniso", "uiso_shared")
]


@pytest.mark.parametrize("instrument", [XRAY, NEUTRON], ids=["xray", "neutron"])
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_every_derivative_against_central_differences(phase: Phase, instrument: Instrument) -> None:
    tensor = (0.01, 0.012, 0.011, 0.0, 0.0, 0.001)
    sites = (replace(phase.sites[0], uaniso=tensor), *phase.sites[1:])
    made = project((replace(phase, sites=sites), CUBIC), instrument, (15.0, 110.0), 0.05)
    made = with_data(made, simulate(made, (0.5, 0.2), np.full(made.histograms[0].pattern.x.size, 200.0)))
    session = EngineSession(made, "test")
    session.refine(
        Step(
            set=(Setting(group="displacement", value=40.0), Setting(group="Z", value=0.3)),
            free=(*(Free(group=group) for group in EVERYTHING), Free(group="uaniso", site=phase.sites[0].label)),
            cycles=1,
        )
    )
    problem, fit = session._problem, session._fit
    assert problem is not None
    assert fit is not None
    values = fit.values
    n = len(problem.variables)
    assert {v.group for v in problem.variables} >= {"cell", "U", "SH/L", "strain", "uiso", "uaniso", "occupancy"}

    setup, plans = problem.setup, fit.objective.plans[0]

    def bragg(at):
        raw = problem.raw(at)
        scales = [raw[setup.layout.pair[p][0][0]] for p in range(2)]
        found = [setup.models[0].phase(p, raw, plan=plans[p]) for p in range(2)]
        return sum(s * pattern.unit for s, pattern in zip(scales, found, strict=True))

    analytic = np.zeros((made.histograms[0].pattern.x.size, n))
    for p in range(2):
        pattern = setup.models[0].phase(p, problem.raw(values), setup.directions, plan=plans[p])
        analytic[:, pattern.columns] += pattern.jacobian

    for i in range(n):
        errors = []
        for relative in (1e-5, 1e-4, 1e-6, 1e-3):
            shift = np.zeros_like(values)
            shift[i] = relative * max(abs(values[i]), 1e-2)
            numeric = (bragg(values + shift) - bragg(values - shift)) / (2 * shift[i])
            errors.append(np.max(np.abs(numeric - analytic[:, i])) / max(np.max(np.abs(analytic[:, i])), 1e-30))
            if errors[-1] < 1e-5:
                break
        assert min(errors) < 1e-5, problem.names[i]


SAMPLES = {
    "xray": (QUARTZ, XRAY, (18.0, 110.0), 0.02, 400.0, 8000.0, ("positions", "uiso", "U", "V", "Y")),
    "neutron": (TETRAGONAL, NEUTRON, (20.0, 150.0), 0.05, 2e6, 8000.0, ("positions", "uiso", "U", "V")),
}


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_pulls_of_patterns_with_poisson_noise(sample: str) -> None:
    """Every refined parameter within 4 esd of the truth, over 20 seeds; the spread of the pulls is that of the esds.

    The quick tests have pulls over a few seeds, in test_pulls.
    """
    phase, instrument, limits, spacing, scale, level, rest = SAMPLES[sample]
    made = smooth(project((phase,), instrument, limits, spacing))
    x = made.histograms[0].pattern.x
    background = level * (1.0 + 0.3 * np.cos(np.radians(x)))
    clean = simulate(made, (scale,), background)
    truth = truth_of(made, scale)
    pulls: dict[str, list[float]] = {}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        noisy = with_data(made, rng.poisson(clean).astype(float))
        session = EngineSession(perturbed(noisy, rng), "test")
        low = (limits[0], limits[0] + 40.0)
        for item in (
            step("scale", "background", terms=6, cycles=3).model_copy(update={"limits": low}),
            step("cell", "zero", cycles=6).model_copy(update={"limits": low}),
            step("W", "X", "SH/L", cycles=6) if sample == "xray" else step("W", "SH/L", cycles=6),
            step(*rest),
        ):
            last = session.refine(item)
        assert last.converged, f"seed {seed}: {last.message}"
        for parameter in session.result().parameters:
            if parameter.esd is not None and parameter.name in truth:
                pulls.setdefault(parameter.name, []).append((parameter.value - truth[parameter.name]) / parameter.esd)
    everything = np.concatenate([np.array(values) for values in pulls.values()])
    worst = max(pulls, key=lambda name: np.max(np.abs(pulls[name])))
    print(
        f"\n{sample}: {everything.size} pulls of {len(pulls)} parameters, mean {everything.mean():+.3f}, "
        f"spread {everything.std():.3f}, largest {np.max(np.abs(everything)):.2f} ({worst})"
    )
    assert np.max(np.abs(everything)) < 4.0, worst
    assert 0.85 < everything.std() < 1.15
    assert abs(everything.mean()) < 0.15


def smooth(made):
    """The project with the axial integral: the sum of few terms makes chi^2 a staircase, with esds of no minimum."""
    return replace(made, histograms=tuple(replace(h, axial_sum="converged") for h in made.histograms))


def truth_of(made, scale: float) -> dict[str, float]:
    phase, histogram = made.phases[0], made.histograms[0]
    out = dict(zip((f"{phase.name}:{key}" for key in ("a", "b", "c")), phase.cell.values()[:3], strict=True))
    for site in phase.sites:
        out |= {f"{phase.name}:{site.label}:{axis}": v for axis, v in zip("xyz", site.xyz, strict=True)}
        out[f"{phase.name}:{site.label}:Uiso"] = site.uiso
    i = histogram.instrument
    values = {
        "Zero": i.zero,
        "U": i.U,
        "V": i.V,
        "W": i.W,
        "X": i.X,
        "Y": i.Y,
        "SH/L": i.SH_L,
        "DisplaceX": 0.0,
        "DisplaceY": 0.0,
    }
    out |= {f"{histogram.name}:{key}": value for key, value in values.items()}
    out[f"{phase.name}:{histogram.name}:scale"] = scale
    return out


def perturbed(made, rng: np.random.Generator):
    """A start as far off as a careful person's: cell 0.1 %, widths half as large again, positions 0.005, U by half."""
    phase, histogram = made.phases[0], made.histograms[0]
    factor = 1.0 + rng.uniform(-1e-3, 1e-3)
    cell = phase.cell
    cell = Cell(cell.a * factor, cell.b * factor, cell.c * (1 + rng.uniform(-1e-3, 1e-3)), *cell.values()[3:])
    sites = tuple(
        replace(s, xyz=tuple(v + rng.normal(0, 0.004) if i == 0 and v % 0.25 else v for i, v in enumerate(s.xyz)))
        if phase is QUARTZ
        else replace(s, uiso=s.uiso * rng.uniform(0.5, 1.5))
        for s in phase.sites
    )
    instrument = replace(histogram.instrument, W=histogram.instrument.W * 1.5)
    return replace(
        made, phases=(replace(phase, cell=cell, sites=sites),), histograms=(replace(histogram, instrument=instrument),)
    )


def test_what_a_step_frees_stays_free_until_it_is_fixed() -> None:
    made = project((CUBIC,), XRAY, (20.0, 90.0), 0.05)
    made = with_data(made, simulate(made, (0.5,), np.full(made.histograms[0].pattern.x.size, 300.0)))
    session = EngineSession(made, "test")
    first = session.refine(step("scale", "background", "W", terms=3))
    second = session.refine(step("X"))
    third = session.refine(Step(fix=(Free(group="W"),)))
    assert (first.n_variables, second.n_variables, third.n_variables) == (5, 6, 5)
    esds = {p.name: p.esd for p in session.result().parameters}
    assert esds["data:W"] is None
    assert esds["data:X"] is not None


def test_a_group_can_be_narrowed_to_a_site() -> None:
    made = project((CUBIC,), XRAY, (20.0, 90.0), 0.05)
    made = with_data(made, simulate(made, (0.5,), np.full(made.histograms[0].pattern.x.size, 300.0)))
    session = refined(made, step("scale", "background", terms=3))
    session.refine(Step(free=(Free(group="uiso", site="F"),)))
    esds = {p.name: p.esd for p in session.result().parameters}
    assert esds["fluorite:F:Uiso"] is not None
    assert esds["fluorite:Ca:Uiso"] is None


def test_symmetry_bound_values_move_together() -> None:
    made = project((TETRAGONAL,), XRAY, (20.0, 100.0), 0.04)
    clean = simulate(made, (0.5,), np.full(made.histograms[0].pattern.x.size, 300.0))
    off = replace(made, phases=(replace(TETRAGONAL, cell=Cell(4.597, 4.597, 2.957, 90, 90, 90)),))
    session = refined(
        with_data(off, clean), step("scale", "background", terms=3, cycles=3), step("cell", cycles=6), step("positions")
    )
    phase = session.result().phases[0]
    assert phase.cell.a == phase.cell.b == pytest.approx(4.594, abs=2e-5)
    assert phase.cell.c == pytest.approx(2.959, abs=2e-5)
    assert phase.sites[1].xyz[0] == phase.sites[1].xyz[1]
    assert phase.sites[1].xyz[2] == 0.0


def test_two_phases_keep_their_shares() -> None:
    made = project((QUARTZ, CUBIC), XRAY, (18.0, 110.0), 0.03)
    clean = simulate(made, (0.3, 0.1), np.full(made.histograms[0].pattern.x.size, 500.0))
    session = refined(with_data(made, clean), step("scale", "background", terms=4), step("cell", "uiso", "W"))
    values = {p.name: p.value for p in session.result().parameters}
    assert values["quartz:data:scale"] == pytest.approx(0.3, rel=1e-5)
    assert values["fluorite:data:scale"] == pytest.approx(0.1, rel=1e-5)


def test_a_phase_without_a_line_in_the_range_does_no_harm() -> None:
    soft = replace(XRAY, wavelengths=(2.0,))
    alone = project((QUARTZ,), soft, (15.0, 33.0), 0.05)
    clean = simulate(alone, (300.0,), np.full(alone.histograms[0].pattern.x.size, 300.0))
    session = refined(
        with_data(project((CUBIC, QUARTZ), soft, (15.0, 33.0), 0.05), clean), step("scale", "background", terms=3)
    )
    assert session.result().engine_rwp < 1e-6
    assert "fluorite:data:scale" in session.result().steps[-1].dropped


def test_excluded_regions_do_not_count() -> None:
    made = project((CUBIC,), XRAY, (20.0, 90.0), 0.03)
    clean = simulate(made, (0.5,), np.full(made.histograms[0].pattern.x.size, 300.0))
    x = made.histograms[0].pattern.x
    spoiled = clean + np.where((x > 40) & (x < 42), 5000.0, 0.0)
    made = with_data(made, spoiled)
    left_out = replace(made, histograms=(replace(made.histograms[0], excluded=((40.0, 42.0),)),))
    session = refined(left_out, step("scale", "background", "cell", terms=3))
    curves = session.result().curves[0]
    assert curves.x.shape == x.shape
    assert np.all(curves.weights[(x > 40) & (x < 42)] == 0)
    assert measure(curves.observed, curves.calculated, curves.weights, 5).rwp < 0.01
    assert refined(made, step("scale", "background", "cell", terms=3)).result().engine_rwp > 10


def test_observed_structure_factors_are_the_calculated_ones_where_the_fit_is_perfect() -> None:
    made = project((QUARTZ,), XRAY, (18.0, 110.0), 0.02)
    clean = simulate(made, (0.3,), np.full(made.histograms[0].pattern.x.size, 500.0))
    session = refined(with_data(made, clean), step("scale", "background", terms=3))
    found = session.result().curves[0].reflections[0]
    inside = (found.two_theta > 20) & (found.two_theta < 105)
    assert np.allclose(found.f2_observed[inside], found.f2_calculated[inside], rtol=1e-3)


def test_a_session_pickles_between_steps() -> None:
    made = project((CUBIC,), XRAY, (20.0, 90.0), 0.05)
    made = with_data(made, simulate(made, (0.5,), np.full(made.histograms[0].pattern.x.size, 300.0)))
    session = refined(made, step("scale", "background", terms=3))
    copy = pickle.loads(pickle.dumps(session))
    assert copy.refine(step("W", "X")).rwp == session.refine(step("W", "X")).rwp


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"space_group": "P 7"}, "structure"),
        ({"cell": Cell(5, 5, 5, 20, 20, 90)}, "structure"),
        ({"sites": (Site("A", "Zz", (0, 0, 0), 1, 0.01),)}, "structure"),
    ],
)
def test_an_impossible_structure_has_a_cause(change: dict[str, object], cause: str) -> None:
    made = project((replace(CUBIC, **change),), XRAY, (20.0, 90.0), 0.05)
    with pytest.raises(BackendError) as caught:
        EngineSession(made, "test").refine(step("scale", "background", terms=3))
    assert caught.value.cause == cause


def test_a_step_that_frees_nothing_has_a_cause() -> None:
    made = project((CUBIC,), XRAY, (20.0, 90.0), 0.05)
    with pytest.raises(BackendError) as caught:
        EngineSession(made, "test").refine(Step())
    assert caught.value.cause == "nothing-free"


def test_more_variables_than_points_have_a_cause() -> None:
    made = project((CUBIC,), XRAY, (20.0, 20.5), 0.05)
    with pytest.raises(BackendError) as caught:
        EngineSession(made, "test").refine(step("scale", "background", terms=24))
    assert caught.value.cause == "too-few-points"


def test_every_group_of_the_recipe_is_either_refined_or_not_offered() -> None:
    from autogsas.builtin.numpy_engine.backend import NumpyBackend

    offered = NumpyBackend().capabilities().groups
    layout = EngineSession(project((MONOCLINIC, TRICLINIC), XRAY, (20.0, 90.0), 0.05), "test")._layout
    other = EngineSession(project((CUBIC,), NEUTRON, (20.0, 90.0), 0.05), "test")._layout
    for group in GROUPS:
        found = [*layout.variables([Free(group=group)]), *other.variables([Free(group=group)])]
        assert bool(found) == (group in offered) or group in ("background", "uaniso"), group


def test_narrow_lines_are_found_from_wide_ones() -> None:
    """A synchrotron's lines from a laboratory's widths: a bad step must not put the variance below zero for good."""
    sharp = replace(XRAY, wavelengths=(0.4139,), U=0.02, V=-0.01, W=0.06, X=0.1, Y=-5.0, geometry="Debye-Scherrer")
    made = project((QUARTZ,), sharp, (4.0, 16.0), 0.001)
    clean = simulate(made, (2.0,), np.full(made.histograms[0].pattern.x.size, 300.0))
    wide = replace(made.histograms[0], instrument=replace(sharp, U=2.0, V=-2.0, W=5.0, X=0.0, Y=0.0))
    session = refined(
        with_data(replace(made, histograms=(wide,)), clean),
        step("scale", "background", terms=3, cycles=3),
        step("W", "Y", cycles=8),
        step("U", "V", "X"),
    )
    assert session.result().engine_rwp < 0.1
    values = {p.name: p.value for p in session.result().parameters}
    assert values["data:W"] == pytest.approx(0.06, abs=0.01)


def test_a_width_that_wants_to_be_negative_stays_at_zero_and_is_named() -> None:
    lorentzian = replace(XRAY, U=0.0, V=0.0, W=-3.0, X=6.0)
    made = project((CUBIC,), lorentzian, (20.0, 110.0), 0.03)
    clean = simulate(made, (0.5,), np.full(made.histograms[0].pattern.x.size, 300.0))
    start = replace(made.histograms[0], instrument=replace(lorentzian, W=4.0))
    session = EngineSession(with_data(replace(made, histograms=(start,)), clean), "test")
    session.refine(step("scale", "background", terms=3, cycles=3))
    done = session.refine(step("W", "X"))
    assert done.converged
    assert done.rwp < 0.5
    assert "data: Gaussian width" in done.at_bound or abs(_value(session, "data:W")) < 0.3


def _value(session: EngineSession, name: str) -> float:
    return next(p.value for p in session.result().parameters if p.name == name)

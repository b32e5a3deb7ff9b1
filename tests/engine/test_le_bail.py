"""Le Bail intensities: what they find, what they leave out, and how they go from step to step."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from autogsas.engine.parameters import Layout
from autogsas.engine.session import EngineSession
from autogsas.model.instrument import Instrument
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Step
from autogsas.model.result import Reflections
from autogsas.model.structure import Cell, Phase

from .models import CUBIC, NEUTRON, QUARTZ, TETRAGONAL, XRAY, project, refined, simulate, step, with_data

Array = npt.NDArray[np.float64]

LIMITS = (20.0, 110.0)
BACKGROUND = 400.0


def free(phase: Phase) -> Phase:
    return replace(phase, intensities="Le Bail")


def measured(phases: tuple[Phase, ...], scales: tuple[float, ...], instrument: Instrument = XRAY) -> Project:
    made = project(phases, instrument, LIMITS, 0.05)
    return with_data(made, simulate(made, scales, np.full(made.histograms[0].pattern.x.size, BACKGROUND)))


def reflections(session: EngineSession) -> Reflections:
    return session.result().curves[0].reflections[0]


def true_f2(made: Project) -> Array:
    return reflections(refined(made, step("scale", "background", terms=3))).f2_calculated


@pytest.mark.parametrize("instrument", [XRAY, NEUTRON], ids=["xray", "neutron"])
def test_ratios_of_lines_that_stand_apart_are_those_of_the_structure(instrument: Instrument) -> None:
    made = measured((CUBIC,), (300.0 if instrument is XRAY else 1e6,), instrument)
    session = refined(replace(made, phases=(free(CUBIC),)), step("background", terms=3), step("cell"), step("W"))
    found, expected = reflections(session), true_f2(made)
    inside = (found.two_theta > LIMITS[0] + 1) & (found.two_theta < LIMITS[1] - 3)
    strong = inside & (expected > 1e-3 * expected.max())
    ratio = found.f2_calculated[strong] / expected[strong]
    assert np.count_nonzero(strong) >= 8
    assert np.allclose(ratio / np.median(ratio), 1.0, atol=5e-3)
    assert session.result().engine_rwp < 0.5


def test_a_pattern_is_fitted_without_sites() -> None:
    """Cell and profile from a pattern whose structure is not known, starting 0.1 % off."""
    made = measured((QUARTZ,), (300.0,))
    cell = Cell(4.913 * 1.001, 4.913 * 1.001, 5.405 * 0.9995, 90, 90, 120)
    bare = replace(free(QUARTZ), sites=QUARTZ.sites[:1], cell=cell)
    session = refined(replace(made, phases=(bare,)), step("background", terms=3), step("cell"), step("W", "X"))
    found = session.result()
    assert found.engine_rwp < 1.0
    assert found.phases[0].cell.a == pytest.approx(4.913, abs=2e-4)
    assert found.phases[0].cell.c == pytest.approx(5.405, abs=2e-4)


def test_it_pickles_between_steps() -> None:
    made = replace(measured((CUBIC,), (300.0,)), phases=(free(CUBIC),))
    session = refined(made, step("background", terms=3))
    copy = pickle.loads(pickle.dumps(session))
    assert copy.refine(step("cell", "W")).rwp == session.refine(step("cell", "W")).rwp
    assert np.array_equal(reflections(copy).f2_calculated, reflections(session).f2_calculated)


def test_what_was_found_carries_over_to_other_limits() -> None:
    made = replace(measured((CUBIC,), (300.0,)), phases=(free(CUBIC),))
    session = refined(made, step("background", terms=3).model_copy(update={"limits": (20.0, 70.0)}))
    first = {
        tuple(h): f for h, f in zip(reflections(session).hkl.tolist(), reflections(session).f2_calculated, strict=True)
    }
    low = session.refine(Step(limits=(20.0, 70.0), cycles=1))
    assert low.cycles <= 1
    # The full range starts from the intensities of the part: one cycle is enough for what was seen in it.
    session.refine(Step(limits=(20.0, 110.0), cycles=30))
    found = reflections(session)
    for hkl, f2, at in zip(found.hkl.tolist(), found.f2_calculated, found.two_theta, strict=True):
        if 22 < at < 66 and f2 > 0.01 * found.f2_calculated.max():
            assert f2 == pytest.approx(first[tuple(hkl)], rel=0.02)
    back = session.refine(Step(limits=(20.0, 70.0)))
    assert back.rwp < 1.0


def test_variables_of_what_free_intensities_take_up_are_absent() -> None:
    made = replace(measured((CUBIC, QUARTZ), (300.0, 300.0)), phases=(free(CUBIC), QUARTZ))
    layout = Layout(made)
    for group in ("scale", "positions", "uiso", "uaniso", "occupancy", "preferred_orientation"):
        names = [variable.name for variable in layout.variables([Free(group=group)])]
        assert not [name for name in names if name.startswith("fluorite:")], group
    for group in ("cell", "size", "strain"):
        names = [variable.name for variable in layout.variables([Free(group=group)])]
        assert [name for name in names if name.startswith("fluorite:")], group
    noisy = with_data(made, np.random.default_rng(2).poisson(made.histograms[0].pattern.y).astype(float))
    session = refined(noisy, step("scale", "background", terms=3), step("uiso", "cell"))
    esds = {parameter.name: parameter.esd for parameter in session.result().parameters}
    assert esds["fluorite:data:scale"] is None
    assert esds["fluorite:Ca:Uiso"] is None
    assert esds["quartz:Si:Uiso"] is not None
    assert esds["fluorite:a"] is not None


def test_a_phase_with_structure_keeps_its_part_beside_one_without() -> None:
    made = measured((TETRAGONAL, CUBIC), (300.0, 100.0))
    session = refined(
        replace(made, phases=(TETRAGONAL, free(CUBIC))), step("scale", "background", terms=3), step("cell")
    )
    values = {parameter.name: parameter.value for parameter in session.result().parameters}
    assert session.result().engine_rwp < 1.0
    assert values["rutile:data:scale"] == pytest.approx(300.0, rel=0.05)


def test_lines_in_a_gap_of_the_data_stay_finite() -> None:
    made = replace(measured((CUBIC,), (300.0,)), phases=(free(CUBIC),))
    gap = replace(made.histograms[0], excluded=((27.0, 34.0), (45.0, 60.0)))
    session = refined(replace(made, histograms=(gap,)), step("background", terms=3), step("cell"))
    result = session.result()
    assert np.all(np.isfinite(result.curves[0].calculated))
    assert np.all(np.isfinite(reflections(session).f2_calculated))

"""The score test: against exact least squares, against refinements, and on samples of known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.builtin.strategy.candidates import autogsas_list_candidates
from autogsas.engine.normal_equations import Linearised
from autogsas.engine.score import block_gain
from autogsas.engine.session import EngineSession
from autogsas.hooks.backend import Capabilities
from autogsas.model.advice import Candidate, Gain
from autogsas.model.project import Search
from autogsas.model.recipe import GROUPS, Background, Free, Group, Setting, Start, Step, StrainModel
from autogsas.model.sample import Orientation

BY_NAME = {sample.name: sample for sample in SAMPLES}
CAPABILITIES = Capabilities(
    groups=frozenset(GROUPS), starts=frozenset({"cell", "sites", "axis", "geometry", "broadening"})
)


def linearised(jacobian: np.ndarray, residuals: np.ndarray) -> Linearised:
    """Return the normal equations of a linear problem; it has no objective to go on with."""
    chi2 = float(residuals @ residuals)
    return Linearised(jacobian.T @ residuals, jacobian.T @ jacobian, chi2, None)  # type: ignore[arg-type]  # not used


@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(1, 4))
def test_of_a_linear_problem_the_gain_is_exact(seed: int, refined: int, added: int) -> None:
    random = np.random.default_rng(seed)
    jacobian = random.normal(size=(40, refined + added)) * 10.0 ** random.uniform(-3, 3, refined + added)
    y = random.normal(size=40)
    # At the minimum of the refined variables, the gain is what the larger fit is better by.
    smaller = jacobian[:, :refined]
    residuals = y - smaller @ np.linalg.lstsq(smaller, y, rcond=None)[0] if refined else y
    found = block_gain(linearised(jacobian, residuals), range(refined), range(refined, refined + added))
    after = y - jacobian @ np.linalg.lstsq(jacobian, y, rcond=None)[0]
    assert found.gain == pytest.approx(float(residuals @ residuals - after @ after), rel=1e-6, abs=1e-9)
    assert found.freedoms == added


def test_a_copy_of_what_is_refined_gains_nothing() -> None:
    random = np.random.default_rng(3)
    jacobian = random.normal(size=(30, 2))
    jacobian = np.column_stack([jacobian, jacobian @ [2.0, -1.0]])
    found = block_gain(linearised(jacobian, random.normal(size=30)), [0, 1], [2])
    assert (found.gain, found.freedoms) == (0.0, 0)


def frees(*groups: Group) -> tuple[Free, ...]:
    return tuple(Free(group=group) for group in groups)


def session_of(name: str, *groups: Group, cycles: int | None = 10) -> EngineSession:
    session = EngineSession(given_project(BY_NAME[name], Search()), "test")
    background = (Background(function="chebyschev-1", terms=8),)
    session.refine(Step(background=background, free=frees("scale", "background", *groups), cycles=cycles))
    return session


def advice_on(name: str, *groups: Group) -> dict[str, Gain]:
    """Return the gains of all usual candidates by name, when these groups are refined."""
    project = given_project(BY_NAME[name], Search())
    candidates = autogsas_list_candidates(project, CAPABILITIES)
    gains = session_of(name, *groups).expected_gains(Step(), candidates)
    return {candidate.name: gain for candidate, gain in zip(candidates, gains, strict=True)}


def test_a_small_gain_comes_true() -> None:
    session = session_of("corundum-plain", "cell", "X", "Y", cycles=None)
    before = session.result().engine_rwp
    gain = session.expected_gains(Step(), [Candidate("positions", frees("positions"))])[0]
    session.refine(Step(free=frees("positions")))
    result = session.result()
    assert result.engine_rwp == pytest.approx(gain.rwp, abs=0.05 * (before - gain.rwp))
    for change in gain.changes:
        refined = next(parameter for parameter in result.parameters if parameter.name == change.name)
        assert refined.value == pytest.approx(change.value + change.shift, abs=0.5 * abs(change.shift))
        assert refined.esd == pytest.approx(change.esd, rel=0.2)


def test_nothing_is_moved_by_asking() -> None:
    session = session_of("corundum-plain", "cell", cycles=None)
    before = session.result()
    session.expected_gains(
        Step(), autogsas_list_candidates(given_project(BY_NAME["corundum-plain"], Search()), CAPABILITIES)
    )
    after = session.result()
    assert [p.value for p in after.parameters] == pytest.approx([p.value for p in before.parameters], rel=1e-8)


def test_what_is_refined_has_nothing_to_gain() -> None:
    gains = advice_on("corundum-plain", "cell", "X", "uiso")
    for name in ("cell", "X", "U_iso of each site"):
        assert (gains[name].freedoms, gains[name].chi2, gains[name].evidence) == (0, 0.0, 0.0)


def test_tensors_cost_what_they_add_to_an_isotropic_u() -> None:
    # In Pnma three sites on the mirror have four components and O3 has six: 22 in all, 5 of them isotropic.
    gains = advice_on("anglesite-neutrons", "cell", "uiso", "Y", "positions")
    assert gains["anisotropic U"].freedoms == 4 * 4 + 6 - 5


@pytest.mark.parametrize(
    ("name", "refined", "expected", "freedoms"),
    [
        # Where the isotropic one is refined, it is one of the freedoms of the new model.
        ("faulted-zincite", "size", "uniaxial size along 0 0 1", 1),
        ("faulted-LiCoO2", "strain", "uniaxial strain along 0 0 1", 1),
        ("stephens-rutile", "strain", "generalized strain", 3),
        ("stephens-rutile", "X", "generalized strain", 4),
    ],
)
def test_anisotropic_broadening_counts_only_its_new_freedoms(
    name: str, refined: Group, expected: str, freedoms: int
) -> None:
    gains = advice_on(name, "cell", refined, "uiso")
    assert gains[expected].freedoms == freedoms
    assert gains[expected].evidence > 100
    others = [key for key in gains if key.startswith(("uniaxial", "generalized"))]
    assert all(gains[key].freedoms for key in others)


def test_an_expected_gain_of_uniaxial_strain_comes_true() -> None:
    session = session_of("faulted-LiCoO2", "cell", "strain", "uiso", cycles=None)
    before = session.result().engine_rwp
    start = (Start(phase="LiCoO2", strain=StrainModel(model="uniaxial")),)
    candidate = Candidate("uniaxial strain", frees("strain"), start)
    gain = session.expected_gains(Step(), [candidate])[0]
    session.refine(Step(start=start))
    # Linear from equal values, for values that differ by a factor of 4.5: the sign and the order of magnitude.
    assert 0.4 < (before - gain.rwp) / (before - session.result().engine_rwp) < 1.2


def test_a_candidate_whose_values_have_no_pattern_gains_nothing() -> None:
    session = session_of("corundum-plain", "cell")
    tiny = Candidate("tiny", frees("size"), set=(Setting(group="size", value=1e-6),))
    nothing, cell = session.expected_gains(Step(), [tiny, Candidate("X", frees("X"))])
    assert (nothing.freedoms, nothing.chi2, nothing.changes) == (0, 0.0, ())
    assert cell.freedoms == 1


def test_another_axis_of_what_is_uniaxial_already_gains_nothing() -> None:
    session = session_of("faulted-LiCoO2", "cell", "uiso")
    session.refine(Step(start=(Start(phase="LiCoO2", strain=StrainModel(model="uniaxial")),), free=frees("strain")))
    other = (Start(phase="LiCoO2", strain=StrainModel(model="uniaxial", axis=(1, 0, 0))),)
    gain = session.expected_gains(Step(), [Candidate("other", frees("strain"), other)])[0]
    assert gain.chi2 == 0.0
    assert gain.evidence <= 0.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("corundum-plates", "preferred orientation 0 0 1, plates"),
        ("zincite-needles", "preferred orientation 0 0 1, needles"),
        ("rutile-needles", "preferred orientation 0 0 1, needles"),
        ("halite-cubes", "preferred orientation 0 0 1, plates"),
        ("gypsum-cleaved", "preferred orientation 0 1 0, plates"),
    ],
)
def test_a_textured_sample_asks_for_its_axis(name: str, expected: str) -> None:
    gains = advice_on(name, "cell", "X", "Y", "uiso_shared")
    oriented = {key: gain for key, gain in gains.items() if key.startswith("preferred orientation")}
    assert max(oriented, key=lambda key: oriented[key].evidence) == expected
    assert oriented[expected].evidence > 10


def test_a_sample_without_texture_does_not_ask_for_one() -> None:
    gains = advice_on("corundum-plain", "cell", "X", "Y", "positions", "uiso")
    assert max(gain.evidence for gain in gains.values()) < 10


def test_a_ratio_that_is_set_already_is_not_asked_for_again() -> None:
    project = given_project(BY_NAME["corundum-plates"], Search())
    phase = project.phases[0]
    turned = replace(phase, specimen=replace(phase.specimen, orientation=Orientation((0, 0, 1), 0.8)))
    names = [c.name for c in autogsas_list_candidates(replace(project, phases=(turned,)), CAPABILITIES)]
    assert not [name for name in names if name.startswith("preferred orientation")]


def test_candidates_obey_what_the_project_never_refines() -> None:
    project = given_project(BY_NAME["corundum-plain"], Search.model_validate({"groups": {"never": ["occupancy", "U"]}}))
    groups = {free.group for c in autogsas_list_candidates(project, CAPABILITIES) for free in c.free}
    assert not groups & {"occupancy", "U"}

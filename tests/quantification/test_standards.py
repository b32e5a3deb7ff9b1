"""Absolute amounts with standards: closed forms, derivatives by differences, and simulated samples of known truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from autogsas.model.quantification import ExternalStandard, InternalStandard, Method, QuantificationSettings, Share
from autogsas.model.result import Result, Severity
from autogsas.model.structure import Phase
from autogsas.quantification import measure_amounts, quantification_findings, quantify
from autogsas.quantification.attenuation import density, linear_absorption
from autogsas.quantification.standards import Absolute, crystalline_shares, g_factor, with_external, with_internal
from tests.engine.models import CUBIC, QUARTZ, TETRAGONAL, XRAY, Array, project, refined, simulate, step, with_data
from tests.quantification.test_quantify import cell_mass

AMOUNTS = np.array([3.0, 5.0, 2.0])
COVARIANCE = np.array([[4.0, 1.0, -0.5], [1.0, 9.0, 0.3], [-0.5, 0.3, 1.0]]) * 1e-4
STANDARD = InternalStandard(
    phase="c", weight_fraction=0.25, weight_fraction_esd=0.002, crystallinity=0.95, crystallinity_esd=0.01
)
EXTERNAL = ExternalStandard(g=900.0, g_esd=18.0, mass_attenuation=40.0)


def flat(found: Absolute) -> list[Share | None]:
    return [*found.specimen, *found.original, found.amorphous_specimen, found.amorphous]


def propagated(values: Callable[[Array], list[float]], inputs: Array, covariance: Array) -> Array:
    """The esds of values by central differences of their inputs."""
    columns = []
    for i in range(inputs.size):
        h = np.zeros_like(inputs)
        h[i] = 1e-6
        columns.append((np.array(values(inputs + h)) - np.array(values(inputs - h))) / 2e-6)
    slopes = np.array(columns).T
    return np.asarray(np.sqrt(np.diag(slopes @ covariance @ slopes.T)))


def test_shares_with_an_internal_standard() -> None:
    """By hand: the standard is 20 % of the crystalline mass, and its crystalline part 23.75 % of the specimen."""
    found = with_internal(AMOUNTS, COVARIANCE, 2, STANDARD)
    assert [share.value for share in found.specimen] == pytest.approx([0.35625, 0.59375, 0.2375])
    assert found.amorphous_specimen.value == pytest.approx(1 - 1.1875)
    assert found.original[2] is None
    assert [share.value for share in found.original if share] == pytest.approx([0.475, 0.59375 / 0.75])
    assert found.amorphous.value == pytest.approx(1 - 0.95 / 0.75)


def test_esds_with_an_internal_standard_are_those_of_differences() -> None:
    def values(inputs: Array) -> list[float]:
        standard = STANDARD.model_copy(update={"weight_fraction": inputs[3], "crystallinity": inputs[4]})
        shares = flat(with_internal(np.exp(inputs[:3]), COVARIANCE, 2, standard))
        return [0.0 if share is None else share.value for share in shares]

    covariance = np.zeros((5, 5))
    covariance[:3, :3] = COVARIANCE
    covariance[3, 3], covariance[4, 4] = 0.002**2, 0.01**2
    expected = propagated(values, np.array([*np.log(AMOUNTS), 0.25, 0.95]), covariance)
    found = [0.0 if share is None else share.esd for share in flat(with_internal(AMOUNTS, COVARIANCE, 2, STANDARD))]
    assert found == pytest.approx(expected, rel=1e-6)


def test_esds_with_an_external_standard_are_those_of_differences() -> None:
    def values(inputs: Array) -> list[float]:
        standard = EXTERNAL.model_copy(update={"g": 900.0 * np.exp(inputs[3])})
        return [share.value for share in flat(with_external(np.exp(inputs[:3]), COVARIANCE, standard)) if share]

    covariance = np.zeros((4, 4))
    covariance[:3, :3] = COVARIANCE
    covariance[3, 3] = (18.0 / 900.0) ** 2
    expected = propagated(values, np.array([*np.log(AMOUNTS), 0.0]), covariance)
    found = [share.esd for share in flat(with_external(AMOUNTS, COVARIANCE, EXTERNAL)) if share]
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_standard_of_exact_weight_has_no_esd() -> None:
    exact = InternalStandard(phase="c", weight_fraction=0.25)
    assert with_internal(AMOUNTS, COVARIANCE, 2, exact).specimen[2] == Share(0.25, None)


def test_esds_of_crystalline_shares_agree_with_random_draws() -> None:
    random = np.random.default_rng(1)
    drawn = np.exp(random.multivariate_normal(np.log(AMOUNTS), COVARIANCE, 40_000))
    shares = drawn / drawn.sum(axis=1, keepdims=True)
    found = [share.esd for share in crystalline_shares(AMOUNTS, COVARIANCE)]
    assert found == pytest.approx(shares.std(axis=0), rel=0.02)


def test_g_and_the_external_standard_undo_each_other() -> None:
    g = g_factor(3.0, 4e-4, 31.0, Share(0.99, 0.0099))
    assert g.esd == pytest.approx(g.value * np.hypot(0.02, 0.01))
    back = with_external(np.array([3.0]), np.array([[4e-4]]), ExternalStandard(g=g.value, mass_attenuation=31.0))
    assert back.specimen[0].value == pytest.approx(0.99)
    assert back.amorphous.value == pytest.approx(0.01)


def measured(phases: tuple[Phase, ...], scales: tuple[float, ...]) -> Result:
    """The refinement of a simulated pattern with counting noise, on a background that hides nothing."""
    made = project(phases, XRAY, (18.0, 90.0), 0.03)
    clean = simulate(made, scales, np.full(made.histograms[0].pattern.x.size, 300.0))
    noisy = np.random.default_rng(5).poisson(clean).astype(float)
    return refined(with_data(made, noisy), step("scale", "background", terms=3)).result()


def scales_of(phases: tuple[Phase, ...], shares: tuple[float, ...], constant: float) -> tuple[float, ...]:
    """Scales per cell: the mass of a phase in the beam is proportional to S M."""
    return tuple(constant * share / cell_mass(phase) for phase, share in zip(phases, shares, strict=True))


def test_the_amorphous_share_of_a_simulated_sample_comes_back() -> None:
    """The sample is 50 % quartz, 20 % rutile and 30 % glass; a fifth of the specimen is fluorite that was added."""
    phases = (QUARTZ, TETRAGONAL, CUBIC)
    result = measured(phases, scales_of(phases, (0.4, 0.16, 0.2), 30_000.0))
    made = project(phases, XRAY, (18.0, 90.0), 0.03)
    settings = QuantificationSettings(internal_standard=InternalStandard(phase="fluorite", weight_fraction=0.2))
    made = replace(made, quantification=settings)
    (found,) = quantify(made, result.phases, measure_amounts(made, result))
    assert found.method is Method.INTERNAL
    truth = {"quartz": 0.5, "rutile": 0.2, "amorphous": 0.3}
    for name, share in found.shown():
        assert share.esd is not None
        assert share.esd < 0.01
        assert abs(share.value - truth[name]) < 4 * share.esd, name
    assert [name for name, _ in found.shown()] == list(truth)
    assert list(quantification_findings([found])) == []


def test_an_external_standard_gives_the_shares_of_a_simulated_sample() -> None:
    """A thick flat sample scatters as S M = k c/mu_m: one k for the standard and for the sample."""
    k, sample = 1.2e6, (QUARTZ, TETRAGONAL)
    attenuation = linear_absorption(CUBIC, XRAY) / density(CUBIC)
    standard = measured((CUBIC,), scales_of((CUBIC,), (0.98,), k / attenuation))
    alone = project((CUBIC,), XRAY, (18.0, 90.0), 0.03)
    (amounts,) = measure_amounts(alone, standard)
    assert quantify(alone, standard.phases, [amounts]) == ()
    g = g_factor(amounts.amounts[0], amounts.covariance[0][0], attenuation, Share(0.98))
    result = measured(sample, scales_of(sample, (0.55, 0.25), k / 52.0))
    external = ExternalStandard(g=g.value, g_esd=g.esd or 0.0, mass_attenuation=52.0)
    made = replace(
        project(sample, XRAY, (18.0, 90.0), 0.03), quantification=QuantificationSettings(external_standard=external)
    )
    (found,) = quantify(made, result.phases, measure_amounts(made, result))
    for (name, share), truth in zip(found.shown(), (0.55, 0.25, 0.2), strict=True):
        assert share.esd is not None
        assert abs(share.value - truth) < 4 * share.esd < 0.05, name


@pytest.mark.parametrize(("weighed", "severity"), [(0.30, Severity.WARNING), (0.252, Severity.INFO), (0.2, None)])
def test_more_than_everything_is_reported(weighed: float, severity: Severity | None) -> None:
    """A quarter of what scatters is the standard; whoever believes it is more has less than nothing left."""
    phases = (QUARTZ, CUBIC)
    result = measured(phases, scales_of(phases, (0.75, 0.25), 30_000.0))
    settings = QuantificationSettings(internal_standard=InternalStandard(phase="fluorite", weight_fraction=weighed))
    made = replace(project(phases, XRAY, (18.0, 90.0), 0.03), quantification=settings)
    (found,) = quantify(made, result.phases, measure_amounts(made, result))
    findings = list(quantification_findings([found]))
    assert found.amorphous is not None
    assert (found.amorphous.value < 0) is (severity is not None)
    assert [(finding.code, finding.severity) for finding in findings] == (
        [] if severity is None else [("amorphous-negative", severity)]
    )

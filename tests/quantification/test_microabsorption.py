"""Absorption of X-rays and Brindley's correction."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
from scipy.integrate import quad

from autogsas.model.instrument import Instrument
from autogsas.model.quantification import MeasuredAmounts, Quantification, QuantificationSettings, Regime, Share
from autogsas.quantification import quantification_findings, quantify
from autogsas.quantification.attenuation import density, linear_absorption, photoabsorption
from autogsas.quantification.brindley import absorption_factor, particle_factors, regime_of
from tests.engine.models import CUBIC, NEUTRON, QUARTZ, TETRAGONAL, XRAY, project

# Mass attenuation in cm^2/g at 1.5406 and 0.7093 Angstrom by Elam, Ravel & Sieber, Radiat. Phys. Chem. 63, 121 (2002),
# photoabsorption and total: xraydb.mu_elam(element, 12398.4198/wavelength, kind="photo"), kind="total"; xraydb 4.5.8.
PUBLISHED = {
    (1.5406, "O"): (10.963, 11.424),
    (1.5406, "Mg"): (39.12, 39.892),
    (1.5406, "Al"): (48.646, 49.457),
    (1.5406, "Si"): (62.695, 63.589),
    (1.5406, "Ca"): (168.675, 169.877),
    (1.5406, "Ti"): (198.051, 199.286),
    (1.5406, "Fe"): (299.461, 301.067),
    (1.5406, "Zn"): (55.753, 57.793),
    (1.5406, "Zr"): (130.8, 133.488),
    (1.5406, "Pb"): (219.259, 225.271),
    (0.7093, "Al"): (4.7, 5.083),
    (0.7093, "Fe"): (36.679, 37.407),
    (0.7093, "Zr"): (15.049, 16.248),
}


@pytest.mark.parametrize(("where", "published"), PUBLISHED.items(), ids=lambda value: str(value))
def test_photoabsorption_agrees_with_published_values(where: tuple[float, str], published: tuple[float, float]) -> None:
    wavelength, element = where
    found = photoabsorption(element, wavelength) * 0.602214076e8 / gemmi.Element(element).weight
    photo, total = published
    assert found == pytest.approx(photo, rel=0.045)
    assert found < total  # scattering is left out
    assert found == pytest.approx(total, rel=0.10)


def test_the_linear_coefficient_is_that_of_the_elements() -> None:
    one = Instrument("xray", (1.5406,))
    shares = {"Ca": 40.078, "F": 2 * 18.998}
    per_gram = sum(
        mass / sum(shares.values()) * photoabsorption(element, 1.5406) * 0.602214076e8 / gemmi.Element(element).weight
        for element, mass in shares.items()
    )
    assert density(CUBIC) == pytest.approx(3.181, abs=0.002)  # of fluorite
    assert linear_absorption(CUBIC, one) == pytest.approx(3.181 * per_gram, rel=1e-3)
    # Of a doublet it is the mean by intensities.
    both = [linear_absorption(CUBIC, Instrument("xray", (w,))) for w in XRAY.wavelengths]
    assert linear_absorption(CUBIC, XRAY) == pytest.approx((both[0] + 0.5 * both[1]) / 1.5)


@pytest.mark.parametrize("x", [-2.0, -0.3, -0.051, -0.049, -1e-4, 1e-12, 0.02, 0.0499, 0.0501, 0.5, 3.0])
def test_the_factor_is_the_integral_over_a_sphere(x: float) -> None:
    """tau = 1/V int exp(-x chord) dV over parallel chords 2 sqrt(1 - r^2), by quadrature."""
    integral, _ = quad(
        lambda r: 2 * np.pi * r * 2 * np.sqrt(1 - r * r) * np.exp(-x * 2 * np.sqrt(1 - r * r)), 0, 1, epsabs=1e-13
    )
    assert absorption_factor(x) == pytest.approx(integral / (4 * np.pi / 3), rel=1e-9)
    assert absorption_factor(0.0) == 1.0


@pytest.mark.parametrize(
    ("mu_d", "regime"),
    [(0.0099, Regime.FINE), (0.01, Regime.MEDIUM), (0.0999, Regime.MEDIUM), (0.1, Regime.COARSE), (1.0, "very coarse")],
)
def test_classes_of_powders(mu_d: float, regime: Regime) -> None:
    assert regime_of(mu_d) == regime


def test_the_factors_recover_the_amounts_that_shadow_themselves() -> None:
    """Forward: true amounts and their mean absorption give the factors; backward: the correction finds them again."""
    true, densities = np.array([0.5, 0.2, 0.3]), np.array([4.0, 5.2, 4.6])
    mu, radii = np.array([125.0, 1170.0, 380.0]), np.array([2.0, 0.4, 1.0])
    volumes = true / densities
    mean = float(volumes @ mu / volumes.sum())
    factors = np.array([absorption_factor(x) for x in (mu - mean) * radii * 1e-4])
    seen = true * factors
    found = particle_factors(seen, densities, mu, radii)
    assert found == pytest.approx(factors, rel=1e-10)
    corrected = seen / found
    assert corrected / corrected.sum() == pytest.approx(true, rel=1e-10)


AMOUNTS = MeasuredAmounts(
    "data", ("quartz", "fluorite"), (Share(0.6, 0.01), Share(0.4, 0.01)), (60.0, 40.0), ((1e-4, 0.0), (0.0, 2e-4))
)


def found_with(**radii: float) -> tuple[Quantification, list[str]]:
    made = project((QUARTZ, CUBIC), XRAY, (20.0, 80.0), 0.1)
    made = replace(made, quantification=QuantificationSettings(particle_radius=radii))
    (found,) = quantify(made, (QUARTZ, CUBIC), [AMOUNTS])
    return found, [finding.code for finding in quantification_findings([found])]


def test_a_fine_powder_needs_no_word() -> None:
    found, codes = found_with(quartz=0.1, fluorite=0.1)
    assert codes == []
    assert found.corrected


def test_a_medium_powder_is_corrected_with_a_warning() -> None:
    found, codes = found_with(quartz=1.0, fluorite=1.0)
    assert codes == ["microabsorption"]
    # The strong absorber is more than it seems.
    assert found.phases[1].crystalline.value > 0.4 + 0.002
    light, heavy = (amount.microabsorption for amount in found.phases)
    assert light is not None
    assert heavy is not None
    assert heavy.factor < 1 < light.factor
    assert sum(amount.crystalline.value for amount in found.phases) == pytest.approx(1)


@pytest.mark.parametrize("radius", [5.0, 50.0])
def test_a_coarse_powder_is_not_corrected(radius: float) -> None:
    found, codes = found_with(quartz=1.0, fluorite=radius)
    assert codes == ["microabsorption-refused"]
    assert not found.corrected
    assert [amount.crystalline for amount in found.phases] == list(AMOUNTS.shares)


def test_neutrons_are_not_corrected() -> None:
    made = project((QUARTZ, CUBIC), NEUTRON, (20.0, 80.0), 0.1)
    made = replace(made, quantification=QuantificationSettings(particle_radius={"quartz": 1.0, "fluorite": 1.0}))
    (found,) = quantify(made, (QUARTZ, CUBIC), [AMOUNTS])
    assert all(amount.microabsorption is None for amount in found.phases)


def test_a_phase_without_particles_leaves_all_uncorrected() -> None:
    made = project((QUARTZ, TETRAGONAL), XRAY, (20.0, 80.0), 0.1)
    made = replace(made, quantification=QuantificationSettings(particle_radius={"quartz": 1.0}))
    amounts = replace(AMOUNTS, phases=("quartz", "rutile"))
    (found,) = quantify(made, (QUARTZ, TETRAGONAL), [amounts])
    assert not found.corrected

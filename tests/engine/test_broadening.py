"""Size and strain broadening against its formulas, its limits, and differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from autogsas.crystal.strain import directions, strain_terms
from autogsas.crystal.symmetry import cell_to_metric, quadratic_form
from autogsas.engine.alignment import squared_cosine
from autogsas.engine.broadening import sample_widths
from autogsas.model.sample import Broadening, Specimen

Array = npt.NDArray[np.float64]

WAVELENGTH = 1.54
HKL = np.array([[0, 0, 1], [0, 0, 4], [1, 0, 0], [2, 2, 0], [1, 1, 1], [2, 0, 3], [3, 1, 2]])
METRIC = cell_to_metric((4.59, 4.59, 5.96, 90, 90, 90))
THETA = np.arcsin(WAVELENGTH * np.sqrt(quadratic_form(HKL) @ METRIC) / 2)
VALUES = {"size": 0.08, "size axial": 0.3, "size mix": 0.7, "strain": 2500.0, "strain axial": 900.0, "strain mix": 0.2}
TERMS = strain_terms("P 42/m n m").of(HKL)
COEFFICIENTS = {"strain 1": 9.0e3, "strain 2": 4.0e3, "strain 3": 2.0e3, "strain 4": 6.0e3}
# The square of the strain is negative for 2 2 0 and 3 1 2.
NEGATIVE = COEFFICIENTS | {"strain 3": -7.0e3, "strain 4": -2.0e3}
GENERALISED = Specimen(strain=Broadening(1000.0, "generalized"))
UNIAXIAL = Specimen(Broadening(0.08, "uniaxial", 0.3), Broadening(2500.0, "uniaxial", 900.0, (1, 1, 0)))


def test_isotropic_is_uniaxial_with_equal_values() -> None:
    equal = VALUES | {"size axial": 0.08, "strain axial": 2500.0}
    one = sample_widths(Specimen(), equal, HKL, METRIC, THETA, WAVELENGTH)
    other = sample_widths(UNIAXIAL, equal, HKL, METRIC, THETA, WAVELENGTH)
    for key in ("variance", "gamma", "variance_by_theta", "gamma_by_theta"):
        assert np.allclose(getattr(one, key), getattr(other, key), rtol=1e-12), key
    assert np.allclose(other.variance_by_metric, 0.0, atol=1e-6 * np.max(one.variance))
    for name in ("size", "strain"):
        # Moving both at once is moving the isotropic one.
        assert np.allclose(one.gamma_by[name], other.gamma_by[name] + other.gamma_by[f"{name} axial"])
        assert np.allclose(one.variance_by[name], other.variance_by[name] + other.variance_by[f"{name} axial"])


def test_scherrer_and_stokes_wilson() -> None:
    """Lorentzian alone: lambda/(S cos theta) and the strain's 4 tan(theta) share, in the units GSAS-II keeps them."""
    pure = VALUES | {"size mix": 1.0, "strain mix": 1.0}
    found = sample_widths(Specimen(), pure, HKL, METRIC, THETA, WAVELENGTH)
    # In radians: lambda/S for size, M for strain (GSAS-II's M is the full width over tan theta).
    radians = WAVELENGTH / (0.08e4 * np.cos(THETA)) + 2500e-6 * np.tan(THETA)
    assert np.allclose(found.gamma, 100 * np.degrees(radians), rtol=1e-12)
    assert np.all(found.variance == 0)


def test_gaussian_alone_has_the_same_full_width() -> None:
    lorentzian = sample_widths(UNIAXIAL, VALUES | {"size mix": 1.0, "strain mix": 1.0}, HKL, METRIC, THETA, WAVELENGTH)
    for name, off in (("size", "strain"), ("strain", "size")):
        kept = {f"{off}": 1e9 if off == "size" else 0.0, f"{off} axial": 1e9 if off == "size" else 0.0}
        gaussian = sample_widths(
            UNIAXIAL, VALUES | kept | {"size mix": 0.0, "strain mix": 0.0}, HKL, METRIC, THETA, WAVELENGTH
        )
        alone = sample_widths(
            UNIAXIAL, VALUES | kept | {"size mix": 1.0, "strain mix": 1.0}, HKL, METRIC, THETA, WAVELENGTH
        )
        assert np.allclose(np.sqrt(8 * np.log(2) * gaussian.variance), alone.gamma, rtol=1e-5), name
        assert np.all(alone.gamma < lorentzian.gamma)


@pytest.mark.parametrize("name", ["size", "strain"])
def test_along_the_axis_the_axial_value_counts_and_across_it_the_equatorial(name: str) -> None:
    axis = (0, 0, 1)
    models = {"size": Broadening(1.0), "strain": Broadening(1000.0)} | {name: Broadening(1.0, "uniaxial", 1.0, axis)}
    other = "strain" if name == "size" else "size"
    values = VALUES | {f"{other} mix": 1.0, f"{name} mix": 1.0, other: 1e9 if other == "size" else 0.0}
    specimen = Specimen(models["size"], models["strain"])
    found = sample_widths(specimen, values, HKL, METRIC, THETA, WAVELENGTH).gamma

    def isotropic(value: float) -> Array:
        return sample_widths(Specimen(), values | {name: value}, HKL, METRIC, THETA, WAVELENGTH).gamma

    along, _ = squared_cosine(HKL, axis, METRIC)
    assert np.allclose(found[along > 1 - 1e-9], isotropic(VALUES[f"{name} axial"])[along > 1 - 1e-9])
    assert np.allclose(found[along < 1e-9], isotropic(VALUES[name])[along < 1e-9])
    # Between them the radius vector of an ellipsoid lies between its half-axes.
    both = np.sort([isotropic(VALUES[name]), isotropic(VALUES[f"{name} axial"])], axis=0)
    assert np.all((found >= both[0] - 1e-9) & (found <= both[1] + 1e-9))


def test_generalised_strain_is_isotropic_where_it_is_the_same_in_all_directions() -> None:
    flat = strain_terms("P 42/m n m").fitting(np.full(len(directions(METRIC)), VALUES["strain"]), METRIC)
    values = VALUES | {f"strain {i + 1}": float(one) for i, one in enumerate(flat)}
    one = sample_widths(Specimen(), values, HKL, METRIC, THETA, WAVELENGTH)
    other = sample_widths(GENERALISED, values, HKL, METRIC, THETA, WAVELENGTH, TERMS)
    for key in ("variance", "gamma", "variance_by_theta", "gamma_by_theta"):
        assert np.allclose(getattr(one, key), getattr(other, key), rtol=1e-8), key


def test_the_square_of_a_generalised_strain_may_be_negative() -> None:
    """Widths stay finite, and say for which reflections; the width has no jump where its square changes sign."""
    values = VALUES | NEGATIVE | {"size mix": 1.0, "strain mix": 0.0}
    found = sample_widths(GENERALISED, values, HKL, METRIC, THETA, WAVELENGTH, TERMS)
    assert found.strain is not None
    squares = TERMS @ np.array(list(NEGATIVE.values()))
    assert np.array_equal(np.sign(found.strain.width), np.sign(squares))
    assert np.array_equal(np.sign(found.variance), np.sign(squares)), "the Gaussian variance is the square"
    assert np.any(squares < 0)
    ends = []
    for shift in (1e-12, -1e-12):
        # 0 0 1 has the coefficient S004 alone.
        near = sample_widths(GENERALISED, values | {"strain 2": shift}, HKL, METRIC, THETA, WAVELENGTH, TERMS)
        assert near.strain is not None
        ends.append(near.strain.width[0])
    assert ends[0] > 0 > ends[1]
    assert ends[0] - ends[1] < 1e-9


CASES = {
    "isotropic": (Specimen(), VALUES, None),
    "uniaxial": (UNIAXIAL, VALUES, None),
    "generalised": (GENERALISED, VALUES | COEFFICIENTS, TERMS),
    "generalised, negative": (GENERALISED, VALUES | NEGATIVE, TERMS),
}


@pytest.mark.parametrize("case", CASES)
def test_derivatives(case: str) -> None:
    specimen, given, terms = CASES[case]
    used = [key for key in given if terms is None or key not in ("strain", "strain axial")]
    found = sample_widths(specimen, given, HKL, METRIC, THETA, WAVELENGTH, terms)

    def widths(values: dict[str, float], metric: Array, theta: Array) -> tuple[Array, Array]:
        at = sample_widths(specimen, values, HKL, metric, theta, WAVELENGTH, terms)
        return at.variance, at.gamma

    def compare(plus: tuple[Array, Array], minus: tuple[Array, Array], e: float, by: tuple[Array, Array]) -> None:
        for up, down, slope in zip(plus, minus, by, strict=True):
            assert np.allclose(slope, (up - down) / (2 * e), rtol=1e-6, atol=1e-7 * max(np.max(np.abs(slope)), 1e-9))

    for key in used:
        e = 1e-6 * abs(given[key])
        plus, minus = (widths(given | {key: given[key] + s * e}, METRIC, THETA) for s in (1, -1))
        compare(plus, minus, e, (found.variance_by[key], found.gamma_by[key]))
    e = 1e-6
    compare(
        widths(given, METRIC, THETA + e),
        widths(given, METRIC, THETA - e),
        e,
        (found.variance_by_theta, found.gamma_by_theta),
    )
    for i in range(6):
        e = 1e-6 * METRIC[0]
        step = np.eye(6)[i] * e
        compare(
            widths(given, METRIC + step, THETA),
            widths(given, METRIC - step, THETA),
            e,
            (found.variance_by_metric[:, i], found.gamma_by_metric[:, i]),
        )

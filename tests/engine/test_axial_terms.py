"""GSAS-II's axial sum against a plain loop over the published formulas, and what is put in place of its longer sums."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from autogsas.engine import axial, axial_terms

Array = npt.NDArray[np.float64]

# The sizes of the Gauss-Legendre rules of GSAS-II's psvfcjo.
SIZES = (
    2,
    4,
    6,
    8,
    10,
    12,
    14,
    16,
    18,
    20,
    22,
    24,
    26,
    28,
    30,
    40,
    50,
    60,
    70,
    80,
    90,
    100,
    110,
    120,
    140,
    160,
    180,
    200,
    220,
    240,
    260,
    280,
    300,
    400,
)
ANGLES = np.array([4.0, 9.0, 21.0, 45.0, 70.0, 88.0, 92.0, 118.0, 140.0, 165.0])


def plain(two_theta: float, shl: float, count: int) -> tuple[Array, Array]:
    """Shifts in degrees and weights of a sum of ``count`` terms: Finger, Cox & Jephcoat (1994), eq. 4 and 7, S = H."""
    at = np.radians(two_theta)
    least = np.arccos(np.cos(at) * np.sqrt(1 + shl**2))
    abscissas, rule = np.polynomial.legendre.leggauss(2 * count)
    shifts, weights = [], []
    for abscissa, weight in zip(abscissas[count:], rule[count:], strict=True):
        delta = least + (at - least) * abscissa
        h = np.sqrt(np.cos(delta) ** 2 / np.cos(at) ** 2 - 1)
        shifts.append(np.degrees(delta - at))
        weights.append(weight * (shl / h - 1) / abs(np.cos(delta)))
    return np.array(shifts), np.array(weights) / np.sum(weights)


@pytest.mark.parametrize("shl", [0.002, 0.02, 0.06])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_a_sum_of_few_terms_is_the_published_one(shl: float, count: int) -> None:
    found = axial_terms.nodes(ANGLES, shl, np.full(ANGLES.size, count), 8)
    for row, two_theta in enumerate(ANGLES):
        shifts, weights = plain(two_theta, shl, count)
        assert np.allclose(found.shift[row, :count], shifts, rtol=1e-7, atol=1e-11)
        assert np.allclose(found.weight[row, :count], weights, rtol=1e-6)
    # What fills the row up has no weight and does not move.
    assert np.all(found.weight[:, count:] == 0)
    assert np.all(found.weight_by_position[:, count:] == 0)
    assert np.all(found.weight_by_shl[:, count:] == 0)


def test_sums_of_several_sizes_in_one_call() -> None:
    counts = np.array([1, 4, 2, 50, 3, 1, 200, 7, 8, 20])
    together = axial_terms.nodes(ANGLES, 0.04, counts, 8)
    for row in range(ANGLES.size):
        alone = axial_terms.nodes(ANGLES[row : row + 1], 0.04, counts[row : row + 1], 8)
        for key, values in vars(alone).items():
            assert np.array_equal(getattr(together, key)[row], values[0]), key


@pytest.mark.parametrize("shl", [0.002, 0.02, 0.06, 0.3])
def test_the_number_of_terms_is_the_next_size_of_the_table(shl: float) -> None:
    for gamma in (1e-4, 0.01, 0.07, 0.5, 5.0):
        found = axial_terms.terms(ANGLES, shl, np.full(ANGLES.size, gamma))
        for two_theta, count in zip(ANGLES, found, strict=True):
            cosine = np.clip(np.cos(np.radians(two_theta)) * np.sqrt(1 + shl**2), -1, 1)
            wanted = int(300 * abs(two_theta - np.degrees(np.arccos(cosine))) / (100 * gamma))
            assert count == next((size for size in SIZES if size >= wanted), SIZES[-1]) // 2


@pytest.mark.parametrize("shl", [0.002, 0.02, 0.06])
@pytest.mark.parametrize("count", [20, 60, 200])
@pytest.mark.parametrize("copies", [2, 4, 8])
def test_fewer_copies_have_the_moments_of_the_whole_sum(shl: float, count: int, copies: int) -> None:
    """Interpolation at m abscissas keeps the moments up to m - 1."""
    found = axial_terms.nodes(ANGLES, shl, np.full(ANGLES.size, count), copies)
    for row, two_theta in enumerate(ANGLES):
        shifts, weights = plain(two_theta, shl, count)
        for power in range(copies):
            expected = np.sum(weights * shifts**power)
            assert np.sum(found.weight[row] * found.shift[row] ** power) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [1, 2, 6, 60])
def test_one_copy_is_the_centroid(count: int) -> None:
    found = axial_terms.nodes(ANGLES, 0.03, np.full(ANGLES.size, count), 1)
    for row, two_theta in enumerate(ANGLES):
        shifts, weights = plain(two_theta, 0.03, count)
        assert found.shift[row, 0] == pytest.approx(np.sum(weights * shifts), rel=1e-7)
    assert np.all(found.weight == 1.0)
    assert np.all(found.weight_by_position == 0)


def test_many_terms_come_to_the_integral() -> None:
    """The density has an inverse square root at one end, on which Gauss-Legendre converges as 1/n."""
    integral = axial.nodes(ANGLES, 0.03, 24)
    mean = np.sum(integral.weight * integral.shift, axis=1)
    for count, error in ((20, 0.06), (200, 0.006)):
        found = axial_terms.nodes(ANGLES, 0.03, np.full(ANGLES.size, count), count)
        assert np.all(np.abs(np.sum(found.weight * found.shift, axis=1) - mean) < error * np.abs(mean))


SUMS = [(1, 1), (1, 4), (3, 4), (8, 8), (60, 1), (60, 2), (60, 8), (200, 24)]


# No peak is so narrow that the least SH/L asks for more than a few terms.
@pytest.mark.parametrize(
    ("shl", "count", "copies"),
    [*((0.002, *some) for some in SUMS[:4]), *((shl, *some) for shl in (0.02, 0.06, 0.2) for some in SUMS)],
)
def test_derivatives_with_counts_held(shl: float, count: int, copies: int) -> None:
    # A gap of less than 1e-4 degrees comes out of its arccosine with too few digits to tell a derivative by.
    at = ANGLES[(np.abs(np.tan(np.radians(ANGLES))) > 1.2 * shl) & (axial.extent(ANGLES, shl) > 1e-4)]
    counts = np.full(at.size, count)
    found = axial_terms.nodes(at, shl, counts, copies)
    for by, moves in (("position", (1e-4, 1e-3, 1e-2)), ("shl", (1e-4 * shl, 1e-3 * shl, 1e-2 * shl))):
        for key in ("shift", "weight"):
            analytic = getattr(found, f"{key}_by_{by}")
            errors = []
            for e in moves:
                to = (at + e, shl) if by == "position" else (at, shl + e)
                fro = (at - e, shl) if by == "position" else (at, shl - e)
                plus, minus = (axial_terms.nodes(*place, counts, copies) for place in (to, fro))
                errors.append(np.abs((getattr(plus, key) - getattr(minus, key)) / (2 * e) - analytic))
            # Near 90 degrees a small step drowns in that rounding, and near the beam a large one is too large.
            allowed = 1e-5 * np.max(np.abs(analytic), axis=1, keepdims=True) + (
                1e-6 if by == "position" else 2e-6 / shl
            )
            assert np.all(np.min(errors, axis=0) < allowed), key


@pytest.mark.parametrize("two_theta", [0.0, 1e-6, 0.01, 0.5, 89.999999, 90.0, 90.000001, 179.0, 180.0])
@pytest.mark.parametrize("shl", [0.002, 0.03, 0.3])
@pytest.mark.parametrize(("count", "copies"), [(1, 1), (2, 4), (200, 1), (200, 8)])
def test_the_edges_are_finite(two_theta: float, shl: float, count: int, copies: int) -> None:
    at = np.array([two_theta])
    found = axial_terms.nodes(at, shl, np.array([count]), copies)
    for key, values in vars(found).items():
        assert np.all(np.isfinite(values)), key
    assert found.weight.sum() == pytest.approx(1.0)
    assert np.all(two_theta + found.shift >= -1e-6)
    assert np.all(two_theta + found.shift <= 180 + 1e-6)
    assert 1 <= axial_terms.terms(at, shl, np.array([0.0]))[0] <= 200

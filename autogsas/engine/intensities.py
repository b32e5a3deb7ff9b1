"""Intensity of reflections at unit scale: structure factor, geometry, absorption, orientation; and its derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import PAIRS
from autogsas.engine.absorption import transmission
from autogsas.engine.alignment import Orientation
from autogsas.engine.structure_factors import Derivatives
from autogsas.model.instrument import Instrument

__all__ = ["Factors", "Intensities", "f2_along", "factors", "intensities"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DEGREE = np.pi / 180.0


@dataclass(frozen=True)
class Factors:
    """Lorentz-polarisation factor times transmission, (k,), its slope by 2theta in degrees; the ``transmitted`` share.

    ``transmitted_by_mu`` is the slope of the last by the absorption coefficient times the radius.
    """

    lorentz: Array
    lorentz_by: Array
    transmitted: Array
    transmitted_by_mu: Array


@dataclass(frozen=True)
class Intensities:
    """k reflections: ``base`` = ``factor`` |F|^2 at unit scale per centidegree."""

    base: Array
    f2: Array
    factor: Array
    geometry: Array
    angular: Factors
    oriented: Orientation | None

    def along(
        self,
        position: Array,
        f2_by: Array | None,
        cell: Array,
        pair: Mapping[str, Array],
        absorption: Array,
        reciprocal: Array,
        scale: float,
    ) -> Array:
        """Return the derivatives (k, v) of ``scale`` times ``base`` by v variables.

        ``position`` (k, v) is d(2theta)/dv, ``f2_by`` (k, v) d|F|^2/dv or None where the structure does not move;
        ``cell`` (6, v) d(metric)/dv, ``pair`` and ``absorption`` d(parameter)/dv, each (v,). The volume V* of
        the ``reciprocal`` metric tensor G* (3, 3) enters base as a factor: d(log V*)/dA_ij = (G*^-1)_ij/2.
        """
        base, oriented = self.base, self.oriented
        inverse = np.linalg.inv(reciprocal)
        log_volume = np.array([0.5 * inverse[i, j] for i, j in PAIRS]) @ cell
        out = (self.geometry * self.f2 * self.angular.lorentz_by)[:, None] * position + np.outer(base, log_volume)
        if f2_by is not None:
            out += self.factor[:, None] * f2_by
        if oriented is not None:
            by_ratio = base / oriented.factor * oriented.by_ratio
            out += np.outer(by_ratio, pair["orientation"])
            out += (base / oriented.factor)[:, None] * (oriented.by_metric @ cell)
        if np.any(absorption):
            out += np.outer(base / self.angular.transmitted * self.angular.transmitted_by_mu, absorption)
        out *= scale
        out += np.outer(base, pair["scale"])
        return np.asarray(out)


def intensities(
    f2: Array,
    multiplicity: Ints,
    volume2: float,
    seen: npt.NDArray[np.bool_],
    angular: Factors,
    oriented: Orientation | None,
) -> Intensities:
    """Return |F|^2 m V* LP A P/100, so that the sum of a pattern over centidegrees is GSAS-II's intensity.

    m is the ``multiplicity``, V*^2 = ``volume2`` the squared volume of the reciprocal cell in 1/Angstrom^6, LP and A
    the factors of ``angular``, P that of preferred orientation; zero where a reflection is not ``seen``.
    """
    geometry = 0.01 * multiplicity * np.sqrt(volume2) * np.where(seen, 1.0, 0.0)
    if oriented is not None:
        geometry = geometry * oriented.factor
    factor = geometry * angular.lorentz
    return Intensities(factor * f2, f2, factor, geometry, angular, oriented)


def factors(instrument: Instrument, mu_r: float, theta: Array, two_theta: Array) -> Factors:
    """Return the factors that depend on the angle: ``theta`` (k,) in radians, ``two_theta`` (k,) in degrees."""
    lorentz, lorentz_by = _lorentz_polarisation(instrument, theta)
    passed, passed_by_mu, passed_by = _absorption(instrument, mu_r, two_theta)
    return Factors(lorentz * passed, lorentz_by * passed + lorentz * passed_by, passed, passed_by_mu)


def f2_along(df2: Derivatives, rows: Mapping[str, Array], q_by: Array, uaniso: Array | None, metric: Array) -> Array:
    """Return d|F|^2/dv (k, v), the sum of d|F|^2/dp dp/dv over the structure's parameters p.

    ``rows`` are dp/dv of "cell", "xyz", "uiso", "occupancy" and "uaniso"; ``q_by`` (k, v) is d(1/d^2)/dv, of which a
    quarter is that of (sin(theta)/lambda)^2.
    """
    s = df2.uiso.shape[1]
    out = df2.xyz.reshape(-1, 3 * s) @ rows["xyz"] + df2.uiso @ rows["uiso"] + df2.occupancy @ rows["occupancy"]
    out += df2.s2[:, None] * (0.25 * q_by)
    if uaniso is not None:
        out += df2.uaniso.reshape(-1, 6 * s) @ rows["uaniso"]
        out += _tensor_by_cell(df2.uaniso, uaniso, metric) @ rows["cell"]
    return np.asarray(out)


def _tensor_by_cell(by_tensor: Array, uaniso: Array, metric: Array) -> Array:
    """Return d|F|^2/dA0..A5 (k, 6) through the reciprocal lengths in the exponent.

    The exponent has U_ij a*_i a*_j with a*_i = sqrt(A_i), so that d/dA_i = sum_j U_ij d/dU_ij/(2 A_i), once for each
    index of the pair.
    """
    out = np.zeros((by_tensor.shape[0], 6))
    for t, pair in enumerate(PAIRS):
        moved = by_tensor[:, :, t] @ uaniso[:, t]
        for axis in pair:
            out[:, axis] += moved / (2.0 * metric[axis])
    return out


def _absorption(instrument: Instrument, mu_r: float, two_theta: Array) -> tuple[Array, Array, Array]:
    """Return the transmitted share of intensity, and its slopes by mu_r and 2theta; one in Bragg-Brentano."""
    if instrument.geometry == "Bragg-Brentano":
        one = np.ones_like(two_theta)
        return one, 0.0 * one, 0.0 * one
    return transmission(mu_r, np.clip(two_theta, 0.02, 179.9))


def _lorentz_polarisation(instrument: Instrument, theta: Array) -> tuple[Array, Array]:
    """Return 1/(2 sin^2 theta cos theta) times the polarisation P + (1-P) cos^2 2theta, and its slope by 2theta.

    Young (ed.), The Rietveld Method (1993), p. 6; P is GSAS-II's Polariz. at azimuth zero. Neutrons have none.
    """
    sine, cosine = np.sin(theta), np.cos(theta)
    lorentz = 1.0 / (2.0 * sine**2 * cosine)
    by_theta = lorentz * (sine / cosine - 2.0 * cosine / sine)
    if instrument.radiation != "xray":
        return lorentz, by_theta * 0.5 * _DEGREE
    share = instrument.polarization
    double = 2.0 * theta
    polarisation = share + (1.0 - share) * np.cos(double) ** 2
    polarisation_by = -2.0 * (1.0 - share) * np.sin(2.0 * double)
    return lorentz * polarisation, (by_theta * polarisation + lorentz * polarisation_by) * 0.5 * _DEGREE

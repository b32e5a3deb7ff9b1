"""Absolute amounts with an internal or an external standard, with esds by propagation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.model.quantification import ExternalStandard, InternalStandard, Share

__all__ = ["Absolute", "crystalline_shares", "g_factor", "with_external", "with_internal"]

Array = npt.NDArray[np.float64]

_DENSITY = 1.66053906892  # Dalton per Angstrom^3 in g/cm^3


@dataclass(frozen=True)
class Absolute:
    """Shares of the specimen, and of the original sample; the standard has no original share (None)."""

    specimen: tuple[Share, ...]
    original: tuple[Share | None, ...]
    amorphous_specimen: Share
    amorphous: Share


def crystalline_shares(amounts: Array, covariance: Array) -> tuple[Share, ...]:
    """Return W = a/sum a of amounts (n,) with the covariance (n, n) of their logarithms u.

    By dW_i/du_j = W_i (d_ij - W_j).
    """
    shares = amounts / amounts.sum()
    slopes = np.diag(shares) - np.outer(shares, shares)
    return tuple(_share(value, float(row @ covariance @ row)) for value, row in zip(shares, slopes, strict=True))


def with_internal(amounts: Array, covariance: Array, place: int, standard: InternalStandard) -> Absolute:
    """Return absolute shares from the known share w of the standard, phase ``place``, of crystallinity x.

    W_abs = W w x/W_std in the specimen (De La Torre, Bruque & Aranda, J. Appl. Cryst. 34, 196 (2001); Madsen & Scarlett
    in Powder Diffraction: Theory and Practice (2008), chapter 11), the rest of it amorphous: 1 - sum W_abs, the
    amorphous part of the standard included. In the sample without the standard W_abs/(1 - w), and 1 - sum of these.
    """
    w, x = standard.weight_fraction, standard.crystallinity
    n = amounts.size
    specimen = w * x * amounts / amounts[place]
    # Rows: the phases and the amorphous rest; columns: the logarithms of the amounts, then w and x.
    slopes = np.zeros((n + 1, n + 2))
    slopes[:n, :n] = np.diag(specimen)
    slopes[:n, place] -= specimen
    slopes[:n, n] = specimen / w
    slopes[:n, n + 1] = specimen / x
    whole = np.zeros((n + 2, n + 2))
    whole[:n, :n] = covariance
    whole[n, n], whole[n + 1, n + 1] = standard.weight_fraction_esd**2, standard.crystallinity_esd**2
    slopes[n] = -slopes[:n].sum(axis=0)
    values = np.append(specimen, 1.0 - specimen.sum())
    inside = [_share(value, float(row @ whole @ row)) for value, row in zip(values, slopes, strict=True)]
    before = slopes[:n] / (1.0 - w)
    before[:, n] += specimen / (1.0 - w) ** 2  # of 1/(1 - w) itself
    before[place] = 0.0
    original = specimen / (1.0 - w)
    original[place] = 0.0
    rest = -before.sum(axis=0)
    shares = [_share(value, float(row @ whole @ row)) for value, row in zip(original, before, strict=True)]
    return Absolute(
        tuple(inside[:n]),
        tuple(None if i == place else share for i, share in enumerate(shares)),
        inside[n],
        _share(1.0 - original.sum(), float(rest @ whole @ rest)),
    )


def with_external(amounts: Array, covariance: Array, standard: ExternalStandard) -> Absolute:
    """Return absolute shares c = s rho V^2 mu_m/G from the instrument factor G.

    O'Connor & Raven, Powder Diffr. 3, 2 (1988); Jansen, Goetz-Neunhoeffer, Lothenbach & Neubauer, Powder Diffr. 26, 31
    (2011), eq. 3. Their scale s is S/V, so that s rho V^2 is 1.66 S M for ``amounts`` S M.
    """
    specimen = _DENSITY * amounts * standard.mass_attenuation / standard.g
    n = amounts.size
    slopes = np.zeros((n + 1, n + 1))
    slopes[:n, :n] = np.diag(specimen)
    slopes[:n, n] = -specimen / standard.g
    slopes[n] = -slopes[:n].sum(axis=0)
    whole = np.zeros((n + 1, n + 1))
    whole[:n, :n] = covariance
    whole[n, n] = standard.g_esd**2
    values = np.append(specimen, 1.0 - specimen.sum())
    shares = [_share(value, float(row @ whole @ row)) for value, row in zip(values, slopes, strict=True)]
    return Absolute(tuple(shares[:n]), tuple(shares[:n]), shares[n], shares[n])


def g_factor(amount: float, variance: float, mass_attenuation: float, crystalline: Share) -> Share:
    """Return G = s rho V^2 mu_m/c of a standard with the crystalline share c, from its ``amount`` S M.

    ``variance`` is that of the logarithm of the amount.
    """
    value = _DENSITY * amount * mass_attenuation / crystalline.value
    relative = variance + ((crystalline.esd or 0.0) / crystalline.value) ** 2
    return _share(value, value**2 * relative)


def _share(value: float, variance: float) -> Share:
    return Share(float(value), float(np.sqrt(variance)) if variance > 0 else None)

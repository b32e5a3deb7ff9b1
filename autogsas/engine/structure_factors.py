"""Structure factors of all reflections of a phase at once, with their derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.scattering import Scatterers
from autogsas.crystal.symmetry import PAIRS, Symmetry

__all__ = ["Derivatives", "StructureFactors"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TWO_PI = 2.0 * np.pi


@dataclass(frozen=True)
class Derivatives:
    """Derivatives of |F|^2 by all that it depends on; k reflections, s sites.

    ``xyz`` (k, s, 3), ``uiso`` (k, s), ``occupancy`` (k, s), ``uaniso`` (k, s, 6), and ``s2`` (k,) by
    (sin(theta)/lambda)^2 with everything else fixed.
    """

    xyz: Array
    uiso: Array
    occupancy: Array
    uaniso: Array
    s2: Array


class StructureFactors:
    """|F|^2 of fixed reflections ``hkl`` (k, 3) of a structure with s sites, as a function of its parameters.

    ``site_orders`` (s,) is the number of operations that keep each site; ``anisotropic`` (s,) is where a site has
    a displacement tensor (their U_iso is not used).
    |F|^2 is the mean of a reflection and its Friedel mate, which overlap in a powder pattern:
    |sum (f0+f') E|^2 + |sum f'' E|^2, with E the geometric part of each site. (GSAS-II takes one of the two for
    non-centrosymmetric structures.)
    """

    def __init__(
        self,
        symmetry: Symmetry,
        hkl: Ints,
        scatterers: Scatterers,
        site_orders: Ints,
        anisotropic: npt.NDArray[np.bool_],
    ) -> None:
        rotations, translations = symmetry.rotations, symmetry.translations
        factor = float(len(symmetry.centring))
        if symmetry.centric:
            rotations, translations = _half(rotations, translations)
            factor *= 2.0
        self._centric = symmetry.centric
        self._scatterers = scatterers
        # h.(R x + t) = (h R).x + h.t
        self._turned = np.einsum("ki,nij->knj", hkl, rotations).astype(float)
        self._offset = hkl @ translations.T
        self._weight = factor / site_orders
        self._anisotropic = anisotropic
        self._known: tuple[Array, Array, Array] | None = None
        self._any_tensor = bool(np.any(anisotropic))
        h = self._turned
        doubled = np.array([1.0 if i == j else 2.0 for i, j in PAIRS])
        self._form = (
            np.stack([h[..., i] * h[..., j] for i, j in PAIRS], axis=-1) * doubled if self._any_tensor else None
        )

    def f_squared(self, s2: Array, xyz: Array, occupancy: Array, uiso: Array) -> Array:
        """Return |F|^2 (k,) for ``s2`` (k,), ``xyz`` (s, 3), ``occupancy`` (s,), ``uiso`` (s,), no tensors."""
        return self.evaluate(s2, xyz, occupancy, uiso, None, np.ones(3), derivatives=False)[0]

    def evaluate(
        self,
        s2: Array,
        xyz: Array,
        occupancy: Array,
        uiso: Array,
        uaniso: Array | None,
        reciprocal: Array,
        *,
        derivatives: bool = True,
    ) -> tuple[Array, Derivatives | None]:
        """Return |F|^2 (k,) and its derivatives.

        ``s2`` (k,) is (sin(theta)/lambda)^2 in 1/Angstrom^2, ``xyz`` (s, 3), ``occupancy`` and ``uiso`` (s,),
        ``uaniso`` (s, 6) in CIF's convention or None, ``reciprocal`` (3,) the lengths a* b* c* in 1/Angstrom.
        """
        cosine, sine = self._waves(xyz)
        tensor_scale = None
        if self._any_tensor and uaniso is not None and self._form is not None:
            tensor_scale = 2.0 * np.pi**2 * np.array([reciprocal[i] * reciprocal[j] for i, j in PAIRS])
            damping = np.exp(-np.minimum(self._form @ (uaniso * tensor_scale).T, 50.0))
            damping = np.where(self._anisotropic, damping, 1.0)
            cosine, sine = cosine * damping, sine * damping
        isotropic = np.where(self._anisotropic, 0.0, uiso)
        damp = np.exp(np.minimum(-8.0 * np.pi**2 * np.outer(s2, isotropic), 50.0))
        f0, df0 = self._scatterers.factors(s2)
        anomalous = self._scatterers.anomalous
        shared = damp * self._weight
        real = (f0 + anomalous.real) * shared
        imaginary = anomalous.imag * shared
        even = cosine.sum(axis=1)
        odd = np.zeros_like(even) if self._centric else sine.sum(axis=1)
        # |F|^2 is the sum of the squares of four sums: f0+f' and f'' with cosines and with sines.
        parts = [(real, even), (real, odd), (imaginary, even), (imaginary, odd)]
        sums = [np.sum(occupancy * amplitude * geometry, axis=1) for amplitude, geometry in parts]
        f2 = np.asarray(sums[0] ** 2 + sums[1] ** 2 + sums[2] ** 2 + sums[3] ** 2)
        if not derivatives:
            return f2, None
        twice = [2.0 * total[:, None] for total in sums]
        by_even = twice[0] * real + twice[2] * imaginary
        by_odd = twice[1] * real + twice[3] * imaginary
        by_occupancy = by_even * even + by_odd * odd
        d_even = -_TWO_PI * np.einsum("knj,kns->ksj", self._turned, sine)
        by_xyz = by_even[..., None] * d_even
        if not self._centric:
            by_xyz += by_odd[..., None] * (_TWO_PI * np.einsum("knj,kns->ksj", self._turned, cosine))
        by_xyz *= occupancy[:, None]
        weighted = by_occupancy * occupancy
        by_uiso = np.where(self._anisotropic, 0.0, -8.0 * np.pi**2 * s2[:, None] * weighted)
        by_s2 = np.sum(-8.0 * np.pi**2 * isotropic * weighted, axis=1)
        slope = df0 * shared * occupancy
        by_s2 += np.sum(slope * (twice[0] * even + twice[1] * odd), axis=1)
        by_tensor = np.zeros((*by_occupancy.shape, 6))
        if tensor_scale is not None and self._form is not None:
            by_tensor = -by_even[..., None] * np.einsum("knt,kns->kst", self._form, cosine)
            if not self._centric:
                by_tensor -= by_odd[..., None] * np.einsum("knt,kns->kst", self._form, sine)
            by_tensor *= occupancy[:, None] * tensor_scale
            by_tensor[:, ~self._anisotropic] = 0.0
        return f2, Derivatives(by_xyz, by_uiso, by_occupancy, by_tensor, by_s2)

    def _waves(self, xyz: Array) -> tuple[Array, Array]:
        """Return cosines and sines of 2 pi h.(R x + t), (k, n, s); cached while no atom moves."""
        if self._known is None or not np.array_equal(self._known[0], xyz):
            phase = _TWO_PI * (self._turned @ xyz.T + self._offset[..., None])
            self._known = (xyz.copy(), np.cos(phase), np.sin(phase))
        return self._known[1], self._known[2]


def _half(rotations: Ints, translations: Array) -> tuple[Ints, Array]:
    """Return one operation of each pair related by the inversion at the origin."""
    kept: list[int] = []
    seen: set[tuple[int, ...]] = set()
    for index, rotation in enumerate(rotations):
        if tuple(rotation.ravel()) in seen:
            continue
        kept.append(index)
        seen.add(tuple((-rotation).ravel()))
    return rotations[kept], translations[kept]

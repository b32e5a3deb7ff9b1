"""Space-group symmetry as arrays, and the free directions of cell, positions and displacement tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.crystal.listing import listed

__all__ = ["SiteSymmetry", "Symmetry", "cell_to_metric", "metric_tensor", "metric_to_cell", "quadratic_form"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The indices of the six numbers of a symmetric tensor: metric A0..A5 multiply h2 k2 l2 hk hl kl (GSAS-II's order),
# U11 U22 U33 U12 U13 U23 share it.
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class SiteSymmetry:
    """The free parameters of one site.

    ``xyz`` (3,) is the position moved exactly onto its special position; ``order`` the number of operations that keep
    it; ``position_basis`` (3, n) and ``u_basis`` (6, m) have the free directions as columns.
    """

    xyz: Array
    order: int
    position_basis: Array
    u_basis: Array


@dataclass(frozen=True)
class Symmetry:
    """A space group as arrays.

    ``rotations`` (n, 3, 3) and ``translations`` (n, 3) are the operations without centring, x' = R x + t;
    ``centring`` (m, 3) the centring vectors, the zero vector first; ``centric`` whether -x,-y,-z is among them.
    """

    name: str
    rotations: Ints
    translations: Array
    centring: Array
    centric: bool

    @classmethod
    def from_name(cls, name: str) -> Symmetry:
        """Return the symmetry of a Hermann-Mauguin symbol with setting ("R -3 m:H"). Raises ValueError if unknown."""
        group = gemmi.find_spacegroup_by_name(name)
        if group is None:
            raise ValueError(f"unknown space group {name!r}")
        operations = group.operations()
        rotations = np.array([op.rot for op in operations.sym_ops], dtype=np.int64) // gemmi.Op.DEN
        translations = np.array([op.tran for op in operations.sym_ops], dtype=float) / gemmi.Op.DEN
        centring = np.array(operations.cen_ops, dtype=float) / gemmi.Op.DEN
        inverse = -np.eye(3, dtype=np.int64)
        at_origin = [
            bool(np.all(r == inverse) and np.all(t == 0)) for r, t in zip(rotations, translations, strict=True)
        ]
        return cls(group.xhm(), rotations, translations, centring, any(at_origin))

    @property
    def order(self) -> int:
        """The number of operations, centring included: the multiplicity of the general position."""
        return len(self.rotations) * len(self.centring)

    def metric_basis(self) -> Array:
        """Return the free directions of the reciprocal metric A0..A5 as columns, shape (6, n).

        The metric is invariant under the point group: A is in the image of the group average (Wyckoff's lattice
        systems follow: one column for cubic, two for hexagonal, six for triclinic).
        """
        average = np.zeros((6, 6))
        for rotation in self.rotations:
            average += _form_under(rotation)
        return _echelon(average / len(self.rotations))

    def site(self, xyz: Sequence[float], metric: Array, tolerance: float = 0.02) -> SiteSymmetry:
        """Return the site symmetry of a position; ``tolerance`` in Angstrom decides which positions are special.

        ``metric`` is the reciprocal metric A0..A5.
        """
        position = np.asarray(xyz, dtype=float)
        direct = np.linalg.inv(metric_tensor(metric))
        images, kept = [], []
        for rotation, translation in zip(self.rotations, self.translations, strict=True):
            for centre in self.centring:
                image = rotation @ position + translation + centre
                image -= np.round(image - position)
                gap = image - position
                if float(gap @ direct @ gap) <= tolerance**2:
                    images.append(image)
                    kept.append(rotation)
        stabiliser = np.array(kept)
        # The mean image is fixed by the whole stabiliser: the nearest point of the special position.
        special = np.mean(images, axis=0)
        u_average = np.mean([_tensor_under(rotation) for rotation in stabiliser], axis=0)
        return SiteSymmetry(special, len(kept), _echelon(np.mean(stabiliser, axis=0)), _echelon(u_average))

    def multiplicities(self, hkl: Ints) -> Ints:
        """Return the number of equivalents of each of ``hkl`` (n, 3) in the Laue class; shape (n,)."""
        images = np.einsum("ki,nij->nkj", hkl, self.rotations)
        images = np.concatenate([images, -images])
        span = 2 * int(np.abs(images).max(initial=0)) + 1
        keys = np.sort((images[..., 0] * span + images[..., 1]) * span + images[..., 2], axis=0)
        return np.asarray(1 + np.count_nonzero(np.diff(keys, axis=0), axis=0), dtype=np.int64)

    def reflections(self, metric: Array, d_min: float) -> Ints:
        """Return one reflection of each set of equivalents with d >= ``d_min`` (Angstrom), absences left out; (n, 3).

        It is the one in GSAS-II's list. Sorted by decreasing d, then by index, so that the list is the same on
        every machine.
        """
        cell = gemmi.UnitCell(*metric_to_cell(metric))
        group = gemmi.find_spacegroup_by_name(self.name)
        hkl = np.asarray(gemmi.make_miller_array(cell, group, d_min, 0.0, True), dtype=np.int64).reshape(-1, 3)
        hkl = hkl[np.any(hkl != 0, axis=1)]
        if hkl.size:
            axis = group.monoclinic_unique_axis()
            hkl = listed(hkl, self.rotations, group.laue_str(), axis, group.ext == "R")
        order = np.lexsort((hkl[:, 2], hkl[:, 1], hkl[:, 0], np.round(quadratic_form(hkl) @ metric, 10)))
        return hkl[order]


def quadratic_form(hkl: Ints) -> Array:
    """Return (h^2, k^2, l^2, hk, hl, kl) of ``hkl`` (n, 3): 1/d^2 is its product with the metric A0..A5; (n, 6)."""
    return np.stack([hkl[:, i] * hkl[:, j] for i, j in PAIRS], axis=1).astype(float)


def metric_tensor(metric: Array) -> Array:
    """Return the reciprocal metric tensor G* (3, 3) in Angstrom^-2 of A0..A5."""
    a0, a1, a2, a3, a4, a5 = metric
    return np.array([[a0, a3 / 2, a4 / 2], [a3 / 2, a1, a5 / 2], [a4 / 2, a5 / 2, a2]])


def cell_to_metric(cell: Sequence[float]) -> Array:
    """Return A0..A5 of (a, b, c, alpha, beta, gamma) in Angstrom and degrees, 1/d^2 = A0 h^2 + ... + A5 kl.

    Raises ValueError for a cell without volume.
    """
    a, b, c = cell[:3]
    cosines = np.cos(np.radians(cell[3:]))
    direct = np.array(
        [
            [a * a, a * b * cosines[2], a * c * cosines[1]],
            [a * b * cosines[2], b * b, b * c * cosines[0]],
            [a * c * cosines[1], b * c * cosines[0], c * c],
        ]
    )
    if min(a, b, c) <= 0 or np.linalg.det(direct) <= 0:
        raise ValueError(f"a cell without volume: {tuple(cell)}")
    g = np.linalg.inv(direct)
    return np.array([g[0, 0], g[1, 1], g[2, 2], 2 * g[0, 1], 2 * g[0, 2], 2 * g[1, 2]])


def metric_to_cell(metric: Array) -> tuple[float, float, float, float, float, float]:
    """Return (a, b, c, alpha, beta, gamma) in Angstrom and degrees of A0..A5. Raises ValueError if invalid."""
    reciprocal = metric_tensor(metric)
    if not np.all(np.isfinite(reciprocal)) or np.any(np.linalg.eigvalsh(reciprocal) <= 0):
        raise ValueError("the reciprocal metric is not positive definite")
    direct = np.linalg.inv(reciprocal)
    a, b, c = np.sqrt(np.diag(direct))
    angles = np.degrees(np.arccos([direct[1, 2] / (b * c), direct[0, 2] / (a * c), direct[0, 1] / (a * b)]))
    return (float(a), float(b), float(c), float(angles[0]), float(angles[1]), float(angles[2]))


def _form_under(rotation: Ints) -> Array:
    """Return the 6x6 matrix that takes A to A', where A'(h) = A(h R): the rotation of a quadratic form."""
    out = np.zeros((6, 6))
    for column in range(6):
        form = np.zeros((3, 3))
        i, j = PAIRS[column]
        form[i, j] += 0.5
        form[j, i] += 0.5
        turned = rotation @ form @ rotation.T
        out[:, column] = [turned[a, b] * (1.0 if a == b else 2.0) for a, b in PAIRS]
    return out


def _tensor_under(rotation: Ints) -> Array:
    """Return the 6x6 matrix that takes U to R U R^T in fractional axes: the rotation of a displacement tensor.

    CIF's U is beta_ij/(2 pi^2 a*_i a*_j). An operation mixes only axes that symmetry makes equally long, so that U
    transforms as beta does.
    """
    out = np.zeros((6, 6))
    for column in range(6):
        tensor = np.zeros((3, 3))
        i, j = PAIRS[column]
        tensor[i, j] = tensor[j, i] = 1.0
        turned = rotation @ tensor @ rotation.T
        out[:, column] = [turned[a, b] for a, b in PAIRS]
    return out


def _echelon(projector: Array) -> Array:
    """Return a basis of the column space in reduced column echelon form: the leading entries are one."""
    rows = projector.T.copy()
    basis: list[Array] = []
    pivot_row = 0
    for column in range(rows.shape[1]):
        if pivot_row >= rows.shape[0]:
            break
        pick = pivot_row + int(np.argmax(np.abs(rows[pivot_row:, column])))
        if abs(rows[pick, column]) < 1e-9:
            continue
        rows[[pivot_row, pick]] = rows[[pick, pivot_row]]
        rows[pivot_row] /= rows[pivot_row, column]
        for other in range(rows.shape[0]):
            if other != pivot_row:
                rows[other] -= rows[other, column] * rows[pivot_row]
        basis.append(rows[pivot_row])
        pivot_row += 1
    if not basis:
        return np.zeros((projector.shape[0], 0))
    found = np.array(rows[: len(basis)]).T
    found[np.abs(found) < 1e-12] = 0.0
    return found

"""The Euclidean normaliser of a space group: the equivalent descriptions of a structure.

A mapping of a space group onto itself transforms a structure to another description of the same one, or of its
enantiomorph, which has the same powder pattern (Koch, Fischer & Müller, International Tables for Crystallography A,
ch. 3.5 (2016)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import gemmi
import numpy as np
import numpy.typing as npt

__all__ = ["Normaliser", "normaliser"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Translations of symmetry operations and of normalisers are multiples of 1/24 of a cell edge.
_GRID = gemmi.Op.DEN


@dataclass(frozen=True)
class Normaliser:
    """A space group and its Euclidean normaliser.

    ``rotations`` (n, 3, 3) and ``translations`` (n, 3) are all operations of the group, including centring.
    ``turns`` (m, 3, 3) and ``shifts`` (m, 3) represent the cosets of the group in its normaliser, the identity first.
    The origin is free along the columns of ``polar`` (3, k); each column is one at its own entry of ``pivots``, and
    zero at those of the others.
    """

    rotations: Array
    translations: Array
    turns: Array
    shifts: Array
    polar: Array
    pivots: tuple[int, ...]


@lru_cache(maxsize=64)
def normaliser(name: str) -> Normaliser | None:
    """Return the normaliser for a Hermann-Mauguin symbol with its setting; None if the symbol is unknown.

    It is the normaliser for a general cell; higher symmetry of special cell parameters is not used.
    """
    group = gemmi.find_spacegroup_by_name(name)
    if group is None:
        return None
    operations = group.operations()
    rotations = np.array([op.rot for op in operations.sym_ops], dtype=np.int64) // gemmi.Op.DEN
    translations = np.array([op.tran for op in operations.sym_ops], dtype=np.int64)
    centring = np.array(operations.cen_ops, dtype=np.int64) % _GRID
    polar, pivots = _polar(rotations)
    grid = np.array(list(product(*(range(1 if axis in pivots else _GRID) for axis in range(3)))), dtype=np.int64)
    turns: list[Ints] = []
    shifts: list[Ints] = []
    done: set[bytes] = set()
    for turn in _holohedry(rotations):
        if turn.tobytes() in done:
            continue
        done.update((turn @ rotation).tobytes() for rotation in rotations)
        found = _fitting(turn, grid, rotations, translations, centring)
        for shift in _distinct(found, centring, pivots):
            turns.append(turn)
            shifts.append(shift)
    whole = [(r, (t + c) % _GRID) for r, t in zip(rotations, translations, strict=True) for c in centring]
    return Normaliser(
        rotations=np.array([r for r, _ in whole], dtype=float),
        translations=np.array([t for _, t in whole], dtype=float) / _GRID,
        turns=np.array(turns, dtype=float),
        shifts=np.array(shifts, dtype=float) / _GRID,
        polar=polar,
        pivots=pivots,
    )


def _polar(rotations: Ints) -> tuple[Array, tuple[int, ...]]:
    """Return the directions that no rotation changes, in reduced echelon form, and their pivots."""
    rows = np.mean(rotations, axis=0).T
    pivots: list[int] = []
    for column in range(3):
        rank = len(pivots)
        if rank == 3:
            break
        pick = rank + int(np.argmax(np.abs(rows[rank:, column])))
        if abs(rows[pick, column]) < 1e-9:
            continue
        rows[[rank, pick]] = rows[[pick, rank]]
        rows[rank] /= rows[rank, column]
        for other in range(3):
            if other != rank:
                rows[other] -= rows[other, column] * rows[rank]
        pivots.append(column)
    return np.asarray(rows[: len(pivots)].T), tuple(pivots)


def _holohedry(rotations: Ints) -> list[Ints]:
    """Return all rotations that keep a cell of the shape which the group asks for and no more, the identity first."""
    shape = np.array([[1.0, 0.137, 0.251], [0.137, 1.493, 0.319], [0.251, 0.319, 2.217]])  # of no symmetry
    metric = np.mean([r.T @ shape @ r for r in rotations], axis=0)
    matrices = np.array(list(product((-1, 0, 1), repeat=9)), dtype=np.int64).reshape(-1, 3, 3)
    turned = np.einsum("nji,jk,nkl->nil", matrices, metric, matrices)
    kept = matrices[np.all(np.abs(turned - metric) < 1e-9, axis=(1, 2))]
    return sorted(kept, key=lambda m: not np.array_equal(m, np.eye(3)))


def _fitting(turn: Ints, grid: Ints, rotations: Ints, translations: Ints, centring: Ints) -> Ints:
    """Return the shifts t in ``grid`` (n, 3) for which (turn, t) maps the group onto itself."""
    inverse = np.rint(np.linalg.inv(turn)).astype(np.int64)
    if not np.all(_in_lattice(centring @ turn.T, centring)):
        return grid[:0]
    number = {rotation.tobytes(): index for index, rotation in enumerate(rotations)}
    left = grid
    for rotation, translation in zip(rotations, translations, strict=True):
        index = number.get((turn @ rotation @ inverse).tobytes())
        if index is None:
            return grid[:0]
        # (W, t)(R, v)(W, t)^-1 = (R', t + W v - R' t) must be the operation of the group with rotation R'.
        gap = left - left @ rotations[index].T + turn @ translation - translations[index]
        left = left[_in_lattice(gap, centring)]
    return left


def _in_lattice(vectors: Ints, centring: Ints) -> npt.NDArray[np.bool_]:
    return np.asarray(np.any(np.all((vectors[:, None, :] - centring) % _GRID == 0, axis=2), axis=1))


def _distinct(shifts: Ints, centring: Ints, pivots: tuple[int, ...]) -> list[Ints]:
    """Return one shift of each set that differs only by centring vectors, the shortest first."""
    fixed = [axis for axis in range(3) if axis not in pivots]
    seen: set[tuple[int, ...]] = set()
    out = []
    for shift in sorted(shifts, key=lambda s: tuple(np.minimum(s, _GRID - s))):
        if tuple(shift[fixed].tolist()) in seen:
            continue
        seen.update(tuple(other) for other in ((shift + centring) % _GRID)[:, fixed].tolist())
        out.append(shift)
    return out

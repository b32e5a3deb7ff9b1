"""The structures that refinements ended at, and the differences of two: in Angstrom and in esds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import gemmi
import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from autogsas.crystal.normaliser import Normaliser, normaliser
from autogsas.model.result import Parameter
from autogsas.model.structure import Phase, equivalent_u

__all__ = ["Difference", "EndPoint", "PhaseEnd", "compare", "end_point", "superposed"]

Array = npt.NDArray[np.float64]
Kind = Literal["cell", "position", "uiso", "occupancy"]

_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_ESDS = 5.0
# Differences that refinements of one minimum do not exceed, by kind: Angstrom, fraction of a cell parameter, root mean
# square displacement in Angstrom, occupancy. The first if both refined the parameter; the second if one fixed it, so
# that its value only shows that the start was near.
_MARGINS: dict[Kind, tuple[float, float]] = {
    "position": (0.02, 0.2),
    "cell": (1e-3, 1e-2),
    "uiso": (0.05, np.inf),
    "occupancy": (0.1, np.inf),
}
_NOTICED_U = 0.02  # Angstrom of root mean square displacement
# Larger differences separate two solutions even if the esds are larger still.
_FARTHEST: dict[Kind, float] = {"position": 0.3, "cell": 1e-2, "uiso": 0.2, "occupancy": 0.3}
_WORST_FIT = 3.0
_FAR = 1.0  # Angstrom: atoms farther apart are different ones, so that larger distances cost no more
_NEVER = 1e9  # the cost of matching different elements; finite, as the assignment requires
_SAME = 1e-4  # Angstrom


@dataclass(frozen=True)
class PhaseEnd:
    """One refined phase: ``cell`` (6,), ``xyz`` (n, 3), ``u`` and ``occupancy`` (n,); esds are NaN if fixed."""

    name: str
    space_group: str
    cell: Array
    cell_esd: Array
    labels: tuple[str, ...]
    elements: tuple[str, ...]
    xyz: Array
    xyz_esd: Array
    u: Array
    u_esd: Array
    occupancy: Array
    occupancy_esd: Array


@dataclass(frozen=True)
class EndPoint:
    """The structure that a refinement ended at, and its Rwp in per cent."""

    rwp: float
    phases: tuple[PhaseEnd, ...]


@dataclass(frozen=True)
class Difference:
    """One difference of two structures: ``shift`` in ``unit``, and in combined ``esds`` (None: not refined).

    For a position it is the distance that the ``atom`` moved, and ``axes`` names the coordinates that changed most.
    An ``excess`` above 1 separates two solutions; ``noticed`` is True if the difference is large enough to report.
    """

    name: str
    kind: Kind
    phase: str
    atom: str | None
    shift: float
    unit: str
    esds: float | None
    excess: float
    noticed: bool
    axes: tuple[str, ...] = ()


def end_point(rwp: float, phases: Sequence[Phase], parameters: Iterable[Parameter]) -> EndPoint:
    """Return the end point of a refinement; ``rwp`` in per cent, ``parameters`` give the esds of the ``phases``."""
    esds = {_key(item.name): item.esd for item in parameters}

    def esd(*parts: str) -> float:
        found = esds.get(_key(":".join(parts)))
        return np.nan if found is None else float(found)

    return EndPoint(rwp, tuple(_phase_end(phase, esd) for phase in phases))


def _phase_end(phase: Phase, esd: Callable[..., float]) -> PhaseEnd:
    name, sites = phase.name, phase.sites
    labels = tuple(site.label for site in sites)
    tensors = [(site.uiso, site.uaniso) for site in sites]
    return PhaseEnd(
        name=name,
        space_group=phase.space_group,
        cell=np.array(phase.cell.values(), dtype=np.float64),
        cell_esd=np.array([esd(name, key) for key in _CELL]),
        labels=labels,
        elements=tuple(site.element for site in sites),
        xyz=np.array([site.xyz for site in sites], dtype=np.float64).reshape(-1, 3),
        xyz_esd=np.array([[esd(name, label, k) for k in "xyz"] for label in labels]).reshape(-1, 3),
        u=np.array([uiso if tensor is None else equivalent_u(phase.cell, tensor) for uiso, tensor in tensors]),
        u_esd=np.array([_u_esd(esd, name, label) for label in labels]),
        occupancy=np.array([site.occupancy for site in sites], dtype=np.float64),
        occupancy_esd=np.array([esd(name, label, "occupancy") for label in labels]),
    )


def _u_esd(esd: Callable[..., float], phase: str, label: str) -> float:
    """Return the esd of U_iso, or of the mean of a tensor's U11, U22 and U33, taken as independent."""
    main = np.array([esd(phase, label, key) for key in ("U11", "U22", "U33")])
    if np.isfinite(main).any():
        return float(np.sqrt(np.nansum(main**2))) / 3.0
    return esd(phase, label, "Uiso")


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9:]", "", name.casefold())


def compare(reference: EndPoint, other: EndPoint) -> list[Difference]:
    """Return all differences of ``other`` from ``reference``, those that separate them most first.

    The structures are superposed first: equivalent atoms, exchanged atoms of one element, another origin or the
    enantiomorph of the same structure (see `autogsas.crystal.normaliser`) are not differences.

    Two values agree within 5 combined esds, and always within margins that refinements of one minimum do not exceed.
    The esds contain only the noise of the data. A fit that is worse because of another background or profile model has
    larger errors, so the margins grow with the ratio of its Rwp to that of ``reference``.
    """
    wider = other.rwp / reference.rwp if reference.rwp > 0 else 1.0
    wider = min(max(wider, 1.0), _WORST_FIT) if np.isfinite(wider) else 1.0
    out: list[Difference] = []
    for one, two in zip(reference.phases, other.phases, strict=True):
        out += _compare_cells(one, two, wider)
        out += _compare_sites(one, two, wider)
    return sorted(out, key=lambda difference: -difference.excess)


def _compare_cells(one: PhaseEnd, two: PhaseEnd, wider: float) -> list[Difference]:
    out: list[Difference] = []
    cells = np.array([one.cell, two.cell])
    for i, key in enumerate(_CELL):
        before, after = float(one.cell[i]), float(two.cell[i])
        # Lengths or angles that symmetry makes equal, except for rounding, give one difference.
        alike = np.isclose(cells[:, i // 3 * 3 : i], cells[:, i : i + 1], rtol=1e-9, atol=0.0).all(axis=0)
        if alike.any():
            continue
        unit = "Å" if i < 3 else "°"
        out.append(
            _difference(
                f"{one.name}:{key}",
                "cell",
                one.name,
                None,
                after - before,
                unit,
                (one.cell_esd[i], two.cell_esd[i]),
                wider,
                size=before,
            )
        )
    return out


def _compare_sites(one: PhaseEnd, two: PhaseEnd, wider: float) -> list[Difference]:
    out: list[Difference] = []
    if not one.labels:
        return out
    to_angstrom = np.array(gemmi.UnitCell(*one.cell).orth.mat.tolist())
    match = _superpose(one, two, to_angstrom)
    for i, label in enumerate(one.labels):
        j = int(match.order[i])
        name = f"{one.name}:{label}"
        out.append(_position(one, two, i, j, match, to_angstrom, wider))
        # The margin is for the root mean square displacement u; with U = u^2, esd(u) = esd(U) / (2 u).
        amplitudes = [_amplitude(one.u[i]), _amplitude(two.u[j])]
        halves = [2.0 * max(abs(amplitude), _NOTICED_U) for amplitude in amplitudes]
        esds = (one.u_esd[i] / halves[0], two.u_esd[j] / halves[1])
        found = _difference(f"{name}:Uiso", "uiso", one.name, label, amplitudes[1] - amplitudes[0], "Å²", esds, wider)
        out.append(_with_shift(found, float(two.u[j] - one.u[i])))
        esds = (one.occupancy_esd[i], two.occupancy_esd[j])
        moved = float(two.occupancy[j] - one.occupancy[i])
        out.append(_difference(f"{name}:occupancy", "occupancy", one.name, label, moved, "", esds, wider))
    return [difference for difference in out if np.isfinite(difference.shift)]


def _with_shift(found: Difference, shift: float) -> Difference:
    return Difference(**{**found.__dict__, "shift": shift})


def _amplitude(u: float) -> float:
    return float(np.sign(u) * np.sqrt(abs(u)))


def _position(
    one: PhaseEnd, two: PhaseEnd, i: int, j: int, match: _Match, to_angstrom: Array, wider: float
) -> Difference:
    shift = match.shifts[i]
    moved = to_angstrom @ shift
    length = float(np.linalg.norm(moved))
    # The derivative of the length by each coordinate; the esds of the other structure are rotated with it.
    slopes = moved @ to_angstrom / length if length > 0 else np.zeros(3)
    turned = np.sqrt(match.turns[i] ** 2 @ np.nan_to_num(two.xyz_esd[j]) ** 2)
    esds = [
        float(np.sqrt(np.sum((slopes * np.nan_to_num(esd)) ** 2))) if np.isfinite(own).any() else np.nan
        for esd, own in ((one.xyz_esd[i], one.xyz_esd[i]), (turned, two.xyz_esd[j]))
    ]
    lengths = np.abs(shift) * np.linalg.norm(to_angstrom, axis=0)
    most = float(np.max(lengths))
    axes = tuple(axis for axis, part in zip("xyz", lengths, strict=True) if part > 0.5 * most) if most > 0 else ()
    name = f"{one.name}:{one.labels[i]}"
    return _difference(name, "position", one.name, one.labels[i], length, "Å", (esds[0], esds[1]), wider, axes=axes)


def _difference(
    name: str,
    kind: Kind,
    phase: str,
    atom: str | None,
    shift: float,
    unit: str,
    esds: tuple[float, float],
    wider: float,
    *,
    size: float = 1.0,
    axes: tuple[str, ...] = (),
) -> Difference:
    """Return a difference of two values with these ``esds`` (NaN: fixed); margins are fractions of ``size``."""
    refined = bool(np.all(np.isfinite(esds)))
    joint = float(np.sqrt(np.nansum(np.square(esds))))
    close, loose = (margin * abs(size) for margin in _MARGINS[kind])
    by_esd = min(_ESDS * joint, _FARTHEST[kind] * abs(size))
    margin = wider * max(by_esd, close if refined else loose)
    least = _NOTICED_U if kind == "uiso" else close
    noticed = abs(shift) > max(by_esd, least)
    excess = abs(shift) / margin if margin > 0 else 0.0
    return Difference(
        name, kind, phase, atom, shift, unit, abs(shift) / joint if joint > 0 else None, excess, noticed, axes
    )


def superposed(one: PhaseEnd, two: PhaseEnd) -> tuple[PhaseEnd, tuple[int, ...]]:
    """Return ``two`` superposed on ``one``, with its order and labels of sites, and the original index of each site.

    Both have the same numbers of sites of each element and the same setting. Coordinates (n, 3) become those nearest
    to ``one``, with esds rotated accordingly.
    """
    if not one.labels:
        return two, ()
    match = _superpose(one, two, np.array(gemmi.UnitCell(*one.cell).orth.mat.tolist()))
    order = match.order
    turned = np.sqrt(np.einsum("nij,nj->ni", match.turns**2, np.nan_to_num(two.xyz_esd[order]) ** 2))
    laid = replace(
        two,
        labels=one.labels,
        elements=tuple(two.elements[j] for j in order),
        xyz=one.xyz + match.shifts,
        xyz_esd=np.where(turned > 0, turned, np.nan),
        u=two.u[order],
        u_esd=two.u_esd[order],
        occupancy=two.occupancy[order],
        occupancy_esd=two.occupancy_esd[order],
    )
    return laid, tuple(int(j) for j in order)


@dataclass(frozen=True)
class _Match:
    """A superposition of two structures: matching sites (n,), shifts (n, 3), and rotation of each site (n, 3, 3)."""

    order: Ints
    shifts: Array
    turns: Array
    cost: float


Ints = npt.NDArray[np.int64]


def _superpose(one: PhaseEnd, two: PhaseEnd, to_angstrom: Array) -> _Match:
    """Superpose ``two`` on ``one`` so that as many electrons as possible coincide with those of the same element."""
    numbers = np.array([max(gemmi.Element(_symbol(e)).atomic_number, 1) for e in one.elements], dtype=float)
    weights = numbers * np.maximum(one.occupancy, 0.1)
    known = normaliser(one.space_group)
    n = len(one.labels)
    shifts = two.xyz - one.xyz
    shifts -= np.round(shifts)
    if known is not None and known.pivots:
        shifts = shifts - _drift(shifts[:, known.pivots], weights) @ known.polar.T
        shifts -= np.round(shifts)
    lengths = np.linalg.norm(shifts @ to_angstrom.T, axis=1)
    plain = _Match(np.arange(n), shifts, np.broadcast_to(np.eye(3), (n, 3, 3)), _cost(lengths, weights))
    if known is None or np.all(lengths < _MARGINS["position"][0]):
        return plain
    # The order of its own labels, unless another match is better by more than rounding.
    return min([plain, *_matches(one, two, to_angstrom, known, weights)], key=lambda match: round(match.cost, 6))


def _drift(shifts: Array, weights: Array) -> Array:
    """Return the weighted median of each column: the common drift, which a few moved atoms do not change."""
    out = np.zeros(shifts.shape[1])
    for k, column in enumerate(shifts.T):
        order = np.argsort(column)
        reached = np.cumsum(weights[order])
        out[k] = column[order[int(np.searchsorted(reached, 0.5 * reached[-1]))]]
    return out


def _cost(lengths: Array, weights: Array) -> float:
    return float(np.sum(weights * np.minimum(lengths, _FAR) ** 2) / np.sum(weights))


def _symbol(element: str) -> str:
    return element.rstrip("0123456789+-")


def _matches(one: PhaseEnd, two: PhaseEnd, to_angstrom: Array, known: Normaliser, weights: Array) -> list[_Match]:
    alike = np.array([[a == b for b in two.elements] for a in one.elements])
    out = []
    for turn, shift in zip(known.turns, known.shifts, strict=True):
        placed = two.xyz @ turn.T + shift
        images = np.einsum("oij,nj->oni", known.rotations, placed) + known.translations[:, None, :]
        for origin in _origins(one, images, alike, known, weights):
            gaps = images[None] + origin - one.xyz[:, None, None, :]  # (n of one, operations, n of two, 3)
            gaps -= np.round(gaps)
            lengths = np.linalg.norm(gaps @ to_angstrom.T, axis=3)
            nearest = np.argmin(lengths, axis=1)
            shortest = np.take_along_axis(lengths, nearest[:, None, :], axis=1)[:, 0]
            price = np.where(alike, weights[:, None] * np.minimum(shortest, _FAR) ** 2, _NEVER)
            rows, order = linear_sum_assignment(price)
            operation = nearest[rows, order]
            shifts = gaps[rows, operation, order]
            if known.pivots:
                shifts = shifts - _drift(shifts[:, known.pivots], weights) @ known.polar.T
            turns = known.rotations[operation] @ turn
            cost = _cost(np.linalg.norm(shifts @ to_angstrom.T, axis=1), weights)
            out.append(_Match(order.astype(np.int64), shifts, turns, cost))
            if cost < _SAME**2:
                return out
    return out


def _origins(
    one: PhaseEnd, images: Array, alike: npt.NDArray[np.bool_], known: Normaliser, weights: Array
) -> Sequence[Array]:
    """Return the origins along polar axes that superpose a rare heavy atom on one of the same element; (3,) each."""
    if not known.pivots:
        return [np.zeros(3)]
    anchor = min(range(len(one.labels)), key=lambda i: (int(alike[i].sum()), -weights[i]))
    gaps = one.xyz[anchor] - images[:, alike[anchor]].reshape(-1, 3)
    along = np.unique(np.round(gaps[:, known.pivots] % 1.0, 4), axis=0)
    return list(along @ known.polar.T)

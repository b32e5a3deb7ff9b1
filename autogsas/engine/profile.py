"""Line shapes of all lines at once: Thompson-Cox-Hastings pseudo-Voigts with axial divergence on ragged windows.

The pattern is a sum over lines of intensity times a unit-area shape. Each line has three zones. In its core the whole
shape is evaluated at the measured points; around it, where the Gaussian part has died out, only the Lorentzian one.
Far out the tail is smooth: it is evaluated on a coarse grid that all lines share, and the sum of all tails is carried
to the points by one cubic interpolation. A smooth blend joins the outer two zones, so that no step is left at the
joint; the error is below 1e-4 of a line's height (a test holds it).

Which pair of line and point is in which zone is a `Plan`. It is kept while the lines move little, so that the pattern
is a smooth function of its parameters and a step of least squares is judged by the same arithmetic that proposed it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array

from autogsas.engine import axial
from autogsas.engine.lineshape import Copies, sum_copies

__all__ = ["Grid", "Plan", "Shapes"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CORE = 3.5  # widths beyond which a Gaussian is below 1e-14 of its height
_NEAR = 6.0  # widths out to which only the points themselves are used
_FINENESS = 8.0  # coarse steps in the smallest radius
# Copies of a line that keep the axial convolution's error near 1e-5 of its height, by reach over width.
_LADDER = ((0.02, 2), (0.15, 4), (0.4, 6), (0.8, 8), (1.7, 12), (2.7, 16), (4.8, 24), (8.0, 40), (np.inf, 64))
# The same for the Lorentzian part outside the core, by reach over width.
_RING = ((0.02, 2), (1.5, 4), (5.0, 8), (np.inf, 16))
_FAR = 2
_CHUNK = 16000  # pairs at a time: their arrays stay in the processor's cache, and below what is fetched page by page


@dataclass(frozen=True)
class Grid:
    """The measured points ``x`` (n,) and, where it pays, a coarse grid with its interpolation to the points."""

    x: Array
    coarse: Array | None
    interpolation: csr_array | None

    @classmethod
    def of(cls, x: Array, radius: float) -> Grid:
        """Return the grid for lines whose smallest near radius is ``radius`` (degrees)."""
        spacing = float(np.median(np.diff(x))) if x.size > 1 else 1.0
        step = radius / _FINENESS
        if x.size < 64 or step < 1.5 * spacing:
            return cls(x, None, None)
        count = int(np.ceil((x[-1] - x[0]) / step)) + 1
        coarse = x[0] - step + step * np.arange(count + 3)
        return cls(x, coarse, _cubic(coarse, x))


def _cubic(nodes: Array, x: Array) -> csr_array:
    """Return the matrix of cubic Lagrange interpolation from equally spaced ``nodes`` to ``x`` inside them."""
    step = nodes[1] - nodes[0]
    cell = np.clip(((x - nodes[0]) / step).astype(np.int64), 1, nodes.size - 3)
    t = (x - nodes[cell]) / step
    weights = np.stack(
        [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ],
        axis=1,
    )
    columns = cell[:, None] + np.arange(-1, 3)
    return csr_array((weights.ravel(), columns.ravel(), np.arange(0, 4 * x.size + 1, 4)), shape=(x.size, nodes.size))


@dataclass(frozen=True)
class Shapes:
    """Unit-area shapes of l lines on the n points of a grid, with derivatives where they were asked for."""

    grid: Grid
    near: dict[str, csc_array]
    far: dict[str, csc_array] | None

    def combine(self, coefficients: dict[str, Array]) -> Array:
        """Return the sum over lines of coefficients times shapes, by kind; (n,) or (n, p).

        Kinds: "value", and the derivatives "position", "fwhm", "eta", "shl" (by 2theta in degrees, width in degrees,
        mixing, SH/L). All coefficients have one shape, (l,) or (l, p).
        """
        total = _combination(self.near, coefficients)
        if self.far is not None and self.grid.interpolation is not None:
            total = total + self.grid.interpolation @ _combination(self.far, coefficients)
        return np.asarray(total, dtype=np.float64)

    def gather(self, curve: Array) -> Array:
        """Return the sum of ``curve`` (n,) weighted by each line's shape, (l,)."""
        out = self.near["value"].T @ curve
        if self.far is not None and self.grid.interpolation is not None:
            out = out + self.far["value"].T @ (self.grid.interpolation.T @ curve)
        return np.asarray(out, dtype=np.float64)


def _combination(matrices: dict[str, csc_array], coefficients: dict[str, Array]) -> Array:
    terms = [np.asarray(matrices[kind] @ values) for kind, values in coefficients.items()]
    return np.asarray(np.sum(terms, axis=0)) if len(terms) > 1 else terms[0]


def near_radius(fwhm: Array, reach: Array) -> Array:
    """Return out to where a line is evaluated at the points alone, in degrees."""
    return np.asarray(_NEAR * fwhm + reach)


@dataclass(frozen=True)
class _Zone:
    """Pairs (m,) that are evaluated alike: with ``count`` copies, with or without the Gaussian part."""

    pairs: Ints
    count: int
    gaussian: bool


@dataclass(frozen=True)
class _Level:
    """The pairs of lines and abscissae of one grid, line by line, with their blend and zones."""

    x: Array
    line: Ints
    point: Ints
    starts: Ints
    blend: Array | None
    zones: tuple[_Zone, ...]

    def evaluate(
        self, two_theta: Array, fwhm: Array, eta: Array, shl: float, *, derivatives: bool
    ) -> dict[str, csc_array]:
        kinds = ("value", "position", "fwhm", "eta", "shl") if derivatives else ("value",)
        out = {kind: np.zeros(self.line.size) for kind in kinds}
        for zone in self.zones:
            copies = Copies.of(axial.nodes(two_theta, shl, zone.count), fwhm)
            for start in range(0, zone.pairs.size, _CHUNK):
                pairs = zone.pairs[start : start + _CHUNK]
                line = self.line[pairs]
                distance = self.x[self.point[pairs]] - two_theta[line]
                found = sum_copies(distance, line, fwhm, eta, copies, gaussian=zone.gaussian, derivatives=derivatives)
                for kind in kinds:
                    out[kind][pairs] = found[kind]
        shape = (self.x.size, two_theta.size)
        if self.blend is not None:
            for kind in kinds:
                out[kind] *= self.blend
        return {kind: csc_array((values, self.point, self.starts), shape=shape) for kind, values in out.items()}


class Plan:
    """Which points each of l lines is evaluated at, and how, made for where the lines are now.

    ``two_theta`` and ``fwhm`` (l,) in degrees, fwhm > 0; ``shl`` > 0; ``below`` and ``above`` (l,) say in degrees where
    each line is cut off on either side.
    """

    def __init__(self, x: Array, two_theta: Array, fwhm: Array, shl: float, below: Array, above: Array) -> None:
        self._two_theta, self._fwhm = two_theta, fwhm
        reach = axial.extent(two_theta, shl)
        self._reach = reach
        self._radius = near_radius(fwhm, reach)
        inside = (two_theta > x[0]) & (two_theta < x[-1]) if x.size else np.zeros(two_theta.size, dtype=bool)
        smallest = np.min(self._radius[inside] if np.any(inside) else self._radius, initial=np.inf)
        self.grid = Grid.of(x, float(smallest))
        coarse = self.grid.coarse
        outer = np.full_like(fwhm, np.inf) if coarse is None else 2.0 * self._radius
        line, point = _windows(x, two_theta - np.minimum(below, outer), two_theta + np.minimum(above, outer))
        self._near = self._level(x, line, point, near=True)
        self._far: _Level | None = None
        if coarse is not None:
            left = _windows(coarse, two_theta - below, two_theta - np.minimum(self._radius, below))
            right = _windows(coarse, two_theta + np.minimum(self._radius, above), two_theta + above)
            line = np.concatenate([left[0], right[0]])
            order = np.argsort(line, kind="stable")
            self._far = self._level(coarse, line[order], np.concatenate([left[1], right[1]])[order], near=False)

    def _level(self, x: Array, line: Ints, point: Ints, *, near: bool) -> _Level:
        starts = np.concatenate([[0], np.cumsum(np.bincount(line, minlength=self._fwhm.size))])
        offset = x[point] - self._two_theta[line]
        distance = np.abs(offset)
        blend = None
        if self.grid.coarse is not None:
            s = np.clip(distance / self._radius[line] - 1.0, 0.0, 1.0)
            blend = s**3 * (10.0 - 15.0 * s + 6.0 * s**2)
            blend = 1.0 - blend if near else blend
        if not near:
            return _Level(x, line, point, starts, blend, (_Zone(np.arange(line.size), _FAR, False),))
        # The copies of a line lie on one side of it: below 90 degrees on the low one.
        low = self._two_theta < 90.0
        core = offset > -(_CORE * self._fwhm + np.where(low, self._reach, 0.0))[line]
        core &= offset < (_CORE * self._fwhm + np.where(low, 0.0, self._reach))[line]
        ratio = self._reach / self._fwhm
        zones = []
        for ladder, chosen, gaussian in ((_LADDER, core, True), (_RING, ~core, False)):
            counts = _rungs(ladder, ratio)[line]
            for count in np.unique(counts[chosen]):
                zones.append(_Zone(np.flatnonzero(chosen & (counts == count)), int(count), gaussian))
        return _Level(x, line, point, starts, blend, tuple(zones))

    def fits(self, two_theta: Array, fwhm: Array, shl: float, slack: float) -> bool:
        """Whether lines that have moved to here may still be evaluated by this plan.

        ``slack`` is by how much of its own width a line may have moved or changed its width.
        """
        moved = np.abs(two_theta - self._two_theta)
        changed = np.abs(fwhm - self._fwhm) + np.abs(axial.extent(two_theta, shl) - self._reach)
        return bool(np.all(moved <= slack * self._fwhm) and np.all(changed <= slack * self._fwhm))

    def shapes(self, two_theta: Array, fwhm: Array, eta: Array, shl: float, *, derivatives: bool) -> Shapes:
        """Return the shapes of the lines (areas are one for windows without end), all arguments (l,) as above."""
        near = self._near.evaluate(two_theta, fwhm, eta, shl, derivatives=derivatives)
        far = None
        if self._far is not None:
            far = self._far.evaluate(two_theta, fwhm, eta, shl, derivatives=derivatives)
        return Shapes(self.grid, near, far)


def _rungs(ladder: tuple[tuple[float, int], ...], ratio: Array) -> Ints:
    tops, counts = zip(*ladder, strict=True)
    return np.array(counts)[np.searchsorted(np.array(tops), ratio)]


def _windows(x: Array, start: Array, stop: Array) -> tuple[Ints, Ints]:
    """Return which line and which point each pair of the ragged windows start <= x < stop is, line by line."""
    low = np.searchsorted(x, start)
    length = np.maximum(np.searchsorted(x, stop) - low, 0)
    line = np.repeat(np.arange(start.size), length)
    point = np.arange(line.size) - np.repeat(np.cumsum(length) - length - low, length)
    return line, point

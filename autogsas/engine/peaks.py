"""Positions, widths and intensities of the reflections of one phase in one histogram, with derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.scattering import Scatterers
from autogsas.crystal.strain import strain_terms
from autogsas.crystal.symmetry import metric_tensor, quadratic_form
from autogsas.engine.alignment import MarchDollase, Orientation
from autogsas.engine.broadening import sample_widths
from autogsas.engine.intensities import f2_along, factors, intensities
from autogsas.engine.lineshape import Mix, pseudo_voigt_mix
from autogsas.engine.pairs import PAIR
from autogsas.engine.parameters import INSTRUMENT, Layout
from autogsas.engine.positions import positions
from autogsas.engine.structure_factors import Derivatives, StructureFactors
from autogsas.engine.widths import Smallest, widths
from autogsas.model.sample import Axis

__all__ = ["PeakDerivatives", "Peaks", "ReflectionSet"]

Array = npt.NDArray[np.float64]

_DEGREE = np.pi / 180.0
_MARGIN = 1.0  # degrees beyond the last point within which a reflection's tail still reaches the pattern; not measured
_USUAL_STEP = 0.02  # degrees, of a pattern with a single point
_STRUCTURE = ("cell", "xyz", "uiso", "occupancy", "uaniso")


@dataclass(frozen=True)
class PeakDerivatives:
    """Derivatives of k reflections by v variables, each (k, v): positions in degrees, widths in degrees^2 and degrees.

    ``intensity`` is at the present scale; ``widths`` are those of `Peaks.widths`.
    """

    position: Array
    variance: Array
    gamma: Array
    intensity: Array
    widths: tuple[Array, ...]


@dataclass(frozen=True)
class Peaks:
    """The peaks of k reflections: K-alpha1 only where there is a doublet.

    ``two_theta`` in degrees with all corrections, ``variance`` (degrees^2) and ``gamma`` (degrees) of the
    Gaussian and Lorentzian parts, kept positive; ``base`` the intensity at unit scale per centidegree, which is
    ``factor`` times ``f2`` = |F|^2. ``widths`` are Gaussian variance, Lorentzian width and, where it is generalised,
    that of the strain, before they are kept positive, in units of `Smallest`: values below zero have no meaning.
    """

    two_theta: Array
    d: Array
    variance: Array
    gamma: Array
    base: Array
    f2: Array
    factor: Array
    widths: tuple[Array, ...]
    mix: Mix


class ReflectionSet:
    """The reflections of phase ``p`` in histogram ``h`` up to ``two_theta_max`` degrees, listed once.

    ``intensities`` (k,) take the place of |F|^2 where a phase has intensities from the pattern alone (Le Bail); None
    where they come from the structure.
    """

    def __init__(self, layout: Layout, p: int, h: int, raw: Array, two_theta_max: float) -> None:
        state, histogram = layout.phases[p], layout.histograms[h]
        self._layout, self._p, self._h = layout, p, h
        self._instrument = histogram.instrument
        x = histogram.pattern.x
        self._smallest = Smallest.of(float(np.median(np.diff(x))) if x.size > 1 else _USUAL_STEP)
        wavelength = self._instrument.wavelengths[0]
        edge = min(two_theta_max + _MARGIN, 179.0)
        d_min = wavelength / (2.0 * np.sin(edge * _DEGREE / 2.0))
        self._symmetry = state.symmetry
        self.hkl = state.symmetry.reflections(raw[layout.cell[p]], d_min)
        self.multiplicity = state.symmetry.multiplicities(self.hkl)
        self.form = quadratic_form(self.hkl)
        elements = tuple(site.element for site in state.phase.sites)
        scatter = Scatterers.xray if self._instrument.radiation == "xray" else Scatterers.neutron
        scatterers = scatter(elements, wavelength)
        orders = np.array([site.order for site in state.sites], dtype=np.int64)
        self._factors = StructureFactors(state.symmetry, self.hkl, scatterers, orders, layout.anisotropic(p))
        self._specimen = state.phase.specimen
        generalised = self._specimen.strain.model == "generalized"
        self._strain_terms = strain_terms(state.phase.space_group).of(self.hkl) if generalised else None
        self._orientation = MarchDollase(state.symmetry, self.hkl, self._specimen.orientation.axis)
        self.intensities = np.ones(len(self.hkl)) if state.free_intensities else None
        # The raw parameters that matter here, in the order in which their derivatives are put together.
        parts = {
            "cell": layout.cell[p],
            "xyz": layout.xyz[p].ravel(),
            "uiso": layout.uiso[p],
            "occupancy": layout.occupancy[p],
            "uaniso": layout.uaniso[p].ravel(),
            "instrument": layout.instrument[h],
            "pair": layout.pair[p][h],
        }
        self.local = np.concatenate(list(parts.values()))
        ends = np.cumsum([part.size for part in parts.values()]).tolist()
        self._rows = {name: slice(end - part.size, end) for (name, part), end in zip(parts.items(), ends, strict=True)}
        self.shl_row = self._rows["instrument"].start + INSTRUMENT.index("SH/L")

    def oriented(self, axis: Axis, ratio: float, metric: Array) -> Orientation:
        """Return the factors of preferred orientation (k,) for another axis at the reciprocal ``metric``."""
        return MarchDollase(self._symmetry, self.hkl, axis).evaluate(ratio, metric)

    def peaks(self, raw: Array, directions: Array | None = None) -> tuple[Peaks, PeakDerivatives | None]:
        """Return the peaks at the raw parameters, and their derivatives along ``directions`` (len(local), v).

        Raises ValueError where the cell has no volume.
        """
        layout, p, h = self._layout, self._p, self._h
        metric = raw[layout.cell[p]]
        reciprocal = metric_tensor(metric)
        volume2 = float(np.linalg.det(reciprocal))
        if not (volume2 > 0 and np.all(np.diag(reciprocal) > 0)):
            raise ValueError("the cell has no volume")
        values = dict(zip(INSTRUMENT, raw[layout.instrument[h]], strict=True))
        pair_values = dict(zip(PAIR, raw[layout.pair[p][h]].tolist(), strict=True))
        rows = {} if directions is None else {name: directions[part] for name, part in self._rows.items()}

        place = positions(self._instrument, values, self.form, metric)
        theta = np.clip(place.two_theta, 0.02, 179.9) * _DEGREE / 2.0
        sample = sample_widths(
            self._specimen, pair_values, self.hkl, metric, theta, place.wavelength, self._strain_terms
        )
        width = widths(values, sample, theta, self._smallest)
        f2, df2 = self._f2(raw, place.q, reciprocal, moves=any(np.any(rows[name]) for name in _STRUCTURE if rows))
        angular = factors(self._instrument, values["absorption"], theta, place.two_theta)
        ratio = pair_values["orientation"]
        oriented = None
        if ratio != 1.0 or (rows and np.any(rows["pair"][PAIR.index("orientation")])):
            oriented = self._orientation.evaluate(ratio, metric)
        strength = intensities(f2, self.multiplicity, volume2, place.seen, angular, oriented)
        peaks = Peaks(
            two_theta=place.two_theta,
            d=1.0 / np.sqrt(place.q),
            variance=width.variance,
            gamma=width.gamma,
            base=strength.base,
            f2=f2,
            factor=strength.factor,
            widths=width.unbent,
            mix=pseudo_voigt_mix(width.variance, width.gamma),
        )
        if directions is None:
            return peaks, None

        instrument = {name: rows["instrument"][i] for i, name in enumerate(INSTRUMENT)}
        pair = {name: rows["pair"][i] for i, name in enumerate(PAIR)}
        q_by = self.form @ rows["cell"]
        position = place.along(q_by, instrument)
        broadened = width.along(position, rows["cell"], instrument, pair)
        f2_by = None if df2 is None else f2_along(df2, rows, q_by, self._uaniso(raw), metric)
        intensity = strength.along(
            position, f2_by, rows["cell"], pair, instrument["absorption"], reciprocal, pair_values["scale"]
        )
        return peaks, PeakDerivatives(position, broadened.variance, broadened.gamma, intensity, broadened.unbent)

    def _f2(self, raw: Array, q: Array, reciprocal: Array, *, moves: bool) -> tuple[Array, Derivatives | None]:
        """Return |F|^2 (k,) at q = 1/d^2, and its derivatives where the structure ``moves``."""
        if self.intensities is not None:
            return self.intensities, None
        layout, p = self._layout, self._p
        return self._factors.evaluate(
            q / 4.0,
            raw[layout.xyz[p]],
            raw[layout.occupancy[p]],
            raw[layout.uiso[p]],
            self._uaniso(raw),
            np.sqrt(np.diag(reciprocal)),
            derivatives=moves,
        )

    def _uaniso(self, raw: Array) -> Array | None:
        places = self._layout.uaniso[self._p]
        return raw[places] if places.size else None

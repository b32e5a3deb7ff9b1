"""Where the reflections of one phase lie in one histogram, how wide and how strong they are, with derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.scattering import Scatterers
from autogsas.crystal.symmetry import PAIRS, metric_tensor, quadratic_form
from autogsas.engine.absorption import transmission
from autogsas.engine.alignment import MarchDollase
from autogsas.engine.broadening import sample_widths
from autogsas.engine.lineshape import Mix, pseudo_voigt_mix
from autogsas.engine.parameters import INSTRUMENT, PAIR, Layout
from autogsas.engine.structure_factors import Derivatives, StructureFactors

__all__ = ["PeakDerivatives", "Peaks", "ReflectionSet"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DEGREE = np.pi / 180.0
# Widths that would be negative are bent smoothly towards zero. GSAS-II cuts them off at 0.001 (centidegree^2 and
# centidegree); a corner in chi^2 stops least squares dead, so here the bend begins at this share of a step of the
# pattern: far narrower than any line that the steps resolve.
_BEND = 0.1
_MARGIN = 1.0  # degrees past the last point from which a reflection's tail still reaches in


@dataclass(frozen=True)
class PeakDerivatives:
    """Derivatives of k reflections by v variables, each (k, v): positions in degrees, widths in degrees^2 and degrees.

    ``intensity`` is at the present scale; ``widths`` are those of Gaussian variance and Lorentzian width before they
    are kept positive.
    """

    position: Array
    variance: Array
    gamma: Array
    intensity: Array
    widths: tuple[Array, Array]


@dataclass(frozen=True)
class Peaks:
    """k reflections: K-alpha1 only where there is a doublet.

    ``two_theta`` in degrees with all corrections, ``variance`` (degrees^2) and ``gamma`` (degrees) of the
    Gaussian and Lorentzian parts, kept positive; ``base`` the intensity at unit scale per centidegree; ``f2`` |F|^2,
    ``factor`` what multiplies it in ``base``.
    ``widths`` are Gaussian variance and Lorentzian width as the model makes them, in units of a part of the pattern's
    step: below zero they mean nothing.
    """

    two_theta: Array
    d: Array
    variance: Array
    gamma: Array
    base: Array
    f2: Array
    factor: Array
    widths: tuple[Array, Array]
    mix: Mix


class ReflectionSet:
    """The reflections of phase ``p`` in histogram ``h`` up to ``two_theta_max`` degrees, worked out once.

    ``intensities`` (k,) stand for |F|^2 where a phase takes its intensities from the pattern alone (Le Bail); None
    where they come from the structure.
    """

    def __init__(self, layout: Layout, p: int, h: int, raw: Array, two_theta_max: float) -> None:
        state, histogram = layout.phases[p], layout.histograms[h]
        self._layout, self._p, self._h, self._histogram = layout, p, h, histogram
        instrument = histogram.instrument
        self.wavelength = instrument.wavelengths[0]
        x = histogram.pattern.x
        self._bend = _BEND * (float(np.median(np.diff(x))) if x.size > 1 else 0.02)
        self._xray = instrument.radiation == "xray"
        metric = raw[layout.cell[p]]
        edge = min(two_theta_max + _MARGIN, 179.0)
        d_min = self.wavelength / (2.0 * np.sin(edge * _DEGREE / 2.0))
        self.hkl = state.symmetry.reflections(metric, d_min)
        self.multiplicity = state.symmetry.multiplicities(self.hkl)
        self.form = quadratic_form(self.hkl)
        elements = tuple(site.element for site in state.phase.sites)
        scatter = Scatterers.xray if self._xray else Scatterers.neutron
        scatterers = scatter(elements, self.wavelength)
        orders = np.array([site.order for site in state.sites], dtype=np.int64)
        self._factors = StructureFactors(state.symmetry, self.hkl, scatterers, orders, layout.anisotropic(p))
        self._specimen = state.phase.specimen
        self._orientation = MarchDollase(state.symmetry, self.hkl, self._specimen.orientation.axis)
        self.intensities = np.ones(len(self.hkl)) if state.free_intensities else None
        # The raw parameters that matter here, in the order in which their derivatives are put together.
        self.local = np.concatenate(
            [
                layout.cell[p],
                layout.xyz[p].ravel(),
                layout.uiso[p],
                layout.occupancy[p],
                layout.uaniso[p].ravel(),
                layout.instrument[h],
                layout.pair[p][h],
            ]
        )
        s = len(elements)
        ends = np.cumsum([6, 3 * s, s, s, 6 * s, len(INSTRUMENT), len(PAIR)])
        starts = np.concatenate([[0], ends[:-1]])
        names = ("cell", "xyz", "uiso", "occupancy", "uaniso", "instrument", "pair")
        self._rows = {name: slice(a, b) for name, a, b in zip(names, starts, ends, strict=True)}
        self.shl_row = int(starts[names.index("instrument")]) + INSTRUMENT.index("SH/L")

    def peaks(self, raw: Array, directions: Array | None = None) -> tuple[Peaks, PeakDerivatives | None]:
        """Return the peaks at the raw parameters, and their derivatives along ``directions`` (len(local), v).

        Raises ValueError where the cell is none.
        """
        layout, p, h = self._layout, self._p, self._h
        metric = raw[layout.cell[p]]
        reciprocal = metric_tensor(metric)
        volume2 = float(np.linalg.det(reciprocal))
        if not (volume2 > 0 and np.all(np.diag(reciprocal) > 0)):
            raise ValueError("the cell has no volume")
        instrument = dict(zip(INSTRUMENT, raw[layout.instrument[h]], strict=True))
        pair_values = dict(zip(PAIR, raw[layout.pair[p][h]].tolist(), strict=True))
        scale = pair_values["scale"]
        q = self.form @ metric
        if np.any(q <= 0):
            raise ValueError("the cell has no volume")
        sine = self.wavelength * np.sqrt(q) / 2.0
        seen = sine < 0.99999
        sine = np.minimum(sine, 0.99999)
        bragg = 2.0 * np.arcsin(sine) / _DEGREE
        shift, by_bragg, by_shift1, by_shift2 = self._corrections(bragg, instrument)
        position = bragg + shift + instrument["zero"]

        theta = np.clip(position, 0.02, 179.9) * _DEGREE / 2.0
        tangent, cosine = np.tan(theta), np.cos(theta)
        tangent_by = 0.5 * _DEGREE / cosine**2
        secant_by = 0.5 * _DEGREE * tangent / cosine
        u, v, w = instrument["U"], instrument["V"], instrument["W"]
        sample = sample_widths(self._specimen, pair_values, self.hkl, metric, theta, self.wavelength)
        half = 0.5 * _DEGREE
        variance = (u * tangent**2 + v * tangent + w + sample.variance) * 1e-4
        variance_by = ((2.0 * u * tangent + v) * tangent_by + sample.variance_by_theta * half) * 1e-4
        x, y, z = instrument["X"], instrument["Y"], instrument["Z"]
        gamma = (x / cosine + y * tangent + z + sample.gamma) * 1e-2
        gamma_by = (x * secant_by + y * tangent_by + sample.gamma_by_theta * half) * 1e-2
        bends = (self._bend**2, 0.2 * self._bend)
        units = ((0.5 * self._bend / _BEND) ** 2, 0.2 * self._bend / _BEND)
        widths = (variance / units[0], gamma / units[1])
        variance, variance_slope = _bent(variance, bends[0])
        gamma, gamma_slope = _bent(gamma, bends[1])

        s2 = q / 4.0
        uaniso = raw[layout.uaniso[p]] if layout.uaniso[p].size else None
        rows = {} if directions is None else {name: directions[part] for name, part in self._rows.items()}
        structure_moves = any(np.any(rows[name]) for name in ("cell", "xyz", "uiso", "occupancy", "uaniso") if rows)
        df2: Derivatives | None = None
        if self.intensities is not None:
            f2 = self.intensities
        else:
            f2, df2 = self._factors.evaluate(
                s2,
                raw[layout.xyz[p]],
                raw[layout.occupancy[p]],
                raw[layout.uiso[p]],
                uaniso,
                np.sqrt(np.diag(reciprocal)),
                derivatives=structure_moves,
            )
        lorentz, lorentz_by = self._lorentz_polarisation(theta)
        passed, passed_by_mu, passed_by = self._absorption(instrument["absorption"], position)
        lorentz, lorentz_by = lorentz * passed, lorentz_by * passed + lorentz * passed_by
        geometry = 0.01 * self.multiplicity * np.sqrt(volume2) * np.where(seen, 1.0, 0.0)
        ratio = pair_values["orientation"]
        oriented = None
        if ratio != 1.0 or (rows and np.any(rows["pair"][PAIR.index("orientation")])):
            oriented = self._orientation.evaluate(ratio, metric)
            geometry = geometry * oriented.factor
        factor = geometry * lorentz
        base = factor * f2
        mix = pseudo_voigt_mix(variance, gamma)
        peaks = Peaks(position, 1.0 / np.sqrt(q), variance, gamma, base, f2, factor, widths, mix)
        if directions is None:
            return peaks, None

        inst = {name: rows["instrument"][i] for i, name in enumerate(INSTRUMENT)}
        pair = {name: rows["pair"][i] for i, name in enumerate(PAIR)}
        q_by = self.form @ rows["cell"]
        bragg_by_q = self.wavelength / (2.0 * np.sqrt(q) * np.sqrt(1.0 - sine**2)) / _DEGREE
        d_position = (
            ((1.0 + by_bragg) * bragg_by_q)[:, None] * q_by
            + inst["zero"]
            + np.outer(by_shift1, inst["shift1"])
            + np.outer(by_shift2, inst["shift2"])
        )
        d_variance = variance_by[:, None] * d_position + 1e-4 * (
            np.outer(tangent**2, inst["U"])
            + np.outer(tangent, inst["V"])
            + inst["W"]
            + sample.variance_by_metric @ rows["cell"]
            + sum(np.outer(by, pair[name]) for name, by in sample.variance_by.items())
        )
        d_gamma = gamma_by[:, None] * d_position + 1e-2 * (
            np.outer(1.0 / cosine, inst["X"])
            + np.outer(tangent, inst["Y"])
            + inst["Z"]
            + sample.gamma_by_metric @ rows["cell"]
            + sum(np.outer(by, pair[name]) for name, by in sample.gamma_by.items())
        )
        d_widths = (d_variance / units[0], d_gamma / units[1])
        d_variance = d_variance * variance_slope[:, None]
        d_gamma = d_gamma * gamma_slope[:, None]
        inverse = np.linalg.inv(reciprocal)
        log_volume = np.array([0.5 * inverse[i, j] for i, j in PAIRS]) @ rows["cell"]
        d_intensity = (geometry * f2 * lorentz_by)[:, None] * d_position + np.outer(base, log_volume)
        if df2 is not None:
            d_intensity += factor[:, None] * self._f2_along(df2, rows, q_by, uaniso, metric)
        if oriented is not None:
            by_ratio = base / oriented.factor * oriented.by_ratio
            d_intensity += np.outer(by_ratio, pair["orientation"])
            d_intensity += (base / oriented.factor)[:, None] * (oriented.by_metric @ rows["cell"])
        if np.any(inst["absorption"]):
            d_intensity += np.outer(base / passed * passed_by_mu, inst["absorption"])
        d_intensity *= scale
        d_intensity += np.outer(base, pair["scale"])
        return peaks, PeakDerivatives(d_position, d_variance, d_gamma, d_intensity, d_widths)

    def _f2_along(
        self, df2: Derivatives, rows: dict[str, Array], q_by: Array, uaniso: Array | None, metric: Array
    ) -> Array:
        """Return the derivatives of |F|^2 (k, v) along the variables' directions."""
        s = df2.uiso.shape[1]
        out = df2.xyz.reshape(-1, 3 * s) @ rows["xyz"] + df2.uiso @ rows["uiso"] + df2.occupancy @ rows["occupancy"]
        out += df2.s2[:, None] * (0.25 * q_by)
        if uaniso is not None:
            out += df2.uaniso.reshape(-1, 6 * s) @ rows["uaniso"]
            out += self._tensor_by_cell(df2.uaniso, uaniso, metric) @ rows["cell"]
        return np.asarray(out)

    def _absorption(self, mu_r: float, two_theta: Array) -> tuple[Array, Array, Array]:
        """Return the share of intensity that the sample lets through, and its slopes; none in Bragg-Brentano."""
        if self._histogram.instrument.geometry == "Bragg-Brentano":
            one = np.ones_like(two_theta)
            return one, 0.0 * one, 0.0 * one
        return transmission(mu_r, np.clip(two_theta, 0.02, 179.9))

    def _corrections(self, bragg: Array, instrument: dict[str, float]) -> tuple[Array, Array, Array, Array]:
        """Return the shift of each line in degrees, and its derivatives by 2theta and by the two corrections.

        Bragg-Brentano, displacement s (micrometre) and transparency T at goniometer radius R (mm):
        -(0.36 s cos(theta) + 9 T sin(2theta))/(pi R), after Wilson, Mathematical Theory of X-ray Powder Diffractometry
        (1963), with GSAS-II's coefficients. Debye-Scherrer, displacement along and across the beam:
        -0.18 (X cos(2theta) + Y sin(2theta))/(pi R).
        """
        first, second = instrument["shift1"], instrument["shift2"]
        factor = 0.09 / (np.pi * self._histogram.instrument.radius)
        angle = bragg * _DEGREE
        if self._histogram.instrument.geometry == "Bragg-Brentano":
            by_first = -4.0 * factor * np.cos(angle / 2.0)
            by_second = -100.0 * factor * np.sin(angle)
            by_bragg = 2.0 * factor * first * np.sin(angle / 2.0) - 100.0 * factor * second * np.cos(angle)
        else:
            by_first = -2.0 * factor * np.cos(angle)
            by_second = -2.0 * factor * np.sin(angle)
            by_bragg = 2.0 * factor * (first * np.sin(angle) - second * np.cos(angle))
        return by_first * first + by_second * second, by_bragg * _DEGREE, by_first, by_second

    def _lorentz_polarisation(self, theta: Array) -> tuple[Array, Array]:
        """Return 1/(2 sin^2 theta cos theta) times the polarisation P + (1-P) cos^2 2theta, and its slope by 2theta.

        Young (ed.), The Rietveld Method (1993), p. 6; P is GSAS-II's Polariz. at azimuth zero. Neutrons have none.
        """
        sine, cosine = np.sin(theta), np.cos(theta)
        lorentz = 1.0 / (2.0 * sine**2 * cosine)
        by_theta = lorentz * (sine / cosine - 2.0 * cosine / sine)
        if not self._xray:
            return lorentz, by_theta * 0.5 * _DEGREE
        share = self._histogram.instrument.polarization
        double = 2.0 * theta
        polarisation = share + (1.0 - share) * np.cos(double) ** 2
        polarisation_by = -2.0 * (1.0 - share) * np.sin(2.0 * double)
        return lorentz * polarisation, (by_theta * polarisation + lorentz * polarisation_by) * 0.5 * _DEGREE

    @staticmethod
    def _tensor_by_cell(by_tensor: Array, uaniso: Array, metric: Array) -> Array:
        """Return d|F|^2/dA0..A5 (k, 6) through the reciprocal lengths that turn U into exponents."""
        out = np.zeros((by_tensor.shape[0], 6))
        for t, pair in enumerate(PAIRS):
            moved = by_tensor[:, :, t] @ uaniso[:, t]
            for axis in pair:
                out[:, axis] += moved / (2.0 * metric[axis])
        return out


def _bent(value: Array, bend: float) -> tuple[Array, Array]:
    """Return ``value`` bent to stay positive, (v + sqrt(v^2 + 4 b^2))/2, and the slope of the bend."""
    root = np.sqrt(value**2 + 4.0 * bend**2)
    positive = 0.5 * (value + root)
    # For large negative values the difference above cancels; b^2/(-v) is the same number without the loss.
    positive = np.where(value < 0, 2.0 * bend**2 / (root - np.minimum(value, 0.0)), positive)
    return positive, positive / root

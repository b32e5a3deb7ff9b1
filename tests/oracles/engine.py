"""What the numpy engine says to the oracles' questions: the only place of these tests that knows its insides."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import Symmetry, cell_to_metric
from autogsas.engine import backgrounds
from autogsas.engine.lineshape import pseudo_voigt_mix
from autogsas.engine.parameters import Layout
from autogsas.engine.pattern_model import PatternModel
from autogsas.engine.profile import Plan
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import BackgroundFunction, Group

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The Groups of a recipe that GSAS-II's corrections are, and which raw parameter of each.
_CORRECTIONS: dict[str, tuple[Group, int]] = {
    "Shift": ("displacement", 0),
    "Transparency": ("transparency", 0),
    "DisplaceX": ("displacement", 0),
    "DisplaceY": ("displacement", 1),
}


@dataclass(frozen=True)
class List:
    """Reflections in their order: ``hkl`` (n, 3), ``multiplicity``, ``d``, ``two_theta``, ``f2`` (n,).

    ``rotations`` (m, 3, 3) are those of the space group, by which indices are equivalent.
    """

    hkl: Ints
    multiplicity: Ints
    d: Array
    two_theta: Array
    f2: Array
    rotations: Ints


def line(position: float, sig: float, gam: float, shl: float, x: Array) -> Array:
    """Return one line per centidegree at ``x``, ascending; widths in centidegree^2 and centidegree."""
    at, gamma = np.array([position]), np.array([gam / 100.0])
    mix = pseudo_voigt_mix(np.array([sig * 1e-4]), gamma)
    far = np.full(1, 1e3)
    terms = {}
    if "terms" in inspect.signature(Plan).parameters:
        from autogsas.engine import axial_terms

        terms = {"terms": axial_terms.terms(at, shl, gamma)}
    plan = Plan(x, at, mix.fwhm, shl, far, far, **terms)
    # Derivatives are not asked for; the engine's two ways of saying so have the shapes in common.
    few = {"derivatives": False} if "derivatives" in inspect.signature(Plan.shapes).parameters else {}
    return plan.shapes(at, mix.fwhm, mix.eta, shl, **few).combine({"value": np.ones(1)}) / 100.0


def reflections(project: Project) -> List:
    """Return the reflections of the project's first phase in its first histogram."""
    layout = Layout(project)
    raw = layout.start()
    model = PatternModel(layout, 0, project.histograms[0].pattern.x, raw)
    peaks = model.phase(0, raw).peaks
    chosen = model.sets[0]
    rotations = layout.phases[0].symmetry.rotations
    return List(chosen.hkl, chosen.multiplicity, peaks.d, peaks.two_theta, peaks.f2, rotations)


def listed(space_group: str, cell: list[float], d_min: float) -> list[tuple[int, ...]]:
    """Return the reflections of a group down to ``d_min`` (Angstrom), sorted."""
    return sorted(map(tuple, Symmetry.from_name(space_group).reflections(cell_to_metric(cell), d_min).tolist()))


def family(hkl: Ints, rotations: Ints) -> tuple[int, int, int]:
    """Return one index for all that are equivalent to ``hkl`` (3,) in the Laue class."""
    images = np.einsum("i,nij->nj", hkl, rotations)
    h, k, el = max(map(tuple, np.concatenate([images, -images]).tolist()))
    return h, k, el


def background_function(function: BackgroundFunction, coefficients: list[float], x: Array, wavelength: float) -> Array:
    """Return a background function at ``x``, whose ends are its limits."""
    limits = (float(x[0]), float(x[-1]))
    return backgrounds.basis(function, len(coefficients), x, limits, wavelength) @ np.array(coefficients)


def background(function: BackgroundFunction, coefficients: list[float], histogram: Histogram) -> Array:
    """Return a background over the whole of a histogram, with the histogram's own broad peaks."""
    x = histogram.pattern.x
    found = background_function(function, coefficients, x, histogram.instrument.wavelengths[0])
    if histogram.background_peaks:
        from autogsas.engine.background_peaks import background_peaks

        found = found + background_peaks(x, histogram, histogram.instrument.SH_L)
    return np.asarray(found)


def bragg(project: Project, scales: list[float], corrections: dict[str, float]) -> Array:
    """Return the Bragg part of the project's first histogram."""
    layout = Layout(project)
    raw = layout.start()
    for name, value in corrections.items():
        group, place = _CORRECTIONS[name]
        raw[layout.indices(group, None, "data", None)[place]] = value
    model = PatternModel(layout, 0, project.histograms[0].pattern.x, raw)
    return np.asarray(sum(scale * model.phase(p, raw).unit for p, scale in enumerate(scales)))

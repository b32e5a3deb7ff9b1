"""A small project and small recipes to test hosts, backends and hooks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Array, Pattern, counting_weights
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.recipe import Background, Free, Recipe, Step
from autogsas.model.structure import Cell, Phase, Site

__all__ = ["LIMITS", "make_project", "make_recipe"]

WAVELENGTH = 1.5406
LIMITS = (18.0, 85.0)
_CELL = 4.123
_ELECTRONS = {"Cs": 54.0, "Cl": 18.0}

_CIF = f"""data_phase
_cell_length_a {_CELL}
_cell_length_b {_CELL}
_cell_length_c {_CELL}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
Cs Cs 0 0 0 1 0.02
Cl Cl 0.5 0.5 0.5 1 0.02
"""


def make_recipe(*titles: str, terms: int = 6, name: str = "") -> Recipe:
    """Return a recipe with one step for each title; each step frees the scale and the cell."""
    background = Background(function="chebyschev-1", terms=terms)
    frees = (Free(group="scale"), Free(group="cell"))
    return Recipe(name=name, steps=tuple(Step(title=title, background=(background,), free=frees) for title in titles))


def make_project(folder: Path, *, histograms: int = 1, search: Search | None = None) -> Project:
    """Return a small project of caesium chloride with its files in ``folder``: X-rays, one wavelength, 1501 points.

    The intensities are of the right kind, not exact: electrons for form factors, Gaussian peaks. The first histogram
    is of Bragg-Brentano geometry, a second one of Debye-Scherrer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    project_file, phase_file = folder / "project.yaml", folder / "phase.cif"
    project_file.write_text("# a project for tests\n")
    phase_file.write_text(_CIF)
    x = np.linspace(15.0, 90.0, 1501)
    y = np.random.default_rng(1).poisson(_profile(x)).astype(np.float64)
    made = []
    for index in range(histograms):
        name = "pattern" if histograms == 1 else f"pattern{index + 1}"
        file = folder / f"{name}.xy"
        np.savetxt(file, np.column_stack([x, y]), fmt="%.6f")
        pattern = Pattern(name, x, y, counting_weights(y), "counting statistics")
        geometry = "Debye-Scherrer" if index else "Bragg-Brentano"
        instrument = Instrument("xray", (WAVELENGTH,), U=0.0, V=0.0, W=72.0, geometry=geometry)  # type: ignore[arg-type]
        made.append(Histogram(name, pattern, instrument, LIMITS, files=(file,)))
    sites = (Site("Cs", "Cs", (0.0, 0.0, 0.0), 1.0, 0.02), Site("Cl", "Cl", (0.5, 0.5, 0.5), 1.0, 0.02))
    phase = Phase("phase", "P m -3 m", Cell(_CELL, _CELL, _CELL, 90.0, 90.0, 90.0), sites)
    return Project(
        "made", tuple(made), (phase,), search or Search(), "fake", file=project_file, phase_files=(phase_file,)
    )


def _profile(x: Array) -> Array:
    """Peaks of 0.2 degrees full width on a falling background, in counts."""
    y = 200.0 - x
    indices = [(h, k, el) for h in range(4) for k in range(h + 1) for el in range(k + 1) if h]
    for h, k, el in indices:
        sine = WAVELENGTH / (2.0 * _CELL) * np.sqrt(h * h + k * k + el * el)
        theta = np.arcsin(sine) if sine < 1.0 else None
        if theta is None:
            continue
        signs = {(a, b, c) for a in (h, -h) for b in (k, -k) for c in (el, -el)}
        multiplicity = len({(p[i], p[j], p[m]) for p in signs for i, j, m in _ORDERS})
        factor = _ELECTRONS["Cs"] + _ELECTRONS["Cl"] * (-1.0) ** (h + k + el)
        damped = factor * np.exp(-8.0 * np.pi**2 * 0.02 * (sine / WAVELENGTH) ** 2)
        lorentz = (1.0 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        shape = np.exp(-4.0 * np.log(2.0) * ((x - np.degrees(2 * theta)) / 0.2) ** 2)
        y = y + 2e-3 * multiplicity * damped**2 * lorentz * shape
    return y


_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))

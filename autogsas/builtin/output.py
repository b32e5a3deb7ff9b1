"""The files a refinement of the numpy engine leaves: a CIF with the powder items, and a script that repeats it."""

from __future__ import annotations

import pprint
from collections.abc import Sequence

import gemmi
import numpy as np

from autogsas import __version__
from autogsas.formatting import with_esd
from autogsas.metrics import measure
from autogsas.project import Project
from autogsas.recipe import Recipe, Step
from autogsas.result import Curves, Parameter, Result
from autogsas.structure import Phase

__all__ = ["cif_text", "script_text"]

_CELL = {
    "a": "_cell_length_a", "b": "_cell_length_b", "c": "_cell_length_c",
    "alpha": "_cell_angle_alpha", "beta": "_cell_angle_beta", "gamma": "_cell_angle_gamma", "volume": "_cell_volume",
}  # fmt: skip
_PROBE = {"xray": "x-ray", "neutron": "neutron"}


def cif_text(project: Project, result: Result) -> str:
    """Return a CIF of the refinement: a block for each phase, and one for each pattern with its profile.

    Items are those of the core and powder dictionaries (Toby, Int. Tables G (2006), 3.3); values carry their esds.
    """
    document = gemmi.cif.Document()
    values = {parameter.name: parameter for parameter in result.parameters}
    for phase in result.phases:
        _phase_block(document.add_new_block(_block_name(phase.name)), phase, values)
    for curves in result.curves:
        _pattern_block(document.add_new_block(_block_name(f"{curves.histogram}_pattern")), project, result, curves)
    return str(document.as_string())


def script_text(project: Project, steps: Sequence[Step]) -> str:
    """Return a Python script that repeats ``steps`` with the engine alone, on the run folder's pattern.csv."""
    recipe = Recipe(steps=tuple(steps)).plain()
    instruments = {h.name: h.instrument for h in project.histograms}
    keys = ("limits", "excluded", "absorption", "background_peaks", "axial_sum")
    settings = {h.name: {key: getattr(h, key) for key in keys} for h in project.histograms}
    return _SCRIPT.format(
        version=__version__,
        phases=pprint.pformat(project.phases, width=118),
        instruments=pprint.pformat(instruments, width=118),
        settings=pprint.pformat(settings, width=118, sort_dicts=False),
        recipe=pprint.pformat(recipe, width=118, sort_dicts=False),
    )


_SCRIPT = '''\
"""Repeats the best refinement with autogsas's numpy engine alone: run it beside the run's pattern.csv."""

import csv
from pathlib import Path

import numpy as np

from autogsas.engine.session import EngineSession
from autogsas.instrument import Instrument
from autogsas.metrics import measure
from autogsas.pattern import Pattern
from autogsas.project import Histogram, Project, Search
from autogsas.recipe import Recipe
from autogsas.sample import BackgroundPeak, Broadening, OccupancySum, Orientation, Specimen
from autogsas.structure import Cell, Phase, Site

# Written by autogsas {version}.
PHASES = {phases}

INSTRUMENTS = {instruments}

SETTINGS = {settings}

RECIPE = {recipe}


def read(name):
    with open(Path(__file__).with_name("pattern.csv"), newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["histogram"] == name]
    x, y, w = (np.array([float(row[key]) for row in rows]) for key in ("two_theta", "observed", "weight"))
    return Pattern(name, x, y, w, "pattern.csv")


def main():
    histograms = tuple(
        Histogram(name, read(name), INSTRUMENTS[name], **SETTINGS[name]) for name in INSTRUMENTS
    )
    session = EngineSession(Project("best", histograms, PHASES, Search()), "")
    for step in Recipe.model_validate(RECIPE).steps:
        done = session.refine(step)
        print(f"{{done.title:<40}} Rwp {{done.rwp:8.4f}} %  {{done.n_variables:3d}} variables  {{done.message}}")
    result = session.result()
    joined = [np.concatenate([getattr(c, key) for c in result.curves]) for key in ("observed", "calculated", "weights")]
    figures = measure(*joined, result.n_variables)
    print(f"Rwp {{figures.rwp:.4f}} %  GoF {{figures.gof:.3f}}")


if __name__ == "__main__":
    main()
'''


def _block_name(text: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in text)
    return kept or "block"


def _number(parameter: Parameter | None, fallback: float) -> str:
    if parameter is None:
        return f"{fallback:.6g}"
    return with_esd(parameter.value, parameter.esd)


def _phase_block(block: gemmi.cif.Block, phase: Phase, values: dict[str, Parameter]) -> None:
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    block.set_pair("_audit_creation_method", gemmi.cif.quote(f"autogsas {__version__}"))
    block.set_pair("_chemical_name_common", gemmi.cif.quote(phase.name))
    for (key, tag), value in zip(_CELL.items(), (*phase.cell.values(), 0.0), strict=True):
        block.set_pair(tag, _number(values.get(f"{phase.name}:{key}"), value))
    block.set_pair("_space_group_name_H-M_alt", gemmi.cif.quote(group.xhm()))
    block.set_pair("_space_group_IT_number", str(group.number))
    loop = block.init_loop("_space_group_symop_", ["operation_xyz"])
    for operation in group.operations():
        loop.add_row([gemmi.cif.quote(operation.triplet())])
    tags = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv", "adp_type"]
    sites = block.init_loop("_atom_site_", tags)
    for site in phase.sites:
        where = f"{phase.name}:{site.label}"
        row = [gemmi.cif.quote(site.label), gemmi.cif.quote(site.element)]
        row += [_number(values.get(f"{where}:{axis}"), v) for axis, v in zip("xyz", site.xyz, strict=True)]
        row.append(_number(values.get(f"{where}:occupancy"), site.occupancy))
        row += [_number(values.get(f"{where}:Uiso"), site.uiso), "Uani" if site.uaniso else "Uiso"]
        sites.add_row(row)
    tensors = [site for site in phase.sites if site.uaniso is not None]
    if tensors:
        parts = ["11", "22", "33", "12", "13", "23"]
        loop = block.init_loop("_atom_site_aniso_", ["label", *(f"U_{part}" for part in parts)])
        for site in tensors:
            row = [gemmi.cif.quote(site.label)]
            for part, value in zip(parts, site.uaniso or (), strict=True):
                row.append(_number(values.get(f"{phase.name}:{site.label}:U{part}"), value))
            loop.add_row(row)


def _pattern_block(block: gemmi.cif.Block, project: Project, result: Result, found: Curves) -> None:
    histogram = project.histogram(found.histogram)
    figures = measure(found.observed, found.calculated, found.weights, result.n_variables)
    block.set_pair("_audit_creation_method", gemmi.cif.quote(f"autogsas {__version__}"))
    block.set_pair("_diffrn_radiation_probe", _PROBE[histogram.instrument.radiation])
    wavelengths = block.init_loop("_diffrn_radiation_wavelength_", ["id", "value", "wt"])
    for i, wavelength in enumerate(histogram.instrument.wavelengths):
        wavelengths.add_row([str(i + 1), f"{wavelength:.6g}", f"{1.0 if i == 0 else histogram.instrument.ratio:g}"])
    block.set_pair("_pd_proc_ls_prof_wR_factor", f"{figures.rwp / 100:.5f}")
    block.set_pair("_pd_proc_ls_prof_wR_expected", f"{figures.rexp / 100:.5f}")
    block.set_pair("_refine_ls_goodness_of_fit_all", f"{figures.gof:.4f}")
    block.set_pair("_refine_ls_number_parameters", str(result.n_variables))
    block.set_pair("_pd_proc_number_of_points", str(found.x.size))
    block.set_pair("_pd_proc_2theta_range_min", f"{found.x[0]:.4f}")
    block.set_pair("_pd_proc_2theta_range_max", f"{found.x[-1]:.4f}")
    tags = ["_pd_proc_2theta_corrected", "_pd_proc_intensity_total", "_pd_calc_intensity_total",
            "_pd_proc_intensity_bkg_calc", "_pd_proc_ls_weight"]  # fmt: skip
    loop = block.init_loop("", tags)
    columns = (found.x, found.observed, found.calculated, found.background, found.weights)
    for values in zip(*columns, strict=True):
        loop.add_row([f"{v:.7g}" if np.isfinite(v) else "?" for v in values])

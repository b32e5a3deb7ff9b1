"""A project folder of a simulated mixture, as a user has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autogsas.model.structure import Phase
from tests.engine.models import XRAY, project, simulate
from tests.quantification.test_quantify import cell_mass

RECIPE = """
name: scales
steps:
  - {title: scales, background: [{function: chebyschev-1, terms: 3}], free: [scale, background]}
"""


def write_cif(phase: Phase, path: Path) -> None:
    lines = [f"data_{phase.name}", f"_symmetry_space_group_name_H-M '{phase.space_group}'"]
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines += [f"_cell_{name} {value}" for name, value in zip(names, phase.cell.values(), strict=True)]
    tags = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv")
    lines += ["loop_", *(f"_atom_site_{tag}" for tag in tags)]
    lines += [" ".join(map(str, (s.label, s.element, *s.xyz, s.occupancy, s.uiso))) for s in phase.sites]
    path.write_text("\n".join(lines) + "\n")


def write_project(folder: Path, phases: Sequence[Phase], amounts: Sequence[float], quantification: str = "") -> Path:
    """Write a project whose pattern has counting noise; ``amounts`` are proportional to the masses in the beam."""
    folder.mkdir(parents=True, exist_ok=True)
    made = project(tuple(phases), XRAY, (18.0, 90.0), 0.03)
    scales = tuple(amount / cell_mass(phase) for amount, phase in zip(amounts, phases, strict=True))
    clean = simulate(made, scales, np.full(made.histograms[0].pattern.x.size, 300.0))
    x = made.histograms[0].pattern.x
    np.savetxt(folder / "data.xy", np.column_stack([x, np.random.default_rng(5).poisson(clean)]), fmt="%.5f")
    widths = "\n".join(f"{key}:{getattr(XRAY, key)}" for key in ("U", "V", "W", "X", "Y", "Z"))
    (folder / "lab.instprm").write_text(
        "#GSAS-II instrument parameter file\nType:PXC\nBank:1\nLam1:1.5405\nLam2:1.5443\nI(L2)/I(L1):0.5\nZero:0\n"
        f"Polariz.:0.7\nSH/L:0.03\n{widths}\nAzimuth:0.0\n"
    )
    for phase in phases:
        write_cif(phase, folder / f"{phase.name}.cif")
    listed = "".join(f"  - {{file: {phase.name}.cif, name: {phase.name}}}\n" for phase in phases)
    (folder / "project.yaml").write_text(
        "backend: numpy\ndata:\n  - {file: data.xy, name: data, instrument: lab.instprm, geometry: Bragg-Brentano}\n"
        f"phases:\n{listed}{quantification}"
    )
    (folder / "scales.recipe.yaml").write_text(RECIPE)
    return folder

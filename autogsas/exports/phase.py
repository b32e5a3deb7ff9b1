"""The items of a CIF about one phase: formula, symmetry, cell, atoms."""

from __future__ import annotations

import math
import re

import gemmi
from gemmi import cif

from autogsas.crystal.contents import cell_volume, contents_of, multiplicity
from autogsas.exports.star import add_loop, number, quoted
from autogsas.model.result import Parameter, Result
from autogsas.model.structure import Phase

__all__ = ["Values", "phase_items"]

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_TENSOR = ("11", "22", "33", "12", "13", "23")


class Values:
    """Look up the parameters of a result by name, written as numbers of a CIF."""

    def __init__(self, result: Result) -> None:
        self._named: dict[str, Parameter] = {parameter.name: parameter for parameter in result.parameters}

    def text(self, name: str, default: float) -> str:
        """Return a parameter with its esd, or ``default`` if the engine has no parameter of this name."""
        found = self._named.get(name)
        return number(default) if found is None else number(found.value, found.esd)

    def esd(self, name: str) -> float | None:
        """Return the esd of a parameter."""
        found = self._named.get(name)
        return None if found is None else found.esd


def phase_items(block: cif.Block, phase: Phase, values: Values) -> None:
    """Add the items of a phase, from the core dictionary (Int. Tables G (2006), 4.1)."""
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    contents = None if group is None else contents_of(phase, group)
    block.set_pair("_pd_phase_name", quoted(phase.name))
    block.set_pair("_chemical_name_common", quoted(phase.name))
    if contents is not None:
        block.set_pair("_chemical_formula_sum", f"'{contents.formula}'")
        block.set_pair("_chemical_formula_weight", number(round(contents.weight, 3), digits=9))
    if group is not None:
        _symmetry(block, group)
    else:
        block.set_pair("_space_group_name_H-M_alt", quoted(phase.space_group))
    _cell(block, phase, values)
    if contents is not None:
        block.set_pair("_cell_formula_units_Z", str(contents.units))
        block.set_pair("_exptl_crystal_density_diffrn", number(contents.density, digits=5))
    block.set_pair("_cell_measurement_temperature", "?")
    kinds = dict.fromkeys(site.element for site in phase.sites)
    add_loop(block, ("_atom_type_symbol",), [(quoted(_symbol(kind)),) for kind in kinds])
    _atoms(block, phase, group, values)


def _symmetry(block: cif.Block, group: gemmi.SpaceGroup) -> None:
    block.set_pair("_space_group_crystal_system", group.crystal_system_str())
    block.set_pair("_space_group_IT_number", str(group.number))
    block.set_pair("_space_group_name_H-M_alt", quoted(group.xhm()))
    block.set_pair("_space_group_name_Hall", quoted(group.hall))
    rows = [(str(i), quoted(operation.triplet())) for i, operation in enumerate(group.operations(), start=1)]
    add_loop(block, ("_space_group_symop_id", "_space_group_symop_operation_xyz"), rows)


def _cell(block: cif.Block, phase: Phase, values: Values) -> None:
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    for tag, name, value in zip(_CELL, names, phase.cell.values(), strict=True):
        block.set_pair(f"_cell_{tag}", values.text(f"{phase.name}:{name}", value))
    volume = values.text(f"{phase.name}:volume", cell_volume(phase.cell))
    block.set_pair("_cell_volume", volume)


def _symbol(scatterer: str) -> str:
    # GSAS-II's suffix for isotopes, as in B_11, is not part of a symbol.
    return re.sub(r"_.*", "", scatterer) or scatterer


def _atoms(block: cif.Block, phase: Phase, group: gemmi.SpaceGroup | None, values: Values) -> None:
    tags = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "U_iso_or_equiv", "adp_type", "occupancy"]
    if group is not None:
        tags.append("site_symmetry_multiplicity")
    rows = []
    for site in phase.sites:
        where = f"{phase.name}:{site.label}"
        places = [values.text(f"{where}:{axis}", v) for axis, v in zip("xyz", site.xyz, strict=True)]
        uiso = values.text(f"{where}:Uiso", site.uiso) if site.uaniso is None else number(site.uiso, digits=4)
        row = [
            quoted(site.label),
            quoted(_symbol(site.element)),
            *places,
            uiso,
            "Uani" if site.uaniso else "Uiso",
            values.text(f"{where}:occupancy", site.occupancy),
        ]
        if group is not None:
            row.append(str(multiplicity(site, phase.cell, group)) if all(map(math.isfinite, site.xyz)) else "?")
        rows.append(row)
    add_loop(block, [f"_atom_site_{tag}" for tag in tags], rows)
    tensors = [
        (
            quoted(site.label),
            *(
                values.text(f"{phase.name}:{site.label}:U{part}", value)
                for part, value in zip(_TENSOR, site.uaniso, strict=True)
            ),
        )
        for site in phase.sites
        if site.uaniso is not None
    ]
    add_loop(block, [f"_atom_site_aniso_{tag}" for tag in ("label", *(f"U_{part}" for part in _TENSOR))], tensors)

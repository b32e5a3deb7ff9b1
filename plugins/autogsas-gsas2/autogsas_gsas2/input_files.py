"""Files that GSAS-II reads, written from the project's data: instrument parameter file and CIF.

They are written from what the host has read, so that GSAS-II can refine whatever the host can read.
"""

from __future__ import annotations

import gemmi
import numpy as np
import numpy.typing as npt
from autogsas.errors import BackendError
from autogsas.model.instrument import Instrument
from autogsas.model.structure import Phase

__all__ = ["PROBE_POINT", "cif", "images", "instprm", "origin_shift"]

PROBE_POINT = (0.1234, 0.2781, 0.4127)
"""A general position whose images under the symmetry operations identify the setting of a space group."""

Array = npt.NDArray[np.float64]

_TENSOR = ("11", "22", "33", "12", "13", "23")


def instprm(instrument: Instrument) -> str:
    """Return the text of an instrument parameter file of GSAS-II (.instprm)."""
    xray = instrument.radiation == "xray"
    lines = [
        "#GSAS-II instrument parameter file; do not add/delete items!",
        f"Type:{'PXC' if xray else 'PNC'}",
        "Bank:1",
    ]
    if instrument.doublet:
        first, second = instrument.wavelengths
        lines += [f"Lam1:{first!r}", f"Lam2:{second!r}", f"I(L2)/I(L1):{instrument.ratio!r}"]
    else:
        lines.append(f"Lam:{instrument.wavelengths[0]!r}")
    values = {
        "Zero": instrument.zero,
        "Polariz.": instrument.polarization,
        "U": instrument.U,
        "V": instrument.V,
        "W": instrument.W,
        "X": instrument.X,
        "Y": instrument.Y,
        "Z": instrument.Z,
        "SH/L": max(instrument.SH_L, 0.002),
        "Azimuth": 0.0,
    }
    lines += [f"{name}:{float(value)!r}" for name, value in values.items()]
    geometry = instrument.geometry or ("Bragg-Brentano" if instrument.doublet else "Debye-Scherrer")
    lines += [f"Gonio. radius:{float(instrument.radius)!r}", f"Diff-type:{geometry}"]
    return "\n".join(lines) + "\n"


def cif(phase: Phase) -> str:
    """Return the text of a CIF of a phase in GSAS-II's setting. Raises BackendError for an unknown space group."""
    group = _group(phase)
    shift = origin_shift(phase)
    document = gemmi.cif.Document()
    block = document.add_new_block("phase")
    for key, value in zip(
        ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"),
        phase.cell.values(),
        strict=True,
    ):
        block.set_pair(f"_cell_{key}", f"{value:.8g}")
    block.set_pair("_symmetry_space_group_name_H-M", gemmi.cif.quote(_symbol(group)))
    tags = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv", "adp_type"]
    loop = block.init_loop("_atom_site_", tags)
    for site in phase.sites:
        position = np.array(site.xyz) + shift
        numbers = [f"{v:.10g}" for v in (*position, site.occupancy, site.uiso)]
        loop.add_row(
            [gemmi.cif.quote(site.label), gemmi.cif.quote(site.element), *numbers, "Uani" if site.uaniso else "Uiso"]
        )
    if any(site.uaniso is not None for site in phase.sites):
        loop = block.init_loop("_atom_site_aniso_", ["label", *(f"U_{part}" for part in _TENSOR)])
        for site in phase.sites:
            if site.uaniso is not None:
                loop.add_row([gemmi.cif.quote(site.label), *(f"{value:.8g}" for value in site.uaniso)])
    return str(document.as_string())


def images(phase: Phase) -> Array:
    """Return all images of `PROBE_POINT` in the setting of `cif`, shape (n, 3)."""
    group = _group(phase)
    target = _second_origin(group) or group
    return np.array([operation.apply_to_xyz(list(PROBE_POINT)) for operation in target.operations()])


def origin_shift(phase: Phase) -> Array:
    """Return the shift from the phase's coordinates to GSAS-II's, which knows origin choice 2 only, shape (3,).

    Raises BackendError for an unknown space group.
    """
    group = _group(phase)
    second = _second_origin(group)
    if second is None:
        return np.zeros(3)
    wanted = _as_set(_orbit(second, np.array(PROBE_POINT)))
    # The shifts between origin choices 1 and 2 are multiples of 1/8 (International Tables A).
    steps = np.arange(0.0, 1.0, 0.125)
    for shift in np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3):
        if _as_set(_orbit(group, np.array(PROBE_POINT) - shift) + shift) == wanted:
            return np.asarray(shift)
    raise BackendError("structure", f"{phase.name}: no shift from {phase.space_group} to origin choice 2 was found")


def _group(phase: Phase) -> gemmi.SpaceGroup:
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    if group is None:
        raise BackendError(
            "structure", f"{phase.name}: unknown space group {phase.space_group!r}; use a Hermann-Mauguin symbol"
        )
    return group


def _second_origin(group: gemmi.SpaceGroup) -> gemmi.SpaceGroup | None:
    """Return the group in origin choice 2 if this is choice 1, otherwise None."""
    if not group.ext.startswith("1"):
        return None
    return gemmi.find_spacegroup_by_name(f"{group.hm}:2{group.ext[1:]}")


def _symbol(group: gemmi.SpaceGroup) -> str:
    # For GSAS-II, an R at the end means rhombohedral axes; without it the axes are hexagonal.
    return f"{group.hm} R" if group.ext == "R" else str(group.hm)


def _orbit(group: gemmi.SpaceGroup, point: Array) -> Array:
    return np.array([operation.apply_to_xyz(point.tolist()) for operation in group.operations()])


def _as_set(points: Array) -> set[tuple[float, ...]]:
    return {tuple((np.round(point % 1.0, 3) % 1.0).tolist()) for point in points}

"""A refinement from a CIF: structures with their esds, reported figures, and curves if the CIF has them.

Items of the core and the powder dictionary (Toby, in International Tables G (2005), chapters 3.3 and 4.2).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.comparison.measuring import figures_over
from autogsas.comparison.refinement import Figures, Fit, Refinement
from autogsas.crystal.endpoints import end_point
from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.model.result import Parameter, ParameterGroup
from autogsas.model.structure import Phase, equivalent_u
from autogsas.runfolder.reader import Profile

__all__ = ["refinement_from_cif", "with_su"]

Array = npt.NDArray[np.float64]

_NUMBER = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(?:\((\d+)\))?(?:[eE]([+-]?\d+))?(?:\((\d+)\))?$")
_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
_TWO_THETA = ("_pd_proc_2theta_corrected", "_pd_meas_2theta_scan", "_pd_meas_2theta_corrected")
_OBSERVED = ("_pd_proc_intensity_total", "_pd_meas_counts_total", "_pd_meas_intensity_total", "_pd_proc_intensity_net")
_CALCULATED = ("_pd_calc_intensity_total", "_pd_calc_intensity_net")
_BACKGROUND = ("_pd_proc_intensity_bkg_calc", "_pd_calc_intensity_bkg")


def with_su(text: str | None) -> tuple[float | None, float | None]:
    """Return a CIF number such as "1.2345(12)" and its standard uncertainty; None for each that is missing."""
    found = _NUMBER.match(text.strip()) if text else None
    if found is None:
        return None, None
    mantissa, su, power, late = found.groups()
    scale = 10.0 ** int(power or 0)
    digits = su or late
    decimals = len(mantissa.partition(".")[2])
    return float(mantissa) * scale, None if digits is None else int(digits) * 10.0**-decimals * scale


def refinement_from_cif(host: Host, file: Path, label: str) -> Refinement:
    """Read a refinement from a CIF. Raises UserError if it cannot be read or has no structure."""
    if not file.is_file():
        raise UserError("no such file", file=file)
    try:
        document = gemmi.cif.read_string(file.read_text(encoding="utf-8", errors="replace"))
    except (ValueError, RuntimeError, OSError) as error:
        raise UserError(f"cannot be read as CIF: {' '.join(str(error).split())}", file=file) from error
    blocks = [block for block in document if block.find_values("_atom_site_fract_x")]
    if not blocks:
        raise UserError("the CIF has no atoms", file=file, found=f"{len(document)} data blocks")
    phases: list[Phase] = []
    parameters: list[Parameter] = []
    for block in blocks:
        phase = host.call("read_structure", path=file, block=block.name)
        if phase is None:
            raise UserError("no plugin can read this structure", file=file, key=block.name)
        phase = _named(phase, [other.name for other in phases])
        phases.append(phase)
        parameters += _parameters(block, phase)
    fits = tuple(_fits(document))
    figures = _figures(document, fits)
    return Refinement(
        label=label,
        kind="cif",
        source=str(file),
        engine=_first(document, "_computing_structure_refinement") or "unknown program",
        figures=figures,
        fits=fits,
        findings=(),
        parameters=tuple(parameters),
        end=end_point(math.nan if figures.rwp is None else figures.rwp, phases, parameters),
        groups=tuple(dict.fromkeys(item.group for item in parameters if item.esd is not None)),
        notes=tuple(note for phase in phases for note in phase.notes),
    )


def _named(phase: Phase, taken: Sequence[str]) -> Phase:
    name, number = phase.name, 2
    while name in taken:
        name, number = f"{phase.name}-{number}", number + 1
    return replace(phase, name=name)


def _parameters(block: gemmi.cif.Block, phase: Phase) -> Iterator[Parameter]:
    for name, tag, value in zip(_NAMES, _CELL, phase.cell.values(), strict=True):
        unit = "Å" if len(name) == 1 else "°"
        yield Parameter(
            f"{phase.name}:{name}", value, with_su(block.find_value(f"_cell_{tag}"))[1], unit, "cell", phase.name
        )
    tags = ["label", "fract_x", "fract_y", "fract_z", "?occupancy", "?U_iso_or_equiv", "?B_iso_or_equiv"]
    rows = {gemmi.cif.as_string(row[0]): row for row in block.find("_atom_site_", tags)}
    for site in phase.sites:
        row = rows.get(site.label)

        def esd(column: int, row: Any = row) -> float | None:
            return with_su(row[column])[1] if row is not None and row.has(column) else None

        for column, (axis, value) in enumerate(zip("xyz", site.xyz, strict=True), start=1):
            yield _of_site(phase, site.label, axis, value, esd(column), "", "positions")
        yield _of_site(phase, site.label, "occupancy", site.occupancy, esd(4), "", "occupancy")
        u = site.uiso if site.uaniso is None else equivalent_u(phase.cell, site.uaniso)
        by_b = esd(6)
        error = esd(5) if by_b is None else by_b / (8.0 * np.pi**2)
        yield _of_site(phase, site.label, "Uiso", u, error, "Å²", "uiso")


def _of_site(
    phase: Phase, label: str, what: str, value: float, esd: float | None, unit: str, group: ParameterGroup
) -> Parameter:
    return Parameter(f"{phase.name}:{label}:{what}", value, esd, unit, group, phase.name, None, label)


def _fits(document: gemmi.cif.Document) -> Iterator[Fit]:
    for block in document:
        x, observed, calculated = (_column(block, tags) for tags in (_angles(block), _OBSERVED, _CALCULATED))
        if x is None:
            x = _stepped(block, observed)
        if x is None or observed is None or calculated is None or not x.size == observed.size == calculated.size:
            continue
        weight = _column(block, ("_pd_proc_ls_weight",))
        if weight is None or weight.size != x.size:
            # Counting statistics, the usual weights of powder data.
            weight = np.where(np.isfinite(observed), 1.0 / np.maximum(observed, 1.0), 0.0)
        weight = np.where(np.isfinite(observed) & np.isfinite(calculated), np.nan_to_num(weight), 0.0)
        background = _column(block, _BACKGROUND)
        if background is None or background.size != x.size:
            background = np.full(x.size, np.nan)
        order = np.argsort(x, kind="stable")
        arrays = (x, observed, calculated, background, weight)
        profile = Profile(block.name, *(array[order] for array in arrays))
        rwp = figures_over([profile], [profile.counted], None).rwp
        yield Fit(profile, (float(x.min()), float(x.max())), rwp=rwp)


def _angles(block: gemmi.cif.Block) -> tuple[str, ...]:
    # Corrected angles differ from the measured ones, so that points of other refinements would not match them.
    return _TWO_THETA if not block.find_values("_pd_meas_2theta_scan") else _TWO_THETA[1:]


def _stepped(block: gemmi.cif.Block, observed: Array | None) -> Array | None:
    for kind in ("meas", "proc"):
        low, high, step = (
            with_su(block.find_value(f"_pd_{kind}_2theta_range_{end}"))[0] for end in ("min", "max", "inc")
        )
        if observed is not None and low is not None and step:
            return np.asarray(low + step * np.arange(observed.size))
        if observed is not None and low is not None and high is not None and observed.size > 1:
            return np.linspace(low, high, observed.size)
    return None


def _column(block: gemmi.cif.Block, tags: Sequence[str]) -> Array | None:
    for tag in tags:
        found = block.find_values(tag)
        if len(found) > 1:
            values = [with_su(text)[0] for text in found]
            return np.array([np.nan if value is None else value for value in values])
    return None


def _figures(document: gemmi.cif.Document, fits: Sequence[Fit]) -> Figures:
    """Return the figures from the curves, or if there are none, those that the CIF reports."""
    number = with_su(_first(document, "_refine_ls_number_parameters"))[0]
    variables = None if number is None else int(number)
    if any(fit.rwp is not None for fit in fits):
        return figures_over([fit.profile for fit in fits], [fit.profile.counted for fit in fits], variables)
    reported = with_su(_first(document, "_pd_proc_ls_prof_wR_factor"))[0]
    expected = with_su(_first(document, "_pd_proc_ls_prof_wR_expected"))[0]
    return Figures(
        rwp=None if reported is None else 100.0 * reported,
        rexp=None if expected is None else 100.0 * expected,
        gof=with_su(_first(document, "_refine_ls_goodness_of_fit_all"))[0],
        n_variables=variables,
    )


def _first(document: gemmi.cif.Document, tag: str) -> str | None:
    for block in document:
        text = block.find_value(tag)
        if text is not None and text not in ("?", "."):
            return str(gemmi.cif.as_string(text)).strip()
    return None

"""The tables of a paper: cell, atoms, agreement and all refined parameters as LaTeX, esds in parentheses."""

from __future__ import annotations

import re
from collections.abc import Sequence

import gemmi

from autogsas.crystal.contents import cell_volume, contents_of
from autogsas.exports.characters import latex_characters
from autogsas.model.project import Project
from autogsas.model.result import Parameter, Result
from autogsas.model.structure import Phase
from autogsas.model.trial import TrialRecord
from autogsas.text.formatting import MISSING, percent, with_esd

__all__ = ["latex_text"]

_HEAD = """\
% Written by autogsas for \\input into a document with \\usepackage{booktabs,longtable}.
% Standard uncertainties are given in parentheses, in units of the last digit.
"""
_CELL = (
    ("a", r"$a$ (\AA)"),
    ("b", r"$b$ (\AA)"),
    ("c", r"$c$ (\AA)"),
    ("alpha", r"$\alpha$ ($^\circ$)"),
    ("beta", r"$\beta$ ($^\circ$)"),
    ("gamma", r"$\gamma$ ($^\circ$)"),
)


def latex_text(project: Project, record: TrialRecord, result: Result, about_esds: str = "") -> str:
    """Return the tables of a refinement as LaTeX in ASCII: agreement, cell and atoms of each phase, the rest.

    Cell lengths in Angstrom, U in Angstrom^2, R factors in per cent; names are escaped. ``about_esds`` is a sentence on
    what the esds include.
    """
    named = {parameter.name: parameter for parameter in result.parameters}
    head = f"{_HEAD}% {latex_characters(about_esds)}\n" if about_esds else _HEAD
    parts = [head, _agreement(project, record, result)]
    for phase in result.phases:
        parts += [_cell(phase, named), _atoms(phase, named)]
    parts.append(_others(result))
    return "\n".join(part for part in parts if part)


def _value(parameter: Parameter | None, default: float | None = None) -> str:
    text = with_esd(default, None) if parameter is None else with_esd(parameter.value, parameter.esd)
    if text == MISSING:
        return "--"
    mantissa, _, power = text.partition("e")
    if power:
        return rf"${mantissa}\times 10^{{{power}}}$"
    return f"${text}$" if text.startswith("-") else text


def _agreement(project: Project, record: TrialRecord, result: Result) -> str:
    rows = [("Pattern", ", ".join(latex_characters(h.name) for h in project.histograms))]
    for histogram in project.histograms:
        low, high = (with_esd(end, None) for end in histogram.limits)
        rows.append((rf"$2\theta$ range, {latex_characters(histogram.name)} ($^\circ$)", f"{low}--{high}"))
    metrics = record.metrics
    if metrics is not None:
        rows += [
            (r"$R_\mathrm{wp}$ (\%)", percent(metrics.rwp)),
            (r"$R_\mathrm{exp}$ (\%)", percent(metrics.rexp)),
            ("Goodness of fit", percent(metrics.gof)),
            ("Points, variables", f"{metrics.n_observations}, {metrics.n_variables}"),
        ]
    rows.append(("Refined with", latex_characters(f"{result.backend} {result.backend_version}")))
    return _tabular("Agreement of the refinement.", rows)


def _cell(phase: Phase, named: dict[str, Parameter]) -> str:
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    rows = [("Space group", _symbol(phase.space_group))]
    for (name, label), value in zip(_CELL, phase.cell.values(), strict=True):
        rows.append((label, _value(named.get(f"{phase.name}:{name}"), value)))
    rows.append((r"$V$ (\AA$^3$)", _value(named.get(f"{phase.name}:volume"), cell_volume(phase.cell))))
    contents = None if group is None else contents_of(phase, group)
    if contents is not None:
        formula = re.sub(r"([\d.]+)", r"$_{\1}$", contents.formula).replace(" ", "")
        rows = [("Formula", formula), ("$Z$", str(contents.units)), *rows]
    return _tabular(f"Cell of {latex_characters(phase.name)}.", rows)


def _symbol(space_group: str) -> str:
    """Return a Hermann-Mauguin symbol in LaTeX: bars above digits, screw axes with subscripts, letters in italics."""
    symbol, _, setting = space_group.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9/ -]+", symbol):
        return latex_characters(space_group)
    symbol = re.sub(r"(?<![\d-])([2346])([1-5])", r"\1_{\2}", symbol)
    symbol = re.sub(r"-(\d)", r"\\bar{\1}", symbol).strip().replace(" ", r"\,")
    return f"${symbol}$" + (f" (setting {latex_characters(setting)})" if setting else "")


def _tabular(caption: str, rows: Sequence[tuple[str, str]]) -> str:
    body = "\n".join(rf"{label} & {value} \\" for label, value in rows)
    return (
        f"\\begin{{table}}\n\\caption{{{caption}}}\n\\centering\n\\begin{{tabular}}{{ll}}\n\\toprule\n{body}\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


def _atoms(phase: Phase, named: dict[str, Parameter]) -> str:
    rows = []
    for site in phase.sites:
        where = f"{phase.name}:{site.label}"
        places = [_value(named.get(f"{where}:{axis}"), v) for axis, v in zip("xyz", site.xyz, strict=True)]
        uiso = _value(named.get(f"{where}:Uiso") if site.uaniso is None else None, site.uiso)
        occupancy = _value(named.get(f"{where}:occupancy"), site.occupancy)
        rows.append([latex_characters(site.label), latex_characters(site.element), *places, uiso, occupancy])
    header = ["Site", "Atom", "$x$", "$y$", "$z$", r"$U$ (\AA$^2$)", "Occupancy"]
    note = "" if all(site.uaniso is None for site in phase.sites) else r" $U$ is the equivalent one where anisotropic."
    return _long(f"Atoms of {latex_characters(phase.name)}.{note}", header, rows)


def _others(result: Result) -> str:
    """Return the table of refined parameters other than those of cells and atoms."""
    rows = [
        [latex_characters(p.name), _value(p), latex_characters(p.unit)]
        for p in result.parameters
        if p.esd is not None and p.site is None and p.group != "cell"
    ]
    return _long("Other refined parameters.", ["Parameter", "Value", "Unit"], rows)


def _long(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [rf"{' & '.join(row)} \\" for row in rows]
    return "\n".join(
        [
            r"\begingroup\small",
            rf"\begin{{longtable}}{{{'l' * len(header)}}}",
            rf"\caption{{{caption}}}\\",
            r"\toprule",
            rf"{' & '.join(header)} \\",
            r"\midrule",
            r"\endhead",
            r"\bottomrule",
            r"\endfoot",
            *lines,
            r"\end{longtable}",
            r"\endgroup",
            "",
        ]
    )

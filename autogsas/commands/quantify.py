"""The command quantify: the amounts of the phases of a finished run, and the instrument factor G of a standard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autogsas.errors import UserError
from autogsas.input.loading import load_project
from autogsas.model.project import Project
from autogsas.model.quantification import MeasuredAmounts, Quantification, Share
from autogsas.model.result import Finding
from autogsas.quantification import quantification_findings, quantify
from autogsas.quantification.attenuation import density, linear_absorption
from autogsas.quantification.standards import g_factor
from autogsas.quantification.widening import with_printed_esds
from autogsas.runfolder.plaindata import plain
from autogsas.runfolder.reader import read_summary
from autogsas.runfolder.trials import StoredTrial, read_stored_trial
from autogsas.text.amounts import amount_rows, describe_amounts, describe_method
from autogsas.text.formatting import general, severity_name, with_esd

__all__ = [
    "Factor",
    "Quantified",
    "instrument_factor",
    "plain_quantified",
    "quantified",
    "show_factor",
    "show_quantified",
]


@dataclass(frozen=True)
class Quantified:
    """The amounts of the phases by a run's best trial, and what is suspicious about them."""

    project: str
    found: tuple[Quantification, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Factor:
    """The instrument factor G from a run of a standard; ``mass_attenuation`` of the standard in cm^2/g."""

    histogram: str
    phase: str
    g: Share
    mass_attenuation: float
    crystallinity: Share


def quantified(run: Path, project: Path | None = None) -> Quantified:
    """Return the amounts of the phases of a finished run by what its project says now, without refining again.

    ``project`` is the project file if it has moved. Raises UserError for a folder without a usable run, a run of a
    version that did not keep the amounts, and mistakes in the project.
    """
    given, trial = _read(run, project)
    found = quantify(given, trial.phases, trial.amounts)
    if not found:
        raise UserError("one phase without an external standard has no amount to tell", file=run)
    return Quantified(given.name, found, tuple(quantification_findings(found)))


def instrument_factor(run: Path, project: Path | None, crystallinity: Share) -> tuple[Factor, ...]:
    """Return G of each X-ray histogram of the run of a pure standard.

    G = s rho V^2 mu_m/c, with the mass attenuation of the standard from its structure (photoabsorption). Raises
    UserError as `quantified` does, and for a run of several phases or of neutrons.
    """
    if not 0 < crystallinity.value <= 1:
        raise UserError("must be above 0 and at most 1", key="--crystallinity", found=crystallinity.value)
    given, trial = _read(run, project)
    if len(trial.phases) != 1:
        names = ", ".join(phase.name for phase in trial.phases)
        raise UserError("G comes from a pattern of one pure phase", file=run, found=names)
    phase = trial.phases[0]
    out = []
    for one in trial.amounts:
        instrument = given.histogram(one.histogram).instrument
        if instrument.radiation == "xray":
            attenuation = linear_absorption(phase, instrument) / density(phase)
            g = g_factor(one.amounts[0], one.covariance[0][0], attenuation, crystallinity)
            out.append(Factor(one.histogram, phase.name, g, attenuation, crystallinity))
    if not out:
        raise UserError("G is for X-rays; the run has neutrons only", file=run)
    return tuple(out)


def _read(run: Path, project: Path | None) -> tuple[Project, StoredTrial]:
    """Return the project and the best trial of a run, its amounts with the printed esds."""
    summary = read_summary(run)
    if summary.best_trial is None:
        raise UserError("the run found no usable refinement", file=run)
    trial = read_stored_trial(run, summary.best_trial)
    if trial.same_as is not None:
        trial = read_stored_trial(run, trial.same_as)
    if not trial.amounts:
        raise UserError(
            "the trial has no amounts: Le Bail intensities, an engine without weight fractions, or a run of an earlier "
            "version",
            file=run,
        )
    where = project if project is not None else None if summary.project_file is None else Path(summary.project_file)
    if where is None:
        raise UserError("the run does not name its project; give --project", file=run)
    given, _ = load_project(where)
    known = [histogram.name for histogram in given.histograms]
    missing: list[MeasuredAmounts] = [one for one in trial.amounts if one.histogram not in known]
    if missing:
        raise UserError("the project is another than that of the run", file=where, found=missing[0].histogram)
    printed = {item.name: item.esd for item in summary.parameters if item.esd is not None}
    return given, replace(trial, amounts=with_printed_esds(trial.amounts, trial.parameters, printed))


def plain_quantified(result: Quantified | tuple[Factor, ...]) -> Any:
    """Return the result as plain data for JSON."""
    return plain(result)


def show_quantified(result: Quantified) -> str:
    """Return the amounts as text: a line and a table for each histogram, then the findings."""
    lines = []
    for found in result.found:
        lines.append(f"{found.histogram}: {describe_amounts(found)}")
        header, rows = amount_rows(found)
        widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
        lines += [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (header, *rows)
        ]
        method = describe_method(found)
        lines += [method] if method else []
    lines += [f"{severity_name(finding.severity)}: {finding.message}" for finding in result.findings]
    return "\n".join(lines)


def show_factor(factors: tuple[Factor, ...]) -> str:
    """Return G as text, with the lines for the project file of a sample."""
    lines = []
    for one in factors:
        lines += [
            f"{one.histogram}: G = {with_esd(one.g.value, one.g.esd)} by {one.phase}, "
            f"mass attenuation {general(one.mass_attenuation, 5)} cm²/g by photoabsorption",
            "for the project of a sample measured and refined in the same way, by the same engine:",
            "quantification:",
            f"  external_standard: {{g: {one.g.value:.6g}, g_esd: {one.g.esd or 0.0:.3g}, mass_attenuation: ...}}",
        ]
    return "\n".join(lines)

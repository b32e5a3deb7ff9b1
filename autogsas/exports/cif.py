"""The CIF of a refinement: one block for one phase and one pattern, else one for each and one overall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from gemmi import cif

from autogsas.exports.amounts import amount_items
from autogsas.exports.pattern import pattern_items, profile_r
from autogsas.exports.phase import Values, phase_items
from autogsas.exports.star import add_loop, blocks_text, number, prose, unique_codes
from autogsas.model.metrics import Array
from autogsas.model.pattern import Pattern
from autogsas.model.project import Project
from autogsas.model.result import Curves, Result
from autogsas.model.trial import TrialRecord
from autogsas.text.formatting import severity_name
from autogsas.trial.assessment import Assessment
from autogsas.version import __version__

__all__ = ["cif_text"]


def cif_text(
    project: Project,
    record: TrialRecord,
    assessment: Assessment,
    result: Result,
    created: datetime,
    notes: Sequence[str] = (),
) -> str:
    """Return a CIF 1.1 of a refinement, whichever engine made it, in ASCII with lines of at most 2048 characters.

    Data names are those of the core and powder dictionaries; values have their esds. Agreement factors are the
    host's. Several phases or patterns have a block each; the blocks refer to each other by their identifiers.
    ``notes`` are more sentences on the refinement, such as what the esds include.
    """
    return _Writer(project, record, assessment, result, created, notes).text()


class _Writer:
    def __init__(
        self,
        project: Project,
        record: TrialRecord,
        assessment: Assessment,
        result: Result,
        created: datetime,
        notes: Sequence[str],
    ) -> None:
        self._project, self._record, self._assessment, self._result = project, record, assessment, result
        self._created, self._notes = created, notes
        self._values = Values(result)
        self._curves = [c for c in result.curves if c.histogram in {h.name for h in project.histograms}]

    def text(self) -> str:
        """Return the whole file."""
        single = len(self._result.phases) == 1 and len(self._curves) == 1
        return self._head() + blocks_text([self._single()] if single else self._several())

    def _head(self) -> str:
        return f"#\\#CIF_1.1\n# Written by autogsas {__version__}; refined with {self._engine()}.\n\n".encode(
            "ascii", "replace"
        ).decode()

    def _engine(self) -> str:
        return " ".join(f"{self._result.backend} {self._result.backend_version}".split())

    def _single(self) -> cif.Block:
        phase, curves = self._result.phases[0], self._curves[0]
        block = self._begin(unique_codes([phase.name])[0])
        phase_items(block, phase, self._values)
        self._refinement(block)
        self._pattern(block, curves, {phase.name: "1"}, alone=True)
        return block

    def _several(self) -> list[cif.Block]:
        phases, curves = self._result.phases, self._curves
        names = [*(p.name for p in phases), *(f"{c.histogram}_pattern" for c in curves), "overall"]
        codes = unique_codes(names)
        of_phases, of_patterns = codes[: len(phases)], codes[len(phases) : -1]
        numbers = {phase.name: str(i) for i, phase in enumerate(phases, start=1)}
        blocks = []
        for phase, code in zip(phases, of_phases, strict=True):
            block = self._begin(code)
            self._loop_of_identities(block, "_pd_block_diffractogram_id", of_patterns)
            phase_items(block, phase, self._values)
            blocks.append(block)
        for found, code in zip(curves, of_patterns, strict=True):
            block = self._begin(code)
            self._phases_of(block, found.histogram, of_phases)
            self._pattern(block, found, numbers, alone=False)
            blocks.append(block)
        overall = self._begin(codes[-1])
        self._loop_of_identities(overall, "_pd_phase_block_id", of_phases)
        self._loop_of_identities(overall, "_pd_block_diffractogram_id", of_patterns)
        self._overall_figures(overall)
        self._refinement(overall)
        # Overall last: many programs read only the first block, which must have a structure.
        return [*blocks, overall]

    def _begin(self, code: str) -> cif.Block:
        block = cif.Block(code)
        block.set_pair("_pd_block_id", self._identity(code))
        block.set_pair("_audit_creation_method", prose(f"autogsas {__version__}, with {self._engine()}"))
        block.set_pair("_audit_creation_date", self._created.strftime("%Y-%m-%d"))
        return block

    def _identity(self, code: str) -> str:
        # Date, name, creator and instrument, as the powder dictionary requires; the time makes it unique.
        return f"{self._created.strftime('%Y-%m-%dT%H:%M:%S')}|{code}|autogsas|"

    def _loop_of_identities(self, block: cif.Block, tag: str, codes: list[str]) -> None:
        add_loop(block, [tag], [(self._identity(code),) for code in codes])

    def _phases_of(self, block: cif.Block, histogram: str, codes: list[str]) -> None:
        found = next((q for q in self._assessment.quantification if q.histogram == histogram), None)
        names = [phase.name for phase in self._result.phases]
        amount_items(block, names, [self._identity(code) for code in codes], found)

    def _weights(self, curves: Curves) -> Array:
        histogram = self._project.histogram(curves.histogram)
        pattern = Pattern(curves.histogram, curves.x, curves.observed, curves.weights, "")
        return np.where(pattern.mask(histogram.limits, histogram.excluded), curves.weights, 0.0)

    def _pattern(self, block: cif.Block, curves: Curves, numbers: Mapping[str, str], *, alone: bool) -> None:
        pattern_items(
            block,
            self._project.histogram(curves.histogram),
            curves,
            self._weights(curves),
            next((item for item in self._assessment.histograms if item.name == curves.histogram), None),
            self._result,
            numbers,
            alone=alone,
        )

    def _overall_figures(self, block: cif.Block) -> None:
        metrics = self._record.metrics
        if metrics is None or not self._curves:
            return
        observed = np.concatenate([curves.observed for curves in self._curves])
        calculated = np.concatenate([curves.calculated for curves in self._curves])
        weights = np.concatenate([self._weights(curves) for curves in self._curves])
        block.set_pair("_pd_proc_ls_prof_R_factor", number(profile_r(observed, calculated, weights), digits=4))
        block.set_pair("_pd_proc_ls_prof_wR_factor", number(metrics.rwp / 100, digits=4))
        block.set_pair("_pd_proc_ls_prof_wR_expected", number(metrics.rexp / 100, digits=4))

    def _refinement(self, block: cif.Block) -> None:
        result, metrics = self._result, self._record.metrics
        block.set_pair("_computing_structure_refinement", prose(f"{self._engine()}, run by autogsas {__version__}"))
        block.set_pair("_refine_ls_structure_factor_coef", "Inet")
        block.set_pair("_refine_ls_matrix_type", "full")
        block.set_pair("_refine_ls_weighting_scheme", "sigma")
        sources = dict.fromkeys(h.pattern.weights_from for h in self._project.histograms)
        block.set_pair("_refine_ls_weighting_details", prose(f"1/sigma^2 of each point; sigma: {', '.join(sources)}"))
        block.set_pair("_refine_ls_number_parameters", str(result.n_variables))
        block.set_pair("_refine_ls_number_restraints", str(result.n_restraints))
        if metrics is not None:
            block.set_pair("_refine_ls_goodness_of_fit_all", number(metrics.gof, digits=4))
        if result.steps:
            block.set_pair("_refine_ls_shift/su_max", number(result.steps[-1].shift_esd, digits=2))
        details = self._details()
        if details:
            block.set_pair("_refine_special_details", prose("\n".join(details)))

    def _details(self) -> list[str]:
        result = self._result
        lines = [f"Project {' '.join(self._project.name.split())}; recipe: {self._record.origin}."]
        if self._record.metrics is not None:
            lines.append(f"{self._record.metrics.n_observations} points used.")
        lines += [note for note in self._notes if note]
        if result.steps and not result.converged:
            lines.append("The last step did not converge.")
        if result.steps and result.steps[-1].dropped:
            lines.append(f"Not determined by the data and not refined: {', '.join(result.steps[-1].dropped)}.")
        if result.steps and result.steps[-1].at_bound:
            lines.append(f"At the limit of the allowed range: {', '.join(result.steps[-1].at_bound)}.")
        lines += [f"{severity_name(item.severity)}: {' '.join(item.message.split())}" for item in self._record.findings]
        return [*lines, *(" ".join(note.split()) for note in result.notes)]

"""The hooks. A plugin implements any of them, each marked with ``@autogsas.hookimpl``.

The order is pluggy's: what was registered last is asked first, so that a project's own ``hooks.py`` comes before
installed plugins, and those before the built-ins. "First answer wins" hooks may return None to pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pluggy

from autogsas.hooks.backend import Backend, Capabilities
from autogsas.hooks.choices import Choose, Plan, Section, Seed
from autogsas.model.instrument import Geometry, Instrument
from autogsas.model.metrics import Metrics
from autogsas.model.pattern import Pattern
from autogsas.model.project import CellValues, Histogram, Project
from autogsas.model.recipe import Background, Free, Start, Step
from autogsas.model.result import Finding, Result, StepResult
from autogsas.model.structure import Phase
from autogsas.model.trial import TrialRecord

hookspec = pluggy.HookspecMarker("autogsas")
hookimpl = pluggy.HookimplMarker("autogsas")

__all__ = ["Specs", "hookimpl", "hookspec"]


class Specs:
    """The hook specifications, each named with the prefix ``autogsas_``."""

    @hookspec
    def autogsas_register_backends(self) -> Sequence[Backend]:
        """Called once when plugins are loaded; return the backends this plugin brings."""
        return ()

    @hookspec(firstresult=True)
    def autogsas_read_project(self, path: Path) -> Project | None:
        """Called once for a file or folder that is no project.yaml nor holds one; return None where it is not yours."""

    @hookspec(firstresult=True)
    def autogsas_read_refinement(self, path: Path) -> tuple[Project, Result] | None:
        """Called for what is to be compared; return a finished refinement as an engine's file holds it.

        The project as `autogsas_read_project` gives it, and the result with esds and curves, nothing refined anew.
        None where it is not yours.
        """

    @hookspec(firstresult=True)
    def autogsas_read_pattern(self, path: Path, bank: int | None) -> Pattern | None:
        """Called once for each data file; return None where the format is not yours. Raise UserError for a bad file."""

    @hookspec(firstresult=True)
    def autogsas_read_structure(self, path: Path, block: str | None) -> Phase | None:
        """Called once for each phase file; return None where the format is not yours."""

    @hookspec(firstresult=True)
    def autogsas_read_instrument(self, path: Path, bank: int | None) -> Instrument | None:
        """Called once for each instrument file; return None where the format is not yours."""

    @hookspec(firstresult=True)
    def autogsas_find_cells(self, project: Project) -> Mapping[str, CellValues] | None:
        """Called once a run, before recipes are made; return the cells that the patterns show, by the phase's name.

        Return a cell only where it certainly differs from the project's by more than least squares can correct. Hooks
        that are called later find the cells in ``project.found_cells``. First answer wins.
        """

    @hookspec(firstresult=True)
    def autogsas_set_background(
        self, choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
    ) -> Background | None:
        """Called once a trial and histogram; return its background. First answer wins."""

    @hookspec(firstresult=True)
    def autogsas_choose_start(
        self, choose: Choose, project: Project, capabilities: Capabilities
    ) -> Sequence[Start] | None:
        """Called once a trial; return the phases that begin elsewhere than the project says. First answer wins.

        The first step is given them; what it says of a phase itself comes before.
        """

    @hookspec(firstresult=True)
    def autogsas_choose_geometry(
        self, choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
    ) -> Geometry | None:
        """Called once a trial for each histogram whose geometry nobody declared; return one. First answer wins.

        The hooks called after it see the project with this geometry. None keeps the one that is assumed.
        """

    @hookspec(firstresult=True)
    def autogsas_choose_profile(
        self, choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
    ) -> Sequence[Free] | None:
        """Called once a trial and histogram; return the groups of the line shape to free. First answer wins."""

    @hookspec(firstresult=True)
    def autogsas_choose_limits(
        self, choose: Choose, project: Project, histogram: Histogram
    ) -> tuple[float, float] | None:
        """Called once a trial and histogram; return the 2theta range of the first steps. First answer wins."""

    @hookspec(firstresult=True)
    def autogsas_choose_groups(
        self, choose: Choose, project: Project, capabilities: Capabilities
    ) -> Sequence[Free] | None:
        """Called once a trial; return all other groups to free: cell, corrections, structure. First answer wins."""

    @hookspec(firstresult=True)
    def autogsas_order_steps(
        self, choose: Choose, project: Project, plan: Plan, capabilities: Capabilities
    ) -> Sequence[Step] | None:
        """Called once a trial; make ordered steps of what was chosen. First answer wins.

        The last step must free everything over the project's full limits: the host scores what it leaves.
        """

    @hookspec
    def autogsas_seed_recipes(self, project: Project, capabilities: Capabilities) -> Sequence[Seed]:
        """Called once a run; return what to try before the sampler. All answers count, in order."""
        return ()

    @hookspec(firstresult=True)
    def autogsas_mend_trial(
        self, project: Project, record: TrialRecord, capabilities: Capabilities
    ) -> Mapping[str, Any] | None:
        """Called for a trial that findings keep from being the best; return its choices mended. First answer wins.

        They are tried next. None where there is nothing to be mended.
        """

    @hookspec
    def autogsas_check_result(self, project: Project, result: Result, metrics: Metrics) -> Sequence[Finding]:
        """Called once for each finished trial; return findings. All answers count.

        An error makes the trial infeasible: it is never the best.
        """
        return ()

    @hookspec(firstresult=True)
    def autogsas_score(
        self, project: Project, result: Result, metrics: Metrics, findings: Sequence[Finding]
    ) -> float | None:
        """Called once for each finished trial; return what the search minimises. First answer wins; None: Rwp."""

    @hookspec
    def autogsas_after_step(self, project: Project, trial: int, step: StepResult) -> None:
        """Called after each step of each trial, in the host."""

    @hookspec
    def autogsas_after_trial(self, project: Project, record: TrialRecord) -> None:
        """Called after each trial, in the host."""

    @hookspec
    def autogsas_after_run(self, project: Project, folder: Path, summary: dict[str, Any]) -> None:
        """Called once at the end of a run, after its files are written.

        ``summary`` is the content of summary.json as plain data.
        """

    @hookspec
    def autogsas_report_section(self, project: Project, summary: dict[str, Any]) -> Section | None:
        """Called once when the report is written; return a section to add, or None.

        ``summary`` is the content of summary.json as plain data.
        """

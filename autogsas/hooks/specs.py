"""The hooks. A plugin implements any of them, each marked with ``@autogsas.hookimpl``.

Plugins that are registered last are called first: a project's own ``hooks.py`` before installed plugins, and those
before the built-ins. A hook marked "First answer wins" may return None to leave the answer to the next plugin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pluggy

from autogsas.hooks.backend import Backend, Capabilities
from autogsas.hooks.choices import Choose, Plan, Section, Seed
from autogsas.hooks.strategy import Strategy
from autogsas.model.advice import Candidate
from autogsas.model.instrument import Geometry, Instrument
from autogsas.model.inventory import Inventory
from autogsas.model.metrics import Metrics
from autogsas.model.pattern import Pattern
from autogsas.model.project import CellValues, Histogram, Project
from autogsas.model.recipe import Background, Free, Start, Step
from autogsas.model.result import Finding, Result, StepResult
from autogsas.model.structure import Phase
from autogsas.model.trial import Choices, TrialRecord

hookspec = pluggy.HookspecMarker("autogsas")
hookimpl = pluggy.HookimplMarker("autogsas")

__all__ = ["Specs", "hookimpl", "hookspec"]


class Specs:
    """The hook specifications, each named with the prefix ``autogsas_``."""

    @hookspec
    def autogsas_register_backends(self) -> Sequence[Backend]:
        """Called once when plugins are loaded; return the backends of this plugin. All answers count."""
        return ()

    @hookspec
    def autogsas_register_strategies(self) -> Sequence[Strategy]:
        """Called once when plugins are loaded; return the search strategies of this plugin. All answers count.

        A project selects a strategy by its name, ``search.space``; the choosing hooks of the plugin look there whether
        the project is theirs.
        """
        return ()

    @hookspec(firstresult=True)
    def autogsas_read_project(self, path: Path) -> Project | None:
        """Called once for a file or folder that is not a project.yaml and does not hold one; return the project.

        Return None if the format is not yours. First answer wins.
        """

    @hookspec(firstresult=True)
    def autogsas_read_inventory(self, path: Path) -> Inventory | None:
        """Called once by ``autogsas inspect`` for a file or folder of another program; return all that it holds.

        Every refinement flag, constraint and setting is an entry, also of a project that `autogsas_read_project`
        refuses. Nothing is refined. Raise UserError for a file that cannot be read. Return None if the format is not
        yours: then the inventory is made from the project. First answer wins.
        """

    @hookspec(firstresult=True)
    def autogsas_read_refinement(self, path: Path) -> tuple[Project, Result] | None:
        """Called for each file that is to be compared; return the finished refinement that an engine's file holds.

        The project is as `autogsas_read_project` returns it; the result has esds and curves, and nothing is refined
        again. Return None if the format is not yours. First answer wins.
        """

    @hookspec(firstresult=True)
    def autogsas_read_pattern(self, path: Path, bank: int | None) -> Pattern | None:
        """Called once for each data file; return the pattern.

        Return None if the format is not yours; raise UserError for a damaged file. First answer wins.
        """

    @hookspec(firstresult=True)
    def autogsas_read_structure(self, path: Path, block: str | None) -> Phase | None:
        """Called once for each phase file; return the phase, or None if the format is not yours. First answer wins."""

    @hookspec(firstresult=True)
    def autogsas_read_instrument(self, path: Path, bank: int | None) -> Instrument | None:
        """Called once for each instrument file; return the instrument, or None if the format is not yours.

        First answer wins.
        """

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
        """Called once for each trial and histogram; return its background. First answer wins."""

    @hookspec(firstresult=True)
    def autogsas_choose_start(
        self, choose: Choose, project: Project, capabilities: Capabilities
    ) -> Sequence[Start] | None:
        """Called once for each trial; return other starting values for phases than the project's. First answer wins.

        They are added to the first step; a start that the step itself has for a phase takes precedence.
        """

    @hookspec(firstresult=True)
    def autogsas_choose_geometry(
        self, choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
    ) -> Geometry | None:
        """Called once for each trial and histogram whose geometry is not declared; return one. First answer wins.

        Hooks that are called later see the project with this geometry. None keeps the assumed one.
        """

    @hookspec(firstresult=True)
    def autogsas_choose_profile(
        self, choose: Choose, project: Project, histogram: Histogram, capabilities: Capabilities
    ) -> Sequence[Free] | None:
        """Called once for each trial and histogram; return the profile groups to refine. First answer wins."""

    @hookspec(firstresult=True)
    def autogsas_choose_limits(
        self, choose: Choose, project: Project, histogram: Histogram
    ) -> tuple[float, float] | None:
        """Called once for each trial and histogram; return the 2theta range of the first steps. First answer wins."""

    @hookspec(firstresult=True)
    def autogsas_choose_groups(
        self, choose: Choose, project: Project, capabilities: Capabilities
    ) -> Sequence[Free] | None:
        """Called once for each trial; return all other groups to refine: cell, corrections, structure.

        First answer wins.
        """

    @hookspec(firstresult=True)
    def autogsas_order_steps(
        self, choose: Choose, project: Project, plan: Plan, capabilities: Capabilities
    ) -> Sequence[Step] | None:
        """Called once for each trial; return the steps for what was chosen, in order. First answer wins.

        The last step must refine everything over the project's full limits: the host scores its result.
        """

    @hookspec
    def autogsas_seed_recipes(self, project: Project, capabilities: Capabilities) -> Sequence[Seed]:
        """Called once a run; return trials to run before the sampler proposes. All answers count, in order."""
        return ()

    @hookspec
    def autogsas_list_candidates(self, project: Project, capabilities: Capabilities) -> Sequence[Candidate]:
        """Called for advice on a refinement; return what could be refined in addition. All answers count, in order.

        A candidate that is refined already is allowed; its gain is zero.
        """
        return ()

    @hookspec(firstresult=True)
    def autogsas_repair_trial(
        self, project: Project, record: TrialRecord, capabilities: Capabilities
    ) -> Choices | None:
        """Called for a trial that fits well but has an error among its findings; return repaired choices.

        They are tried next. Return None if nothing can be repaired. First answer wins.
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

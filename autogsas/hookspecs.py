"""The hooks. A plugin implements any of them, each marked with ``@autogsas.hookimpl``.

The order is pluggy's: what was registered last is asked first, so that a project's own ``hooks.py`` comes before
installed plugins, and those before the built-ins. "First answer wins" hooks may return None to pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pluggy

from autogsas.backend import Backend, Capabilities
from autogsas.instrument import Geometry, Instrument
from autogsas.metrics import Metrics
from autogsas.pattern import Pattern
from autogsas.project import Histogram, Project
from autogsas.recipe import Background, Free, Recipe, Start, Step
from autogsas.result import Finding, Result, StepResult
from autogsas.structure import Phase

hookspec = pluggy.HookspecMarker("autogsas")
hookimpl = pluggy.HookimplMarker("autogsas")

__all__ = ["Choose", "Plan", "Section", "Seed", "TrialRecord", "hookimpl", "hookspec"]

T = TypeVar("T", str, int, float, bool)


class Choose(Protocol):
    """How a hook makes a choice of the search: each call is one dimension, named, the same name always the same range.

    The sampler learns from the answers. A dimension asked for only in some trials is fine (conditional).
    """

    def category(self, name: str, options: Sequence[T]) -> T:
        """Choose one of the options."""
        ...

    def integer(self, name: str, low: int, high: int) -> int:
        """Choose an integer, both ends included."""
        ...

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        """Choose a real number; ``moving`` where the range depends on earlier choices, another one in each trial."""
        ...

    def yes(self, name: str) -> bool:
        """Choose yes or no."""
        ...


@dataclass(frozen=True)
class Plan:
    """What the choosing hooks decided for one trial, for ``autogsas_order_steps`` to make steps of.

    ``window`` is by histogram name: the 2theta range of the first steps.
    """

    backgrounds: tuple[Background, ...]
    profile: tuple[Free, ...]
    groups: tuple[Free, ...]
    window: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    """A trial to try before the sampler: values for the dimensions by name, or a whole recipe.

    Where ``strict`` is False, choices that nobody asks for or that are not offered are left to the sampler.
    """

    name: str
    choices: dict[str, Any] | None = None
    recipe: Recipe | None = None
    strict: bool = True


@dataclass(frozen=True)
class TrialRecord:
    """One finished trial as hooks and stores see it.

    ``state`` is "complete", "infeasible" (finished, but a finding is an error), "failed" or "pruned"; ``cause``
    says why where it is not "complete". ``origin`` is the seed's name, "search", or "trial N mended". ``ended`` is when
    it was over, in seconds since the run began, the scout and earlier sessions counted; None where an older version
    did not keep it.
    """

    number: int
    state: str
    origin: str
    recipe: Recipe
    choices: dict[str, Any]
    score: float | None = None
    metrics: Metrics | None = None
    steps: tuple[StepResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    cause: str = ""
    message: str = ""
    seconds: float = 0.0
    ended: float | None = None


@dataclass(frozen=True)
class Section:
    """A section a plugin adds to the report: plain text paragraphs and one table. All of it is shown as text."""

    title: str
    paragraphs: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


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
        """Called once at the end of a run, after its files are written."""

    @hookspec
    def autogsas_report_section(self, project: Project, summary: dict[str, Any]) -> Section | None:
        """Called once when the report is written; return a section to add, or None."""

"""The contract between the host and an engine.

A backend is registered by the hook ``autogsas_register_backends``. The host opens sessions only in a child process,
one session at a time, each on a copy of the project in the trial's own folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from autogsas.model.advice import Candidate, Gain
from autogsas.model.instrument import Geometry, Radiation
from autogsas.model.project import Project
from autogsas.model.recipe import BACKGROUNDS, BackgroundFunction, Group, Step
from autogsas.model.result import Result, StepResult

__all__ = ["AdvisingSession", "Backend", "Capabilities", "Probe", "Session", "StartWord"]

StartWord = Literal["cell", "sites", "axis", "geometry", "intensities", "broadening"]


@dataclass(frozen=True)
class Probe:
    """Whether a backend can be used here: its version, or the reason why not.

    ``details`` are pairs of a name and a text for ``autogsas doctor``; ``advice`` says how to make the backend usable.
    """

    available: bool
    version: str = ""
    reason: str = ""
    details: tuple[tuple[str, str], ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Capabilities:
    """What a backend can refine; the search space is cut to it.

    ``starts`` are the parts of a step's ``start``, ``geometry`` and ``intensities`` that its sessions apply;
    "broadening" means the models of size and strain. ``may_scout``: the engine is fast enough to search before a slower
    one. ``advises``: its sessions are `AdvisingSession`s.
    """

    groups: frozenset[Group]
    radiation: frozenset[Radiation] = frozenset({"xray", "neutron"})
    geometry: frozenset[Geometry] = frozenset({"Bragg-Brentano", "Debye-Scherrer"})
    backgrounds: tuple[BackgroundFunction, ...] = BACKGROUNDS
    several_phases: bool = True
    several_histograms: bool = True
    starts: frozenset[StartWord] = frozenset()
    outputs: tuple[str, ...] = ("best.py",)
    may_scout: bool = False
    advises: bool = False


@runtime_checkable
class Session(Protocol):
    """One open copy of a project in a backend. Not thread-safe; private to one process."""

    def refine(self, step: Step) -> StepResult:
        """Run one step. Raises BackendError if the engine failed, however it reports the failure."""
        ...

    def result(self) -> Result:
        """Return the current state, with curves over the project's full limits."""
        ...

    def save(self, folder: Path) -> None:
        """Write the engine's own files into ``folder``: ``best.py`` and others.

        The host writes ``best.cif`` from the result; a CIF of the engine is kept beside it under another name.
        """
        ...

    def close(self) -> None:
        """Release everything the session holds. May be called twice."""
        ...


@runtime_checkable
class AdvisingSession(Session, Protocol):
    """A session that can tell what refining more parameters would bring, from the derivatives of its pattern."""

    def copy(self) -> AdvisingSession:
        """Return another session in the same state, which goes its own way from here on."""
        ...

    def expected_gains(self, step: Step, candidates: Sequence[Candidate]) -> tuple[Gain, ...]:
        """Apply ``step`` without least squares and return the expected gain of each candidate, in their order.

        Raises BackendError where the pattern cannot be calculated.
        """
        ...


@runtime_checkable
class Backend(Protocol):
    """An engine behind the contract."""

    @property
    def name(self) -> str:
        """The name for ``--backend``: lower case, never changed."""
        ...

    def probe(self) -> Probe:
        """Return whether the engine can be used, without importing it into the host."""
        ...

    def capabilities(self) -> Capabilities:
        """Return what the engine can refine."""
        ...

    def open(self, project: Project, folder: Path) -> Session:
        """Open a session on ``project``, whose files are all in ``folder``, the trial's own.

        Raises BackendError; the cause "engine-missing" means that no trial can be run, and stops the run.
        """
        ...

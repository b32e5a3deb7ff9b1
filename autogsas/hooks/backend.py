"""What an engine must do to be a backend.

A backend is registered by the hook ``autogsas_register_backends``. The host asks it for sessions only inside a
child process of its own, one session at a time, each on a copy of the project in the trial's own folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from autogsas.model.instrument import Geometry, Radiation
from autogsas.model.project import Project
from autogsas.model.recipe import BACKGROUNDS, BackgroundFunction, Group, Step
from autogsas.model.result import Result, StepResult

__all__ = ["Backend", "Capabilities", "Probe", "Session", "StartWord"]

StartWord = Literal["cell", "sites", "axis", "geometry"]


@dataclass(frozen=True)
class Probe:
    """Whether a backend can be used here: its version, or the reason why not.

    ``details`` are names and texts about what was found, for ``autogsas doctor``; ``advice`` says what to do about a
    backend that cannot be used.
    """

    available: bool
    version: str = ""
    reason: str = ""
    details: tuple[tuple[str, str], ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Capabilities:
    """What a backend can refine; the search space is cut to it.

    ``starts`` are the parts of a step's ``start`` and ``geometry`` that its sessions obey.
    """

    groups: frozenset[Group]
    radiation: frozenset[Radiation] = frozenset({"xray", "neutron"})
    geometry: frozenset[Geometry] = frozenset({"Bragg-Brentano", "Debye-Scherrer"})
    backgrounds: tuple[BackgroundFunction, ...] = BACKGROUNDS
    several_phases: bool = True
    several_histograms: bool = True
    starts: frozenset[StartWord] = frozenset()
    outputs: tuple[str, ...] = ("best.py",)


@runtime_checkable
class Session(Protocol):
    """One open copy of a project in a backend. Not thread-safe; private to one process."""

    def refine(self, step: Step) -> StepResult:
        """Run one step. Raises BackendError where the engine failed, by whatever sign it shows it."""
        ...

    def result(self) -> Result:
        """Return the present state, with curves over the project's full limits."""
        ...

    def save(self, folder: Path) -> None:
        """Write the engine's own files into ``folder``: ``best.py`` and what else it has.

        The host writes ``best.cif`` from the result; an engine's own is kept beside it under another name.
        """
        ...

    def close(self) -> None:
        """Give back everything the session holds. May be called twice."""
        ...


@runtime_checkable
class Backend(Protocol):
    """An engine behind the contract."""

    @property
    def name(self) -> str:
        """The name for ``--backend``: lower case, stable."""
        ...

    def probe(self) -> Probe:
        """Say whether the engine can be used, without importing it into the host."""
        ...

    def capabilities(self) -> Capabilities:
        """Say what the engine can refine."""
        ...

    def open(self, project: Project, folder: Path) -> Session:
        """Open a session on ``project``, whose files all lie in ``folder``, the trial's own.

        Raises BackendError; its cause "engine-missing" says that no trial can be run at all, and stops the run.
        """
        ...

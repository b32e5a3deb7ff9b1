"""The numpy engine as a backend, registered like any other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from autogsas.builtin.numpy_engine.script import script_text
from autogsas.engine.session import EngineSession
from autogsas.hooks.backend import Backend, Capabilities, Probe, StartWord
from autogsas.hooks.specs import hookimpl
from autogsas.model.advice import Candidate, Gain
from autogsas.model.project import Project
from autogsas.model.recipe import ALL_BACKGROUNDS, GROUPS, Step
from autogsas.model.result import Result, StepResult
from autogsas.version import __version__

__all__ = ["NumpyBackend"]


class _Session:
    """An engine session, and the files it saves."""

    def __init__(self, project: Project, engine: EngineSession, done: Sequence[Step] = ()) -> None:
        self._project, self._engine, self._done = project, engine, list(done)

    def refine(self, step: Step) -> StepResult:
        done = self._engine.refine(step)
        self._done.append(step)
        return done

    def expected_gains(self, step: Step, candidates: Sequence[Candidate]) -> tuple[Gain, ...]:
        return self._engine.expected_gains(step, candidates)

    def copy(self) -> _Session:
        return _Session(self._project, self._engine.copy(), self._done)

    def result(self) -> Result:
        return self._engine.result()

    def save(self, folder: Path) -> None:
        (folder / "best.py").write_text(script_text(self._project, self._done), encoding="utf-8")

    def close(self) -> None:
        self._done.clear()


class NumpyBackend:
    """The numpy engine that comes with autogsas: always available."""

    name = "numpy"

    def probe(self) -> Probe:
        """Return that it is available."""
        return Probe(True, __version__)

    def capabilities(self) -> Capabilities:
        """Return what the engine can refine: everything."""
        starts: frozenset[StartWord] = frozenset(get_args(StartWord))
        return Capabilities(
            groups=frozenset(GROUPS),
            backgrounds=ALL_BACKGROUNDS,
            starts=starts,
            outputs=("best.py",),
            may_scout=True,
            advises=True,
        )

    def open(self, project: Project, folder: Path) -> _Session:
        """Open a session; the engine works on the project's plain data and needs no files."""
        return _Session(project, EngineSession(project, __version__))


@hookimpl
def autogsas_register_backends() -> list[Backend]:
    """Register the numpy engine."""
    return [NumpyBackend()]

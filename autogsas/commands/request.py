"""The settings of a run, filled in by the command line and by the Python interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autogsas.model.project import Scout

__all__ = ["RefineRequest", "RunRequest"]


@dataclass(frozen=True)
class RefineRequest:
    """How to refine by one recipe; None: as in the project.

    ``backend`` names the engine; ``timeout`` in seconds; ``out`` is the folder for the results; ``figures`` are formats
    of figures for print, such as "pdf,svg,png".
    """

    backend: str | None = None
    timeout: float | None = None
    out: Path | str | None = None
    figures: str | Sequence[str] = ()


@dataclass(frozen=True)
class RunRequest(RefineRequest):
    """How to search; None: as in the project.

    ``patience`` stops after so many trials without gain; ``scout`` is "auto", "off" or a number of trials of a faster
    engine before a slower one; ``like`` is the folder of an earlier run whose best recipes are tried first; ``resume``
    continues the last run, or the one in ``out``.
    """

    trials: int | None = None
    jobs: int | None = None
    seed: int | None = None
    patience: int | None = None
    scout: Scout | None = None
    like: Path | str | None = None
    resume: bool = False

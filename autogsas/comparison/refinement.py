"""A finished refinement as it is compared, from any source: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autogsas.crystal.endpoints import EndPoint
from autogsas.model.result import Finding, Parameter, Severity
from autogsas.runfolder.reader import Marks, Profile

__all__ = ["Figures", "Fit", "Kind", "Refinement"]

Kind = Literal["run", "recipe", "project", "cif"]


@dataclass(frozen=True)
class Figures:
    """Agreement factors over a refinement's own range; R factors in per cent, None if unknown."""

    rwp: float | None
    rexp: float | None = None
    gof: float | None = None
    chi2: float | None = None
    bic: float | None = None
    n_observations: int | None = None
    n_variables: int | None = None


@dataclass(frozen=True)
class Fit:
    """The fit of one histogram over its own ``limits`` in degrees 2theta.

    ``r_bragg`` is in per cent by phase; ``background`` is the function, "" if unknown, with ``terms`` terms.
    """

    profile: Profile
    limits: tuple[float, float]
    excluded: tuple[tuple[float, float], ...] = ()
    rwp: float | None = None
    r_bragg: tuple[tuple[str, float | None], ...] = ()
    background: str = ""
    terms: int = 0
    marks: tuple[Marks, ...] = ()

    @property
    def name(self) -> str:
        """The histogram's name."""
        return self.profile.histogram


@dataclass(frozen=True)
class Refinement:
    """A finished refinement, or a structure without a fit, from a CIF.

    ``groups`` are the recipe's words for what was refined at its end; ``order`` says step by step what was done, where
    that is known. ``end`` is the structure with its esds.
    """

    label: str
    kind: Kind
    source: str
    engine: str
    figures: Figures
    fits: tuple[Fit, ...]
    findings: tuple[Finding, ...]
    parameters: tuple[Parameter, ...]
    end: EndPoint
    groups: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def impossible(self) -> tuple[Finding, ...]:
        """The findings that are errors: the model is impossible, or the refinement has not converged."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def fitted(self) -> bool:
        """Whether there is a fit, not only a structure."""
        return bool(self.fits)

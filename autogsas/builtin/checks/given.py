"""Which values of a result are the project's own: not refined, and as the project gives them.

A recipe may refine a value in an early step and fix it later, or start from another one: what counts is that the value
has no esd and has not changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autogsas.builtin.checks.limits import LIMITS
from autogsas.model.project import Project
from autogsas.model.result import ParameterGroup, Result
from autogsas.model.structure import Phase, Site

__all__ = ["Given"]

_CLOSE = 1e-6  # Angstrom^2 and occupancies: the digits that engines keep in their files
_CLOSE_PLACE = 1e-4  # fractional: engines move an atom at 0.333 onto its special position
_CLOSE_TENSOR = 1e-4  # Angstrom^2: engines make rounded tensors obey the symmetry of their site
_DISPLACEMENTS: tuple[ParameterGroup, ...] = ("uiso", "uiso_shared", "uaniso")


@dataclass(frozen=True)
class Given:
    """The phases of a project by name, and what a result refined: group, phase and site."""

    phases: Mapping[str, Phase]
    refined: frozenset[tuple[ParameterGroup, str | None, str | None]]

    @classmethod
    def of(cls, project: Project, result: Result) -> Given:
        """Return what the project gives and the result refined."""
        refined = frozenset((p.group, p.phase, p.site) for p in result.parameters if p.esd is not None)
        return cls({phase.name: phase for phase in project.phases}, refined)

    def cell(self, phase: Phase) -> bool:
        """Whether the cell of a phase is the project's, or as near to it as refined ones are."""
        before = self.phases.get(phase.name)
        return before is not None and np.allclose(
            phase.cell.values(), before.cell.values(), rtol=LIMITS.cell_moved, atol=0.0
        )

    def place(self, phase: Phase, site: Site) -> bool:
        """Whether the coordinates of a site are the project's."""
        before = self._site(phase, site)
        return (
            before is not None
            and not self._refined(("positions",), phase, site)
            and np.allclose(site.xyz, before.xyz, rtol=0.0, atol=_CLOSE_PLACE)
        )

    def occupancy(self, phase: Phase, site: Site) -> bool:
        """Whether the occupancy of a site is the project's."""
        before = self._site(phase, site)
        return (
            before is not None
            and not self._refined(("occupancy",), phase, site)
            and abs(site.occupancy - before.occupancy) <= _CLOSE
        )

    def displacement(self, phase: Phase, site: Site) -> bool:
        """Whether the U of a site, isotropic or a tensor, is the project's."""
        before = self._site(phase, site)
        if before is None or self._refined(_DISPLACEMENTS, phase, site):
            return False
        if site.uaniso is None or before.uaniso is None:
            return site.uaniso is before.uaniso and abs(site.uiso - before.uiso) <= _CLOSE
        return np.allclose(site.uaniso, before.uaniso, rtol=0.0, atol=_CLOSE_TENSOR)

    def _site(self, phase: Phase, site: Site) -> Site | None:
        before = self.phases.get(phase.name)
        return next((one for one in before.sites if one.label == site.label), None) if before else None

    def _refined(self, groups: tuple[ParameterGroup, ...], phase: Phase, site: Site) -> bool:
        return any((group, phase.name, site.label) in self.refined for group in groups)

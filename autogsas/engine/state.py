"""The model between the steps of a recipe: its layout, its raw parameters, and the refined variables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from autogsas.crystal.starts import start_cell, start_sites
from autogsas.crystal.symmetry import cell_to_metric
from autogsas.crystal.tensors import isotropic_tensor
from autogsas.engine.parameters import INSTRUMENT, Layout, Variable
from autogsas.errors import BackendError
from autogsas.model.instrument import Geometry
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Start, Step
from autogsas.model.structure import Phase

__all__ = ["ModelState"]

Array = npt.NDArray[np.float64]

_ISOTROPIC = ("uiso", "uiso_shared")
# What intensities from the pattern absorb.
_ABSORBED = ("scale", "preferred_orientation", "positions", "uiso", "uiso_shared", "uaniso", "occupancy")
_BY_GEOMETRY = ("shift1", "shift2", "absorption")


class ModelState:
    """The model between steps: ``project`` as changed so far, ``layout`` and ``raw`` (see `Layout`), ``free``.

    A change of geometry, of an axis or from isotropic to anisotropic makes a new layout with every raw parameter
    in the same place; ``free`` are the variables by name. Raises ValueError where the structure is impossible.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.layout = Layout(project)
        self.raw = self.layout.start()
        self.free: dict[str, Variable] = {}

    def apply(self, step: Step) -> None:
        """Apply a step's starts, geometry, intensities, settings, freed and fixed groups.

        Raises BackendError("recipe", ...) for a start that the symmetry forbids.
        """
        for h, histogram in enumerate(self.project.histograms):
            geometry = step.geometry_for(histogram.name)
            if geometry not in (None, histogram.instrument.geometry):
                self._set_geometry(h, geometry)
        for start in step.start:
            self._start(start)
        if step.intensities is not None:
            self._free_intensities()
        for setting in step.set:
            where = self.layout.indices(setting.group, setting.phase, setting.histogram, setting.site)
            self.raw[where] = setting.value
        self.layout.bind(self.raw)
        shared: dict[int, set[int]] = {}
        for free in step.free:
            self._free(free, shared)
        for fixed in step.fix:
            for variable in self.layout.variables([fixed]):
                if variable.group in _ISOTROPIC:
                    self._release(variable.indices)
                self.free.pop(variable.name, None)

    def _free(self, free: Free, shared: dict[int, set[int]]) -> None:
        """Free a group; ``shared`` are the isotropic U that this step has made equal so far, by phase."""
        if free.group == "uaniso":
            self._make_tensors(free)
        for variable in self.layout.variables([free]):
            if variable.group == "uiso_shared":
                # All sites of a phase that one step names share one U.
                together = shared.setdefault(self.layout.owner(variable.indices[0])[0], set())
                together.update(variable.indices)
                self.raw[list(together)] = np.mean(self.raw[list(together)])
                self._release(together)
                variable = self.layout.shared_uiso(together)
            elif variable.group == "uiso":
                self._release(variable.indices)
            self.free[variable.name] = variable

    def _release(self, indices: Collection[int]) -> None:
        """Fix isotropic U; the other sites that shared a U with them still share it."""
        for name, variable in list(self.free.items()):
            if variable.group in _ISOTROPIC and not set(indices).isdisjoint(variable.indices):
                del self.free[name]
                rest = [index for index in variable.indices if index not in indices]
                if rest and variable.group == "uiso_shared":
                    left = self.layout.shared_uiso(rest)
                    self.free[left.name] = left

    def _make_tensors(self, free: Free) -> None:
        """Give the isotropic sites of ``free`` the tensors of their U."""
        phases = list(self.project.phases)
        for p, state in enumerate(self.layout.phases):
            if free.phase not in (None, state.phase.name) or state.free_intensities:
                continue
            sites = list(state.phase.sites)
            for s, site in enumerate(sites):
                there = [sites[i].label for i in state.together(s)]
                if site.uaniso is not None or (free.site is not None and free.site not in there):
                    continue
                uiso, metric = float(self.raw[self.layout.uiso[p][s]]), self.raw[self.layout.cell[p]]
                tensor = isotropic_tensor(uiso, metric, state.sites[s].u_basis)
                self.raw[self.layout.uaniso[p][s]] = tensor
                u11, u22, u33, u12, u13, u23 = (float(v) for v in tensor)
                sites[s] = replace(site, uaniso=(u11, u22, u33, u12, u13, u23))
                self._release([int(self.layout.uiso[p][s])])
            phases[p] = replace(state.phase, sites=tuple(sites))
        if phases != list(self.project.phases):
            self._rebuild(replace(self.project, phases=tuple(phases)))

    def _set_geometry(self, h: int, geometry: Geometry) -> None:
        histogram = self.project.histograms[h]
        changed = replace(histogram, instrument=replace(histogram.instrument, geometry=geometry))
        histograms = self.project.histograms
        self._rebuild(replace(self.project, histograms=(*histograms[:h], changed, *histograms[h + 1 :])))
        # Their values have no meaning in the other geometry.
        places = [int(self.layout.instrument[h][INSTRUMENT.index(key)]) for key in _BY_GEOMETRY]
        self.raw[places] = (0.0, 0.0, histogram.absorption if geometry == "Debye-Scherrer" else 0.0)
        self.free = {name: one for name, one in self.free.items() if one.indices[0] not in places}

    def _start(self, start: Start) -> None:
        p = next(p for p, state in enumerate(self.layout.phases) if state.phase.name == start.phase)
        state = self.layout.phases[p]
        labels = [site.label for site in state.phase.sites]
        try:
            if start.cell is not None:
                self.raw[self.layout.cell[p]] = cell_to_metric(start_cell(state, start.cell))
            for label, place in start_sites(state, start.sites).items():
                self.raw[self.layout.xyz[p][labels.index(label)]] = place
        except ValueError as error:
            raise BackendError("recipe", str(error)) from error
        if start.axis is not None and start.axis != state.phase.specimen.orientation.axis:
            orientation = replace(state.phase.specimen.orientation, axis=start.axis)
            self._replace(p, replace(state.phase, specimen=replace(state.phase.specimen, orientation=orientation)))

    def _free_intensities(self) -> None:
        """Take the intensities of all phases from the pattern, and refine nothing any more that they absorb."""
        if all(state.free_intensities for state in self.layout.phases):
            return
        self._rebuild(
            replace(self.project, phases=tuple(replace(p, intensities="Le Bail") for p in self.project.phases))
        )
        self.free = {name: one for name, one in self.free.items() if one.group not in _ABSORBED}

    def _replace(self, p: int, phase: Phase) -> None:
        phases = self.project.phases
        self._rebuild(replace(self.project, phases=(*phases[:p], phase, *phases[p + 1 :])))

    def _rebuild(self, project: Project) -> None:
        self.project = project
        self.layout = Layout(project)

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
from autogsas.engine.remodelling import changed, isotropic_as, remodelled
from autogsas.errors import BackendError
from autogsas.model.instrument import Geometry
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Group, Setting, Start, Step
from autogsas.model.sample import Specimen
from autogsas.model.structure import Phase

__all__ = ["ModelState"]

Array = npt.NDArray[np.float64]

_ISOTROPIC = ("uiso", "uiso_shared")
# What intensities from the pattern absorb.
_ABSORBED = ("scale", "preferred_orientation", "positions", "uiso", "uiso_shared", "uaniso", "occupancy")
_BY_GEOMETRY = ("shift1", "shift2", "absorption")


class ModelState:
    """The model between steps: ``project`` as changed so far, ``layout`` and ``raw`` (see `Layout`), ``free``.

    A change of geometry, of an axis, of broadening or from isotropic to anisotropic makes a new layout with every raw
    parameter in the same place; ``free`` are the variables by name. Raises ValueError where the structure is
    impossible.
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
            self._set(setting)
        self.layout.bind(self.raw)
        shared: dict[int, set[int]] = {}
        for free in step.free:
            self._free(free, shared)
        for fixed in step.fix:
            for variable in self.layout.variables([fixed]):
                if variable.group in _ISOTROPIC:
                    self._release(variable.indices)
                self.free.pop(variable.name, None)

    def _set(self, setting: Setting) -> None:
        if setting.group in ("size", "strain"):
            # S_hkl are not all the same number where the strain is the same in all directions.
            for p, h in self._pairs(setting.phase, setting.histogram):
                place, phase = self.layout.pair[p][h], self.layout.phases[p].phase
                metric = self.raw[self.layout.cell[p]]
                self.raw[place] = isotropic_as(setting.group, phase, setting.value, self.raw[place], metric)
            return
        where = self.layout.indices(setting.group, setting.phase, setting.histogram, setting.site)
        self.raw[where] = setting.value

    def _pairs(self, phase: str | None, histogram: str | None) -> list[tuple[int, int]]:
        return [
            (p, h)
            for p, state in enumerate(self.layout.phases)
            for h, one in enumerate(self.layout.histograms)
            if phase in (None, state.phase.name) and histogram in (None, one.name)
        ]

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
        self._respecimen(p, start.specimen(state.phase.specimen))

    def _respecimen(self, p: int, specimen: Specimen) -> None:
        """Give a phase another axis of orientation, and other models of size and strain.

        What was refined stays refined.
        """
        before = self.layout.phases[p].phase
        kinds: dict[Group, bool] = {
            "size": changed(before.specimen.size, specimen.size),
            "strain": changed(before.specimen.strain, specimen.strain),
        }
        if not any(kinds.values()) and specimen.orientation == before.specimen.orientation:
            return
        refined = {
            (kind, h)
            for kind, differs in kinds.items()
            for h, histogram in enumerate(self.layout.histograms)
            if differs and self._take_out(Free(group=kind, phase=before.name, histogram=histogram.name))
        }
        self._replace(p, replace(before, specimen=specimen))
        after, metric = self.layout.phases[p].phase, self.raw[self.layout.cell[p]]
        for place in self.layout.pair[p]:
            for kind in kinds:
                self.raw[place] = remodelled(kind, before, after, self.raw[place], metric)
        for kind, h in sorted(refined):
            free = Free(group=kind, phase=before.name, histogram=self.layout.histograms[h].name)
            self.free |= {one.name: one for one in self.layout.variables([free])}

    def _take_out(self, free: Free) -> bool:
        """Fix a group; return whether it was free."""
        found = [self.free.pop(one.name, None) for one in self.layout.variables([free])]
        return any(one is not None for one in found)

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

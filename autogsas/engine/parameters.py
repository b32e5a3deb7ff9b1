"""The raw parameters of a model, and the variables that symmetry and constraints leave.

The raw parameters are one flat vector. A variable is a direction in it: the raw vector is
``start + directions @ variables``, so that special positions, a cubic cell and equal U are described in one way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.phases import PhaseState
from autogsas.crystal.symmetry import cell_to_metric
from autogsas.engine.pairs import PAIR, pair_keys, pair_start
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import GROUPS, Free, Group

__all__ = ["INSTRUMENT", "Layout", "Variable", "instrument_name"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# A histogram's raw parameters in their order; the two corrections are displacement and transparency in
# Bragg-Brentano, displacement along x and along y in Debye-Scherrer.
INSTRUMENT: tuple[str, ...] = ("zero", "shift1", "shift2", "U", "V", "W", "X", "Y", "Z", "SH/L", "absorption")
_WIDEST_VARIANCE, _WIDEST_GAMMA = 1e5, 1e3  # centidegree^2 and centidegree: peaks several degrees wide
UISO_BOUNDS = (0.0, 2.0)  # Angstrom^2
LEAST_SHL = 0.002  # the smallest axial divergence that GSAS-II uses


@dataclass(frozen=True)
class Variable:
    """One refined direction: raw ``indices`` with ``coefficients``, and the bounds of the first of them."""

    name: str
    group: Group
    indices: tuple[int, ...]
    coefficients: tuple[float, ...]
    lower: float = -np.inf
    upper: float = np.inf
    linear: bool = False


class Layout:
    """The places of a project's raw parameters in the flat vector, and the variables of its groups.

    Backgrounds are not included: their number of terms changes from step to step.
    """

    def __init__(self, project: Project) -> None:
        self.phases = tuple(PhaseState.of(phase) for phase in project.phases)
        self.histograms = project.histograms
        self._size = 0
        self.cell = [self._take(6) for _ in self.phases]
        counts = [len(state.phase.sites) for state in self.phases]
        self.xyz = [self._take(3 * n).reshape(n, 3) for n in counts]
        self.uiso = [self._take(n) for n in counts]
        self.occupancy = [self._take(n) for n in counts]
        self.uaniso = [self._take(6 * n).reshape(n, 6) for n in counts]
        self.instrument = [self._take(len(INSTRUMENT)) for _ in self.histograms]
        self.pair = [[self._take(len(PAIR)) for _ in self.histograms] for _ in self.phases]
        self.size = self._size

    def _take(self, count: int) -> Ints:
        found = np.arange(self._size, self._size + count)
        self._size += count
        return found

    def start(self) -> Array:
        """Return the raw vector of the project's own values, special positions and cells made exact.

        Raises ValueError where occupancies exceed their constrained sum, and for a wrong number of S_hkl.
        """
        raw = np.zeros(self.size)
        for p, state in enumerate(self.phases):
            basis = state.symmetry.metric_basis()
            metric = cell_to_metric(state.phase.cell.values())
            raw[self.cell[p]] = basis @ np.linalg.lstsq(basis, metric, rcond=None)[0]
            for s, (site, symmetric) in enumerate(zip(state.phase.sites, state.sites, strict=True)):
                raw[self.xyz[p][s]] = symmetric.xyz
                raw[self.uiso[p][s]] = site.uiso
                raw[self.occupancy[p][s]] = site.occupancy
                row = state.sum_of(s)
                if row is not None and state.remainder(row) == s:
                    others = sum(state.phase.sites[i].occupancy for i in np.flatnonzero(state.sums[row]) if i != s)
                    raw[self.occupancy[p][s]] = state.totals[row] - others
                    if raw[self.occupancy[p][s]] < 0:
                        raise ValueError(f"the occupancies summed with {site.label!r} exceed their total")
                if site.uaniso is not None:
                    u_basis = symmetric.u_basis
                    tensor = np.array(site.uaniso)
                    raw[self.uaniso[p][s]] = u_basis @ np.linalg.lstsq(u_basis, tensor, rcond=None)[0]
            for h in range(len(self.histograms)):
                raw[self.pair[p][h]] = pair_start(state.phase, raw[self.cell[p]])
        for h, histogram in enumerate(self.histograms):
            i = histogram.instrument
            raw[self.instrument[h]] = (
                i.zero,
                0.0,
                0.0,
                i.U,
                i.V,
                i.W,
                i.X,
                i.Y,
                i.Z,
                max(i.SH_L, LEAST_SHL),
                histogram.absorption,
            )
        return raw

    def bind(self, raw: Array) -> None:
        """Update in ``raw`` what follows from other raw parameters: one occupancy of each sum."""
        for p, state in enumerate(self.phases):
            for row, total in enumerate(state.totals):
                rest = state.remainder(row)
                others = [i for i in np.flatnonzero(state.sums[row]) if i != rest]
                raw[self.occupancy[p][rest]] = total - raw[self.occupancy[p][others]].sum()

    def anisotropic(self, p: int) -> npt.NDArray[np.bool_]:
        """Return which sites of phase ``p`` have a displacement tensor."""
        return np.array([site.uaniso is not None for site in self.phases[p].phase.sites], dtype=bool)

    def indices(self, group: Group, phase: str | None, histogram: str | None, site: str | None) -> Ints:
        """Return the raw parameters of a group, narrowed to a phase, histogram or site."""
        names = self._names(Free(group=group, phase=phase, histogram=histogram, site=site))
        return np.array(sorted({i for variable in names for i in variable.indices}), dtype=np.int64)

    def variables(self, frees: Iterable[Free]) -> list[Variable]:
        """Return the variables of freed groups, each once, in the order of the raw vector."""
        found = {variable.name: variable for free in frees for variable in self._names(free)}
        return sorted(found.values(), key=lambda variable: variable.indices[0])

    def _names(self, free: Free) -> list[Variable]:
        maker: Callable[[Free], list[Variable]]
        kind = GROUPS[free.group].of
        if free.group == "background":
            return []
        if free.group == "cell":
            maker = self._cell
        elif free.group == "uiso_shared":
            maker = self._shared
        elif kind == "site":
            maker = self._site
        elif kind == "histogram":
            maker = self._instrument
        else:
            maker = self._pair
        return maker(free)

    def _cell(self, free: Free) -> list[Variable]:
        out = []
        for p, state in self._phases(free):
            basis = state.symmetry.metric_basis()
            for column in basis.T:
                used = np.flatnonzero(column)
                # A direction is named after the cell constant of its first metric component.
                name = f"{state.phase.name}:{('a', 'b', 'c', 'gamma', 'beta', 'alpha')[used[0]]}"
                out.append(Variable(name, "cell", tuple(self.cell[p][used].tolist()), tuple(column[used].tolist())))
        return out

    def _site(self, free: Free) -> list[Variable]:
        out: list[Variable] = []
        for p, state in self._phases(free):
            if state.free_intensities:
                continue
            for s, site in enumerate(state.phase.sites):
                shared = state.together(s)
                wanted = free.site is None or free.site in [state.phase.sites[i].label for i in shared]
                if free.group == "occupancy":
                    wanted = free.site in (None, site.label)
                    row = state.sum_of(s)
                    if row is not None:
                        # The dependent site has no variable of its own; freeing it frees the others.
                        rest = state.remainder(row)
                        wanted = s != rest and (wanted or free.site == state.phase.sites[rest].label)
                elif state.places[s] != s:
                    continue
                if wanted:
                    out += self._site_variables(free.group, p, s, shared)
        return out

    def _site_variables(self, group: Group, p: int, s: int, shared: list[int]) -> list[Variable]:
        state = self.phases[p]
        site, symmetric = state.phase.sites[s], state.sites[s]
        where = f"{state.phase.name}:{site.label}"
        out: list[Variable] = []
        if group == "positions":
            for column in symmetric.position_basis.T:
                used = np.flatnonzero(column)
                indices = tuple(int(index) for i in shared for index in self.xyz[p][i][used])
                out.append(Variable(f"{where}:{'xyz'[used[0]]}", group, indices, tuple(column[used]) * len(shared)))
        elif group == "uaniso" and site.uaniso is not None:
            for column in symmetric.u_basis.T:
                used = np.flatnonzero(column)
                name = f"{where}:U{('11', '22', '33', '12', '13', '23')[used[0]]}"
                lower = 0.0 if used[0] < 3 else -np.inf
                tensors = [i for i in shared if state.phase.sites[i].uaniso is not None]
                indices = tuple(int(index) for i in tensors for index in self.uaniso[p][i][used])
                out.append(Variable(name, group, indices, tuple(column[used]) * len(tensors), lower))
        elif group == "uiso" and site.uaniso is None:
            same = [i for i in shared if state.phase.sites[i].uaniso is None]
            indices = tuple(int(self.uiso[p][i]) for i in same)
            out.append(Variable(f"{where}:Uiso", group, indices, (1.0,) * len(same), *UISO_BOUNDS))
        elif group == "occupancy":
            index, row = int(self.occupancy[p][s]), state.sum_of(s)
            upper = max(1.0, site.occupancy)
            if row is None:
                out.append(Variable(f"{where}:occupancy", group, (index,), (1.0,), 0.0, upper))
            else:
                pair = (index, int(self.occupancy[p][state.remainder(row)]))
                out.append(Variable(f"{where}:occupancy", group, pair, (1.0, -1.0), 0.0, min(upper, state.totals[row])))
        return out

    def _shared(self, free: Free) -> list[Variable]:
        out = []
        for p, state in self._phases(free):
            if state.free_intensities:
                continue
            isotropic = np.flatnonzero(~self.anisotropic(p)).tolist()
            labels = [[state.phase.sites[i].label for i in state.together(s)] for s in isotropic]
            wanted = [s for s, there in zip(isotropic, labels, strict=True) if free.site is None or free.site in there]
            if wanted:
                out.append(self.shared_uiso(self.uiso[p][wanted].tolist()))
        return out

    def shared_uiso(self, indices: Iterable[int]) -> Variable:
        """Return the variable that moves the isotropic U at raw ``indices`` of one phase together."""
        ordered = tuple(sorted(indices))
        p, s = self.owner(ordered[0])
        name = f"{self.phases[p].phase.name}:{self.phases[p].phase.sites[s].label}:Uiso"
        return Variable(name, "uiso_shared", ordered, (1.0,) * len(ordered), *UISO_BOUNDS)

    def owner(self, index: int) -> tuple[int, int]:
        """Return the phase and the site whose isotropic U is at a raw index."""
        p = next(p for p, places in enumerate(self.uiso) if index in places)
        return p, int(index - self.uiso[p][0])

    def _instrument(self, free: Free) -> list[Variable]:
        out = []
        for h, histogram in self._histograms(free):
            for key, lower, upper in _instrument_keys(free.group, histogram):
                index = int(self.instrument[h][INSTRUMENT.index(key)])
                name = f"{histogram.name}:{instrument_name(key, histogram)}"
                out.append(Variable(name, free.group, (index,), (1.0,), lower, upper))
        return out

    def _pair(self, free: Free) -> list[Variable]:
        out = []
        for p, state in self._phases(free):
            # Le Bail intensities absorb the scale and every other factor on them.
            if state.free_intensities and free.group in ("scale", "preferred_orientation"):
                continue
            for h, histogram in self._histograms(free):
                for one in pair_keys(free.group, state.phase):
                    index = int(self.pair[p][h][PAIR.index(one.key)])
                    name = f"{state.phase.name}:{histogram.name}:{one.name}"
                    linear = one.key == "scale"
                    out.append(Variable(name, free.group, (index,), (1.0,), one.lower, one.upper, linear=linear))
        return out

    def histograms_of(self, variable: Variable) -> set[int]:
        """Return the histograms whose patterns a variable moves."""
        first = variable.indices[0]
        own = {h for h, indices in enumerate(self.instrument) if first in indices}
        own |= {h for pairs in self.pair for h, indices in enumerate(pairs) if first in indices}
        return own or set(range(len(self.histograms)))

    def _phases(self, free: Free) -> list[tuple[int, PhaseState]]:
        return [(p, s) for p, s in enumerate(self.phases) if free.phase in (None, s.phase.name)]

    def _histograms(self, free: Free) -> list[tuple[int, Histogram]]:
        return [(h, x) for h, x in enumerate(self.histograms) if free.histogram in (None, x.name)]


def instrument_name(key: str, histogram: Histogram) -> str:
    """Return GSAS-II's name of a raw instrument parameter in this histogram's geometry."""
    if key == "shift1":
        return "Shift" if histogram.instrument.geometry == "Bragg-Brentano" else "DisplaceX"
    if key == "shift2":
        return "Transparency" if histogram.instrument.geometry == "Bragg-Brentano" else "DisplaceY"
    return {"zero": "Zero", "absorption": "Absorption"}.get(key, key)


def _instrument_keys(group: Group, histogram: Histogram) -> list[tuple[str, float, float]]:
    flat = histogram.instrument.geometry == "Bragg-Brentano"
    if group == "displacement":
        keys = ["shift1"] if flat else ["shift1", "shift2"]
        return [(key, -1e4, 1e4) for key in keys]
    if group == "transparency":
        return [("shift2", -1e3, 1e3)] if flat else []
    if group == "SH/L":
        return [("SH/L", LEAST_SHL, 0.3)]
    if group in ("U", "V", "W"):
        return [(group, -_WIDEST_VARIANCE, _WIDEST_VARIANCE)]
    if group in ("X", "Y", "Z"):
        return [(group, -_WIDEST_GAMMA, _WIDEST_GAMMA)]
    if group == "zero":
        return [("zero", -5.0, 5.0)]
    if group == "absorption":
        return [] if flat else [("absorption", 0.0, 30.0)]
    return []

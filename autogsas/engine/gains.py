"""How much chi^2 would fall if more parameters were refined: the score test, from one evaluation of derivatives."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autogsas.crystal.tensors import isotropic_tensor
from autogsas.engine.normal_equations import Linearised
from autogsas.engine.objective import Points
from autogsas.engine.orienting import Orienting, texture_of
from autogsas.engine.pairs import PAIR, pair_keys
from autogsas.engine.parameters import Variable
from autogsas.engine.pattern_model import PatternModel
from autogsas.engine.problem import RietveldProblem
from autogsas.engine.profile import ALL_KINDS
from autogsas.engine.remodelling import remodelled
from autogsas.engine.score import BlockGain, block_gain
from autogsas.engine.state import ModelState
from autogsas.model.advice import Candidate, Change, Gain
from autogsas.model.metrics import bic_fall
from autogsas.model.recipe import Step
from autogsas.model.structure import Phase

__all__ = ["Situation", "as_gain", "needs_own_layout", "with_candidate"]

Array = npt.NDArray[np.float64]

# Of a size or strain: the step of a difference of models that are smooth in it.
_DIFFERENCE = 1e-4
# Of chi^2: the most that is believed of a linear estimate.
_MOST = 0.98

_Place = tuple[tuple[int, ...], tuple[float, ...]]
"""What makes two variables the same: their raw parameters and their direction."""


@dataclass(frozen=True)
class Situation:
    """A model as it is: the variables that are refined, raw parameters and background coefficients, and chi^2."""

    state: ModelState
    models: Sequence[PatternModel]
    points: Sequence[Points]
    refined: Mapping[_Place, Variable]
    raw: Array
    coefficients: tuple[Array, ...]
    chi2: float

    @classmethod
    def of(
        cls,
        state: ModelState,
        models: Sequence[PatternModel],
        points: Sequence[Points],
        coefficients: Sequence[Array],
    ) -> Situation:
        """Return the situation of a state, scales and backgrounds at their best.

        Raises ValueError where the pattern cannot be calculated.
        """
        refined = _by_place(state.free.values())
        problem = RietveldProblem(state.layout, models, points, state.raw, coefficients, list(refined.values()))
        values, chi2 = problem.objective().settle(problem.start())
        if not np.isfinite(chi2):
            raise ValueError("the pattern cannot be calculated from these values")
        best = tuple(problem.coefficients(h, values) for h in range(len(points)))
        return cls(state, models, points, refined, problem.raw(values), best, chi2)

    def draw(self) -> None:
        """Evaluate the shapes of all peaks with all their derivatives, which other situations then share."""
        for model in self.models:
            for p, plan in enumerate(model.plans):
                model.phase(p, self.raw, kinds=ALL_KINDS, plan=plan)

    def orienting(self) -> Orienting:
        """Return what gives the gain of preferred orientation along any axis."""
        ordered = sorted(self.refined.values(), key=lambda one: one.indices[0])
        problem = RietveldProblem(self.state.layout, self.models, self.points, self.raw, self.coefficients, ordered)
        parts = problem.objective().weighted(problem.start())
        roots = [np.sqrt(part.weights) for part in self.points]
        return Orienting(self.state.layout, self.models, self.raw, parts, roots)

    def own_gains(self, candidates: Sequence[Candidate]) -> list[BlockGain]:
        """Return the gains of candidates that change the model first."""
        if not candidates:
            return []
        self.draw()
        orienting: Orienting | None = None
        out = []
        for one in candidates:
            texture = texture_of(one, self.state.layout, self.raw)
            if texture is None:
                out.append(self._gain_elsewhere(one))
                continue
            orienting = orienting or self.orienting()
            out.append(orienting.gain(texture))
        return out

    def _gain_elsewhere(self, candidate: Candidate) -> BlockGain:
        changed = with_candidate(self.state, candidate)
        try:
            there = self.changed_to(changed)
            return there.gain_from(candidate, self) if candidate.set else there.gain_beyond(candidate, self)
        except ValueError:
            return BlockGain(0.0, 0, np.zeros(0), np.zeros(0))

    def gain_from(self, candidate: Candidate, before: Situation) -> BlockGain:
        """Return the gain of a candidate whose values are changed here, over what the model was ``before``.

        From the changed values, chi^2 less what one Gauss-Newton step of all variables would gain: a linear estimate
        from another point, for parameters that chi^2 has no slope in where they begin. With March and Dollase's ratio 1
        the slope of an intensity is -3 P2(cos a), averaged over its equivalents: the same for all axes of a trigonal,
        tetragonal or hexagonal crystal but for a factor, and zero for a cubic one.
        """
        blocks, here, place = self._linearised([candidate])
        found = block_gain(here, [], range(here.gradient.size))
        added = [key for key in blocks[0] if key not in self.refined]
        columns = [place[key] for key in added]
        names = tuple(blocks[0][key].name for key in added)
        was = before.raw[[blocks[0][key].indices[0] for key in added]]
        now = self.raw[[blocks[0][key].indices[0] for key in added]]
        return BlockGain(
            gain=max(before.chi2 - (here.chi2 - found.gain), 0.0),
            freedoms=len(added),
            shifts=now + found.shifts[columns] - was,
            variances=found.variances[columns],
            names=names,
            values=was,
        )

    def gain_beyond(self, candidate: Candidate, before: Situation) -> BlockGain:
        """Return the gain of a candidate whose model is changed here, less what the change itself costs.

        A new model mostly begins with the pattern of the old one; another axis of broadening, say, does not.
        """
        blocks, here, place = self._linearised([candidate])
        found = self._gain(blocks[0], here, place)
        return replace(found, gain=max(found.gain - max(here.chi2 - before.chi2, 0.0), 0.0))

    def gains(self, candidates: Sequence[Candidate]) -> list[BlockGain]:
        """Return the gain of each candidate, from one evaluation of the derivatives of all of them."""
        blocks, here, place = self._linearised(candidates)
        return [self._gain(block, here, place) for block in blocks]

    def changed_to(self, state: ModelState) -> Situation:
        """Return the situation of a state with another layout and some other values, scales and backgrounds as here.

        Raises ValueError where the structure is impossible.
        """
        models = [PatternModel.beside(model, state.layout, state.raw) for model in self.models]
        refined = _by_place(state.free.values())
        return replace(self, state=state, models=models, refined=refined, raw=state.raw, chi2=math.nan)

    def _gain(self, block: dict[_Place, Variable], here: Linearised, place: Mapping[_Place, int]) -> BlockGain:
        refined = [place[key] for key in self.refined]
        refined += range(len(place), here.gradient.size)  # the terms of the backgrounds
        added = [key for key in block if key not in self.refined]
        found = block_gain(here, refined, [place[key] for key in added])
        names = tuple(block[key].name for key in added)
        values = self.raw[[block[key].indices[0] for key in added]] if added else np.zeros(0)
        return replace(found, names=names, values=values)

    def _linearised(
        self, candidates: Sequence[Candidate]
    ) -> tuple[list[dict[_Place, Variable]], Linearised, dict[_Place, int]]:
        """Return the variables of each candidate, the normal equations of all variables, and their columns."""
        layout = self.state.layout
        blocks = [_by_place(layout.variables(candidate.free)) for candidate in candidates]
        variables = dict(self.refined)
        for block in blocks:
            variables |= {key: one for key, one in block.items() if key not in self.refined}
        ordered = dict(sorted(variables.items(), key=lambda item: item[1].indices[0]))
        place = {key: column for column, key in enumerate(ordered)}
        problem = RietveldProblem(layout, self.models, self.points, self.raw, self.coefficients, list(ordered.values()))
        return blocks, problem.objective().linearise(problem.start()), place


def needs_own_layout(candidate: Candidate) -> bool:
    """Whether a candidate changes the model first: values, an axis, broadening, tensors in place of isotropic U."""
    return bool(candidate.start or candidate.set) or any(free.group == "uaniso" for free in candidate.free)


def with_candidate(state: ModelState, candidate: Candidate) -> ModelState:
    """Return a copy of a state with the values, axes, models and tensors of a candidate, which is not refined in it.

    The isotropic U that are refined stay refined as directions of their tensors, and so do size and strain as
    directions of their new models.
    """
    other = copy.copy(state)
    other.raw, other.free = state.raw.copy(), dict(state.free)
    before = dict(other.free)
    other.apply(Step(start=candidate.start, set=candidate.set, free=candidate.free))
    for variable in other.layout.variables(candidate.free):
        other.free.pop(variable.name, None)
    lost = [one for name, one in before.items() if name not in other.free and one.group in ("uiso", "uiso_shared")]
    for one in lost:
        indices: list[int] = []
        along: list[float] = []
        for index in one.indices:
            p, s = other.layout.owner(index)
            symmetric = other.layout.phases[p].sites[s]
            indices += other.layout.uaniso[p][s].tolist()
            along += isotropic_tensor(1.0, other.raw[other.layout.cell[p]], symmetric.u_basis).tolist()
        other.free[one.name] = Variable(one.name, one.group, tuple(indices), tuple(along))
    for p, phase in enumerate(other.layout.phases):
        for kind in ("size", "strain"):
            for h, place in enumerate(other.layout.pair[p]):
                if any(one.group == kind and one.indices[0] in place for one in other.free.values()):
                    continue
                own = [one for one in before.values() if one.group == kind and one.indices[0] in place]
                for one in own:
                    along_model = _along_model(kind, p, h, state, phase.phase, one)
                    if along_model is not None:
                        other.free[one.name] = along_model
    return other


def _along_model(kind: str, p: int, h: int, state: ModelState, after: Phase, one: Variable) -> Variable | None:
    """Return the direction that a variable of size or strain has in another model of its phase, by differences."""
    before, place = state.layout.phases[p].phase, state.layout.pair[p][h]
    metric = state.raw[state.layout.cell[p]]
    value = float(state.raw[one.indices[0]])
    step = _DIFFERENCE * max(abs(value), 1.0 if kind == "strain" else 0.0)
    ends = []
    for sign in (1.0, -1.0):
        moved = state.raw.copy()
        moved[list(one.indices)] += sign * step * np.array(one.coefficients)
        ends.append(remodelled(kind, before, after, moved[place], metric))
    slopes = (ends[0] - ends[1]) / (2.0 * step)
    new = [PAIR.index(key.key) for key in pair_keys(one.group, after)]
    moving = [i for i in new if slopes[i] != 0.0]
    if not moving:
        return None
    return Variable(one.name, one.group, tuple(place[moving].tolist()), tuple(slopes[moving].tolist()))


def as_gain(candidate: Candidate, found: BlockGain, chi2: float, points: float, observed: float) -> Gain:
    """Return a gain as plain data.

    ``chi2`` is that of the model as it is, ``points`` the effective number of points, ``observed`` sum w yo^2. The
    evidence is the expected decrease of BIC (see `bic_fall`).
    """
    gain = min(found.gain, _MOST * chi2)
    evidence = bic_fall(chi2, chi2 - gain, found.freedoms, points) if found.freedoms and chi2 > 0 else 0.0
    rwp = 100.0 * math.sqrt((chi2 - gain) / observed) if observed > 0 else math.nan
    esds = np.sqrt(found.variances * (chi2 - gain) / max(points, 1.0))
    changes = tuple(
        Change(name, float(value), float(shift), float(esd))
        for name, value, shift, esd in zip(found.names, found.values, found.shifts, esds, strict=True)
    )
    return Gain(candidate, gain, found.freedoms, evidence, rwp, changes)


def _by_place(variables: Iterable[Variable]) -> dict[_Place, Variable]:
    return {(one.indices, one.coefficients): one for one in variables}

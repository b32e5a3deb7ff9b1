"""The way of a guided refinement: forward by evidence, what people want to know, exchanges, and back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations

from autogsas.errors import BackendError
from autogsas.guide.attempts import Attempts, Refused
from autogsas.guide.relations import (
    accompanies,
    are_alike,
    covers,
    is_costly,
    is_culprit,
    is_taken,
    is_u_of,
    leaving_out,
    preference,
    shares,
    undetermined,
)
from autogsas.guide.standing import Standing, evidence
from autogsas.model.advice import Candidate, Gain, Guide
from autogsas.model.answers import WORTH
from autogsas.model.project import Project
from autogsas.model.recipe import Step
from autogsas.model.result import Alternative

__all__ = ["Walk"]

_PAYS = 2.0  # of BIC: the least that a change must bring (Kass & Raftery, 1995: positive evidence)
_DOUBTFUL = 4.0  # of chi^2/(N-P): two standard deviations, from which a candidate is worth a doubt
_PAYS_LAST = 10.0  # the same for candidates of the last turn: very strong evidence
_SAME = 2.0  # of BIC: models that differ by less are as good as each other; the first in the order of listing is taken
_RIVALS = 4  # how many of the most promising candidates are refined to see which is best; not measured
_PROMISING = 0.5  # of the best expected evidence: what makes another candidate promising; not measured
_INDISTINGUISHABLE = 10.0  # of BIC: above it the evidence against a model is very strong (Kass & Raftery, 1995)
_RETRIED = 0.9  # of chi^2: a fall by which a candidate that made no sense before gets another chance; not measured
_BETTER = 0.99  # the same for more background terms that did not pay before; not measured
_MUCH = 0.3  # of what the misfit is worth: evidence that is enough to go on without looking further; not measured
_LEFT_OUT = 3  # how often sites are left out whose U makes no sense at convergence; not measured
_TURNS = 3


class Walk:
    """One guided refinement, from a model that refines scales and background."""

    def __init__(self, project: Project, guide: Guide, watch: Callable[[Standing], None] = lambda _: None) -> None:
        self._guide, self._watch = guide, watch
        self._attempts = Attempts(project, guide.function)
        # By name: chi^2 of the model in which a candidate made no sense. A better model may bear it.
        self._failed: dict[str, float] = {}
        # The same for candidates that were refined and did not pay.
        self._declined: dict[str, float] = {}
        self._kinds = Counter(one.alternatives for one in guide.candidates if one.alternatives)
        # By name: chi^2 of the model in which a costly candidate did not promise to pay.
        self._idle: dict[str, float] = {}
        self.alternatives: dict[str, Alternative] = {}

    def end_from(self, start: Standing) -> Standing:
        """Return the model that the data ask for."""
        model = self._forward(start, 0)
        model = self._onward(model, 1)
        # Before what could take up almost any misfit: a wrong axis leaves some.
        model = self._other_kinds(model)
        model = self._onward(model, 2)
        exchanged = self._exchanged(model)
        if exchanged is not model:
            exchanged = self._onward(exchanged, _TURNS - 1)
        model = self._backward(exchanged)
        if model is not exchanged:
            # What is as good as a model that refines more need not be as good as this one.
            self.alternatives.clear()
            model = self._exchanged(model)
        self._remember_doubts(model)
        return self._settled(model)

    def _remember_doubts(self, model: Standing) -> None:
        """Remember models with one candidate of the last turn more that the evidence neither asks for nor rules out.

        An occupancy that is not refined makes displacements look better known than they are.
        """
        offered = [
            one
            for one in self._guide.candidates
            if one.turn == _TURNS - 1 and not is_costly(one) and not is_taken(one, model)
        ]
        try:
            gains = model.session.expected_gains(Step(title="as it is"), offered) if offered else ()
        except BackendError:
            return
        for gain in sorted(gains, key=lambda gain: -gain.chi2)[:_RIVALS]:
            if gain.chi2 < _DOUBTFUL * model.gof**2:
                continue
            after = self._attempts.more(model, [gain.candidate])
            if isinstance(after, Standing) and abs(evidence(after, model)) < _INDISTINGUISHABLE:
                self._remember(after, [gain.candidate])

    def _settled(self, model: Standing) -> Standing:
        """Refine to convergence; the sites whose U makes no sense then keep the project's, or all share one."""
        end = self._attempts.more(model, cycles=None)
        if isinstance(end, Standing) or not end.names:
            return end if isinstance(end, Standing) else model
        for each in [one for one in model.accepted if any(free.group == "uiso" for free in one.free)]:
            shared = [one for one in model.accepted if shares(one, each)]
            without = self._attempts.more(model, remove=[*shared, each])
            if isinstance(without, Refused) or not any(is_u_of(name, each) for name in end.names):
                continue
            names = end.names
            for _ in range(_LEFT_OUT):
                after = self._attempts.more(without, [leaving_out(each, names, model)], cycles=None)
                if isinstance(after, Standing):
                    return after
                names |= after.names
            for one in self._guide.candidates:
                if any(free.group == "uiso_shared" and free.phase == each.free[0].phase for free in one.free):
                    after = self._attempts.more(without, [one], cycles=None)
                    if isinstance(after, Standing):
                        return after
        return model

    def _onward(self, model: Standing, turn: int) -> Standing:
        before = None
        while before is not model:
            before = model
            model = self._forward(model, turn)
            model = self._more_background(model)
            model = self._expected(model)
        return model

    # Forward

    def _forward(self, model: Standing, turn: int) -> Standing:
        while True:
            after = self._best_of(model, self._ranked(model, turn))
            if after is None and self._idle:
                # Nothing else pays: those that were not looked at again are.
                after = self._best_of(model, self._ranked(model, turn, idle=True))
            if after is None:
                return model
            model = self._taken(after)

    def _ranked(self, model: Standing, turn: int, *, idle: bool = False) -> list[Gain]:
        """Return the gains of the candidates up to a turn that are not refined, the most evident first.

        Costly ones that did not promise to pay in a model that fitted about as well are left out, except ``idle``.
        """
        offered = [
            one
            for one in self._guide.candidates
            if one.turn <= turn
            and self._may(one, model)
            and model.chi2 < _RETRIED * self._declined.get(one.name, math.inf)
            and not is_taken(one, model)
        ]
        simple = self._paying(model, [one for one in offered if not is_costly(one)])
        # What the whole misfit is worth: a candidate that explains much of it needs no comparison with others.
        misfit = model.points * math.log(max(model.gof, 1.0) ** 2)
        if simple and simple[0].evidence > _MUCH * misfit:
            return simple
        costly = [one for one in offered if is_costly(one)]
        again = 1.0 if idle else _RETRIED
        costly = [one for one in costly if model.chi2 < again * self._idle.get(one.name, math.inf)]
        found = self._paying(model, costly)
        paying = {gain.candidate.name for gain in found}
        self._idle |= {one.name: model.chi2 for one in costly if one.name not in paying}
        return _ordered([*simple, *found])

    def _paying(self, model: Standing, offered: Sequence[Candidate]) -> list[Gain]:
        if not offered:
            return []
        try:
            gains = model.session.expected_gains(Step(title="as it is"), offered)
        except BackendError:
            return []
        return _ordered([gain for gain in gains if gain.evidence > self._pays(gain.candidate)])

    def _best_of(self, model: Standing, ranked: Sequence[Gain]) -> Standing | None:
        """Return the best model with one of the most promising candidates more; None if none pays."""
        tried = 0
        while tried < len(ranked):
            group = [
                gain for gain in ranked[tried : tried + _RIVALS] if gain.evidence >= _PROMISING * ranked[tried].evidence
            ]
            tried += len(group)
            best: Standing | None = None
            for gain in group:
                after = self._attempt(model, gain.candidate)
                if isinstance(after, Refused):
                    self._failed[gain.candidate.name] = model.chi2
                elif evidence(after, model) <= self._pays(gain.candidate):
                    self._declined[gain.candidate.name] = model.chi2
                elif best is None or evidence(after, best) > 0.0:
                    best = after
            if best is not None:
                return best
        return None

    def _attempt(self, model: Standing, candidate: Candidate) -> Standing | Refused:
        """Refine a candidate too; where only widths that were freed before make no sense then, fix those again."""
        after = self._attempts.more(model, [candidate])
        if isinstance(after, Standing) or not after.names:
            return after
        culprits = [one for one in model.accepted if is_culprit(one, after.names)]
        explained = all(any(is_culprit(one, frozenset({name})) for one in culprits) for name in after.names)
        return self._attempts.more(model, [candidate], culprits) if culprits and explained else after

    def _more_background(self, model: Standing) -> Standing:
        """Give the backgrounds more terms as long as that pays."""
        for histogram, present in model.terms.items():
            for more in (4, 10):
                count = present + more
                name = f"{count} terms of {histogram}"
                if count > self._guide.terms[1] or model.chi2 >= _BETTER * self._failed.get(name, math.inf):
                    continue
                after = self._attempts.more(model, terms={histogram: count})
                if isinstance(after, Standing) and evidence(after, model) > _PAYS:
                    model = self._taken(after)
                    break
                self._failed[name] = model.chi2
        return model

    # What people want to know

    def _expected(self, model: Standing) -> Standing:
        """Free what people want to know of a sample, as far as the data determine it."""
        for one in self._guide.candidates:
            wanted = one.expected or accompanies(one, model)
            if not wanted or not self._may(one, model) or any(covers(has, one) for has in model.accepted):
                continue
            after = self._attempt(model, one)
            bad = after.names if isinstance(after, Refused) else undetermined(after, one)
            # One U that sites share says more of them than the project's, where their own are not determined.
            if bad and (isinstance(after, Refused) or any(free.group == "positions" for free in one.free)):
                after = self._without(model, one, bad) or after
            if isinstance(after, Standing) and self._answers(after, model):
                model = self._taken(after)
            else:
                self._failed[one.name] = model.chi2
        return model

    def _without(self, model: Standing, one: Candidate, names: frozenset[str]) -> Standing | None:
        """Refine a candidate without the sites whose values make no sense or are not determined."""
        fewer = leaving_out(one, names, model)
        if not fewer.free:
            return None
        # Those that are left out do not keep a U that they shared.
        shared = [has for has in model.accepted if shares(has, fewer)]
        base = self._attempts.more(model, remove=shared) if shared else model
        after = self._attempts.more(base, [fewer]) if isinstance(base, Standing) else base
        return after if isinstance(after, Standing) and not undetermined(after, fewer) else None

    def _answers(self, after: Standing, model: Standing) -> bool:
        """Whether what people want to know is determined by all that was freed for it, at a bearable cost."""
        cost = -evidence(after, model) / max(after.n_variables - model.n_variables, 1)
        freed = [one for one in after.accepted if one not in model.accepted]
        return cost < WORTH and not any(undetermined(after, one) for one in freed)

    # Exchanges

    def _exchanged(self, model: Standing) -> Standing:
        """Try members of a family in each other's place, and remember what fits about as well."""
        families = dict.fromkeys(one.rivals for one in self._guide.candidates if one.rivals)
        for family in families:
            members = [one for one in self._guide.candidates if one.rivals == family]
            restarts = [one for one in self._guide.candidates if one.restarts == family]
            model = self._exchange(model, members, restarts)
        return self._other_kinds(model)

    def _other_kinds(self, model: Standing) -> Standing:
        for kind in dict.fromkeys(one.alternatives for one in model.accepted if one.alternatives):
            model = self._other(model, kind)
        return model

    def _exchange(self, model: Standing, members: Sequence[Candidate], restarts: Sequence[Candidate]) -> Standing:
        """Try all pairs, single ones and none of a family, from the present values and from those of restarts."""
        present = [one for one in members if one in model.accepted]
        subsets = [list(subset) for size in (0, 1, 2) for subset in combinations(members, size)]
        found = [model]
        for restart in (None, *restarts):
            if restart in model.accepted:
                continue
            again = [restart] if restart is not None else []
            replaced = [has for has in model.accepted for one in again if has.alternatives == one.alternatives]
            for subset in subsets:
                if restart is None and subset == present:
                    continue
                add = [one for one in subset if one not in present]
                remove = [one for one in present if one not in subset]
                after = self._attempts.more(model, [*add, *again], [*remove, *replaced])
                if isinstance(after, Standing):
                    found.append(after)
        return self._chosen(found, members)

    def _chosen(self, found: Sequence[Standing], members: Sequence[Candidate]) -> Standing:
        """Return the most evident model, and remember the others that the evidence does not rule out.

        Members that the data hardly tell apart are refined together only where the evidence for that is very strong.
        """
        alike = {id(model): are_alike(model, [one for one in members if one in model.accepted]) for model in found}
        found = sorted(found, key=lambda model: alike[id(model)])
        best = found[0]
        for other in found[1:]:
            if evidence(other, best) > (_INDISTINGUISHABLE if alike[id(other)] and not alike[id(best)] else 0.0):
                best = other
        same = [model for model in found if evidence(best, model) < _SAME]
        best = min(same, key=lambda model: preference(model, members))
        for model in found:
            if model is not best and evidence(best, model) < _INDISTINGUISHABLE:
                self._remember(model, members)
        return best

    def _remember(self, model: Standing, members: Sequence[Candidate]) -> None:
        names = [one.name for one in members if one in model.accepted]
        name = f"with {', '.join(names)}" if names else f"without {', '.join(one.name for one in members)}"
        self.alternatives[name] = Alternative(name, model.chi2, model.n_variables, model.result.parameters)

    def _other(self, model: Standing, kind: str) -> Standing:
        """Try the most promising other members of a kind, such as other axes, in place of the one that is refined."""
        present = [one for one in model.accepted if one.alternatives == kind]
        without = self._attempts.more(model, remove=present)
        others = [one for one in self._guide.candidates if one.alternatives == kind and one not in present]
        # What makes no sense without any may make sense with another one.
        found, base, replaced = [model], model, present
        if isinstance(without, Standing):
            found, base, replaced = [model, without], without, []
        try:
            gains = self._attempts.gains(base, others, replaced)
        except BackendError:
            return model
        for gain in sorted(gains, key=lambda gain: -gain.chi2)[:_RIVALS]:
            after = self._attempts.more(base, [gain.candidate], replaced)
            if isinstance(after, Standing):
                found.append(after)
        return self._chosen(found, [one for one in self._guide.candidates if one.alternatives == kind])

    # Back

    def _backward(self, model: Standing) -> Standing:
        """Fix again what does not pay, the least useful first, at its neutral values."""
        while True:
            best: Standing | None = None
            for one in model.accepted:
                kept = one.expected or accompanies(one, model) or not self._attempts.can_be_undone(one)
                if kept or any(free.group in ("cell", "positions", "uaniso") for free in one.free):
                    continue
                after = self._attempts.more(model, remove=[one])
                if not isinstance(after, Standing) or evidence(after, model) <= 0:
                    continue
                if best is None or evidence(after, best) > 0:
                    best = after
            if best is None:
                return model
            model = self._taken(best)

    def _pays(self, candidate: Candidate) -> float:
        """Return the least evidence for a candidate.

        More for what could take up almost any misfit; and of many alternatives, such as axes, one fits noise best: each
        has its share of the odds that there is any.
        """
        least = _PAYS if candidate.turn < _TURNS - 1 else _PAYS_LAST
        return least + 2.0 * math.log(max(self._kinds[candidate.alternatives], 1))

    def _may(self, candidate: Candidate, model: Standing) -> bool:
        """Whether a candidate has not made no sense in a model as good as this one."""
        return model.chi2 < _RETRIED * self._failed.get(candidate.name, math.inf)

    def _taken(self, model: Standing) -> Standing:
        self._watch(model)
        return model


def _ordered(gains: Sequence[Gain]) -> list[Gain]:
    return sorted(gains, key=lambda gain: -gain.evidence)

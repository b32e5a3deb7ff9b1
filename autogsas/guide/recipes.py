"""The recipe of a guided refinement: what it refines in the end, in a few steps that anybody can repeat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autogsas.guide.standing import Standing
from autogsas.model.advice import Candidate
from autogsas.model.recipe import Background, BackgroundFunction, Free, Group, Recipe, Step

__all__ = ["path_recipe", "short_recipe"]

_FIRST: frozenset[Group] = frozenset({"cell", "zero", "displacement", "transparency"})
_WIDTHS: frozenset[Group] = frozenset(
    {"U", "V", "W", "X", "Y", "Z", "SH/L", "size", "strain", "size_mix", "strain_mix", "preferred_orientation"}
)
# Cycles of the steps before the last; not measured.
_CYCLES = 5
_STEPS = (("cell and peak shifts", _FIRST), ("peak widths and orientation", _WIDTHS))


def short_recipe(name: str, beginning: Step, function: BackgroundFunction, model: Standing) -> Recipe:
    """Return a recipe in five steps at most: scale, cell and shifts, widths, structure, everything to convergence."""
    beginning = _restarted(beginning, model)
    left = list(_needed(model.accepted))
    steps = [beginning]
    for title, groups in _STEPS:
        now = [one for one in left if all(free.group in groups for free in one.free)]
        left = [one for one in left if one not in now]
        if now:
            steps.append(_step(title, now))
    if left:
        steps.append(_step("structure", left))
    steps.append(Step(title="everything, to convergence", background=_backgrounds(function, beginning, model)))
    return Recipe(name=name, steps=tuple(steps))


def path_recipe(name: str, beginning: Step, function: BackgroundFunction, model: Standing) -> Recipe:
    """Return a recipe that frees one candidate after the other, in the order in which they were accepted."""
    beginning = _restarted(beginning, model)
    steps = [_step(one.name, [one]) for one in _needed(model.accepted)]
    last = Step(title="everything, to convergence", background=_backgrounds(function, beginning, model))
    return Recipe(name=name, steps=(beginning, *steps, last))


def _step(title: str, candidates: Sequence[Candidate]) -> Step:
    return Step(
        title=title,
        start=tuple(start for one in candidates for start in one.start),
        set=tuple(setting for one in candidates if not one.restarts for setting in one.set),
        free=tuple(dict.fromkeys(free for one in candidates for free in one.free)),
        cycles=_CYCLES,
    )


def _restarted(beginning: Step, model: Standing) -> Step:
    """Return a beginning with the values from which others are told apart, so that these adapt to them first."""
    restarts = tuple(setting for one in model.accepted if one.restarts for setting in one.set)
    return beginning.model_copy(update={"set": (*beginning.set, *restarts)})


def _backgrounds(function: BackgroundFunction, beginning: Step, model: Standing) -> tuple[Background, ...]:
    """Return the backgrounds that have other numbers of terms in the end than in the beginning."""
    first = {background.histogram: background.terms for background in beginning.background}
    return tuple(
        Background(function=function, terms=count, histogram=name)
        for name, count in model.terms.items()
        if first.get(name) != count
    )


def _needed(accepted: Sequence[Candidate]) -> Iterable[Candidate]:
    """Give the candidates without one U for all sites of a phase, where each has its own in the end."""
    each = {free.phase for one in accepted for free in one.free if free.group == "uiso" and free.site is None}
    for one in accepted:
        if not all(_replaced(free, each) for free in one.free):
            yield one


def _replaced(free: Free, each: set[str | None]) -> bool:
    return free.group == "uiso_shared" and free.phase in each

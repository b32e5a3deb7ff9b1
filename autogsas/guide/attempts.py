"""Attempts: a copy of a model refines something more, less or else, and is kept only if it makes sense."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autogsas.crystal.origins import fixing_the_origin
from autogsas.errors import BackendError
from autogsas.guide.standing import Standing, standing
from autogsas.model.advice import Candidate, Gain
from autogsas.model.answers import LARGEST_U
from autogsas.model.project import Project
from autogsas.model.recipe import (
    Background,
    BackgroundFunction,
    Free,
    Setting,
    SizeModel,
    Start,
    Step,
    StrainModel,
)
from autogsas.model.result import Parameter, Result
from autogsas.model.sample import Axis, Broadening

__all__ = ["Attempts", "Refused", "neutral_values"]

_CYCLES = 10
"""Least-squares cycles of an attempt; not measured."""

_LEAST_U = 1e-5  # Angstrom^2: an atom cannot stand more still than that


@dataclass(frozen=True)
class Refused:
    """A model that makes no sense; ``names`` are the parameters that tell, none where least squares failed."""

    names: frozenset[str] = frozenset()


class Attempts:
    """Makes attempts on models of one project."""

    def __init__(self, project: Project, function: BackgroundFunction) -> None:
        self._project, self._function = project, function

    def more(
        self,
        before: Standing,
        add: Sequence[Candidate] = (),
        remove: Sequence[Candidate] = (),
        terms: Mapping[str, int] | None = None,
        cycles: int | None = _CYCLES,
    ) -> Standing | Refused:
        """Return the model with some candidates more and some less, or which of its values make no sense.

        What is removed gets its neutral values. ``terms`` are new numbers of background terms by histogram;
        ``cycles`` None refines to convergence.
        """
        session = before.session.copy()
        frees = tuple(dict.fromkeys(free for one in add for free in one.free))
        kept = tuple(one for one in before.accepted if one not in remove)
        # What others refine too is not fixed: U, V and W are refined without the candidate that is W alone as well.
        needed = {free for one in (*kept, *add) for free in one.free}
        fixed = tuple(dict.fromkeys(free for one in remove for free in one.free if free not in needed))
        step = Step(
            title=", ".join(one.name for one in add),
            background=tuple(
                Background(function=self._function, terms=count, histogram=name)
                for name, count in (terms or {}).items()
            ),
            start=(
                *(start for one in remove for start in _own_models(one, needed, self._project)),
                *(start for one in add for start in one.start),
            ),
            set=(
                *(setting for free in fixed for setting in neutral_values(free, self._project)),
                *(setting for one in add for setting in one.set),
            ),
            free=frees,
            # The same parameters with other values or models stay free.
            fix=fixed,
            cycles=cycles,
        )
        try:
            pinned = tuple(free for one in add if one.restarts for free in one.free)
            if pinned:
                # The others adapt to the new values before these may move: they would follow the others back.
                session.refine(
                    step.model_copy(
                        update={
                            "free": tuple(free for free in frees if free not in pinned),
                            "fix": (*step.fix, *pinned),
                            "cycles": _CYCLES,
                        }
                    )
                )
                step = Step(title=step.title, free=pinned, cycles=cycles)
            done = session.refine(step)
            after = standing(session, (*kept, *add), {**before.terms, **(terms or {})})
        except BackendError:
            session.close()
            return Refused()
        known = set(before.result.steps[-1].at_bound) if before.result.steps else set()
        # One coordinate along each free direction of an origin is left out by construction.
        origin = fixing_the_origin(done.dropped, after.result.parameters, self._project.phases)
        wrong = (set(done.at_bound) - known) | (set(done.dropped) - set(origin)) | set(_impossible(after.result))
        if wrong:
            session.close()
            return Refused(frozenset(wrong))
        return after

    def can_be_undone(self, candidate: Candidate) -> bool:
        """Whether the project's own values can be set again: those of broadening by direction are more than one."""
        for free in candidate.free:
            for phase in self._project.phases:
                own = {"size": phase.specimen.size, "strain": phase.specimen.strain}.get(free.group)
                if own is not None and free.phase in (None, phase.name) and own.model != "isotropic":
                    return False
        return True

    def gains(self, model: Standing, add: Sequence[Candidate], remove: Sequence[Candidate]) -> tuple[Gain, ...]:
        """Return the expected gains of some candidates where others are fixed at neutral values.

        Raises BackendError where there is no pattern.
        """
        session = model.session.copy()
        fixed = tuple(dict.fromkeys(free for one in remove for free in one.free))
        step = Step(
            title="as it is",
            set=tuple(setting for free in fixed for setting in neutral_values(free, self._project)),
            fix=fixed,
        )
        try:
            return tuple(session.expected_gains(step, add))
        finally:
            session.close()


def _own_models(candidate: Candidate, needed: set[Free], project: Project) -> Iterable[Start]:
    """Give the project's own models of size and strain, where others refine these without the candidate's model."""
    for start in candidate.start:
        for phase in project.phases:
            if start.phase not in (None, phase.name) or not any(free in needed for free in candidate.free):
                continue
            size, strain = phase.specimen.size, phase.specimen.strain
            if start.size is not None and size.model != "generalized":
                yield Start(phase=phase.name, size=SizeModel(model=size.model, axis=_axis(size)))
            if start.strain is not None:
                yield Start(phase=phase.name, strain=StrainModel(model=strain.model, axis=_axis(strain)))


def _axis(broadening: Broadening) -> Axis:
    return broadening.axis if broadening.model == "uniaxial" else Broadening(0.0).axis


def neutral_values(free: Free, project: Project) -> Iterable[Setting]:
    """Give the values that the parameters of a group have while they are not refined: the project's own."""

    def setting(value: float, **where: str | None) -> Setting:
        return Setting(group=free.group, value=value, **where)

    histograms = [h for h in project.histograms if free.histogram in (None, h.name)]
    phases = [p for p in project.phases if free.phase in (None, p.name)]
    if free.group in ("displacement", "transparency"):
        yield from (setting(0.0, histogram=h.name) for h in histograms)
    elif free.group in ("U", "V", "W", "X", "Y", "Z", "SH/L", "zero", "absorption"):
        for h in histograms:
            i = h.instrument
            values = {"SH/L": i.SH_L, "zero": i.zero, "absorption": h.absorption}
            yield setting(values[free.group] if free.group in values else getattr(i, free.group), histogram=h.name)
    elif free.group == "preferred_orientation":
        yield from (setting(p.specimen.orientation.ratio, phase=p.name) for p in phases)
    elif free.group in ("size", "strain"):
        for p in phases:
            yield setting((p.specimen.size if free.group == "size" else p.specimen.strain).value, phase=p.name)
    elif free.group in ("size_mix", "strain_mix"):
        for p in phases:
            yield setting((p.specimen.size if free.group == "size_mix" else p.specimen.strain).mix, phase=p.name)
    elif free.group in ("occupancy", "uiso", "uiso_shared"):
        for p in phases:
            for site in p.sites:
                if free.site in (None, site.label) and (free.group == "occupancy" or site.uaniso is None):
                    value = site.occupancy if free.group == "occupancy" else site.uiso
                    yield setting(value, phase=p.name, site=site.label)


def _impossible(result: Result) -> Iterable[str]:
    """Give the names of refined values that an atom cannot have."""
    return (parameter.name for parameter in result.parameters if not _possible(parameter))


def _possible(parameter: Parameter) -> bool:
    if parameter.esd is None:
        return True
    if parameter.group in ("uiso", "uiso_shared"):
        return _LEAST_U < parameter.value < LARGEST_U
    if parameter.group == "occupancy":
        return parameter.value > 0.0
    return True

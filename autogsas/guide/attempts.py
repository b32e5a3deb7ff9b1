"""Attempts: a copy of a model refines something more, less or else, and is kept only if it makes sense."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autogsas.crystal.origins import fixing_the_origin
from autogsas.errors import BackendError
from autogsas.guide.standing import Standing, standing
from autogsas.model.advice import Candidate, Gain
from autogsas.model.project import Project
from autogsas.model.recipe import Background, BackgroundFunction, Free, Setting, Step
from autogsas.model.result import Parameter, Result

__all__ = ["Attempts", "Refused", "neutral_values"]

_CYCLES = 10
"""Least-squares cycles of an attempt; not measured."""

_LEAST_U = 1e-5  # Angstrom^2: an atom cannot stand more still than that
_MOST_U = 0.15  # Angstrom^2: atoms that move by 0.4 Angstrom, root mean square, are not bound; not measured


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
        step = Step(
            title=", ".join(one.name for one in add),
            background=tuple(
                Background(function=self._function, terms=count, histogram=name)
                for name, count in (terms or {}).items()
            ),
            start=tuple(start for one in add for start in one.start),
            set=(
                *(setting for one in remove for setting in neutral_values(one, self._project)),
                *(setting for one in add for setting in one.set),
            ),
            free=frees,
            # The same parameters with other values or models stay free.
            fix=tuple(dict.fromkeys(free for one in remove for free in one.free if free not in frees)),
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
            kept = tuple(one for one in before.accepted if one not in remove)
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

    def gains(self, model: Standing, add: Sequence[Candidate], remove: Sequence[Candidate]) -> tuple[Gain, ...]:
        """Return the expected gains of some candidates where others are fixed at neutral values.

        Raises BackendError where there is no pattern.
        """
        session = model.session.copy()
        step = Step(
            title="as it is",
            set=tuple(setting for one in remove for setting in neutral_values(one, self._project)),
            fix=tuple(dict.fromkeys(free for one in remove for free in one.free)),
        )
        try:
            return tuple(session.expected_gains(step, add))
        finally:
            session.close()


def neutral_values(candidate: Candidate, project: Project) -> Iterable[Setting]:
    """Give the values that the parameters of a candidate have while they are not refined: the project's own."""
    for free in candidate.free:
        yield from _neutral(free, project)


def _neutral(free: Free, project: Project) -> Iterable[Setting]:
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
        return _LEAST_U < parameter.value < _MOST_U
    if parameter.group == "occupancy":
        return parameter.value > 0.0
    return True

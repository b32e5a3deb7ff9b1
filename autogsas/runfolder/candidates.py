"""Distinct solutions of a run: complete trials grouped by the structure that they ended at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from autogsas.crystal.endpoints import Difference, EndPoint, compare, end_point
from autogsas.model.trial import TrialState
from autogsas.runfolder.summary import CandidatePart, DifferencePart
from autogsas.runfolder.trials import StoredTrial
from autogsas.text.formatting import general

__all__ = ["Candidates", "Differing", "differences_words", "group_candidates"]


@dataclass(frozen=True)
class Candidates:
    """The distinct solutions of a run, best first, and how many infeasible trials ended at none of them."""

    found: list[CandidatePart]
    elsewhere: int


@dataclass
class _Group:
    trial: StoredTrial
    end: EndPoint
    count: int = 0
    infeasible: int = 0


def group_candidates(trials: Sequence[StoredTrial]) -> Candidates:
    """Group complete trials into distinct structures, best first.

    ``trials`` may be in any order. Starting from the best, each complete trial joins the first solution that it agrees
    with in every cell parameter, position, U and occupancy (see `autogsas.crystal.endpoints.compare`), and starts a
    new solution where there is none. Trials are compared only with the best trial of a solution, so that no chain of
    small steps joins two solutions. A trial that did not refine its atoms shows little about their positions, and
    starts a solution of its own only if it is far from all others.

    ``differs`` of a solution names the parameters that separate it from the best one; ``differences`` are all
    noticeable differences.
    """
    complete = [item for item in trials if item.record.state == TrialState.COMPLETE and item.record.score is not None]
    groups: list[_Group] = []
    home: dict[int, _Group] = {}
    for trial in sorted(_with_structure(complete), key=_by_score):
        end = _end(trial)
        group = _matching(end, groups)
        if group is None:
            group = _Group(trial, end)
            groups.append(group)
        home[trial.record.number] = group
    for trial in complete:
        # A trial that took over an earlier one's result ended where that one did.
        found = home.get(trial.record.number if trial.same_as is None else trial.same_as)
        if found is not None:
            found.count += 1
    elsewhere = 0
    for trial in _with_structure(item for item in trials if item.record.state == TrialState.INFEASIBLE):
        group = _matching(_end(trial), groups)
        if group is None:
            elsewhere += 1
        else:
            group.infeasible += 1
    return Candidates([_candidate(group, groups[0]) for group in groups], elsewhere)


def _by_score(trial: StoredTrial) -> tuple[float, int]:
    assert trial.record.score is not None
    return trial.record.score, trial.record.number


def _with_structure(trials: Iterable[StoredTrial]) -> list[StoredTrial]:
    return [trial for trial in trials if trial.phases and trial.record.metrics is not None]


def _end(trial: StoredTrial) -> EndPoint:
    assert trial.record.metrics is not None
    return end_point(trial.record.metrics.rwp, trial.phases, trial.parameters)


def _matching(end: EndPoint, groups: Sequence[_Group]) -> _Group | None:
    for group in groups:
        if all(difference.excess <= 1.0 for difference in compare(group.end, end)):
            return group
    return None


def _candidate(group: _Group, best: _Group) -> CandidatePart:
    differences = [] if group is best else compare(best.end, group.end)
    apart = [difference for difference in differences if difference.excess > 1.0]
    names = [f"{d.name}:{axis}" for d in apart for axis in d.axes] + [d.name for d in apart if not d.axes]
    return CandidatePart(
        trial=group.trial.record.number,
        rwp=group.end.rwp,
        count=group.count,
        infeasible=group.infeasible,
        findings=list(dict.fromkeys(finding.code for finding in group.trial.record.findings)),
        differs=names,
        differences=[_difference(d) for d in differences if d.noticed or d.excess > 1.0],
    )


def _difference(found: Difference) -> DifferencePart:
    return DifferencePart(
        name=found.name,
        kind=found.kind,
        phase=found.phase,
        atom=found.atom,
        shift=found.shift,
        unit=found.unit,
        esds=found.esds,
    )


class Differing(Protocol):
    """A difference between two structures, to be put into words; see `autogsas.crystal.endpoints.Difference`."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def phase(self) -> str: ...

    @property
    def atom(self) -> str | None: ...

    @property
    def shift(self) -> float | None: ...

    @property
    def unit(self) -> str: ...

    @property
    def esds(self) -> float | None: ...


def differences_words(differences: Iterable[Differing], several: bool = False) -> list[str]:
    """Return each difference as a phrase: "O3 by 0.31 Å (45 esd)", "c by +0.021 Å"; ``several`` adds the phase."""
    phrases = []
    for item in differences:
        atom, unit, esds, shift = item.atom, item.unit, item.esds, item.shift
        names = {"position": f"{atom}", "uiso": f"U of {atom}", "occupancy": f"occupancy of {atom}"}
        name = names.get(item.kind, item.name.rpartition(":")[2])
        sign = "+" if item.kind != "position" and shift is not None and shift > 0 else ""
        amount = f"{sign}{general(shift, 2)}{'' if unit in ('', '°') else ' '}{unit}"
        phase = f", {item.phase}" if several else ""
        in_esds = f" ({general(esds, 2 if esds < 99.5 else 3)} esd)" if esds is not None else ""
        phrases.append(f"{name} by {amount}{in_esds}{phase}")
    return phrases

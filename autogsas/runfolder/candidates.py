"""Distinct solutions among the end points of a run's trials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from autogsas.crystal.endpoints import Difference, EndPoint, compare, end_point
from autogsas.text.formatting import general

__all__ = ["Candidates", "differences_words", "group_candidates"]


@dataclass(frozen=True)
class Candidates:
    """The distinct solutions of a run, best first, and how many infeasible trials ended at none of them."""

    found: list[dict[str, Any]]
    elsewhere: int


@dataclass
class _Group:
    trial: Mapping[str, Any]
    end: EndPoint
    count: int = 0
    infeasible: int = 0
    apart: list[Difference] = field(default_factory=list)


def group_candidates(trials: Sequence[Mapping[str, Any]]) -> Candidates:
    """Group complete trials into distinct structures, best first.

    ``trials`` are what the trials' JSON files hold, in any order. From the best on, each complete one belongs to the
    first solution that it agrees with in every cell parameter, position, U and occupancy (see `endpoints.compare`),
    and is a new one where there is none. All are measured against the best of their solution alone, so that no chain
    of small steps joins two; a trial that held its atoms says little about where they belong, and makes a solution of
    its own only far from all others.

    Each solution gives its best ``trial`` with ``rwp`` and the codes of its ``findings``, the ``count`` of trials that
    ended there and of ``infeasible`` ones that did, which parameters ``differ`` from the best solution's, and the
    ``differences`` themselves: ``name``, ``kind``, ``phase``, ``atom``, ``shift`` with its ``unit``, and ``esds``.
    """
    complete = [trial for trial in trials if trial["state"] == "complete" and trial["score"] is not None]
    groups: list[_Group] = []
    home: dict[int, _Group] = {}
    for trial in sorted(_with_structure(complete), key=lambda trial: (trial["score"], trial["number"])):
        end = end_point(trial)
        group = _belongs(end, groups)
        if group is None:
            group = _Group(trial, end)
            groups.append(group)
        home[trial["number"]] = group
    for trial in complete:
        # A trial that took over an earlier one's result ended where that one did.
        same_as = trial.get("same_as")
        found = home.get(trial["number"] if same_as is None else same_as)
        if found is not None:
            found.count += 1
    elsewhere = 0
    for trial in _with_structure(trial for trial in trials if trial["state"] == "infeasible"):
        group = _belongs(end_point(trial), groups)
        if group is None:
            elsewhere += 1
        else:
            group.infeasible += 1
    return Candidates([_plain(group, groups[0]) for group in groups], elsewhere)


def _with_structure(trials: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [trial for trial in trials if trial.get("structure") and trial.get("metrics")]


def _belongs(end: EndPoint, groups: Sequence[_Group]) -> _Group | None:
    for group in groups:
        if all(difference.excess <= 1.0 for difference in compare(group.end, end)):
            return group
    return None


def _plain(group: _Group, best: _Group) -> dict[str, Any]:
    differences = [] if group is best else compare(best.end, group.end)
    apart = [difference for difference in differences if difference.excess > 1.0]
    names = [f"{d.name}:{axis}" for d in apart for axis in d.axes] + [d.name for d in apart if not d.axes]
    return {
        "trial": group.trial["number"],
        "rwp": group.trial["metrics"]["rwp"],
        "count": group.count,
        "infeasible": group.infeasible,
        "findings": list(dict.fromkeys(finding["code"] for finding in group.trial["findings"])),
        "differs": names,
        "differences": [
            {key: getattr(d, key) for key in ("name", "kind", "phase", "atom", "shift", "unit", "esds")}
            for d in differences
            if d.noticed or d.excess > 1.0
        ],
    }


class Differing(Protocol):
    """A difference between two structures, as it is put into words; see `autogsas.crystal.endpoints.Difference`."""

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
    """Return differences as a table says them: "O3 by 0.31 Å (45 esd)", "c by +0.021 Å"; ``several`` names phases."""
    out = []
    for item in differences:
        atom, unit, esds, shift = item.atom, item.unit, item.esds, item.shift
        about = {"position": f"{atom}", "uiso": f"U of {atom}", "occupancy": f"occupancy of {atom}"}
        what = about.get(item.kind, item.name.rpartition(":")[2])
        sign = "+" if item.kind != "position" and shift is not None and shift > 0 else ""
        by = f"{sign}{general(shift, 2)}{'' if unit in ('', '°') else ' '}{unit}"
        whose = f", {item.phase}" if several else ""
        told = f" ({general(esds, 2 if esds < 99.5 else 3)} esd)" if esds is not None else ""
        out.append(f"{what} by {by}{told}{whose}")
    return out

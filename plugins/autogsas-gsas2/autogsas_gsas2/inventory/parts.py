"""Entries of an inventory in a few forms: parameters with a flag, parts that stay, and what is not known.

The treatments are those of the child process, which writes the flags of all groups at each step (child/steps.py) and
leaves every other flag as it is in the project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from autogsas.model.inventory import Entry, Kind, Treatment
from autogsas.model.recipe import Group
from autogsas.text.formatting import general

__all__ = ["ALWAYS_FREE", "Owner", "guarded", "is_flag", "number", "parameter", "part", "unknown", "unknown_keys"]

ALWAYS_FREE = (
    "refined from the first step of every trial, because autogsas does not know when to free it; "
    "if trials fail, turn its flag off in GSAS-II"
)
_UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Owner:
    """What an entry belongs to, by the host's names."""

    phase: str = ""
    histogram: str = ""
    site: str = ""


def parameter(
    owner: Owner,
    name: str,
    value: str,
    refined: bool,
    groups: tuple[Group, ...] = (),
    *,
    kind: Kind = Kind.FLAG,
) -> Entry:
    """Return a parameter with its refinement flag; the treatment is that without a choice for any of its groups."""
    treatment, reason = Treatment.FIXED, ""
    if refined and groups:
        treatment = Treatment.NOT_SUPPORTED
        reason = (
            "the flag is turned off and the value kept, because no choice of the search frees it; a recipe that frees "
            f"{groups[0]} refines it (autogsas refine PROJECT --recipe FILE)"
        )
    elif refined:
        treatment, reason = Treatment.NOT_SUPPORTED, ALWAYS_FREE
    return Entry(kind, name, value, refined, owner.phase, owner.histogram, owner.site, groups, treatment, reason)


def part(
    owner: Owner,
    kind: Kind,
    name: str,
    value: str = "",
    reason: str = "",
    treatment: Treatment = Treatment.FIXED,
    refined: bool | None = None,
) -> Entry:
    """Return a part of the project that the search does not change, or with the treatment given."""
    return Entry(kind, name, value, refined, owner.phase, owner.histogram, owner.site, (), treatment, reason)


def unknown(owner: Owner, name: str, value: Any, reason: str = "GSAS-II gets it unchanged") -> Entry:
    """Return an entry for what is not known."""
    refined = bool(value[-1]) if is_flag(value) else None
    text = " ".join(repr(value).split())
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return part(owner, Kind.OTHER, name, shown, reason, Treatment.UNKNOWN, refined)


def unknown_keys(owner: Owner, where: str, found: Mapping[Any, Any], known: Iterable[str]) -> Iterator[Entry]:
    """Yield an entry for each key of a dictionary that is not known."""
    names = frozenset(known)
    for key, value in found.items():
        if key not in names:
            yield unknown(owner, f"{where}: {key}", value)


def is_flag(value: Any) -> bool:
    """Return whether a value has the form of a parameter with its refinement flag, the flag last."""
    return isinstance(value, (list, tuple)) and len(value) in (2, 3) and isinstance(value[-1], (bool, np.bool_))


def number(value: Any) -> str:
    """Return a number as text, anything else as it is."""
    try:
        return general(float(value))
    except (TypeError, ValueError):
        return str(value)


def guarded(read: Callable[..., Iterable[Entry]], owner: Owner, what: str, *arguments: Any) -> list[Entry]:
    """Return the entries of one part of the tree; one entry that says so where the part has an unexpected form."""
    found: list[Entry] = []
    try:
        found.extend(read(owner, *arguments))
    except _UNREADABLE as error:
        reason = f"has an unexpected form ({type(error).__name__}: {error}); open the project in GSAS-II and save it"
        found.append(replace(unknown(owner, what, ""), reason=reason, value=""))
    return found

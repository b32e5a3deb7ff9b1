"""How candidates stand to each other and to a model: what covers, replaces, accompanies or spoils what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from autogsas.guide.standing import Standing
from autogsas.model.advice import Candidate
from autogsas.model.answers import LARGEST_ESD

__all__ = [
    "accompanies",
    "are_alike",
    "covers",
    "is_costly",
    "is_culprit",
    "is_taken",
    "is_u_of",
    "leaving_out",
    "preference",
    "shares",
    "undetermined",
]

_ALIKE = 0.97  # correlation of two shifts above which only one of them is refined; not measured
_BY_SITE = ("uiso", "positions")  # groups of which single sites can be left out
_OTHER_HALF: Mapping[str, str] = {"Y": "X", "strain": "size"}
# What the engines call a width without meaning, and the groups that may have made it.
_WIDTHS_OF: dict[str, tuple[str, ...]] = {
    "SH/L": ("SH/L",),
    "Gaussian width": ("U", "V", "W"),
    "Lorentzian width": ("X", "Y", "Z"),
}


def shares(accepted: Candidate, each: Candidate) -> bool:
    """Whether a candidate has one U for sites of a phase, where another has one for each of some."""
    phases = {free.phase for free in each.free if free.group == "uiso"}
    return any(free.group == "uiso_shared" and free.phase in phases for free in accepted.free)


def is_u_of(name: str, each: Candidate) -> bool:
    """Whether a parameter is a U of the phase whose sites a candidate gives their own."""
    return any(name.startswith(f"{free.phase}:") and name.endswith(":Uiso") for free in each.free)


def accompanies(candidate: Candidate, model: Standing) -> bool:
    """Whether a candidate is the other half of what broadens peaks, of which the half that makes them broad is refined.

    Nobody knows the strain of fine crystals beforehand, and as it is assumed, so come out size and displacements.
    """
    if candidate.start or any(free.group not in _OTHER_HALF for free in candidate.free):
        return False
    owners = {(free.group, free.phase, free.histogram) for one in model.accepted for free in one.free}
    return all((_OTHER_HALF[free.group], free.phase, free.histogram) in owners for free in candidate.free)


def is_culprit(accepted: Candidate, names: frozenset[str]) -> bool:
    """Whether parameters that make no sense are widths of the instrument or of a sample that a candidate has freed."""
    for free in accepted.free:
        for name in names:
            owner, _, what = name.rpartition(":")
            what = what.strip()
            if free.histogram == owner and free.group in _WIDTHS_OF.get(what, ()):
                return True
            if free.group in ("size", "strain") and what.startswith(free.group) and name.startswith(f"{free.phase}:"):
                return True
    return False


def is_costly(candidate: Candidate) -> bool:
    """Whether an engine needs an evaluation of derivatives for this candidate alone (see `Candidate`)."""
    return bool(candidate.start or candidate.set) or any(free.group == "uaniso" for free in candidate.free)


def are_alike(model: Standing, members: Sequence[Candidate]) -> bool:
    """Whether the data cannot tell two refined members of a family apart."""
    frees = [free for one in members for free in one.free]
    varied = {name: i for i, name in enumerate(model.result.varied)}
    own = [
        varied[p.name]
        for p in model.result.parameters
        if p.name in varied and any(p.group == free.group and free.histogram in (None, p.histogram) for free in frees)
    ]
    return any(abs(model.result.correlation[i, j]) > _ALIKE for i, j in combinations(own, 2))


def is_taken(candidate: Candidate, model: Standing) -> bool:
    """Whether a candidate is refined already, or another one in its place."""
    kinds = {one.alternatives for one in model.accepted if one.alternatives}
    # Which members of a family of rivals are refined together is settled by exchanges, when everything else is.
    families = {one.rivals for one in model.accepted if one.rivals}
    covered = any(covers(one, candidate) for one in model.accepted)
    return covered or candidate.alternatives in kinds or candidate.rivals in families


def covers(accepted: Candidate, candidate: Candidate) -> bool:
    """Whether a candidate is refined already, if only for the sites where that makes sense, or with more beside it."""
    if accepted == candidate or (candidate.expected and accepted.name.startswith(f"{candidate.name} but ")):
        return True
    if candidate.start or candidate.set:
        return False  # the same parameters in another model, such as strain by direction
    if all(free in accepted.free for free in candidate.free):
        return True
    each = {free.phase for free in accepted.free if free.group == "uiso"}
    return all(free.group == "uiso_shared" and free.phase in each for free in candidate.free)


def leaving_out(candidate: Candidate, names: frozenset[str], model: Standing) -> Candidate:
    """Return a candidate without the sites that the parameters ``names`` belong to.

    It frees nothing where these are not of its sites, or it is not one of sites.
    """
    frees = []
    left = []
    for free in candidate.free:
        if free.group not in _BY_SITE:
            continue
        own = [p for p in model.result.parameters if p.phase == free.phase and p.group == free.group]
        sites = dict.fromkeys(p.site for p in own if p.site is not None and free.site in (None, p.site))
        bad = [site for site in sites if any(name.startswith(f"{free.phase}:{site}:") for name in names)]
        left += bad
        frees += [free.model_copy(update={"site": site}) for site in sites if site not in bad]
    if not left:
        return replace(candidate, free=())
    both = ", " if " but " in candidate.name else " but "
    return replace(candidate, name=f"{candidate.name}{both}{', '.join(left)}", free=tuple(frees))


def undetermined(model: Standing, candidate: Candidate) -> frozenset[str]:
    """Return the names of the parameters that a candidate refines, but the data do not determine."""
    found = set()
    for free in candidate.free:
        limit = LARGEST_ESD.get(free.group)
        if limit is None:
            continue
        for parameter in model.result.parameters:
            own = parameter.phase == free.phase and _limited(parameter.group, free.group)
            if own and parameter.esd is not None and parameter.esd > limit:
                found.add(parameter.name)
    return frozenset(found)


def _limited(group: str, free: str) -> bool:
    return group == free or (group == "uiso" and free == "uiso_shared")


def preference(model: Standing, members: Sequence[Candidate]) -> tuple[int, ...]:
    """Order models that are as good as each other: fewer members first, then those listed first."""
    places = [i for i, one in enumerate(members) if one in model.accepted]
    return (len(places), *places)

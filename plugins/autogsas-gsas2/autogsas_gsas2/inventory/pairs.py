"""The entries of a phase in a histogram: fraction, broadening, orientation, strain, extinction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autogsas.model.inventory import Entry, Kind
from autogsas.model.recipe import Group

from autogsas_gsas2.inventory.parts import Owner, guarded, number, parameter, part, unknown_keys

__all__ = ["of_pair"]

_KNOWN = (
    *("Histogram", "Show", "Scale", "Pref.Ori.", "Size", "Mustrain", "HStrain", "Extinction", "Babinet", "Use"),
    *("LeBail", "newLeBail", "Fix FXU", "Layer Disp", "FixedSeqVars", "Flack", "Twins", "Type", "hId"),
)


def of_pair(owner: Owner, pair: Mapping[str, Any], known: bool, phases: int) -> Iterator[Entry]:
    """Yield the entries of a phase in a histogram.

    ``known``: a powder pattern of a type that autogsas refines; ``phases`` is the number of its phases.
    """
    if not pair.get("Use", True):
        yield part(owner, Kind.DATA, "phase not used in this histogram", reason="its Use is off in GSAS-II")
        return
    if pair.get("LeBail"):
        yield part(owner, Kind.INTENSITIES, "Le Bail intensities", reason="extracted again after each step")
    if "Scale" in pair:
        value, flag = pair["Scale"]
        groups: tuple[Group, ...] = ("scale",) if known and phases > 1 else ()
        name = "scale" if owner.histogram.startswith("HKLF ") else "phase fraction"
        yield parameter(owner, name, number(value), bool(flag), groups)
    for name, what in (("Size", "size"), ("Mustrain", "strain")):
        if name in pair:
            yield from guarded(_broadening, owner, name, pair[name], what, known)
    if "Pref.Ori." in pair:
        yield from guarded(_orientation, owner, "Pref.Ori.", pair["Pref.Ori."], known)
    yield from guarded(_strain, owner, "HStrain", pair.get("HStrain", ((), ())))
    yield from guarded(_extinction, owner, "Extinction", pair.get("Extinction", (0.0, False)))
    for name, (value, flag) in pair.get("Babinet", {}).items():
        yield parameter(owner, f"Babinet {name}", number(value), bool(flag))
    for name, what in (("Layer Disp", "layer displacement"), ("Flack", "Flack parameter")):
        if name in pair:
            value, flag = pair[name]
            yield parameter(owner, what, number(value), bool(flag))
    yield from guarded(_twins, owner, "Twins", pair.get("Twins", ()))
    for name, stored in (
        ("Fix FXU", str(pair.get("Fix FXU") or "").strip()),
        ("FixedSeqVars", pair.get("FixedSeqVars")),
    ):
        if stored:
            text = stored if isinstance(stored, str) else ", ".join(map(str, stored))
            yield part(owner, Kind.CONTROL, name, text, "GSAS-II uses it in sequential refinements only")
    yield from unknown_keys(owner, "phase in histogram", pair, _KNOWN)


def _broadening(owner: Owner, stored: Sequence[Any], what: str, known: bool) -> Iterator[Entry]:
    model, values, flags = str(stored[0]), stored[1], stored[2]
    count = {"isotropic": 1, "uniaxial": 2}.get(model)
    shown = values[:count] if count else stored[4]
    free = any(flags[:count]) if count else any(stored[5])
    text = f"{model}, {', '.join(number(value) for value in shown)}"
    size = what == "size"
    group: Group = "size" if size else "strain"
    mix: Group = "size_mix" if size else "strain_mix"
    yield parameter(owner, what, text, free, (group,) if known else ())
    if len(values) > 2 and len(flags) > 2:
        yield parameter(
            owner, f"Lorentzian share of the {what}", number(values[2]), bool(flags[2]), (mix,) if known else ()
        )


def _orientation(owner: Owner, stored: Sequence[Any], known: bool) -> Iterator[Entry]:
    groups: tuple[Group, ...] = ("preferred_orientation",) if known else ()
    if stored[0] == "MD":
        text = f"ratio {number(stored[1])} along {' '.join(map(str, stored[3]))}"
        yield parameter(owner, "preferred orientation (March-Dollase)", text, bool(stored[2]), groups)
    else:
        text = f"order {stored[4]}, {len(stored[5])} coefficients"
        name = "preferred orientation (spherical harmonics)"
        yield parameter(owner, name, text, bool(stored[2]) and bool(stored[5]), groups, kind=Kind.TEXTURE)


def _strain(owner: Owner, stored: Sequence[Any]) -> Iterator[Entry]:
    values, flags = stored
    if len(values):
        text = ", ".join(number(value) for value in values)
        yield parameter(owner, "lattice strain of this histogram (HStrain)", text, any(flags))


def _extinction(owner: Owner, stored: Sequence[Any]) -> Iterator[Entry]:
    if isinstance(stored[0], str):  # of a single crystal: model, type, parameters
        for name, value in stored[2].items():
            if isinstance(value, (list, tuple)):
                text = f"{stored[0]}, {stored[1]}: {number(value[0])}"
                yield parameter(owner, f"extinction {name}", text, bool(value[1]))
    else:
        yield parameter(owner, "extinction", number(stored[0]), bool(stored[1]))


def _twins(owner: Owner, twins: Sequence[Any]) -> Iterator[Entry]:
    if len(twins) > 1:
        flag = bool(twins[0][1][1])
        yield parameter(owner, "twin fractions", f"{len(twins)} twin laws", flag)

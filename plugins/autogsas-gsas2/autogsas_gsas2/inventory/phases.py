"""The entries of a phase: cell, sites, moments, texture, modulation, Pawley intensities, rigid bodies in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autogsas.model.inventory import Entry, Kind, Treatment
from autogsas.model.recipe import Group
from autogsas.text.formatting import counted

from autogsas_gsas2.gpx_phase import site_labels
from autogsas_gsas2.inventory.parts import ALWAYS_FREE, Owner, guarded, number, parameter, part, unknown, unknown_keys

__all__ = ["of_phase"]

_PARTS = (
    *("ranId", "General", "Atoms", "Drawing", "Histograms", "Pawley ref", "RBModels", "pId", "MCSA", "RMC"),
    *("magPhases", "Draw Atoms", "Map Peaks", "ISODISTORT", "Deformations", "Layers", "Compare"),
)
_GENERAL = (
    *("Name", "Type", "AtomPtrs", "SGData", "Cell", "Pawley dmin", "Pawley dmax", "Pawley neg wt", "doPawley"),
    *("Data plot type", "SH Texture", "AtomTypes", "Isotopes", "Isotope", "POhkl", "Map", "Flip", "MCSA controls"),
    *("NoAtoms", "BondRadii", "AngleRadii", "vdWRadii", "AtomMass", "Color", "Mydir", "F000X", "F000N", "Mass", "Z"),
    *("HydIds", "Modulated", "3Dproj", "Super", "SuperVec", "SuperSg", "SSGData", "doDysnomia", "Dysnomia"),
    *("Compare", "Lande g", "MagDmin", "SpnIds", "DisAglCtls", "DisAglHideFlag", "cellZ", "RMC", "4DmapData"),
    *("SGFixed", "Atomdict", "SpnFlp", "Pawley", "AtomScl"),
)
_WAVES = {"Sfrac": "occupancy", "Spos": "position", "Sadp": "displacement parameter", "Smag": "moment"}
_NO_PAWLEY_CHOICE = (
    "the intensities stay refined from the first step, and choices on the structure have no effect; "
    "autogsas knows Le Bail intensities: set them in GSAS-II instead"
)
_MOMENT_LOST = (
    "the flag M is erased at the first step, so the moment stays at its value; "
    "refine it in GSAS-II, in best.gpx of the run"
)


def of_phase(owner: Owner, item: Mapping[str, Any], extracted: str) -> Iterator[Entry]:
    """Yield the entries of a phase.

    ``extracted`` is "Le Bail" or "Pawley" where no intensity comes from the structure, otherwise empty.
    """
    general = item["General"]
    yield parameter(owner, "cell", "", bool(general["Cell"][0]), ("cell",))
    yield from guarded(_pawley, owner, "Pawley ref", item)
    yield from guarded(_texture, owner, "SH Texture", general.get("SH Texture") or {})
    if general.get("Modulated"):
        yield from guarded(_modulation, owner, "SuperVec", general)
    yield from guarded(_sites, owner, "Atoms", item, extracted)
    for kind, bodies in (item.get("RBModels") or {}).items():
        yield from guarded(_bodies, owner, f"rigid bodies, {kind}", kind, bodies)
    yield from guarded(_deformations, owner, "Deformations", item.get("Deformations") or {})
    if item.get("ISODISTORT"):
        yield part(owner, Kind.OTHER, "ISODISTORT modes", reason="GSAS-II's constraints tie them to the sites")
    yield from unknown_keys(owner, "phase", item, _PARTS)
    yield from unknown_keys(owner, "General", general, _GENERAL)


def _sites(owner: Owner, item: Mapping[str, Any], extracted: str) -> Iterator[Entry]:
    general = item["General"]
    x, kind, _, adp = (int(pointer) for pointer in general["AtomPtrs"])
    labels = site_labels([str(atom[kind - 1]) for atom in item["Atoms"]])
    for atom, label in zip(item["Atoms"], labels, strict=True):
        site = Owner(owner.phase, site=label)
        letters = str(atom[kind + 1]).strip()
        isotropic = str(atom[adp]) == "I"
        tensor = "U_iso" if isotropic else "U_ij"
        values = [atom[adp + 1]] if isotropic else atom[adp + 2 : adp + 8]
        u: tuple[Group, ...] = ("uiso", "uiso_shared", "uaniso") if isotropic else ("uaniso",)
        parameters: tuple[tuple[str, str, Sequence[Any], tuple[Group, ...]], ...] = (
            ("X", "position", atom[x : x + 3], ("positions",)),
            ("U", tensor, values, u),
            ("F", "occupancy", [atom[x + 3]], ("occupancy",)),
        )
        for letter, name, found, groups in parameters:
            text = ", ".join(number(value) for value in found)
            if extracted:
                reason = f"has no effect with {extracted} intensities"
                yield part(site, Kind.FLAG, name, text, reason, refined=letter in letters)
            else:
                yield parameter(site, name, text, letter in letters, groups)
        if general.get("Type") == "magnetic" and ("M" in letters or any(map(float, atom[x + 4 : x + 7]))):
            yield _moment(site, atom[x + 4 : x + 7], "M" in letters)
            letters = letters.replace("M", "")
        for letter in dict.fromkeys(letters):
            if letter not in "XUF":
                yield unknown(site, f"flag {letter!r} of a site", letter, "the letter is erased at the first step")
        if general.get("Modulated") and isinstance(atom[-1], dict):
            yield from _waves(site, atom[-1].get("SS1", {}))


def _moment(site: Owner, moment: Sequence[Any], refined: bool) -> Entry:
    treatment, reason = (Treatment.NOT_SUPPORTED, _MOMENT_LOST) if refined else (Treatment.FIXED, "")
    text = ", ".join(number(value) for value in moment)
    return part(site, Kind.MOMENT, "magnetic moment", f"{text} µB", reason, treatment, refined)


def _waves(site: Owner, waves: Mapping[str, Any]) -> Iterator[Entry]:
    for name, stored in waves.items():
        if not isinstance(stored, (list, tuple)) or len(stored) < 2:
            continue
        if name not in _WAVES:
            yield unknown(site, f"modulation: {name}", stored)
            continue
        refined = any(bool(wave[1]) for wave in stored[1:])
        text = f"{stored[0]}, {counted(len(stored) - 1, 'wave')}"
        yield parameter(site, f"modulation of the {_WAVES[name]}", text, refined, kind=Kind.MODULATION)


def _modulation(owner: Owner, general: Mapping[str, Any]) -> Iterator[Entry]:
    vector, flag = general["SuperVec"][:2]
    text = ", ".join(number(value) for value in vector)
    yield parameter(owner, "modulation vector", text, bool(flag), kind=Kind.MODULATION)


def _texture(owner: Owner, texture: Mapping[str, Any]) -> Iterator[Entry]:
    if not texture.get("Order"):
        return
    flag, coefficients = texture["SH Coeff"]
    text = f"order {texture['Order']}, {texture['Model']}, {len(coefficients)} coefficients"
    yield parameter(owner, "texture (spherical harmonics)", text, bool(flag), kind=Kind.TEXTURE)
    for angle in ("omega", "chi", "phi"):
        flag, value = texture[f"Sample {angle}"]
        yield parameter(owner, f"texture, sample {angle}", number(value), bool(flag), kind=Kind.TEXTURE)


def _pawley(owner: Owner, item: Mapping[str, Any]) -> Iterator[Entry]:
    rows = item.get("Pawley ref") or ()
    column = 6 if item["General"].get("Modulated") else 5
    on = sum(bool(row[column]) for row in rows)
    if item["General"].get("doPawley"):
        text = f"{len(rows)} reflections, {on} refined"
        yield part(
            owner, Kind.INTENSITIES, "Pawley intensities", text, _NO_PAWLEY_CHOICE, Treatment.NOT_SUPPORTED, on > 0
        )
    elif rows:
        text = counted(len(rows), "reflection")
        yield part(owner, Kind.INTENSITIES, "Pawley reflections", text, "not in use: Pawley is off in the phase")


def _bodies(owner: Owner, kind: str, bodies: Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
    for body in bodies:
        free = [name for name, on in _body_flags(body) if on]
        text = f"{kind}; refined: {', '.join(free)}" if free else kind
        name = f"rigid body {body.get('RBname', '')}".strip()
        yield parameter(owner, name, text, bool(free), kind=Kind.RIGID_BODY)


def _body_flags(body: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    if "Orig" in body:
        yield "origin", bool(body["Orig"][1])
    if "Orient" in body:
        yield "orientation", bool(str(body["Orient"][1]).strip())
    if "ThermalMotion" in body:
        yield "thermal motion", any(map(bool, body["ThermalMotion"][2]))
    yield "torsions", any(bool(torsion[1]) for torsion in body.get("Torsions", ()))
    if "AtomFrac" in body:
        yield "occupancy", bool(body["AtomFrac"][1])


def _deformations(owner: Owner, stored: Mapping[Any, Any]) -> Iterator[Entry]:
    for key, orbitals in stored.items():
        if isinstance(orbitals, list) and orbitals:
            flags = [value[1] for orbital in orbitals for value in orbital[1].values() if isinstance(value, list)]
            free = any(map(bool, flags))
            reason, treatment = (ALWAYS_FREE, Treatment.NOT_SUPPORTED) if free else ("", Treatment.FIXED)
            text = f"atom {key}, {counted(len(orbitals), 'term')}"
            yield part(owner, Kind.OTHER, "electron density deformation", text, reason, treatment, free)

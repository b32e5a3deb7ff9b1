"""The entries of the whole project: constraints, restraints, rigid bodies, limits of parameters, controls, data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autogsas.model.inventory import Entry, Kind, Treatment
from autogsas.text.formatting import counted

from autogsas_gsas2.gpx_tree import item_data
from autogsas_gsas2.inventory.naming import Names
from autogsas_gsas2.inventory.parts import Owner, guarded, number, parameter, part, unknown_keys

__all__ = ["of_whole"]

_TYPES = {"e": "equivalence", "c": "constraint equation", "f": "new variable", "h": "hold"}
_RESTRAINTS = {
    "Bond": "Bonds",
    "Angle": "Angles",
    "Plane": "Planes",
    "Chiral": "Volumes",
    "Torsion": "Torsions",
    "Rama": "Ramas",
    "Texture": "HKLs",
    "ChemComp": "Sites",
    "General": "General",
    "Moments": "Moments",
}
_CONTROLS = (
    *("deriv type", "min dM/M", "shift factor", "max cyc", "F**2", "Copy2Next", "Reverse Seq", "Author", "FreePrm1"),
    *("FreePrm2", "FreePrm3", "LastSavedAs", "UsrReject", "HatomFix", "ShowCell", "LastSavedUsing", "SVDtol"),
    *("PythonVersions", "parmFrozen", "Marquardt", "parmMinDict", "parmMaxDict", "newLeBail", "SeqPseudoVars"),
    *("SeqParFitEqList", "Seq Data", "PhasePartials", "Notebook", "minF/sig", "histNames", "LastExportDir"),
    *("Comments", "ranId", "max Hprocess", "max Rprocess", "Multiprocessing_cores"),
)
_KNOWN_ITEMS = (
    *("Notebook", "Controls", "Covariance", "Constraints", "Restraints", "Rigid bodies", "Phases"),
    *("Sequential results", "Cluster Analysis"),
)
_OTHER_DATA = {"IMG": "image", "PDF": "PDF entry", "PKS": "peak list"}
_REFUSED_DATA = {"SASD": "small-angle pattern", "REFD": "reflectometry pattern"}
_SEQUENTIAL = (
    "sequential refinement is dropped: all histograms with a phase are refined together; "
    "save one project for each histogram in GSAS-II to refine them one by one"
)
_TIED_U = "trials with one U for several sites may fail, where it ties some of them already"
_NOBODY = Owner()


def of_whole(tree: Mapping[str, Any], names: Names) -> Iterator[Entry]:
    """Yield the entries that belong to no single phase or histogram."""
    yield from guarded(_constraints, _NOBODY, "Constraints", item_data(tree, "Constraints"), names)
    yield from guarded(_restraints, _NOBODY, "Restraints", item_data(tree, "Restraints"), names)
    yield from guarded(_bodies, _NOBODY, "Rigid bodies", item_data(tree, "Rigid bodies"))
    yield from guarded(_bounds, _NOBODY, "Controls", item_data(tree, "Controls"), names)
    yield from guarded(_controls, _NOBODY, "Controls", item_data(tree, "Controls"), names)
    counts: dict[str, int] = {}
    for key in tree:
        prefix, blank, _ = key.partition(" ")
        if blank and prefix in _OTHER_DATA:
            counts[prefix] = counts.get(prefix, 0) + 1
        elif blank and prefix in _REFUSED_DATA:
            reason = "autogsas refines powder patterns only; remove it in GSAS-II"
            yield part(_NOBODY, Kind.DATA, _REFUSED_DATA[prefix], key, reason, Treatment.NOT_SUPPORTED)
    for prefix, number_of in counts.items():
        yield part(_NOBODY, Kind.DATA, f"{_OTHER_DATA[prefix]}s", str(number_of), "not part of a refinement")
    if tree.get("Sequential results"):
        yield part(_NOBODY, Kind.DATA, "sequential results", reason="not part of a refinement")
    seen = (*_OTHER_DATA, *_REFUSED_DATA, "PWDR", "HKLF")
    others = {key: item.get("data") for key, item in tree.items() if key.partition(" ")[0] not in seen}
    yield from unknown_keys(_NOBODY, "project", others, _KNOWN_ITEMS)


def _constraints(_: Owner, stored: Mapping[str, Any], names: Names) -> Iterator[Entry]:
    for where, items in stored.items():
        if not isinstance(items, list):
            if where not in ("_seqmode", "_seqhist"):
                yield from unknown_keys(_NOBODY, "constraints", {where: items}, ())
            continue
        for one in items:
            yield from guarded(_constraint, _NOBODY, f"constraint of {where}", one, names)


def _constraint(_: Owner, one: Sequence[Any], names: Names) -> Iterator[Entry]:
    # [[factor, variable], ..., value or name, flag of a new variable, type]
    terms, value, flag, kind = one[:-3], one[-3], one[-2], str(one[-1])
    if kind not in _TYPES:
        yield from unknown_keys(_NOBODY, "constraint", {f"type {kind!r}": one}, ())
        return
    texts = [names.variable(variable) for _, variable in terms]
    factors = [float(factor) for factor, _ in terms]
    shown = [text if factor == 1 else f"{number(factor)} × {text}" for factor, text in zip(factors, texts, strict=True)]
    if kind == "e":
        # GSAS-II's equivalence: factor times variable are equal.
        yield part(_NOBODY, Kind.CONSTRAINT, _TYPES[kind], " = ".join(shown), _TIED_U if _ties_u(terms) else "")
    elif kind == "c":
        yield part(_NOBODY, Kind.CONSTRAINT, _TYPES[kind], f"{' + '.join(shown)} = {number(value)}")
    elif kind == "f":
        name = str(value or "").strip()
        text = f"{name} = {' + '.join(shown)}" if name else " + ".join(shown)
        yield parameter(_NOBODY, _TYPES[kind], text, bool(flag), kind=Kind.CONSTRAINT)
    else:
        yield part(_NOBODY, Kind.CONSTRAINT, _TYPES[kind], ", ".join(texts))


def _ties_u(terms: Sequence[Any]) -> bool:
    return len(terms) > 1 and all(Names.parameter(variable) == "AUiso" for _, variable in terms)


def _restraints(_: Owner, stored: Mapping[str, Any], names: Names) -> Iterator[Entry]:
    for phase, kinds in stored.items():
        if not isinstance(kinds, Mapping):
            continue
        owner = Owner(phase=names.phases.get(phase, phase))
        for kind, found in kinds.items():
            if kind not in _RESTRAINTS:
                yield from unknown_keys(owner, "restraints", {kind: found}, ())
                continue
            count = len(found.get(_RESTRAINTS[kind], ()))
            if count:
                reason = "" if phase in names.phases else "its phase is not in the project"
                reason = reason or ("counts in GSAS-II's least squares, not in Rwp" if found.get("Use") else "off")
                text = f"{count}, weight {number(found.get('wtFactor', 1.0))}"
                yield part(owner, Kind.RESTRAINT, kind, text, reason)


def _bodies(_: Owner, stored: Mapping[str, Any]) -> Iterator[Entry]:
    for kind in (key for key in stored if key != "RBIds"):
        for key, body in stored[kind].items():
            if key == "AtInfo" or not isinstance(body, Mapping):
                continue
            free = any(map(bool, body.get("VectRef", ())))
            name = f"definition of {body.get('RBname', key)}"
            text = f"{kind}, used {counted(int(body.get('useCount', 0)), 'time')}"
            yield parameter(_NOBODY, name, text, free, kind=Kind.RIGID_BODY)


def _bounds(_: Owner, controls: Mapping[str, Any], names: Names) -> Iterator[Entry]:
    for key, sign in (("parmMinDict", "≥"), ("parmMaxDict", "≤")):
        for variable, value in (controls.get(key) or {}).items():
            yield part(
                _NOBODY, Kind.BOUND, "limit of a parameter", f"{names.variable(variable)} {sign} {number(value)}"
            )
    frozen = (controls.get("parmFrozen") or {}).get("FrozenList", ())
    for variable in frozen:
        yield part(_NOBODY, Kind.BOUND, "frozen at its limit", names.variable(variable))


def _controls(_: Owner, controls: Mapping[str, Any], names: Names) -> Iterator[Entry]:
    cycles = f"{controls.get('max cyc')}, min dM/M {controls.get('min dM/M')}"
    yield part(_NOBODY, Kind.CONTROL, "cycles", cycles, "each step of a recipe has its own", Treatment.SEARCHED)
    method = controls.get("deriv type", "analytic Hessian")
    if method != "analytic Hessian":
        reason = "autogsas always refines with GSAS-II's analytic Hessian"
        yield part(_NOBODY, Kind.CONTROL, "least-squares method", str(method), reason, Treatment.NOT_SUPPORTED)
    sequence = controls.get("Seq Data") or ()
    if len(sequence):
        text = counted(len(sequence), "histogram")
        yield part(_NOBODY, Kind.CONTROL, "sequential refinement", text, _SEQUENTIAL, Treatment.NOT_SUPPORTED)
    for key in ("shift factor", "SVDtol", "Marquardt"):
        if key in controls:
            yield part(_NOBODY, Kind.CONTROL, key, number(controls[key]))
    if controls.get("HatomFix"):
        yield part(_NOBODY, Kind.CONTROL, "HatomFix", "hydrogen atoms ride")
    for key in ("SeqPseudoVars", "SeqParFitEqList"):
        if controls.get(key):
            yield part(_NOBODY, Kind.OTHER, key, str(len(controls[key])), "used after sequential refinements only")
    yield from unknown_keys(_NOBODY, "controls", controls, _CONTROLS)

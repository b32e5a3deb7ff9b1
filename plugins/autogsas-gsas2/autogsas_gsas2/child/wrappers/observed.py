"""Wrapper "observed": observed structure factors are calculated once a refinement instead of once a cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .guard import Guard, kind, module, same

_MULTIPLICITY, _POSITION, _FOBS = 3, 5, 8  # columns of GSAS-II's reflection table
_OUT, _IN, _UNSURE = 0, 1, 2
_MOST_SKIPPED = 64
"""Calls that may be postponed, a limit for the memory of their copies; a refinement rarely has more cycles."""


@dataclass(frozen=True)
class Skipped:
    """A skipped call of GetFobsSq, with all its inputs, so that it can be done later."""

    histograms: Any
    phases: Any
    parameters: dict[str, Any]
    controls: Any
    tables: list[Any]
    curves: list[Any]


def install(guard: Guard) -> None:
    """Skip GetFobsSq in HessRefine and dervRefine, because RefineCore calls it after the last cycle anyway.

    Two of its effects last longer than a cycle and are reproduced: the multiplicity of a reflection without a point in
    its range changes its sign, and such a reflection keeps the intensity of the call before. Nothing is skipped in a Le
    Bail extraction and for data other than constant-wavelength data.
    """
    math = module("GSASIIstrMath")
    observed = math.GetFobsSq
    in_cycle = False
    skipped: list[Skipped] = []

    def catch_up(Histograms: Any, patterns: list[Any]) -> None:
        calls = [call for call in skipped if call.histograms is Histograms]
        skipped.clear()
        _repeat(observed, calls, patterns)

    def GetFobsSq(Histograms: Any, Phases: Any, parmDict: Any, calcControls: Any) -> Any:
        def plain() -> Any:
            return observed(Histograms, Phases, parmDict, calcControls)

        patterns = [h for name, h in Histograms.items() if name[:4] == "PWDR"]
        case = " ".join(sorted({kind(parmDict, h) for h in patterns}))
        if not _may_be_skipped(Histograms, Phases, parmDict, case):
            skipped.clear()
            return plain()
        if in_cycle and guard.unknown(case):
            return _compared(guard, case, plain, patterns, Phases)
        if not in_cycle or not guard.proven(case):
            if skipped and any((r != _IN).any() for r in _reached(patterns, Phases, parmDict, calcControls)):
                catch_up(Histograms, patterns)
            skipped.clear()
            return plain()
        reached = _reached(patterns, Phases, parmDict, calcControls)
        if any((r == _UNSURE).any() for r in reached) or len(skipped) >= _MOST_SKIPPED:
            catch_up(Histograms, patterns)
            return plain()
        tables, curves = _tables(patterns), _curves(patterns)
        state = [table.copy() for table in tables], [curve.copy() for curve in curves]
        skipped.append(Skipped(Histograms, Phases, dict(parmDict), calcControls, *state))
        for table, offset, where in zip(tables, _offsets(patterns, Phases), reached, strict=True):
            table[where == _OUT, _MULTIPLICITY + offset] *= -1
        return None

    def cycle(inner: Any) -> Any:
        def refine(*args: Any, **named: Any) -> Any:
            nonlocal in_cycle
            in_cycle = True
            try:
                return inner(*args, **named)
            finally:
                in_cycle = False

        return refine

    math.GetFobsSq = GetFobsSq
    math.HessRefine = cycle(math.HessRefine)
    math.dervRefine = cycle(math.dervRefine)


def _may_be_skipped(histograms: Any, phases: Any, parameters: Any, case: str) -> bool:
    """Return whether this wrapper applies: constant-wavelength patterns without Le Bail and without unused lists."""
    lebail = any(name.endswith(":LeBail") and on for name, on in parameters.items())
    kinds = case.split()
    return (
        bool(kinds)
        and not lebail
        and all(one[2:3] == "C" for one in kinds)
        and not _has_orphan_list(histograms, phases)
    )


def _repeat(observed: Any, calls: list[Skipped], patterns: list[Any]) -> None:
    """Do skipped calls of GetFobsSq with their own inputs; only the observed intensities are changed."""
    tables, curves = _tables(patterns), _curves(patterns)
    now = [table.copy() for table in tables], [curve.copy() for curve in curves]
    columns = [_FOBS + offset for offset in _offsets(patterns, calls[0].phases)] if calls else []
    for call in calls:
        for table, column, values in zip(tables, columns, call.tables, strict=True):
            _set_all_but(table, column, values)
        for curve, values in zip(curves, call.curves, strict=True):
            curve[...] = values
        observed(call.histograms, call.phases, call.parameters, call.controls)
    for table, column, values in zip(tables, columns, now[0], strict=False):
        _set_all_but(table, column, values)
    for curve, values in zip(curves, now[1], strict=True):
        curve[...] = values


def _set_all_but(table: Any, column: int, values: Any) -> None:
    kept = table[:, column].copy()
    table[...] = values
    table[:, column] = kept


def _tables(patterns: list[Any]) -> list[Any]:
    return [reflections["RefList"] for h in patterns for reflections in h["Reflection Lists"].values()]


def _curves(patterns: list[Any]) -> list[Any]:
    return [np.ma.getdata(curve) for h in patterns for curve in h["Data"][3:5]]


def _offsets(patterns: list[Any], phases: Any) -> list[int]:
    names = [name for h in patterns for name in h["Reflection Lists"]]
    return [int(bool(phases[name]["General"].get("Modulated"))) for name in names]


def _has_orphan_list(histograms: Any, phases: Any) -> bool:
    """Return whether a reflection list belongs to a phase that was deleted, renamed or removed from the histogram."""
    return any(
        phase not in phases or name not in phases[phase]["Histograms"]
        for name, histogram in histograms.items()
        if name[:4] == "PWDR"
        for phase in histogram["Reflection Lists"]
    )


def _reached(patterns: list[Any], phases: Any, parameters: Any, controls: Any) -> list[Any]:
    """Return for each table whether each reflection has points in its range that are within the limits and not masked.

    _IN and _OUT are certain also if the range is one point wider or narrower at both ends; otherwise _UNSURE. The range
    is GSAS-II's own in GetFobsSq.
    """
    found = []
    for histogram in patterns:
        prefix = f":{histogram['hId']}:"
        x = np.ma.getdata(histogram["Data"][0])
        open_points = np.concatenate(([0], np.cumsum(~np.ma.getmaskarray(histogram["Data"][0]))))
        low, high = np.searchsorted(x, controls[prefix + "Limits"])
        divergence = max(parameters[prefix + "SH/L"], 0.0005)
        for name, reflections in histogram["Reflection Lists"].items():
            table = reflections["RefList"]
            first = _POSITION + int(bool(phases[name]["General"].get("Modulated")))
            position, variance, lorentzian = table[:, first], table[:, first + 1], table[:, first + 2]
            with np.errstate(invalid="ignore"):
                width = np.maximum(2.355 * np.sqrt(variance) / 100.0 + lorentzian / 100.0, 0.0001)
                below, above = 50.0 * (width + divergence * np.abs(np.cos(np.radians(position)))), 75.0 * width
                turned = position > 90.0
                begin = np.searchsorted(x, position - np.where(turned, above, below))
                end = np.searchsorted(x, position + np.where(turned, below, above))
            narrow, wide = (
                _open(open_points, begin + 1, end - 1, low, high),
                _open(open_points, begin - 1, end + 1, low, high),
            )
            where = np.full(len(table), _UNSURE)
            where[wide == 0] = _OUT
            where[narrow > 0] = _IN
            # At the very beginning of the data GSAS-II skips an empty range without changing the sign.
            where[(where == _OUT) & (np.maximum(low, begin) + np.maximum(low, np.minimum(end, high)) < 4)] = _UNSURE
            where[~np.isfinite(position + width)] = _UNSURE
            found.append(where)
    return found


def _open(open_points: Any, begin: Any, end: Any, low: int, high: int) -> Any:
    first = np.clip(begin, low, len(open_points) - 1)
    return open_points[np.maximum(np.clip(end, low, high), first)] - open_points[first]


def _compared(guard: Guard, case: str, plain: Any, patterns: list[Any], phases: Any) -> Any:
    """Call GetFobsSq and check that it changes only intensities and the signs that this wrapper changes."""
    before = [table.copy() for table in _tables(patterns)]
    data = [[np.ma.getdata(array).copy() for array in h["Data"]] for h in patterns]
    answer = plain()
    after = [table.copy() for table in _tables(patterns)]
    for table, old, offset in zip(after, before, _offsets(patterns, phases), strict=True):
        table[:, _FOBS + offset] = old[:, _FOBS + offset]
        table[:, _MULTIPLICITY + offset] = np.abs(table[:, _MULTIPLICITY + offset])
        old[:, _MULTIPLICITY + offset] = np.abs(old[:, _MULTIPLICITY + offset])
    now = [[np.ma.getdata(array) for array in h["Data"]] for h in patterns]
    guard.settle(
        case, same([answer, after, now], [None, before, data]), "GetFobsSq changes more than the wrapper expects"
    )
    return answer

"""Wrapper "observed": observed structure factors once a refinement, not once a cycle."""

from __future__ import annotations

from typing import Any

import numpy as np

from .guard import Guard, kind, module, same

_FOBS = 8
_MULTIPLICITY = 3


def install(guard: Guard) -> None:
    """Leave GetFobsSq out of HessRefine and dervRefine; RefineCore calls it after the last cycle anyway.

    It stays where the next cycle needs what it does: in a Le Bail extraction, and where it turns the sign of the
    multiplicity of a reflection that lies wholly in an excluded region.
    """
    math, powder = module("GSASIIstrMath"), module("GSASIIpwd")
    observed = math.GetFobsSq
    in_cycle = False

    def GetFobsSq(Histograms: Any, Phases: Any, parmDict: Any, calcControls: Any) -> Any:
        def plain() -> Any:
            return observed(Histograms, Phases, parmDict, calcControls)

        if not in_cycle or any(name.endswith(":LeBail") and on for name, on in parmDict.items()):
            return plain()
        patterns = [h for name, h in Histograms.items() if name[:4] == "PWDR"]
        case = " ".join(sorted({kind(parmDict, h) for h in patterns}))
        if guard.unknown(case):
            return _compared(guard, case, plain, patterns, Phases)
        if not guard.proven(case):
            return plain()
        if any(np.ma.getmaskarray(h["Data"][0]).any() for h in patterns):
            return _signs_only(plain, powder, patterns)
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


def _tables(patterns: list[Any]) -> list[Any]:
    return [reflections["RefList"] for h in patterns for reflections in h["Reflection Lists"].values()]


def _compared(guard: Guard, case: str, plain: Any, patterns: list[Any], phases: Any) -> Any:
    offsets = {int(bool(phase["General"].get("Modulated"))) for phase in phases.values()}
    if len(offsets) != 1:
        return plain()
    offset = offsets.pop()
    masked = any(np.ma.getmaskarray(h["Data"][0]).any() for h in patterns)
    free = [_FOBS + offset, _MULTIPLICITY + offset] if masked else [_FOBS + offset]
    before = [table.copy() for table in _tables(patterns)]
    data = [[np.ma.getdata(array).copy() for array in h["Data"]] for h in patterns]
    answer = plain()
    after = [table.copy() for table in _tables(patterns)]
    for table, old in zip(after, before, strict=True):
        table[:, free] = old[:, free]
    now = [[np.ma.getdata(array) for array in h["Data"]] for h in patterns]
    guard.settle(case, same([answer, after, now], [None, before, data]), "GetFobsSq changes more than it did")
    return answer


def _signs_only(plain: Any, powder: Any, patterns: list[Any]) -> Any:
    """Call GetFobsSq with an empty peak; where that turns a sign, put all back and call it in earnest."""
    before = [table.copy() for table in _tables(patterns)]
    shape = powder.getFCJVoigt3
    powder.getFCJVoigt3 = lambda pos, sig, gam, shl, xdata: (np.zeros(len(xdata)), 1.0)
    try:
        plain()
    finally:
        powder.getFCJVoigt3 = shape
    turned = any(
        not np.array_equal(np.sign(table[:, 3:5]), np.sign(old[:, 3:5]))
        for table, old in zip(_tables(patterns), before, strict=True)
    )
    for table, old in zip(_tables(patterns), before, strict=True):
        table[...] = old
    return plain() if turned else None

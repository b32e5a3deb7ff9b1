"""Wrapper "plain": ordinary arrays instead of masked arrays in which nothing is masked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .guard import Guard, kind, module


def unmasked(x: Any) -> Any:
    """Return the data of a masked array in which nothing is masked; any other array is returned as it is."""
    if isinstance(x, np.ma.MaskedArray) and not np.ma.getmaskarray(x).any():
        return np.ma.getdata(x)
    return x


def finite(*values: Any) -> bool:
    """Return whether no value is infinite or NaN."""
    return all(bool(np.isfinite(value).all()) for value in values)


def reflection_lists(histogram: Any) -> list[Any]:
    """Return the reflection tables of a histogram; calculating the pattern changes them in place."""
    return [reflections["RefList"] for reflections in histogram["Reflection Lists"].values()]


def install(guard: Guard) -> None:
    """Pass ordinary arrays to GSASIIstrMath.getPowderProfile and getPowderProfileDerv.

    Masked arrays hide a division by zero, which ordinary arrays do not: if a result is not finite, the call is repeated
    as GSAS-II does it.
    """
    math = module("GSASIIstrMath")
    pattern, derivatives = math.getPowderProfile, math.getPowderProfileDerv

    def getPowderProfile(
        parmDict: Any, histDict1: Any, x: Any, varylist: Any, Histogram: Any, *rest: Any, **named: Any
    ) -> Any:
        plain_x = unmasked(x)
        if plain_x is x:
            return pattern(parmDict, histDict1, x, varylist, Histogram, *rest, **named)

        def plain() -> Any:
            return pattern(parmDict, histDict1, x, varylist, Histogram, *rest, **named)

        def fast() -> Any:
            before = [table.copy() for table in reflection_lists(Histogram)]
            answer = pattern(parmDict, histDict1, plain_x, varylist, Histogram, *rest, **named)
            if finite(*answer):
                return answer
            for table, values in zip(reflection_lists(Histogram), before, strict=True):
                table[...] = values
            return plain()

        case = f"pattern {kind(parmDict, Histogram)}"
        return guard.first_use(case, plain, fast, lambda: reflection_lists(Histogram))

    def getPowderProfileDerv(args: Any) -> Any:
        plain_x = unmasked(args[1])
        if plain_x is args[1]:
            return derivatives(args)

        def fast() -> Any:
            answer = derivatives([args[0], plain_x, *args[2:]])
            return answer if finite(answer[0]) else derivatives(args)

        case = f"derivatives {kind(args[0], args[3])}"
        return guard.first_use(case, lambda: derivatives(args), fast)

    math.getPowderProfile = getPowderProfile
    math.getPowderProfileDerv = getPowderProfileDerv

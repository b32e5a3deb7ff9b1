"""Wrappers "lookup", "factors", "orientation" and "idle": derivatives by fixed parameters are not calculated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .guard import Guard, kind, module

_CELL = ("A0", "A1", "A2", "A3", "A4", "A5", "Vol")


class Names(list[str]):
    """A list of parameter names with a table for `in` and `index`."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(names)
        self._first: dict[str, int] = {}
        for number, name in enumerate(self):
            self._first.setdefault(name, number)

    def __contains__(self, name: object) -> bool:
        return name in self._first

    def index(self, name: str, *limits: Any) -> int:
        """Return the position of the first occurrence. Raises ValueError if there is none."""
        if limits:
            return super().index(name, *limits)
        try:
            return self._first[name]
        except KeyError:
            raise ValueError(f"{name!r} is not in list") from None


def need_structure_factors(names: Iterable[str]) -> bool:
    """Return whether derivatives by these parameters may need those of structure factors.

    Parameters of histograms, cells and samples do not need them.
    """
    for name in names:
        if "RB" in name:
            return True
        head, _, rest = name.partition(":")
        histogram, _, term = rest.partition(":")
        if head == "" and histogram.isdigit():
            continue
        if not head.isdigit():
            return True
        if histogram == "" and term not in _CELL:
            return True
        if term in ("BabA", "BabU", "Flack"):
            return True
    return False


def _case(args: Any) -> str:
    return kind(args[0], args[3])


def lookup(guard: Guard) -> None:
    """Let getPowderProfileDerv find parameters in a table, which it does dozens of times for each reflection."""
    math = module("GSASIIstrMath")
    inner = math.getPowderProfileDerv

    def getPowderProfileDerv(args: Any) -> Any:
        def fast() -> Any:
            return inner([*args[:2], Names(args[2]), *args[3:8], Names(args[8]), *args[9:]])

        return guard.first_use(_case(args), lambda: inner(args), fast)

    math.getPowderProfileDerv = getPowderProfileDerv


def factors(guard: Guard) -> None:
    """Leave out StructureFactorDerv2 if no parameter of atoms, rigid bodies or solvent is refined."""
    math = module("GSASIIstrMath")
    inner, structure = math.getPowderProfileDerv, math.StructureFactorDerv2
    idle = False

    def StructureFactorDerv2(*args: Any, **named: Any) -> Any:
        return {} if idle else structure(*args, **named)

    def getPowderProfileDerv(args: Any) -> Any:
        bodies = args[5].get("RBIds", {})
        if any(bodies.get(kind) for kind in ("Vector", "Residue")) or need_structure_factors([*args[2], *args[8]]):
            return inner(args)

        def fast() -> Any:
            nonlocal idle
            idle = True
            try:
                return inner(args)
            finally:
                idle = False

        return guard.first_use(_case(args), lambda: inner(args), fast)

    math.StructureFactorDerv2 = StructureFactorDerv2
    math.getPowderProfileDerv = getPowderProfileDerv


class RequestedNames:
    """The parameters for which a call requests derivatives, by the prefix of their phase and histogram."""

    def __init__(self, args: Any) -> None:
        self.names = {*args[2], *args[8]}
        self._terms: dict[str, set[str]] = {}

    def terms(self, prefix: str) -> set[str]:
        """Return the names after a prefix such as "0:0:", without the number after a semicolon."""
        found = self._terms.get(prefix)
        if found is None:
            found = {name.removeprefix(prefix).partition(";")[0] for name in self.names if name.startswith(prefix)}
            self._terms[prefix] = found
        return found


def orientation(guard: Guard) -> None:
    """Leave out GetPrefOriDerv's sum over equivalent reflections if the March-Dollase ratio is not refined."""
    math = module("GSASIIstrMath")
    inner, preferred = math.getPowderProfileDerv, math.GetPrefOriDerv
    requested: RequestedNames | None = None

    def GetPrefOriDerv(
        refl: Any,
        im: Any,
        uniq: Any,
        G: Any,
        g: Any,
        phfx: Any,
        hfx: Any,
        SGData: Any,
        calcControls: Any,
        parmDict: Any,
    ) -> Any:
        if requested is not None and "MD" not in requested.terms(phfx) and calcControls[phfx + "poType"] == "MD":
            return 1.0, {}
        return preferred(refl, im, uniq, G, g, phfx, hfx, SGData, calcControls, parmDict)

    def getPowderProfileDerv(args: Any) -> Any:
        def fast() -> Any:
            nonlocal requested
            requested = RequestedNames(args)
            try:
                return inner(args)
            finally:
                requested = None

        return guard.first_use(_case(args), lambda: inner(args), fast)

    math.GetPrefOriDerv = GetPrefOriDerv
    math.getPowderProfileDerv = getPowderProfileDerv


_STRAIN = frozenset(("D11", "D22", "D33", "D12", "D13", "D23", "eA"))
_WIDTHS = frozenset(("Size", "Mustrain"))
_ABSORPTION = frozenset(("Absorption", "SurfRoughA", "SurfRoughB"))


def idle(guard: Guard) -> None:
    """Leave out the derivatives by strain shift, sample broadening, extinction and absorption if they are not refined.

    GSAS-II calls the four functions for each reflection and ignores what they return in that case.
    """
    math = module("GSASIIstrMath")
    inner = math.getPowderProfileDerv
    strain, widths = math.GetHStrainShiftDerv, math.GetSampleSigGamDerv
    extinction, absorption = math.GetPwdrExtDerv, math.GetAbsorbDerv
    requested: RequestedNames | None = None
    nothing = np.zeros(2)
    nothing.flags.writeable = False

    def GetHStrainShiftDerv(
        refl: Any, im: Any, SGData: Any, phfx: Any, hfx: Any, calcControls: Any, parmDict: Any
    ) -> Any:
        if requested is not None and requested.terms(phfx).isdisjoint(_STRAIN):
            return {}
        return strain(refl, im, SGData, phfx, hfx, calcControls, parmDict)

    def GetSampleSigGamDerv(
        refl: Any,
        im: Any,
        wave: Any,
        G: Any,
        GB: Any,
        SGData: Any,
        hfx: Any,
        phfx: Any,
        calcControls: Any,
        parmDict: Any,
    ) -> Any:
        if requested is not None and requested.terms(phfx).isdisjoint(_WIDTHS):
            return {}, {}
        return widths(refl, im, wave, G, GB, SGData, hfx, phfx, calcControls, parmDict)

    def GetPwdrExtDerv(refl: Any, im: Any, pfx: Any, phfx: Any, hfx: Any, calcControls: Any, parmDict: Any) -> Any:
        if requested is not None and "Extinction" not in requested.terms(phfx):
            return 0.0
        return extinction(refl, im, pfx, phfx, hfx, calcControls, parmDict)

    def GetAbsorbDerv(refl: Any, im: Any, hfx: Any, calcControls: Any, parmDict: Any) -> Any:
        if requested is not None and requested.terms(hfx).isdisjoint(_ABSORPTION):
            return nothing
        return absorption(refl, im, hfx, calcControls, parmDict)

    def getPowderProfileDerv(args: Any) -> Any:
        def fast() -> Any:
            nonlocal requested
            requested = RequestedNames(args)
            try:
                return inner(args)
            finally:
                requested = None

        return guard.first_use(_case(args), lambda: inner(args), fast)

    math.GetHStrainShiftDerv, math.GetSampleSigGamDerv = GetHStrainShiftDerv, GetSampleSigGamDerv
    math.GetPwdrExtDerv, math.GetAbsorbDerv = GetPwdrExtDerv, GetAbsorbDerv
    math.getPowderProfileDerv = getPowderProfileDerv

"""Wrapper "xsect": the table of X-ray cross sections is read once for each element instead of at each use."""

from __future__ import annotations

import copy
from typing import Any

from .guard import Guard, module


def install(guard: Guard) -> None:
    """Cache what GSASIIElem.GetXsectionCoeff reads; each caller gets a copy."""
    elements = module("GSASIIElem")
    read = elements.GetXsectionCoeff
    known: dict[str, Any] = {}

    def GetXsectionCoeff(El: str) -> Any:
        if El not in known:
            known[El] = read(El)
            return copy.deepcopy(known[El])
        return guard.first_use("any", lambda: read(El), lambda: copy.deepcopy(known[El]))

    elements.GetXsectionCoeff = GetXsectionCoeff

"""Wrapper "xsect": the table of X-ray cross sections is read once an element, not once a use."""

from __future__ import annotations

import copy
from typing import Any

from .guard import Guard, module


def install(guard: Guard) -> None:
    """Remember what GSASIIElem.GetXsectionCoeff reads; every caller gets its own copy."""
    elements = module("GSASIIElem")
    read = elements.GetXsectionCoeff
    known: dict[str, Any] = {}

    def GetXsectionCoeff(El: str) -> Any:
        if El not in known:
            known[El] = read(El)
            return copy.deepcopy(known[El])
        return guard.first_use("any", lambda: read(El), lambda: copy.deepcopy(known[El]))

    elements.GetXsectionCoeff = GetXsectionCoeff

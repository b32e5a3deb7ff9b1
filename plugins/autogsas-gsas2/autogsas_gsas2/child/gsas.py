"""GSAS-II's modules, in whichever of their two layouts they are installed."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import Any

__all__ = ["Gsas", "load"]


@dataclass(frozen=True)
class Gsas:
    """The modules of GSAS-II that the child uses."""

    scriptable: Any
    main: Any
    io: Any
    math: Any
    derivatives: Any
    constraints: Any
    pwd: Any
    groups: Any
    lattice: Any
    version: str


def load(layout: str, path: str) -> Gsas:
    """Import GSAS-II: ``layout`` "package" or "flat", ``path`` the folder its modules lie in where it is not found.

    Raises whatever a half-installed GSAS-II raises.
    """
    if path:
        sys.path.insert(0, path)
    prefix = "GSASII." if layout == "package" else ""
    scriptable = importlib.import_module(prefix + "GSASIIscriptable")
    # The readers are imported on first use, a third of a second that every fork would pay.
    scriptable.LoadG2fil()
    return Gsas(
        scriptable=scriptable,
        main=importlib.import_module(prefix + "GSASIIstrMain"),
        io=importlib.import_module(prefix + "GSASIIstrIO"),
        math=importlib.import_module(prefix + "GSASIImath"),
        derivatives=importlib.import_module(prefix + "GSASIIstrMath"),
        constraints=importlib.import_module(prefix + "GSASIImapvars"),
        pwd=importlib.import_module(prefix + "GSASIIpwd"),
        groups=importlib.import_module(prefix + "GSASIIspc"),
        lattice=importlib.import_module(prefix + "GSASIIlattice"),
        version=str(importlib.import_module(prefix + "GSASIIpath").GetVersionNumber()),
    )

"""GSAS-II's modules, in either of the two layouts in which they are installed."""

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
    """Import GSAS-II; ``layout`` is "package" or "flat", ``path`` a folder to add to ``sys.path`` ("" for none).

    Raises whatever an incomplete installation of GSAS-II raises.
    """
    if path:
        sys.path.insert(0, path)
    prefix = "GSASII." if layout == "package" else ""
    scriptable = importlib.import_module(prefix + "GSASIIscriptable")
    # GSAS-II imports its readers on first use, which takes a third of a second: done here once, not in each fork.
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

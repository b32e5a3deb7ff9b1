"""autogsas: automatic Rietveld refinement as a search over how to refine."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from autogsas.version import __version__

if TYPE_CHECKING:
    from autogsas.api import open_run, refine, run
    from autogsas.commands.compare import compare
    from autogsas.errors import AutogsasError, UserError
    from autogsas.hooks.specs import hookimpl

__all__ = ["AutogsasError", "UserError", "__version__", "compare", "hookimpl", "open_run", "refine", "run"]

_LAZY = {
    "AutogsasError": "autogsas.errors",
    "UserError": "autogsas.errors",
    "compare": "autogsas.commands.compare",
    "hookimpl": "autogsas.hooks.specs",
    "open_run": "autogsas.api",
    "refine": "autogsas.api",
    "run": "autogsas.api",
}


def __getattr__(name: str) -> Any:
    # Imported on first use, so that `import autogsas` costs milliseconds.
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

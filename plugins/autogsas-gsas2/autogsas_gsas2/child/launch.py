"""Starts the child in GSAS-II's interpreter; arguments: the layout of GSAS-II's modules and the folder they are in.

The package ``autogsas_gsas2`` is made available here by its own folder alone, because the packages in the host's
``site-packages`` must not be visible to that interpreter.
"""

from __future__ import annotations

import os
import sys
import types


def _main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    package = types.ModuleType("autogsas_gsas2")
    package.__path__ = [os.path.dirname(here)]
    sys.modules["autogsas_gsas2"] = package
    from autogsas_gsas2.child.main import serve

    serve(layout=sys.argv[1], path=sys.argv[2])


if __name__ == "__main__":
    _main()

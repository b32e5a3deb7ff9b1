"""A pattern refined by a backend of the host: ``python -m tests.benchmarks.engines.host Y2O3 numpy``."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

from autogsas.hooks.host import Host
from autogsas.model.metrics import rwp
from tests.benchmarks.engines.memory import descendants_peak, own_peak
from tests.benchmarks.measure import MARK
from tests.benchmarks.patterns import counted_points, load


def main(name: str, engine: str) -> dict[str, object]:
    """Return the measurements of one refinement, from the opening of the session to its result."""
    project = load(name)
    backend = Host().backend(engine)
    # What a search pays once for all its trials is not counted: imports, and the start of GSAS-II's warm child.
    if engine == "gsas2":
        discovery = importlib.import_module("autogsas_gsas2.discovery")
        importlib.import_module("autogsas_gsas2.child_process").running_child(discovery.find().installation)
    else:
        importlib.import_module("autogsas.engine.session")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        session = backend.open(project, Path(folder))
        try:
            steps = [session.refine(step) for step in project.recipes[0].steps]
            result = session.result()
            seconds = time.perf_counter() - started
            others = descendants_peak()
        finally:
            session.close()
    curves = result.curves[0]
    inside = curves.weights > 0
    return {
        "version": result.backend_version,
        "seconds": seconds,
        "peak": own_peak() if others is None else others,
        "host": own_peak(),
        "cycles": sum(step.cycles for step in steps),
        "variables": steps[-1].n_variables,
        "points": counted_points(project),
        "rwp": rwp(curves.observed[inside], curves.calculated[inside], curves.weights[inside]),
        "converged": all(step.converged for step in steps),
    }


if __name__ == "__main__":
    print(MARK + json.dumps(main(sys.argv[1], sys.argv[2]), default=float))

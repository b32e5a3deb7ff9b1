"""A pattern refined by rietx with one of its own plans: ``rietx_plan.py JOB.json PLAN``, by a Python with rietx.

The plan decides what is freed and when; the recipe gives only the range and the number of background terms.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from memory import own_peak  # type: ignore[import-not-found]


def main(path: Path, plan: str) -> dict[str, Any]:
    """Return the measurements of a job."""
    import rietx

    job = json.loads(path.read_text())
    terms = next(step["background"][1] for step in job["steps"] if step["background"])
    started = time.perf_counter()
    data = rietx.read_pattern(path.parent / job["data"])
    structure = rietx.Structure.from_cif(path.parent / job["phase"])
    instrument = rietx.read_gsas2_instprm(path.parent / job["instrument"])
    flat = [rietx.Parameter(value=0.0, vary=True) for _ in range(terms)]
    instrument.background = rietx.BackgroundChebyshev(coefficients=flat)
    refinement = rietx.Refinement(structure, instrument, history=False)
    result = refinement.fit(data, plan=plan, two_theta_limits=tuple(job["limits"]), telemetry=False)
    return {
        "version": version("rietx"),
        "seconds": time.perf_counter() - started,
        "peak": own_peak(),
        "cycles": sum(stage.n_iterations for stage in result.stages),
        "variables": result.statistics.n_free_parameters,
        "points": result.statistics.n_points,
        "rwp": 100.0 * result.statistics.rwp,
        "converged": result.status == "converged",
    }


if __name__ == "__main__":
    print("MEASURED " + json.dumps(main(Path(sys.argv[1]).resolve(), sys.argv[2])))

"""A recipe in GSAS-II as a user would script it, with GSASIIscriptable alone; run by the Python of GSAS-II.

GSAS2_PYTHON gsas2_plain.py JOB.json FOLDER, where FOLDER is what must come first on the path to import GSAS-II, or "".
Nothing here uses autogsas: the refinement is repeated until it no longer changes, as a careful user does.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from memory import own_peak  # type: ignore[import-not-found]

_BATCH, _MOST_CYCLES = 20, 60
_TOLERANCE, _FINE_TOLERANCE, _STILL = 1e-5, 1e-6, 1e-5
_SETTLED, _DAMPED = 0.05, 0.005  # of the last shifts over their esds; Marquardt's lambda that makes shifts short
_LEAST_SHL = 0.002  # below, GSAS-II counts no axial divergence, and the value runs away
_INSTRUMENT = {"U": "U", "V": "V", "W": "W", "X": "X", "Y": "Y", "SH/L": "SH/L", "zero": "Zero"}


def main(path: Path, scriptable: Any, cycles: list[int]) -> dict[str, Any]:
    """Return the measurements of a job; least squares appends its numbers of cycles to ``cycles``."""
    job = json.loads(path.read_text())
    folder = Path(tempfile.mkdtemp(prefix="plain-"))
    try:
        started = time.perf_counter()
        project = scriptable.G2Project(newgpx=str(folder / "plain.gpx"))
        data, instrument, structure = (str(path.parent / job[name]) for name in ("data", "instrument", "phase"))
        histogram = project.add_powder_histogram(data, instrument, fmthint="xye")
        histogram.SampleParameters["Type"] = job["geometry"]
        histogram.SampleParameters["Gonio. radius"] = job["radius"]
        for name in ("Shift", "Transparency", "DisplaceX", "DisplaceY"):
            histogram.SampleParameters.setdefault(name, [0.0, False])
        phase = project.add_phase(structure, phasename="phase", histograms=[histogram], fmthint="CIF")
        _tie(project, phase)
        project.set_Controls("parmMin", _LEAST_SHL, ":0:SH/L")
        settled = True
        free: set[str] = set()
        for step in job["steps"]:
            free.update(step["free"])
            _apply(step, free, histogram, phase)
            settled = _refine(project, cycles) and settled
        seconds = time.perf_counter() - started
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    x, observed, calculated, weights = (
        np.ma.getdata(histogram.getdata(name)) for name in ("x", "yobs", "ycalc", "yweight")
    )
    inside = (x >= job["limits"][0] - 1e-6) & (x <= job["limits"][1] + 1e-6)
    misfit = np.sum((weights * (observed - calculated) ** 2)[inside]) / np.sum((weights * observed**2)[inside])
    return {
        "seconds": seconds,
        "peak": own_peak(),
        "cycles": sum(cycles),
        "variables": len(project["Covariance"]["data"]["varyList"]),
        "points": int(np.count_nonzero(inside)),
        "rwp": 100.0 * float(np.sqrt(misfit)),
        "converged": settled,
    }


def _tie(project: Any, phase: Any) -> None:
    """Constrain atoms on the same site to one U_iso."""
    places: dict[tuple[float, ...], list[str]] = {}
    for index, atom in enumerate(phase.atoms()):
        places.setdefault(tuple(round(float(value), 5) for value in atom.coordinates), []).append(f"0::AUiso:{index}")
    for together in places.values():
        if len(together) > 1:
            project.add_EquivConstr(together)


def _apply(step: dict[str, Any], free: set[str], histogram: Any, phase: Any) -> None:
    histogram.Limits("lower", step["limits"][0])
    histogram.Limits("upper", step["limits"][1])
    if step["background"]:
        function, terms = step["background"]
        histogram.set_refinements(
            {"Background": {"type": function, "no. coeffs": terms, "refine": "background" in free}}
        )
    wanted = [name for group, name in _INSTRUMENT.items() if group in free]
    if wanted:
        histogram.set_refinements({"Instrument Parameters": wanted})
    if "displacement" in free:
        flat = histogram.SampleParameters["Type"] == "Bragg-Brentano"
        histogram.set_refinements({"Sample Parameters": ["Shift"] if flat else ["DisplaceX", "DisplaceY"]})
    if "cell" in free:
        phase.set_refinements({"Cell": True})
    flags = ("X" if "positions" in free else "") + ("U" if "uiso" in free else "")
    for atom in phase.atoms():
        atom.refinement_flags = flags


def _refine(project: Any, cycles: list[int]) -> bool:
    """Refine in batches of cycles until nothing changes; return whether that was reached."""
    controls = project.data["Controls"]["data"]
    done, tolerance = 0, _TOLERANCE
    while True:
        controls["max cyc"], controls["min dM/M"] = _BATCH, tolerance
        before = len(cycles)
        project.data["Covariance"]["data"] = {}
        project.refine()
        found = project["Covariance"]["data"]
        values = found["Rvals"]
        done += max(sum(cycles[before:]), 1)
        shifts = values.get("lastShifts") or {}
        esds = dict(zip(found["varyList"], found["sig"], strict=True))
        short = max((abs(shifts.get(n, 0.0)) / s for n, s in esds.items() if s and np.isfinite(s)), default=0.0)
        stuck = bool(values.get("Aborted"))
        if short < _SETTLED and not stuck and float(values.get("lamMax", 0.0)) <= _DAMPED:
            return True
        still = abs(values.get("GOF0", np.inf) ** 2 - values["GOF"] ** 2) <= _STILL * values["GOF"] ** 2
        if still and (values.get("converged") or stuck):
            return True
        if done >= _MOST_CYCLES:
            return False
        tolerance = _FINE_TOLERANCE


def _load(folder: str) -> tuple[Any, list[int]]:
    """Return GSASIIscriptable and a list to which each least squares appends its cycles, which it does not report."""
    if folder:
        sys.path.insert(0, folder)
    try:
        from GSASII import GSASIImath, GSASIIscriptable
    except ImportError:
        import GSASIImath
        import GSASIIscriptable
    cycles: list[int] = []
    original = GSASIImath.HessianLSQ

    def counted(*arguments: Any, **named: Any) -> Any:
        answer = original(*arguments, **named)
        cycles.append(int(answer[2].get("num cyc", 0)))
        return answer

    GSASIImath.HessianLSQ = counted
    GSASIIscriptable.SetPrintLevel("none")
    return GSASIIscriptable, cycles


if __name__ == "__main__":
    output = os.dup(1)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        measured = main(Path(sys.argv[1]).resolve(), *_load(sys.argv[2]))
    os.write(output, ("\nMEASURED " + json.dumps(measured) + "\n").encode())

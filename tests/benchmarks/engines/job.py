"""A pattern with its recipe as files for engines outside the host, which read them with plain Python."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from autogsas.model.instrument import Instrument
from autogsas.model.project import Project

__all__ = ["write_job"]


def write_job(project: Project, folder: Path) -> Path:
    """Write ``job.json`` of a project with one histogram and one phase, and the files it names; return its path."""
    histogram = project.histograms[0]
    pattern = histogram.pattern
    sigma = 1.0 / np.sqrt(np.where(pattern.weights > 0, pattern.weights, 1.0))
    np.savetxt(folder / "data.xye", np.column_stack([pattern.x, pattern.y, sigma]), fmt="%.10g")
    (folder / "instrument.instprm").write_text(_instprm(histogram.instrument))
    shutil.copy(project.phase_files[0], folder / "phase.cif")
    steps = []
    for step in project.recipes[0].steps:
        background = [step.background[-1].function, step.background[-1].terms] if step.background else None
        steps.append(
            {
                "limits": list(step.limits_for(histogram.name) or histogram.limits),
                "background": background,
                "free": [free.group for free in step.free],
            }
        )
    job = {
        "data": "data.xye",
        "instrument": "instrument.instprm",
        "phase": "phase.cif",
        "radius": histogram.instrument.radius,
        "geometry": histogram.instrument.geometry,
        "limits": list(histogram.limits),
        "steps": steps,
    }
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    return path


def _instprm(instrument: Instrument) -> str:
    """Return the instrument as a GSAS-II parameter file, which GSAS-II and rietx both read."""
    lines = [
        "#GSAS-II instrument parameter file",
        f"Type:{'PXC' if instrument.radiation == 'xray' else 'PNC'}",
        "Bank:1",
    ]
    if instrument.doublet:
        first, second = instrument.wavelengths
        lines += [f"Lam1:{first}", f"Lam2:{second}", f"I(L2)/I(L1):{instrument.ratio}"]
    else:
        lines.append(f"Lam:{instrument.wavelengths[0]}")
    values = {
        "Zero": instrument.zero,
        "Polariz.": instrument.polarization,
        "U": instrument.U,
        "V": instrument.V,
        "W": instrument.W,
        "X": instrument.X,
        "Y": instrument.Y,
        "Z": instrument.Z,
        "SH/L": instrument.SH_L,
        "Azimuth": 0.0,
        "Gonio. radius": instrument.radius,
    }
    lines += [f"{name}:{float(value)}" for name, value in values.items()]
    return "\n".join([*lines, f"Diff-type:{instrument.geometry}"]) + "\n"

"""Helpers for tests: sessions on copies of small projects, as the host opens them, and their results."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from autogsas.model.metrics import rwp
from autogsas.model.pattern import Pattern, counting_weights
from autogsas.model.project import Project
from autogsas.model.recipe import Background, Free, Group, Step
from autogsas.model.result import Parameter, Result
from autogsas.trial.child import copies, relocate

from autogsas_gsas2.backend import Gsas2Backend, Gsas2Session
from autogsas_gsas2.discovery import find

INSTALLATION = find().installation
needs_gsas2 = pytest.mark.engine("gsas2")
DATA = Path(__file__).parents[4] / "shared" / "data"

FLAT = (Background(function="chebyschev-1", terms=3),)


def frees(*groups: Group) -> tuple[Free, ...]:
    """Return selections of groups for all phases, histograms and sites."""
    return tuple(Free(group=group) for group in groups)


FIRST = Step(title="scale", background=FLAT, free=frees("scale", "background"))
SECOND = Step(title="cell and width", free=frees("cell", "W"))


@contextmanager
def session(project: Project, folder: Path) -> Iterator[Gsas2Session]:
    """Open a session on copies of the project's files in a new ``folder``."""
    folder.mkdir()
    for source, target in copies(project, folder).items():
        shutil.copyfile(source, target)
    opened = Gsas2Backend().open(relocate(project, folder), folder)
    try:
        yield opened
    finally:
        opened.close()


def simulated(project: Project, folder: Path, *steps: Step, noise: bool = True) -> Project:
    """Return a project with the patterns that GSAS-II calculates after ``steps``, with counting noise or exact."""
    with session(project, folder) as opened:
        for step in steps:
            opened.refine(step)
        curves = opened.result().curves
    histograms = []
    for histogram, curve in zip(project.histograms, curves, strict=True):
        y = np.random.default_rng(1).poisson(curve.calculated).astype(np.float64) if noise else curve.calculated
        np.savetxt(histogram.files[0], np.column_stack([curve.x, y]), fmt="%.6f")
        pattern = Pattern(histogram.name, curve.x, y, counting_weights(y), "counting statistics")
        limits = (float(curve.x[0]), float(curve.x[-1]))
        histograms.append(replace(histogram, pattern=pattern, limits=limits))
    return replace(project, histograms=tuple(histograms))


def finished(project: Project, folder: Path, *steps: Step) -> tuple[Result, Path]:
    """Return the result of steps in a session, and the folder with the saved files."""
    folder.mkdir()
    saved = folder / "saved"
    saved.mkdir()
    with session(project, folder / "trial") as opened:
        for step in steps:
            opened.refine(step)
        result = opened.result()
        opened.save(saved)
    return result, saved


def replace_step(step: Step, **changes: object) -> Step:
    """Return a step with some of its fields changed."""
    return step.model_copy(update=changes)


def values(result: Result) -> dict[str, float]:
    """Return the values of a result's parameters by their names."""
    return {parameter.name: parameter.value for parameter in result.parameters}


def by_name(result: Result) -> dict[str, Parameter]:
    """Return a result's parameters by their names."""
    return {parameter.name: parameter for parameter in result.parameters}


def measured(result: Result) -> float:
    """Return Rwp from the curves, in per cent."""
    return rwp(
        *(np.concatenate([getattr(c, key) for c in result.curves]) for key in ("observed", "calculated", "weights"))
    )


def run_script(file: Path) -> float:
    """Run a script in GSAS-II's interpreter and return the Rwp in its last line, in per cent."""
    assert INSTALLATION is not None
    done = subprocess.run([str(INSTALLATION.python), file.name], cwd=file.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    last = done.stdout.strip().splitlines()[-1]
    return float(last.removeprefix("Rwp").removesuffix("%"))

"""The numpy engine as a backend: the conformance suite, its CIF, and the script that repeats a refinement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.hooks.backend import Backend
from autogsas.model.recipe import Free, Start, Step
from autogsas.testing.conformance import BackendConformance
from tests.engine.models import QUARTZ, XRAY, project, simulate, step, with_data


class TestNumpy(BackendConformance):
    """Everything a backend must do."""

    def backend(self) -> Backend:
        return NumpyBackend()


@pytest.fixture
def refined(tmp_path: Path):
    made = project((QUARTZ,), XRAY, (18.0, 90.0), 0.03)
    clean = simulate(made, (40.0,), np.full(made.histograms[0].pattern.x.size, 2000.0))
    made = with_data(made, np.random.default_rng(5).poisson(clean).astype(float))
    session = NumpyBackend().open(made, tmp_path)
    for item in (
        step("scale", "background", terms=4),
        step("cell", "W", title="cell, width"),
        Step(title="structure", free=(Free(group="positions"), Free(group="uiso"))),
    ):
        session.refine(item)
    session.save(tmp_path)
    return session.result(), tmp_path


@pytest.fixture
def worded(tmp_path: Path):
    """A refinement with all that a step may say besides groups."""
    made = project((QUARTZ,), replace(XRAY, geometry="Debye-Scherrer"), (18.0, 90.0), 0.03)
    clean = simulate(made, (40.0,), np.full(made.histograms[0].pattern.x.size, 2000.0))
    made = with_data(made, np.random.default_rng(5).poisson(clean).astype(float))
    made = replace(made, histograms=(replace(made.histograms[0], instrument=XRAY),))
    session = NumpyBackend().open(made, tmp_path)
    start = Start(
        phase="quartz", cell=(4.914, 4.914, 5.406, 90, 90, 120), sites={"O": (0.41, 0.27, 0.79)}, axis=(1, 0, 0)
    )
    first = step("scale", "background", terms=4, title="elsewhere")
    for item in (
        first.model_copy(update={"start": (start,), "geometry": "Debye-Scherrer"}),
        step("cell", "displacement", "positions", "uiso_shared", title="one U"),
        Step(title="oxygen's tensor", free=(Free(group="uaniso", site="O"), Free(group="preferred_orientation"))),
    ):
        session.refine(item)
    session.save(tmp_path)
    return session.result(), tmp_path

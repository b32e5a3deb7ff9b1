"""The numpy engine as a backend: the conformance suite, its CIF, and the script that repeats a refinement."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest

from autogsas.backend import Backend
from autogsas.builtin.backend import NumpyBackend
from autogsas.metrics import measure
from autogsas.recipe import Free, Start, Step
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
    for item in (step("scale", "background", terms=4), step("cell", "W", title="cell, width"),
                 Step(title="structure", free=(Free(group="positions"), Free(group="uiso")))):  # fmt: skip
        session.refine(item)
    session.save(tmp_path)
    return session.result(), tmp_path


def test_the_cif_reads_back_as_the_refined_structure(refined) -> None:
    result, folder = refined
    document = gemmi.cif.read(str(folder / "best.cif"))
    structure = gemmi.make_small_structure_from_block(document[0])
    phase = result.phases[0]
    assert structure.spacegroup.xhm() == "P 32 2 1"
    assert structure.cell.a == pytest.approx(phase.cell.a, abs=1e-4)
    assert [site.label for site in structure.sites] == ["Si", "O"]
    for site, expected in zip(structure.sites, phase.sites, strict=True):
        assert site.fract.tolist() == pytest.approx(expected.xyz, abs=1e-3)
        assert site.u_iso == pytest.approx(expected.uiso, abs=1e-3)
    text = document[0].find_value("_cell_length_a")
    assert "(" in text, "the cell carries its esd"
    assert "(" not in document[0].find_value("_cell_angle_gamma"), "what symmetry fixes carries none"
    pattern = document[1]
    assert float(pattern.find_value("_pd_proc_ls_prof_wR_factor")) * 100 == pytest.approx(result.engine_rwp, abs=0.01)
    assert len(pattern.find_loop("_pd_proc_intensity_total")) == result.curves[0].x.size


@pytest.fixture
def worded(tmp_path: Path):
    """A refinement with all that a step may say besides groups."""
    made = project((QUARTZ,), replace(XRAY, geometry="Debye-Scherrer"), (18.0, 90.0), 0.03)
    clean = simulate(made, (40.0,), np.full(made.histograms[0].pattern.x.size, 2000.0))
    made = with_data(made, np.random.default_rng(5).poisson(clean).astype(float))
    made = replace(made, histograms=(replace(made.histograms[0], instrument=XRAY),))
    session = NumpyBackend().open(made, tmp_path)
    start = Start(phase="quartz", cell=(4.914, 4.914, 5.406, 90, 90, 120), sites={"O": (0.41, 0.27, 0.79)},
                  axis=(1, 0, 0))  # fmt: skip
    first = step("scale", "background", terms=4, title="elsewhere")
    for item in (first.model_copy(update={"start": (start,), "geometry": "Debye-Scherrer"}),
                 step("cell", "displacement", "positions", "uiso_shared", title="one U"),
                 Step(title="oxygen's tensor", free=(Free(group="uaniso", site="O"),
                                                     Free(group="preferred_orientation")))):  # fmt: skip
        session.refine(item)
    session.save(tmp_path)
    return session.result(), tmp_path


def test_the_cif_has_the_tensors_that_the_recipe_made(worded) -> None:
    result, folder = worded
    block = gemmi.cif.read(str(folder / "best.cif"))[0]
    structure = gemmi.make_small_structure_from_block(block)
    silicon, oxygen = structure.sites
    found = oxygen.aniso
    assert (found.u11, found.u22, found.u33, found.u12, found.u13, found.u23) == pytest.approx(
        result.phases[0].sites[1].uaniso, abs=1e-3
    )
    assert oxygen.u_iso == pytest.approx(result.phases[0].sites[1].uiso, abs=1e-4)
    assert not silicon.aniso.nonzero()


@pytest.mark.parametrize("case", ["refined", "worded"])
def test_the_script_arrives_at_the_same_rwp(case: str, request: pytest.FixtureRequest) -> None:
    result, folder = request.getfixturevalue(case)
    curves = result.curves[0]
    with open(folder / "pattern.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["histogram", "two_theta", "observed", "calculated", "background", "difference", "weight"])
        for x, o, c, b, w in zip(
            curves.x, curves.observed, curves.calculated, curves.background, curves.weights, strict=True
        ):
            writer.writerow([curves.histogram, repr(float(x)), repr(float(o)), c, b, o - c, repr(float(w))])
    done = subprocess.run(
        [sys.executable, str(folder / "best.py")], capture_output=True, text=True, check=True, cwd=folder
    )
    figures = measure(curves.observed, curves.calculated, curves.weights, result.n_variables)
    assert f"Rwp {figures.rwp:.4f} %" in done.stdout
    assert all(one.title in done.stdout for one in result.steps)

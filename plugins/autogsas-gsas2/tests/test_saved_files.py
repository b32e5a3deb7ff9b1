"""The files that a session saves repeat its refinement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from autogsas.model.project import Project
from autogsas.model.recipe import Step
from trials import FIRST, INSTALLATION, SECOND, frees, needs_gsas2, replace_step, run_script, session, values

pytestmark = needs_gsas2


def test_files_repeat_the_refinement(project: Project, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    with session(project, tmp_path / "trial") as opened:
        opened.refine(replace_step(FIRST, limits=(20.0, 70.0)))
        opened.refine(SECOND)
        result = opened.result()
        opened.save(saved)
    script = (saved / "best.py").read_text(encoding="utf-8")
    assert "autogsas_gsas2" not in script
    assert "import autogsas" not in script
    assert str(project.histograms[0].files[0]) in script, "the script starts from the user's own file"
    assert str(project.phase_files[0]) in script
    assert run_script(saved / "best.py") == pytest.approx(result.engine_rwp, abs=0.01)
    assert run_script(_again(saved)) == pytest.approx(result.engine_rwp, abs=0.01)


def _again(folder: Path) -> Path:
    """Write a script that opens best.gpx and refines it again."""
    assert INSTALLATION is not None
    module = "from GSASII import GSASIIscriptable" if INSTALLATION.layout == "package" else "import GSASIIscriptable"
    file = folder / "refine_again.py"
    file.write_text(
        f"import sys; sys.path.insert(0, {INSTALLATION.path!r}) if {INSTALLATION.path!r} else None\n"
        f"{module} as G2sc\n"
        "gpx = G2sc.G2Project(gpxfile='best.gpx', newgpx='refined.gpx')\n"
        "gpx.refine()\n"
        "print('\\nRwp', gpx.histogram(0).get_wR(), '%')\n"
    )
    return file


def test_a_saved_project_opens_as_a_project(project: Project, tmp_path: Path) -> None:
    from autogsas_gsas2.gpx import read_project

    saved = tmp_path / "saved"
    saved.mkdir()
    with session(project, tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(SECOND)
        before = opened.result()
        opened.save(saved)
    again = read_project(saved / "best.gpx")
    kept = (saved / "best.gpx").read_bytes()
    with session(again, tmp_path / "again") as opened:
        done = opened.refine(Step(title="all", free=frees("scale", "background", "cell", "W")))
        result = opened.result()
    assert done.rwp == pytest.approx(before.engine_rwp, abs=0.01)
    assert set(values(result)) == {
        n.replace("pattern:", f"{again.histograms[0].name}:")
        if n.startswith("pattern:")
        else n.replace(":pattern:", f":{again.histograms[0].name}:")
        for n in values(before)
    }
    assert (saved / "best.gpx").read_bytes() == kept


def test_a_pattern_gsas2_cannot_read_comes_from_the_run(project: Project, tmp_path: Path) -> None:
    histogram = project.histograms[0]
    histogram.files[0].write_text("a format that GSAS-II cannot read\n")
    saved = tmp_path / "saved"
    saved.mkdir()
    weights = histogram.pattern.weights.copy()
    weights[300:310] = 0.0
    changed = replace(histogram, pattern=replace(histogram.pattern, weights=weights))
    with session(replace(project, histograms=(changed,)), tmp_path / "trial") as opened:
        opened.refine(FIRST)
        opened.refine(SECOND)
        result = opened.result()
        opened.save(saved)
    curves = result.curves[0]
    rows = zip(curves.x, curves.observed, curves.weights, strict=True)
    lines = [
        "histogram,two_theta,observed,weight",
        *(f"pattern,{x!r},{y!r},{w!r}" for x, y, w in np.array([*rows]).tolist()),
    ]
    (saved / "pattern.csv").write_text("\n".join(lines) + "\n")
    assert run_script(saved / "best.py") == pytest.approx(result.engine_rwp, abs=0.01)

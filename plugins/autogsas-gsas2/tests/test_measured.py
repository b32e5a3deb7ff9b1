"""GSAS-II on measured patterns reaches the Rwp of refinements made by hand, and best.py repeats it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from autogsas.input.loading import load_project
from autogsas.model.metrics import rwp
from autogsas.model.project import Project
from autogsas.model.recipe import Background, Free, Step
from autogsas.model.result import Result
from trials import DATA, frees, needs_gsas2, run_script, session

pytestmark = [
    needs_gsas2,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the measured patterns are not here"),
]

KNOTS = Background(function="log interpolate", terms=15)


def load(folder: Path, source: str, text: str) -> Project:
    folder.mkdir()
    for file in (DATA / source).iterdir():
        shutil.copyfile(file, folder / file.name)
    (folder / "project.yaml").write_text(text)
    return load_project(folder)[0]


def refined(project: Project, tmp_path: Path, steps: list[Step]) -> tuple[Result, float]:
    """Return the result and the Rwp of best.py."""
    saved = tmp_path / "saved"
    saved.mkdir()
    with session(project, tmp_path / "trial") as opened:
        for step in steps:
            opened.refine(step)
        result = opened.result()
        opened.save(saved)
    return result, run_script(saved / "best.py")


def test_y2o3_by_hand(tmp_path: Path) -> None:
    # By hand in GSAS-II 5.91 %: log interpolate with 15 terms, displacement and transparency.
    text = "data: [{file: y2o3.csv, instrument: INST_XRY.PRM, limits: [15, 150]}]\nphases: [{file: y2o3.cif}]\n"
    steps = [
        Step(title="scale", background=(KNOTS,), free=frees("scale", "background"), limits=(15, 105), cycles=4),
        Step(title="cell", free=frees("cell", "displacement", "transparency"), limits=(15, 105), cycles=4),
        Step(title="first widths", free=frees("W", "Y"), cycles=4),
        Step(title="widths", free=frees("U", "V", "X", "SH/L"), cycles=4),
        Step(title="all", free=frees("positions", "uiso")),
    ]
    result, again = refined(load(tmp_path / "y2o3", "y2o3", text), tmp_path, steps)
    assert result.engine_rwp < 5.92
    assert again == pytest.approx(result.engine_rwp, abs=0.01)


def test_pbso4_with_both_radiations(tmp_path: Path) -> None:
    text = (
        "data:\n"
        "  - {file: PBSO4.XRA, name: xray, instrument: INST_XRY.PRM, limits: [16, 158.4]}\n"
        "  - {file: PBSO4.CWN, name: neutron, instrument: inst_d1a.prm, limits: [19, 153]}\n"
        "phases: [{file: pbso4.cif}]\n"
    )
    background = Background(function="chebyschev-1", terms=12)
    window = {"xray": (16.0, 115.0), "neutron": (19.0, 112.0)}
    shifts = (*frees("displacement"), Free(group="transparency", histogram="xray"))
    first = Step(title="scale", background=(background,), free=frees("scale", "background"), limits=window, cycles=4)
    steps = [
        first,
        Step(title="cell", free=(*frees("cell"), *shifts), limits=window, cycles=4),
        Step(title="first widths", free=frees("W", "Y"), limits=window, cycles=4),
        Step(title="widths", free=frees("U", "V", "X", "SH/L"), cycles=4),
        Step(title="structure", free=frees("positions", "uiso"), cycles=12),
    ]
    result, again = refined(load(tmp_path / "pbso4", "pbso4", text), tmp_path, steps)
    # The value of the tutorial, made by hand.
    assert result.engine_rwp <= 6.71
    joined = (np.concatenate([getattr(c, key) for c in result.curves]) for key in ("observed", "calculated", "weights"))
    assert result.engine_rwp == pytest.approx(rwp(*joined), abs=0.01)
    assert all(p.value > 0 for p in result.parameters if p.group == "uiso")
    assert again == pytest.approx(result.engine_rwp, abs=0.01)

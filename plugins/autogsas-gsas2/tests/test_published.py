"""`space: published-2020` gives the same Rwp as the published search, which benchmarks/published2020.py repeats."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from autogsas.builtin.strategy.published import published_value
from autogsas.input.loading import load_project
from trials import DATA, INSTALLATION, needs_gsas2

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = [
    needs_gsas2,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the measured patterns are not here"),
]

PROJECT = (
    "data: [{file: y2o3.csv, instrument: INST_XRY.PRM, ratio: 0.5, limits: [15, 150]}]\n"
    "phases: [{file: y2o3.cif}]\n"
    "search: {space: published-2020}\n"
)
FREES = ("Zero", "DisplaceX", "DisplaceY", "Scale", "U", "V", "W", "X", "Y", "SH/L")


def chosen(low: float, high: float, function: str, terms: int, *freed: str) -> dict[str, Any]:
    """Return choices of the published search; some dimensions have no effect."""
    window = {"limits low": low, "limits high": high, "limits refine": terms % 2 == 0}
    background = {"background type": function, "background terms": terms, "background refine": "background" in freed}
    return {**window, **background, **{f"{name} refine": name in freed for name in FREES}}


# Trials that GSAS-II finishes.
CHOICES = {
    "straight lines": chosen(123.6, 147.4, "lin interpolate", 11, "background", "Zero", "U", "X", "Y"),
    "powers": chosen(30.0, 110.0, "chebyschev", 6, "background", "Zero", "DisplaceX", "W", "Y"),
    "cosines": chosen(20.0, 60.0, "cosine", 9, "background", "Scale", "V", "X"),
    "no background": chosen(63.0, 131.2, "inv interpolate", 11, "Zero", "Y"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data with a project file."""
    made = tmp_path_factory.mktemp("y2o3")
    for file in (DATA / "y2o3").iterdir():
        shutil.copyfile(file, made / file.name)
    (made / "project.yaml").write_text(PROJECT)
    return made


@pytest.fixture(scope="module")
def modules() -> Iterator[tuple[Any, Any]]:
    """The modules with the published search and the comparison."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        import compare2020
        import published2020

        yield published2020, compare2020


@pytest.fixture(scope="module")
def reference(modules: tuple[Any, Any], folder: Path) -> Iterator[Any]:
    assert INSTALLATION is not None
    opened = modules[0].Reference(INSTALLATION.python, folder, 15.0, 150.0)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", CHOICES)
def test_the_same_choices_end_at_the_same_rwp(
    reference: Any, modules: tuple[Any, Any], folder: Path, name: str
) -> None:
    theirs = reference.run(1, CHOICES[name])
    project, host = load_project(folder)
    ours = modules[1].refine(project, host, CHOICES[name])
    assert not theirs["given_up"]
    assert [step.rwp for step in ours.steps] == pytest.approx(theirs["steps"], abs=0.01)
    assert ours.metrics.rwp == pytest.approx(theirs["rwp"], abs=0.01)
    assert published_value(ours) == pytest.approx(theirs["value"], abs=0.01)
    assert math.isfinite(theirs["rwp"])

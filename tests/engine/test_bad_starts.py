"""A careful recipe ends where the pattern was made, however far off it began."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from autogsas.engine.session import EngineSession
from autogsas.model.project import Project
from autogsas.model.recipe import Setting
from autogsas.model.structure import Cell, Phase

from .models import CUBIC, MONOCLINIC, QUARTZ, TETRAGONAL, XRAY, project, simulate, step, with_data

Array = npt.NDArray[np.float64]

LABORATORY = replace(XRAY, SH_L=0.02)
STARTS = ("scale", "wide", "narrow", "cell", "uiso", "all")


def spoiled(project: Project, what: str) -> tuple[Project, float]:
    """The project from a start that is off, widths five times, cell 0.3 %, U at its bound, and its scale's factor."""
    histogram = project.histograms[0]
    instrument = histogram.instrument
    if what in ("wide", "narrow", "all"):
        factor = 0.2 if what == "narrow" else 5.0
        # Variances are squares of widths.
        widths = {key: factor**2 * getattr(instrument, key) for key in "UVW"}
        widths |= {key: factor * getattr(instrument, key) for key in "XY"}
        instrument = replace(instrument, **widths)
    phases = project.phases
    if what in ("cell", "all"):
        phases = tuple(
            replace(phase, cell=Cell(*(1.003 * v for v in phase.cell.values()[:3]), *phase.cell.values()[3:]))
            for phase in phases
        )
    if what in ("uiso", "all"):
        phases = tuple(replace(phase, sites=tuple(replace(site, uiso=0.0) for site in phase.sites)) for phase in phases)
    spoilt = replace(project, phases=phases, histograms=(replace(histogram, instrument=instrument),))
    return spoilt, 1e3 if what in ("scale", "all") else 1.0


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("phase", [CUBIC, TETRAGONAL, QUARTZ, MONOCLINIC], ids=lambda phase: phase.name)
def test_a_bad_start_is_left_behind(phase: Phase, start: str) -> None:
    """A careful recipe ends where the pattern was made, whatever it started from."""
    made = project((phase,), LABORATORY, (18.0, 100.0), 0.03)
    made = with_data(made, simulate(made, (300.0,), np.full(made.histograms[0].pattern.x.size, 2000.0)))
    spoilt, factor = spoiled(made, start)
    session = EngineSession(spoilt, "test")
    low = {"limits": (18.0, 50.0)}
    session.refine(
        step("background", terms=2, cycles=1).model_copy(
            update={"set": (Setting(group="scale", value=300.0 * factor),), **low}
        )
    )
    for item in (
        step("scale", cycles=3).model_copy(update=low),
        step("cell", cycles=10).model_copy(update=low),
        step("W", "X", cycles=10).model_copy(update=low),
        step("cell", "W", "X", cycles=10),
        step("uiso", "U", "V", "Y"),
    ):
        done = session.refine(item)
    assert done.rwp < 0.1, done
    found = session.result().phases[0]
    assert found.cell.values() == pytest.approx(phase.cell.values(), rel=1e-5)
    for site, truth in zip(found.sites, phase.sites, strict=True):
        assert site.uiso == pytest.approx(truth.uiso, abs=2e-4)

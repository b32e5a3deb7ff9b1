"""Whatever a project file may hold, answers are finite, or an error has a cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from autogsas.engine.session import EngineSession
from autogsas.errors import BackendError
from autogsas.model.instrument import Instrument
from autogsas.model.project import Project
from autogsas.model.recipe import BACKGROUNDS, GROUPS, Background, Free, Step
from autogsas.model.result import Result
from autogsas.model.sample import BackgroundPeak, Broadening, Orientation, Specimen
from autogsas.model.structure import Cell

from .models import CUBIC, QUARTZ, TETRAGONAL, TRICLINIC
from .random_models import AXES, SHARED, examples, holds, measured

Array = npt.NDArray[np.float64]


@st.composite
def wild_projects(draw: st.DrawFn) -> Project:
    """What a project file may hold, however far from sense: widths, cells, counts, ranges, exclusions."""
    phase = draw(st.sampled_from((CUBIC, TETRAGONAL, QUARTZ, TRICLINIC, SHARED)))
    factor = draw(st.one_of(st.floats(0.3, 3.0), st.sampled_from([0.1, 6.0])))
    a, b, c, *angles = phase.cell.values()
    sites = tuple(
        replace(
            site, uiso=draw(st.floats(0, 1)), occupancy=draw(st.floats(0, 1)) if phase is not SHARED else site.occupancy
        )
        for site in phase.sites
    )
    wide = Broadening(1.0)
    size = draw(
        st.one_of(
            st.just(wide),
            st.builds(
                Broadening,
                st.floats(1e-3, 20),
                st.just("uniaxial"),
                st.floats(1e-3, 20),
                st.sampled_from(AXES),
                st.floats(0, 1),
            ),
        )
    )
    strain = draw(
        st.one_of(
            st.just(Broadening(1000.0)),
            st.builds(
                Broadening,
                st.floats(1, 1e5),
                st.just("uniaxial"),
                st.floats(1, 1e5),
                st.sampled_from(AXES),
                st.floats(0, 1),
            ),
        )
    )
    specimen = Specimen(size, strain, Orientation(draw(st.sampled_from(AXES)), draw(st.floats(0.1, 10))))
    cell = Cell(a * factor, b * factor, c * factor, *angles)
    free = draw(st.sampled_from(["structure", "structure", "structure", "Le Bail"]))
    phase = replace(phase, cell=cell, sites=sites, specimen=specimen, intensities=free)
    variance, gamma = (
        st.one_of(st.floats(-50, 50), st.floats(-1e5, 1e5)),
        st.one_of(st.floats(-5, 5), st.floats(-1e3, 1e3)),
    )
    instrument = Instrument(
        draw(st.sampled_from(["xray", "neutron"])),
        draw(st.sampled_from([(1.5405, 1.5443), (1.2,), (0.4,), (2.9,)])),
        ratio=draw(st.floats(0, 1)),
        polarization=draw(st.floats(0, 1)),
        zero=draw(st.floats(-5, 5)),
        **{key: draw(variance) for key in "UVW"},
        **{key: draw(gamma) for key in "XYZ"},
        SH_L=draw(st.floats(0, 0.3)),
        geometry=draw(st.sampled_from(["Bragg-Brentano", "Debye-Scherrer"])),
        radius=draw(st.floats(1, 1000)),
    )
    count = draw(st.sampled_from([1, 2, 3, 10, 40, 63, 64, 200, 400]))
    # Few lines, so that many examples take little time: a large cell is looked at near the beam.
    top = np.degrees(2 * np.arcsin(min(instrument.wavelengths[0] / 2 * 12.0 / max(a, b, c) / factor, 0.999)))
    high = min(draw(st.floats(0.1, 1.0)) * top, 179.0)
    low = draw(st.floats(0.0, 0.99)) * high
    x = np.linspace(low, high, count) if count > 1 else np.array([high])
    kind = draw(st.sampled_from(["counts", "nothing", "level", "huge"]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    y = {
        "counts": rng.poisson(200.0, count),
        "nothing": np.zeros(count),
        "level": np.full(count, 100.0),
        "huge": 1e9 * rng.random(count),
    }[kind].astype(float)
    edges = sorted((draw(st.floats(low, high)), draw(st.floats(low, high))))
    excluded = draw(st.sampled_from([(), (), (tuple(edges),), ((low - 1, high + 1),)]))
    humps = st.builds(BackgroundPeak, st.floats(0.01, 179), st.floats(0, 1e6), st.floats(1e-6, 1e6), st.floats(0, 1e3))
    return measured(
        (phase,),
        instrument,
        x,
        y,
        excluded=excluded,
        absorption=draw(st.floats(0, 30)),
        background_peaks=draw(st.lists(humps, max_size=1).map(tuple)),
        axial_sum=draw(st.sampled_from(["GSAS-II", "converged"])),
    )


@st.composite
def wild_steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """Steps that free a few groups each, over the range or a part of it that may hold nothing."""
    out = []
    for _ in range(draw(st.integers(1, 3))):
        free = draw(st.lists(st.sampled_from(list(GROUPS)), max_size=5, unique=True))
        fix = draw(st.lists(st.sampled_from(list(GROUPS)), max_size=1))
        background = Background(function=draw(st.sampled_from(BACKGROUNDS)), terms=draw(st.integers(1, 6)))
        edges = sorted((draw(st.floats(0, 180)), draw(st.floats(0, 180))))
        limits = draw(st.sampled_from([None, None, None, (edges[0], edges[1] + 0.1)]))
        frees, fixes = (tuple(Free(group=group) for group in groups) for groups in (free, fix))
        cycles = draw(st.sampled_from([1, 5, 20]))
        out.append(Step(free=frees, fix=fixes, background=(background,), limits=limits, cycles=cycles))
    return tuple(out)


def outcome(call: Callable[[], Any]) -> tuple[Any, str]:
    """What a call gives and no word, or nothing and the cause of its error."""
    try:
        return call(), ""
    except BackendError as error:
        return None, error.cause


def check_finite(project: Project, steps: tuple[Step, ...]) -> None:
    """Every answer is finite; where there is none an error says why, and what stood before it is still finite."""
    session, cause = outcome(lambda: EngineSession(project, "test"))
    assert cause in ("", "structure")
    if session is None:
        return
    histogram = project.histograms[0]
    for item in steps:
        done, cause = outcome(lambda item=item: session.refine(item))
        assert cause in ("", "nothing-free", "too-few-points", "not-finite", "structure")
        if done is not None:
            counted = histogram.pattern.mask(item.limits_for("data") or histogram.limits, histogram.excluded)
            # Where nothing was observed there is nothing to relate a difference to.
            assert np.isfinite(done.rwp) or not np.any(histogram.pattern.y[counted] > 0)
            assert np.isfinite(done.shift_esd)
            assert not set(done.dropped) & set(done.at_bound)
    result, cause = outcome(session.result)
    assert cause in ("", "no-step", "too-few-points", "structure", "not-finite")
    if result is not None:
        check_result(result)


def check_result(result: Result) -> None:
    for parameter in result.parameters:
        assert np.isfinite(parameter.value), parameter
        assert parameter.esd is None or (np.isfinite(parameter.esd) and parameter.esd >= 0), parameter
    assert np.all(np.isfinite(result.correlation))
    assert np.all(np.abs(result.correlation) < 1 + 1e-6)
    for curve in result.curves:
        for values in (curve.calculated, curve.background, curve.weights):
            assert np.all(np.isfinite(values))
        for reflections in curve.reflections:
            for key in ("two_theta", "d", "f2_calculated", "f2_observed", "intensity", "fwhm", "sigma", "gamma"):
                assert np.all(np.isfinite(getattr(reflections, key))), key


@examples(30, 3000)
def test_answers_are_finite_or_errors_have_a_cause(count: int) -> None:
    holds(count, check_finite, wild_projects(), wild_steps())

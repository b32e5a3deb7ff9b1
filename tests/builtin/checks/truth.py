"""Samples of known truth, simulated by GSAS-II, refined by the numpy engine from their true values."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.judging import true_values
from autogsas.benchmarks.truth.samples import INSTRUMENTS, SAMPLES, Part, Sample
from autogsas.engine.session import EngineSession
from autogsas.model.metrics import Metrics, measure
from autogsas.model.project import Project, Search
from autogsas.model.recipe import Background, Free, Group, Setting, Step
from autogsas.model.result import Result
from autogsas.model.sample import Broadening, Orientation, Specimen
from autogsas.model.structure import Phase

BY_NAME = {sample.name: sample for sample in SAMPLES}
"""The samples by name."""


@cache
def refined_at_truth(
    name: str, *, texture: bool = True, directions: bool = True, shared: bool = False, free: tuple[Group, ...] = ()
) -> tuple[Project, Result, Metrics]:
    """Return a sample refined from its true values, as far as they are among the model's parameters.

    Scale, background, cell, positions, U and displacement are refined, and ``free``. ``texture`` and ``directions``
    are whether the model has the texture and the directions of size and strain that the sample has; with ``shared``
    all phases have those of the first one.
    """
    sample = BY_NAME[name]
    project = _with_truth(sample, texture, directions)
    if shared:
        specimen = project.phases[0].specimen
        project = replace(project, phases=tuple(replace(phase, specimen=specimen) for phase in project.phases))
    session = EngineSession(project, "test")
    beam = sample.beams[0]
    settings = (
        Setting(group="displacement", value=beam.shift),
        Setting(group="transparency", value=beam.transparency),
    )
    background = (Background(function="chebyschev-1", terms=10),)
    first = (Free(group="scale"), Free(group="background"))
    session.refine(Step(set=tuple(one for one in settings if one.value), background=background, free=first))
    groups: tuple[Group, ...] = ("cell", "positions", "uiso", "displacement", *free)
    session.refine(Step(free=(*first, *(Free(group=group) for group in groups))))
    result = session.result()
    observed, calculated, weights = (
        np.concatenate([getattr(curves, key) for curves in result.curves])
        for key in ("observed", "calculated", "weights")
    )
    return project, result, measure(observed, calculated, weights, result.n_variables)


def _with_truth(sample: Sample, texture: bool, directions: bool) -> Project:
    project = given_project(sample, Search())
    truth = dict(true_values(sample))
    known = [part for part in sample.parts if part.known]
    phases = [
        _true_phase(phase, part, truth, texture, directions) for phase, part in zip(project.phases, known, strict=True)
    ]
    histograms = []
    for histogram, beam in zip(project.histograms, sample.beams, strict=True):
        widths = {key: INSTRUMENTS[beam.instrument][key] for key in ("U", "V", "W", "X", "Y", "Z")}
        histograms.append(replace(histogram, instrument=replace(histogram.instrument, zero=beam.zero, **widths)))
    return replace(project, phases=tuple(phases), histograms=tuple(histograms))


def _true_phase(phase: Phase, part: Part, truth: dict[str, float], texture: bool, directions: bool) -> Phase:
    sites = []
    for site in phase.sites:
        at = f"{phase.name}:{site.label}"
        xyz = tuple(truth.get(f"{at}:{axis}", value) for axis, value in zip("xyz", site.xyz, strict=True))
        occupancy, uiso = truth.get(f"{at}:occupancy", site.occupancy), truth.get(f"{at}:Uiso", site.uiso)
        sites.append(replace(site, xyz=xyz, occupancy=occupancy, uiso=uiso))  # type: ignore[arg-type]
    sizes = [
        Broadening(values[0], "uniaxial", values[1], part.broadening_axis)
        if len(values) == 2 and directions
        else Broadening(values[0])
        for values in (part.size, part.strain)
    ]
    orientation = Orientation(*part.texture) if part.texture is not None and texture else Orientation()
    axes = ("a", "b", "c", "alpha", "beta", "gamma")
    cell = replace(phase.cell, **{k: truth[f"{phase.name}:{k}"] for k in axes if f"{phase.name}:{k}" in truth})
    return replace(phase, cell=cell, sites=tuple(sites), specimen=Specimen(*sizes, orientation))

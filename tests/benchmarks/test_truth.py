"""The benchmark of known truth: the samples agree with the engine at the truth, and answers are judged rightly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.judging import Judgement, Verdict, judge, true_values
from autogsas.benchmarks.truth.samples import SAMPLES, Sample
from autogsas.commands.verbs import RefineRequest, refine
from autogsas.engine.session import EngineSession
from autogsas.hooks.host import Host
from autogsas.model.project import Search
from autogsas.model.recipe import Free, Recipe, Setting, Step
from autogsas.model.sample import Broadening, Orientation, Specimen
from autogsas.runfolder.summary import FindingPart, ParameterPart, Summary

BY_NAME = {sample.name: sample for sample in SAMPLES}
# What the numpy engine has no model of.
BEYOND = {
    "missing-quartz",
    "missing-periclase",
    "k-beta-silicon",
    "tungsten-corundum",
    "wrong-group-perovskite",
    "wrong-structure",
    "wrong-wavelength",
}
BROAD_PEAKS = {"glass-and-quartz", "glass-and-rutile"}


def test_there_are_samples_of_many_kinds() -> None:
    assert len(SAMPLES) >= 60
    assert len({sample.kind for sample in SAMPLES}) >= 30
    assert len(BY_NAME) == len(SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_each_sample_is_a_project_with_its_own_patterns(sample: Sample) -> None:
    project = given_project(sample, Search())
    assert len(project.histograms) == len(sample.beams)
    assert all(h.pattern.y.min() >= 0 and h.pattern.x.size > 1000 for h in project.histograms)
    if sample.expect == "right":
        names = {f"{phase.name}:{site.label}:x" for phase in project.phases for site in phase.sites}
        assert names <= true_values(sample).keys()


def at_the_truth(sample: Sample) -> float:
    """Return the goodness of fit of the numpy engine with all values true, scales and background refined."""
    project = given_project(sample, Search())
    truth = true_values(sample)
    phases = []
    for phase, part in zip(project.phases, sample.parts, strict=True):
        sites = []
        for site in phase.sites:
            at = f"{phase.name}:{site.label}"
            tensor = [truth.get(f"{at}:U{key}") for key in ("11", "22", "33", "12", "13", "23")]
            sites.append(
                replace(
                    site,
                    xyz=tuple(truth[f"{at}:{axis}"] for axis in "xyz"),
                    occupancy=truth[f"{at}:occupancy"],
                    uiso=truth.get(f"{at}:Uiso", 0.01),
                    uaniso=None if tensor[0] is None else tuple(tensor),
                )
            )
        broadenings = [
            Broadening(values[0])
            if len(values) == 1
            else Broadening(values[0], "uniaxial", values[1], part.broadening_axis)
            for values in (part.size, part.strain)
        ]
        if part.stephens:
            broadenings[1] = Broadening(part.strain[0], "generalized", coefficients=part.stephens)
        orientation = Orientation() if part.texture is None else Orientation(*part.texture)
        cell = replace(
            phase.cell, **{key: truth[f"{phase.name}:{key}"] for key in ("a", "b", "c", "alpha", "beta", "gamma")}
        )
        phases.append(replace(phase, cell=cell, sites=tuple(sites), specimen=Specimen(*broadenings, orientation)))
    true = BY_NAME["corundum-plain"].beams[0] if not sample.beams else sample.beams[0]
    histograms = tuple(
        replace(h, instrument=replace(h.instrument, zero=beam.zero, **_true_widths(beam.instrument)))
        for h, beam in zip(project.histograms, sample.beams, strict=True)
    )
    session = EngineSession(replace(project, phases=tuple(phases), histograms=histograms), "test")
    settings = [Setting(group="displacement", value=true.shift), Setting(group="transparency", value=true.transparency)]
    session.refine(
        Step(
            set=tuple(setting for setting in settings if setting.value),
            background=({"function": "chebyschev-1", "terms": 10},),  # type: ignore[arg-type]  # pydantic makes it one
            free=(Free(group="scale"), Free(group="background")),
        )
    )
    parts = [(c.observed - c.calculated) * np.sqrt(c.weights) for c in session.result().curves]
    return float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))


def _true_widths(instrument: str) -> dict[str, float]:
    from autogsas.benchmarks.truth.samples import INSTRUMENTS

    return {key: INSTRUMENTS[instrument][key] for key in ("U", "V", "W", "X", "Y", "Z")}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - BEYOND - BROAD_PEAKS))
def test_at_the_truth_only_the_noise_is_left(name: str) -> None:
    assert at_the_truth(BY_NAME[name]) == pytest.approx(1.0, abs=0.05)


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """One recipe that suits a plain sample."""
    project = given_project(BY_NAME["corundum-plain"], Search())
    recipe = Recipe(
        name="plain",
        steps=(
            Step(
                background=({"function": "chebyschev-1", "terms": 8},),  # type: ignore[arg-type]  # as above
                free=(Free(group="scale"), Free(group="background"), Free(group="cell")),
            ),
            Step(free=(Free(group="X"), Free(group="Y"), Free(group="positions"), Free(group="uiso"))),
        ),
    )
    request = RefineRequest(backend="numpy", out=tmp_path_factory.mktemp("run") / "out")
    return refine((project, Host(entry_points=False)), recipe, request).summary


def test_a_right_answer_is_right(answer: Summary) -> None:
    found = judge(BY_NAME["corundum-plain"], answer)
    assert found.verdict is Verdict.RIGHT
    assert not found.misses
    assert len(found.pulls) >= 6


def test_a_wrong_value_is_found_and_a_warning_counts_as_reported(answer: Summary) -> None:
    sample = BY_NAME["corundum-plain"]
    moved = [
        p.model_copy(update={"value": p.value + 5 * p.esd}) if p.name == "corundum:O:x" else p
        for p in answer.parameters
    ]
    wrong = answer.model_copy(update={"parameters": moved})
    found = judge(sample, wrong)
    assert found.verdict is Verdict.SILENT
    assert [miss.name for miss in found.misses] == ["corundum:O:x"]
    finding = FindingPart(code="poor-fit", severity="warning", message="", numbers={})
    assert judge(sample, wrong.model_copy(update={"findings": [finding]})).verdict is Verdict.REPORTED
    ordinary = finding.model_copy(update={"code": "correlated"})
    assert judge(sample, wrong.model_copy(update={"findings": [ordinary]})).verdict is Verdict.SILENT


def test_a_value_that_was_not_refined_is_said_by_its_own_finding_alone(answer: Summary) -> None:
    sample = BY_NAME["corundum-plain"]
    finding = FindingPart(code="kept", severity="warning", message="", numbers={})

    def with_u(**changes: float | None) -> Summary:
        return answer.model_copy(
            update={
                "findings": [finding],
                "parameters": [
                    one.model_copy(update=changes) if one.name == "corundum:O:Uiso" else one
                    for one in answer.parameters
                ],
            }
        )

    assert judge(sample, with_u(value=0.0065, esd=None)).verdict is Verdict.REPORTED
    assert judge(sample, with_u(value=0.0065, esd=0.0001)).verdict is Verdict.SILENT


def test_a_poor_fit_is_not_right_and_an_empty_run_is_nothing(answer: Summary) -> None:
    sample = BY_NAME["corundum-plain"]
    assert judge(sample, answer.model_copy(update={"gof": 1.3})).verdict is Verdict.SILENT
    assert judge(sample, answer.model_copy(update={"best_trial": None})).verdict is Verdict.NOTHING


def test_a_model_that_cannot_be_right_is_never_right(answer: Summary) -> None:
    assert judge(replace(BY_NAME["corundum-plain"], expect="reported"), answer).verdict is Verdict.SILENT


def test_only_the_distance_along_a_polar_axis_is_judged(answer: Summary) -> None:
    sample = BY_NAME["zincite-plates"]
    template = answer.parameters[0]

    def parameter(site: str, value: float, esd: float | None) -> ParameterPart:
        update = {"name": f"zincite:{site}:z", "phase": "zincite", "site": site, "group": "positions"}
        return template.model_copy(update={**update, "value": value, "esd": esd})

    def judged(zinc: ParameterPart, oxygen: ParameterPart) -> Judgement:
        return judge(sample, answer.model_copy(update={"parameters": [zinc, oxygen]}))

    apart = 0.3821  # the true z of oxygen less that of zinc
    # Either end may be the fixed one, and both may have moved.
    for zinc, oxygen in (
        (parameter("Zn", 0.01, None), parameter("O", apart + 0.0105, 0.001)),
        (parameter("Zn", 0.0105, 0.001), parameter("O", apart + 0.01, None)),
    ):
        found = judged(zinc, oxygen)
        assert not found.misses
        assert len(found.pulls) == 1
        assert abs(found.pulls[0]) == pytest.approx(0.5)
    assert judged(parameter("Zn", 0.0, None), parameter("O", apart + 0.005, 0.001)).misses

"""The benchmark of known truth: the samples agree with the engine at the truth, and answers are judged rightly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from autogsas.benchmarks.truth import command
from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.judging import Judgement, Verdict, judge, true_values
from autogsas.benchmarks.truth.samples import SAMPLES, Part, Sample
from autogsas.commands.verbs import FinishedRun, RefineRequest, RunRequest, refine
from autogsas.engine.session import EngineSession
from autogsas.hooks.host import Host
from autogsas.model.project import Search
from autogsas.model.recipe import Free, Recipe, Setting, Step
from autogsas.model.sample import Broadening, Orientation, Specimen
from autogsas.model.trial import Finished
from autogsas.runfolder.summary import FindingPart, ParameterPart, Summary
from autogsas.runfolder.writer import RunFolder

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
        assert not [miss for miss in found.misses if miss.value is not None]
        assert not {miss.name for miss in found.misses} & {"zincite:Zn:z", "zincite:O:z"}
        assert len(found.pulls) == 1
        assert abs(found.pulls[0]) == pytest.approx(0.5)
    wrong = judged(parameter("Zn", 0.0, None), parameter("O", apart + 0.005, 0.001)).misses
    assert [miss.name for miss in wrong if miss.value is not None] == ["zincite:O:z"]


def with_parameters(answer: Summary, change: Callable[[ParameterPart], dict[str, Any] | None]) -> Summary:
    """Return an answer with its parameters changed, without those for which ``change`` gives None."""
    changed = [(one, change(one)) for one in answer.parameters]
    return answer.model_copy(
        update={"parameters": [one.model_copy(update=new) for one, new in changed if new is not None]}
    )


@pytest.mark.parametrize("name", ["corundum:c", "corundum:gamma", "corundum:O:x", "corundum:Al:x", "corundum:Al:Uiso"])
def test_a_true_value_that_is_not_in_the_answer_is_a_miss(answer: Summary, name: str) -> None:
    sample = BY_NAME["corundum-plain"]
    for without in (
        with_parameters(answer, lambda one: None if one.name == name else {}),
        with_parameters(answer, lambda one: {"value": None} if one.name == name else {}),
    ):
        found = judge(sample, without)
        assert found.verdict is Verdict.SILENT
        assert [(miss.name, miss.value) for miss in found.misses] == [(name, None)]
        assert str(found.misses[0]).startswith(f"{name} is not in the answer")
    # No other finding says that it is missing.
    finding = FindingPart(code="kept", severity="warning", message="", numbers={})
    assert judge(sample, without.model_copy(update={"findings": [finding]})).verdict is Verdict.SILENT


def test_an_answer_about_a_phase_of_another_name_is_not_right(answer: Summary) -> None:
    def change(one: ParameterPart) -> dict[str, Any]:
        return {"name": one.name.replace("corundum", "Al2O3"), "phase": one.phase and "Al2O3"}

    sample = BY_NAME["corundum-plain"]
    found = judge(sample, with_parameters(answer, change))
    assert found.verdict is Verdict.SILENT
    assert {miss.name for miss in found.misses} == true_values(sample).keys()


def test_a_displacement_may_have_the_other_form(answer: Summary) -> None:
    def tensor_in_place_of_uiso(parts: Sequence[str]) -> Summary:
        kept = [one for one in answer.parameters if one.name != "corundum:O:Uiso"]
        new = [kept[0].model_copy(update={"name": f"corundum:O:{part}", "group": "uaniso"}) for part in parts]
        return answer.model_copy(update={"parameters": kept + new})

    sample = BY_NAME["corundum-plain"]
    whole = ("U11", "U22", "U33", "U12", "U13", "U23")
    assert judge(sample, tensor_in_place_of_uiso(whole)).verdict is Verdict.RIGHT
    assert [m.name for m in judge(sample, tensor_in_place_of_uiso(whole[:5])).misses] == ["corundum:O:Uiso"]
    anisotropic = Part("corundum", true={"O": {"uaniso": (0.004, 0.004, 0.004, 0.002, 0.0, 0.0)}})
    assert judge(replace(sample, parts=(anisotropic,)), answer).verdict is Verdict.RIGHT


def test_one_variable_has_one_pull(answer: Summary) -> None:
    spinel = BY_NAME["strained-spinel"]
    truth = true_values(spinel)
    template = answer.parameters[0]

    def parameter(name: str, group: str, off: float, esd: float) -> ParameterPart:
        _, *site, _ = name.split(":")
        update = {"name": name, "phase": "spinel", "site": site[0] if site else None, "group": group, "esd": esd}
        return template.model_copy(update={**update, "value": truth[name] + off})

    parameters = [parameter(f"spinel:{key}", "cell", 2e-5, 1e-5) for key in "abc"]
    parameters += [parameter(f"spinel:O:{key}", "positions", 1e-4, 2e-4) for key in "xyz"]
    parameters += [parameter("spinel:Mg:Uiso", "uiso", 1e-4, 2e-4), parameter("spinel:O:Uiso", "uiso", 3e-4, 2e-4)]
    found = judge(spinel, answer.model_copy(update={"parameters": parameters}))
    assert found.pulls == pytest.approx((2.0, 0.5, 0.5, 1.5))
    parameters[1] = parameter("spinel:b", "cell", -2e-5, 2e-5)  # of another variable
    assert len(judge(spinel, answer.model_copy(update={"parameters": parameters})).pulls) == 5


def test_only_finished_searches_of_this_version_with_as_many_trials_are_reused(
    answer: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int | None, int | None]] = []
    changes: dict[str, Any] = {}

    def run(_: object, request: RunRequest) -> FinishedRun:
        made.append((request.trials, request.jobs))
        folder = Path(str(request.out))
        with RunFolder(folder) as opened:
            opened.study.touch()
            opened.write_json("summary.json", answer.model_copy(update=changes).plain())
        interrupted = changes.get("finished") is Finished.INTERRUPTED
        return FinishedRun(folder, answer, None, 130 if interrupted else 0)

    def benchmark(*more: str) -> list[tuple[int | None, int | None]]:
        made.clear()
        arguments = ["--backend", "numpy", "--sample", "corundum-plain", "--out", str(tmp_path / "out"), *more]
        command.truth.main(arguments, standalone_mode=False)
        return made

    monkeypatch.setattr(command, "run", run)
    assert benchmark("--trials", "5") == [(5, 1)]
    assert benchmark("--trials", "5") == []
    assert benchmark("--trials", "6") == [(6, 1)]
    assert benchmark("--trials", "5", "--jobs", "2") == [(5, 2)]
    changes["autogsas"] = "0.0.1"
    assert benchmark("--trials", "7") == [(7, 1)]
    assert benchmark("--trials", "7") == [(7, 1)]
    changes = {"finished": Finished.INTERRUPTED}
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        benchmark("--trials", "8")
    changes = {}
    assert benchmark("--trials", "8") == [(8, 1)]
    assert benchmark("--trials", "8") == []

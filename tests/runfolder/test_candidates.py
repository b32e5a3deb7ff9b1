"""Distinct solutions among end points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import autogsas
from autogsas.hooks.host import Host
from autogsas.model.metrics import Metrics
from autogsas.model.project import Project
from autogsas.model.recipe import Background, BackgroundFunction, Free, Group, Recipe, Step
from autogsas.model.result import Finding, Parameter, Result, Severity
from autogsas.model.structure import Cell, Phase, Site
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.candidates import differences_words, group_candidates
from autogsas.runfolder.summary import CandidatePart, DifferencePart
from autogsas.runfolder.trials import StoredTrial, store_trial
from autogsas.trial.assessment import assess
from autogsas.trial.pool import Outcome
from tests.engine.models import NEUTRON, QUARTZ, XRAY, project, refined, simulate, step, with_data

RECIPE = Recipe(steps=(Step(free=("scale",)),))


def trial(
    number: int,
    rwp: float,
    *,
    a: float = 9.4,
    x: float = 0.30,
    uiso: float = 0.01,
    occupancy: float = 1.0,
    esd: float = 1e-4,
    esds: dict[str, float | None] | None = None,
    state: str = "complete",
    findings: tuple[Finding, ...] = (),
) -> StoredTrial:
    """A trial in P 1 with a heavy atom at the origin; ``esd`` is that of a, ``esds`` more of them by name."""
    heavy = Site("Pb1", "Pb", (0.0, 0.0, 0.0), 1.0, 0.01)
    light = Site("O1", "O", (x, 0.1, 0.2), occupancy, uiso)
    phase = Phase("p", "P 1", Cell(a, 10.0, 5.0, 90, 90, 90), (heavy, light))
    usual: dict[str, float | None] = {
        "p:a": esd,
        "p:O1:x": 1e-4,
        "p:O1:y": 1e-4,
        "p:O1:z": 1e-4,
        "p:O1:Uiso": 1e-4,
        "p:O1:occupancy": 1e-3,
    }
    parameters = tuple(Parameter(name, 0.0, found, "", "") for name, found in (usual | (esds or {})).items())
    score = None if state == "failed" else rwp
    metrics = Metrics(rwp, 5.0, 1.0, 100.0, 100, 10)
    record = TrialRecord(number, TrialState(state), "search", RECIPE, {}, score, metrics, findings=findings)
    return StoredTrial(record, refined=True, parameters=parameters, phases=(phase,))


def found(*trials: StoredTrial) -> list[CandidatePart]:
    return group_candidates(trials).found


def test_near_end_points_are_one_solution_given_by_its_best_trial() -> None:
    groups = found(trial(0, 9.0), trial(1, 8.5, a=9.4005, x=0.301), trial(2, 8.9, uiso=0.011))
    assert groups == [CandidatePart(trial=1, rwp=8.5, count=3, findings=[], differs=[])]


def test_a_false_minimum_is_another_solution_with_its_differences() -> None:
    groups = found(trial(0, 20.0, a=9.4 * 1.007), trial(1, 9.0), trial(2, 9.5, x=0.34))
    assert [(group.trial, group.differs) for group in groups] == [(1, []), (2, ["p:O1:x"]), (0, ["p:a"])]
    (moved,) = groups[1].differences
    assert (moved.name, moved.kind, moved.phase, moved.atom) == ("p:O1", "position", "p", "O1")
    assert moved.shift == pytest.approx(0.04 * 9.4)
    assert moved.unit == "Å"
    assert moved.esds == pytest.approx(0.04 / (np.sqrt(2.0) * 1e-4))
    (cell,) = groups[2].differences
    assert (cell.name, cell.atom, cell.unit) == ("p:a", None, "Å")
    assert cell.shift == pytest.approx(9.4 * 0.007)
    assert cell.esds == pytest.approx(9.4 * 0.007 / (np.sqrt(2.0) * 1e-4))


def test_five_esds_join_what_the_tolerance_does_not() -> None:
    assert len(found(trial(0, 9.0, esd=0.001), trial(1, 9.1, a=9.42, esd=0.001))) == 2
    assert len(found(trial(0, 9.0, esd=0.005), trial(1, 9.1, a=9.42, esd=0.001))) == 1


def test_large_esds_do_not_join_solutions() -> None:
    wide = {"p:O1:x": 0.5}
    assert len(found(trial(0, 9.0, x=0.2, esds=wide), trial(1, 9.1, x=0.3, esds=wide))) == 2


def test_a_worse_fit_has_wider_margins() -> None:
    assert len(found(trial(0, 9.0), trial(1, 9.2, x=0.3035))) == 2
    assert len(found(trial(0, 9.0), trial(1, 18.0, x=0.3035))) == 1
    assert len(found(trial(0, 9.0), trial(1, 180.0, x=0.35))) == 2


def test_no_chain_of_small_steps_joins_two() -> None:
    chain = [trial(i, 9.0, a=9.4 + 0.008 * i) for i in range(4)]
    assert [(group.trial, group.count) for group in found(*chain)] == [(0, 2), (2, 2)]


def test_fixed_atoms_have_wide_margins() -> None:
    """Fixed atoms are still where they started, which is not a minimum; far away they are another model."""
    held = dict.fromkeys(("p:O1:x", "p:O1:y", "p:O1:z", "p:O1:Uiso", "p:a"))
    assert len(found(trial(0, 9.0), trial(1, 9.1, x=0.31, uiso=0.03, a=9.43, esds=held))) == 1
    assert len(found(trial(0, 9.0), trial(1, 9.1, x=0.34, esds=held))) == 2
    assert len(found(trial(0, 9.0), trial(1, 9.1, a=9.6, esds=held))) == 2


def test_u_and_occupancy_separate_only_large_differences() -> None:
    noticed = found(trial(0, 9.0), trial(1, 9.1, uiso=0.018, x=0.35))[1]
    assert noticed.differs == ["p:O1:x"]
    assert [item.name for item in noticed.differences] == ["p:O1", "p:O1:Uiso"]
    assert noticed.differences[1].shift == pytest.approx(0.008)
    assert found(trial(0, 9.0), trial(1, 9.1, uiso=0.04))[1].differs == ["p:O1:Uiso"]
    assert found(trial(0, 9.0), trial(1, 9.1, occupancy=0.5))[1].differs == ["p:O1:occupancy"]
    assert len(found(trial(0, 9.0), trial(1, 9.1, occupancy=0.95))) == 1


def test_a_coordinate_outside_the_cell_is_the_same_position() -> None:
    assert len(found(trial(0, 9.0, x=0.999), trial(1, 9.1, x=-0.0005))) == 1


def test_only_complete_trials_count_and_repeats_are_counted_where_they_belong() -> None:
    failed = trial(1, 1.0, state="failed")
    repeat = replace(trial(3, 9.0), same_as=0, refined=False, phases=())
    groups = found(trial(0, 9.0), failed, repeat)
    assert [(group.trial, group.count) for group in groups] == [(0, 2)]
    assert found(failed) == []


def test_infeasible_trials_are_no_candidates_and_are_counted() -> None:
    there, other = (trial(n, 1.0, x=x, state="infeasible") for n, x in ((1, 0.301), (2, 0.6)))
    groups = group_candidates([trial(0, 9.0), there, other])
    assert [(group.trial, group.count, group.infeasible) for group in groups.found] == [(0, 1, 1)]
    assert groups.elsewhere == 1
    assert group_candidates([other]).found == []
    assert group_candidates([other]).elsewhere == 1


def test_candidates_have_their_findings() -> None:
    finding = Finding("u-negative", Severity.WARNING, "")
    assert found(trial(0, 9.0, findings=(finding, finding)))[0].findings == ["u-negative"]


def test_differences_in_words() -> None:
    groups = found(trial(0, 9.0), trial(1, 9.5, x=0.34, a=9.5, uiso=0.08, occupancy=0.5))
    words = differences_words(groups[1].differences)
    assert words[0].startswith("O1 by 0.38 Å (28")
    assert "a by +0.1 Å (707 esd)" in words
    assert "U of O1 by +0.07 Å² (" in " ".join(words)
    assert "occupancy of O1 by -0.5 (354 esd)" in words
    assert differences_words(groups[1].differences, several=True)[0].endswith(", p")
    held = DifferencePart(name="p:beta", kind="cell", phase="p", atom=None, shift=-1.5, unit="°", esds=None)
    assert differences_words([held]) == ["beta by -1.5°"]


# Lead titanate: with neutrons, the oxygens beside titanium can be above or below it and fit nearly as well.
def titanate(titanium: float, apical: float, equatorial: float) -> Phase:
    sites = (
        Site("Pb", "Pb", (0, 0, 0), 1.0, 0.01),
        Site("Ti", "Ti", (0.5, 0.5, titanium), 1.0, 0.006),
        Site("O1", "O", (0.5, 0.5, apical), 1.0, 0.008),
        Site("O2", "O", (0.5, 0.0, equatorial), 1.0, 0.008),
    )
    return Phase("PbTiO3", "P 4 m m", Cell(3.904, 3.904, 4.150, 90, 90, 90), sites)


def as_trial(number: int, made: Project, result: Result) -> StoredTrial:
    """The stored trial of a result."""
    found = assess(Host(entry_points=False), made, result)
    record = TrialRecord(number, found.state, "search", RECIPE, {}, found.score, found.metrics, findings=found.findings)
    return store_trial(record, found, Outcome(number, result), None)


def test_a_planted_second_solution_comes_out_as_two_candidates() -> None:
    """Eight starts end in two minima, each with both enantiomorphs and origins that drift along the polar axis."""
    made = project((titanate(0.54, 0.11, 0.62),), NEUTRON, (18.0, 140.0), 0.03)
    y = simulate(made, (3e5,), np.full(made.histograms[0].pattern.x.size, 3000.0))
    made = with_data(made, np.random.default_rng(1).poisson(y).astype(float))
    starts = [
        (0.54, 0.11, 0.62),
        (0.54, -0.11, 0.38),
        (0.46, 0.11, 0.62),
        (0.5, 0.02, 0.52),
        (0.46, -0.11, 0.38),
        (0.54, 0.11, 0.38),
        (0.54, -0.11, 0.62),
        (0.58, 0.02, 0.45),
    ]
    trials = []
    for number, start in enumerate(starts):
        begun = replace(made, phases=(titanate(*start),))
        result = refined(begun, step("scale", "background", terms=4), step("cell", "W"), step("positions")).result()
        trials.append(as_trial(number, made, result))
    groups = group_candidates(trials)
    assert [group.count for group in groups.found] == [5, 3]
    assert groups.elsewhere == 0
    best, second = groups.found
    assert best.rwp == pytest.approx(1.736, abs=0.01)
    assert second.rwp == pytest.approx(1.80, abs=0.01)
    assert second.differs == ["PbTiO3:O2:z"]
    difference = second.differences[0]
    assert difference.atom == "O2"
    assert difference.shift == pytest.approx(0.163 * 4.15, abs=0.02)
    assert difference.esds > 50


def test_one_minimum_is_one_candidate_whatever_the_recipe() -> None:
    """Quartz with noise: seven backgrounds, too few and too many terms, peak shifts, moved starts, fixed atoms."""
    made = project((QUARTZ,), XRAY, (15.0, 120.0), 0.04)
    y = simulate(made, (0.05,), 200.0 + 30.0 * np.cos(made.histograms[0].pattern.x / 20.0))
    made = with_data(made, np.random.default_rng(3).poisson(y).astype(float))
    random = np.random.default_rng(0)
    recipes: list[tuple[BackgroundFunction, int, tuple[Group, ...]]] = [
        ("chebyschev-1", 12, ("positions", "uiso")),
        ("chebyschev-1", 3, ("positions", "uiso", "zero")),
        ("cosine", 8, ("positions", "uiso", "displacement")),
        ("Q^2 power series", 6, ("positions",)),
        ("Q^-2 power series", 6, ("positions", "uiso")),
        ("lin interpolate", 20, ("positions", "uiso", "X")),
        ("inv interpolate", 10, ("uiso", "U", "V")),
        ("log interpolate", 10, ("positions", "uiso", "SH/L")),
        ("chebyschev-1", 9, ("X",)),
        ("cosine", 1, ("positions", "uiso", "Y")),
    ]
    trials = []
    for number, (function, terms, groups) in enumerate(recipes):
        begun = made
        if "positions" in groups:
            sites = tuple(replace(s, xyz=tuple(np.add(s.xyz, random.normal(0, 0.01, 3)))) for s in QUARTZ.sites[1:])
            begun = replace(made, phases=(replace(QUARTZ, sites=(QUARTZ.sites[0], *sites)),))
        first = Step(
            background=(Background(function=function, terms=terms),),
            free=(Free(group="scale"), Free(group="background")),
        )
        result = refined(begun, first, step("cell", "W"), step(*groups)).result()
        trials.append(as_trial(number, made, result))
    assert len({round(item.record.metrics.rwp, 2) for item in trials}) > 3
    grouped = group_candidates(trials)
    assert [(group.count + group.infeasible) for group in grouped.found] == [len(recipes)]
    assert grouped.elsewhere == 0


PLANTED_CIF = """data_PbTiO3
_cell_length_a 3.904
_cell_length_b 3.904
_cell_length_c 4.150
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P 4 m m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
Pb Pb 0 0 0 1 0.01
Ti Ti 0.5 0.5 0.54 1 0.006
O1 O 0.5 0.5 0.11 1 0.008
O2 O 0.5 0 0.62 1 0.008
"""


def test_a_run_that_starts_elsewhere_finds_both(tmp_path: Path) -> None:
    pytest.importorskip("autogsas.crystal.starts", reason="the engine does not start elsewhere")
    made = project((titanate(0.54, 0.11, 0.62),), NEUTRON, (18.0, 140.0), 0.03)
    x = made.histograms[0].pattern.x
    y = np.random.default_rng(1).poisson(simulate(made, (3e5,), np.full(x.size, 3000.0)))
    np.savetxt(tmp_path / "data.xy", np.column_stack([x, y]), fmt=["%.4f", "%d"])
    (tmp_path / "p.cif").write_text(PLANTED_CIF)
    names = []
    for number, (function, terms, place) in enumerate(
        [("chebyschev-1", 4, None), ("cosine", 6, 0.38), ("lin interpolate", 5, 0.6), ("chebyschev-1", 8, 0.47)]
    ):
        first: dict[str, Any] = {
            "title": "first",
            "background": {"function": function, "terms": terms},
            "free": ["scale", "background"],
        }
        if place is not None:
            first["start"] = {"PbTiO3": {"sites": {"O2": [0.5, 0.0, place]}}}
        steps = [first, {"free": ["cell", "W"]}, {"free": ["positions"]}]
        names.append(f"{number}.recipe.yaml")
        (tmp_path / names[-1]).write_text(yaml.safe_dump({"schema": 1, "steps": steps}))
    instrument = {"radiation": "neutron", "wavelength": 1.909, "geometry": "Debye-Scherrer"}
    widths = (
        "#GSAS-II instrument parameter file\nType:PNC\nLam:1.909\nZero:0\nU:180\nV:-350\nW:350\nX:0\nY:0\nSH/L:0.04\n"
    )
    (tmp_path / "i.instprm").write_text(widths)
    data = {"file": "data.xy", "instrument": "i.instprm", **instrument}
    settings = {"name": "planted", "data": [data], "phases": [{"file": "p.cif"}], "recipes": names}
    (tmp_path / "project.yaml").write_text(yaml.safe_dump(settings))
    run = autogsas.run(tmp_path, backend="numpy", trials=len(names), seed=1, out=tmp_path / "run")
    assert [candidate.count for candidate in run.summary.candidates] == [2, 2]
    (moved,) = (d for d in run.summary.candidates[1].differences if d.atom == "O2")
    assert moved.shift == pytest.approx(0.163 * 4.15, abs=0.02)

"""Distinct solutions among end points."""

from __future__ import annotations

from typing import Any

from autogsas.candidates import group_candidates


def trial(number: int, rwp: float, a: float = 9.4, x: float = 0.30, uiso: float = 0.01, **more: Any) -> dict[str, Any]:
    esd = more.pop("esd", None)
    phase = {
        "name": "p", "space_group": "P 1", "cell": {"a": a, "b": 10.0, "c": 5.0, "alpha": 90, "beta": 90, "gamma": 90},
        "sites": [{"label": "O1", "element": "O", "x": x, "y": 0.1, "z": 0.2, "occupancy": 1.0, "uiso": uiso}],
    }  # fmt: skip
    parameters = [{"name": "p:a", "esd": esd}]
    base = {"number": number, "state": "complete", "score": rwp, "metrics": {"rwp": rwp}, "findings": [],
            "structure": [phase], "parameters": parameters, "same_as": None}  # fmt: skip
    return base | more


def test_near_end_points_are_one_solution_and_the_best_speaks_for_it() -> None:
    groups = group_candidates([trial(0, 9.0), trial(1, 8.5, a=9.4005, x=0.301), trial(2, 8.9, uiso=0.011)])
    assert groups == [{"trial": 1, "rwp": 8.5, "count": 3, "findings": [], "differs": []}]


def test_a_false_minimum_is_another_solution_and_says_where_it_differs() -> None:
    groups = group_candidates([trial(0, 20.0, a=9.4 * 1.007), trial(1, 9.0), trial(2, 9.5, x=0.34)])
    assert [(group["trial"], group["differs"]) for group in groups] == [(1, []), (2, ["p:O1:x"]), (0, ["p:a"])]


def test_five_esds_join_what_the_tolerance_does_not() -> None:
    apart = [trial(0, 9.0, esd=0.001), trial(1, 9.1, a=9.42, esd=0.001)]
    joined = [trial(0, 9.0, esd=0.005), trial(1, 9.1, a=9.42, esd=0.001)]
    assert len(group_candidates(apart)) == 2
    assert len(group_candidates(joined)) == 1


def test_linkage_is_single() -> None:
    chain = [trial(i, 9.0 + i, a=9.4 + 0.008 * i) for i in range(4)]
    assert [group["count"] for group in group_candidates(chain)] == [4]
    assert len(group_candidates([chain[0], chain[3]])) == 2


def test_a_coordinate_beyond_the_cell_is_the_same_place() -> None:
    assert len(group_candidates([trial(0, 9.0, x=0.999), trial(1, 9.1, x=-0.0005)])) == 1


def test_only_complete_trials_count_and_repeats_are_counted_where_they_belong() -> None:
    failed = trial(1, 1.0, state="failed", score=None)
    infeasible = trial(2, 1.0, state="infeasible")
    repeat = trial(3, 9.0, same_as=0)
    del repeat["structure"]
    groups = group_candidates([trial(0, 9.0), failed, infeasible, repeat])
    assert [(group["trial"], group["count"]) for group in groups] == [(0, 2)]
    assert group_candidates([failed]) == []


def test_findings_go_along() -> None:
    finding = {"code": "u-negative", "severity": "warning", "message": "", "numbers": {}}
    assert group_candidates([trial(0, 9.0, findings=[finding, finding])])[0]["findings"] == ["u-negative"]

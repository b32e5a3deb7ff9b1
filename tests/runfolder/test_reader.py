"""Reading a run folder back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from autogsas.errors import UserError
from autogsas.runfolder.reader import Profile, read_run
from autogsas.runfolder.summary import Summary
from tests.runs import write_run


def test_what_was_written_is_read(tmp_path: Path) -> None:
    summary = write_run(tmp_path, points=300, trials=12, histograms=("A", "B"), excluded=((60.0, 63.0),))
    run = read_run(tmp_path)
    assert [profile.histogram for profile in run.profiles] == ["A", "B"]
    assert {(mark.histogram, mark.phase) for mark in run.marks} == {("A", "fluorapatite"), ("B", "fluorapatite")}
    profile = run.profiles[0]
    assert profile.two_theta.shape == (300,)
    assert profile.counted.sum() == summary["histograms"][0]["n_observations"]
    # Rwp from the curves is the summary's: the columns are what they are called.
    weighted = 100 * np.sqrt(np.nansum(profile.deviation**2) / np.sum(profile.weight * profile.observed**2))
    assert weighted == pytest.approx(summary["histograms"][0]["rwp"], rel=1e-5)
    assert [item.number for item in run.history] == list(range(12))
    assert [item.seeded for item in run.history[:4]] == [True, True, True, False]


def test_a_run_without_a_usable_trial_is_read(tmp_path: Path) -> None:
    write_run(tmp_path, trials=5, usable=False)
    run = read_run(tmp_path)
    assert run.profiles == run.marks == ()
    assert {item.state for item in run.history} == {"failed"}


def test_most_common_message_by_cause_and_names_escaped_for_spreadsheets(tmp_path: Path) -> None:
    write_run(tmp_path, points=50, trials=5, histograms=("'=SUM(A1)",))
    (tmp_path / "trials.csv").write_text(
        'number,cause,message\n0,timeout,slow\n1,structure,bad\n2,structure,"\'-worse"\n3,structure,"\'-worse"\n4,,\n'
    )
    run = read_run(tmp_path)
    assert run.messages == {"timeout": "slow", "structure": "-worse"}
    assert run.profiles[0].histogram == run.marks[0].histogram == "=SUM(A1)"


def _profile(weight: list[float], observed: list[float] | None = None) -> Profile:
    n = len(weight)
    ones = np.ones(n)
    y = ones if observed is None else np.array(observed)
    return Profile("h", np.arange(10.0, 10.0 + n), y, ones, ones, np.array(weight))


def test_uncounted_regions_end_half_way_to_the_next_point() -> None:
    assert _profile([1, 0, 0, 1, 1, 0]).uncounted() == [(10.5, 12.5), (14.5, 15.0)]
    assert _profile([1, 1, 1, 1]).uncounted([(11.2, 12.0), (5.0, 10.4), (11.9, 12.8)]) == [(10.0, 10.4), (11.2, 12.8)]
    assert _profile([1, 1, 1], [1.0, np.nan, 1.0]).uncounted() == [(10.5, 11.5)]
    assert _profile([]).uncounted([(1.0, 2.0)]) == []
    assert _profile([0]).uncounted() == []


def test_points_that_do_not_count_have_no_difference() -> None:
    profile = _profile([4.0, 0.0, 4.0], [3.0, 3.0, np.nan])
    np.testing.assert_array_equal(profile.difference, [2.0, np.nan, np.nan])
    np.testing.assert_array_equal(profile.deviation, [4.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("summary.json", None, "not a run folder"),
        ("summary.json", "{", "cannot be read"),
        ("summary.json", "[]", "incompatible version"),
        ("summary.json", '{"schema": 2}', "found '2'; allowed: 1"),
        ("pattern.csv", "two_theta\n1\n", "no column 'histogram'"),
        ("pattern.csv", "histogram,two_theta,observed,calculated,background,weight\nA,1,2,x,4,5\n", "calculated"),
        ("pattern.csv", "histogram,two_theta,observed,calculated,background,weight\nA,1,2\n", "calculated"),
        ("reflections.csv", "histogram,phase,h,k,l,d\n", "no column 'two_theta'"),
    ],
)
def test_damage_is_reported_in_one_line(tmp_path: Path, name: str, text: str | None, says: str) -> None:
    write_run(tmp_path, points=60, trials=2)
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as caught:
        read_run(tmp_path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damage_inside_the_summary_is_named_and_newer_keys_are_ignored(tmp_path: Path) -> None:
    summary = write_run(tmp_path, points=60, trials=2)
    newer = summary | {"new": 1, "backend": summary["backend"] | {"licence": "MIT"}}
    newer["history"] = [item | {"later": [1]} for item in summary["history"]]
    (tmp_path / "summary.json").write_text(json.dumps(newer))
    assert read_run(tmp_path).summary == Summary.model_validate(summary)
    del summary["history"][1]["number"]
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(UserError, match=r"summary\.json: history\.1\.number: is damaged"):
        read_run(tmp_path)

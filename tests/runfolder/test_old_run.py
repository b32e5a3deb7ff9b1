"""A run folder written by autogsas 0.1.0 still opens, can be reported, compared and resumed.

``data/run-0.1.0.zip`` holds the folder of ``autogsas run . --backend numpy --trials 10 --seed 1``, without the files
that reading does not need, and the project: every fourth point of ``projects/lbco-neutron``, 20 to 78 degrees, and
backgrounds of 3 to 6 terms. Version 0.1.0 called a repaired trial "mended".
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import autogsas
from autogsas.commands import verbs
from autogsas.commands.compare import compare
from autogsas.runfolder.reader import read_run, read_summary
from autogsas.runfolder.trials import read_records, read_stored_trial, trial_json

MENDED = "trial 3 mended"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with zipfile.ZipFile(Path(__file__).parent / "data" / "run-0.1.0.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "run"


LATER = {
    "alternatives",
    "durbin_watson",
    "effective_points",
    "esd_computed",
    "esd_factor",
    "advice",
    "le_bail_floor",
    "lowest",
    "nearest_miss",
    "quantification",
    "r_f",
    "rwp_background_subtracted",
    "table",
    "uncertainty",
}
"""Keys that version 0.1.0 did not have; they are empty where it did not write them."""


def kept_of(data: Any) -> Any:
    """Return plain data without the later keys, which must be empty."""
    if isinstance(data, dict):
        assert not any(data.get(key) for key in LATER)
        return {key: kept_of(value) for key, value in data.items() if key not in LATER}
    return [kept_of(item) for item in data] if isinstance(data, list) else data


def test_it_opens(old: Path) -> None:
    run = autogsas.open_run(old)
    assert run.exit_status == 0
    assert run.best is not None
    assert run.best.rwp == pytest.approx(6.7985, abs=1e-4)
    assert run.best.parameters["LBCO:a"].value == pytest.approx(3.89, abs=0.01)
    assert run.summary.trials.total == len(read_records(old)) == 10
    assert read_run(old).profiles[0].two_theta.size == 290


def test_summary_and_trials_keep_their_schema(old: Path) -> None:
    assert kept_of(read_summary(old).plain()) == kept_of(json.loads((old / "summary.json").read_text(encoding="utf-8")))
    for number in range(10):
        kept = json.loads((old / "trials" / f"{number:04d}.json").read_text(encoding="utf-8"))
        assert kept_of(trial_json(read_stored_trial(old, number))) == kept_of(kept)


def test_a_repaired_trial_is_neither_from_the_sampler_nor_made_by_hand(old: Path) -> None:
    run = read_run(old)
    (repaired,) = [item for item in run.history if item.origin == MENDED]
    assert repaired.seeded
    assert [item.name for item in run.by_hand] == ["by hand"]
    assert MENDED in [record.origin for record in read_records(old) if record.choices]


def test_its_report_can_be_written_again(old: Path) -> None:
    report = verbs.report(old).page.read_text(encoding="utf-8")
    assert "The best of 10 trials" in report
    assert (old / "fit.svg").is_file()


def test_it_can_be_compared(old: Path) -> None:
    recipe = old.parent / "project" / "handmade.recipe.yaml"
    found = compare(old, recipe)
    assert found.pairs[0].common is not None
    assert found.pairs[0].verdict.word in ("better and consistent", "same")


def test_it_can_be_resumed(old: Path) -> None:
    before = {path.name: path.read_bytes() for path in (old / "trials").glob("*.json")}
    run = autogsas.run(old.parent / "project", backend="numpy", trials=11, out=old, resume=True)
    assert run.summary.trials.total == 11
    assert {name: (old / "trials" / name).read_bytes() for name in before} == before

"""Every other proposal lies next to the best trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autogsas.effort import Found, Options
from autogsas.hookspecs import TrialRecord
from autogsas.host import Host
from autogsas.nearby import next_to
from autogsas.recipe import Recipe, Step
from autogsas.search import search
from autogsas.store import RunFolder
from autogsas.testing.fake import FakeBackend
from autogsas.testing.samples import make_project


@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.integers(0, 10_000))
def test_two_to_four_choices_are_made_anew(count: int, seed: int, number: int) -> None:
    choices = {f"choice {i}": i for i in range(count)}
    best = TrialRecord(0, "complete", "search", Recipe(steps=(Step(),)), choices, 5.0)
    kept = next_to(best, seed, number).choices
    assert kept is not None
    assert kept.items() <= choices.items()
    assert min(2, count) <= count - len(kept) <= 4
    assert next_to(best, seed, number).choices == kept


def go(host: Host, folder: Path, **options: Any) -> Found:
    project = make_project(folder.parent / "project")
    with RunFolder(folder) as run:
        return search(host, project, FakeBackend(), run, Options(seed=2, **options), seeds=())


def shared(record: TrialRecord, best: TrialRecord) -> int:
    return sum(record.choices.get(name) == value for name, value in best.choices.items())


def test_every_other_proposal_lies_next_to_the_best(fake_host: Host, tmp_path: Path) -> None:
    found = go(fake_host, tmp_path / "run", trials=40)
    best = found.records[0]
    for record in found.records[1:]:
        if record.number % 2:
            assert shared(record, best) >= len(best.choices) - 4
        if record.score is not None and best.score is not None and record.score < best.score:
            best = record


def test_other_samplers_are_left_to_themselves(fake_host: Host, tmp_path: Path) -> None:
    random = go(fake_host, tmp_path / "random", trials=12, sampler="random")
    alone = go(fake_host, tmp_path / "alone", trials=12, sampler="random", near=False)
    assert [record.choices for record in random.records] == [record.choices for record in alone.records]


def test_a_run_that_is_gone_on_with_proposes_the_same(fake_host: Host, tmp_path: Path) -> None:
    whole = go(fake_host, tmp_path / "whole", trials=16, jobs=2)
    for trials in (5, 9, 16):
        parts = go(fake_host, tmp_path / "parts", trials=trials, jobs=2)
    assert [record.choices for record in parts.records] == [record.choices for record in whole.records]

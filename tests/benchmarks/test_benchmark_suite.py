"""The benchmarks of the search: curves against values computed by hand, reuse of runs, messages."""

from __future__ import annotations

import csv
import itertools
import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from autogsas.benchmarks import __main__ as command
from autogsas.benchmarks.cases import CASES, Case, find_cases
from autogsas.benchmarks.curves import (
    History,
    Point,
    Series,
    band,
    by_second,
    by_trial,
    history_csv,
    read_csv,
    table_csv,
    tabulate,
)
from autogsas.benchmarks.picture import case_svg
from autogsas.benchmarks.proof import read_trials, replay
from autogsas.benchmarks.runs import RunSpec, perform, read_history
from autogsas.benchmarks.scaling import Rate, rate, ratio
from autogsas.cli import main
from autogsas.commands import verbs
from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.testing.samples import make_project

# Trial 2 ends before trial 1, as with two jobs; the infeasible 5 % and the failed trial never count.
STORY = History(
    (
        Point(0, "infeasible", 5.0, 1.0),
        Point(1, "complete", 9.0, 4.0),
        Point(2, "complete", 8.0, 3.0),
        Point(3, "failed", None, 5.0),
        Point(4, "complete", 8.5, 6.0),
        Point(5, "complete", 7.0, 7.5),
    )
)


def quiet(text: str) -> None:
    pass


def flat(*values: float) -> History:
    return History(tuple(Point(i, "complete", value, float(i + 1)) for i, value in enumerate(values)))


def test_the_best_so_far_against_trials_and_seconds() -> None:
    inf = math.inf
    assert by_trial(STORY, 6).tolist() == [inf, 9.0, 8.0, 8.0, 8.0, 7.0]
    assert by_trial(STORY, 3).tolist() == [inf, 9.0, 8.0]
    # A run that stopped early keeps what it had.
    assert by_trial(STORY, 8).tolist()[5:] == [7.0, 7.0, 7.0]
    at = np.array([0.0, 1.0, 2.9, 3.0, 4.0, 7.4, 7.5, 100.0])
    assert by_second(STORY, at).tolist() == [inf, inf, inf, 8.0, 8.0, 8.0, 7.0, 7.0]
    assert by_second(History(()), at).tolist() == [inf] * 8
    assert STORY.reach(8.0) == (3.0, 3.0)
    assert STORY.reach(6.9) == (inf, inf)


def test_quartiles_agree_with_numpy_and_are_unknown_before_a_result() -> None:
    rng = np.random.default_rng(3)
    curves = [np.sort(rng.uniform(5, 20, 12))[::-1] for _ in range(5)]
    found = band(np.arange(12.0), curves)
    for share, values in ((25, found.lower), (50, found.median), (75, found.upper)):
        np.testing.assert_allclose(values, np.percentile(np.array(curves), share, axis=0), rtol=1e-12)
    late = band(np.arange(2.0), [np.array([math.inf, 7.0]), np.array([9.0, 8.0]), np.array([10.0, 9.0])])
    assert late.median.tolist() == [10.0, 8.0]
    assert late.lower.tolist() == [9.5, 7.5]
    assert math.isnan(late.upper[0])
    assert late.upper[1] == 8.5


def test_the_table_agrees_with_values_computed_by_hand() -> None:
    series = Series("made", "numpy", "default", {1: flat(9, 7), 2: flat(8, 8), 3: flat(12, 6), 4: flat(9, 9)})
    row = tabulate(series, 2, reach=7.0)
    assert (row.median, row.lower_quartile, row.upper_quartile, row.best, row.worst) == (7.5, 6.75, 8.25, 6.0, 9.0)
    assert (row.seeds, row.seconds, row.reached) == (4, 2.0, 2)
    assert row.seconds_to_reach is None
    assert tabulate(series, 2, reach=8.0).seconds_to_reach == 2.0
    lines = list(csv.DictReader(table_csv([row]).splitlines()))
    assert lines[0]["median"] == "7.5"
    assert lines[0]["seconds_to_reach"] == ""


def test_the_history_can_be_read_back(tmp_path: Path) -> None:
    series = [Series("a, b", "numpy", "default", {1: STORY, 2: flat(9.123456789)}), Series("c", "g", "d", {7: STORY})]
    (tmp_path / "history.csv").write_text(history_csv(series), encoding="utf-8")
    assert read_csv(tmp_path / "history.csv") == series
    first = next(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    assert (first["trial"], first["state"], first["rwp"], first["best"]) == ("0", "infeasible", "5.0", "")


@pytest.mark.parametrize("runs", [{1: STORY, 2: flat(9, 8)}, {1: History((Point(0, "failed", None, 1.0),))}])
def test_the_figure_has_all_series_and_references(runs: dict[int, History]) -> None:
    series = [Series("made", "numpy", "default", runs), Series("made", "<slow>", "published-2020", {1: flat(9, 8.5)})]
    text = case_svg(series, 6, [("expert", 8.4)])
    assert "nan" not in text.lower()
    root = ElementTree.fromstring(text)
    words = " ".join("".join(item.itertext()) for item in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "Trials" in words
    assert "Seconds" in words
    assert "expert: 8.40 %" in words
    assert "<slow>, published-2020 space, 1 seed: 8.50 %" in words


@pytest.fixture
def case(fake_host: Host, tmp_path: Path) -> Case:
    return Case("made", make_project(tmp_path / "project"), fake_host)


def test_finished_runs_are_reused_and_longer_ones_resumed(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = RunSpec(case, "fake", "default", 1, 6)
    folder = perform(spec, tmp_path / "out", quiet)
    before = read_history(folder, 6)
    assert [point.number for point in before.points] == list(range(6))
    longer = perform(RunSpec(case, "fake", "default", 1, 8), tmp_path / "out", quiet)
    assert longer == folder
    assert read_history(folder, 8).points[:6] == before.points
    monkeypatch.setattr(verbs, "run", lambda *_, **__: pytest.fail("a finished run was made again"))
    lines: list[str] = []
    assert perform(spec, tmp_path / "out", lines.append) == folder
    assert lines == ["made/fake-default-seed1: finished before"]
    assert read_history(folder, 6) == before


def test_a_run_of_other_data_is_refused(case: Case, fake_host: Host, tmp_path: Path) -> None:
    perform(RunSpec(case, "fake", "default", 1, 1), tmp_path / "out", quiet)
    other = Case("made", make_project(tmp_path / "other", histograms=2), fake_host)
    with pytest.raises(UserError, match="was made with other data"):
        perform(RunSpec(other, "fake", "default", 1, 1), tmp_path / "out", quiet)


def test_different_runs_have_different_folders(case: Case) -> None:
    kinds = itertools.product(("default", "published-2020"), (1, 2), (None, False), (None, "random"))
    specs = [RunSpec(case, "fake", s, 1, 5, j, p, r) for s, j, p, r in kinds]  # type: ignore[arg-type]
    assert len({spec.folder for spec in specs}) == len(specs)
    assert {(w.project().search.space, w.project().search.prune) for w in specs} == {
        ("default", True),
        ("default", False),
        ("published-2020", True),
        ("published-2020", False),
    }


def test_the_replay_stops_the_trials_that_the_search_prunes(case: Case, tmp_path: Path) -> None:
    """Random proposals do not depend on results, so that both runs try the same recipes."""
    trials = {
        prune: read_trials(perform(RunSpec(case, "fake", "default", 2, 30, 1, prune, "random"), tmp_path, quiet))
        for prune in (True, False)
    }
    pruned = tuple(record.number for record, _ in trials[True] if record.state == "pruned")
    found = replay(trials[False])
    assert pruned
    assert found.pruned == pruned
    assert not found.lost
    assert found.nearest is not None
    assert found.nearest > 1.1


def test_the_rate_of_trials() -> None:
    assert rate(flat(1, 1, 1, 1, 1), 1) == 1.0
    assert rate(History(STORY.points[:1]), 1) == 0.0
    one, two = Rate(1, 10, 10.0, 2.0, ("a",)), Rate(2, 10, 6.25, 3.0, ("a",))
    assert ratio([one, two]) == (1.6, 1.5, True)


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(item) for item in arguments], command=command.benchmarks, name="benchmarks")
    return int(ended.value.code or 0), capsys.readouterr().err


def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        ((), "give a project"),
        (("--data", tmp_path / "nowhere"), "no such folder"),
        (("--data", tmp_path / "empty"), "holds none of the known patterns"),
        (("--data", tmp_path / "empty", "--case", "y2o3"), "a file of this case is missing"),
        ((tmp_path / "no.yaml",), "no such project"),
        (("--seeds", "5-1"), "must be seeds"),
        (("--space", "other"), "must be one of default"),
    ):
        status, text = call(capsys, "--out", tmp_path / "out", *arguments)
        assert status == 2, arguments
        assert words in text
        assert text.count("\n") == 1


def test_an_unknown_case_names_the_nearest(tmp_path: Path) -> None:
    for name in CASES["y2o3"].files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="did you mean 'y2o3'"):
        find_cases(tmp_path, (), ("y203",), tmp_path / "out")


def test_the_command_writes_tables_and_pictures(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_cases", lambda *_: [case])
    out = tmp_path / "out"
    status, _ = call(capsys, tmp_path, "--backend", "fake", "--trials", 3, "--seeds", "1-2", "--out", out)
    assert status == 0
    assert {path.name for path in out.iterdir()} == {"runs", "history.csv", "table.csv", "made.svg"}
    (series,) = read_csv(out / "history.csv")
    assert sorted(series.runs) == [1, 2]
    assert series.runs[2] == read_history(out / "runs" / "made" / "fake-default-seed2", 3)


def test_the_command_proves_and_scales(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_cases", lambda *_: [case])
    out = tmp_path / "out"
    base = (tmp_path, "--backend", "fake", "--trials", 3, "--seeds", 1, "--out", out)
    assert call(capsys, *base, "--pruning-proof")[0] == 0
    assert call(capsys, *base, "--scaling")[0] == 0
    proof = list(csv.DictReader((out / "pruning.csv").read_text().splitlines()))
    assert [(row["trials"], row["given_up"]) for row in proof] == [("3", "0")]
    assert proof[0]["best"] == proof[0]["kept"] != ""
    rates = list(csv.DictReader((out / "scaling.csv").read_text().splitlines()))
    assert [row["jobs"] for row in rates] == ["1", "2"]
    assert all(float(row["wall"]) > 0 for row in rates)

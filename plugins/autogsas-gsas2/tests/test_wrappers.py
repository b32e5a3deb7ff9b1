"""The wrappers leave out redundant work of GSAS-II without changing a bit of its results."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from autogsas.model.recipe import Background, Free, Step
from autogsas.testing.samples import make_project

from autogsas_gsas2 import child_process, discovery
from autogsas_gsas2.backend import Gsas2Backend
from autogsas_gsas2.child import wrappers
from autogsas_gsas2.child.wrappers import derivatives, guard, shapes
from autogsas_gsas2.child.wrappers.guard import SWITCH, Guard

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "ab.py"
CHILD = Path(wrappers.__file__).parents[1]


@pytest.fixture
def log() -> Iterator[list[str]]:
    """A log; all verdicts are forgotten before and after the test."""
    Guard.forget()
    yield []
    Guard.forget()


def counted(value: Any) -> tuple[Callable[[], Any], list[int]]:
    calls: list[int] = []

    def call() -> Any:
        calls.append(1)
        return value() if callable(value) else value

    return call, calls


class TestFirstUse:
    def test_equal_results_prove_the_fast_calculation(self, log: list[str]) -> None:
        own = Guard("one", log.append)
        plain, slow = counted(np.arange(3.0))
        short, quick = counted(np.arange(3.0))
        for _ in range(3):
            assert own.first_use("PXC", plain, short).tolist() == [0.0, 1.0, 2.0]
        assert (len(slow), len(quick)) == (1, 3)
        assert log == []

    def test_a_difference_in_the_last_bit_refutes_it_with_a_log_line(self, log: list[str]) -> None:
        own = Guard("one", log.append)
        plain, slow = counted(np.array([1.0]))
        short, quick = counted(np.array([np.nextafter(1.0, 2.0)]))
        for _ in range(3):
            assert own.first_use("PXC", plain, short)[0] == 1.0
        assert (len(slow), len(quick)) == (3, 1)
        assert log == ["wrapper one is switched off for PXC: the results differ"]
        assert own.refuted()

    def test_an_exception_of_the_fast_calculation_refutes_it(self, log: list[str]) -> None:
        own = Guard("one", log.append)
        assert own.first_use("PXC", lambda: 1, lambda: {}["gone"]) == 1
        assert "KeyError" in log[0]

    def test_an_exception_of_the_plain_calculation_is_not_a_verdict(self, log: list[str]) -> None:
        own = Guard("one", log.append)
        with pytest.raises(ZeroDivisionError):
            own.first_use("PXC", lambda: 1 // 0, lambda: 1)
        assert own.unknown("PXC")

    def test_both_calculations_start_from_the_same_state_and_the_plain_one_remains(self, log: list[str]) -> None:
        own = Guard("one", log.append)
        table = np.array([1.0])

        def add(step: float) -> Callable[[], float]:
            def way() -> float:
                table[0] += step
                return 7.0

            return way

        assert own.first_use("PXC", add(1.0), add(2.0), lambda: [table]) == 7.0
        assert table[0] == 2.0
        assert own.refuted(), "the results are equal, but the states differ"

    def test_each_case_has_its_own_verdict(self, log: list[str]) -> None:
        own = Guard("one", log.append)
        own.first_use("PXC", lambda: 1, lambda: 1)
        assert own.proven("PXC")
        assert own.unknown("PNC")

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")
    def test_a_fork_shares_its_verdicts(self, log: list[str]) -> None:
        own = Guard("one", log.append)
        child = os.fork()
        if child == 0:
            own.first_use("PXC", lambda: 1, lambda: 1)
            os._exit(0)
        os.waitpid(child, 0)
        assert own.proven("PXC")

    def test_small_functions_need_many_equal_results(self, log: list[str]) -> None:
        own = Guard("one", log.append)
        own.sample("any", lambda: 1.0, lambda: 1.0)
        assert own.unknown("any")
        for _ in range(50):
            own.sample("any", lambda: 1.0, lambda: 1.0)
        assert own.proven("any")


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (np.array([np.nan]), np.array([np.nan]), True),
        (np.array([0.0]), np.array([-0.0]), False),
        (np.array([1.0]), np.array([1.0], dtype=np.float32), False),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([1.0, 2.0], mask=[0, 0]), False),
        (np.ma.array([1.0, 2.0]), np.array([1.0, 2.0]), True),
        ({"a": [1.0, np.nan]}, {"a": [1.0, np.nan]}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
        ((1.0, 2.0), (1.0,), False),
        (0.0, -0.0, False),
    ],
)
def test_same_compares_to_the_last_bit(first: Any, second: Any, equal: bool) -> None:
    assert guard.same(first, second) is equal


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        (None, {"a", "b", "c"}),
        ("all", {"a", "b", "c"}),
        ("none", set()),
        ("a,c", {"a", "c"}),
        ("-b", {"a", "c"}),
        ("all,-b,-c", {"a"}),
        ("a,nonsense", {"a"}),
    ],
)
def test_the_environment_variable_chooses_wrappers(
    monkeypatch: pytest.MonkeyPatch, switch: str | None, expected: set[str]
) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if switch is not None:
        monkeypatch.setenv(SWITCH, switch)
    assert guard.wanted("abc") == expected


def test_unknown_names_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "-a,nonsense")
    assert guard.unknown_names("abc") == ["nonsense"]


def test_a_fingerprint_depends_on_code_and_not_on_comments(tmp_path: Path) -> None:
    def digits(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        space: dict[str, Any] = {}
        exec(compile(text, str(path), "exec"), space)
        return guard.fingerprint(space["f"])

    first = digits("a.py", "def f(x):\n    # one\n    return x + 1\n\ndef g():\n    return 1\n")
    assert first == digits("b.py", "import os\n\ndef f(x):\n    return x+1\n\ndef g():\n    return 2\n")
    assert first != digits("c.py", "def f(x):\n    return x + 2\n")


def test_names_behave_like_a_list() -> None:
    names = ["0::A0", ":0:Zero", ":0:Zero", "0::AUiso:1"]
    table = derivatives.Names(names)
    for name in (*names, "missing"):
        assert (name in table) is (name in names)
    assert [table.index(name) for name in names] == [names.index(name) for name in names]
    assert list(table) == names
    with pytest.raises(ValueError):
        table.index("missing")


@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("0::A0", False),
        (":0:Zero", False),
        (":0:Back;3", False),
        ("0:0:Scale", False),
        ("0:0:Size;i", False),
        ("0::dAx:1", True),
        ("0::AUiso:0", True),
        ("0::Afrac:0", True),
        ("0:0:BabA", True),
        ("0::RBVPx:0:0", True),
        ("::RBV;0:0", True),
        ("::nv-a:0", True),
    ],
)
def test_which_parameters_need_structure_factors(name: str, moves: bool) -> None:
    assert derivatives.need_structure_factors([name]) is moves


class TestPeakCache:
    def test_a_narrower_range_is_a_slice_and_a_wider_one_is_unknown(self) -> None:
        x = np.linspace(10.0, 20.0, 101)
        known = shapes._CachedPeak(x[10:60], tuple(np.arange(50.0) + n for n in range(5)))
        inside = known.part(x[20:30])
        assert inside is not None
        assert inside[1].tolist() == (np.arange(10.0, 20.0) + 1).tolist()
        assert known.part(x[9:30]) is None
        assert known.part(x[20:61]) is None

    def test_a_peak_is_kept_for_two_calculations(self) -> None:
        cache = shapes.PeakCache()
        x = np.arange(4.0)
        cache.keep((1.0,), shapes._CachedPeak(x, (x.copy(),)))
        cache.next_calculation()
        assert cache.find((1.0,)) is not None, "the peak was used, so it is kept for one more"
        cache.next_calculation()
        cache.next_calculation()
        assert cache.find((1.0,)) is None

    def test_the_cache_reports_when_it_is_full(self) -> None:
        cache = shapes.PeakCache()
        x = np.zeros(1_000_000)
        for number in range(9):
            cache.keep((float(number),), shapes._CachedPeak(x, (x.copy(),)))
        assert cache.full

    def test_a_peak_unpacks_like_the_pair_of_gsas2(self) -> None:
        x = np.array([0.0, 1.0, 3.0])
        shape = np.array([1.0, 2.0, 1.0], dtype=np.float32)
        same_shape, area = shapes.Peak(shape, x)
        assert same_shape is shape
        assert area == 100.0 * (1.0 * 1 + 2.0 * 2 + 1.0 * 2)
        assert shapes.Peak(shape, x)[0] is shape


def test_without_gsas2_every_wrapper_reports_why_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    log: list[str] = []
    assert wrappers.install(log.append) == ()
    assert len(log) == len(wrappers.NAMES)


@pytest.fixture(scope="module")
def measure() -> Callable[..., list[dict[str, Any]]]:
    """A function that runs the benchmark in GSAS-II's interpreter and returns its rows."""
    found = discovery.find().installation
    if found is None:
        pytest.skip(f"gsas2: {discovery.find().reason}")
    if not hasattr(os, "fork"):
        pytest.skip("the benchmark forks")

    def run(folder: Path, data: Path, *arguments: str, timeout: float = 120.0) -> list[dict[str, Any]]:
        table = folder / "rows.json"
        done = subprocess.run(
            [found.python, BENCHMARK, "--data", data, "--json", table, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=discovery.child_environment(found.python),
            check=False,
        )
        assert table.exists(), done.stderr
        rows: list[dict[str, Any]] = json.loads(table.read_text())
        return rows

    return run


@pytest.mark.engine("gsas2")
def test_short_recipes_give_identical_results(
    measure: Callable[..., list[dict[str, Any]]], data: Path, tmp_path: Path
) -> None:
    names = ("pbso4-lost", "y2o3-excluded", "y2o3-lebail")
    rows = measure(tmp_path, data, *(word for name in names for word in ("--recipe", name)))
    assert [row["differences"] for row in rows] == [[]] * len(names)
    assert [row["errors"] for row in rows] == [[]] * len(names)
    assert all(0 < value < 20 for row in rows[1:] for value in np.ravel(row["wR"]).astype(float))
    unfit = {line.split()[1] for line in rows[-1]["log"] if " is off: " in line}
    assert set(rows[-1]["active"]) == set(wrappers.NAMES) - unfit, rows[-1]["log"]


@pytest.mark.engine("gsas2")
@pytest.mark.slow
@pytest.mark.parametrize(("material", "seed"), [("y2o3", 13), ("pbso4-neutron", 12)])
def test_random_recipes_give_identical_results(
    measure: Callable[..., list[dict[str, Any]]], data: Path, tmp_path: Path, material: str, seed: int
) -> None:
    rows = measure(tmp_path, data, "--random", material, "20", str(seed), timeout=1800.0)
    assert [row["recipe"] for row in rows if not row["identical"]] == []


_MODIFIED = """
import sys
child, pattern, instrument, structure, folder, modification = sys.argv[1:]
sys.path.insert(0, child)
import wrappers
from wrappers import arrays, fingerprints
if modification == "answer":
    honest = arrays.unmasked
    arrays.unmasked = lambda x: honest(x) + 1e-9
elif modification == "print":
    fingerprints.KNOWN["GSASIIstrMath.GetFobsSq"] = ("000000000000",)
elif modification == "cores":
    G2sc.GSASIIpath.configDict["Multiprocessing_cores"] = 2
logged = []
wrappers.install(logged.append)
if modification in ("cores", "list"):
    print("RESULT", "", ",".join(wrappers.active()), "|".join(logged), sep=";")
    sys.exit()
project = G2sc.G2Project(newgpx=folder + "/trial.gpx")
histogram = project.add_powder_histogram(pattern, instrument, fmthint="comma/tab/semicolon")
project.add_phase(structure, phasename="phase", histograms=[histogram], fmthint="CIF")
histogram.Limits("lower", 20.0)
histogram.Limits("upper", 40.0)
project.refine()
print("RESULT", repr(float(histogram.get_wR())), ",".join(wrappers.active()), "|".join(logged), sep=";")
"""


@pytest.mark.engine("gsas2")
class TestAnotherGsas2:
    @pytest.fixture
    def refine(
        self, run_in_gsas2: Callable[..., str], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., tuple[str, list[str], list[str]]]:
        def run(modification: str, switch: str = "all") -> tuple[str, list[str], list[str]]:
            monkeypatch.setenv(SWITCH, switch)
            home = data / "y2o3"
            files = (home / "y2o3.csv", home / "INST_XRY.PRM", home / "y2o3.cif")
            printed = run_in_gsas2(_MODIFIED, CHILD, *files, tmp_path, modification)
            line = next(line for line in printed.splitlines() if line.startswith("RESULT"))
            _, value, active, logged = line.split(";")
            return value, active.split(","), [word for word in logged.split("|") if word]

        return run

    def test_a_wrapper_with_different_results_is_switched_off(
        self, refine: Callable[..., tuple[str, list[str], list[str]]]
    ) -> None:
        if refine("list", "plain,shapes")[1] != ["shapes", "plain"]:
            pytest.skip("this GSAS-II is not the one the wrappers were written for")
        plain, none, _ = refine("", "none")
        value, active, logged = refine("answer")
        assert none == [""]
        assert value == plain
        assert "plain" not in active
        assert "shapes" in active
        assert any(line.startswith("wrapper plain is switched off") for line in logged)

    def test_a_wrapper_of_a_changed_function_stays_off(
        self, refine: Callable[..., tuple[str, list[str], list[str]]]
    ) -> None:
        if refine("list", "observed,shapes")[1] != ["shapes", "observed"]:
            pytest.skip("this GSAS-II is not the one the wrappers were written for")
        _, active, logged = refine("print", "observed,shapes")
        assert active == ["shapes"]
        assert logged[0].startswith("wrapper observed is off: GSASIIstrMath.GetFobsSq has changed")

    def test_wrappers_stay_off_if_gsas2_uses_several_processes(
        self, refine: Callable[..., tuple[str, list[str], list[str]]]
    ) -> None:
        _, active, logged = refine("cores")
        assert active == [""]
        assert len(logged) == len(wrappers.NAMES)


@pytest.mark.engine("gsas2")
def test_a_session_gives_identical_results_with_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (
        Step(
            title="scale",
            background=(Background(function="chebyschev-1", terms=3),),
            free=(Free(group="scale"), Free(group="background")),
        ),
        Step(title="cell", free=(Free(group="cell"), Free(group="zero"), Free(group="uiso"))),
    )
    seen = []
    for switch in ("none", "all"):
        monkeypatch.setenv(SWITCH, switch)
        installation = discovery.find().installation
        assert installation is not None
        child_process.running_child(installation).kill()  # the next child is started with this setting
        folder = tmp_path / switch
        (folder / "project").mkdir(parents=True)
        session = Gsas2Backend().open(make_project(folder / "project"), folder)
        try:
            reports = [session.refine(step) for step in steps]
            result = session.result()
        finally:
            session.close()
            child_process.running_child(installation).kill()
        numbers = [(p.name, p.value, p.esd) for p in result.parameters]
        curves = [(c.calculated.tobytes(), c.background.tobytes()) for c in result.curves]
        seen.append((numbers, curves, result.correlation.tobytes(), [(r.rwp, r.n_variables) for r in reports]))
    assert seen[0] == seen[1]

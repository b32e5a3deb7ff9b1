"""Redundant work is taken out of GSAS-II, and its answers keep every bit."""

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
def said() -> Iterator[list[str]]:
    """A log, with every verdict forgotten before and after."""
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
    def test_equal_answers_prove_the_short_way(self, said: list[str]) -> None:
        own = Guard("one", said.append)
        plain, slow = counted(np.arange(3.0))
        short, quick = counted(np.arange(3.0))
        for _ in range(3):
            assert own.first_use("PXC", plain, short).tolist() == [0.0, 1.0, 2.0]
        assert (len(slow), len(quick)) == (1, 3)
        assert said == []

    def test_the_last_bit_refutes_it_for_good_with_a_word(self, said: list[str]) -> None:
        own = Guard("one", said.append)
        plain, slow = counted(np.array([1.0]))
        short, quick = counted(np.array([np.nextafter(1.0, 2.0)]))
        for _ in range(3):
            assert own.first_use("PXC", plain, short)[0] == 1.0
        assert (len(slow), len(quick)) == (3, 1)
        assert said == ["wrapper one turned itself off for PXC: the answers differ"]
        assert own.refuted()

    def test_a_short_way_that_raises_is_refuted(self, said: list[str]) -> None:
        own = Guard("one", said.append)
        assert own.first_use("PXC", lambda: 1, lambda: {}["gone"]) == 1
        assert "KeyError" in said[0]

    def test_what_the_plain_way_raises_is_no_verdict(self, said: list[str]) -> None:
        own = Guard("one", said.append)
        with pytest.raises(ZeroDivisionError):
            own.first_use("PXC", lambda: 1 // 0, lambda: 1)
        assert own.unknown("PXC")

    def test_both_ways_start_from_the_same_state_and_leave_the_plain_one(self, said: list[str]) -> None:
        own = Guard("one", said.append)
        table = np.array([1.0])

        def add(step: float) -> Callable[[], float]:
            def way() -> float:
                table[0] += step
                return 7.0

            return way

        assert own.first_use("PXC", add(1.0), add(2.0), lambda: [table]) == 7.0
        assert table[0] == 2.0
        assert own.refuted(), "the answers are equal, what they leave behind is not"

    def test_cases_are_judged_apart(self, said: list[str]) -> None:
        own = Guard("one", said.append)
        own.first_use("PXC", lambda: 1, lambda: 1)
        assert own.proven("PXC")
        assert own.unknown("PNC")

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")
    def test_a_fork_tells_the_others(self, said: list[str]) -> None:
        own = Guard("one", said.append)
        child = os.fork()
        if child == 0:
            own.first_use("PXC", lambda: 1, lambda: 1)
            os._exit(0)
        os.waitpid(child, 0)
        assert own.proven("PXC")

    def test_small_functions_need_many_equal_answers(self, said: list[str]) -> None:
        own = Guard("one", said.append)
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
def test_same_is_to_the_last_bit(first: Any, second: Any, equal: bool) -> None:
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
def test_the_switch(monkeypatch: pytest.MonkeyPatch, switch: str | None, expected: set[str]) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if switch is not None:
        monkeypatch.setenv(SWITCH, switch)
    assert guard.wanted("abc") == expected


def test_a_word_that_names_no_wrapper_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "-a,nonsense")
    assert guard.unknown_words("abc") == ["nonsense"]


def test_a_fingerprint_sees_code_and_not_comments(tmp_path: Path) -> None:
    def digits(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        space: dict[str, Any] = {}
        exec(compile(text, str(path), "exec"), space)
        return guard.fingerprint(space["f"])

    first = digits("a.py", "def f(x):\n    # one\n    return x + 1\n\ndef g():\n    return 1\n")
    assert first == digits("b.py", "import os\n\ndef f(x):\n    return x+1\n\ndef g():\n    return 2\n")
    assert first != digits("c.py", "def f(x):\n    return x + 2\n")


def test_names_answer_as_a_list_does() -> None:
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
    assert derivatives.atoms_move([name]) is moves


class TestMemory:
    def test_a_narrower_range_is_a_slice_and_a_wider_one_is_not_known(self) -> None:
        x = np.linspace(10.0, 20.0, 101)
        known = shapes._Known(x[10:60], tuple(np.arange(50.0) + n for n in range(5)))
        inside = known.part(x[20:30])
        assert inside is not None
        assert inside[1].tolist() == (np.arange(10.0, 20.0) + 1).tolist()
        assert known.part(x[9:30]) is None
        assert known.part(x[20:61]) is None

    def test_a_peak_lives_for_two_evaluations(self) -> None:
        memory = shapes.Memory()
        x = np.arange(4.0)
        memory.keep((1.0,), shapes._Known(x, (x.copy(),)))
        memory.turn()
        assert memory.find((1.0,)) is not None, "found, and so kept for one more"
        memory.turn()
        memory.turn()
        assert memory.find((1.0,)) is None

    def test_it_says_when_it_is_full(self) -> None:
        memory = shapes.Memory()
        x = np.zeros(1_000_000)
        for number in range(9):
            memory.keep((float(number),), shapes._Known(x, (x.copy(),)))
        assert memory.full

    def test_a_peak_unpacks_as_gsas2_s_pair(self) -> None:
        x = np.array([0.0, 1.0, 3.0])
        shape = np.array([1.0, 2.0, 1.0], dtype=np.float32)
        same_shape, area = shapes.Peak(shape, x)
        assert same_shape is shape
        assert area == 100.0 * (1.0 * 1 + 2.0 * 2 + 1.0 * 2)
        assert shapes.Peak(shape, x)[0] is shape


def test_without_gsas2_every_wrapper_says_why_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    said: list[str] = []
    assert wrappers.install(said.append) == ()
    assert len(said) == len(wrappers.NAMES)


@pytest.fixture(scope="module")
def measure() -> Callable[..., list[dict[str, Any]]]:
    """What runs the benchmark in GSAS-II's interpreter and gives its rows."""
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
def test_short_recipes_keep_every_bit(measure: Callable[..., list[dict[str, Any]]], data: Path, tmp_path: Path) -> None:
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
def test_random_recipes_keep_every_bit_and_are_faster(
    measure: Callable[..., list[dict[str, Any]]], data: Path, tmp_path: Path, material: str, seed: int
) -> None:
    rows = measure(tmp_path, data, "--random", material, "20", str(seed), timeout=1800.0)
    assert [row["recipe"] for row in rows if not row["identical"]] == []
    assert sum(row["ratio"] for row in rows) / len(rows) > 1.3


_TAMPERED = """
import sys
child, pattern, instrument, structure, folder, tampering = sys.argv[1:]
sys.path.insert(0, child)
import wrappers
from wrappers import arrays, fingerprints
if tampering == "answer":
    honest = arrays.unmasked
    arrays.unmasked = lambda x: honest(x) + 1e-9
elif tampering == "print":
    fingerprints.KNOWN["GSASIIstrMath.GetFobsSq"] = ("000000000000",)
elif tampering == "cores":
    G2sc.GSASIIpath.configDict["Multiprocessing_cores"] = 2
told = []
wrappers.install(told.append)
if tampering in ("cores", "list"):
    print("RESULT", "", ",".join(wrappers.active()), "|".join(told), sep=";")
    sys.exit()
project = G2sc.G2Project(newgpx=folder + "/trial.gpx")
histogram = project.add_powder_histogram(pattern, instrument, fmthint="comma/tab/semicolon")
project.add_phase(structure, phasename="phase", histograms=[histogram], fmthint="CIF")
histogram.Limits("lower", 20.0)
histogram.Limits("upper", 40.0)
project.refine()
print("RESULT", repr(float(histogram.get_wR())), ",".join(wrappers.active()), "|".join(told), sep=";")
"""


@pytest.mark.engine("gsas2")
class TestAnotherGsas2:
    @pytest.fixture
    def refine(
        self, run_in_gsas2: Callable[..., str], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., tuple[str, list[str], list[str]]]:
        def run(tampering: str, switch: str = "all") -> tuple[str, list[str], list[str]]:
            monkeypatch.setenv(SWITCH, switch)
            home = data / "y2o3"
            files = (home / "y2o3.csv", home / "INST_XRY.PRM", home / "y2o3.cif")
            printed = run_in_gsas2(_TAMPERED, CHILD, *files, tmp_path, tampering)
            line = next(line for line in printed.splitlines() if line.startswith("RESULT"))
            _, value, active, told = line.split(";")
            return value, active.split(","), [word for word in told.split("|") if word]

        return run

    def test_a_wrapper_whose_answer_differs_turns_itself_off(
        self, refine: Callable[..., tuple[str, list[str], list[str]]]
    ) -> None:
        if refine("list", "plain,shapes")[1] != ["shapes", "plain"]:
            pytest.skip("this GSAS-II is not the one the wrappers were written for")
        plain, none, _ = refine("", "none")
        value, active, told = refine("answer")
        assert none == [""]
        assert value == plain
        assert "plain" not in active
        assert "shapes" in active
        assert any(line.startswith("wrapper plain turned itself off") for line in told)

    def test_a_wrapper_whose_ground_has_changed_stays_off(
        self, refine: Callable[..., tuple[str, list[str], list[str]]]
    ) -> None:
        if refine("list", "observed,shapes")[1] != ["shapes", "observed"]:
            pytest.skip("this GSAS-II is not the one the wrappers were written for")
        _, active, told = refine("print", "observed,shapes")
        assert active == ["shapes"]
        assert told[0].startswith("wrapper observed is off: GSASIIstrMath.GetFobsSq has changed")

    def test_several_processes_of_gsas2_s_own_leave_them_off(
        self, refine: Callable[..., tuple[str, list[str], list[str]]]
    ) -> None:
        _, active, told = refine("cores")
        assert active == [""]
        assert len(told) == len(wrappers.NAMES)


@pytest.mark.engine("gsas2")
def test_the_host_gets_the_same_bits_with_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        child_process.running_child(installation).kill()  # the next one is started with this switch
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

"""Reading a .gpx: histograms, phases, notes, and errors for what cannot be refined."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from autogsas.builtin.checks.physical import autogsas_check_result
from autogsas.errors import UserError
from autogsas.input.loading import load_project
from autogsas.model.metrics import measure
from autogsas.model.recipe import Free, Step
from autogsas.model.result import Result, Severity
from autogsas.model.sample import BackgroundPeak, Broadening, Orientation, Specimen
from autogsas.model.structure import Cell, Site
from autogsas.search.resuming import fingerprint
from trials import session

from autogsas_gsas2.gpx import GpxExtras, find_gpx, findings, read_extras, read_project

X = np.arange(10.0, 60.0, 0.05)
IDENTITY = np.eye(3)
RESULT = Result("numpy", "1", (), (), (), np.eye(0), (), (), 8.0)


def pattern(name: str, **changes: Any) -> list[Any]:
    """A powder pattern as GSAS-II stores it."""
    y = 100.0 + X
    weights = np.where(X < 12, 0.0, 1.0 / y)
    arrays = [np.ma.masked_inside(X, 30.0, 31.0), y, weights, 0 * X, 0 * X, 0 * X]
    parts: dict[str, Any] = {
        "about": {"wtFactor": 2.0, "Dummy": False},
        "arrays": arrays,
        "Limits": [(10.0, 59.95), [15.0, 70.0], [30.0, 31.0]],
        "Background": [["chebyschev-1", True, 3, 1.0, 0.0, 0.0], {"peaksList": [], "debyeTerms": []}],
        "Instrument": {
            "Type": ["PXC", "PXC", 0],
            "Lam1": [1.5, 1.5405, 0],
            "Lam2": [1.5, 1.5443, 0],
            "I(L2)/I(L1)": [0.5, 0.48, 0],
            "Zero": [0.0, 0.02, 0],
            "Polariz.": [0.7, 0.71, 0],
            "U": [2.0, 2.5, 1],
            "V": [-2.0, -2.5, 0],
            "W": [5.0, 5.5, 0],
            "X": [0.0, 0.1, 0],
            "Y": [0.0, 0.2, 0],
            "SH/L": [0.002, 0.03, 0],
        },
        "Sample": {"Type": "Bragg-Brentano", "Gonio. radius": 217.5, "Scale": [1.0, True]},
    }
    parts |= changes
    return [
        [name, [parts["about"], parts["arrays"], name]],
        ["Limits", parts["Limits"]],
        ["Background", parts["Background"]],
        ["Instrument Parameters", [parts["Instrument"], {}]],
        ["Sample Parameters", parts["Sample"]],
    ]


def phase(*histograms: str, **changes: Any) -> dict[str, Any]:
    """A phase as GSAS-II stores it: P -1, an ion and an anisotropic atom."""
    general = {
        "Type": "nuclear",
        "AtomPtrs": [3, 1, 7, 9],
        "Cell": [False, 4.0, 5.0, 6.0, 80.0, 90.0, 100.0, 110.0],
        "SGData": {"SpGrp": "P -1", "SGInv": True, "SGCen": np.zeros((1, 3)), "SGOps": [[IDENTITY, np.zeros(3)]]},
    }
    atoms = [
        ["Fe 1", "Fe+3", "", 0.1, 0.2, 0.3, 0.75, "1", 2, "I", 0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7],
        ["O:1", "O-2", "", 0.4, 0.5, 0.6, 1.0, "1", 2, "A", 0.0, 0.01, 0.02, 0.03, 0.001, 0.002, 0.003, 8],
    ]
    item = {"General": general | changes.pop("General", {}), "Atoms": atoms}
    item["Histograms"] = {name: {"Use": True} for name in histograms}
    return item | changes


def write(file: Path, *items: Any) -> Path:
    with file.open("wb") as stream:
        for item in items:
            pickle.dump(item, stream, 2)
    return file


def project(file: Path, *, patterns: Any = None, phases: Any = None, more: Any = ()) -> Path:
    patterns = [pattern("PWDR a.xra Bank 1")] if patterns is None else patterns
    phases = {"one": phase("PWDR a.xra Bank 1")} if phases is None else phases
    return write(file, [["Controls", {}]], *more, *patterns, [["Phases", None], *phases.items()])


def test_a_histogram_is_read_with_its_present_values(tmp_path: Path) -> None:
    file = project(tmp_path / "my work.gpx")
    read = read_project(file)
    assert (read.name, read.file, read.files, read.backend) == ("my work", file, (file,), "auto")
    (histogram,) = read.histograms
    assert histogram.name == "a.xra Bank 1"
    assert np.array_equal(histogram.pattern.x, X)
    assert np.array_equal(histogram.pattern.y, 100.0 + X)
    assert np.allclose(histogram.pattern.weights, np.where(X < 12, 0.0, 2.0 / (100.0 + X)))
    assert histogram.limits == (15.0, X[-1])
    assert histogram.excluded == ((30.0, 31.0),)
    one = histogram.instrument
    assert (one.radiation, one.wavelengths, one.ratio) == ("xray", (1.5405, 1.5443), 0.48)
    assert (one.geometry, one.radius) == ("Bragg-Brentano", 217.5)
    assert (one.zero, one.polarization) == (0.02, 0.71)
    assert (one.U, one.V, one.W, one.X, one.Y, one.Z, one.SH_L) == (2.5, -2.5, 5.5, 0.1, 0.2, 0.0, 0.03)


def test_a_phase_is_read(tmp_path: Path) -> None:
    (read,) = read_project(project(tmp_path / "a.gpx")).phases
    assert (read.name, read.space_group) == ("one", "P -1")
    assert read.cell == Cell(4.0, 5.0, 6.0, 80.0, 90.0, 100.0)
    assert read.sites == (
        Site("Fe_1", "Fe3+", (0.1, 0.2, 0.3), 0.75, 0.01),
        Site("O_1", "O2-", (0.4, 0.5, 0.6), 1.0, 0.02, (0.01, 0.02, 0.03, 0.001, 0.002, 0.003)),
    )


def test_neutrons_and_several_histograms(tmp_path: Path) -> None:
    neutron = {"Type": ["PNC", "PNC", 0], "Lam": [1.9, 1.909, 0], "Zero": [0.0, 0.0, 0]}
    keys = ["PWDR a:1", "PWDR a_1", "PWDR b"]
    patterns = [
        pattern(keys[0]),
        pattern(keys[1], Instrument=neutron, Sample={"Type": "Debye-Scherrer"}),
        pattern(keys[2]),
    ]
    phases = {"one": phase(*keys[:2]), "two": phase(keys[1]), "alone": phase()}
    read = read_project(project(tmp_path / "a.gpx", patterns=patterns, phases=phases))
    assert [h.name for h in read.histograms] == ["a_1", "a_1 (2)"]
    assert (read.histograms[1].instrument.radiation, read.histograms[1].instrument.wavelengths) == ("neutron", (1.909,))
    assert read.histograms[1].instrument.geometry == "Debye-Scherrer"
    assert [p.name for p in read.phases] == ["one", "two"]
    assert (
        "left out, because no phase is connected to a pattern there: PWDR b, alone" in read.histograms[0].pattern.notes
    )
    assert read.histograms[1].pattern.notes == ()


@pytest.mark.parametrize(
    ("rotations", "centring", "symbol"),
    [
        ([(IDENTITY, (0, 0, 0)), (np.diag([-1, 1, -1]), (0, 0.5, 0.5))], [(0, 0, 0)], "P 1 21/c 1"),
        ([(IDENTITY, (0, 0, 0)), (np.diag([-1, 1, -1]), (0.5, 0.5, 0.5))], [(0, 0, 0)], "P 1 21/n 1"),
        ([(IDENTITY, (0, 0, 0)), (np.diag([-1, 1, -1]), (0, 0, 0))], [(0, 0, 0), (0.5, 0.5, 0)], "C 1 2/m 1"),
    ],
)
def test_the_space_group_is_that_of_the_operations(tmp_path: Path, rotations: Any, centring: Any, symbol: str) -> None:
    operations = [[np.asarray(m, dtype=np.float32), np.array(s, dtype=np.float32)] for m, s in rotations]
    group = {"SpGrp": "?", "SGInv": True, "SGCen": np.array(centring, dtype=float), "SGOps": operations}
    phases = {"one": phase("PWDR a.xra Bank 1", General={"SGData": group})}
    assert read_project(project(tmp_path / "a.gpx", phases=phases)).phases[0].space_group == symbol


STRANGE = {
    "SpGrp": "A strange one",
    "SGInv": False,
    "SGCen": np.zeros((1, 3)),
    "SGOps": [[IDENTITY, np.zeros(3)], [np.diag([1, -1, -1]), np.array([0.25, 0.0, 0.125])]],
}
TOF = {"Type": ["PNT", "PNT", 0], "difC": [1.0, 1.0, 0]}
ATOM = ["Xx1", "Xx", "", 0.1, 0.2, 0.3, 0.75, "1", 2, "I", 0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7]
KEY = "PWDR a.xra Bank 1"


@pytest.mark.parametrize(
    ("patterns", "phases", "more", "message"),
    [
        ([pattern(KEY, Instrument=TOF)], None, (), "not a constant-wavelength powder pattern; found 'PNT'; allow"),
        ([pattern(KEY), pattern("PWDR b", Instrument=TOF)], {"a": phase(KEY, "PWDR b")}, (), "PWDR b: not a constant"),
        (
            None,
            None,
            [[["HKLF crystal", [{}, {}]]]],
            "HKLF crystal: autogsas refines constant-wavelength powder patterns, not single-crystal data",
        ),
        ([], None, (), "the project has no powder pattern"),
        (None, {}, (), "no phase is connected to a powder pattern"),
        (None, {"a": phase()}, (), "no phase is connected to a powder pattern"),
        (None, {"a": phase(Histograms={KEY: {"Use": False}})}, (), "no phase is connected"),
        ([pattern(KEY, about={"Dummy": True})], None, (), "a simulation, not a measurement"),
        ([pattern(KEY, Sample={"Type": "Gandolfi"})], None, (), "unknown geometry; found 'Gandolfi'"),
        ([pattern(KEY, Limits=[(10, 60), [70.0, 80.0]])], None, (), "no points of the pattern are within its limits"),
        (
            [pattern(KEY, Limits=[(10, 60), [15, 60], [10, 61]])],
            None,
            (),
            "no points of the pattern are within its limits",
        ),
        ([pattern(KEY, arrays=[X[::-1]] * 6)], None, (), "2theta is not strictly increasing"),
        ([pattern(KEY, arrays=[])], None, (), "cannot be read as a GSAS-II project (IndexError"),
        ([pattern(KEY, Sample={})], None, (), "unknown geometry"),
        ([pattern(KEY, Instrument={})], None, (), "cannot be read as a GSAS-II project (KeyError: 'Type')"),
        (None, {"a": phase(KEY, Atoms=[ATOM])}, (), "a: Xx1: unknown atom type; found 'Xx'"),
        (
            None,
            {"a": phase(KEY, General={"SGData": STRANGE})},
            (),
            "do not belong to a tabulated setting of a space group; found 'A strange one'",
        ),
        (None, {"a": phase(KEY, General={"Type": "macromolecular"})}, (), "cannot refine a macromolecular phase"),
    ],
)
def test_a_project_that_cannot_be_refined_is_an_error_of_one_line(
    tmp_path: Path, patterns: Any, phases: Any, more: Any, message: str
) -> None:
    file = project(tmp_path / "a.gpx", patterns=patterns, phases=phases, more=more)
    with pytest.raises(UserError) as caught:
        read_project(file)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def pair(**changes: Any) -> dict[str, Any]:
    """The settings of a phase in a pattern, as GSAS-II stores them."""
    return {
        "Use": True,
        "LeBail": False,
        "Size": ["isotropic", [0.5, 1.0, 0.8], [False] * 3, [0, 0, 1], [1.0] * 6, [False] * 6],
        "Mustrain": ["uniaxial", [800.0, 1200.0, 1.0], [True, False, False], [1, 1, 0], [0.01], [False]],
        "Pref.Ori.": ["MD", 0.7, True, [1, 0, 0], 0, {}, [], 0.1],
    } | changes


def test_size_strain_and_orientation_are_those_of_the_first_pattern(tmp_path: Path) -> None:
    keys = [KEY, "PWDR b"]
    extras = {"nPeaks": 1, "peaksList": [[33.0, False, 900.0, True, 40.0, False, 0.1, False]], "debyeTerms": []}
    patterns = [
        pattern(KEY, Sample={"Type": "Debye-Scherrer", "Absorption": [0.3, False]}, Background=[["cosine"], extras]),
        pattern(keys[1], Sample={"Type": "Bragg-Brentano", "Absorption": [0.3, False]}),
    ]
    first = phase(Histograms={KEY: pair(LeBail=True), keys[1]: pair(Size=["ellipsoidal", [1.0] * 3])})
    second = phase(Histograms={keys[1]: pair()})
    read = read_project(project(tmp_path / "a.gpx", patterns=patterns, phases={"one": first, "two": second}))
    assert [h.absorption for h in read.histograms] == [0.3, 0.0]
    assert [h.background_peaks for h in read.histograms] == [(BackgroundPeak(33.0, 900.0, 40.0, 0.1),), ()]
    assert [p.intensities for p in read.phases] == ["Le Bail", "structure"]
    assert read.phases[1].specimen == Specimen(
        Broadening(0.5, mix=0.8),
        Broadening(800.0, "uniaxial", 1200.0, (1, 1, 0)),
        Orientation((1, 0, 0), 0.7),
    )
    assert read.phases[0].specimen == read.phases[1].specimen
    assert any("differ between the patterns" in note for note in read.phases[0].notes)
    assert read.phases[1].notes == ()


def test_models_of_size_and_strain_that_the_host_does_not_have_are_noted(tmp_path: Path) -> None:
    stored = pair(
        Size=["ellipsoidal", [1.0, 1.0, 0.5], [], [0, 0, 1], [1.0] * 6, []],
        Mustrain=["odd", [1000.0, 1000.0, 1.0], [], [0, 0, 1], [0.01], []],
    )
    stored["Pref.Ori."] = ["SH", 1.0, False, [0, 0, 1], 4, {"C(4,1)": 0.2}, [], 0.1]
    read = read_project(project(tmp_path / "a.gpx", phases={"one": phase(Histograms={KEY: stored})}))
    assert read.phases[0].specimen == Specimen()
    notes = " ".join(read.histograms[0].pattern.notes)
    assert "ellipsoidal size" in notes
    assert "odd strain" in notes
    assert "spherical harmonics" in notes


@pytest.mark.parametrize("count", [15, 2])
def test_generalised_strain_is_that_of_every_engine(tmp_path: Path, count: int) -> None:
    """With the 15 coefficients of a triclinic phase; with another number the strain is the default one."""
    numbers = [0.1 * i for i in range(count)]
    stored = pair(Mustrain=["generalized", [900.0, 1000.0, 0.7], [], [0, 0, 1], numbers, [True] * count])
    read = read_project(project(tmp_path / "a.gpx", phases={"one": phase(Histograms={KEY: stored})}))
    (one,) = read.phases
    if count == 15:
        assert one.specimen.strain == Broadening(900.0, "generalized", mix=0.7, coefficients=tuple(numbers))
        assert one.notes == ()
    else:
        assert one.specimen.strain == Specimen().strain
        assert "2 coefficients of strain instead of 15" in " ".join(one.notes)


def test_constraints_and_other_extras_are_noted(tmp_path: Path) -> None:
    bonds = {"Use": True, "Bonds": [["a"], ["b"]]}
    more = [
        [["Constraints", {"Phase": [["c"]], "Hist": [], "HAP": [["d"], ["e"]], "_seqmode": "auto"}]],
        [["Restraints", {"one": {"Bond": bonds, "Angle": {"Use": False, "Angles": [["x"]]}}, "gone": {"Bond": bonds}}]],
        [["Rigid bodies", {"RBIds": {"Vector": [1], "Residue": []}}]],
    ]
    extras = [["chebyschev-1", True, 3, 1.0, 0.0, 0.0], {"peaksList": [[1]], "debyeTerms": [[1], [2]]}]
    phases = {"one": phase(KEY, General={"doPawley": True})}
    file = project(tmp_path / "a.gpx", patterns=[pattern(KEY, Background=extras)], phases=phases, more=more)
    assert read_extras(file) == GpxExtras(
        constraints=3, restraints=2, rigid_bodies=1, background_peaks=3, pawley=("one",), unused=()
    )
    read = read_project(file)
    assert len(read.histograms[0].pattern.notes) == 5
    (finding,) = findings(read, RESULT)
    assert (finding.code, finding.severity, finding.numbers) == ("restraints-left-out", Severity.INFO, {"count": 2.0})
    assert findings(read, replace(RESULT, n_restraints=2)) == []
    plain = read_project(project(tmp_path / "b.gpx"))
    assert findings(plain, RESULT) == []
    assert plain.histograms[0].pattern.notes == ()


def test_a_run_cannot_be_resumed_after_the_constraints_have_changed(tmp_path: Path) -> None:
    first = fingerprint(read_project(project(tmp_path / "a.gpx")))
    assert fingerprint(read_project(project(tmp_path / "a.gpx"))) == first
    changed = project(tmp_path / "a.gpx", more=[[["Constraints", {"Phase": [["c"]]}]]])
    assert fingerprint(read_project(changed)) != first


def test_a_gpx_is_found_in_a_folder(tmp_path: Path, gsas2_host: Callable[..., Any]) -> None:
    assert find_gpx(tmp_path) is None
    file = project(tmp_path / "a.gpx")
    (tmp_path / "a.bak0.gpx").write_bytes(b"GSAS-II's backup")
    (tmp_path / "other.txt").write_text("x")
    assert find_gpx(tmp_path) == file
    assert find_gpx(file) == file
    assert find_gpx(tmp_path / "other.txt") is None
    assert find_gpx(tmp_path / "nowhere") is None
    for path in (tmp_path, file):
        read, host = load_project(path, host_factory=gsas2_host)
        assert read.file == file
        assert "autogsas_gsas2.plugin" in [info.name for info in host.plugins]
    project(tmp_path / "b.gpx")
    with pytest.raises(UserError, match=r"several \.gpx and no project\.yaml; .* found 'a\.gpx, b\.gpx'"):
        load_project(tmp_path, host_factory=gsas2_host)
    assert load_project(tmp_path / "b.gpx", host_factory=gsas2_host)[0].name == "b"


@pytest.mark.engine("gsas2")
def test_a_project_that_gsas2_wrote(small_gpx: Path) -> None:
    before = (small_gpx.read_bytes(), small_gpx.stat().st_mtime_ns)
    read = read_project(small_gpx)
    (histogram,) = read.histograms
    assert histogram.pattern.x.size == 1501
    assert (histogram.limits, histogram.excluded) == ((18.0, 85.0), ((40.0, 41.0),))
    assert histogram.instrument.wavelengths == (1.5406,)
    assert histogram.instrument.geometry == "Debye-Scherrer"
    (found,) = read.phases
    assert (found.name, found.space_group) == ("CsCl", "P m -3 m")
    assert found.sites == (
        Site("Cs", "Cs", (0.0, 0.0, 0.0), 1.0, 0.02),
        Site("Cl", "Cl", (0.5, 0.5, 0.5), 1.0, 0.02),
    )
    assert (small_gpx.read_bytes(), small_gpx.stat().st_mtime_ns) == before


_PBSO4 = """
folder, out = sys.argv[1:]
project = G2sc.G2Project(newgpx=out)
histograms = [project.add_powder_histogram(f"{folder}/{d}", f"{folder}/{i}", fmthint="GSAS powder")
              for d, i in (("PBSO4.XRA", "INST_XRY.PRM"), ("PBSO4.CWN", "inst_d1a.prm"))]
for histogram in histograms:
    histogram.Limits("upper", 60.0)
phase = project.add_phase(f"{folder}/pbso4.cif", phasename="PbSO4", histograms=histograms, fmthint="CIF")
project.add_EquivConstr(["0::AUiso:2", "0::AUiso:3"])
bonds = {"wtFactor": 1.0, "Range": 1.1, "Use": True, "Bonds": []}
project.data["Restraints"]["data"]["PbSO4"] = {"Bond": bonds}
phase.addDistRestraint(["S1"], ["O1", "O2", "O3"], 1.47, 1.2, ESD=0.02)
project.do_refinements([{}])
project.save()
print(len(bonds["Bonds"]))
"""


@pytest.mark.engine("gsas2")
def test_a_joint_project_with_constraints_and_restraints(
    tmp_path: Path, data: Path, run_in_gsas2: Callable[..., str]
) -> None:
    file = tmp_path / "pbso4.gpx"
    printed = run_in_gsas2(_PBSO4, data / "pbso4", file)
    read = read_project(file)
    assert [h.name for h in read.histograms] == ["PBSO4.XRA Bank 1", "PBSO4.CWN Bank 1"]
    assert [h.instrument.radiation for h in read.histograms] == ["xray", "neutron"]
    assert [h.instrument.geometry for h in read.histograms] == ["Bragg-Brentano", "Debye-Scherrer"]
    assert [h.instrument.wavelengths for h in read.histograms] == [(1.5405, 1.5443), (1.909,)]
    (found,) = read.phases
    assert found.space_group == "P n m a"
    assert len(found.sites) == 5
    extras = read_extras(file)
    assert extras.constraints == 1
    assert extras.restraints == int(printed.split()[-1]) > 0
    assert [finding.code for finding in findings(read, RESULT)] == ["restraints-left-out"]
    with session(read, tmp_path / "trial") as opened:
        opened.refine(Step(title="as it is", free=(Free(group="scale"), Free(group="positions", site="O3"))))
        result = opened.result()
    assert result.n_restraints == extras.restraints
    assert any("has restraints (Bond)" in note for note in result.notes)
    assert findings(read, result) == []
    metrics = measure(*(getattr(result.curves[0], key) for key in ("observed", "calculated", "weights")), 3)
    (finding,) = (f for f in autogsas_check_result(read, result, metrics) if f.code == "restraints")
    assert (finding.severity, finding.numbers) == (Severity.WARNING, {"count": float(extras.restraints)})


def test_rwp_of_the_stored_refinement_is_calculated(tmp_path: Path) -> None:
    assert read_project(project(tmp_path / "never.gpx")).held_rwp is None
    refined = pattern("PWDR a.xra Bank 1", about={"wtFactor": 2.0, "Dummy": False, "wR": 11.0})
    assert read_project(project(tmp_path / "zeros.gpx", patterns=[refined])).held_rwp is None
    # 4 % above everywhere: with weights 2/y, sqrt(sum 2 (0.04 y)^2 / y / sum 2 y^2 / y) is 4 %, not the stored wR.
    refined[0][1][1][3] = 1.04 * (100.0 + X)
    assert read_project(project(tmp_path / "refined.gpx", patterns=[refined])).held_rwp == pytest.approx(4.0)

"""The inventory of a .gpx: every flag and entry in one class, also in projects that are refused or damaged."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from autogsas.commands.inventory import inspect
from autogsas.errors import UserError
from autogsas.model.inventory import Entry, Inventory, Kind, Treatment
from test_gpx import IDENTITY, KEY, TOF, X, pair, pattern, phase, project

from autogsas_gsas2.inventory import read_inventory

Hosts = Callable[..., Any]


def entries(inventory: Inventory, name: str) -> list[Entry]:
    return [entry for entry in inventory.entries if entry.name == name]


def one(inventory: Inventory, name: str) -> Entry:
    (entry,) = entries(inventory, name)
    return entry


def flags(**letters: str) -> list[list[Any]]:
    """Atoms of `phase` with other refinement flags."""
    atoms: list[list[Any]] = [list(atom) for atom in phase()["Atoms"]]
    for atom in atoms:
        atom[2] = letters.get(atom[0].replace(" ", "").replace(":", ""), "")
    return atoms


def test_histograms_and_phases(tmp_path: Path) -> None:
    found = read_inventory(project(tmp_path / "a.gpx"))
    (histogram,) = found.histograms
    assert (histogram.name, histogram.type) == ("a.xra Bank 1", "X-ray, constant wavelength")
    assert (histogram.points, histogram.low, histogram.high) == (X.size, X[0], X[-1])
    assert (histogram.limits, histogram.excluded) == ((15.0, 70.0), ((30.0, 31.0),))
    assert histogram.constants == ("λ1 1.5405 Å", "λ2 1.5443 Å")
    assert histogram.geometry == "Bragg-Brentano"
    (item,) = found.phases
    assert (item.name, item.space_group, item.sites, item.kind) == ("one", "P -1", 2, "nuclear")
    assert item.cell == (4.0, 5.0, 6.0, 80.0, 90.0, 100.0)
    assert item.histograms == ("a.xra Bank 1",)
    assert not [entry for entry in found.entries if entry.treatment is Treatment.UNKNOWN]


def test_what_the_search_chooses_is_searched_and_other_flags_are_told(tmp_path: Path, gsas2_host: Hosts) -> None:
    stored = pair(
        Extinction=[0.1, True],
        HStrain=[[1e-4, 0.0], [True, False]],
        Babinet={"BabA": [0.0, False], "BabU": [0.0, True]},
    )
    stored["Size"][2] = [False, False, True]
    atoms = flags(Fe1="XUF", O1="Q")
    file = project(tmp_path / "a.gpx", phases={"one": phase(Histograms={KEY: stored}, Atoms=atoms)})
    found = inspect(file, host_factory=gsas2_host)
    assert found.refusal == ""
    for name in ("U", "Zero", "SH/L", "cell", "size", "strain", "background function", "histogram scale"):
        assert one(found, name).treatment is Treatment.SEARCHED, name
    assert one(found, "preferred orientation (March-Dollase)").treatment is Treatment.SEARCHED
    assert [entry.refined for entry in entries(found, "position")] == [True, False]
    assert {entry.treatment for entry in entries(found, "position")} == {Treatment.SEARCHED}
    iron, oxygen = entries(found, "occupancy")
    assert (iron.treatment, oxygen.treatment) == (Treatment.NOT_SUPPORTED, Treatment.FIXED)
    assert "turned off and the value kept" in iron.reason
    assert "turned off" in one(found, "Lorentzian share of the size").reason
    for name in ("extinction", "lattice strain of this histogram (HStrain)", "Babinet BabU"):
        assert one(found, name).treatment is Treatment.NOT_SUPPORTED, name
        assert one(found, name).reason.startswith("refined from the first step"), name
    assert one(found, "Babinet BabA").treatment is Treatment.FIXED
    strange = one(found, "flag 'Q' of a site")
    assert (strange.treatment, strange.site) == (Treatment.UNKNOWN, "O_1")
    assert found.counts()[Treatment.KEPT] == 0


def test_a_capillary_has_no_choice_of_orientation(tmp_path: Path, gsas2_host: Hosts) -> None:
    patterns = [pattern(KEY, Sample={"Type": "Debye-Scherrer", "Shift": [1.0, True], "DisplaceX": [0.0, True]})]
    phases = {"one": phase(Histograms={KEY: pair()})}
    found = inspect(project(tmp_path / "a.gpx", patterns=patterns, phases=phases), host_factory=gsas2_host)
    orientation = one(found, "preferred orientation (March-Dollase)")
    assert (orientation.refined, orientation.treatment) == (True, Treatment.NOT_SUPPORTED)
    assert one(found, "DisplaceX").treatment is Treatment.SEARCHED
    assert (one(found, "Shift").treatment, one(found, "Shift").refined) == (Treatment.FIXED, True)
    assert "does not use it for Debye-Scherrer" in one(found, "Shift").reason


def test_background_terms_peaks_and_files(tmp_path: Path) -> None:
    extras = {
        "nPeaks": 1,
        "peaksList": [[33.0, False, 900.0, True, 40.0, False, 0.1, False]],
        "nDebye": 1,
        "debyeTerms": [[1.0, False, 2.0, False, 0.01, False]],
        "FixedPoints": [[1.0, 2.0]],
        "background PWDR": ["PWDR empty can", 0.5, True],
        "new thing": 3,
    }
    background = [["chebyschev-1", True, 3, 1.0, 0.0, 0.0], extras]
    found = read_inventory(project(tmp_path / "a.gpx", patterns=[pattern(KEY, Background=background)]))
    peak = one(found, "background peak")
    assert (peak.kind, peak.refined, peak.treatment) == (Kind.BACKGROUND_PEAK, True, Treatment.NOT_SUPPORTED)
    assert peak.value.endswith("refined: intensity")
    assert one(found, "Debye term").treatment is Treatment.FIXED
    assert one(found, "fixed background points").kind is Kind.FIXED_POINTS
    assert one(found, "fixed background pattern").refined
    assert one(found, "background: new thing").treatment is Treatment.UNKNOWN


def test_moments_texture_modulation_and_pawley(tmp_path: Path) -> None:
    group = {"SpGrp": "P -1", "SGInv": True, "SGCen": np.zeros((1, 3)), "SGOps": [[IDENTITY, np.zeros(3)]]}
    texture = {
        "Order": 4,
        "Model": "cylindrical",
        "SH Coeff": [True, {"C(4,1)": 0.1}],
        **{f"Sample {angle}": [False, 0.0] for angle in ("omega", "chi", "phi")},
    }
    waves = {"SS1": {"Spos": ["Fourier", [[0.1] * 6, True]], "Sfrac": [], "Sodd": ["x", [1, True]]}}
    moment = ["Mn1", "Mn+3", "XM", 0.1, 0.2, 0.3, 1.0, 3.0, 0.0, 0.5, "1", 2, "I", 0.01, *([0.0] * 6), 7]
    site = ["O1", "O-2", "U", 0.1, 0.2, 0.3, 1.0, "1", 2, "I", 0.01, *([0.0] * 6), 8, waves]
    magnetic = {"Type": "magnetic", "AtomPtrs": [3, 1, 10, 12], "SGData": group | {"MagSpGrp": "P -1'"}}
    modulated = {"Modulated": True, "SuperVec": [[0.1, 0.0, 0.3], True, 2], "SH Texture": texture}
    pawley = {"doPawley": True}
    phases = {
        "mag": phase(KEY, General=magnetic, Atoms=[moment]),
        "mod": phase(KEY, General=modulated, Atoms=[site]),
        "pawley": phase(KEY, General=pawley, **{"Pawley ref": [[1, 0, 0, 2, 3.0, True, 5.0, 0.1]]}),
    }
    found = read_inventory(project(tmp_path / "a.gpx", phases=phases))
    assert [item.space_group for item in found.phases] == ["P -1'", "P -1", "P -1"]
    assert [item.kind for item in found.phases] == ["magnetic", "nuclear, modulated", "nuclear"]
    assert found.phases[2].intensities == "Pawley"
    spin = one(found, "magnetic moment")
    assert (spin.value, spin.treatment) == ("3, 0, 0.5 µB", Treatment.NOT_SUPPORTED)
    assert "M is erased" in spin.reason
    assert one(found, "modulation vector").treatment is Treatment.NOT_SUPPORTED
    assert one(found, "modulation of the position").refined
    assert one(found, "modulation: Sodd").treatment is Treatment.UNKNOWN
    assert one(found, "texture (spherical harmonics)").treatment is Treatment.NOT_SUPPORTED
    assert one(found, "texture, sample chi").treatment is Treatment.FIXED
    assert one(found, "Pawley intensities").value == "1 reflections, 1 refined"
    unused = [entry for entry in entries(found, "position") if entry.phase == "pawley"]
    assert {entry.reason for entry in unused} == {"has no effect with Pawley intensities"}


def test_constraints_restraints_bodies_and_controls(tmp_path: Path) -> None:
    constraints = {
        "Phase": [
            [[1.0, "0::AUiso:0"], [1.0, "0::AUiso:1"], None, None, "e"],
            [[1.0, "0::Afrac:0"], [2.0, "0::Afrac:1"], 1.0, False, "c"],
            [[1.0, "0::dAx:0"], [-1.0, "0::dAx:1"], "mode", True, "f"],
            [[1.0, "0::A0"], None, None, "h"],
            [[1.0, "0::A0"], None, None, "z"],
            [[1.0]],
        ],
        "_seqmode": "auto-wildcard",
    }
    restraints = {
        "one": {
            "Bond": {"Use": True, "wtFactor": 2.0, "Bonds": [["a"], ["b"]]},
            "Angle": {"Use": False, "Angles": [["x"]]},
            "Newkind": {"Use": True},
        },
    }
    bodies = {
        "RBIds": {"Vector": [5], "Residue": []},
        "Vector": {"AtInfo": {}, 5: {"RBname": "ring", "useCount": 1, "VectRef": [True]}},
        "Residue": {"AtInfo": {}},
    }
    controls = {
        "max cyc": 5,
        "deriv type": "analytic Jacobian",
        "Seq Data": [KEY],
        "parmMinDict": {"0::AUiso:0": 0.0},
        "parmFrozen": {"FrozenList": ["0::AUiso:0"]},
        "new control": [1.0, True],
    }
    body = {
        "RBname": "ring",
        "Orig": [[0, 0, 0], True],
        "Orient": [[1, 0, 0, 0], " "],
        "ThermalMotion": ["None", [], []],
        "Torsions": [[10.0, True]],
    }
    more = [
        [["Controls", controls]],
        [["Constraints", constraints]],
        [["Restraints", restraints]],
        [["Rigid bodies", bodies]],
        [["IMG picture.tif", []]],
        [["Something new", {}]],
    ]
    phases = {"one": phase(KEY, RBModels={"Vector": [body]})}
    found = read_inventory(project(tmp_path / "a.gpx", phases=phases, more=more))
    tied = one(found, "equivalence")
    assert tied.value == "0::AUiso:0 = 0::AUiso:1"
    assert "one U for several sites may fail" in tied.reason
    assert one(found, "constraint equation").value == "0::Afrac:0 + 2 × 0::Afrac:1 = 1"
    mode = one(found, "new variable")
    assert (mode.value, mode.treatment) == ("mode = 0::dAx:0 + -1 × 0::dAx:1", Treatment.NOT_SUPPORTED)
    assert one(found, "hold").treatment is Treatment.FIXED
    assert one(found, "constraint: type 'z'").treatment is Treatment.UNKNOWN
    assert "unexpected form" in one(found, "constraint of Phase").reason
    assert one(found, "Bond").value == "2, weight 2"
    assert one(found, "Angle").reason == "off"
    assert one(found, "restraints: Newkind").treatment is Treatment.UNKNOWN
    assert one(found, "definition of ring").treatment is Treatment.NOT_SUPPORTED
    assert one(found, "rigid body ring").value == "Vector; refined: origin, torsions"
    assert one(found, "sequential refinement").treatment is Treatment.NOT_SUPPORTED
    assert one(found, "least-squares method").treatment is Treatment.NOT_SUPPORTED
    assert one(found, "limit of a parameter").value == "0::AUiso:0 ≥ 0"
    assert one(found, "frozen at its limit").kind is Kind.BOUND
    assert (one(found, "controls: new control").refined, one(found, "images").value) == (True, "1")
    assert one(found, "project: Something new").treatment is Treatment.UNKNOWN


def test_scales_of_one_and_of_several_phases(tmp_path: Path, gsas2_host: Hosts) -> None:
    phases = {name: phase(Histograms={KEY: pair(Scale=[1.0, True])}) for name in ("one", "two")}
    found = inspect(project(tmp_path / "a.gpx", phases=phases), host_factory=gsas2_host)
    assert {entry.treatment for entry in entries(found, "phase fraction")} == {Treatment.SEARCHED}
    assert "fractions of the phases are refined instead" in one(found, "histogram scale").reason
    tied = [[["Constraints", {"HAP": [[[1.0, "0:0:Scale"], [1.0, "1:0:Scale"], 1.0, False, "c"]]}]]]
    found = inspect(project(tmp_path / "a.gpx", phases=phases, more=tied), host_factory=gsas2_host)
    assert one(found, "histogram scale").treatment is Treatment.NOT_SUPPORTED
    assert "constraints tie those" in one(found, "histogram scale").reason


def test_time_of_flight_is_described_and_not_searched(tmp_path: Path, gsas2_host: Hosts) -> None:
    tof = TOF | {"Zero": [0.0, 1.0, True], "sig-1": [1.0, 2.0, False], "odd": [1.0, 1.0, True]}
    patterns = [pattern(KEY), pattern("PWDR b", Instrument=tof)]
    file = project(tmp_path / "a.gpx", patterns=patterns, phases={"one": phase(KEY, "PWDR b")})
    found = inspect(file, host_factory=gsas2_host)
    assert found.refusal == "PWDR b: not a constant-wavelength powder pattern; found 'PNT'"
    assert found.histograms[1].type == "neutron, time of flight"
    assert (found.histograms[1].unit, found.histograms[1].constants) == (" µs", ("difC 1 µs/Å",))
    assert "time of flight is not supported yet" in one(found, "powder pattern").reason
    assert found.counts()[Treatment.SEARCHED] == 0
    assert one(found, "instrument: odd").treatment is Treatment.UNKNOWN
    assert {entry.treatment for entry in entries(found, "Zero") if entry.refined} == {Treatment.NOT_SUPPORTED}


def test_what_is_not_connected_and_other_data_are_told(tmp_path: Path, gsas2_host: Hosts) -> None:
    crystal = [
        ["HKLF crystal", [{"wR": 3.0}, {"RefList": [[1], [2]]}]],
        ["Instrument Parameters", [{"Type": ["SXC"]}, {}]],
    ]
    extinction = ["Lorentzian", "Primary", {"Ep": [1e-5, True], "Tbar": 0.1}]
    crystal_pair = {"Use": True, "Scale": [1.0, True], "Extinction": extinction, "Twins": [[0, [0.5, True]]] * 2}
    phases = {
        "one": phase(Histograms={KEY: {"Use": False}, "HKLF crystal": crystal_pair}),
        "alone": phase(),
    }
    file = project(tmp_path / "a.gpx", phases=phases, more=[crystal])
    found = inspect(file, host_factory=gsas2_host)
    assert "not single-crystal data" in found.refusal
    assert found.histograms[-1].points == 2
    assert one(found, "histogram without a phase").histogram == "a.xra Bank 1"
    assert one(found, "phase without a histogram").phase == "alone"
    assert one(found, "single-crystal reflections").treatment is Treatment.NOT_SUPPORTED
    assert one(found, "phase not used in this histogram").treatment is Treatment.FIXED
    assert one(found, "extinction Ep").refined
    assert one(found, "twin fractions").refined


@pytest.mark.parametrize(
    ("patterns", "phases"),
    [
        ([pattern(KEY, Limits=[(1, 2)])], None),
        ([pattern(KEY, Background=[])], None),
        ([pattern(KEY, Background=[["chebyschev"]])], None),
        ([pattern(KEY, Sample={"Type": None, "Scale": 3.0})], None),
        ([pattern(KEY, Instrument={"Type": ["PXC"], "U": [1.0]})], None),
        ([pattern(KEY, arrays=[])], None),
        ([pattern(KEY, arrays=[[]] * 6)], None),
        (None, {"a": phase(Histograms={KEY: pair(Size=["isotropic"])})}),
        (None, {"a": phase(Histograms={KEY: pair(HStrain=3)})}),
        (None, {"a": phase(Histograms={KEY: {"Scale": np.array([1.0, 0.0])}})}),
        (None, {"a": phase(KEY, Atoms=[["too short"]])}),
        (None, {"a": phase(KEY, Atoms=None)}),
        (None, {"a": phase(KEY, RBModels={"Residue": [3]})}),
        (None, {"a": phase(KEY, General={"SuperVec": None, "Modulated": True})}),
        (None, {"a": phase(KEY, General={"Cell": None})}),
        (None, {"a": phase(KEY, Histograms=None)}),
        ([[["PWDR odd", None]]], {"a": phase("PWDR odd")}),
        ([[["PWDR odd", [{}, []]], ["Instrument Parameters", [[1], [2]]]]], {"a": phase("PWDR odd")}),
    ],
)
def test_an_unexpected_form_is_an_unknown_entry_or_an_error_of_one_line(
    tmp_path: Path, gsas2_host: Hosts, patterns: Any, phases: Any
) -> None:
    file = project(tmp_path / "a.gpx", patterns=patterns, phases=phases)
    problem = None
    try:
        found = inspect(file, host_factory=gsas2_host)
    except UserError as error:
        problem = str(error)
    if problem is None:
        assert found.histograms
        assert found.refusal or found.counts()[Treatment.SEARCHED]
    else:
        assert "\n" not in problem
        assert problem.startswith(str(file))


@pytest.mark.parametrize("stored", [True, [True], [[]], [[True, None, None, "e"]], [[[1.0], None, None, "e"]]])
def test_constraints_of_an_unexpected_form_are_told(tmp_path: Path, stored: Any) -> None:
    more = [[["Constraints", {"HAP": stored}]], [["Restraints", None]]]
    found = read_inventory(project(tmp_path / "a.gpx", more=more))
    assert any(entry.treatment is Treatment.UNKNOWN for entry in found.entries)


def test_a_file_that_runs_code_is_refused(tmp_path: Path, gsas2_host: Hosts) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (exec, ("raise SystemExit",))

    file = tmp_path / "a.gpx"
    with file.open("wb") as stream:
        pickle.dump([["Controls", Bomb()]], stream, 2)
    with pytest.raises(UserError, match="could execute code"):
        inspect(file, host_factory=gsas2_host)

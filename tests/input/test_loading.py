# ruff: noqa: E501  the lines a user sees are kept whole
from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.input.loading import load_project, load_recipe

PROJECTS = Path(__file__).parents[2] / "projects"
_NAMES = ("text", "gsas", "xrdml", "vendor", "instruments", "cif")
READERS = (*(f"autogsas.builtin.readers.{name}" for name in _NAMES), "autogsas.builtin.strategy.registered")
host_factory = partial(Host, entry_points=False)

PLAIN = """
data:
  - file: a.xye
    instrument: a.instprm
    limits: [15, 60]
phases:
  - file: a.cif
"""


@pytest.fixture(autouse=True)
def only_readers(monkeypatch):
    monkeypatch.setattr("autogsas.builtin.MODULES", READERS)


@pytest.fixture
def folder(tmp_path) -> Path:
    x = np.arange(10, 80.001, 0.5)
    rows = "".join(f"{a:.2f} {100 + 10 * np.cos(a):.3f} 10\n" for a in x)
    (tmp_path / "a.xye").write_text(rows)
    shutil.copy(PROJECTS / "lbco-neutron" / "lbco.cif", tmp_path / "a.cif")
    shutil.copy(PROJECTS / "lbco-neutron" / "INST.instprm", tmp_path / "a.instprm")
    return tmp_path


def load(folder: Path, text: str = PLAIN):
    (folder / "project.yaml").write_text(text)
    return load_project(folder, host_factory=host_factory)[0]


def test_the_examples_load():
    apatite, host = load_project(PROJECTS / "fluorapatite", host_factory=host_factory)
    assert (apatite.name, apatite.search.trials, apatite.search.seed) == ("fluorapatite", 40, 1)
    (fap,) = apatite.histograms
    assert (fap.name, fap.limits, fap.instrument.geometry) == ("FAP", (15, 130), "Bragg-Brentano")
    assert fap.instrument.SH_L == 0.02
    assert [path.name for path in apatite.files] == ["FAP.XRA", "INST.instprm", "fluorapatite.cif"]
    assert {info.name for info in host.plugins} == set(READERS)
    lbco, _ = load_project(PROJECTS / "lbco-neutron" / "project.yaml", host_factory=host_factory)
    (hrpt,) = lbco.histograms
    assert (hrpt.name, hrpt.instrument.radiation, hrpt.instrument.zero) == ("HRPT", "neutron", 0.6)
    instrument = hrpt.instrument
    variance = 0.1 * 1e4 / (8 * np.log(2))  # of a FWHM² of 0.1 degrees², in centidegrees²
    assert np.allclose([instrument.U, -instrument.V, instrument.W], variance, atol=0.01)


def test_everything_of_a_project(folder):
    text = """
name: two of them
backend: numpy
data:
  - {file: a.xye, instrument: a.instprm, limits: [15, 60], exclude: [[30, 31], [20, 21]]}
  - file: a.xye
    name: second
    radiation: xray
    wavelength: [1.5406, 1.5444]
    polarization: 0.8
    ratio: 0.45
    radius: 173
    limits:
phases: [{file: a.cif, name: one}, {file: a.cif, name: other, block: LBCO}]
search: {trials: 7, timeout: 10m, groups: {always: [cell], never: [uaniso]}, background: {terms: [4, 9]}}
"""
    project = load(folder, text)
    first, second = project.histograms
    assert first.excluded == ((20, 21), (30, 31))
    assert first.pattern.weights_from == "esds in the file"
    assert second.limits == (10.0, 80.0)
    instrument = second.instrument
    assert (instrument.wavelengths, instrument.ratio, instrument.radius) == ((1.5406, 1.5444), 0.45, 173)
    assert (instrument.polarization, instrument.geometry) == (0.8, "Bragg-Brentano")
    assert (instrument.U, instrument.V, instrument.W, instrument.SH_L) == (2, -2, 5, 0.002)
    assert [phase.name for phase in project.phases] == ["one", "other"]
    assert (project.search.timeout, project.search.background.terms) == (600.0, (4, 9))
    assert project.file == folder / "project.yaml"


def test_words_are_words_and_switches_are_switches(folder):
    text = PLAIN.replace("file: a.cif", "file: a.cif\n    name: NO")
    project = load(folder, text + "search: {scout: off, prune: no, terminator: on}\n")
    assert project.phases[0].name == "NO"
    assert (project.search.scout, project.search.prune, project.search.terminator) == ("off", False, True)
    assert load(folder, PLAIN + "search: {prune: false}\n").search.prune is False


def test_the_entry_wins_over_the_instrument_file(folder):
    given = "    radiation: xray\n    wavelength: 0.7\n    geometry: Bragg-Brentano\n    polarization: 0.9\n    radius: 300\n"
    instrument = load(folder, PLAIN.replace("    limits", given + "    limits")).histograms[0].instrument
    assert (instrument.radiation, instrument.wavelengths, instrument.geometry) == ("xray", (0.7,), "Bragg-Brentano")
    assert (instrument.polarization, instrument.radius, instrument.U) == (0.9, 300, 180.34)


@pytest.mark.parametrize(
    ("given", "polarization", "widths", "geometry"),
    [
        ("radiation: neutron, wavelength: 1.9", 0.0, 257.182710995, "Debye-Scherrer"),
        ("radiation: xray, wavelength: 0.41", 0.99, 2.0, "Debye-Scherrer"),
        ("radiation: xray, wavelength: 1.54059", 0.7, 2.0, "Debye-Scherrer"),
        ("wavelength: [1.5406, 1.5444]", 0.7, 2.0, "Bragg-Brentano"),
    ],
)
def test_without_an_instrument_file_defaults_are_used_and_noted(given, polarization, widths, geometry, folder):
    text = f"data: [{{file: a.xye, {given}}}]\nphases: [{{file: a.cif}}]\n"
    instrument = load(folder, text).histograms[0].instrument
    assert (instrument.polarization, instrument.U, instrument.geometry) == (polarization, widths, geometry)
    assert "GSAS-II's defaults" in instrument.notes[0]
    assert "as in GSAS-II" in instrument.notes[1]


def test_a_pattern_may_bring_its_own_instrument(folder):
    (folder / "a.xrdml").write_text(
        '<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.6"><xrdMeasurement sampleMode="Transmission">'
        "<usedWavelength><kAlpha1>0.7093</kAlpha1><kAlpha2>0.7136</kAlpha2><ratioKAlpha2KAlpha1>0.52"
        "</ratioKAlpha2KAlpha1></usedWavelength><scan><dataPoints><positions axis='2Theta' unit='deg'><startPosition>10"
        "</startPosition><endPosition>12</endPosition></positions><intensities>5 6 7</intensities></dataPoints></scan>"
        "</xrdMeasurement></xrdMeasurements>"
    )
    text = "data: [{file: a.xrdml, ratio: 0.4}]\nphases: [{file: a.cif}]\n"
    instrument = load(folder, text).histograms[0].instrument
    assert (instrument.wavelengths, instrument.ratio) == ((0.7093, 0.7136), 0.4)
    assert instrument.geometry == "Debye-Scherrer"


def test_a_projects_own_hooks_read_its_own_format(folder):
    (folder / "a.odd").write_text("whatever")
    (folder / "hooks.py").write_text(
        "import numpy as np\nfrom autogsas import hookimpl\nfrom autogsas.model.pattern import Pattern\n\n\n"
        "@hookimpl\ndef autogsas_read_pattern(path, bank):\n"
        "    x = np.arange(10.0, 80.0)\n"
        "    return Pattern('odd', x, x, 1 / x, 'nowhere') if path.suffix == '.odd' else None\n"
    )
    project = load(folder, PLAIN.replace("a.xye", "a.odd") + "plugins: [hooks.py]\n")
    assert project.histograms[0].name == "odd"
    assert project.plugins == (folder / "hooks.py",)


def test_loading_writes_nothing(folder):
    (folder / "project.yaml").write_text(PLAIN)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    load_project(folder, host_factory=host_factory)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before


def entry(line: str) -> str:
    return PLAIN.replace("    limits: [15, 60]\n", f"    {line}\n" if line else "")


NO_INSTRUMENT = PLAIN.replace("    instrument: a.instprm\n", "")
TWICE = "data: [{file: a.xye, instrument: a.instprm}, {file: a.xye, instrument: a.instprm}]\nphases: [{file: a.cif}]\n"

MISTAKES = {
    "unknown key": (
        PLAIN + "serch: {}\n",
        "serch: unknown key; found 'serch'; allowed: name, backend, data, phases, quantification, search, recipes, plugins; did you mean 'search'?",
    ),
    "unknown key of an entry": (
        entry("limts: [15, 60]"),
        "data[0].limts: unknown key; found 'limts'; allowed: file, name, instrument, bank, radiation, geometry, wavelength, ratio, polarization, radius, limits, exclude, "
        "absorption, background_peaks, axial_sum; did you mean 'limits'?",
    ),
    "unknown key of the search": (
        PLAIN + "search: {background: {term: [3, 4]}}\n",
        "search.background.term: unknown key; found 'term'; allowed: functions, terms; did you mean 'terms'?",
    ),
    "misspelt required key": (
        PLAIN.replace("data:", "date:"),
        "date: unknown key; found 'date'; allowed: name, backend, data, phases, quantification, search, recipes, plugins; did you mean 'data'?",
    ),
    "missing key": ("phases: [{file: a.cif}]\n", "data: is missing"),
    "missing key of an entry": (PLAIN.replace("file: a.cif", "name: a"), "phases[0].file: is missing"),
    "no data": (
        PLAIN.replace("data:\n", "data: []\nx:\n").replace(
            "x:\n  - file: a.xye\n    instrument: a.instprm\n    limits: [15, 60]\n", ""
        ),
        "data: must have at least 1 value; found '[]'",
    ),
    "wrong type": (
        PLAIN + "search: {trials: many}\n",
        "search.trials: must be a whole number; found 'many'",
    ),
    "too few trials": (PLAIN + "search: {trials: 0}\n", "search.trials: must be at least 1; found '0'"),
    "a list for a key": (PLAIN + "name: [a]\n", "name: must be text; found \"['a']\""),
    "an entry that is no mapping": ("data: a.xye\nphases: [{file: a.cif}]\n", "data: must be a list; found 'a.xye'"),
    "a word for an entry": (
        "data: [a.xye]\nphases: [{file: a.cif}]\n",
        "data[0]: must contain lines of the form 'key: value'; found 'a.xye'",
    ),
    "bad duration": (
        PLAIN + "search: {timeout: soon}\n",
        "search.timeout: must be a duration: a number of seconds or a text such as '90s', '10m' or '1.5h'; found 'soon'",
    ),
    "no such scout": (
        PLAIN + "search: {scout: autoo}\n",
        "search.scout: unknown value; found 'autoo'; allowed: auto, off, a number; did you mean 'auto'?",
    ),
    "less than a scout": (
        PLAIN + "search: {scout: -3}\n",
        "search.scout: must be at least 1; found '-3'",
    ),
    "unknown sampler": (
        PLAIN + "search: {sampler: tep}\n",
        "search.sampler: unknown value; found 'tep'; allowed: tpe, random, cmaes, gp, qmc, tpe-2020; did you mean 'tpe'?",
    ),
    "unknown background function": (
        PLAIN + "search: {background: {functions: [chebyshev-1]}}\n",
        "search.background.functions[0]: unknown value; found 'chebyshev-1'; allowed: chebyschev-1, cosine, Q^2 power series, Q^-2 power series, lin interpolate, inv interpolate, log interpolate, power series; did you mean 'chebyschev-1'?",
    ),
    "terms the wrong way round": (
        PLAIN + "search: {background: {terms: [9, 3]}}\n",
        "search.background.terms: the smallest number of terms must not exceed the largest; found '[9, 3]'",
    ),
    "unknown group": (
        PLAIN + "search: {groups: {always: [cel]}}\n",
        "search.groups.always[0]: unknown value; found 'cel'; allowed: scale, background, cell,",
    ),
    "a group always and never": (
        PLAIN + "search: {groups: {always: [cell], never: [cell]}}\n",
        "search.groups.never: the group is in both lists, 'always' and 'never'; found 'cell'",
    ),
    "missing data file": (
        PLAIN.replace("a.xye", "b.xye"),
        "data[0].file: no such file (there is 'a.xye'); found 'b.xye'",
    ),
    "missing CIF": (
        PLAIN.replace("a.cif", "nothing-like-it.zzz"),
        "phases[0].file: no such file; found 'nothing-like-it.zzz'",
    ),
    "missing instrument": (
        PLAIN.replace("a.instprm", "gone/a.instprm"),
        "data[0].instrument: no such file; found 'gone/a.instprm'",
    ),
    "a folder for a file": (PLAIN.replace("a.cif", "."), "phases[0].file: is a folder, not a file; found '.'"),
    "an empty file": (PLAIN.replace("a.xye", "empty.xye"), "data[0].file: the file is empty; found 'empty.xye'"),
    "a binary file": (PLAIN.replace("a.xye", "binary.dat"), "binary.dat: the file is binary, not columns of text"),
    "data of no known format": (
        PLAIN.replace("a.xye", "words.odd"),
        "data[0].file: unknown file format; found 'words.odd'; allowed: columns of text",
    ),
    "a CIF of no known format": (
        PLAIN.replace("a.cif", "words.odd"),
        "phases[0].file: unknown file format; found 'words.odd'; allowed: CIF",
    ),
    "an instrument of no known format": (
        PLAIN.replace("a.instprm", "words.odd"),
        "data[0].instrument: unknown file format; found 'words.odd'; allowed: GSAS .prm .inst, GSAS-II .instprm",
    ),
    "missing recipe": (PLAIN + "recipes: [r.yaml]\n", "recipes[0]: no such file; found 'r.yaml'"),
    "missing hooks": (PLAIN + "plugins: [h.py]\n", "plugins[0]: no such file; found 'h.py'"),
    "broken YAML": ("data: [\n", "2: broken YAML: expected the node content, but found '<stream end>'"),
    "a tab in YAML": ("data:\n\t- file: a\n", "2: broken YAML: found character '\\t' that cannot start any token"),
    "a key twice": (PLAIN + "data: []\n", "8: broken YAML: the key 'data' occurs twice"),
    "a nested key twice": (
        entry("limits: [15, 60]\n    limits: [20, 60]"),
        "6: broken YAML: the key 'limits' occurs twice",
    ),
    "an alias": ("name: &a x\nbackend: *a\n", "2: backend: broken YAML: aliases (*name) are not allowed"),
    "a tag": ("name: !!python/name:os.system\n", "1: broken YAML: could not determine a constructor for the tag"),
    "an empty project file": ("# nothing\n", "the file is empty"),
    "a list for a project": ("- a\n- b\n", "1: must be a mapping; found 'a list'; allowed: key: value"),
    "limits reversed": (
        entry("limits: [60, 15]"),
        "data[0].limits: the lower limit must be below the upper one; found '[60, 15]'",
    ),
    "one limit": (entry("limits: [15]"), "data[0].limits: must have 2 values; found '[15]'"),
    "three limits": (entry("limits: [15, 20, 30]"), "data[0].limits: must have at most 2 values; found '[15, 20, 30]'"),
    "limits of words": (
        entry("limits: [low, 60]"),
        "data[0].limits[0]: must be a number; found 'low'",
    ),
    "limits that are infinite": (
        entry("limits: [15, .inf]"),
        "data[0].limits[1]: must be a finite number; found 'inf'",
    ),
    "limits outside the data": (
        entry("limits: [90, 120]"),
        "data[0].limits: the limits reach beyond the data; found '[90.0, 120.0]'; allowed: within 10 to 80",
    ),
    "limits partly outside the data": (
        entry("limits: [15, 120]"),
        "data[0].limits: the limits reach beyond the data; found '[15.0, 120.0]'; allowed: within 10 to 80",
    ),
    "limits between two points": (
        entry("limits: [15.1, 15.2]"),
        "data[0].limits: no points of the pattern are left; found '[15.1, 15.2]'",
    ),
    "excluded outside the data": (
        entry("exclude: [[90, 95]]"),
        "data[0].exclude[0]: an excluded region is outside the data; found '[90.0, 95.0]'; allowed: within 10 to 80",
    ),
    "excluded reversed": (
        entry("exclude: [[30, 25]]"),
        "data[0].exclude[0]: the lower limit must be below the upper one; found '[30, 25]'",
    ),
    "all excluded": (
        entry("exclude: [[5, 50], [50, 90]]"),
        "data[0].exclude: no points of the pattern are left; found '[[5.0, 50.0], [50.0, 90.0]]'",
    ),
    "no wavelength": (
        NO_INSTRUMENT.replace("    limits", "    radiation: xray\n    limits"),
        "data[0].wavelength: no wavelength is given, neither here nor by an instrument file; allowed: Angstrom",
    ),
    "no wavelength in the instrument file": (
        PLAIN.replace("a.instprm", "dark.instprm"),
        "data[0].wavelength: no wavelength is given, neither here nor by the instrument file; allowed: Angstrom",
    ),
    "no radiation": (
        NO_INSTRUMENT.replace("    limits", "    wavelength: 1.5\n    limits"),
        "data[0].radiation: no radiation is given, neither here nor by an instrument file; allowed: xray, neutron",
    ),
    "unknown radiation": (
        entry("radiation: x-ray"),
        "data[0].radiation: unknown value; found 'x-ray'; allowed: xray, neutron; did you mean 'xray'?",
    ),
    "unknown geometry": (
        entry("geometry: bragg"),
        "data[0].geometry: unknown value; found 'bragg'; allowed: Bragg-Brentano, Debye-Scherrer; did you mean 'Bragg-Brentano'?",
    ),
    "negative wavelength": (entry("wavelength: -1.5"), "data[0].wavelength: must be greater than 0; found '-1.5'"),
    "a wavelength in picometres": (
        entry("wavelength: 154.06"),
        "data[0].wavelength: not a wavelength of powder diffraction in Angstrom; found '154.06'; allowed: 0.05 to 20",
    ),
    "wavelengths the wrong way round": (
        entry("radiation: xray\n    wavelength: [1.5444, 1.5406]"),
        "data[0].wavelength: two wavelengths must be K-alpha1 and the longer K-alpha2 of an X-ray tube; found '[1.5444, 1.5406]'",
    ),
    "two wavelengths of neutrons": (
        entry("wavelength: [1.4, 1.5]"),
        "data[0].wavelength: two wavelengths must be K-alpha1",
    ),
    "three wavelengths": (
        entry("wavelength: [1, 2, 3]"),
        "data[0].wavelength: must have at most 2 values; found '[1, 2, 3]'",
    ),
    "polarization": (entry("polarization: 7"), "data[0].polarization: must be at most 1; found '7'"),
    "two histograms of one name": (
        TWICE,
        "data[1].name: two entries have the same name; give one of them another `name`; found 'a'",
    ),
    "two phases of one name": (
        PLAIN + "  - file: a.cif\n",
        "phases[1].name: two entries have the same name; give one of them another `name`; found 'LBCO'",
    ),
    "a colon in a name": (
        PLAIN + "    name: a:b\n",
        "phases[0].name: a name must not be empty or contain a colon; found 'a:b'",
    ),
    "an instrument's bank": (
        PLAIN.replace("a.instprm", "banks.instprm").replace("limits: [15, 60]", "bank: 3"),
        "banks.instprm: bank: no such bank in the instrument file; found '3'; allowed: 1, 2",
    ),
    "bank zero": (entry("bank: 0"), "data[0].bank: must be at least 1; found '0'"),
    "time of flight": (
        PLAIN.replace("a.instprm", "tof.instprm"),
        "tof.instprm: Type: only constant-wavelength X-rays and neutrons are supported, not time of flight or energy dispersion; found 'PNT'; allowed: PXC, PNC",
    ),
    "a CIF without atoms": (PLAIN.replace("a.cif", "bare.cif"), "bare.cif: the CIF has no atoms"),
    "an axis of no direction": (
        PLAIN + "    preferred_orientation: {axis: [0, 0, 0]}\n",
        "phases[0].preferred_orientation.axis: the axis 0 0 0 has no direction; found '[0, 0, 0]'",
    ),
    "an axis of fractions": (
        PLAIN + "    size: {model: uniaxial, axis: [0, 0, 0.5]}\n",
        "phases[0].size.axis[2]: must be a whole number; found '0.5'",
    ),
    "an unknown broadening": (
        PLAIN + "    strain: {model: uniaxal}\n",
        "phases[0].strain.model: unknown value; found 'uniaxal'; allowed: isotropic, uniaxial, generalized; did you mean 'uniaxial'?",
    ),
    "a generalised size": (
        PLAIN + "    size: {model: generalized}\n",
        "phases[0].size.model: unknown value; found 'generalized'; allowed: isotropic, uniaxial",
    ),
    "coefficients of an isotropic strain": (
        PLAIN + "    strain: {coefficients: [1.0]}\n",
        "phases[0].strain: coefficients need model: generalized",
    ),
    "too few coefficients of strain": (
        PLAIN + "    strain: {model: generalized, coefficients: [1.0]}\n",
        "phases[0].strain.coefficients: a strain of P m -3 m has 2 coefficients (S400, S220); found '[1.0]'",
    ),
    "a mix above one": (
        PLAIN + "    size: {mix: 2}\n",
        "phases[0].size.mix: must be at most 1; found '2'",
    ),
    "an axial size of an isotropic model": (
        PLAIN + "    size: {axial: 2}\n",
        "phases[0].size: an axial value needs model: uniaxial",
    ),
    "a sum over a site that is not there": (
        PLAIN + "    occupancy_sums: [{sites: [La, Bb]}]\n",
        "phases[0].occupancy_sums[0].sites: no such site; found 'Bb'; allowed: La, Ba, Co, O; did you mean 'Ba'?",
    ),
    "a sum of one site": (
        PLAIN + "    occupancy_sums: [{sites: [La]}]\n",
        "phases[0].occupancy_sums[0].sites: must have at least 2 values",
    ),
    "a site in two sums": (
        PLAIN + "    occupancy_sums: [{sites: [La, Ba]}, {sites: [Co, La]}]\n",
        "phases[0].occupancy_sums[1].sites: a site can be in one sum only, and once; found 'La'",
    ),
    "unknown intensities": (
        PLAIN + "    intensities: LeBail\n",
        "phases[0].intensities: unknown value; found 'LeBail'; allowed: structure, Le Bail; did you mean 'Le Bail'?",
    ),
    "an unknown axial sum": (
        entry("axial_sum: GSAS2"),
        "data[0].axial_sum: unknown value; found 'GSAS2'; allowed: GSAS-II, converged; did you mean 'GSAS-II'?",
    ),
    "absorption of a flat sample": (
        entry("geometry: Bragg-Brentano\n    absorption: 0.5"),
        "data[0].absorption: absorption is for a Debye-Scherrer sample; a flat sample has transparency; found '0.5'",
    ),
    "a background peak without a width": (
        entry("background_peaks: [{position: 20, intensity: 100}]"),
        "data[0].background_peaks[0].sig: is missing",
    ),
    "a block that is not there": (
        PLAIN + "    block: LBCP\n",
        "a.cif: block: no such data block; found 'LBCP'; allowed: LBCO; did you mean 'LBCO'?",
    ),
}


def check_line(error: UserError, text: str) -> None:
    """The line given must contain the key, or for a missing key the key around it."""
    parts = re.findall(r"[^.\[\] ()]+", error.key or "")
    names = [part for part in parts if not part.isdigit()]
    if error.message == "is missing":
        names.pop()
    if not names:
        return
    assert error.line is not None
    shown = text.splitlines()[error.line - 1]
    on_line = any(f"{name}:" in shown for name in names[-2:])
    in_list = text.splitlines()[: error.line][-1].lstrip().startswith("- ")
    assert on_line or in_list, (error, shown)


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line(case, folder):
    text, expected = MISTAKES[case]
    (folder / "empty.xye").write_text("")
    (folder / "binary.dat").write_bytes(bytes(range(8)) * 20)
    (folder / "words.odd").write_text("no numbers here\n")
    (folder / "dark.instprm").write_text("#GSAS-II instrument parameter file\nType:PNC\nU:1\n")
    (folder / "tof.instprm").write_text("#GSAS-II instrument parameter file\nType:PNT\ndifC:5000\n")
    (folder / "banks.instprm").write_text("#Bank 1: GSAS-II\nType:PNC\nLam:1\n#Bank 2: GSAS-II\nType:PNC\nLam:2\n")
    (folder / "bare.cif").write_text("data_a\n_cell_length_a 5\n")
    before = sorted(folder.iterdir())
    with pytest.raises(UserError) as caught:
        load(folder, text)
    line = str(caught.value)
    assert expected in line
    assert "\n" not in line
    assert caught.value.exit_status == 2
    if not expected.split(": ")[0].endswith((".dat", ".instprm", ".cif")):
        assert line.startswith(f"{folder / 'project.yaml'}:" + (f"{expected}" if expected[0].isdigit() else "")), line
        assert caught.value.file == str(folder / "project.yaml")
        check_line(caught.value, text)
    assert sorted(folder.iterdir()) == sorted([*before, folder / "project.yaml"])


def test_paths_that_are_no_project(tmp_path):
    with pytest.raises(UserError, match=r"no such project; allowed: a project\.yaml or a folder with one"):
        load_project(tmp_path / "nowhere", host_factory=host_factory)
    with pytest.raises(UserError, match=r"the folder has no project\.yaml; `autogsas init` writes one"):
        load_project(tmp_path, host_factory=host_factory)
    (tmp_path / "a.gpx").write_bytes(b"x")
    with pytest.raises(UserError, match="needs the plugin autogsas-gsas2, which is not installed"):
        load_project(tmp_path / "a.gpx", host_factory=host_factory)
    (tmp_path / "a.txt").write_bytes(b"x")
    with pytest.raises(UserError, match="not a project file"):
        load_project(tmp_path / "a.txt", host_factory=host_factory)
    (tmp_path / "project.yaml").write_bytes(b"\x00\x01")
    with pytest.raises(UserError, match="is not a YAML file"):
        load_project(tmp_path, host_factory=host_factory)
    (tmp_path / "project.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(UserError, match=r"project\.yaml:1: is not UTF-8 text; found 'byte 6'"):
        load_project(tmp_path, host_factory=host_factory)


READER = """
from pathlib import Path
from autogsas.hooks.specs import hookimpl
from autogsas.testing.samples import make_project

@hookimpl
def autogsas_read_project(path):
    found = path / "mine.own" if path.is_dir() else path
    if found.name == "wrong.own":
        return "no project"
    return make_project(Path(__file__).parent / "made") if found.name == "mine.own" and found.exists() else None
"""


def test_a_plugin_reads_an_engines_own_project(tmp_path):
    hooks = tmp_path / "hooks.py"
    hooks.write_text(READER)
    theirs = tmp_path / "theirs"
    theirs.mkdir()

    def host_with(files):
        return Host((hooks, *files), entry_points=False)

    with pytest.raises(UserError, match=r"has no project\.yaml"):
        load_project(theirs, host_factory=host_with)
    for name in ("mine.own", "wrong.own"):
        (theirs / name).write_text("x")
    for path in (theirs, theirs / "mine.own"):
        project, host = load_project(path, host_factory=host_with)
        assert project.name == "made"
        assert str(hooks) in [info.name for info in host.plugins]
    with pytest.raises(UserError, match=r"autogsas_read_project .* returned a value of the wrong type"):
        load_project(theirs / "wrong.own", host_factory=host_with)
    (theirs / "project.yaml").write_text("data: 3")
    with pytest.raises(UserError, match="data"):
        load_project(theirs, host_factory=host_with)


def test_deep_nesting_is_a_mistake_and_no_crash(folder):
    with pytest.raises(UserError, match="broken YAML"):
        load(folder, "a: " + "[" * 1500)


RECIPE = """
schema: 1
steps:
  - title: scale and background
    limits: [20, 50]
    background: {function: cosine, terms: 6, histogram: a}
    set: {U: 100}
    free: [scale, {group: uiso, phase: LBCO, site: Co}]
  - limits: {a: [15, 55]}
    free: [cell, zero]
    fix: [{group: scale, histogram: a}]
"""


def test_a_recipe(folder):
    project = load(folder)
    (folder / "mine.recipe.yaml").write_text(RECIPE)
    recipe = load_recipe(folder / "mine.recipe.yaml", project)
    assert (recipe.name, len(recipe.steps)) == ("mine", 2)
    assert recipe.steps[0].limits == (20, 50)
    assert recipe.steps[1].limits_for("a") == (15, 55)
    assert str(recipe.steps[0].free[1]) == "uiso (LBCO, Co)"
    in_project = load(folder, PLAIN + "recipes: [mine.recipe.yaml]\n")
    assert in_project.recipes == (recipe,)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("free: [cell", "free: [cel", "steps[1].free[0]: unknown value; found 'cel'; allowed: scale,"),
        (
            "free: [cell",
            "fre: [cell",
            "steps[1].fre: unknown key; found 'fre'; allowed: title, limits, background, set, start, geometry, intensities, free, fix, cycles; did you mean 'free'?",
        ),
        ("{U: 100}", "{UU: 100}", "steps[0].set.UU: unknown value; found 'UU'; allowed: scale,"),
        (
            "{U: 100}",
            "{U: big}",
            "steps[0].set.U: must be a number; found 'big'",
        ),
        (
            "function: cosine",
            "function: cosin",
            "steps[0].background.function: unknown value; found 'cosin'; allowed: chebyschev-1, cosine,",
        ),
        ("terms: 6", "terms: 0", "steps[0].background.terms: must be at least 1; found '0'"),
        (
            "limits: [20, 50]",
            "limits: [50, 20]",
            "steps[0].limits: the lower limit must be below the upper one; found '[50, 20]'",
        ),
        (
            "limits: [20, 50]",
            "limits: [80, 90]",
            "steps[0].limits: the step's limits are outside those of histogram a; found '[80.0, 90.0]'; allowed: within 15 to 60",
        ),
        (
            "limits: [20, 50]",
            "limits: [20.1, 20.2]",
            "steps[0].limits: the step's limits leave no points of histogram a",
        ),
        ("{a: [15, 55]}", "{b: [15, 55]}", "steps[1].limits: unknown histogram; found 'b'; allowed: a"),
        ("{a: [15, 55]}", "{a: [15]}", "steps[1].limits.a: must have 2 values; found '[15]'"),
        (
            "histogram: a}\n    set",
            "histogram: A}\n    set",
            "steps[0].background[0].histogram: unknown histogram; found 'A'; allowed: a; did you mean 'a'?",
        ),
        (
            "phase: LBCO",
            "phase: LBC",
            "steps[0].free[1] (uiso): unknown phase; found 'LBC'; allowed: LBCO; did you mean 'LBCO'?",
        ),
        ("site: Co", "site: Cu", "steps[0].free[1] (uiso): unknown site; found 'Cu'; allowed: La, Ba, Co, O"),
        (
            "group: scale",
            "grp: scale",
            "steps[1].fix[0].grp: unknown key; found 'grp'; allowed: group, phase, histogram, site; did you mean 'group'?",
        ),
        ("schema: 1", "schema: 2", "schema: unknown value; found '2'; allowed: 1"),
        ("steps:\n", "steps: []\nx:\n", "x: unknown key; found 'x'; allowed: schema, name, about, steps"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_line(old, new, expected, folder):
    project = load(folder)
    path = folder / "r.yaml"
    assert old in RECIPE
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(UserError) as caught:
        load_recipe(path, project)
    assert str(caught.value).startswith(f"{path}:{caught.value.line}: {expected}"), str(caught.value)
    check_line(caught.value, RECIPE.replace(old, new))


def test_a_recipe_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_recipe(tmp_path / "r.yaml")

"""Instrument files against GSAS-II 2.0.0: ``add_powder_histogram(data, file)``, then ``h.InstrumentParameters``.

That version reads X, Y and SH/L of a GSAS file never (it compares the number of the profile function with a string)
and puts 0, 0 and 0.002; here they are what the file says.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.builtin.readers.instruments import autogsas_read_instrument as read
from autogsas.errors import UserError

SHARED = Path(__file__).parents[4] / "shared" / "data"

LAB = {
    "radiation": "xray",
    "wavelengths": (1.5405, 1.5443),
    "ratio": 0.5,
    "polarization": 0.7,
    "zero": 0.0,
    "U": 2.0,
    "V": -2.0,
    "W": 5.0,
    "Z": 0.0,
    "radius": 200.0,
}
D1A = {
    "radiation": "neutron",
    "wavelengths": (1.909,),
    "polarization": 0.0,
    "zero": -0.001,
    "U": 354.031,
    "V": -760.404,
    "W": 651.592,
    "X": 0.0,
    "Y": 0.0,
    "Z": 0.0,
    "SH_L": 0.002,
    "radius": 200.0,
}

PRM = """            123456789012345678901234567890123456789012345678901234567890
INS   BANK      2
INS   HTYPE   PXCR
INS  1 IRAD     3
INS  1 ICONS  1.540500  1.544300       2.5         0       0.7    0      0.48
INS  1PRCF1     2    9      0.01
INS  1PRCF11   0.200000E+01  -0.300000E+01   0.500000E+01   0.170000E+01
INS  1PRCF12   0.290000E+01   0.000000E+00   0.000000E+00   0.000000E+00
INS  1PRCF2     3    8      0.01
INS  1PRCF21   2.100000E+00  -3.100000E+00   5.100000E+00   0.000000E+00
INS  1PRCF22   1.500000E+00   2.500000E+00   0.150000E-01   0.250000E-01
INS  2 ICONS  0.700000  0.000000       0.0         0      0.95    0       0.0
INS  2PRCF1     2    9      0.01
INS  2PRCF11   0.200000E+01  -0.300000E+01   0.500000E+01   0.170000E+01
INS  2PRCF12   0.290000E+01   0.000000E+00   0.000000E+00   0.000000E+00
"""
INSTPRM = "#GSAS-II instrument parameter file; do not add/delete items!\nType:PXC\nLam:0.7\nPolariz.:0.99\nU:1.5\n"


def write(folder: Path, text: str, name: str = "a.prm") -> Path:
    path = folder / name
    path.write_text(text, newline="\r\n" if name.endswith("prm") and "INS" in text else "\n")
    return path


@pytest.mark.parametrize(
    ("name", "expected", "sh_l"),
    [
        ("fluorapatite/INST_XRY.PRM", LAB, 0.02),
        ("pbso4/INST_XRY.PRM", LAB, 0.03),
        ("y2o3/INST_XRY.PRM", LAB, 0.02),
        ("pbso4/inst_d1a.prm", D1A, 0.002),
    ],
)
def test_real_files_give_what_gsas2_gives(name, expected, sh_l):
    if not (SHARED / name).exists():
        pytest.skip(f"{name} lies in ../shared/data, which is not here")
    found = asdict(read(SHARED / name, None))
    assert {key: found[key] for key in expected} == expected
    assert found["SH_L"] == pytest.approx(sh_l)
    assert found["geometry"] is None


def test_the_best_profile_function_of_a_gsas_file_is_taken(tmp_path):
    found = read(write(tmp_path, PRM), None)
    assert (found.U, found.V, found.W, found.X, found.Y) == (2.1, -3.1, 5.1, 1.5, 2.5)
    assert (found.zero, found.ratio, found.polarization, found.SH_L) == (0.025, 0.48, 0.7, 0.04)


def test_banks_of_a_gsas_file(tmp_path):
    path = write(tmp_path, PRM)
    second = read(path, 2)
    assert (second.wavelengths, second.polarization) == ((0.7,), 0.95)
    assert (second.U, second.X, second.Y, second.SH_L) == (2.0, 1.7, 2.9, 0.002)
    with pytest.raises(UserError, match=r"bank: no such bank in the instrument file; found '3'; allowed: 1, 2"):
        read(path, 3)


def test_instprm(tmp_path):
    text = (
        "#GSAS-II instrument parameter file\nType:PXC;Bank:1\n"
        "Lam1:1.5405;Lam2:1.5443;Zero:0.01;Polariz.:0.7;Azimuth:0.0;I(L2)/I(L1):0.48\n"
        "U:2.5;V:-2.1;W:5.2;X:1.0;Y:3.0;Z:0.1;SH/L:0.03\nGonio. radius:173\nDiff-type:Debye-Scherrer\n"
    )
    found = asdict(read(write(tmp_path, text, "a.instprm"), None))
    assert found == {
        "radiation": "xray",
        "wavelengths": (1.5405, 1.5443),
        "ratio": 0.48,
        "polarization": 0.7,
        "zero": 0.01,
        "U": 2.5,
        "V": -2.1,
        "W": 5.2,
        "X": 1.0,
        "Y": 3.0,
        "Z": 0.1,
        "SH_L": 0.03,
        "geometry": "Debye-Scherrer",
        "radius": 173.0,
        "notes": (),
    }


def test_banks_of_an_instprm(tmp_path):
    text = (
        "#Bank 1: GSAS-II instrument parameter file\n  Type:PNC\n  Lam:1.5\n"
        "#Bank 2: GSAS-II instrument parameter file\n  Type:PNC\n  Lam:2.5\n"
    )
    path = write(tmp_path, text, "a.instprm")
    assert read(path, None).wavelengths == (1.5,)
    assert read(path, 2).wavelengths == (2.5,)
    with pytest.raises(UserError, match="allowed: 1, 2"):
        read(path, 7)


def test_one_bank_without_a_heading_serves_all(tmp_path):
    assert read(write(tmp_path, INSTPRM, "a.instprm"), 4).wavelengths == (0.7,)


def test_code_and_long_values_of_an_instprm_are_never_run_and_unknown_items_are_noted(tmp_path):
    text = INSTPRM + "CorrectionCode:'''\nU:99\nraise SystemExit\n'''\nW:7\nPolarise:1\n"
    found = read(write(tmp_path, text, "a.instprm"), None)
    assert (found.U, found.W) == (1.5, 7.0)
    assert "item 'Polarise' of a.instprm is not used ('Polariz.'?)" in found.notes
    assert any("CorrectionCode" in note for note in found.notes)


def test_a_missing_wavelength_is_left_to_the_project(tmp_path):
    assert read(write(tmp_path, INSTPRM.replace("Lam:0.7\n", ""), "a.instprm"), None).wavelengths == ()


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (
            INSTPRM.replace("PXC", "PNT"),
            "a.instprm",
            "Type: only constant-wavelength X-rays and neutrons are supported",
        ),
        (INSTPRM.replace("Type:PXC\n", ""), "a.instprm", "Type: the type of instrument is not given"),
        (INSTPRM.replace("0.7", "abc"), "a.instprm", "Lam: not a number; found 'abc'"),
        (INSTPRM.replace("0.7", "-0.7"), "a.instprm", "a wavelength must be positive; found '-0.7'"),
        (INSTPRM + "Diff-type:Guinier\n", "a.instprm", "unknown geometry; found 'Guinier'"),
        ("#GSAS-II\n", "a.instprm", "no instrument parameters found"),
        (PRM.replace("PXCR", "PNTR"), "a.prm", "only constant-wavelength"),
        (PRM.replace("ICONS", "IKONS"), "a.prm", "no ICONS record"),
        (PRM.replace("  1.540500", " -1.540500"), "a.prm", "a wavelength must be positive"),
        (PRM.replace("1.540500", "1.54O500"), "a.prm", "a field of this record is not a number"),
        (PRM.replace("2.100000E+00", "2.1OOOOOE+00"), "a.prm", "not a list of numbers"),
        ("hello\n", "a.prm", "no INS records"),
    ],
)
def test_an_error_is_one_line(text, name, message, tmp_path):
    with pytest.raises(UserError) as caught:
        read(write(tmp_path, text, name), None)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_other_files_are_passed_on(tmp_path):
    assert read(write(tmp_path, "1 2\n3 4\n", "a.xy"), None) is None


NUMBERS = st.floats(-500, 500, allow_nan=False).map(lambda value: round(value, 4))


@given(widths=st.lists(NUMBERS, min_size=7, max_size=7))
def test_instprm_round_trip(widths, tmp_path_factory):
    names = ("U", "V", "W", "X", "Y", "Z", "Zero")
    text = INSTPRM.replace("U:1.5\n", "") + "".join(f"{n}:{v}\n" for n, v in zip(names, widths, strict=True))
    found = read(write(tmp_path_factory.mktemp("instprm"), text, "a.instprm"), None)
    assert [found.U, found.V, found.W, found.X, found.Y, found.Z, found.zero] == widths

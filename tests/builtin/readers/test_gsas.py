"""GSAS raw data against GSAS-II 2.0.0 (August 2026).

The numbers were made with GSASIIscriptable: ``h = G2Project(newgpx=...).add_powder_histogram(file, prm)`` and then
n, sum y, sum w and sum x*w of ``h.getdata("X")``, ``("Yobs")``, ``("Yweight")``. GSAS-II leaves out the last channel
of STD data (it counts it before it compares), so for those all sums are over the first n - 1 points.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.builtin.readers.gsas import autogsas_read_pattern as read
from autogsas.errors import UserError

from . import gsas_text

SHARED = Path(__file__).parents[4] / "shared" / "data"
PROJECTS = Path(__file__).parents[3] / "projects"

ORACLE = {  # n, sum y, sum w, sum x*w of GSAS-II on gsas_text.sample()
    "std": (52, 14178.0, 0.22147346225258627, 2.462935845673856),
    "detectors": (52, 14178.0, 1.2004449404448236, 13.410852135847886),
    "esd": (53, 7242.0, 0.4586558906478601, 5.1104374572194455),
    "fxye": (53, 7242.0, 0.458655991883707, 5.110433293511529),
    "fxy": (53, 7242.0, 0.4494828722175908, 5.008224632524183),
    "alt": (53, 72.42, 4497.43536291157, 50108.95038272322),
}
REAL = {
    "fluorapatite/FAP.XRA": (5752, 1827364.0, 42.37698441698585, 3475.266853805031),
    "pbso4/PBSO4.CWN": (2918, 1097167.0, 61.19415937301243, 4754.969729359911),
    "pbso4/PBSO4.XRA": (6000, 2454022.0, 27.218961467706205, 2073.776779025814),
}


def write(folder: Path, text: str, name: str = "a.gsas") -> Path:
    path = folder / name
    path.write_bytes(text.encode("latin-1"))
    return path


def sums(pattern, n: int) -> tuple[int, float, float, float]:
    x, y, w = pattern.x[:n], pattern.y[:n], pattern.weights[:n]
    return x.size, float(y.sum()), float(w.sum()), float((x * w).sum())


@pytest.mark.parametrize("kind", ORACLE)
def test_every_type_gives_what_gsas2_gives(kind, tmp_path):
    pattern = read(write(tmp_path, gsas_text.sample()[kind]), None)
    assert pattern.x.size == 53
    assert sums(pattern, ORACLE[kind][0]) == pytest.approx(ORACLE[kind], rel=1e-9)


@pytest.mark.parametrize("name", REAL)
def test_real_data_give_what_gsas2_gives(name):
    if not (SHARED / name).exists():
        pytest.skip(f"{name} lies in ../shared/data, which is not here")
    pattern = read(SHARED / name, None)
    assert sums(pattern, REAL[name][0]) == pytest.approx(REAL[name], rel=1e-12)


def test_the_padding_of_the_example_has_no_weight_and_is_noted():
    pattern = read(PROJECTS / "fluorapatite" / "FAP.XRA", None)
    assert pattern.x.size == 5753
    assert np.count_nonzero(pattern.weights) == 5751
    assert pattern.weights_from == "counting statistics"
    assert pattern.notes == ("2 points have zero counts between neighbours above 20 and are treated as missing",)


def test_means_of_detectors_weigh_more(tmp_path):
    pattern = read(write(tmp_path, "title\n" + gsas_text.std([100] * 12, [4] * 12)), None)
    assert pattern.weights == pytest.approx(4 / 100)
    assert "up to 4 detectors" in " ".join(pattern.notes)


def test_a_bank_is_chosen_by_its_number(tmp_path):
    text = "title\n" + gsas_text.std([5] * 12, number=1) + gsas_text.std([7] * 12, start=20.0, number=3)
    path = write(tmp_path, text)
    first = read(path, None)
    assert (first.y[0], first.name) == (5.0, "a_1")
    assert "the file also has 3" in first.notes[0]
    third = read(path, 3)
    assert (third.y[0], third.x[0], third.notes) == (7.0, 20.0, ())
    with pytest.raises(UserError, match=r"a\.gsas: bank: no such bank in the data; found '2'; allowed: 1, 3"):
        read(path, 2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\x1a"])
def test_line_ends_and_dos_end_of_file(end, tmp_path):
    text = "title\n" + gsas_text.std([9] * 23).replace("\r\n", end if end != "\n\x1a" else "\n")
    pattern = read(write(tmp_path, text + ("\x1a" if "\x1a" in end else "")), None)
    assert pattern.y.tolist() == [9.0] * 23


def test_a_short_file_is_noted(tmp_path):
    text = "title\n" + gsas_text.std([9] * 40)
    pattern = read(write(tmp_path, "\n".join(text.splitlines()[:-1])), None)
    assert pattern.x.size == 30
    assert pattern.notes == ("the file declares 40 channels but has 30",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t\nBANK 1 10 1 SLOG 1000 30000 0.001 0 FXYE\n10000 5 1\n", "time-of-flight and energy-dispersive"),
        ("t\nBANK 1 10 1 RALF 1000 30 64 0.001 ALT\n10000 5 1\n", "time-of-flight and energy-dispersive"),
        ("t\nBANK 1 10 1 WIBBLE 1 2 0 0 STD\n       5\n", "unknown binning in a BANK record; found 'WIBBLE'"),
        ("t\nBANK 1 10 1 CONST 1000 0 0 0 STD\n       5\n", "needs a start and a positive step"),
        ("t\nBANK 1 10 1 CONST 1000 5 0 0 STD\n     abc\n", "is not a list of numbers; found 'abc'"),
        ("t\nBANK 1 2 2 CONST 1000 5 0 0 FXYE\n1000 5\n", "has fewer than 3 numbers"),
        ("t\nBANK 1 2 2 CONST 1000 5 0 0 FXYE\n", "fewer than two points"),
        ("t\nBANK 1 2 2 CONST 900000 5 0 0 FXY\n900000 5\n950000 5\n", "not degrees 2theta"),
    ],
)
def test_an_error_is_one_line(text, message, tmp_path):
    with pytest.raises(UserError) as caught:
        read(write(tmp_path, text), None)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.gsas"))
    assert "\n" not in str(caught.value)


def test_other_files_are_passed_on(tmp_path):
    assert read(write(tmp_path, "1 2\n3 4\n", "a.raw"), None) is None
    assert read(write(tmp_path, "RAW4.00\x00 BANK 1 2", "b.raw"), None) is None


COUNTS = st.lists(st.integers(0, 999_999), min_size=2, max_size=60).filter(lambda item: max(item) > 0)


@given(counts=COUNTS, start=st.integers(1, 9000), step=st.integers(1, 100))
def test_std_round_trip(counts, start, step, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("std"), "t\n" + gsas_text.std(counts, start=start / 100, step=step / 100))
    pattern = read(path, None)
    assert pattern.y.tolist() == [float(item) for item in counts]
    assert pattern.x == pytest.approx((start + step * np.arange(len(counts))) / 100)
    assert np.all(pattern.weights >= 0)
    assert np.all((pattern.weights > 0)[pattern.y > 0])


@given(
    y=st.lists(st.floats(0.01, 9999), min_size=2, max_size=40),
    scale=st.floats(0.01, 10),
)
def test_fxye_round_trip(y, scale, tmp_path_factory):
    e = [max(scale * value**0.5, 1e-3) for value in y]
    x = [5 + 0.013 * i for i in range(len(y))]
    pattern = read(write(tmp_path_factory.mktemp("fxye"), "t\n" + gsas_text.fxye(x, y, e)), None)
    assert pattern.x == pytest.approx(x, abs=1e-8)
    assert pattern.y == pytest.approx(y, abs=1e-4)
    assert pattern.weights == pytest.approx(1 / np.array(e) ** 2, rel=2e-3)
    assert pattern.weights_from == "esds in the file"

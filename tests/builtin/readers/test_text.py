from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autogsas.builtin.readers.text import autogsas_read_pattern as read
from autogsas.errors import UserError

SHARED = Path(__file__).parents[4] / "shared" / "data"
PROJECTS = Path(__file__).parents[3] / "projects"


def write(folder: Path, text: str | bytes, name: str = "a.xy") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_y2o3_gives_what_gsas2_gives():
    """GSASIIscriptable 2.0.0: add_powder_histogram("y2o3.csv", ...), sums over getdata("X", "Yobs", "Yweight")."""
    path = SHARED / "y2o3" / "y2o3.csv"
    if not path.exists():
        pytest.skip("y2o3.csv lies in ../shared/data, which is not here")
    pattern = read(path, None)
    found = (pattern.x.size, pattern.y.sum(), pattern.weights.sum(), (pattern.x * pattern.weights).sum())
    assert found == pytest.approx((7351, 7543679.0, 10.065430508770266, 783.7071356026228), rel=1e-12)


def test_the_example_has_its_own_esds():
    pattern = read(PROJECTS / "lbco-neutron" / "hrpt_lbco.xye", None)
    assert (pattern.x.size, pattern.x[0], pattern.x[-1]) == (3098, 10.0, 164.85)
    assert pattern.weights[0] == pytest.approx(1 / 12.6**2)
    assert (pattern.weights_from, pattern.notes) == ("esds in the file", ())


@pytest.mark.parametrize(
    "text",
    [
        "10 5\n10.5 7\n11 9\n",
        "# a comment\n10 5\n10.5 7\n\n11 9\n",
        "2theta,counts\n10,5\n10.5,7\n11,9\n",
        "10;5\n10.5;7\n11;9\n",
        "10,0;5\n10,5;7\n11,0;9\n",
        "10,0\t5,0\n10,5\t7,0\n11,0\t9,0\n",
        "XYDATA\nTITLE something 1\n10 5\n10.5 7\n11 9\n",
        "\ufeff10 5\r\n10.5 7\r\n11 9\r\n",
        "counts, 2Theta [deg]\n5, 10\n7, 10.5\n9, 11\n",
        "11 9\n10.5 7\n10 5\n",
    ],
)
def test_ways_to_write_the_same(text, tmp_path):
    pattern = read(write(tmp_path, text), None)
    assert (pattern.x.tolist(), pattern.y.tolist()) == ([10, 10.5, 11], [5, 7, 9])
    assert pattern.weights == pytest.approx([1 / 5, 1 / 7, 1 / 9])


def test_utf_16(tmp_path):
    assert read(write(tmp_path, "10 5\n11 7\n".encode("utf-16")), None).y.tolist() == [5, 7]


def test_a_named_esd_is_found_and_other_columns_are_left(tmp_path):
    text = "angle,counts,background,sigma\n10,5,1,2\n11,6,1,4\n"
    pattern = read(write(tmp_path, text, "a.csv"), None)
    assert pattern.weights.tolist() == [0.25, 0.0625]
    assert pattern.notes == ("1 column other than 2theta, intensity and esd not used",)


def test_fullprof_list_of_counts(tmp_path):
    counts = "\n".join(" ".join(f"{c:7d}" for c in range(i, i + 10)) for i in range(100, 200, 10))
    pattern = read(
        write(tmp_path, f"  10.0  0.5  60.0  a title?\n{counts} \n 200".replace("  a title?", ""), "a.dat"), None
    )
    assert pattern.x.size == 101
    assert (pattern.x[-1], pattern.y[-1]) == (60.0, 200.0)


def test_what_is_missing_has_no_weight_and_is_noted(tmp_path):
    pattern = read(write(tmp_path, "10 5\n11 nan\n12 -3\n13 0\n14 2\n"), None)
    assert pattern.weights.tolist() == [0.2, 0, 0, 1, 0.5]
    assert np.all(np.isfinite(pattern.y))
    noted = " | ".join(pattern.notes)
    assert "1 point without an intensity given weight zero" in noted
    assert "1 point with negative counts given weight zero" in noted
    assert "1 point with zero counts weighted as one count" in noted


def test_zeros_among_large_counts_are_no_counts(tmp_path):
    y = [0, 0, 500, 510, 0, 505, 495, 0]
    pattern = read(write(tmp_path, "".join(f"{10 + i} {c}\n" for i, c in enumerate(y))), None)
    assert (pattern.weights == 0).tolist() == [c == 0 for c in y]


def test_an_empty_cell_is_a_missing_value(tmp_path):
    pattern = read(write(tmp_path, "x,y,e\n10,5,1\n11,,1\n12,7,0\n13,8,2\n", "a.csv"), None)
    assert pattern.weights.tolist() == [1, 0, 0, 0.25]


def test_esds_of_nothing_but_zeros_give_way_to_counting(tmp_path):
    pattern = read(write(tmp_path, "10 4 0\n11 5 0\n", "a.xye"), None)
    assert pattern.weights.tolist() == [0.25, 0.2]
    assert "no positive number" in pattern.notes[0]


def test_negative_intensities_with_esds_count(tmp_path):
    pattern = read(write(tmp_path, "10 -4 2\n11 5 2\n", "a.xye"), None)
    assert pattern.weights.tolist() == [0.25, 0.25]


def test_intensities_that_are_no_counts_are_noted(tmp_path):
    assert "not whole counts" in read(write(tmp_path, "10 4.31\n11 5.7\n"), None).notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no columns of numbers found"),
        ("hello\nworld\n", "no columns of numbers found"),
        (b"\x00\x01\x02" * 50, "the file is binary"),
        ("10 5\n11 six\n12 7\n", "a.xy:2: must be a row of 2 numbers; found '11 six'"),
        ("10 5\n11 6\n12\n", "a.xy:3: must be a row of 2 numbers; found '12'"),
        ("10 5\n11 6\n11 7\n", "a position occurs twice; found '2theta = 11'"),
        ("10 5\n", "fewer than two points"),
        ("10 0\n11 0\n", "no point of the pattern has a usable intensity"),
        ("1000 5\n2000 6\n", "the positions are not degrees 2theta"),
    ],
)
def test_an_error_is_one_line(text, message, tmp_path):
    with pytest.raises(UserError) as caught:
        read(write(tmp_path, text), None)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.xy"))


def test_other_formats_are_passed_on(tmp_path):
    assert read(write(tmp_path, "title\nBANK 1 10 1 CONST 1000 5 0 0 STD\n  5 6\n", "a.raw"), None) is None
    assert read(write(tmp_path, b"RAW4.00\x00\x00", "a.raw"), None) is None
    assert read(write(tmp_path, "<?xml version='1.0'?>\n<x/>", "a.xml"), None) is None
    assert read(write(tmp_path, "words only", "a.unknown"), None) is None


POINTS = st.lists(
    st.tuples(st.integers(1, 17999), st.floats(0, 1e7, allow_nan=False), st.floats(0.01, 1e4)),
    min_size=2,
    max_size=50,
    unique_by=lambda item: item[0],
)


@given(points=POINTS, separator=st.sampled_from([" ", ",", ";", "\t", "   "]), esds=st.booleans())
# A first line that could be a start, a step and a stop, with as many numbers after it.
@example(points=[(5, 24.0, 274.0), *((n, 0.0, 1.0) for n in range(1, 5))], separator=" ", esds=True)
def test_round_trip_in_any_order(points, separator, esds, tmp_path_factory):
    lines = [separator.join([repr(x / 100), repr(y), *([repr(e)] if esds else [])]) for x, y, e in points]
    path = write(tmp_path_factory.mktemp("text"), "\n".join(lines) + "\n")
    if all(y == 0 for _, y, _ in points):
        with pytest.raises(UserError, match="no point"):
            read(path, None)
        return
    pattern = read(path, None)
    expected = sorted(points)
    assert pattern.x.tolist() == [x / 100 for x, _, _ in expected]
    assert pattern.y.tolist() == [y for _, y, _ in expected]
    if esds:
        assert pattern.weights == pytest.approx([e**-2 for _, _, e in expected])
    assert np.all(np.isfinite(pattern.weights))
    assert np.all(pattern.weights >= 0)

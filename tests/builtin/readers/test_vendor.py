from __future__ import annotations

import io
import sys
import zipfile

import pytest

from autogsas.builtin.readers.vendor import autogsas_read_pattern as read
from autogsas.errors import UserError

RAS = """*RAS_DATA_START
*RAS_HEADER_START
*MEAS_SCAN_AXIS_X "TwoThetaTheta"
*RAS_HEADER_END
*RAS_INT_START
10.0000 100.0000 {0}
10.1000 50.0000 {1}
10.2000 70.0000 {0}
*RAS_INT_END
*RAS_DATA_END
"""


def test_without_the_extra_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "geddes", None)
    for name, data in (("a.brml", b"PK"), ("a.raw", b"RAW4.00\x00"), ("a.rasx", b"PK"), ("a.ras", b"*RAS")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=r"pip install 'autogsas\[formats\]', or export \.xy, \.xye or \.xrdml"):
            read(tmp_path / name, None)


def test_other_raw_files_are_passed_on(tmp_path):
    (tmp_path / "a.raw").write_text("title\nBANK 1 2 1 CONST 1 1 0 0 STD\n")
    assert read(tmp_path / "a.raw", None) is None


def test_rigaku_text(tmp_path):
    pytest.importorskip("geddes", reason="the extra `formats` is not installed")
    path = tmp_path / "a.ras"
    path.write_text(RAS.format("1.0000", "1.0000"))
    pattern = read(path, None)
    assert pattern.x == pytest.approx([10, 10.1, 10.2])
    assert pattern.y.tolist() == [100, 50, 70]
    assert pattern.weights == pytest.approx([0.01, 0.02, 1 / 70])


def test_an_attenuated_scan_is_refused(tmp_path):
    pytest.importorskip("geddes", reason="the extra `formats` is not installed")
    path = tmp_path / "a.ras"
    path.write_text(RAS.format("1.0000", "8.0000"))
    with pytest.raises(UserError, match="the beam was attenuated in part"):
        read(path, None)


def test_rigaku_archive(tmp_path):
    pytest.importorskip("geddes", reason="the extra `formats` is not installed")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        conditions = "<MeasurementConditions><ScanInformation><AxisName>TwoThetaTheta</AxisName></ScanInformation>"
        listed = '<ContentHashList Name="Profile0.txt"/><ContentHashList Name="MesurementConditions0.xml"/>'
        archive.writestr("root.xml", f'<Root><Data0 Type="Profile">{listed}</Data0></Root>')
        archive.writestr("Data0/MesurementConditions0.xml", conditions + "</MeasurementConditions>")
        archive.writestr("Data0/Profile0.txt", "10.0\t100\t1\n10.1\t50\t1\n10.2\t70\t1\n")
    path = tmp_path / "a.rasx"
    path.write_bytes(buffer.getvalue())
    assert read(path, None).y.tolist() == [100, 50, 70]


@pytest.mark.parametrize(("name", "data"), [("a.brml", b"PK\x03\x04no"), ("a.raw", b"RAW4.00\x00no"), ("a.ras", b"no")])
def test_an_error_is_one_line(name, data, tmp_path):
    pytest.importorskip("geddes", reason="the extra `formats` is not installed")
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match="cannot be read as a Bruker or Rigaku file"):
        read(tmp_path / name, None)

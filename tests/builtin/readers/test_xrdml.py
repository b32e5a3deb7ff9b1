from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autogsas.builtin.readers.xrdml import autogsas_read_instrument, autogsas_read_pattern
from autogsas.errors import UserError

SCAN = """<scan appendNumber="0" mode="Continuous" scanAxis="Gonio" status="{status}"><dataPoints>
<positions axis="2Theta" unit="deg">{positions}</positions>
<positions axis="Omega" unit="deg"><startPosition>5</startPosition><endPosition>6</endPosition></positions>
{more}<{tag} unit="counts">{values}</{tag}></dataPoints></scan>"""
DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.6" status="Completed">
<xrdMeasurement measurementType="Scan" sampleMode="{mode}"><usedWavelength intended="{intended}">
<kAlpha1 unit="Angstrom">1.540598</kAlpha1><kAlpha2 unit="Angstrom">1.544426</kAlpha2>
<kBeta unit="Angstrom">1.39225</kBeta><ratioKAlpha2KAlpha1>{ratio}</ratioKAlpha2KAlpha1></usedWavelength>
<incidentBeamPath><radius unit="mm">240.00</radius></incidentBeamPath>{scans}</xrdMeasurement></xrdMeasurements>"""
RANGE = "<startPosition>10.0</startPosition><endPosition>12.0</endPosition>"


def scan(values="100 200 400", positions=RANGE, more="", tag="intensities", status="Completed") -> str:
    return SCAN.format(values=values, positions=positions, more=more, tag=tag, status=status)


def document(*scans: str, mode="Reflection", intended="K-Alpha 1", ratio="0.5") -> str:
    return DOCUMENT.format(scans="".join(scans), mode=mode, intended=intended, ratio=ratio)


def write(folder: Path, text: str, name: str = "a.xrdml", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def read(folder: Path, *scans: str, bank: int | None = None):
    return autogsas_read_pattern(write(folder, document(*scans)), bank)


def test_start_and_end(tmp_path):
    pattern = read(tmp_path, scan())
    assert pattern.x.tolist() == [10, 11, 12]
    assert pattern.y.tolist() == [100, 200, 400]
    assert pattern.weights == pytest.approx([0.01, 0.005, 0.0025])
    assert pattern.notes == ()


def test_list_of_positions(tmp_path):
    pattern = read(tmp_path, scan(positions="<listPositions>10 10.5 12</listPositions>"))
    assert pattern.x.tolist() == [10, 10.5, 12]


@pytest.mark.parametrize(("tag", "values"), [("intensities", "100 2000 400"), ("counts", "100 200 400")])
def test_attenuation(tag, values, tmp_path):
    """Of XRDML's two words, intensities are multiplied by the factors already, counts are not."""
    more = "<beamAttenuationFactors>1 10 1</beamAttenuationFactors>"
    pattern = read(tmp_path, scan(values, more=more, tag=tag))
    assert pattern.y.tolist() == [100, 2000, 400]
    assert pattern.weights == pytest.approx([1 / 100, 1 / (100 * 200), 1 / 400])
    assert "attenuated" in pattern.notes[0]


def test_counting_times_are_evened_out(tmp_path):
    pattern = read(tmp_path, scan("100 200 400", more="<countingTimes>10 10 40</countingTimes>"))
    assert pattern.y.tolist() == [100, 200, 100]
    assert pattern.weights == pytest.approx([1 / 100, 1 / 200, 16 / 400])
    assert "counting times differ" in pattern.notes[0]


def test_repeated_scans_are_summed_or_chosen(tmp_path):
    both = scan("100 200 400"), scan("10 20 40")
    pattern = read(tmp_path, *both)
    assert pattern.y.tolist() == [110, 220, 440]
    assert pattern.weights == pytest.approx([1 / 110, 1 / 220, 1 / 440])
    assert pattern.notes == ("the sum of 2 repeated scans",)
    assert read(tmp_path, *both, bank=2).y.tolist() == [10, 20, 40]
    with pytest.raises(UserError, match=r"bank: no such scan in the file; found '3'; allowed: 1 to 2"):
        read(tmp_path, *both, bank=3)


def test_an_aborted_scan_gives_way_to_completed_ones(tmp_path):
    pattern = read(tmp_path, scan("9 9 9", status="Aborted"), scan("100 200 400"))
    assert pattern.y.tolist() == [100, 200, 400]


OTHER = "<startPosition>20.0</startPosition><endPosition>22.0</endPosition>"


@pytest.mark.parametrize(
    ("scans", "message"),
    [
        ([scan(), scan(positions=OTHER)], "the scans of the file have different positions"),
        ([scan(positions="<commonPosition>30</commonPosition>")], "2Theta is constant in this scan"),
        (
            [scan(positions="<listPositions>10 11</listPositions>")],
            "numbers of positions and intensities",
        ),
        ([scan("100 x 400")], "the intensities are not a list of numbers"),
        ([scan(more="<beamAttenuationFactors>1 10</beamAttenuationFactors>")], "attenuation factors and counting"),
        ([scan().replace("2Theta", "Chi")], "a scan has no 2Theta axis"),
        ([], "the file has no scan"),
    ],
)
def test_an_error_is_one_line(scans, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read(tmp_path, *scans)


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY a{i} "{"&a;" if i == 0 else f"&a{i - 1};" * 10}">' for i in range(12)
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_expansion_is_refused(encoding, tmp_path):
    text = document(scan("&a11;")).replace('encoding="UTF-8"', f'encoding="{encoding}"')
    path = write(tmp_path, text.replace("<xrdMeasurements", BOMB + "]>\n<xrdMeasurements", 1), encoding=encoding)
    with pytest.raises(UserError, match="contains a DOCTYPE line"):
        autogsas_read_pattern(path, None)


def test_broken_and_foreign_xml(tmp_path):
    with pytest.raises(UserError, match="broken XML"):
        autogsas_read_pattern(write(tmp_path, document(scan())[:-20]), None)
    with pytest.raises(UserError, match="not an XRDML document; found 'svg'"):
        autogsas_read_pattern(write(tmp_path, "<svg/>"), None)
    assert autogsas_read_pattern(write(tmp_path, "<svg/>", "a.xml"), None) is None
    assert autogsas_read_pattern(write(tmp_path, document(scan()), "a.xml"), None) is not None


def test_the_file_says_what_it_was_measured_with(tmp_path):
    found = autogsas_read_instrument(write(tmp_path, document(scan())), None)
    assert found.wavelengths == (1.540598, 1.544426)
    assert (found.radiation, found.ratio, found.radius, found.geometry) == ("xray", 0.5, 240.0, "Bragg-Brentano")
    assert autogsas_read_instrument(write(tmp_path, document(scan(), ratio="0")), None).wavelengths == (1.540598,)
    beta = autogsas_read_instrument(write(tmp_path, document(scan(), intended="K-Beta")), None)
    assert beta.wavelengths == (1.39225,)
    through = autogsas_read_instrument(write(tmp_path, document(scan(), mode="Transmission")), None)
    assert through.geometry == "Debye-Scherrer"


def test_utf_16_without_a_bomb_is_read(tmp_path):
    path = write(tmp_path, document(scan()).replace('encoding="UTF-8"', 'encoding="utf-16"'), encoding="utf-16")
    assert np.sum(autogsas_read_pattern(path, None).y) == 700

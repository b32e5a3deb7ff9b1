"""Figures for print: sizes, fonts, file names and texts."""

from __future__ import annotations

import importlib.util
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from autogsas.commands import verbs
from autogsas.errors import UserError
from autogsas.figures.publication import NAMES, check_formats, figure_files, safe_names
from autogsas.report.figures import captions
from autogsas.runfolder.reader import read_run
from tests.runs import write_run

EVIL = "</script><b onload=alert(1)>$\\frac{1$ & \"'磷灰石 \u202eabc ]]>"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, points=1500, second_phase="quartz", excluded=((60.0, 63.0),))
    return dict(figure_files(captions(read_run(folder)), ("pdf", "svg", "png")))


def _texts(svg: bytes) -> list[str]:
    return ["".join(item.itertext()) for item in ET.fromstring(svg).iter() if item.tag.endswith("}text")]


def test_there_is_a_figure_of_each_width_and_format(files: dict[str, bytes]) -> None:
    assert set(files) == {f"figure-FAP{wide}.{form}" for wide in ("", "-wide") for form in ("pdf", "svg", "png")}
    assert all(NAMES.fullmatch(name) for name in files)


@pytest.mark.parametrize(("name", "millimetres"), [("figure-FAP", 84.0), ("figure-FAP-wide", 174.0)])
def test_widths_are_those_of_columns(files: dict[str, bytes], name: str, millimetres: float) -> None:
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", files[f"{name}.pdf"])
    assert box is not None
    assert float(box[1]) / 72 * 25.4 == pytest.approx(millimetres, abs=0.05)
    width, _ = struct.unpack(">II", files[f"{name}.png"][16:24])
    assert width / 600 * 25.4 == pytest.approx(millimetres, abs=0.05)
    assert float(ET.fromstring(files[f"{name}.svg"]).attrib["width"].removesuffix("pt")) / 72 * 25.4 == pytest.approx(
        millimetres, abs=0.05
    )


def test_text_remains_text(files: dict[str, bytes]) -> None:
    pdf = files["figure-FAP.pdf"]
    assert b"/FontFile2" in pdf  # TrueType, which matplotlib calls 42
    assert b"/Type3" not in pdf
    texts = _texts(files["figure-FAP.svg"])
    assert {"observed", "calculated", "background", "difference", "fluorapatite", "quartz", "2θ (°)"} <= set(texts)


def test_the_figure_agrees_with_the_summary(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    summary = write_run(tmp_path, points=600)
    entry = summary["histograms"][0]
    (svg,) = (content for _, content in list(figure_files(captions(read_run(tmp_path)), ("svg",)))[:1])
    shown = " ".join(_texts(svg))
    assert f"{entry['rwp']:.2f}" in shown
    assert f"{entry['gof']:.2f}" in shown
    assert "Intensity (counts)" in shown


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_run(tmp_path, points=200)
    fits = captions(read_run(tmp_path))
    assert dict(figure_files(fits, ("pdf", "svg"))) == dict(figure_files(fits, ("pdf", "svg")))


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_run(tmp_path, points=200, name=EVIL, phase=EVIL, histograms=(EVIL, "_hidden"), second_phase="_under $")
    files = dict(figure_files(captions(read_run(tmp_path)), ("svg", "pdf")))
    assert all(NAMES.fullmatch(name) for name in files)
    for name, content in files.items():
        if name.endswith(".svg"):
            root = ET.fromstring(content)
            assert not [item for item in root.iter() if item.tag.rpartition("}")[2] in ("script", "b", "image")]
            shown = " ".join(_texts(content))
            assert "</script><b onload=alert(1)>$\\frac{1$" in shown
            assert "_under $" in shown


def test_figures_are_written_to_the_run_folder(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_run(tmp_path, points=200)
    page = verbs.report(tmp_path, figures="PNG, svg").page.read_text(encoding="utf-8")
    names = {path.name for path in tmp_path.iterdir() if NAMES.fullmatch(path.name)}
    assert names == {"figure-FAP.png", "figure-FAP.svg", "figure-FAP-wide.png", "figure-FAP-wide.svg"}
    assert all(f'<a href="{name}">' in page for name in names)
    from matplotlib.image import imread

    pixels = imread(tmp_path / "figure-FAP.png")[..., :3].reshape(-1, 3)
    inked = (pixels.min(axis=1) < 0.9).mean()
    assert 0.01 < inked < 0.5


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["FAP"], ["FAP"]),
        (["a b/c", "../../etc/passwd"], ["a_b_c", "etc_passwd"]),
        (["PBSO4.XRA Bank 1", "pbso4.xra bank 1"], ["PBSO4.XRA_Bank_1", "pbso4.xra_bank_1-2"]),
        (["磷灰石", "", "<>"], ["pattern", "pattern-2", "pattern-3"]),
        (["x" * 300], ["x" * 60]),
        (["Härte"], ["Harte"]),
    ],
)
def test_names_of_files_are_safe(given: list[str], names: list[str]) -> None:
    assert safe_names(given) == names


def test_a_mistake_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert check_formats("") == ()
    with pytest.raises(UserError, match=r"^--figures: unknown figure format; found 'pfd'; .* did you mean 'pdf'\?$"):
        check_formats("svg,pfd")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^--figures: figures for print need matplotlib: pip install 'autogsas\[fig"):
        verbs.report(tmp_path, figures="pdf")
    assert check_formats("") == ()

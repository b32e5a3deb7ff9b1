"""The page of a comparison as text: its numbers are the comparison's, and names from files stay text."""

from __future__ import annotations

import base64
import gzip
import json
import math
import os
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogsas.comparepage import write_comparison
from autogsas.comparison import Comparison, build_comparison, overlays
from autogsas.errors import UserError
from autogsas.figures.forest import SECTIONS, forest_lines, largest, reach
from autogsas.model.result import Finding, Severity
from autogsas.text.formatting import count, interval, percent, with_esd
from tests.refinements import EVIL, refinement


class Reader(HTMLParser):
    """Collects elements, the cells of each table's rows by heading, all texts, and scripts by id."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.strong: list[str] = []
        self.texts: list[str] = []
        self.scripts: dict[str, str] = {}
        self._inside = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = dict(attrs).get("id") or tag
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag in ("th", "td", "strong"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = ""
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[self._inside] = self.scripts.get(self._inside, "") + data
            return
        if data.strip():
            self.texts.append(" ".join(data.split()))
        if any(tag in ("th", "td") for tag in self._open):
            self.rows[-1][-1] += data
            if self._open[-1] == "strong":
                self.strong.append(data)

    @property
    def page(self) -> str:
        return " ".join(self.texts)

    def row(self, head: str, nth: int = 0) -> list[str]:
        return [row for row in self.rows if row and row[0].strip() == head][nth][1:]

    @property
    def data(self) -> dict[str, Any]:
        found = json.loads(gzip.decompress(base64.b64decode(self.scripts["data"])).decode())
        assert isinstance(found, dict)
        return found


def _written(comparison: Comparison, folder: Path, command: str = "") -> Reader:
    reader = Reader()
    reader.feed(write_comparison(comparison, folder / "compare.html", command).read_text(encoding="utf-8"))
    return reader


@pytest.fixture(scope="module")
def two() -> Comparison:
    return build_comparison(
        [refinement("auto", moved=4.0), refinement("hand", off=0.03, limits=(20.0, 110.0), excluded=((60.0, 63.0),))]
    )


def test_figures_are_those_of_the_comparison(two: Comparison, tmp_path: Path) -> None:
    page = _written(two, tmp_path, "autogsas compare auto hand")
    figures = [one.figures for one in two.refinements]
    assert page.row("Rwp (%)") == [percent(item.rwp, 3) for item in figures]
    assert page.row("Rexp (%)") == [percent(item.rexp, 3) for item in figures]
    assert page.row("GoF") == [percent(item.gof, 3) for item in figures]
    assert page.row("χ²") == [percent(item.chi2, 1) for item in figures]
    assert page.row("BIC") == [percent(item.bic, 1) for item in figures]
    assert page.row("Variables") == [count(item.n_variables) for item in figures]
    assert page.row("Observations") == [count(item.n_observations) for item in figures]
    assert page.row("R_Bragg of fluorapatite (%)") == ["1.00", "3.00"]
    assert page.row("Background") == ["chebyschev-1", "chebyschev-1"]
    assert page.row("Background terms") == ["6", "6"]
    assert page.row("2θ") == ["15 to 130°", "20 to 110°"]
    assert page.row("Excluded") == ["none", "60 to 63°"]
    assert "autogsas compare auto hand" in page.texts


def test_where_limits_differ_the_common_figures_and_the_warning_are_shown(two: Comparison, tmp_path: Path) -> None:
    page, common = _written(two, tmp_path), two.pairs[0].common
    assert common is not None
    assert common.differ
    assert page.row("Rwp (%)", 1) == [percent(common.one.rwp, 3), percent(common.two.rwp, 3)]
    assert page.row("χ²", 1) == [percent(common.one.chi2, 1), percent(common.two.chi2, 1)]
    assert page.row("Observations", 1) == [count(common.one.n_observations)] * 2
    assert page.row("2θ of FAP") == [interval(common.ranges[0][1])] * 2
    assert f"{two.warnings[0]}." in page.texts
    alike = build_comparison([refinement("auto"), refinement("hand", off=0.03)])
    assert "Over the points that count in both A and B" not in _written(alike, tmp_path).texts


def test_the_verdict_comes_first_with_sign_word_and_sentence(two: Comparison, tmp_path: Path) -> None:
    page, verdict = _written(two, tmp_path), two.pairs[0].verdict
    assert page.texts.index(verdict.word) < page.texts.index("Figures")
    assert page.texts[page.texts.index(verdict.word) - 1] == "✓"
    assert verdict.sentence in page.texts


@pytest.mark.parametrize(
    ("other", "sign"),
    [
        ({"off": 0.03}, "="),
        ({"off": 0.01, "moved": 800.0}, "≠"),
        ({"off": 0.0, "findings": (Finding("u", Severity.ERROR, "U is negative"),)}, "!"),
        ({"seed": 5}, "?"),
    ],
)
def test_every_verdict_has_a_sign_of_its_own(other: dict[str, Any], sign: str, tmp_path: Path) -> None:
    comparison = build_comparison([refinement("auto", off=0.03), refinement("hand", **other)])
    page = _written(comparison, tmp_path)
    assert page.texts[page.texts.index(comparison.pairs[0].verdict.word) - 1] == sign


def test_every_parameter_is_in_the_tables_with_its_difference(two: Comparison, tmp_path: Path) -> None:
    page = _written(two, tmp_path)
    for row in two.rows:
        one, other, shift, esds = page.row(f"{row.name} ({row.unit})" if row.unit else row.name)
        cells, gap = row.cells, row.gaps[0]
        assert (one, other) == tuple(with_esd(cell.value, cell.esd) if cell else "" for cell in cells)
        assert gap is not None
        if gap.esds is None:
            assert float(shift) == pytest.approx(gap.value, rel=1e-3, abs=1e-12)
            assert esds == ""
            continue
        assert float(esds) == pytest.approx(gap.esds, abs=0.051)
        joint = math.hypot(*(cell.esd or 0.0 for cell in cells if cell))
        assert shift == with_esd(gap.value, joint)


def test_differences_over_three_esds_and_noticeable_are_strong(tmp_path: Path) -> None:
    tiny = build_comparison([refinement("auto", moved=8.0, esd=1e-7), refinement("hand", esd=1e-7, off=0.03)])
    far = [row for row in tiny.rows if row.gaps[0] and abs(row.gaps[0].esds or 0.0) > 3]
    assert far
    assert not any(difference.noticed for difference in tiny.pairs[0].differences)
    assert _written(tiny, tmp_path).strong == []
    large = build_comparison([refinement("auto", moved=40.0), refinement("hand", off=0.03)])
    noticed = next(item for item in large.pairs[0].differences if item.noticed and item.kind == "position")
    row = next(row for row in large.rows if row.name == f"{noticed.atom} {noticed.axes[0]}")
    page = _written(large, tmp_path)
    assert page.row(row.name)[-1] in page.strong


def test_cumulative_chi2_ends_at_the_chi2_of_the_common_points(tmp_path: Path) -> None:
    comparison = build_comparison(
        [
            refinement("auto", histograms=("XRA", "CWN")),
            refinement("hand", off=0.03, limits=(20.0, 110.0), histograms=("XRA", "CWN")),
        ]
    )
    common = comparison.pairs[0].common
    assert common is not None
    growths = [overlay.growths[0] for overlay in overlays(comparison)]
    assert len(growths) == 2
    assert sum(growth.one[-1] for growth in growths) == pytest.approx(common.one.chi2, rel=1e-12)
    assert sum(growth.two[-1] for growth in growths) == pytest.approx(common.two.chi2, rel=1e-12)
    assert all(np.all(np.diff(growth.one) >= 0) for growth in growths)
    page = _written(comparison, tmp_path)
    assert {"The patterns of XRA", "The patterns of CWN"} <= set(page.texts)
    for growth, pattern in zip(growths, page.data["patterns"], strict=True):
        assert pattern["growths"][0]["one"][-1] == pytest.approx(growth.one[-1], rel=1e-7)
        assert f"A {percent(growth.one[-1], 1)}, B {percent(growth.two[-1], 1)}." in page.page


def test_curves_on_the_page_are_those_of_the_fits(two: Comparison, tmp_path: Path) -> None:
    (pattern,) = _written(two, tmp_path).data["patterns"]
    (overlay,) = overlays(two)
    assert pattern["observed"] == pytest.approx(overlay.observed.tolist())
    for drawn, (place, fit) in zip(pattern["fits"], overlay.fits, strict=True):
        assert drawn["series"] == place
        assert drawn["calculated"] == pytest.approx(fit.profile.calculated.tolist(), rel=1e-6)
        assert (drawn["x"] or pattern["x"]) == pytest.approx(fit.profile.two_theta.tolist(), rel=1e-7)
    assert pattern["fits"][1]["uncounted"][0] == pytest.approx([60.0, 63.0], abs=0.15)


def test_patterns_cover_the_widest_fit() -> None:
    narrow, wide = refinement("auto", limits=(30.0, 60.0)), refinement("hand", off=0.03)
    (overlay,) = overlays(build_comparison([narrow, wide]))
    assert overlay.ends == (15.0, 130.0)
    assert overlay.two_theta.tolist() == wide.fits[0].profile.two_theta.tolist()


def test_the_forest_shows_the_largest_first_and_folds_the_others(tmp_path: Path) -> None:
    comparison = build_comparison([refinement("auto", atoms=30, moved=3.0), refinement("hand", off=0.03, atoms=30)])
    lines = forest_lines(comparison)
    known = [row for row in comparison.rows if row.gaps[0] and row.gaps[0].esds is not None]
    assert [line.dots[0].esds for line in lines] == [row.gaps[0].esds for row in known if row.gaps[0]]
    first, others = largest(lines)
    assert len(first) == 40
    assert min(line.size for line in first) >= max(line.size for line in others)
    page = _written(comparison, tmp_path)
    shown, folded = page.data["forests"]
    assert [line["name"] for line in shown["lines"]] == [line.name for line in first]
    assert len(folded["lines"]) == len(others)
    assert f"{len(comparison.rows) - len(lines)} parameters without an esd are shown only in the table." in page.page


def test_the_forest_keeps_most_dots_inside_and_the_three_esds_visible() -> None:
    def lines(sizes: list[float]) -> Any:
        one = refinement("auto", atoms=len(sizes) // 3)
        made = forest_lines(build_comparison([one, refinement("hand", off=0.03, atoms=len(sizes) // 3)]))
        return [
            replace(line, dots=(replace(line.dots[0], esds=size),)) for line, size in zip(made, sizes, strict=False)
        ]

    assert reach(lines([0.5, -1.0, 2.0, 3.0, -3.5, 1.0])) == 5.0
    assert 12 <= reach(lines([1.0, -8.0, 9.0, 11.0, 300.0, 2.0])) <= 14
    assert reach(lines([400.0, -500.0, 900.0, 1000.0, 300.0, 200.0])) <= 31


def test_findings_are_side_by_side_the_most_severe_first(tmp_path: Path) -> None:
    mild, grave = Finding("mild", Severity.INFO, "told by A"), Finding("grave", Severity.ERROR, "told by B")
    also = Finding("mild", Severity.INFO, "told by B too")
    comparison = build_comparison(
        [refinement("auto", findings=(mild,)), refinement("hand", off=0.03, findings=(grave, also, also))]
    )
    page = _written(comparison, tmp_path)
    heads = [row[0] for row in page.rows if row]
    assert heads.index("Error grave") < heads.index("Note mild")
    assert page.row("Error grave") == ["–", "told by B"]
    assert page.row("Note mild") == ["told by A", "• told by B too\n• told by B too"]
    assert page.row("Errors") == ["0", "1"]
    assert page.row("Notes") == ["1", "2"]
    assert "Refined by each: scale, cell and atomic positions." in page.texts
    assert page.row("U") == ["not", "refined"]


def test_names_from_files_are_text_everywhere(tmp_path: Path) -> None:
    finding = Finding("code", Severity.WARNING, "message")
    plain = _written(
        build_comparison(
            [
                refinement("a", findings=(finding,), word="word"),
                refinement("b", off=0.03, limits=(20.0, 110.0), moved=4.0, findings=(finding,), word="word"),
            ]
        ),
        tmp_path,
        "command",
    )
    finding = Finding(EVIL, Severity.WARNING, EVIL)
    given: dict[str, Any] = {"histograms": (EVIL,), "phase": EVIL, "findings": (finding,), "word": EVIL}
    comparison = build_comparison(
        [refinement(f"{EVIL}1", **given), refinement(f"{EVIL}2", off=0.03, limits=(20.0, 110.0), moved=4.0, **given)]
    )
    page = _written(comparison, tmp_path, EVIL)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert page.scripts.keys() == plain.scripts.keys()
    assert page.scripts["script"] == plain.scripts["script"]
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.page.count(" ".join(EVIL.split())) >= 20
    assert page.data["series"][0]["label"] == f"{EVIL}1"
    assert page.data["patterns"][0]["fits"][1]["marks"][0]["phase"] == EVIL
    assert page.data["forests"][0]["lines"][0]["heading"] == f"Cell · {EVIL}"


def test_three_refinements_one_without_a_fit(tmp_path: Path) -> None:
    comparison = build_comparison(
        [refinement("auto"), refinement("hand", off=0.03, moved=2.0), refinement("book", fitted=False, esd=None)]
    )
    page = _written(comparison, tmp_path)
    assert page.row("Rwp (%)")[2] == "–"
    assert page.row("Errors")[2] == "–"
    assert [len(pattern["fits"]) for pattern in page.data["patterns"]] == [2]
    assert {"A − B", "A − C"} <= set(page.texts)
    assert len(page.row("a (Å)")) == 3 + 4
    assert page.texts.count("A against C") == 1


def test_structures_without_fits_have_a_page_without_patterns(tmp_path: Path) -> None:
    structures = [refinement(name, fitted=False, esd=None) for name in ("one", "two")]
    page = _written(build_comparison(structures), tmp_path)
    assert "The patterns" not in page.texts
    assert "data" not in page.scripts
    assert SECTIONS["cell"] in page.texts


def test_fits_of_the_others_are_paired_if_the_first_has_none() -> None:
    fits = [refinement("hand"), refinement("auto", off=0.03), refinement("other", seed=9)]
    found = overlays(build_comparison([refinement("book", fitted=False), *fits]))
    assert [[place for place, _ in overlay.fits] for overlay in found] == [[1, 2], [3]]
    assert all(overlay.growths == () for overlay in found)


def test_no_common_points_is_reported(tmp_path: Path) -> None:
    overlapping = refinement("hand", off=0.03, excluded=((15.0, 60.0),))
    comparison = build_comparison([refinement("auto", excluded=((60.0, 130.0),)), overlapping])
    assert comparison.pairs[0].common is None
    page = _written(comparison, tmp_path)
    assert "No point counts in both, so χ² cannot be compared." in page.page
    assert page.data["patterns"][0]["growths"] == []
    other = build_comparison([refinement("auto"), refinement("hand", seed=5)])
    assert "Only B has this pattern." in _written(other, tmp_path).page


def test_the_page_is_small_and_written_whole_or_not_at_all(
    two: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_comparison(two, tmp_path / "compare.html")
    before = file.read_bytes()
    assert len(before) < 5_000_000
    assert write_comparison(two, file).read_bytes() == before

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match=r"compare\.html: cannot be written: No space left on device"):
        write_comparison(two, file)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["compare.html"]

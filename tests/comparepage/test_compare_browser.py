"""The page of a comparison in a real browser: drawn, zoomed as one, silent, asking for nothing, there at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogsas.comparepage import write_comparison
from autogsas.comparison import build_comparison
from autogsas.model.result import Finding, Severity
from tests.refinements import EVIL, refinement
from tests.report.test_report_browser import CHROMIUM, DRIVER, _complaints, _requests, _until, browser

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]

PLOT = "document.querySelector('#pattern-0 .plot')"


def _written(folder: Path, points: int, atoms: int) -> Path:
    given: dict[str, Any] = {"points": points, "atoms": atoms}
    refinements = [
        refinement("automatic", moved=3.0, **given),
        refinement("hand-made", off=0.03, excluded=((60.0, 63.0),), **given),
        refinement("older", off=0.05, moved=60.0, **given),
    ]
    comparison = build_comparison(refinements)
    assert len(comparison.rows) > 3 * atoms
    return write_comparison(comparison, folder / "compare.html", "autogsas compare a b c")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The size the page is measured by: 10,000 points, over 300 parameters, three refinements."""
    return _written(tmp_path_factory.mktemp("large"), 10_000, 100)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(tmp_path_factory.mktemp("page"), 2_000, 25)


def _open(browser: Any, page: Path) -> None:
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(page.as_uri())
    for figure in browser.find_elements("css selector", "figure.picture"):
        if figure.is_displayed():
            browser.execute_script("arguments[0].scrollIntoView()", figure)
            _until(lambda figure=figure: figure.find_elements("css selector", ".plot svg .trace"))


def _range(browser: Any, axis: str, plot: str = PLOT) -> list[float]:
    return browser.execute_script(f"return [...{plot}._fullLayout.{axis}.range]")


def _colourful(browser: Any, picture: Any) -> int:
    """How many pixels of what is on the screen there are not grey; the browser reads its own screenshot."""
    return browser.execute_async_script(
        """
        const [shot, done] = arguments, image = new Image();
        image.onload = () => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.width, image.height];
          const pen = canvas.getContext("2d");
          pen.drawImage(image, 0, 0);
          const { data } = pen.getImageData(0, 0, image.width, image.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4) {
            const rgb = [data[i], data[i + 1], data[i + 2]];
            if (Math.max(...rgb) - Math.min(...rgb) > 40) count += 1;
          }
          done(count);
        };
        image.src = "data:image/png;base64," + shot;
        """,
        picture.screenshot_as_base64,
    )


def test_everything_is_drawn_at_once_without_errors_or_requests(browser: Any, large: Path) -> None:
    _open(browser, large)
    size = large.stat().st_size
    paints = browser.execute_script("return performance.getEntriesByType('paint').map(e => e.startTime)")
    print(f"compare page: {size / 1e6:.2f} MB, first paint {min(paints):.0f} ms, contentful {max(paints):.0f} ms")
    assert size < 2_500_000
    assert _complaints(browser) == []
    assert _requests(browser) == [large.as_uri()]
    names = browser.execute_script(f"return {PLOT}.data.map(trace => trace.name)")
    assert {"observed", "A automatic", "B hand-made", "C older", "A difference", "C χ²", "A − B", "A − C"} <= set(names)
    assert browser.execute_script(f"return {PLOT}.data[0].x.length") == 10_000
    lengths = browser.execute_script(
        "return ['#pattern-0', '#forest'].map(id => [...document.querySelectorAll(`${id} .plot .scatterlayer path`)]"
        ".filter(path => path.getBBox().width > 0).length)"
    )
    assert lengths[0] > 10_000
    assert lengths[1] >= 40
    assert not browser.find_element("id", "status").is_displayed()


def test_pixels_of_the_plots_are_on_the_screen(browser: Any, page: Path) -> None:
    _open(browser, page)
    for identity in ("pattern-0", "forest"):
        assert _colourful(browser, browser.find_element("css selector", f"#{identity} .plot")) > 1500


def test_a_drag_zooms_all_panels_together(browser: Any, page: Path) -> None:
    from selenium.webdriver import ActionChains

    _open(browser, page)
    plot = browser.find_element("css selector", "#pattern-0 .plot")
    browser.execute_script("arguments[0].scrollIntoView({block: 'start'})", plot)
    before = _range(browser, "yaxis6")
    drag = browser.find_element("css selector", "#pattern-0 .plot .nsewdrag[data-subplot=xy]")
    ActionChains(browser).move_to_element_with_offset(drag, 150, 0).click_and_hold().move_by_offset(
        200, 3
    ).release().perform()
    _until(lambda: _range(browser, "xaxis")[1] < 125)
    low, high = _range(browser, "xaxis")
    assert 70 < low < high < 125
    _until(lambda: _range(browser, "yaxis6") != before)
    seen = browser.execute_script(
        f"const t = {PLOT}.data.filter(t => t.name.endsWith('difference')), [low, high] = arguments;"
        "return t.flatMap(t => t.y.filter((y, i) => y !== null && t.x[i] >= low && t.x[i] <= high))",
        *(low, high),
    )
    pad = 0.04 * (max(seen) - min(seen))
    for axis in ("yaxis3", "yaxis4", "yaxis5"):
        assert _range(browser, axis) == pytest.approx([min(seen) - pad, max(seen) + pad])
    assert _range(browser, "yaxis6")[0] > 0  # the sums have grown already where the view begins
    anchors = browser.execute_script(f"return {PLOT}._fullData.map(trace => trace.xaxis)")
    assert set(anchors) == {"x"}
    browser.find_element("css selector", "#pattern-0 button[data-move=whole]").click()
    _until(lambda: _range(browser, "xaxis") == [15, 130])
    assert _complaints(browser) == []


def test_scales_and_sigma_are_switched(browser: Any, page: Path) -> None:
    _open(browser, page)
    first = f"const t = {PLOT}.data[0]; return [t.y[500], t.customdata[500]]"
    y, value = browser.execute_script(first)
    assert y == value
    browser.find_element("css selector", "#pattern-0 input[value=sqrt]").click()
    _until(lambda: browser.execute_script(first)[0] != y)
    assert browser.execute_script(first)[0] ** 2 == pytest.approx(value)
    browser.find_element("css selector", "#pattern-0 input[value=log]").click()
    _until(lambda: browser.execute_script(f"return {PLOT}.layout.yaxis.type") == "log")
    below = _range(browser, "yaxis3")
    browser.find_element("css selector", "#pattern-0 input[value=deviation]").click()
    _until(lambda: _range(browser, "yaxis3") != below)
    data = browser.execute_script(
        f"const d = {PLOT}.data, t = d.find(t => t.name === 'B difference'), c = d.find(t => t.name === 'B hand-made');"
        "return [d[0].customdata[1000], c.customdata[1000], t.y[1000]]"
    )
    assert data[2] == pytest.approx((data[0] - data[1]) / max(data[0], 1.0) ** 0.5, rel=1e-4)
    assert _complaints(browser) == []


def test_the_forest_shows_details_of_a_dot_and_opens_the_others(browser: Any, page: Path) -> None:
    _open(browser, page)
    browser.execute_script(
        "Plotly.Fx.hover(document.querySelector('#forest .plot'), [{curveNumber: 0, pointNumber: 0}])"
    )
    shown = "return document.querySelector('#forest .hoverlayer').textContent"
    _until(lambda: "esd" in browser.execute_script(shown))
    text = browser.execute_script(shown)
    assert "A " in text
    assert "B " in text
    assert "(" in text
    browser.find_element("css selector", "#differences ~ details summary").click()
    _until(lambda: browser.find_elements("css selector", "#forest-rest .plot svg .trace"))
    reach = "document.querySelector('#forest .plot')"
    far = browser.execute_script(f"return {reach}.data.filter(t => t.name.endsWith('outside')).flatMap(t => [...t.x])")
    assert all(abs(x) < _range(browser, "xaxis", reach)[1] for x in far)
    assert _complaints(browser) == []


def test_text_and_static_figures_are_there_before_any_script(browser: Any, page: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.html"
    still.write_text(page.read_text(encoding="utf-8").replace("DecompressionStream", "AbsentStream"))
    browser.get(still.as_uri())
    assert browser.find_element("css selector", "#pattern-0 .still svg").is_displayed()
    assert browser.find_element("css selector", "#forest .still svg").is_displayed()
    assert not browser.find_element("css selector", "#pattern-0 .controls").is_displayed()
    assert any("Content Security Policy" in entry["message"] for entry in _complaints(browser))


def test_names_are_shown_as_they_are(browser: Any, tmp_path: Path) -> None:
    finding = Finding(EVIL, Severity.WARNING, EVIL)
    given: dict[str, Any] = {"histograms": (EVIL,), "phase": EVIL, "findings": (finding,), "word": EVIL}
    comparison = build_comparison(
        [refinement(f"{EVIL}1", **given), refinement(f"{EVIL}2", off=0.03, moved=90.0, **given)]
    )
    page = write_comparison(comparison, tmp_path / "compare.html", EVIL)
    _open(browser, page)
    browser.execute_script(
        f"Plotly.Fx.hover({PLOT}, [{{curveNumber: {PLOT}.data.findIndex(t => t.yaxis === 'y2'), pointNumber: 5}}])"
    )
    _until(lambda: "window.hurt" in browser.execute_script(f"return {PLOT}.querySelector('.hoverlayer').textContent"))
    assert browser.execute_script("return window.hurt") is None
    assert browser.execute_script("return document.querySelectorAll('img').length") == 0
    assert "<script>" in browser.execute_script(f"return {PLOT}.querySelector('.legend').textContent")
    assert EVIL.split("\u202e")[0] in browser.find_element("tag name", "h1").text
    assert _complaints(browser) == []
    assert _requests(browser) == [page.as_uri()]


@pytest.fixture
def narrow(browser: Any) -> Iterator[None]:
    browser.set_window_size(500, 900)
    yield
    browser.set_window_size(1200, 950)


@pytest.mark.usefixtures("narrow")
def test_a_narrow_window_is_not_scrolled_sideways(browser: Any, page: Path) -> None:
    _open(browser, page)
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_dark_and_print(browser: Any, page: Path) -> None:
    def media(kind: str, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})

    _open(browser, page)
    ground = "return ['#pattern-0', '#forest'].map(id => document.querySelector(id + ' .plot').layout.paper_bgcolor)"
    try:
        light = browser.execute_script(ground)
        media("screen", "dark")
        _until(lambda: not set(browser.execute_script(ground)) & set(light))
        media("print", "dark")
        assert browser.find_element("css selector", "#forest .still svg").is_displayed()
        assert not browser.find_element("css selector", "#pattern-0 .plot").is_displayed()
    finally:
        media("", "light")

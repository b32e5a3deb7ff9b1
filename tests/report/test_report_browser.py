"""The report in a real browser: it draws and zooms, without errors and without requests."""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogsas.figures.elements import element_colour
from autogsas.figures.palette import LIGHT
from autogsas.report import write_report
from tests.runs import write_run

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]

# WebGL by software, as machines without a graphics card have it, but pages painted without it.
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1200,950",
)
EVIL = (
    "</script><script>window.hurt=1;alert(1)</script><img src=x onerror='window.hurt=1'>\"'&lt; <b>磷灰石</b> ]]>"
    " --> <a href='javascript:window.hurt=1'>a</a> $x^2$ {{ 7*7 }} \u05d0\u200f\u202eabc\u202c"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def _written(folder: Path, points: int, trials: int) -> Path:
    summary = write_run(folder, points=points, trials=trials, excluded=((60.0, 63.0),), second_phase="quartz")
    shares = ("background terms", 0.6, 0.2), ("order of steps", 0.4, 0.5)
    items = [{"name": name, "choices": [name], "share": share, "chance": chance} for name, share, chance in shares]
    summary["importances"] = {"trials": 400, "note": "", "items": items}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return write_report(folder)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large report: 10,000 points and 500 trials."""
    return _written(tmp_path_factory.mktemp("large"), 10_000, 500)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(tmp_path_factory.mktemp("run"), 2_500, 60)


def _open(browser: Any, report: Path, figures: str = "figure.picture") -> None:
    """Load a report and scroll to its figures, or only to those of a test."""
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(report.as_uri())
    for figure in browser.find_elements("css selector", figures):
        browser.execute_script("arguments[0].scrollIntoView()", figure)
        if figure.find_elements("css selector", ".plot"):
            drawn = ".plot svg .traces, .plot svg .trace, .plot canvas"
            _until(lambda figure=figure, drawn=drawn: figure.find_elements("css selector", drawn))


# The share of an image in each of some colours, roughly; the policy of the page allows data: images.
_INK = """
const [png, wanted, done] = arguments;
const image = new Image();
image.onload = () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const counts = wanted.map(() => 0);
  for (let i = 0; i < data.length; i += 4) {
    wanted.forEach((colour, k) => {
      if (colour.every((value, j) => Math.abs(data[i + j] - value) < 26)) counts[k] += 1;
    });
  }
  done(counts.map((count) => count / (image.width * image.height)));
};
image.src = "data:image/png;base64," + png;
"""


def _ink(browser: Any, element: Any, *colours: str) -> list[float]:
    """Return the share of the pixels of an element that have each colour, given as #rrggbb."""
    wanted = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]
    return browser.execute_async_script(_INK, element.screenshot_as_base64, wanted)


def _cell(browser: Any) -> Any:
    """Return the element of the structure after it was scrolled to and drawn."""
    plot = browser.find_element("css selector", "#structure-0 .plot")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    _until(lambda: plot.find_elements("css selector", "canvas"))
    _until(lambda: _ink(browser, plot, element_colour("O"))[0] > 0.001)
    return plot


_ATOM = """
const viewer = document.querySelector('#structure-0 canvas')._3dmol_viewer;
const atoms = viewer.getModel().selectedAtoms({}).filter((atom) => atom.serial >= 0);
const nearest = atoms.sort((a, b) => b.z - a.z)[0];
const at = viewer.modelToScreen(nearest), box = document.querySelector('#structure-0 canvas').getBoundingClientRect();
return [at.x - window.scrollX - box.left - box.width / 2, at.y - window.scrollY - box.top - box.height / 2];
"""


def _until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "no result in time"
        time.sleep(0.05)
    return found


def _complaints(browser: Any) -> list[dict[str, Any]]:
    # Software WebGL warns about slow reading; this depends on the machine.
    told = (entry for entry in browser.get_log("browser") if entry["level"] != "INFO")
    return [entry for entry in told if "GL Driver Message" not in entry["message"]]


def _requests(browser: Any) -> list[str]:
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    sent = (item["params"]["request"]["url"] for item in messages if item["method"] == "Network.requestWillBeSent")
    # What comes from the page itself, and what a browser that was just started loads for its own first page.
    return [url for url in sent if not url.startswith(("data:", "chrome:"))]


def _range(browser: Any, axis: str) -> list[float]:
    return browser.execute_script(f"return [...document.querySelector('#fit-0 .plot')._fullLayout.{axis}.range]")


def _hover(browser: Any, figure: str, curve: int, point: int) -> None:
    browser.execute_script(
        "Plotly.Fx.hover(document.querySelector(`#${arguments[0]} .plot`),"
        " [{curveNumber: arguments[1], pointNumber: arguments[2]}])",
        *(figure, curve, point),
    )


def _hovered(browser: Any, figure: str) -> str:
    return browser.execute_script("return document.querySelector(`#${arguments[0]} .hoverlayer`).textContent", figure)


def test_a_large_report_draws_all_points_without_errors_or_requests(browser: Any, large: Path) -> None:
    size = large.stat().st_size
    assert size < 2_500_000
    _open(browser, large)
    assert _complaints(browser) == []
    assert _requests(browser) == [large.as_uri()]
    paints = browser.execute_script("return performance.getEntriesByType('paint').map(e => [e.name, e.startTime])")
    print(
        f"report of 10,000 points and 500 trials: {size / 1e6:.2f} MB,",
        ", ".join(f"{name} after {at:.0f} ms" for name, at in paints),
    )
    assert paints
    traces = browser.execute_script("return document.querySelector('#fit-0 .plot').data.map(t => [t.name, t.x.length])")
    assert [name for name, _ in traces][:5] == ["observed", "background", "calculated", "difference", "difference/σ"]
    assert {name for name, _ in traces[5:]} == {"fluorapatite", "quartz"}
    assert traces[0][1] == 10_000
    drawn = "return document.querySelectorAll('#fit-0 .plot .scatterlayer .point').length"
    assert browser.execute_script(drawn) > 10_000
    trials = browser.execute_script(
        "return document.querySelector('#history .plot').data.filter(t => t.text && !t.name.startsWith('seed'))"
        ".reduce((sum, t) => sum + t.x.length, 0)"
    )
    assert trials == 500
    assert not browser.find_element("id", "status").is_displayed()


def test_figures_show_every_colour(browser: Any, large: Path) -> None:
    _open(browser, large)
    fit = browser.find_element("css selector", "#fit-0 .plot")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", fit)
    kinds = ("observed", "calculated", "difference", "phase0")
    shares = dict(zip(kinds, _ink(browser, fit, *(LIGHT[kind] for kind in kinds)), strict=True))
    print("share of the fit by colour:", {kind: f"{share:.2%}" for kind, share in shares.items()})
    assert min(shares.values()) > 0.0005
    history = browser.find_element("css selector", "#history .plot")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", history)
    assert min(_ink(browser, history, LIGHT["best"], LIGHT["complete"], LIGHT["pruned"])) > 0.0005
    still = browser.find_element("css selector", "figure.picture .still .bar")
    assert still.is_displayed()


def test_the_structure_is_drawn_rotates_and_names_its_atoms(browser: Any, report: Path) -> None:
    from selenium.webdriver import ActionChains

    _open(browser, report, "#structure-0")
    plot = _cell(browser)
    colours = [element_colour(element) for element in ("Ca", "O", "P", "F")]
    before = _ink(browser, plot, *colours)
    print("share of the structure by element:", [f"{share:.2%}" for share in before])
    assert min(before) > 0.0003
    view = "return document.querySelector('#structure-0 canvas')._3dmol_viewer.getView()"
    start, picture = browser.execute_script(view), plot.screenshot_as_base64
    ActionChains(browser).move_to_element(plot).click_and_hold().move_by_offset(140, 60).release().perform()
    _until(lambda: browser.execute_script(view) != start)
    turned = browser.execute_script(view)
    assert turned[4:] != pytest.approx(start[4:], abs=0.05)
    assert turned[:3] == pytest.approx(start[:3])
    assert plot.screenshot_as_base64 != picture
    for name in ("a", "c", "whole"):
        browser.find_element("css selector", f"#structure-0 button[data-move={name}]").click()
    assert browser.execute_script(view) == pytest.approx(start, abs=1e-6)
    browser.find_element("css selector", "#structure-0 button[data-move=in]").click()
    assert browser.execute_script(view)[3] != pytest.approx(start[3])
    browser.find_element("css selector", "#structure-0 button[data-move=whole]").click()
    plot.send_keys("\ue014")  # arrow right
    assert browser.execute_script(view)[4:] != pytest.approx(start[4:], abs=0.01)
    browser.find_element("css selector", "#structure-0 button[data-move=whole]").click()
    ActionChains(browser).move_to_element(plot).move_by_offset(*map(round, browser.execute_script(_ATOM))).perform()
    said = browser.find_element("css selector", "#structure-0 .atom-text")
    assert " Å" in _until(lambda: said.text)
    assert _complaints(browser) == []


def test_without_webgl_the_svg_structure_remains(browser: Any, report: Path) -> None:
    blind = "HTMLCanvasElement.prototype.getContext = function () { return null; };"
    made = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": blind})
    try:
        browser.get_log("browser")
        browser.get(report.as_uri())
        cell = browser.find_element("id", "structure-0")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", cell)
        _until(lambda: "no WebGL" in browser.find_element("id", "status").text)
        still = cell.find_element("css selector", ".still svg")
        assert still.is_displayed()
        assert not cell.find_element("css selector", ".controls").is_displayed()
        assert _complaints(browser) == []
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": made["identifier"]})


def test_text_and_svg_figures_need_no_script(browser: Any, report: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.html"
    still.write_text(report.read_text(encoding="utf-8").replace("DecompressionStream", "AbsentStream"))
    # The policy now refuses the changed script: the page is as in a browser without scripts.
    browser.get(still.as_uri())
    assert browser.find_element("css selector", "#fit-0 .still svg").is_displayed()
    assert browser.find_element("css selector", "#history .still svg").is_displayed()
    assert browser.find_element("css selector", "#structure-0 .still svg").is_displayed()
    assert not browser.find_element("css selector", "#fit-0 .controls").is_displayed()
    assert "GoF" in browser.find_element("tag name", "body").text
    assert any("Content Security Policy" in entry["message"] for entry in _complaints(browser))


def test_zoom_by_dragging_rescales_the_other_panels(browser: Any, report: Path) -> None:
    from selenium.webdriver import ActionChains

    _open(browser, report, "#fit-0")
    plot = browser.find_element("css selector", "#fit-0 .plot")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    before = _range(browser, "yaxis3")
    drag = browser.find_element("css selector", "#fit-0 .plot .xy .nsewdrag, #fit-0 .plot .nsewdrag[data-subplot=xy]")
    ActionChains(browser).move_to_element_with_offset(drag, 150, 0).click_and_hold().move_by_offset(
        200, 3
    ).release().perform()
    _until(lambda: _range(browser, "xaxis")[1] < 120)
    low, high = _range(browser, "xaxis")
    assert 70 < low < high < 120
    _until(lambda: _range(browser, "yaxis3") != before)
    assert _range(browser, "yaxis")[1] < 3000
    browser.find_element("css selector", "#fit-0 button[data-move=whole]").click()
    _until(lambda: _range(browser, "xaxis") == [15, 130])
    assert _complaints(browser) == []


def test_zoom_by_the_library_by_buttons_and_by_keys(browser: Any, report: Path) -> None:
    _open(browser, report, "#fit-0")
    browser.execute_script(
        "Plotly.relayout(document.querySelector('#fit-0 .plot'), {'xaxis.range[0]': 100, 'xaxis.range[1]': 110})"
    )
    _until(lambda: _range(browser, "yaxis")[1] < 2000)
    assert _range(browser, "xaxis") == [100, 110]
    browser.find_element("css selector", "#fit-0 button[data-move=in]").click()
    _until(lambda: _range(browser, "xaxis") == pytest.approx([102, 108]))
    plot = browser.find_element("css selector", "#fit-0 .plot")
    plot.send_keys("\ue014")  # arrow right
    _until(lambda: _range(browser, "xaxis")[0] == pytest.approx(103.8))
    plot.send_keys("-")
    _until(lambda: _range(browser, "xaxis")[0] < 102)
    plot.send_keys("0")
    _until(lambda: _range(browser, "xaxis") == [15, 130])
    plot.send_keys("\ue012")  # arrow left, at the end already
    assert _range(browser, "xaxis") == [15, 130]


def test_scale_switch_keeps_the_displayed_values(browser: Any, report: Path) -> None:
    _open(browser, report, "#fit-0")
    first = "const t = document.querySelector('#fit-0 .plot').data[0]; return [t.y[500], t.customdata[500]]"
    y, value = browser.execute_script(first)
    assert y == value
    browser.find_element("css selector", "#fit-0 input[value=sqrt]").click()
    _until(lambda: browser.execute_script(first)[0] != y)
    rooted, value_then = browser.execute_script(first)
    assert (rooted**2, value_then) == (pytest.approx(value), value)
    ticks = browser.execute_script("return document.querySelector('#fit-0 .plot').layout.yaxis.ticktext")
    assert "10\u202f000" in ticks
    assert "0" in ticks
    browser.find_element("css selector", "#fit-0 input[value=log]").click()
    _until(lambda: browser.execute_script("return document.querySelector('#fit-0 .plot').layout.yaxis.type") == "log")
    assert _complaints(browser) == []


def test_hover_names_the_reflection(browser: Any, report: Path) -> None:
    _open(browser, report, "#fit-0")
    text = browser.execute_script("return document.querySelector('#fit-0 .plot').data[5].text[0]")
    assert text.startswith("fluorapatite 0 1 0, 10.8")
    browser.execute_script(
        "Plotly.Fx.hover(document.querySelector('#fit-0 .plot'), [{curveNumber: 5, pointNumber: 20}])"
    )
    shown = "return document.querySelector('#fit-0 .hoverlayer').textContent"
    _until(lambda: "fluorapatite" in browser.execute_script(shown))


def test_names_are_shown_as_they_are(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.support.expected_conditions import alert_is_present

    summary = write_run(tmp_path, points=500, name=EVIL, phase=EVIL, histograms=(EVIL,))
    for item in summary["history"]:
        item["origin"] = EVIL
    for site in summary["structure"][0]["sites"]:
        site["label"] = EVIL
    summary["structure"][0]["sites"].append(
        {"label": EVIL, "element": EVIL, "x": 0.1, "y": 0.2, "z": 0.3, "occupancy": 0.5, "uiso": 0.01}
    )
    summary["by_hand"] = [{"name": EVIL, "trial": 0, "rwp": summary["rwp"] + 0.5}]
    share = {"name": EVIL, "choices": [EVIL], "share": 1.0, "chance": 0.5}
    summary["importances"] = {"trials": 40, "note": "", "items": [share]}
    summary["recipe"]["name"] = summary["project_file"] = summary["command"] = EVIL
    (tmp_path / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    report = write_report(tmp_path, figures=("svg",) if importlib.util.find_spec("matplotlib") else ())
    _open(browser, report)
    assert browser.execute_script("return window.hurt") is None
    assert EVIL in browser.title
    # Not by Selenium's text, which leaves marks of direction out.
    content = "return document.querySelector(arguments[0]).textContent"
    assert browser.execute_script(content, "h1") == EVIL
    legend = browser.execute_script("return document.querySelector('#fit-0 .legend').textContent")
    assert EVIL in legend
    for point in (0, 5):
        _hover(browser, "history", 1, point)
        _until(lambda: EVIL in _hovered(browser, "history"))
    plot = _cell(browser)
    ActionChains(browser).move_to_element(plot).move_by_offset(*map(round, browser.execute_script(_ATOM))).perform()
    assert EVIL in _until(lambda: browser.execute_script(content, "#structure-0 .atom-text"))
    labels = "return document.querySelector('#structure-0 canvas')._3dmol_viewer.labels.map((label) => label.text)"
    assert EVIL in browser.execute_script(labels)
    assert EVIL[:30] in browser.execute_script("return document.querySelector('#history .plot').textContent")
    assert browser.execute_script("return window.hurt") is None
    assert browser.execute_script("return document.querySelectorAll('img, b, a[href^=javascript]').length") == 0
    assert not alert_is_present()(browser)
    assert _complaints(browser) == []
    assert _requests(browser) == [report.as_uri()]
    for file in sorted(tmp_path.glob("*.svg")):
        browser.get(file.as_uri())
        assert browser.execute_script("return document.documentElement.localName") == "svg"
        assert browser.execute_script("return window.hurt") is None
        assert browser.execute_script("return document.querySelectorAll('script, img, a, b').length") == 0
        assert "<script>window.hurt=1" in browser.execute_script("return document.documentElement.textContent")
        assert not alert_is_present()(browser)
    browser.get_log("browser")


def test_dark_and_print(browser: Any, report: Path) -> None:
    def media(kind: str, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})

    ground = "return document.querySelector('#fit-0 .plot').layout.paper_bgcolor"
    _open(browser, report, "#fit-0")
    try:
        light = browser.execute_script(ground)
        media("screen", "dark")
        _until(lambda: browser.execute_script(ground) != light)
        media("print", "dark")
        assert browser.find_element("css selector", "#fit-0 .still svg").is_displayed()
        assert not browser.find_element("css selector", "#fit-0 .plot").is_displayed()
        paper = "return getComputedStyle(document.documentElement).backgroundColor"
        assert browser.execute_script(paper) == "rgb(255, 255, 255)"
    finally:
        media("", "light")


def test_an_unusable_run_and_a_narrow_window(browser: Any, tmp_path: Path) -> None:
    write_run(tmp_path, trials=20, usable=False)
    browser.set_window_size(500, 900)
    try:
        _open(browser, write_report(tmp_path))
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
        assert _complaints(browser) == []
    finally:
        browser.set_window_size(1200, 950)


@pytest.mark.slow
def test_a_synchrotron_pattern_can_be_zoomed(browser: Any, tmp_path: Path) -> None:
    write_run(tmp_path, points=80_000, trials=100)
    report = write_report(tmp_path)
    assert report.stat().st_size < 2_500_000
    _open(browser, report)
    count = "return document.querySelector('#fit-0 .plot').data[0].x.length"
    assert 1000 < browser.execute_script(count) < 12_000
    browser.execute_script("Plotly.relayout(document.querySelector('#fit-0 .plot'), {'xaxis.range': [30, 33]})")
    _until(lambda: browser.execute_script(count) in range(2000, 5000))
    assert _complaints(browser) == []

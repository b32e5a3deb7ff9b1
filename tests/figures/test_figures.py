"""The SVG figures."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autogsas.figures import fit_svg, fits_svg, history_svg
from autogsas.figures.axes import Axis, Scale, round_ticks, tick_labels
from autogsas.figures.fit import Caption
from autogsas.figures.history import describe_history, rwp_window
from autogsas.figures.palette import DARK, LIGHT
from autogsas.figures.thinning import outline, spots
from autogsas.runfolder.reader import Attempt, ByHand, Marks, Profile, RunData, read_run
from tests.runs import write_run

SVG = "{http://www.w3.org/2000/svg}"
FINITE = st.floats(-1e6, 1e6)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, points=1200, trials=30, excluded=((60.0, 63.0),), second_phase="quartz")
    return read_run(folder)


def _paths(svg: str, name: str) -> list[ET.Element]:
    return [item for item in ET.fromstring(svg).iter(f"{SVG}path") if name in item.get("class", "").split()]


def _texts(svg: str) -> list[str]:
    return [item.text or "" for item in ET.fromstring(svg).iter(f"{SVG}text")]


def _sound(svg: str) -> None:
    places = ("d", "x", "y", "cx", "cy", "width", "height", "transform")
    for item in ET.fromstring(svg).iter():
        assert not re.search(
            r"nan|inf|--|[eE]",
            "".join(item.get(name, "") for name in places).replace("rotate", "").replace("translate", ""),
        )


@pytest.mark.parametrize("scale", ["linear", "sqrt", "log"])
def test_a_fit_has_curves_marks_and_labels(run: RunData, scale: Scale) -> None:
    caption = Caption("Apatite", 9.137, True, ((60.0, 63.0),))
    svg = fit_svg(run.profiles[0], run.marks, caption, scale=scale)
    texts = _texts(svg)
    for wanted in ("Apatite", "Rwp 9.14 %", "2θ (°)", "Intensity (counts)", "Difference", "fluorapatite", "quartz"):
        assert wanted in texts
    for curve in ("observed", "calculated", "background", "difference"):
        assert max(len(path.get("d", "")) for path in _paths(svg, curve)) > 5000
    marks = "".join(path.get("d", "") for path in _paths(svg, "phase0"))
    assert marks.count("M") > 50
    _sound(svg)
    shades = [item for item in ET.fromstring(svg).iter(f"{SVG}rect") if item.get("class") == "shade"]
    widths = [float(item.get("width", "0")) for item in shades]
    assert max(widths) == pytest.approx(3.0 / 115.0 * (960 - 78 - 14), abs=0.2)


def test_deviations_add_a_panel(run: RunData) -> None:
    assert "Diff./σ" in _texts(fit_svg(run.profiles[0], run.marks, deviations=True))
    assert "Diff./σ" not in _texts(fit_svg(run.profiles[0], run.marks))


def test_difference_is_drawn_to_the_scale_of_the_pattern(run: RunData) -> None:
    profile = run.profiles[0]
    off = Profile(
        profile.histogram,
        profile.two_theta,
        profile.observed,
        0.6 * profile.observed,
        profile.background,
        np.ones_like(profile.observed),
    )
    svg = fit_svg(off)

    def reach(name: str) -> float:
        curve = max((path.get("d", "") for path in _paths(svg, name)), key=len)
        places: list[float] = []
        for command, place in re.findall(r"([Ml])[-\d.]+ ([-\d.]+)", curve):
            places.append(float(place) + (places[-1] if command == "l" else 0.0))
        return max(places) - min(places)

    calculated, difference = np.ptp(off.calculated), np.ptp(off.difference)
    assert reach("difference") / reach("calculated") == pytest.approx(difference / calculated, rel=0.06)


@pytest.mark.parametrize("histograms", [1, 3])
def test_long_noisy_patterns_stay_small(histograms: int) -> None:
    random = np.random.default_rng(0)
    x = np.linspace(1, 150, 100_000)
    y = random.uniform(0, 1e5, x.size)
    profile = Profile("h", x, y, random.uniform(0, 1e5, x.size), random.uniform(0, 1e5, x.size), np.ones_like(x))
    svg = fits_svg([(profile, (), Caption())] * histograms, deviations=histograms == 1)
    assert len(svg.encode()) < 200_000 * histograms
    assert len(fit_svg(profile).encode()) < 200_000


@pytest.mark.parametrize("scale", ["linear", "sqrt", "log"])
@pytest.mark.parametrize(
    "observed",
    [[], [5.0], [0.0, 0.0, 0.0], [math.nan, math.nan], [-3.0, 2.0, 8.0, math.nan, 4.0], [7.0, 7.0]],
    ids=["none", "one", "zeros", "missing", "negative", "flat"],
)
def test_degenerate_patterns_can_be_drawn(observed: list[float], scale: Scale) -> None:
    y = np.array(observed)
    profile = Profile("h", np.arange(float(y.size)), y, y, y, np.ones_like(y))
    marks = Marks("h", "p", np.zeros((1, 3), dtype=np.int64), np.ones(1), np.array([400.0]))
    svg = fit_svg(profile, [marks], Caption(rwp=None), scale=scale, deviations=True)
    _sound(svg)


def test_names_are_shown_as_text(run: RunData) -> None:
    name = "<script>alert(1)</script>\"'&\x01 Ünï 磷灰石"
    profile = run.profiles[0]
    marks = [Marks(profile.histogram, name, mark.hkl, mark.d, mark.two_theta) for mark in run.marks]
    svg = fit_svg(profile, marks, Caption(title=name))
    root = ET.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert name.replace("\x01", "\ufffd") in _texts(svg)


def _attempt(number: int, state: str, rwp: float | None, best: float | None = None, origin: str = "search") -> Attempt:
    return Attempt(number, state, origin, rwp, best, 20, 1.0)


def test_history_marks_every_trial_by_its_state(run: RunData) -> None:
    svg = history_svg(run.history, title="Apatite")
    drawn = sum(len(_paths(svg, state)) for state in ("complete", "infeasible", "pruned", "failed"))
    legend = len({item.state for item in run.history})
    assert drawn == len(run.history) + legend
    rings = list(ET.fromstring(svg).iter(f"{SVG}circle"))
    assert len(rings) == sum(item.seeded for item in run.history) + 1
    assert "Apatite" in _texts(svg)


def test_a_false_minimum_does_not_set_the_range() -> None:
    history = [_attempt(i, "complete", 9.0 + 0.1 * i) for i in range(20)] + [_attempt(20, "complete", 60.0)]
    low, high = rwp_window(history)
    assert low < 9.0
    assert 10.0 < high < 15.0
    assert "above" in _texts(history_svg(history))


@pytest.mark.parametrize("rwps", [[], [None], [9.0], [9.0, 9.0, 9.0], [0.0]])
def test_short_histories_can_be_drawn(rwps: list[float | None]) -> None:
    svg = history_svg([_attempt(i, "complete" if rwp else "failed", rwp, rwp) for i, rwp in enumerate(rwps)])
    _sound(svg)


def test_best_line_falls_in_steps() -> None:
    history = [
        _attempt(0, "complete", 12.0, 12.0),
        _attempt(1, "complete", 10.0, 10.0),
        _attempt(2, "failed", None, 10.0),
    ]
    (line,) = [path for path in _paths(history_svg(history), "best") if path.get("d", "").count("H") > 1]
    assert line.get("d", "").count("V") == 1


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 12))
def test_round_ticks_are_round_and_inside(low: float, span: float, room: int) -> None:
    high = low + span
    ticks = round_ticks(low, high, room)
    slack = 1e-6 * max(span, abs(low) * 1e-9)
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert len(ticks) <= 1.4 * room + 2
    assert len(set(tick_labels(ticks))) == len(ticks) or span < 1e-4 * abs(low)


def test_ticks_of_each_scale() -> None:
    assert Axis(0.0, 1.0, 0.0, 300.0).ticks() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert Axis(0.0, 11000.0, 380.0, 0.0, "sqrt").ticks() == [0.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0]
    assert Axis(8.0, 12000.0, 380.0, 0.0, "log").ticks()[0] == 10.0
    assert tick_labels([0.0, 5000.0, 10000.0]) == ["0", "5\u202f000", "10\u202f000"]
    assert tick_labels([-0.5, 0.0, 0.5]) == ["−0.5", "0.0", "0.5"]


@pytest.mark.parametrize("scale", ["linear", "sqrt", "log"])
def test_an_axis_runs_from_start_to_end(scale: Scale) -> None:
    axis = Axis(2.0, 50.0, 300.0, 10.0, scale)
    assert [axis.at(2.0), axis.at(50.0)] == pytest.approx([300.0, 10.0])
    assert np.all(np.diff(axis.place(np.linspace(2, 50, 40))) < 0)


@given(hnp.arrays(np.float64, st.integers(0, 400), elements=st.one_of(FINITE, st.just(math.nan))), st.integers(1, 40))
def test_an_outline_keeps_ends_and_extremes_of_each_column(y: np.ndarray, columns: int) -> None:
    x = np.linspace(0.0, columns, y.size)
    chosen = outline(x, y)
    assert np.all(np.diff(chosen) > 0)
    if np.isfinite(y).any():
        assert np.nanmin(y[chosen]) == np.nanmin(y)
        assert np.nanmax(y[chosen]) == np.nanmax(y)
    for column in range(columns):
        inside = (np.floor(x) == column) & np.isfinite(y)
        if inside.any():
            kept = chosen[np.isfinite(y[chosen]) & (np.floor(x[chosen]) == column)]
            assert y[kept].min() == y[inside].min()
            assert y[kept].max() == y[inside].max()
    # A gap stays a gap.
    for left, right in itertools.pairwise(chosen):
        if np.isfinite(y[left]) and np.isfinite(y[right]):
            assert np.isfinite(y[left : right + 1]).all()


def test_an_outline_of_many_points_is_short() -> None:
    y = np.random.default_rng(1).normal(size=100_000)
    assert outline(np.linspace(0, 800, y.size), y).size <= 4 * 801


@given(hnp.arrays(np.float64, st.integers(0, 300), elements=st.floats(0, 50)), st.integers(5, 100))
def test_thinned_points_cover_the_scatter_plot(y: np.ndarray, most: int) -> None:
    x = np.linspace(0.0, 20.0, y.size)
    chosen = spots(x, y, 1.0, most)
    assert chosen.size <= most
    assert len(set(chosen.tolist())) == chosen.size
    if y.size:
        assert chosen.size >= 1
    if most == 100 and y.size and chosen.size < most // 2:
        cells = {(math.floor(a), math.floor(b)) for a, b in zip(x, y, strict=True)}
        assert len(cells) >= chosen.size


def test_svg_files_are_self_contained(run: RunData, tmp_path: Path) -> None:
    svg = fit_svg(run.profiles[0], run.marks)
    root = ET.fromstring(svg)
    assert root.get("width") == "960"
    assert root.find(f"{SVG}title") is not None
    assert root.find(f"{SVG}desc") is not None
    assert "var(" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def _contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (W3C, WCAG 2.2, definition of contrast ratio)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_have_contrast_with_the_paper(palette: dict[str, str]) -> None:
    for name in ("ink", "muted"):
        assert _contrast(palette[name], palette["paper"]) >= 4.5
    for name in set(palette) - {"paper", "grid"}:
        assert _contrast(palette[name], palette["paper"]) >= 3.0, name


def test_refinements_made_by_hand_are_lines_and_described() -> None:
    history = [_attempt(i, "complete", 9.0 - i, 9.0 - i) for i in range(3)]
    hands = (ByHand("mine", 0, 12.0), ByHand("old", None, 7.0), ByHand("lower", 1, 6.5))
    svg = history_svg(history, by_hand=hands)
    lines = [path.get("d", "") for path in _paths(svg, "hand")]
    assert len(lines) == 3
    places = [float(line.split("H")[0].split()[1]) for line in lines]
    assert places[0] < places[1] < places[2]  # 12 above 7 above 6.5, and all of them in the frame
    assert {"by hand: mine: 12.00 %", "old as given: 7.00 %", "by hand: lower: 6.50 %"} <= set(_texts(svg))
    text = describe_history(history, hands)
    assert "“mine”, made by hand, has Rwp 12.00 %; the best trial is 5.00 lower." in text
    assert "The refinement stored in old has Rwp 7.00 %, the same as the best trial." in text
    assert "“lower”, made by hand, has Rwp 6.50 %; the best trial is 0.50 higher." in text
    low, high = rwp_window(history, hands)
    assert low < 6.5 < 12.0 < high

"""The bar chart of the amounts of phases."""

from __future__ import annotations

import re

import pytest

from autogsas.figures.fractions import describe_fractions, draw_fractions
from autogsas.model.quantification import PhaseAmount, Quantification, Share

FOUND = Quantification(
    "data", (PhaseAmount("quartz", Share(0.314, 0.002)), PhaseAmount("rutile <i>", Share(0.686, 0.002)))
)


def bars(found: Quantification) -> list[float]:
    body = draw_fractions(found, 640.0).body()
    return [float(width) for width in re.findall(r'<rect class="bar"[^>]* width="([0-9.]+)"', body)]


def test_bars_are_as_long_as_the_shares() -> None:
    first, second = bars(FOUND)
    assert first / second == pytest.approx(0.314 / 0.686, rel=1e-3)


def test_the_values_are_written_with_their_esds() -> None:
    body = draw_fractions(FOUND, 640.0).body()
    assert "31.4(2)" in body
    assert "rutile &lt;i&gt;" in body
    assert describe_fractions(FOUND) == (
        "quartz 31.4(2), rutile <i> 68.6(2) % by mass of the crystalline phases in the model."
    )


def test_everything_stays_inside_the_drawing() -> None:
    wild = Quantification("data", (PhaseAmount("a", Share(1.7, 0.4)), PhaseAmount("b", Share(-0.7, 0.4))))
    for found in (FOUND, wild):
        drawing = draw_fractions(found, 640.0)
        for x, width in re.findall(r'<rect [^>]*x="(-?[0-9.]+)"[^>]* width="([0-9.]+)"', drawing.body()):
            assert 0 <= float(x) <= float(x) + float(width) <= drawing.width


def test_no_esd_is_two_decimals_and_no_line() -> None:
    found = Quantification("data", (PhaseAmount("a", Share(0.25)), PhaseAmount("b", Share(0.75))))
    body = draw_fractions(found, 640.0).body()
    assert "25.00" in body
    assert "label-line" not in body

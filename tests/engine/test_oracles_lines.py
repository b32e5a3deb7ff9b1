"""Single lines against GSAS-II's profile function, with its own sum for axial divergence."""

from __future__ import annotations

import numpy as np
import pytest

from ..oracles import engine, plain

LINES = plain.entries("lines")


@pytest.mark.parametrize("name", LINES)
def test_lines(name: str) -> None:
    """Within 0.5 % of the line's height at every point, out to forty widths."""
    entry = LINES[name]
    off = {}
    for line in entry["lines"]:
        x = line["position"] + np.array(line["offset"])
        found = engine.line(line["position"], entry["sig"], entry["gam"], entry["shl"], x)
        expected = np.array(line["value"])
        off[line["position"]] = float(np.max(np.abs(found - expected)) / expected.max())
    assert {position: round(100 * value, 2) for position, value in off.items() if not value < 0.005} == {}

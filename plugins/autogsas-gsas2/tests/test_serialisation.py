"""Messages are read as they were written, and other lines are refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autogsas_gsas2 import protocol, serialisation

_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(_plain)
def test_plain_values_are_read_back(value: Any) -> None:
    record = protocol.RefinementRecord("a step", [protocol.Change(["a", 0], value)], [protocol.LeastSquares(3, 1e-3)])
    sent = protocol.Saved([record], ["h"], ["p"], [["v"]], {"x": protocol.VariableLimits(0.002)})
    assert serialisation.decode(serialisation.encode(sent)) == sent


@given(arrays.arrays(np.float64, arrays.array_shapes(max_dims=2, min_side=0, max_side=6)))
def test_arrays_are_read_back_to_the_bit(array: Any) -> None:
    sent = protocol.PhaseData("p", "cif", ["A"], array)
    got = serialisation.decode(serialisation.encode(sent)).images
    assert got.shape == array.shape
    assert got.tobytes() == array.tobytes()
    assert got.flags.writeable


def test_nan_and_infinity_are_read_back() -> None:
    report = protocol.StepReport(False, 1, 2, math.nan, math.inf, [], [], "")
    again = serialisation.decode(serialisation.encode(report))
    assert math.isnan(again.rwp)
    assert again.shift_esd == math.inf


def test_messages_can_contain_messages() -> None:
    backgrounds = {"h": protocol.BackgroundData("cosine", 3, True)}
    step = protocol.StepData("t", {"h": [1.0, 2.0]}, backgrounds, [], [protocol.GroupSelection("cell")], [], 4)
    assert serialisation.decode(serialisation.encode(protocol.Refine(step))) == protocol.Refine(step)


def test_a_message_is_one_line() -> None:
    line = serialisation.encode(protocol.Failed("cause", "two\nlines\r", "trace\u2028back"))
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"Refinement successful\n",
        b"{}\n",
        b'{"type": "Nonsense", "fields": {}}\n',
        b"\xff\xfe\n",
        b'{"type": "Close", "fields": {"more": 1}}\n',
        b'{"type": "Failed", "fields": {}}\n',
        b'{"type": ["Close"], "fields": {}}\n',
        b'{"array": "AAAA", "shape": [1]}\n',
        b'{"array": "*", "shape": [0]}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_other_lines_are_refused(line: bytes) -> None:
    with pytest.raises(serialisation.ProtocolError):
        serialisation.decode(line)


def test_a_value_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        serialisation.encode(protocol.Failed("cause", 1j))  # type: ignore[arg-type]

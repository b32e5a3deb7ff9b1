"""Numbers for people."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.text.formatting import MISSING, count, duration, general, interval, percent, plain_with_esd, with_esd


@pytest.mark.parametrize(
    ("value", "esd", "text"),
    [
        (10.602371, 0.00014, "10.60237(14)"),
        (10.602371, 0.00024, "10.6024(2)"),
        (10.602371, 0.0001, "10.60237(10)"),
        (0.33333, 0.0194, "0.333(19)"),
        (0.33333, 0.0195, "0.33(2)"),
        (0.33333, 0.0199, "0.33(2)"),
        (0.33333, 0.096, "0.33(10)"),
        (-3.621, 0.44, "-3.6(4)"),
        (-0.0003, 0.02, "0.00(2)"),
        (14.732, 3.1, "15(3)"),
        (-113.4, 12.0, "-113(12)"),
        (12345.6, 678.0, "12300(700)"),
        (12345.6, 1500.0, "12300(1500)"),
        (5.0, 40.0, "0(40)"),
        (1.2034e-9, 3e-11, "1.20(3)e-9"),
        (4.2e12, 1.1e10, "4.200(11)e12"),
        (0.0, 0.001, "0.0000(10)"),
        (9.397, None, "9.397"),
        (9.397, 0.0, "9.397"),
        (9.397, -1.0, "9.397"),
        (9.397, math.nan, "9.397"),
        (9.397, math.inf, "9.397"),
        (None, 0.1, MISSING),
        (math.nan, 0.1, MISSING),
        (math.inf, 0.1, MISSING),
    ],
)
def test_value_with_esd(value: float | None, esd: float | None, text: str) -> None:
    assert with_esd(value, esd) == text


def _read(text: str) -> tuple[float, float, int]:
    """What a reader of CIF numbers makes of it: value, esd, and the digits of the esd as written."""
    match = re.fullmatch(r"(-?\d+(?:\.(\d+))?)\((\d+)\)(?:e(-?\d+))?", text)
    assert match is not None, text
    power = 10.0 ** int(match[4] or 0)
    return float(match[1]) * power, int(match[3]) * 10.0 ** -len(match[2] or "") * power, int(match[3])


@given(
    value=st.floats(-1e12, 1e12, allow_subnormal=False),
    esd=st.floats(1e-12, 1e10, allow_subnormal=False),
)
def test_reading_back_gives_value_and_esd_within_rounding(value: float, esd: float) -> None:
    read_value, read_esd, digits = _read(with_esd(value, esd))
    # The unit of the last digit is at most esd/1.95, so rounding moves neither by more than esd/3.9, bar binary dust.
    assert abs(read_value - value) <= esd / 3.9 + 1e-9 * abs(value)
    assert abs(read_esd - esd) <= esd / 3.9 * (1 + 1e-9)
    assert digits >= 2


@given(value=st.floats(-100, 100), esd=st.floats(1e-6, 1.9))
def test_rule_of_nineteen(value: float, esd: float) -> None:
    _, _, digits = _read(with_esd(value, esd))
    assert 2 <= digits <= 19


@given(value=st.floats(-100, 100), esd=st.floats(1e-6, 10))
def test_sign_is_only_a_sign(value: float, esd: float) -> None:
    assert with_esd(-value, esd).removeprefix("-") == with_esd(value, esd).removeprefix("-")


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_general_keeps_six_digits(value: float) -> None:
    assert float(general(value)) == pytest.approx(value, rel=5.1e-6, abs=0)


def test_general() -> None:
    shown = [general(value) for value in (90.0, 0.25, 1 / 3, -0.0, 1e-9, 2.5e14, 123456.7, None, math.nan)]
    assert shown == ["90", "0.25", "0.333333", "0", "1e-9", "2.5e14", "123457", MISSING, MISSING]


def test_the_small_ones() -> None:
    assert [percent(9.1372), percent(None), percent(math.inf)] == ["9.14", MISSING, MISSING]
    assert [count(5751), count(None)] == ["5751", MISSING]
    times = [duration(value) for value in (0.0, 0.842, 9.96, 59.6, 187.0, 3599.8, 7260.0, None)]
    assert times == ["0 s", "0.84 s", "10 s", "1 min 00 s", "3 min 07 s", "1 h 00 min", "2 h 01 min", MISSING]
    assert [interval((15.0, 130.0)), interval(None)] == ["15 to 130°", MISSING]


@pytest.mark.parametrize(
    ("value", "esd", "text"),
    [
        (10.60240, 1.96e-4, "10.6024(2)"),
        (10.60241, 1.4e-4, "10.60241(14)"),
        (1.0, 0.00951, "1.000(10)"),
        (0.01, 0.3, "0.0(3)"),
        (-0.0001, 0.0004, "-0.0001(4)"),
        (1.2e-9, 3e-11, "0.00000000120(3)"),
        (12345.0, 700.0, "12300(700)"),
        (1 / 3, 0.0, "0.333333"),
        (1e-7, None, "0.0000001"),
        (90.0, math.nan, "90"),
        (-0.0, None, "0"),
        (1234567.0, None, "1234570"),
    ],
)
def test_plain_numbers_have_no_power_of_ten(value: float, esd: float | None, text: str) -> None:
    assert plain_with_esd(value, esd) == text

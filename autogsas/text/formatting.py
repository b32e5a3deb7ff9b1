"""Numbers as text for people, so that terminal, report and tables show the same digits."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

__all__ = [
    "MISSING",
    "count",
    "duration",
    "general",
    "interval",
    "percent",
    "plain_with_esd",
    "weight_percent",
    "with_esd",
]

MISSING = "–"

# Outside these decimal exponents a plain decimal number is mostly zeros.
_SMALLEST, _LARGEST = -6, 9


def _usable(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def general(value: float | None, digits: int = 6) -> str:
    """Return a number with ``digits`` significant digits, no trailing zeros; a dash for None, NaN and infinity."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if _SMALLEST <= exponent <= _LARGEST:
        text = f"{Decimal(f'{mantissa}e{exponent}'):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{exponent}"


def percent(value: float | None, decimals: int = 2) -> str:
    """Return an R factor (already in per cent) or a goodness of fit with fixed decimals; a dash for no value."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.{decimals}f}"


def count(value: float | None) -> str:
    """Return a whole number; a dash for no value."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.0f}"


def counted(number: int, noun: str) -> str:
    """Return a number of things with the noun in singular or plural."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def severity_name(severity: str) -> str:
    """Return the severity of a finding as people read it: "note" for "info"."""
    return "note" if severity == "info" else severity


def duration(seconds: float | None) -> str:
    """Return a duration in seconds as text: "0.84 s", "42 s", "3 min 07 s", "1 h 02 min"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.2g} s" if seconds >= 0.001 else "0 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def interval(limits: tuple[float, float] | list[float] | None, unit: str = "°") -> str:
    """Return a range such as "15 to 130°"; a dash for no range."""
    if not limits or not all(_usable(end) for end in limits):
        return MISSING
    return f"{general(limits[0])} to {general(limits[1])}{unit}"


def with_esd(value: float | None, esd: float | None) -> str:
    """Return a value with its esd in parentheses, in units of the last digit: 10.60240(14), 0.0123(2).

    The esd follows the rule of 19: two digits from 10 to 19, else one digit from 2 to 9 (IUCr, Notes for Authors
    of Acta Cryst. C). An esd of 20 or more is rounded to its first digit, and so is the value: 12300(700). Very small
    and very large values have a power of ten after the parentheses: 1.20(3)e-9; CIF does not allow that (see
    `plain_with_esd`). Without parentheses if the esd is None, zero, negative or not finite: the value was not refined.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if esd is None or not math.isfinite(esd) or esd <= 0:
        return general(value)
    number, error = Decimal(repr(float(value))), Decimal(repr(float(esd)))
    digit = _last_digit(error)
    number, error = _rounded(number, digit), _rounded(error, digit)
    magnitude = max(number.adjusted() if number else digit, error.adjusted())
    if magnitude < _SMALLEST + 1 or magnitude > _LARGEST:
        return f"{_in_parentheses(number.scaleb(-magnitude), error.scaleb(-magnitude), digit - magnitude)}e{magnitude}"
    return _in_parentheses(number, error, digit)


def weight_percent(fraction: float, esd: float | None) -> str:
    """Return a mass fraction in per cent with its esd in parentheses; with two decimals if it has no esd."""
    return percent(100.0 * fraction) if esd is None else with_esd(100.0 * fraction, 100.0 * esd)


def plain_with_esd(value: float, esd: float | None = None, digits: int = 6) -> str:
    """Return a finite value with its esd in parentheses as a plain decimal number: 0.0000000012(3).

    The esd as in `with_esd`; without one, ``digits`` significant digits without trailing zeros. For files that allow
    no power of ten after the parentheses.
    """
    if esd is None or not math.isfinite(esd) or esd <= 0:
        text = f"{Decimal(f'{value:.{digits - 1}e}'):f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    error = Decimal(repr(float(esd)))
    digit = _last_digit(error)
    return _in_parentheses(_rounded(Decimal(repr(float(value))), digit), _rounded(error, digit), digit)


def _last_digit(error: Decimal) -> int:
    """Return the power of ten of the last digit that the rule of 19 keeps."""
    two = error.adjusted() - 1
    if _rounded(error, two).scaleb(-two) <= 19:
        return two
    return error.adjusted()


def _rounded(number: Decimal, digit: int) -> Decimal:
    # Scaling keeps all digits of a large number; quantize has a limit of 28 digits.
    return Decimal(int(number.scaleb(-digit).to_integral_value(ROUND_HALF_EVEN))).scaleb(digit)


def _in_parentheses(number: Decimal, error: Decimal, digit: int) -> str:
    decimals = max(0, -digit)
    text = f"{number:.{decimals}f}"
    if not number:
        text = text.removeprefix("-")
    return f"{text}({error.scaleb(decimals):.0f})"

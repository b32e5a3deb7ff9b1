"""Sizes and strains that the pattern cannot tell from none are noted; those that it shows are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.builtin.checks.beyond_instrument import autogsas_check_result
from autogsas.model.result import Finding, Parameter, Severity
from tests.builtin.checks.test_checks import METRICS, made, reflections


def noted(size: float, esd: float | None, strain: float = 900.0, strain_esd: float | None = 50.0) -> list[Finding]:
    """Peaks of 0.1 degrees at 60 degrees 2theta, by 1.5405 Angstrom."""
    marks = replace(reflections(0.1), two_theta=np.full(20, 60.0))
    sample, result = made(peaks=marks)
    kept = tuple(p for p in result.parameters if p.group not in ("size", "strain"))
    own = (
        Parameter("fluorite:data:size", size, esd, "µm", "size", "fluorite", "data"),
        Parameter("fluorite:data:strain", strain, strain_esd, "1e-6", "strain", "fluorite", "data"),
    )
    findings = autogsas_check_result(sample, replace(result, parameters=kept + own), METRICS)
    assert all(finding.severity is Severity.INFO for finding in findings)
    return findings


def codes(size: float, esd: float | None, strain: float = 900.0, strain_esd: float | None = 50.0) -> list[str]:
    return [finding.code for finding in noted(size, esd, strain, strain_esd)]


@pytest.mark.parametrize(
    ("size", "esd", "found"),
    [
        # 1.8 lambda / (pi L cos(theta)) centidegree: 0.0102 degrees for 1 micrometre, a tenth of the width.
        (1.0, 0.1, []),
        (3.3, 0.3, []),
        (3.5, 0.3, ["size-beyond-instrument"]),
        (1.0, 0.6, ["size-beyond-instrument"]),
        (9.0, None, []),
    ],
)
def test_a_size_is_compared_with_the_width(size: float, esd: float | None, found: list[str]) -> None:
    assert codes(size, esd) == found


def test_an_uncertain_size_that_makes_much_of_the_width_is_not_called_large() -> None:
    (finding,) = noted(0.2, 0.12)  # half of the width
    assert finding.code == "size-beyond-instrument"
    assert finding.message.endswith("the size is not determined")
    assert "0.20(12) µm" in finding.message
    assert "up to 51.0 % of their width" in finding.message
    for size, esd in ((3.5, 0.3), (10.0, 6.0)):
        (finding,) = noted(size, esd)
        assert "the crystallites are large" in finding.message


def test_a_strain_that_is_not_different_from_zero_is_noted() -> None:
    assert codes(1.0, 0.1, 21.0, 17.0) == ["not-distinct-from-bound"]
    assert codes(1.0, 0.1, 21.0, None) == []

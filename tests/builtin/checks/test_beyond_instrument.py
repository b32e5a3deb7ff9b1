"""Sizes and strains that the pattern cannot tell from none are noted; those that it shows are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.builtin.checks.beyond_instrument import autogsas_check_result
from autogsas.model.result import Parameter, Severity
from tests.builtin.checks.test_checks import METRICS, made, reflections


def codes(size: float, esd: float | None, strain: float = 900.0, strain_esd: float | None = 50.0) -> list[str]:
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
    return [finding.code for finding in findings]


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


def test_a_strain_that_is_not_different_from_zero_is_noted() -> None:
    assert codes(1.0, 0.1, 21.0, 17.0) == ["not-distinct-from-bound"]
    assert codes(1.0, 0.1, 21.0, None) == []

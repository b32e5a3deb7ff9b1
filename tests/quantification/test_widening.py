"""Amounts follow the printed esds of the weight fractions."""

from __future__ import annotations

import pytest

from autogsas.model.quantification import PhaseAmount, Quantification, Share
from autogsas.model.result import Parameter
from autogsas.quantification.widening import with_printed_esds


def test_the_esds_of_a_phase_grow_by_its_ratio() -> None:
    found = tuple(
        Quantification(histogram, (PhaseAmount("a", Share(0.7, 0.01)), PhaseAmount("b", Share(0.3))))
        for histogram in ("X", "N")
    )
    parameters = [
        Parameter(f"{phase}:{histogram}:weight fraction", 0.5, esd, "", "weight_fraction", phase, histogram)
        for histogram in ("X", "N")
        for phase, esd in (("a", 0.01), ("b", None))
    ]
    first, second = with_printed_esds(found, parameters, {"a:X:weight fraction": 0.03})
    assert first.phases[0] == PhaseAmount("a", Share(0.7, pytest.approx(0.03)))
    assert first.phases[1] == PhaseAmount("b", Share(0.3))
    assert second == found[1]

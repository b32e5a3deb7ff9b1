"""Amounts follow the printed esds of the weight fractions."""

from __future__ import annotations

import numpy as np
import pytest

from autogsas.model.quantification import MeasuredAmounts, Share
from autogsas.model.result import Parameter
from autogsas.quantification.standards import crystalline_shares
from autogsas.quantification.widening import with_printed_esds

PARAMETERS = [
    Parameter(f"{phase}:{histogram}:weight fraction", 0.5, 0.01, "", "weight_fraction", phase, histogram)
    for histogram in ("X", "N")
    for phase in ("a", "b")
] + [Parameter("c:Z:scale", 3.0, 0.3, "", "scale", "c", "Z")]


def test_the_esds_of_a_phase_grow_by_its_ratio() -> None:
    found = tuple(
        MeasuredAmounts(h, ("a", "b"), (Share(0.7, 0.01), Share(0.3)), (7.0, 3.0), ((1e-4, 1e-5), (1e-5, 4e-4)))
        for h in ("X", "N")
    )
    printed = {"a:X:weight fraction": 0.03, "b:X:weight fraction": 0.03}
    first, second = with_printed_esds(found, PARAMETERS, printed)
    assert first.shares == (Share(0.7, pytest.approx(0.03)), Share(0.3))
    assert np.array(first.covariance) == pytest.approx(9 * np.array(found[0].covariance))
    before, after = (
        crystalline_shares(np.array(one.amounts), np.array(one.covariance))[0].esd for one in (found[0], first)
    )
    assert after == pytest.approx(3 * (before or 0.0))
    assert second == found[1]


def test_a_single_phase_follows_its_scale() -> None:
    alone = MeasuredAmounts("Z", ("c",), (), (5.0,), ((0.01,),))
    (wide,) = with_printed_esds((alone,), PARAMETERS, {"c:Z:scale": 0.6})
    assert wide.covariance == ((pytest.approx(0.04),),)

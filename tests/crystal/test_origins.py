"""A coordinate that fixes the origin of a polar group is not one that the data do not determine."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest

from autogsas.builtin.checks.physical import autogsas_check_result
from autogsas.crystal.origins import fixing_the_origin, free_origin
from autogsas.model.result import Parameter, Severity
from autogsas.model.structure import Cell, Phase, Site
from tests.builtin.checks.test_checks import METRICS, STEP, made


def coordinates(*names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(f"p:{name}", 0.1, None, "", "positions", "p", site=name[0]) for name in names)


def polar(group: str) -> Phase:
    return Phase("p", group, Cell(5, 6, 7, 90, 90, 90), (Site("A", "Ca", (0.1, 0.2, 0.3), 1.0, 0.01),))


@pytest.mark.parametrize("number", range(1, 231))
def test_free_directions_are_those_of_gemmi(number: int) -> None:
    """A shift along a free direction, by any amount, commutes with all operations; gemmi knows the polar classes."""
    group = gemmi.find_spacegroup_by_number(number)
    projector = free_origin(group.xhm())
    assert projector @ projector == pytest.approx(projector)
    shift = projector @ np.array([0.123, 0.234, 0.345])
    for operation in group.operations().sym_ops:
        assert np.array(operation.rot) / 24 @ shift == pytest.approx(shift)
    classes = {"1", "2", "m", "mm2", "3", "3m", "4", "4mm", "6", "6mm"}
    assert (np.linalg.matrix_rank(projector, tol=1e-6) > 0) == (group.point_group_hm() in classes)


@pytest.mark.parametrize(
    ("group", "dropped", "fixing"),
    [
        ("P 63 m c", ("p:A:z",), ("p:A:z",)),
        ("P 63 m c", ("p:A:z", "p:B:z"), ("p:A:z",)),
        ("P 63 m c", ("p:A:x",), ()),
        ("P 1", ("p:A:x", "p:A:y", "p:B:z", "p:B:x"), ("p:A:x", "p:A:y", "p:B:z")),
        ("P n m a", ("p:A:x",), ()),
        ("P q", ("p:A:x",), ()),
        ("P 63 m c", ("p:A:Uiso", "data:zero"), ()),
    ],
)
def test_as_many_coordinates_fix_the_origin_as_it_has_free_directions(
    group: str, dropped: tuple[str, ...], fixing: tuple[str, ...]
) -> None:
    parameters = coordinates("A:x", "A:y", "A:z", "B:x", "B:z")
    assert fixing_the_origin(dropped, parameters, (polar(group),)) == fixing


def test_only_what_does_not_fix_an_origin_is_a_warning() -> None:
    step = replace(STEP, dropped=("p:A:z", "p:A:x"))
    sample, result = made(step=step, phase=polar("P 63 m c"), extra=coordinates("A:x", "A:z"))
    found = {f.code: f for f in autogsas_check_result(sample, result, METRICS)}
    assert found["origin-fixed"].severity is Severity.INFO
    assert "p:A:z" in found["origin-fixed"].message
    assert found["singular"].severity is Severity.WARNING
    assert found["singular"].message.endswith("p:A:x")


@pytest.mark.parametrize(
    ("group", "names", "expected"),
    [
        ("P 63 m c", ("p:A:z", "p:B:z"), False),
        ("P 63 m c", ("p:A:z", "p:A:x"), True),
        ("P n m a", ("p:A:x", "p:B:x"), True),
    ],
)
def test_coordinates_that_move_the_origin_together_are_not_called_correlated(
    group: str, names: tuple[str, str], expected: bool
) -> None:
    extra = coordinates("A:x", "A:z", "B:x", "B:z")
    sample, result = made(phase=polar(group), extra=extra, varied=names, correlation=[[1, 0.9999], [0.9999, 1]])
    assert ("correlated" in {f.code for f in autogsas_check_result(sample, result, METRICS)}) == expected

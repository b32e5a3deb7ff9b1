"""Judging a refinement: variables without an esd, damped shifts, refinements that are stuck, convergence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas_gsas2.child import lebail, steps
from autogsas_gsas2.child.refinement import Outcome
from autogsas_gsas2.protocol import LeastSquares

DONE = Outcome(
    names=["a", "b", "c", "d"],
    esds=np.array([0.1, 0.0, np.nan, 2.0]),
    shifts={"a": 0.001, "b": 5.0, "c": 5.0, "d": -0.04},
    singular=["d"],
    frozen=[],
    cycles=4,
    rwp=10.0,
    first_chi2=120.0,
    chi2=100.0,
    converged=True,
    stuck=False,
    damped=False,
    message="",
)


def test_singular_variables_and_those_without_an_esd_are_dropped() -> None:
    assert DONE.dropped == ["d", "b", "c"]
    assert DONE.shift_esd == pytest.approx(0.01)
    assert replace(DONE, singular=[]).shift_esd == pytest.approx(0.02)
    assert replace(DONE, names=[], esds=np.array([])).shift_esd == 0.0


def refine(
    monkeypatch: pytest.MonkeyPatch, outcomes: list[Outcome], cycles: int | None = None
) -> tuple[int, bool, int]:
    """Return the cycles, whether the step converged, and the number of refinements, with GSAS-II's outcomes given."""
    remaining = list(outcomes)
    monkeypatch.setattr(steps, "refine_once", lambda model, cycles, tolerance: remaining.pop(0))
    refinements: list[LeastSquares] = []
    _, done, converged = steps._refine(None, cycles, refinements)  # type: ignore[arg-type]
    return done, converged, len(refinements)


LONG = replace(DONE, shifts={"a": 0.5}, cycles=20, converged=False)
STILL = replace(LONG, first_chi2=100.0, converged=True)


def test_small_shifts_are_convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refine(monkeypatch, [LONG, DONE]) == (24, True, 2)


def test_small_shifts_by_damping_are_not_convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refine(monkeypatch, [replace(DONE, damped=True), DONE]) == (8, True, 2)


def test_a_refinement_that_is_stuck_is_repeated_until_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = replace(LONG, stuck=True)
    assert refine(monkeypatch, [stuck, replace(stuck, first_chi2=100.0)]) == (40, True, 2)


def test_a_slow_refinement_ends_after_the_most_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refine(monkeypatch, [LONG] * 10) == (60, False, 3)


def test_an_unchanged_chi2_is_convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refine(monkeypatch, [LONG, STILL]) == (40, True, 2)


def test_a_step_with_cycles_is_one_refinement(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refine(monkeypatch, [replace(LONG, cycles=3)], cycles=3) == (3, False, 1)
    assert refine(monkeypatch, [replace(DONE, stuck=True)], cycles=3) == (4, False, 1)


def test_extracted_intensities_must_not_change_at_convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = [replace(DONE, chi2=chi2) for chi2 in (100.0, 90.0, 89.999)]
    remaining = list(ends)
    monkeypatch.setattr(steps, "refine_once", lambda model, cycles, tolerance: remaining.pop(0))
    shared: list[int] = []
    monkeypatch.setattr(lebail, "extract_intensities", lambda model, cycles: shared.append(cycles))
    refinements: list[LeastSquares] = []
    assert steps._refine(None, None, refinements, extracting=True) == (ends[2], 12, True)  # type: ignore[arg-type]
    assert (len(refinements), shared) == (3, [lebail.BETWEEN] * 2)

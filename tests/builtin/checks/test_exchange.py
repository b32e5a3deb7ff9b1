"""Corrections that cannot be told apart are reported, as closed forms show which they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.builtin.checks import exchange
from autogsas.builtin.checks.exchange import alike, check_exchange
from autogsas.builtin.checks.limits import LIMITS
from autogsas.model.project import Project
from autogsas.model.recipe import Group
from autogsas.model.result import Finding, Result
from tests.engine.models import (
    CUBIC,
    MONOCLINIC,
    NEUTRON,
    TETRAGONAL,
    XRAY,
    project,
    refined,
    simulate,
    step,
    with_data,
)


def sample(limits: tuple[float, float] = (15.0, 150.0), *, neutrons: bool = False, two: bool = False) -> Project:
    phases = (MONOCLINIC, TETRAGONAL) if two else (MONOCLINIC,)
    made = project(phases, NEUTRON if neutrons else XRAY, limits, 0.05)
    flat = np.full(made.histograms[0].pattern.x.size, 300.0)
    scale = 500.0 if neutrons else 0.02
    y = simulate(made, (scale,) * len(phases), flat)
    return with_data(made, np.random.default_rng(1).poisson(y).astype(float))


def finish(made: Project, *groups: Group) -> Result:
    return refined(made, step("scale", "background", terms=3), step(*groups, cycles=4)).result()


def findings(made: Project, result: Result) -> list[Finding]:
    return list(check_exchange(made.histograms[0], result.curves[0], result))


def test_zero_and_displacement_cannot_be_told_apart() -> None:
    made = sample()
    (finding,) = findings(made, finish(made, "cell", "zero"))
    assert finding.code == "exchangeable"
    assert finding.message.startswith(
        "zero and displacement of data cannot be told apart: over 15 to 150° they shift the peaks alike"
    )
    assert 0.98 < finding.numbers["displacement"] <= 1.0
    (finding,) = findings(made, finish(made, "cell", "displacement"))
    assert set(finding.numbers) >= {"zero"}
    assert "displacement and zero of data cannot be told apart" in finding.message


def test_a_free_cell_takes_up_their_difference() -> None:
    """1 - cos(theta) is close to tan(theta): with a free cell the two are the same."""
    x = np.radians(np.linspace(15, 150, 200))
    one, nothing = np.ones_like(x), np.zeros((x.size, 0))
    apart = alike(one, np.cos(x / 2)[:, None], nothing, one)
    joined = alike(one, np.cos(x / 2)[:, None], np.tan(x / 2)[:, None], one)
    assert apart == pytest.approx(np.sum(np.cos(x / 2)) / np.sqrt(x.size * np.sum(np.cos(x / 2) ** 2)))
    assert apart < 0.96 < 0.98 < joined


def test_two_refined_corrections_are_left_to_the_correlations() -> None:
    made = sample()
    found = [finding.message for finding in findings(made, finish(made, "cell", "zero", "displacement"))]
    assert not any("zero and displacement" in text for text in found)


def test_displacements_of_debye_scherrer(monkeypatch: pytest.MonkeyPatch) -> None:
    made = sample(neutrons=True)
    monkeypatch.setattr(exchange, "LIMITS", replace(LIMITS, exchangeable=0.0))
    (finding,) = findings(made, finish(made, "cell", "zero"))
    assert list(finding.numbers) == ["displacement along the beam", "displacement across the beam"]
    assert [set(f.numbers) for f in findings(made, finish(made, "cell", "displacement"))] == [{"zero"}, {"zero"}]
    assert findings(made, finish(made, "W")) == []


def test_widths_of_instrument_and_sample() -> None:
    made = sample()
    found = findings(made, finish(made, "X", "Y"))
    assert [finding.numbers for finding in found] == [{"size": pytest.approx(1.0)}, {"strain": pytest.approx(1.0)}]
    found = findings(made, finish(made, "size", "strain"))
    assert [set(finding.numbers) for finding in found] == [{"X"}, {"Y"}]
    result = finish(made, "X", "size")
    both = tuple(replace(p, esd=0.1) if p.group in ("X", "size") else p for p in result.parameters)
    assert findings(made, replace(result, parameters=both)) == []
    assert findings(made, finish(made, "W", "U")) == []


def test_one_width_of_the_instrument_is_not_the_size_of_one_phase() -> None:
    made = sample(two=True)
    result = finish(made, "size")
    assert findings(made, result) == []  # one X cannot broaden as two sizes do
    found = findings(made, finish(made, "X"))
    assert [set(finding.numbers) for finding in found] == [{"size"}]


def test_a_gaussian_size_is_not_x() -> None:
    made = sample()
    result = finish(made, "X", "Y")
    mixed = tuple(replace(p, value=0.3) if p.group == "size_mix" else p for p in result.parameters)
    assert [set(f.numbers) for f in findings(made, replace(result, parameters=mixed))] == [{"strain"}]


def test_a_shift_that_the_cell_takes_up_is_left_out() -> None:
    """Peaks at one angle only: the cell takes up all of a zero."""
    x = np.radians(np.array([30.0, 30.0, 30.0]))
    one = np.ones(3)
    assert alike(one, np.cos(x / 2)[:, None], np.tan(x / 2)[:, None], one) == 0.0


def test_no_findings_without_peaks() -> None:
    made = sample()
    result = finish(made, "cell", "zero", "X")
    bare = replace(result.curves[0], reflections=())
    assert list(check_exchange(made.histograms[0], bare, result)) == []
    dark = tuple(replace(r, intensity=0.0 * r.intensity) for r in result.curves[0].reflections)
    assert list(check_exchange(made.histograms[0], replace(bare, reflections=dark), result)) == []


def test_a_phase_without_intensity_takes_up_nothing() -> None:
    """One of two phases has a scale of zero in this histogram, and a refined cell."""
    made = sample(two=True)
    result = finish(made, "cell", "zero")
    curves = result.curves[0]
    first, second = curves.reflections
    dark = replace(curves, reflections=(first, replace(second, intensity=0.0 * second.intensity)))
    alone = replace(curves, reflections=(first,))
    with np.errstate(all="raise"):
        (finding,) = check_exchange(made.histograms[0], dark, result)
    (wanted,) = check_exchange(made.histograms[0], alone, result)
    assert finding.numbers == pytest.approx(wanted.numbers)


def test_a_cubic_cell_takes_up_one_curve() -> None:
    made = project((CUBIC,), XRAY, (15.0, 150.0), 0.05)
    y = simulate(made, (0.02,), np.full(made.histograms[0].pattern.x.size, 300.0))
    made = with_data(made, np.round(y))
    result = finish(made, "cell", "zero")
    lines = result.curves[0].reflections[0]
    x = np.radians(lines.two_theta)
    weights = lines.intensity / lines.fwhm**2
    wanted = alike(np.ones_like(x), np.cos(x / 2)[:, None], np.tan(x / 2)[:, None], weights)
    (finding,) = findings(made, result)
    assert finding.numbers["displacement"] == pytest.approx(wanted, abs=1e-4)

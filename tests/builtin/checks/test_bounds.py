"""A value out of its range is an error only where the data determine that it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autogsas.builtin.checks.bounds import check_displacements, check_occupancies, check_shares
from autogsas.builtin.checks.physical import autogsas_check_result
from autogsas.model.result import Finding, Parameter, Severity
from autogsas.model.structure import Phase
from tests.builtin.checks.test_checks import METRICS, STEP, made, with_u
from tests.engine.models import CUBIC


def u_of(esd: float | None, phase: str = "fluorite") -> Parameter:
    return Parameter(f"{phase}:Ca:Uiso", 0.0, esd, "Å²", "uiso", phase, site="Ca")


def share(value: float, esd: float | None = 0.001) -> Parameter:
    name = "fluorite:data:weight fraction"
    return Parameter(name, value, esd, "", "weight_fraction", "fluorite", "data")


def found(phase: Phase, *extra: Parameter, **changed: Any) -> list[Finding]:
    sample, result = made(phase=phase, extra=extra, **changed)
    return [*check_displacements(sample, result), *check_occupancies(result), *check_shares(result)]


@pytest.mark.parametrize(
    ("value", "esd", "code", "severity"),
    [
        (-0.0040, 0.0010, "u-out-of-range", Severity.ERROR),
        (-0.0020, 0.0010, "u-out-of-range", Severity.WARNING),
        (-0.0020, None, "u-out-of-range", Severity.ERROR),
        (0.1500, 0.0100, "u-out-of-range", Severity.ERROR),
        (0.1200, 0.0100, "u-out-of-range", Severity.WARNING),
        (0.00001, 0.00062, "not-distinct-from-bound", Severity.WARNING),
        (0.0040, 0.0030, "not-distinct-from-bound", Severity.INFO),
    ],
)
def test_u_is_judged_by_its_esd(value: float, esd: float | None, code: str, severity: Severity) -> None:
    (finding,) = found(with_u(value), u_of(esd))
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.about == {"phase": "fluorite", "site": "Ca"}


@pytest.mark.parametrize(
    ("value", "words"), [(-0.002, "but within 3 esds of zero"), (0.12, "but within 3 esds of 0.1 Å²")]
)
def test_a_u_that_may_be_in_its_range_is_said_to_be_so(value: float, words: str) -> None:
    (finding,) = found(with_u(value), u_of(0.01 if value > 0 else 0.001))
    assert words in finding.message


def test_a_u_that_is_different_from_zero_has_no_finding() -> None:
    assert found(with_u(0.0041), u_of(0.0020)) == []


def test_a_u_that_the_engine_stopped_at_zero_is_not_determined() -> None:
    (finding,) = found(with_u(0.0), u_of(None), step=replace(STEP, at_bound=("fluorite:Ca:Uiso",)))
    assert (finding.code, finding.severity) == ("u-out-of-range", Severity.WARNING)
    assert "stopped" in finding.message
    (given,) = found(with_u(0.0), u_of(None))
    assert given.severity is Severity.ERROR


@pytest.mark.parametrize(("esd", "severity"), [(0.004, Severity.WARNING), (0.002, Severity.ERROR)])
def test_a_tensor_is_judged_by_its_esds(esd: float, severity: Severity) -> None:
    tensor = (0.01, 0.01, 0.01, 0.02, 0.0, 0.0)  # its smallest eigenvalue is -0.01
    parameter = Parameter("fluorite:Ca:U12", 0.02, esd, "Å²", "uaniso", "fluorite", site="Ca")
    (finding,) = found(with_u(0.01, tensor), parameter)
    assert (finding.code, finding.severity) == ("u-not-positive-definite", severity)


def test_a_trace_phase_does_not_rule_a_trial_out() -> None:
    sample, result = made(phase=with_u(-0.02), extra=(u_of(0.001), share(0.014)))
    findings = [f for f in autogsas_check_result(sample, result, METRICS) if f.code == "u-out-of-range"]
    assert [f.severity for f in findings] == [Severity.WARNING]
    assert "1.4 % of the mass" in findings[0].message
    sample, result = made(phase=with_u(-0.02), extra=(u_of(0.001), share(0.2)))
    severities = [f.severity for f in autogsas_check_result(sample, result, METRICS) if f.code == "u-out-of-range"]
    assert severities == [Severity.ERROR]


@pytest.mark.parametrize(
    ("u", "tensor", "code"),
    [
        (0.0, None, "u-out-of-range"),
        (0.15, None, "u-out-of-range"),
        (0.01, (0.01, 0.01, 0.01, 0.02, 0.0, 0.0), "u-not-positive-definite"),
        (0.01, (0.15, 0.15, 0.15, 0.0, 0.0, 0.0), "u-out-of-range"),
    ],
)
def test_a_u_that_the_author_fixed_is_a_warning(u: float, tensor: Any, code: str) -> None:
    phase = with_u(u, tensor)
    sample, result = made(phase=phase)
    given = replace(sample, phases=(phase,))
    (finding,) = check_displacements(given, result)
    assert (finding.code, finding.severity) == (code, Severity.WARNING)
    assert "the project's own value, not refined" in finding.message
    (moved,) = check_displacements(sample, result)
    assert (moved.code, moved.severity) == (code, Severity.ERROR)


def test_a_u_that_was_refined_keeps_its_severity_where_the_project_has_the_same() -> None:
    phase = with_u(0.15)
    sample, result = made(phase=phase, extra=(u_of(0.001),))
    (finding,) = check_displacements(replace(sample, phases=(phase,)), result)
    assert finding.severity is Severity.ERROR
    assert "own value" not in finding.message


def test_a_phase_that_the_pattern_does_not_show_is_noted() -> None:
    (finding,) = found(CUBIC, share(0.002, 0.001))
    assert (finding.code, finding.severity) == ("not-distinct-from-bound", Severity.INFO)
    assert "0.20(10) wt%" in finding.message
    assert found(CUBIC, share(0.004, 0.001)) == []


@pytest.mark.parametrize(
    ("value", "esd", "severity"),
    [
        (1.10, 0.08, Severity.WARNING),
        (-0.10, 0.08, Severity.WARNING),
        (1.10, 0.03, Severity.ERROR),
        (-0.10, 0.03, Severity.ERROR),
        (1.02, 0.001, Severity.ERROR),
        (1.04, 0.02, None),
    ],
)
def test_an_occupancy_is_judged_by_its_esd(value: float, esd: float, severity: Severity | None) -> None:
    parameter = Parameter("fluorite:Ca:occupancy", value, esd, "", "occupancy", "fluorite", site="Ca")
    findings = [finding for finding in found(CUBIC, parameter) if finding.code == "occupancy-out-of-range"]
    assert [finding.severity for finding in findings] == ([] if severity is None else [severity])
    assert all(("do not determine" in f.message) is (severity is Severity.WARNING) for f in findings)


def test_an_occupancy_that_may_be_zero_is_noted() -> None:
    parameter = Parameter("fluorite:Ca:occupancy", 0.015, 0.01, "", "occupancy", "fluorite", site="Ca")
    (finding,) = found(CUBIC, parameter)
    assert (finding.code, finding.severity) == ("not-distinct-from-bound", Severity.INFO)
    assert found(CUBIC, replace(parameter, value=0.5)) == []

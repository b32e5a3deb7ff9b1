"""Each check reports what it should, with its numbers, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gemmi
import numpy as np
import pytest

from autogsas.builtin.checks.physical import autogsas_check_result
from autogsas.model.metrics import Metrics
from autogsas.model.project import Project
from autogsas.model.result import Curves, Finding, Parameter, ParameterGroup, Reflections, Result, Severity, StepResult
from autogsas.model.sample import Broadening
from autogsas.model.structure import Cell, Phase, Site, equivalent_u
from tests.engine.models import CUBIC, XRAY, project, refined, simulate, step, with_data

METRICS = Metrics(rwp=8.0, rexp=5.0, gof=1.6, chi2=1e4, n_observations=1000, n_variables=3)
FLAT = (0.01, 0.01, 0.01, 0.02, 0.0, 0.0)
LARGE = (0.15, 0.15, 0.15, 0.0, 0.0, 0.0)
SHARED = (replace(CUBIC.sites[0], occupancy=0.5), replace(CUBIC.sites[0], label="Y", element="Y", occupancy=0.5))
TERMS = tuple(Parameter(f"data:background {i}", 9.0, 0.1, "", "background", histogram="data") for i in (1, 2))
STEP = StepResult("last", converged=True, cycles=4, n_variables=3, rwp=8.0, shift_esd=0.005)


def reflections(fwhm: float) -> Reflections:
    one = np.ones(20)
    hkl, multiplicity = np.ones((20, 3), dtype=np.int64), np.ones(20, dtype=np.int64)
    return Reflections("fluorite", hkl, multiplicity, one, one, one, one, one, fwhm * one, one, one)


def parameters(**changed: float) -> tuple[Parameter, ...]:
    values = {"U": 3.0, "V": -1.0, "W": 6.0, "X": 1.0, "Y": 0.5, "Z": 0.0, "Shift": 20.0, "Transparency": 0.0} | changed
    groups = {"Shift": "displacement", "Transparency": "transparency"}
    out = [Parameter(f"data:{k}", v, None, "", groups.get(k, k), histogram="data") for k, v in values.items()]
    out += [
        Parameter("fluorite:data:size", 1.0, None, "µm", "size", "fluorite", "data"),
        Parameter("fluorite:data:strain", 1000.0, None, "1e-6", "strain", "fluorite", "data"),
    ]
    return tuple(out)


def made(
    *,
    background: Any = None,
    varied: tuple[str, ...] = (),
    correlation: Any = None,
    extra: Any = (),
    phase: Phase = CUBIC,
    step: StepResult = STEP,
    widths: dict[str, float] | None = None,
    peaks: Reflections | None = None,
    **changed: Any,
) -> tuple[Project, Result]:
    sample = project((CUBIC,), XRAY, (15.0, 130.0), 0.05)
    x = sample.histograms[0].pattern.x
    observed = np.full_like(x, 1000.0)
    level = np.full_like(x, 900.0) if background is None else background(x)
    curves = Curves("data", x, observed, observed, level, 1.0 / observed, (peaks or reflections(0.1),))
    matrix = np.eye(len(varied)) if correlation is None else np.array(correlation)
    found = (*parameters(**(widths or {})), *extra)
    return sample, Result("test", "1", (curves,), found, varied, matrix, (phase,), (step,), 8.0, **changed)


def check(*args: Any, metrics: Metrics = METRICS, **changed: Any) -> dict[str, Finding]:
    sample, result = made(*args, **changed)
    return {finding.code: finding for finding in autogsas_check_result(sample, result, metrics)}


def with_u(value: float, tensor: Any = None) -> Phase:
    return replace(CUBIC, sites=(replace(CUBIC.sites[0], uiso=value, uaniso=tensor), CUBIC.sites[1]))


def occupancy(value: float, esd: float | None = 0.01) -> Parameter:
    return Parameter("fluorite:Ca:occupancy", value, esd, "", "occupancy", "fluorite", site="Ca")


def test_a_good_refinement_has_no_findings() -> None:
    assert check() == {}


CASES: dict[str, tuple[dict[str, Any], Severity]] = {
    "u-out-of-range": ({"phase": with_u(-0.001)}, Severity.ERROR),
    "restraints": ({"n_restraints": 3}, Severity.WARNING),
    "place-overfull": (
        {"phase": replace(CUBIC, sites=(SHARED[0], replace(SHARED[1], occupancy=0.7), CUBIC.sites[1]))},
        Severity.ERROR,
    ),
    "atoms-close": (
        {"phase": replace(CUBIC, sites=(*CUBIC.sites, Site("O", "O", (0.44, 0.44, 0.44), 0.4, 0.01)))},
        Severity.WARNING,
    ),
    "occupancy-out-of-range": ({"extra": (occupancy(1.2),)}, Severity.ERROR),
    "not-converged": ({"step": replace(STEP, converged=False, shift_esd=3.0)}, Severity.ERROR),
    "singular": ({"step": replace(STEP, dropped=("data:X",))}, Severity.WARNING),
    "at-bound": ({"step": replace(STEP, at_bound=("data:SH/L",))}, Severity.WARNING),
    "cell-moved": ({"phase": replace(CUBIC, cell=Cell(5.54, 5.54, 5.54, 90, 90, 90))}, Severity.WARNING),
    "transparency-negative": ({"widths": {"Transparency": -1.4}}, Severity.WARNING),
    "displacement-large": ({"widths": {"Shift": 700.0}}, Severity.WARNING),
    "correlated": ({"varied": ("data:Zero", "data:Shift"), "correlation": [[1, 0.99], [0.99, 1]]}, Severity.WARNING),
    "background-above-data": ({"background": lambda x: 1500.0 + 0 * x}, Severity.WARNING),
    "background-negative": ({"background": lambda x: 900.0 - 12.0 * x}, Severity.ERROR),
    "background-wiggles": ({"background": lambda x: 800 + 50 * np.sin(2 * np.pi * x / 0.4)}, Severity.WARNING),
    "width-not-positive": ({"widths": {"U": -10.0, "V": 5.0, "W": 1.0}}, Severity.ERROR),
    "atoms-too-close": (
        {"phase": replace(CUBIC, sites=(*CUBIC.sites, Site("O", "O", (0.1, 0.1, 0.1), 1.0, 0.01)))},
        Severity.ERROR,
    ),
    "u-not-positive-definite": (
        {"phase": with_u(0.01, FLAT)},
        Severity.ERROR,
    ),
}


@pytest.mark.parametrize("code", CASES)
def test_a_bad_refinement_has_its_finding(code: str) -> None:
    changed, severity = CASES[code]
    found = check(**changed)
    assert set(found) == {code}
    assert found[code].severity is severity
    assert found[code].message[0].isalnum()
    assert "\n" not in found[code].message


def test_an_rwp_that_is_lower_than_chance_makes_it_is_reported() -> None:
    assert set(check(metrics=replace(METRICS, rwp=4.0))) == {"rwp-below-rexp"}
    # GoF of a right model scatters by 0.022 with a thousand points.
    assert not check(metrics=replace(METRICS, rwp=4.8))


@pytest.mark.parametrize(
    "changed",
    [
        {"phase": with_u(0.05)},
        {"phase": with_u(-1.0, (0.05, 0.05, 0.05, 0.0, 0.0, 0.0))},
        {"phase": replace(with_u(-1.0), intensities="Le Bail")},
        {"extra": (occupancy(1.02),)},
        {"widths": {"U": 0.0, "V": 0.0, "W": 0.0}},
        {"background": lambda x: 900.0 + 400.0 * (x > 15.4) * (x < 20.0)},
        {"background": lambda x: 900.0 + 80.0 * np.exp(-(((x - 40.0) / 0.1) ** 2))},
        {"background": lambda x: 900.0 + 1e-9 * np.sin(2 * np.pi * x / 0.4)},
        {"phase": replace(CUBIC, cell=Cell(5.50, 5.50, 5.50, 90, 90, 90))},
        {"extra": (occupancy(1.2, None),)},
        {"varied": ("data:background 1", "data:background 2"), "correlation": [[1, 0.999], [0.999, 1]], "extra": TERMS},
        {"varied": ("data:U", "data:V"), "correlation": [[1, -0.94], [-0.94, 1]]},
        {"background": lambda x: 800 + 50 * np.sin(2 * np.pi * x / 20)},
        {"phase": replace(CUBIC, sites=(*SHARED, CUBIC.sites[1]))},
    ],
)
def test_ordinary_values_have_no_finding(changed: dict[str, Any]) -> None:
    assert check(**changed) == {}


CLOSE = replace(CUBIC, sites=(*CUBIC.sites, Site("O", "O", (0.1, 0.1, 0.1), 1.0, 0.01)))
OVERFULL = replace(CUBIC, sites=(SHARED[0], replace(SHARED[1], occupancy=0.7), CUBIC.sites[1]))


@pytest.mark.parametrize(("phase", "code"), [(CLOSE, "atoms-too-close"), (OVERFULL, "place-overfull")])
def test_atoms_that_the_author_fixed_are_a_warning(phase: Phase, code: str) -> None:
    sample, result = made(phase=phase)
    sample = replace(sample, phases=(phase,))

    def severity(result: Result) -> Severity:
        (finding,) = autogsas_check_result(sample, result, METRICS)
        assert finding.code == code
        assert ("the project's own values, not refined" in finding.message) is (finding.severity is Severity.WARNING)
        return finding.severity

    def refined_too(group: ParameterGroup, site: str | None) -> Result:
        one = Parameter("one", 0.5, 1e-4, "", group, "fluorite", site=site)
        return replace(result, parameters=(*result.parameters, one))

    assert severity(result) is Severity.WARNING
    assert severity(refined_too("positions", "F")) is Severity.WARNING  # not one of these atoms
    for group, site in {
        "atoms-too-close": (("positions", "O"),),
        "place-overfull": (("occupancy", "Y"),),
    }[code]:
        assert severity(refined_too(group, site)) is Severity.ERROR


def test_a_width_that_fails_only_at_the_end_is_a_warning() -> None:
    found = check(widths={"U": -2.0, "V": 3.0, "W": 2.4})
    assert found["width-not-positive"].severity is Severity.WARNING
    assert found["width-not-positive"].numbers["to"] == pytest.approx(130.0)


@pytest.mark.parametrize("u", [0.0, 0.11, np.nan])
def test_the_ends_of_the_range_of_u(u: float) -> None:
    assert list(check(phase=with_u(u))) == ["u-out-of-range"]


def test_the_equivalent_u_of_a_tensor_is_checked() -> None:
    found = check(phase=with_u(0.01, LARGE))
    assert list(found) == ["u-out-of-range"]
    assert found["u-out-of-range"].numbers["value"] == pytest.approx(0.15)
    assert "equivalent U of fluorite Ca" in found["u-out-of-range"].message


def test_an_occupancy_far_out_of_range_is_reported_whatever_its_esd() -> None:
    found = check(extra=(occupancy(1.2, 0.3),))
    assert {code: finding.severity for code, finding in found.items()} == {"occupancy-out-of-range": Severity.WARNING}


def test_the_cell_is_compared_with_the_projects() -> None:
    """Also where a recipe starts from another cell and stays there."""
    found = check(phase=replace(CUBIC, cell=Cell(5.40, 5.40, 5.40, 90, 90, 90)))
    assert found["cell-moved"].numbers["fraction"] == pytest.approx(0.0115, abs=1e-4)


def test_rwp_below_rexp_in_one_histogram_of_two() -> None:
    sample, result = made()
    other = replace(sample.histograms[0], name="other")
    sample = replace(sample, histograms=(*sample.histograms, other))
    far = replace(result.curves[0], histogram="other", calculated=0.9 * result.curves[0].observed)
    findings = autogsas_check_result(sample, replace(result, curves=(*result.curves, far)), METRICS)
    (finding,) = (finding for finding in findings if finding.code == "rwp-below-rexp")
    assert "of data," in finding.message
    missing = replace(far, observed=np.where(far.x < 16, np.nan, far.observed), weights=(far.x >= 16) / 1000.0)
    findings = autogsas_check_result(sample, replace(result, curves=(*result.curves, missing)), METRICS)
    assert [finding.code for finding in findings] == ["rwp-below-rexp"]


def test_background_terms_and_exchangeable_corrections_are_checked() -> None:
    """These checks have tests of their own."""
    noisy = project((CUBIC,), XRAY, (15.0, 130.0), 0.05)
    y = np.random.default_rng(1).poisson(simulate(noisy, (0.05,), np.full(noisy.histograms[0].pattern.x.size, 500.0)))
    noisy = with_data(noisy, y.astype(float))
    result = refined(noisy, step("scale", "background", terms=12), step("cell", "zero", "X")).result()
    codes = [finding.code for finding in autogsas_check_result(noisy, result, METRICS)]
    assert codes.count("background-terms") == 1
    assert codes.count("exchangeable") == 2


@pytest.mark.parametrize(
    ("observed", "noise", "background", "severity"),
    [
        # Few neutrons: sigma 5, and a background that dips below zero by far less.
        (3.0, 0.0, -0.01, None),
        (3.0, 0.0, -14.0, None),
        (3.0, 0.0, -16.0, Severity.ERROR),
        # Subtracted data that scatter about zero, more than their sigma says.
        (0.0, 20.0, -4.0, None),
        (0.0, 20.0, -25.0, Severity.INFO),
        (0.0, 20.0, -100.0, Severity.ERROR),
        # Subtracted too much.
        (-60.0, 5.0, -60.0, Severity.INFO),
    ],
)
def test_a_background_below_zero_is_judged_by_noise(
    observed: float, noise: float, background: float, severity: Severity | None
) -> None:
    sample, result = made()
    (curves,) = result.curves
    one = np.ones_like(curves.x)
    y = observed + np.random.default_rng(2).normal(scale=noise, size=one.size)
    curves = replace(curves, observed=y, calculated=y, background=background * one, weights=one / 25.0)
    findings = autogsas_check_result(sample, replace(result, curves=(curves,)), METRICS)
    own = [finding for finding in findings if finding.code == "background-negative"]
    assert [finding.severity for finding in own] == ([] if severity is None else [severity])


def test_a_background_below_zero_at_few_points_is_a_warning() -> None:
    found = check(background=lambda x: np.where(x < 15.5, -200.0, 900.0))
    assert {code: finding.severity for code, finding in found.items()} == {"background-negative": Severity.WARNING}


def test_a_geometry_that_is_not_the_assumed_one_is_reported() -> None:
    sample, result = made()
    assert "geometry-not-as-assumed" not in {item.code for item in autogsas_check_result(sample, result, METRICS)}
    other = replace(result.curves[0], geometry="Debye-Scherrer")
    found = autogsas_check_result(sample, replace(result, curves=(other,)), METRICS)
    (finding,) = [item for item in found if item.code == "geometry-not-as-assumed"]
    assert finding.severity is Severity.WARNING
    assert "refined as Debye-Scherrer, although its instrument suggests Bragg-Brentano" in finding.message


@pytest.mark.parametrize("angles", [(90, 90, 90), (90, 90, 120), (81.2, 95.4, 102.7)])
def test_the_equivalent_u_is_gemmis(angles: tuple[float, float, float]) -> None:
    cell, tensor = (5.1, 6.3, 7.7, *angles), (0.011, 0.014, 0.021, -0.002, 0.003, 0.001)
    wanted = gemmi.UnitCell(*cell).calculate_u_eq(gemmi.SMat33d(*tensor))
    assert equivalent_u(Cell(*cell), tensor) == pytest.approx(wanted)
    assert np.isnan(equivalent_u(Cell(5, 5, 5, 150, 150, 150), tensor))


@pytest.mark.parametrize(("along_111", "expected"), [(1.0, set()), (0.0, {"width-not-positive"})])
def test_a_generalised_strain_counts_where_it_is_smallest(along_111: float, expected: set[str]) -> None:
    """In all directions it hides a negative Y of the instrument, but not with a third of its square along 1 1 1."""
    s400 = 4000.0**2 / CUBIC.cell.a**4
    numbers = (s400, along_111 * 2.0 / 3.0 * s400)
    specimen = replace(CUBIC.specimen, strain=Broadening(1000.0, "generalized", coefficients=numbers))
    sample, result = made(phase=replace(CUBIC, specimen=specimen), widths={"Y": -20.0})
    own = [
        Parameter(f"fluorite:data:strain {name}", number, None, "1e-12 Å⁻⁴", "strain", "fluorite", "data")
        for name, number in zip(("S400", "S220"), numbers, strict=True)
    ]
    others = tuple(p for p in result.parameters if p.group != "strain")
    found = autogsas_check_result(sample, replace(result, parameters=(*others, *own)), METRICS)
    assert {finding.code for finding in found} == expected

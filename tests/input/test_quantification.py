"""Mistakes in what a project says about the amounts of the phases: one line with the key and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogsas.errors import UserError
from autogsas.input.loading import load_project
from autogsas.model.quantification import InternalStandard, QuantificationSettings
from tests.engine.models import CUBIC, QUARTZ
from tests.quantification.folders import write_project


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"), (QUARTZ, CUBIC), (10_000.0, 10_000.0))


def load(folder: Path, text: str, old: str = "", new: str = "") -> QuantificationSettings:
    file = folder / "case.yaml"
    file.write_text((folder / "project.yaml").read_text().replace(old, new) + f"quantification:\n  {text}\n")
    return load_project(file)[0].quantification


def test_nothing_said_is_nothing_done(folder: Path) -> None:
    assert load_project(folder)[0].quantification == QuantificationSettings()


def test_an_internal_standard(folder: Path) -> None:
    found = load(folder, "internal_standard: {phase: fluorite, weight_fraction: 0.2}")
    assert found.internal_standard == InternalStandard(phase="fluorite", weight_fraction=0.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "internal_standard: {phase: fluorit, weight_fraction: 0.2}",
            "phase: no such phase; found 'fluorit'; allowed: quartz, fluorite; did you mean 'fluorite'?",
        ),
        ("internal_standard: {phase: quartz}", "internal_standard.weight_fraction: is missing"),
        (
            "internal_standard: {phase: quartz, weight_fraction: 20}",
            "internal_standard.weight_fraction: must be less than 1; found '20'",
        ),
        ("internal_standard: {phase: quartz, weight_fracton: 0.2}", "did you mean 'weight_fraction'?"),
        (
            "particle_radius: {quartz: 1, fluoride: 1}",
            "fluoride: no such phase; found 'fluoride'; allowed: quartz, fluor",
        ),
        ("particle_radius: {quartz: 1}", "particle_radius: needs the radius of each phase; missing: fluorite"),
        ("particle_radius: {quartz: 0, fluorite: 1}", "particle_radius.quartz: must be greater than 0; found '0'"),
        (
            "external_standard: {g: 5, mass_attenuation: 40, histogram: dat}",
            "external_standard.histogram: no such histogram; found 'dat'; allowed: data; did you mean 'data'?",
        ),
        ("external_standard: {g: 5}", "external_standard.mass_attenuation: is missing"),
        (
            "internal_standard: {phase: quartz, weight_fraction: 0.2}\n"
            "  external_standard: {g: 5, mass_attenuation: 4}",
            "quantification: give an internal_standard or an external_standard, not both",
        ),
    ],
)
def test_a_mistake_is_one_line(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load(folder, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "case.yaml:" in str(error.value)
    assert error.value.line is not None


def test_le_bail_intensities_have_no_amounts(folder: Path) -> None:
    with pytest.raises(UserError, match=r"Le Bail intensities say nothing about the amount of a phase; found 'quartz'"):
        load(
            folder,
            "internal_standard: {phase: fluorite, weight_fraction: 0.2}",
            "name: quartz}",
            "name: quartz, intensities: Le Bail}",
        )


def test_radii_are_for_x_rays(folder: Path) -> None:
    with pytest.raises(UserError, match="correction of microabsorption is for X-rays"):
        load(
            folder,
            "particle_radius: {quartz: 1, fluorite: 1}",
            "instrument: lab.instprm, geometry: Bragg-Brentano",
            "radiation: neutron, wavelength: 1.9, geometry: Debye-Scherrer",
        )

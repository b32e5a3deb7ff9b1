"""Amounts from the project file to the run folder, its CIF, and the command quantify."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import gemmi
import pytest

from autogsas import cli
from autogsas.api import open_run, refine
from autogsas.commands.quantify import instrument_factor, quantified
from autogsas.errors import UserError
from autogsas.model.quantification import Method, Share
from tests.engine.models import CUBIC, QUARTZ, TETRAGONAL
from tests.exports.test_cif import NAMES, values
from tests.quantification.folders import write_project

INTERNAL = """
quantification:
  internal_standard: {phase: fluorite, weight_fraction: 0.2, weight_fraction_esd: 0.001}
"""


def refined(folder: Path) -> Path:
    return Path(refine(folder, folder / "scales.recipe.yaml", out=folder / "run").folder)


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 % quartz, 20 % rutile and 30 % glass; a fifth of the specimen is fluorite."""
    folder = tmp_path_factory.mktemp("mixture")
    write_project(folder, (QUARTZ, TETRAGONAL, CUBIC), (12_000.0, 4_800.0, 6_000.0), INTERNAL)
    refined(folder)
    return folder


def test_the_summary_has_the_absolute_amounts(mixture: Path) -> None:
    (found,) = open_run(mixture / "run").summary.quantification
    assert found.method is Method.INTERNAL
    assert found.standard == "fluorite"
    assert [name for name, _ in found.shown()] == ["quartz", "rutile", "amorphous"]
    for (_, share), truth in zip(found.shown(), (0.5, 0.2, 0.3), strict=True):
        assert share.esd is not None
        assert abs(share.value - truth) < 4 * share.esd < 0.05
    text = (mixture / "run" / "report.html").read_text(encoding="utf-8")
    assert "of the sample without the standard fluorite" in text
    assert "All shares of the mass" in text


def test_the_cif_has_them_by_the_powder_dictionary(mixture: Path) -> None:
    document = gemmi.cif.read(str(mixture / "run" / "best.cif"))
    block = next(block for block in document if block.find_value("_pd_qpa_overall.method"))
    known = {line.split("\t")[0] for line in NAMES.read_text().splitlines() if not line.startswith("#")}
    assert {tag for tag, _ in values(block)} <= known
    assert block.find_value("_pd_qpa_overall.method") == "ZMV"
    assert gemmi.cif.as_number(block.find_value("_pd_qpa_internal_std.mass_percent")) == 20.0
    table = block.find(["_pd_phase_id", "_pd_phase_mass_%", "_pd_phase_mass.absolute", "_pd_phase_mass.original"])
    rows = [[gemmi.cif.as_number(value) for value in row] for row in table]
    place = int(gemmi.cif.as_number(block.find_value("_pd_qpa_internal_std.phase_id")))
    for number, relative, absolute, original in rows:
        assert absolute == pytest.approx(20.0 * relative / rows[place - 1][1], rel=0.02)
        assert original == (0.0 if number == place else pytest.approx(absolute / 0.8, rel=0.02))
    details = " ".join(gemmi.cif.as_string(block.find_value("_pd_qpa_overall.special_details")).split())
    assert "Internal standard: fluorite" in details


def test_settings_can_change_after_the_run(mixture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = mixture / "project.yaml"
    kept = file.read_text()
    before = quantified(mixture / "run")
    assert before.found == open_run(mixture / "run").summary.quantification
    file.write_text(
        kept.replace(INTERNAL, "\nquantification: {particle_radius: {quartz: 9, rutile: 9, fluorite: 9}}\n")
    )
    try:
        after = quantified(mixture / "run")
        assert [finding.code for finding in after.findings] == ["microabsorption-refused"]
        assert after.found[0].amorphous is None
        with pytest.raises(SystemExit) as ended:
            cli.main(["quantify", str(mixture / "run"), "--json"])
        assert not ended.value.code
        shown = json.loads(capsys.readouterr().out)
        assert shown["found"][0]["phases"][0]["microabsorption"]["regime"] in ("coarse", "very coarse")
    finally:
        file.write_text(kept)
    with pytest.raises(SystemExit):
        cli.main(["quantify", str(mixture / "run")])
    text = capsys.readouterr().out
    assert "amorphous" in text
    assert "Internal standard: fluorite, 20.00(10) % of the specimen" in text


def test_g_of_a_standard_gives_the_amounts_of_a_sample(tmp_path: Path) -> None:
    write_project(tmp_path / "standard", (CUBIC,), (9_800.0,))
    (factor,) = instrument_factor(refined(tmp_path / "standard"), None, Share(0.98, 0.005))
    # The masses in the beam are c/mu_m: a sample that absorbs half as much shows twice as much of itself.
    attenuation = factor.mass_attenuation / 2
    external = (
        f"\nquantification:\n  external_standard: {{g: {factor.g.value}, g_esd: {factor.g.esd}, "
        f"mass_attenuation: {attenuation}}}\n"
    )
    sample = write_project(tmp_path / "sample", (QUARTZ,), (12_000.0,), external)
    (found,) = open_run(refined(sample)).summary.quantification
    assert found.method is Method.EXTERNAL
    share = found.phases[0].original
    assert share is not None
    assert share.esd is not None
    assert abs(share.value - 0.6) < 4 * share.esd < 0.05
    assert found.amorphous is not None
    assert found.amorphous.value == pytest.approx(1 - share.value)


def test_g_needs_one_phase(mixture: Path) -> None:
    with pytest.raises(UserError, match="one pure phase"):
        instrument_factor(mixture / "run", None, Share(1.0))
    with pytest.raises(UserError, match=r"--crystallinity: must be above 0"):
        instrument_factor(mixture / "run", None, Share(1.2))


def test_a_run_without_kept_amounts_is_reported(mixture: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(mixture / "run", old)
    (file,) = (old / "trials").glob("*.json")
    data = json.loads(file.read_text())
    del data["amounts"]
    file.write_text(json.dumps(data))
    with pytest.raises(UserError, match="earlier version"):
        quantified(old)

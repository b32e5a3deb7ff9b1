"""The CIF of a refinement, read back by parsers that know nothing of its writer."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest

from autogsas.exports import cif_text, latex_text
from autogsas.exports.characters import cif_characters
from autogsas.model.metrics import measure
from tests.exports.refined import CREATED, HOSTILE, Refined, hostile, mixture, quartz, text_of

NAMES = Path(__file__).parent / "cif_names.tsv"


@pytest.fixture(scope="module", params=[quartz, mixture, hostile], ids=lambda make: make.__name__)
def any_text(request: pytest.FixtureRequest) -> str:
    return text_of(request.param())


@pytest.fixture(scope="module")
def one() -> Refined:
    return quartz(tensor=True)


@pytest.fixture(scope="module")
def several() -> Refined:
    return mixture()


def values(block: gemmi.cif.Block) -> Iterator[tuple[str, str]]:
    for item in block:
        if item.pair is not None:
            yield item.pair[0], item.pair[1]
        elif item.loop is not None:
            for index, tag in enumerate(item.loop.tags):
                yield from ((tag, item.loop[row, index]) for row in range(item.loop.length()))


def expected_name(text: str) -> str:
    kept = " ".join("".join(char if char.isprintable() else " " for char in cif_characters(text)).split())
    return kept if len(kept) <= 400 else f"{kept[:397]}..."


def test_it_is_ascii_in_short_lines(any_text: str) -> None:
    assert any_text.isascii()
    lines = any_text.splitlines()
    assert max(map(len, lines)) <= 2048
    assert np.mean([len(line) <= 80 for line in lines]) > 0.99
    assert not re.search(r"[^\x09\x0a\x20-\x7e]", any_text)


def test_every_name_and_word_is_in_the_dictionaries(any_text: str) -> None:
    rows = [line.split("\t") for line in NAMES.read_text().splitlines() if not line.startswith("#")]
    known = {row[0].casefold(): [*row, "", ""][1:3] for row in rows}
    for block in gemmi.cif.read_string(any_text):
        for tag, value in values(block):
            assert tag.casefold() in known, tag
            kind, words = known[tag.casefold()]
            if value in ("?", "."):
                continue
            if words:
                assert gemmi.cif.as_string(value) in words.split(","), tag
            if kind in ("Real", "Integer"):
                assert np.isfinite(gemmi.cif.as_number(value)), (tag, value)


def test_block_codes_are_legal_and_differ(any_text: str) -> None:
    names = re.findall(r"^data_(\S+)$", any_text, flags=re.M)
    assert [block.name for block in gemmi.cif.read_string(any_text)] == names
    assert len({name.casefold() for name in names}) == len(names)
    assert all(len(name) <= 75 for name in names)


def test_hostile_names_come_back() -> None:
    block = gemmi.cif.read_string(text_of(hostile())).sole_block()
    labels = [gemmi.cif.as_string(value) for value in block.find_values("_atom_site_label")]
    assert labels == [expected_name(name) for name in HOSTILE]
    assert gemmi.cif.as_string(block.find_value("_pd_phase_name")) == HOSTILE[0]
    details = gemmi.cif.as_string(block.find_value("_refine_special_details"))
    assert "data_evil ;" in " ".join(details.split())
    assert "data_note" in details


def test_a_second_parser_reads_the_same() -> None:
    parser = pytest.importorskip("CifFile", reason="the second parser is PyCifRW")
    text = text_of(hostile())
    [(_, block)] = parser.ReadCif(io.StringIO(text), grammar="1.1").items()
    assert list(block["_atom_site_label"]) == [expected_name(name) for name in HOSTILE]
    assert len(block["_pd_meas_2theta_scan"]) == 2401


def test_the_parser_of_the_open_database_accepts_it(any_text: str, tmp_path: Path) -> None:
    program = shutil.which("cif_parse")
    if program is None:
        pytest.skip("the program cif_parse of cod-tools is not installed")
    (tmp_path / "best.cif").write_text(any_text)
    command = [program, "--output-json", str(tmp_path / "best.cif")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "ERROR" not in found.stderr
    assert "WARNING" not in found.stderr
    assert "_pd_block_id" in found.stdout


def test_it_reads_back_as_the_refined_structure(one: Refined) -> None:
    *_, result = one
    block = gemmi.cif.read_string(text_of(one)).sole_block()
    structure = gemmi.make_small_structure_from_block(block)
    phase = result.phases[0]
    assert structure.spacegroup.xhm() == "P 32 2 1"
    assert structure.cell.a == pytest.approx(phase.cell.a, abs=1e-4)
    assert [site.label for site in structure.sites] == ["Si", "O"]
    for site, expected in zip(structure.sites, phase.sites, strict=True):
        assert site.fract.tolist() == pytest.approx(expected.xyz, abs=1e-3)
    assert structure.sites[0].u_iso == pytest.approx(phase.sites[0].uiso, abs=1e-3)
    found = structure.sites[1].aniso
    tensor = (found.u11, found.u22, found.u33, found.u12, found.u13, found.u23)
    assert tensor == pytest.approx(phase.sites[1].uaniso, abs=1e-3)
    assert list(block.find_values("_atom_site_adp_type")) == ["Uiso", "Uani"]
    assert "(" in block.find_value("_cell_length_a"), "the cell carries its esd"
    assert "(" not in block.find_value("_cell_angle_gamma"), "what symmetry fixes carries none"


def test_it_says_what_the_cell_holds(one: Refined) -> None:
    block = gemmi.cif.read_string(text_of(one)).sole_block()
    assert block.find_value("_chemical_formula_sum") == "'O2 Si'"
    assert block.find_value("_cell_formula_units_Z") == "3"
    assert list(block.find_values("_atom_site_site_symmetry_multiplicity")) == ["3", "6"]
    assert float(block.find_value("_chemical_formula_weight")) == pytest.approx(60.084, abs=2e-3)
    # Quartz, 2.65 g/cm^3 (Handbook of Chemistry and Physics).
    assert float(block.find_value("_exptl_crystal_density_diffrn")) == pytest.approx(2.65, abs=0.01)


def test_its_figures_are_those_of_its_own_points(one: Refined) -> None:
    block = gemmi.cif.read_string(text_of(one)).sole_block()
    tags = ("_pd_meas_counts_total", "_pd_calc_intensity_total", "_pd_proc_ls_weight")
    observed, calculated, weights = (np.array([float(v) for v in block.find_values(tag)]) for tag in tags)
    figures = measure(observed, calculated, weights, int(block.find_value("_refine_ls_number_parameters")))
    for tag, value in (
        ("_pd_proc_ls_prof_wR_factor", figures.rwp / 100),
        ("_pd_proc_ls_prof_wR_expected", figures.rexp / 100),
        ("_refine_ls_goodness_of_fit_all", figures.gof),
        ("_pd_proc_ls_prof_R_factor", np.abs(observed - calculated).sum() / observed.sum()),
    ):
        assert float(block.find_value(tag)) == pytest.approx(value, rel=2e-3), tag
    meas, calc, times = (
        np.array([float(v) for v in block.find_values(f"_refln_{tag}")])
        for tag in ("F_squared_meas", "F_squared_calc", "symmetry_multiplicity")
    )
    bragg = np.sum(times * np.abs(meas - calc)) / np.sum(times * meas)
    assert float(block.find_value("_refine_ls_R_I_factor")) == pytest.approx(bragg, rel=2e-3)


def test_several_phases_and_patterns_name_each_other(several: Refined) -> None:
    document = gemmi.cif.read_string(text_of(several))
    assert [block.name for block in document] == ["quartz", "fluorite", "data_pattern", "neutrons_pattern", "overall"]
    identities = [block.find_value("_pd_block_id") for block in document]
    overall = document[-1]
    assert list(overall.find_values("_pd_phase_block_id")) == identities[:2]
    assert list(overall.find_values("_pd_block_diffractogram_id")) == identities[2:4]
    shares = [gemmi.cif.as_number(v) for v in document[2].find_values("_pd_phase_mass_%")]
    assert sum(shares) == pytest.approx(100, abs=0.1)
    assert all(re.fullmatch(r"[\d.]+\(\d+\)", text) for text in document[2].find_values("_pd_phase_mass_%"))
    assert document[2].find_value("_pd_qpa_overall.method") == "ZMV"
    assert {*document[2].find_values("_pd_refln_phase_id")} == {"1", "2"}
    assert document[3].find_value("_diffrn_radiation_probe") == "neutron"


def test_what_does_not_count_has_no_weight(several: Refined) -> None:
    block = gemmi.cif.read_string(text_of(several))[3]
    x, weights = (
        np.array([float(v) for v in block.find_values(f"_pd_{tag}")]) for tag in ("meas_2theta_scan", "proc_ls_weight")
    )
    assert np.array_equal(weights == 0, (x > 49.95) & (x < 55.05))
    assert "49.95 to 55.05" in block.find_value("_pd_proc_info_excluded_regions")


def test_what_cannot_be_worked_out_is_left_open(one: Refined) -> None:
    made, record, assessment, result = one
    phase = result.phases[0]
    site = replace(phase.sites[0], element="Xx", xyz=(float("nan"), 0.0, 0.0))
    odd = replace(result, phases=(replace(phase, space_group="no group", sites=(site,)),), parameters=(), steps=())
    block = gemmi.cif.read_string(text_of((made, record, assessment, odd))).sole_block()
    assert block.find_value("_space_group_name_H-M_alt") == "'no group'"
    assert list(block.find_values("_atom_site_fract_x")) == ["?"]
    assert block.find_value("_chemical_formula_sum") is None
    assert "Xx" in latex_text(made, record, odd)


def test_figures_without_a_name_of_their_own_and_the_sentence_on_esds_are_notes(one: Refined, several: Refined) -> None:
    made, record, assessment, result = one
    (figures,) = assessment.histograms
    block = gemmi.cif.read_string(
        cif_text(made, record, assessment, result, CREATED, ("The esds include all.",))
    ).sole_block()
    details = gemmi.cif.as_string(block.find_value("_pd_proc_ls_special_details"))
    assert f"sum w (yo-yb)^2): {figures.rwp_background_subtracted / 100:.4f}" in details
    assert f"statistic d (Hill & Flack, 1987): {figures.durbin_watson:.3f}" in details
    assert "The esds include all." in gemmi.cif.as_string(block.find_value("_refine_special_details"))
    (r_f,) = figures.r_f.values()
    assert float(block.find_value("_refine_ls_R_factor_all")) == pytest.approx(r_f / 100, rel=1e-3)
    patterns = [b for b in gemmi.cif.read_string(text_of(several)) if b.find_value("_pd_proc_ls_special_details")]
    assert len(patterns) == 2
    for pattern, item in zip(patterns, several[2].histograms, strict=True):
        text = gemmi.cif.as_string(pattern.find_value("_pd_proc_ls_special_details"))
        for name, by_phase in (("R(Bragg)", item.r_bragg), ("R(F)", item.r_f)):
            assert f"{name} by phase: " + "; ".join(f"{p}: {v / 100:.4f}" for p, v in by_phase.items()) in text

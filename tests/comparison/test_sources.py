"""What is compared is what the files say: each number is computed again from them."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import autogsas
from autogsas.commands.compare import compare
from autogsas.comparison.fromcif import refinement_from_cif, with_su
from autogsas.errors import UserError
from autogsas.hooks.host import Host

PROJECTS = Path(__file__).parents[2] / "projects"


@pytest.fixture(scope="module")
def fluorapatite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project."""
    folder = tmp_path_factory.mktemp("project") / "fluorapatite"
    shutil.copytree(PROJECTS / "fluorapatite", folder, ignore=shutil.ignore_patterns("runs", "pictures"))
    return folder


@pytest.fixture(scope="module")
def automated(fluorapatite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short automated run on it."""
    folder = tmp_path_factory.mktemp("automated") / "run"
    autogsas.run(fluorapatite, backend="numpy", trials=2, seed=1, out=folder)
    return folder


@pytest.fixture(scope="module")
def found(fluorapatite: Path, automated: Path):
    """That run against the recipe by hand and the CIF that both began with."""
    recipe, cif = fluorapatite / "handmade.recipe.yaml", fluorapatite / "fluorapatite.cif"
    return compare(automated, recipe, cif)


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_figures_of_the_run_are_those_of_its_files(automated: Path, found):
    rows = table(automated / "pattern.csv")
    y, calculated, weight = (
        np.array([float(row[key] or "nan") for row in rows]) for key in ("observed", "calculated", "weight")
    )
    variables = sum(1 for row in table(automated / "parameters.csv") if row["esd"])
    good = weight > 0
    n = int(good.sum())
    chi2 = float(np.sum(weight[good] * (y[good] - calculated[good]) ** 2))
    total = float(np.sum(weight[good] * y[good] ** 2))
    figures = found.refinements[0].figures
    assert figures.rwp == pytest.approx(100 * math.sqrt(chi2 / total), rel=1e-6)
    # What is tied to another has an esd and is no variable, so the count is the summary's.
    assert figures.n_variables <= variables
    assert figures.n_observations == n
    assert figures.rexp == pytest.approx(100 * math.sqrt((n - figures.n_variables) / total), rel=1e-6)
    assert figures.gof == pytest.approx(figures.rwp / figures.rexp, rel=1e-9)
    assert figures.bic == pytest.approx(n * math.log(chi2 / n) + figures.n_variables * math.log(n), rel=1e-6)
    reflections = table(automated / "reflections.csv")
    observed = np.array([float(r["multiplicity"]) * float(r["f2_observed"]) for r in reflections])
    computed = np.array([float(r["multiplicity"]) * float(r["f2_calculated"]) for r in reflections])
    bragg = 100 * np.sum(np.abs(observed - computed)) / np.sum(observed)
    assert dict(found.refinements[0].fits[0].r_bragg)["fluorapatite"] == pytest.approx(bragg, rel=1e-6)


def test_a_guided_trial_is_not_made_by_hand(automated: Path) -> None:
    summary = json.loads((automated / "summary.json").read_text(encoding="utf-8"))
    assert [item["origin"] for item in summary["history"][:2]] == ["by hand", "guided by the data"]
    assert [item["name"] for item in summary["by_hand"]] == ["by hand"]


def test_every_difference_is_that_of_the_files(fluorapatite: Path, automated: Path, found, tmp_path: Path):
    done = autogsas.refine(fluorapatite, fluorapatite / "handmade.recipe.yaml", backend="numpy", out=tmp_path / "hand")
    sides = [{row["name"]: row for row in table(folder / "parameters.csv")} for folder in (automated, done.folder)]
    checked = 0
    for row in found.rows:
        # A CIF's fraction is the same number whatever the setting; positions are those the run wrote.
        stem = {"cell": row.owner, "atoms": row.owner}.get(row.section)
        if stem is None:
            stem = row.owner.replace(", ", ":")
        name = f"{stem}:{row.name.replace(' U_iso', ':Uiso').replace(' occupancy', ':occupancy')}"
        name = re.sub(r" ([xyz])$", r":\1", name)
        both = [side.get(name) for side in sides]
        if None in both or row.gaps[0] is None:
            continue
        values = [float(item["value"]) for item in both]
        esds = [float(item["esd"]) if item["esd"] else 0.0 for item in both]
        assert row.gaps[0].value == pytest.approx(values[0] - values[1], rel=1e-4, abs=1e-7), name
        if any(esds):
            right = (values[0] - values[1]) / math.hypot(*esds)
            assert row.gaps[0].esds == pytest.approx(right, rel=1e-3, abs=1e-3), name
        checked += 1
    assert checked > 30
    assert found.refinements[1].figures.rwp == pytest.approx(done.summary.rwp, rel=1e-9)
    assert found.refinements[1].figures.n_variables == done.summary.n_variables


def test_the_verdicts_on_the_real_refinements(found):
    by_hand, cif = (pair.verdict for pair in found.pairs)
    assert by_hand.word == "better and consistent"
    assert by_hand.lower == "run"
    assert cif.word == "same"
    assert found.refinements[1].order[0].startswith("Free scale and background (chebyschev-1, 8 terms)")
    assert found.refinements[1].fits[0].terms == 8
    assert found.refinements[1].kind == "recipe"


def test_a_run_is_the_same_as_itself_and_as_its_copy(automated: Path, tmp_path: Path):
    copy = tmp_path / "run"
    shutil.copytree(automated, copy)
    again = compare(automated, copy)
    assert again.pairs[0].verdict.word == "same"
    assert len({item.label for item in again.refinements}) == 2
    assert all(gap is None or gap.value == 0.0 for row in again.rows for gap in row.gaps)


def test_the_best_cif_of_a_run_is_the_same_structure(automated: Path):
    found = compare(automated, automated / "best.cif")
    assert found.pairs[0].verdict.word == "same"
    esds = {row.name: [cell.esd for cell in row.cells if cell] for row in found.rows if row.section == "cell"}
    assert esds["a"][0] == pytest.approx(esds["a"][1], rel=0.06)  # to the digits in brackets


def test_a_compared_recipe_leaves_no_files(fluorapatite: Path, automated: Path):
    before = sorted(path.name for path in fluorapatite.iterdir())
    stamps = {path: path.stat().st_mtime_ns for path in automated.rglob("*")}
    compare(automated, fluorapatite / "handmade.recipe.yaml")
    assert sorted(path.name for path in fluorapatite.iterdir()) == before
    assert {path: path.stat().st_mtime_ns for path in automated.rglob("*")} == stamps


@pytest.mark.parametrize(
    ("text", "value", "su"),
    [
        ("9.3971(3)", 9.3971, 3e-4),
        ("-0.0071(12)", -0.0071, 1.2e-3),
        (".25", 0.25, None),
        ("120", 120.0, None),
        ("12300(700)", 12300.0, 700.0),
        ("1.20(3)e-9", 1.2e-9, 3e-11),
        ("1.2e2(3)", 120.0, 30.0),
        ("?", None, None),
        (".", None, None),
        (None, None, None),
        ("abc", None, None),
    ],
)
def test_numbers_of_a_cif(text, value, su):
    found = with_su(text)
    assert found[0] == (None if value is None else pytest.approx(value))
    assert found[1] == (None if su is None else pytest.approx(su))


CIF = """data_first
_cell_length_a 4.1231(2)
_cell_length_b 4.1231(2)
_cell_length_c 4.1231(2)
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_B_iso_or_equiv
Cs Cs 0 0 0 1.579(79)
Cl Cl 0.5 0.5 0.5 0.79
data_pattern
_pd_proc_ls_prof_wR_factor 0.0712
_pd_proc_ls_prof_wR_expected 0.0400
_refine_ls_goodness_of_fit_all 1.78
_refine_ls_number_parameters 21
"""
CURVES = """_pd_meas_2theta_range_min 10
_pd_meas_2theta_range_max 12
_pd_meas_2theta_range_inc 0.5
loop_
_pd_meas_counts_total
_pd_calc_intensity_total
_pd_proc_ls_weight
100 90 0.01
144 144 .007
81 85 0.012
64 ? 0.015
100 110 0.01
"""


def test_a_cif_gives_its_esds_its_reported_figures_and_its_curves(tmp_path: Path):
    file = tmp_path / "a.cif"
    file.write_text(CIF)
    found = refinement_from_cif(Host(entry_points=False), file, "cif")
    assert (found.figures.rwp, found.figures.rexp) == (pytest.approx(7.12), pytest.approx(4.0))
    assert (found.figures.gof, found.figures.n_variables, found.fits) == (1.78, 21, ())
    esds = {item.name: item.esd for item in found.parameters}
    assert esds["first:a"] == pytest.approx(2e-4)
    assert esds["first:Cs:Uiso"] == pytest.approx(0.079 / (8 * math.pi**2), rel=1e-9)
    assert esds["first:Cl:Uiso"] is None
    file.write_text(CIF + CURVES)
    fit = refinement_from_cif(Host(entry_points=False), file, "cif").fits[0]
    assert fit.profile.two_theta.tolist() == [10, 10.5, 11, 11.5, 12]
    chi2, total = 0.01 * 100 + 0.012 * 16 + 0.01 * 100, 0.01 * 1e4 + 0.007 * 144**2 + 0.012 * 81**2 + 0.01 * 1e4
    assert fit.rwp == pytest.approx(100 * math.sqrt(chi2 / total))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["run"], "two or more refinements"),
        (["run", "nowhere"], "no such file or folder"),
        (["run", "empty"], "not a refinement"),
        (["run", "words.txt"], "not a refinement"),
        (["run", "bad.cif"], "cannot be read as CIF"),
        (["run", "no-atoms.cif"], "has no atoms"),
        (["run", "half"], "is damaged"),
        (["words.txt", "lonely.yaml"], "not a refinement"),
        (["no-atoms.cif", "lonely.yaml"], "has no atoms"),
        (["good.cif", "lonely.yaml"], "no project found for this recipe"),
        (["run", "wrong.yaml"], "steps"),
    ],
)
def test_mistakes_are_one_line(automated: Path, tmp_path: Path, names, says):
    shutil.copytree(automated, tmp_path / "run")
    (tmp_path / "empty").mkdir()
    (tmp_path / "half").mkdir()
    summary = json.loads((automated / "summary.json").read_text())
    del summary["rwp"]
    (tmp_path / "half" / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "words.txt").write_text("words")
    (tmp_path / "bad.cif").write_text("data_a\nloop_\n_x\n'unclosed\n")
    (tmp_path / "no-atoms.cif").write_text("data_a\n_cell_length_a 4\n")
    (tmp_path / "good.cif").write_text(CIF)
    (tmp_path / "lonely.yaml").write_text("steps: [{free: [scale]}]\n")
    (tmp_path / "wrong.yaml").write_text("steps: nothing\n")
    with pytest.raises(UserError) as error:
        compare(*(tmp_path / name for name in names))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_run_without_a_usable_trial_is_reported(automated: Path, tmp_path: Path):
    shutil.copytree(automated, tmp_path / "run")
    file = tmp_path / "run" / "summary.json"
    summary = json.loads(file.read_text())
    summary["best_trial"] = None
    file.write_text(json.dumps(summary))
    with pytest.raises(UserError, match="no usable trial"):
        compare(automated, tmp_path / "run")

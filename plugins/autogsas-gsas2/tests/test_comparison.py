"""A .gpx made by hand in a comparison: its numbers are those that GSAS-II's own functions give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import autogsas
import pytest
from autogsas.commands.compare import compare
from autogsas.errors import UserError

from autogsas_gsas2.plugin import autogsas_read_refinement

pytestmark = pytest.mark.engine("gsas2")

# The steps of GSAS-II's tutorial "LabData": background and scale, cell and displacement, widths, structure.
_BY_HAND = """
import json, os
data, out = sys.argv[1:]
os.chdir(os.path.dirname(out))
project = G2sc.G2Project(newgpx=out)
histogram = project.add_powder_histogram(data + "/FAP.XRA", data + "/INST_XRY.PRM")
phase = project.add_phase(data + "/fluorapatite.cif", phasename="Apatite <F>", histograms=[histogram], fmthint="CIF")
histogram.data["Sample Parameters"]["Type"] = "Bragg-Brentano"
histogram.set_refinements({"Limits": [16.0, 130.0],
                           "Background": {"type": "chebyschev-1", "refine": True, "no. coeffs": 6}})
for histogram_flags, phase_flags in (
    ({}, {}),
    ({"Sample Parameters": ["Scale", "Shift"]}, {"Cell": True}),
    ({"Instrument Parameters": ["W", "X", "Y"]}, {}),
    ({"Instrument Parameters": ["SH/L"]}, {}),
    ({}, {"Atoms": {"all": "XU"}}),
    ({}, {}),
):
    histogram.set_refinements(histogram_flags)
    phase.set_refinements(phase_flags)
    project.do_refinements([{}])
project.save()
"""
# The contents of a .gpx, read by GSAS-II's own functions.
_READ = """
import json
project = G2sc.G2Project(sys.argv[1])
phase, histogram = project.phases()[0], project.histograms()[0]
cell, esds = phase.get_cell_and_esd()
found = project.data["Covariance"]["data"]
sig = dict(zip(found["varyList"], (float(value) for value in found["sig"])))
atoms = {}
for number, atom in enumerate(phase.atoms()):
    atoms[atom.label] = {"xyz": list(atom.coordinates), "uiso": atom.uiso,
                         "esds": [sig.get(f"0::dA{axis}:{number}") for axis in "xyz"],
                         "uiso_esd": sig.get(f"0::AUiso:{number}")}
instrument = {name: histogram["Instrument Parameters"][0][name][1] for name in ("W", "X", "Y", "SH/L")}
print(json.dumps({
    "rwp": float(found["Rvals"]["Rwp"]), "gof": float(found["Rvals"]["GOF"]), "nvars": int(found["Rvals"]["Nvars"]),
    "nobs": int(found["Rvals"]["Nobs"]), "converged": bool(found["Rvals"]["converged"]),
    "cell": cell, "cell_esds": esds, "atoms": atoms, "instrument": instrument,
    "instrument_esds": {name: sig[":0:" + name] for name in instrument},
    "shift": float(histogram["Sample Parameters"]["Shift"][0]), "shift_esd": sig[":0:Shift"],
}, default=float))
"""


@pytest.fixture(scope="module")
def by_hand(run_in_gsas2: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .gpx refined by hand on the tutorial's pattern, alone in its folder."""
    data = Path(__file__).parents[4] / "shared" / "data" / "fluorapatite"
    if not data.is_dir():
        pytest.skip(f"the measured patterns are not at {data}")
    out = tmp_path_factory.mktemp("hand") / "by hand.gpx"
    run_in_gsas2(_BY_HAND, data, out)
    return out


@pytest.fixture(scope="module")
def truth(by_hand: Path, run_in_gsas2: Callable[..., str]) -> dict[str, Any]:
    """The contents of that .gpx, read by GSAS-II's own functions."""
    found: dict[str, Any] = json.loads(run_in_gsas2(_READ, by_hand).splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def automated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short automated run on the project's own copy of the pattern, by the numpy engine."""
    folder = tmp_path_factory.mktemp("automated") / "run"
    autogsas.run(
        Path(__file__).parents[3] / "projects" / "fluorapatite",
        backend="numpy",
        trials=1,
        seed=1,
        scout="off",
        out=folder,
    )
    return folder


def test_the_numbers_of_the_gpx_are_gsas2s_own(by_hand: Path, truth: dict[str, Any]) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in by_hand.parent.iterdir()}
    found = autogsas_read_refinement(by_hand)
    assert found is not None
    project, result = found
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in by_hand.parent.iterdir()} == before
    assert result.engine_rwp == pytest.approx(truth["rwp"], rel=1e-9)
    assert result.n_variables == truth["nvars"]
    assert result.converged == truth["converged"]
    parameters = {item.name: item for item in result.parameters}
    phase, histogram = project.phases[0].name, project.histograms[0].name
    for key in ("a", "b", "c"):
        item = parameters[f"{phase}:{key}"]
        assert item.value == pytest.approx(truth["cell"][f"length_{key}"], rel=1e-9)
        assert item.esd == pytest.approx(truth["cell_esds"][f"length_{key}"], rel=1e-6)
    for label, atom in truth["atoms"].items():
        for axis, value, esd in zip("xyz", atom["xyz"], atom["esds"], strict=True):
            item = parameters[f"{phase}:{label}:{axis}"]
            assert item.value == pytest.approx(value, abs=1e-12)
            assert item.esd == (None if esd is None or esd == 0 else pytest.approx(esd, rel=1e-9))
        assert parameters[f"{phase}:{label}:Uiso"].value == pytest.approx(atom["uiso"], rel=1e-12)
        assert parameters[f"{phase}:{label}:Uiso"].esd == pytest.approx(atom["uiso_esd"], rel=1e-9)
    for name, value in truth["instrument"].items():
        assert parameters[f"{histogram}:{name}"].value == pytest.approx(value, rel=1e-12)
        assert parameters[f"{histogram}:{name}"].esd == pytest.approx(truth["instrument_esds"][name], rel=1e-9)
    assert parameters[f"{histogram}:Shift"].value == pytest.approx(truth["shift"], rel=1e-12)


def test_the_comparison_has_the_right_numbers_and_verdict(
    automated: Path, by_hand: Path, truth: dict[str, Any]
) -> None:
    found = compare(automated, by_hand)
    mine, hand = found.refinements
    assert hand.figures.rwp == pytest.approx(truth["rwp"], abs=1e-3)
    assert hand.figures.gof == pytest.approx(truth["gof"], rel=1e-3)
    assert hand.figures.n_observations == truth["nobs"]
    assert hand.figures.n_variables == truth["nvars"]
    assert (hand.fits[0].background, hand.fits[0].terms, hand.fits[0].limits) == ("chebyschev-1", 6, (16.0, 130.0))
    pair = found.pairs[0]
    # Both over the narrower range of the refinement by hand: the run's Rwp is lower, and the structure is the same.
    assert pair.common is not None
    assert pair.common.differ
    assert pair.common.one.n_observations == truth["nobs"]
    assert pair.common.two.rwp == pytest.approx(truth["rwp"], abs=1e-3)
    assert (pair.verdict.word, pair.verdict.lower) == ("better and consistent", mine.label)
    rows = {(row.section, row.name): row for row in found.rows}
    for key in ("a", "c"):
        row = rows["cell", key]
        value, esd = truth["cell"][f"length_{key}"], truth["cell_esds"][f"length_{key}"]
        own = next(item for item in mine.parameters if item.name.endswith(f":{key}") and item.group == "cell")
        assert row.gaps[0] is not None
        assert row.gaps[0].value == pytest.approx(own.value - value, abs=1e-9)
        assert row.gaps[0].esds == pytest.approx((own.value - value) / (own.esd**2 + esd**2) ** 0.5, rel=1e-5)
    assert rows["instrument", "Shift"].cells[1] is not None
    assert rows["instrument", "Shift"].gaps[0] is not None


def test_a_gpx_that_was_never_refined_is_an_error(small_gpx: Path) -> None:
    with pytest.raises(UserError, match="holds no finished refinement"):
        autogsas_read_refinement(small_gpx)


def test_a_file_of_another_kind_is_left_to_other_plugins(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    assert autogsas_read_refinement(tmp_path / "a.txt") is None

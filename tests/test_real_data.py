"""Complete runs on real patterns; most need ``python -m pytest -m slow``. Tests without their data are skipped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import autogsas

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


def shared_project(
    folder: Path, name: str, pattern: str, instrument: str, cif: str, limits: list[float], **more: object
) -> Path:
    if not SHARED.is_dir():
        pytest.skip("needs the patterns in ../shared/data")
    data = {"file": str(SHARED / pattern), "instrument": str(SHARED / instrument), "limits": limits, **more}
    folder.mkdir()
    (folder / "project.yaml").write_text(
        yaml.safe_dump({"name": name, "data": [data], "phases": [{"file": str(SHARED / cif)}]})
    )
    return folder


def no_errors(run: autogsas.Run) -> bool:
    return not any(finding.severity == "error" for finding in run.summary.findings)


def test_two_trials_on_lbco(tmp_path: Path) -> None:
    run = autogsas.run(ROOT / "projects" / "lbco-neutron", backend="numpy", trials=2, seed=1, out=tmp_path / "run")
    assert run.exit_status == 0
    assert run.summary.rwp <= 6.9
    assert no_errors(run)
    assert {path.name for path in run.folder.iterdir()} >= {
        "summary.json",
        "best.recipe.yaml",
        "best.cif",
        "best.py",
        "pattern.csv",
        "trials.csv",
        "study.db",
        "report.html",
        "log.txt",
    }


@pytest.mark.slow
def test_fluorapatite(tmp_path: Path) -> None:
    """The tutorial's hand-made result is 10.38 % (15 to 130 degrees, 34 variables), a careful one 9.14 %."""
    run = autogsas.run(ROOT / "projects" / "fluorapatite", backend="numpy", trials=40, seed=1, out=tmp_path / "run")
    assert run.summary.rwp <= 9.14
    assert no_errors(run)
    # Isotropic, or the equivalent of a tensor.
    displacements = [site.uiso for phase in run.summary.structure for site in phase.sites]
    assert displacements
    assert min(displacements) > 0
    assert [candidate.count for candidate in run.summary.candidates] == [run.summary.trials.complete]


@pytest.mark.slow
def test_y2o3(tmp_path: Path) -> None:
    """An expert reached about 7 %, the published search 6.575 % in 200 trials, GSAS-II with care 5.91 %."""
    project = shared_project(
        tmp_path / "p", "y2o3", "y2o3/y2o3.csv", "y2o3/INST_XRY.PRM", "y2o3/y2o3.cif", [15.0, 150.0]
    )
    run = autogsas.run(project, backend="numpy", trials=100, seed=1, out=tmp_path / "run")
    assert run.summary.rwp <= 5.91
    assert no_errors(run)
    assert run.summary.structure[0].cell.a == pytest.approx(10.603, abs=0.003)
    assert len(run.summary.candidates) == 1


@pytest.mark.slow
def test_pbso4_neutrons(tmp_path: Path) -> None:
    """The tutorial reaches 4.53 %, GSAS-II with care 4.48 %."""
    project = shared_project(
        tmp_path / "p", "pbso4", "pbso4/PBSO4.CWN", "pbso4/inst_d1a.prm", "pbso4/pbso4.cif", [19.0, 153.0]
    )
    run = autogsas.run(project, backend="numpy", trials=40, seed=1, out=tmp_path / "run")
    assert run.summary.rwp <= 4.48
    assert no_errors(run)
    assert len(run.summary.candidates) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("axial_sum", "bound"), [("GSAS-II", 5.95), ("converged", 5.1)])
def test_y2o3_by_the_first_seeds(tmp_path: Path, axial_sum: str, bound: float) -> None:
    """GSAS-II with care reaches 5.91 %; the converged integral fits better with the same variables."""
    project = shared_project(
        tmp_path / "p",
        "y2o3",
        "y2o3/y2o3.csv",
        "y2o3/INST_XRY.PRM",
        "y2o3/y2o3.cif",
        [15.0, 150.0],
        axial_sum=axial_sum,
    )
    run = autogsas.run(project, backend="numpy", trials=2, seed=1, out=tmp_path / "run")
    assert run.summary.rwp <= bound
    assert no_errors(run)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.993, 1.007])
def test_fluorapatite_from_a_wrong_cell(tmp_path: Path, factor: float) -> None:
    """From such cells least squares can end in false minima; the search finds the cell from the peaks first."""
    ends = []
    for scale in (1.0, factor):
        folder = shared_project(
            tmp_path / str(scale),
            "FAP",
            "fluorapatite/FAP.XRA",
            "fluorapatite/INST_XRY.PRM",
            "fluorapatite/fluorapatite.cif",
            [15.0, 130.0],
        )
        with_scaled_cell(folder / "project.yaml", scale)
        run = autogsas.run(folder, backend="numpy", trials=20, seed=1, out=tmp_path / f"run {scale}")
        assert no_errors(run)
        assert run.summary.structure[0].cell.a == pytest.approx(9.372, abs=0.002)
        ends.append(run.summary.rwp)
    assert ends[1] == pytest.approx(ends[0], abs=0.05)


def with_scaled_cell(written: Path, scale: float) -> None:
    """Make a project start from a copy of its CIF with scaled axes."""
    given = yaml.safe_load(written.read_text())
    cif = Path(given["phases"][0]["file"]).read_text()
    moved = re.sub(r"(_cell_length_[abc]\s+)([\d.]+)", lambda m: f"{m[1]}{scale * float(m[2]):.6f}", cif)
    (written.parent / "moved.cif").write_text(moved)
    written.write_text(yaml.safe_dump(given | {"phases": [{"file": "moved.cif"}]}))

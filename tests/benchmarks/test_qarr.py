"""The loader of the round robin: files that are there and are not, and the arithmetic of the comparison."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from autogsas.benchmarks import qarr
from autogsas.benchmarks.qarr import SUMS, WEIGHED, Answer, Deviation, mixture, totals
from autogsas.errors import UserError
from autogsas.model.project import Search
from autogsas.model.quantification import PhaseAmount, Quantification, Share
from autogsas.runfolder.summary import Summary
from tests.engine.models import simulate
from tests.quantification.test_quantify import cell_mass
from tests.runs import write_run


def write_sample(folder: Path, sample: str) -> Path:
    """A pattern simulated by the numpy engine at the weighed shares, in place of the measured one."""
    file = folder / f"cpd-{sample}.prn"
    x = np.arange(18.0, 80.0, 0.03)
    np.savetxt(file, np.column_stack([x, np.ones_like(x)]), fmt="%.3f")
    made, _ = mixture(sample, folder, Search())
    scales = tuple(50.0 * share / cell_mass(phase) for phase, share in zip(made.phases, WEIGHED[sample], strict=True))
    y = np.random.default_rng(3).poisson(simulate(made, scales, np.full(x.size, 100.0)))
    np.savetxt(file, np.column_stack([x, y]), fmt="%.3f")
    return file


def test_the_known_samples_add_up() -> None:
    assert WEIGHED.keys() == SUMS.keys()
    assert all(sum(shares) == pytest.approx(100, abs=0.02) for shares in WEIGHED.values())
    assert len(set(SUMS.values())) == 8


def test_another_file_is_used_with_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_sample(tmp_path, "1g")
    made, remark = mixture("1g", tmp_path, Search())
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    assert remark == f"cpd-1g.prn: another file than the known one, SHA-256 {found}"
    assert [phase.name for phase in made.phases] == ["corundum", "zincite", "fluorite"]
    monkeypatch.setattr(qarr, "SUMS", {"1g": found})
    assert mixture("1g", tmp_path, Search())[1] == ""


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cpd-1a\.prn: cannot be read"):
        mixture("1a", tmp_path, Search())
    for text in ("no numbers\n", "1 2 3\n4 5 6\n", "1 2\n3\n"):
        (tmp_path / "cpd-1a.prn").write_text(text)
        with pytest.raises(UserError, match=r"cpd-1a\.prn: is not two columns of numbers"):
            mixture("1a", tmp_path, Search())


def test_deviations_are_from_the_weighed_shares(tmp_path: Path) -> None:
    shares = (Share(0.30, 0.01), Share(0.35, 0.02), Share(0.35))
    amounts = tuple(PhaseAmount(name, share) for name, share in zip(qarr._NAMES, shares, strict=True))
    summary = Summary.model_validate(
        write_run(tmp_path, points=900) | {"quantification": (Quantification("cpd-1g", amounts),)}
    )
    found = qarr.deviations("1g", summary)
    assert [item.difference for item in found] == pytest.approx([0.30 - 0.3137, 0.35 - 0.3421, 0.35 - 0.3442])
    (line,) = totals([Answer("1g", "numpy", summary, found), Answer("1a", "numpy", summary, ())])
    rms = 100 * np.sqrt(np.mean([item.difference**2 for item in found]))
    assert line == (
        f"numpy: 2 samples, 1 without a usable answer; rms {rms:.2f} wt%, worst -1.37 wt% (corundum in 1g), "
        "2 of 2 within 3 printed esds"
    )


def test_a_deviation_beyond_three_esds_is_not_covered(tmp_path: Path) -> None:
    summary = Summary.model_validate(write_run(tmp_path, points=900))
    found = (Deviation("corundum", 0.3, 0.331, 0.01), Deviation("zincite", 0.7, 0.671, 0.01))
    (line,) = totals([Answer("1g", "numpy", summary, found)])
    assert "1 of 2 within 3 printed esds" in line


@pytest.mark.slow
def test_a_search_finds_the_shares_of_a_simulated_sample(tmp_path: Path) -> None:
    write_sample(tmp_path, "1d")
    options = ["--sample", "1d", "--backend", "numpy", "--trials", "2", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(qarr.qarr, [str(tmp_path), *options], standalone_mode=False)
    assert done.exception is None
    assert "another file than the known one" in done.output
    rows = (tmp_path / "out" / "qarr.csv").read_text().splitlines()[1:]
    for row in rows:
        weighed, found, esd = (float(value) for value in row.split(",")[-3:])
        assert abs(found - weighed) < 4 * esd < 0.06
    # A finished search is used again.
    before = sorted((tmp_path / "out").rglob("*"))
    assert CliRunner().invoke(qarr.qarr, [str(tmp_path), *options], standalone_mode=False).exception is None
    assert sorted((tmp_path / "out").rglob("*")) == before

"""The tables for LaTeX."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from autogsas.exports import latex_text
from autogsas.exports.characters import latex_characters
from autogsas.text.formatting import with_esd
from tests.exports.refined import HOSTILE, hostile, mixture, quartz


def written(refined: object) -> str:
    made, record, _, result = refined  # type: ignore[misc]
    return latex_text(made, record, result)


def test_values_have_their_esds_in_parentheses() -> None:
    made, record, _, result = quartz()
    text = latex_text(made, record, result)
    named = {parameter.name: parameter for parameter in result.parameters}
    for name in ("quartz:a", "quartz:c", "quartz:volume", "quartz:Si:x", "quartz:O:z", "quartz:Si:Uiso"):
        shown = with_esd(named[name].value, named[name].esd)
        assert "(" in shown
        assert f"& {shown}" in text, name
    assert r"Formula & O$_{2}$Si \\" in text
    assert r"Space group & $P\,3_{2}\,2\,1$ \\" in text
    assert f"{record.metrics.rwp:.2f}" in text


def test_hostile_names_are_only_text() -> None:
    text = written(hostile())
    assert text.isascii()
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    for line in text.splitlines():
        bare = re.sub(r"\\[&%$#_{}]", "", line)
        assert bare.count("&") in (0, 1, 2, 6), line
        assert "#" not in bare
        assert "%" not in bare or line.startswith("%")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a_b", r"a\_b"),
        ("50 %", r"50 \%"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("é", r"\'{e}"),
        ("α", r"\ensuremath{\alpha}"),
        ("µm", r"\ensuremath{\mu}m"),
        ("中", "U+4E2D"),
    ],
)
def test_characters(given: str, shown: str) -> None:
    assert latex_characters(given) == shown


@pytest.mark.parametrize("make", [quartz, mixture, hostile])
def test_latex_sets_it(make: object, tmp_path: Path) -> None:
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("pdflatex is not installed")
    (tmp_path / "parameters.tex").write_text(written(make()), encoding="ascii")  # type: ignore[operator]
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,longtable,textcomp}\begin{document}\input{parameters.tex}"
        r"\end{document}"
    )
    command = [program, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert len(HOSTILE) > 10

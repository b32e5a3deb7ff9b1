"""The command advise: what it says of a run and of a recipe, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from autogsas.cli import cli
from autogsas.commands.advise import advise
from autogsas.commands.verbs import RefineRequest, refine
from autogsas.errors import UserError

LBCO = Path(__file__).parents[2] / "projects" / "lbco-neutron"
RECIPE = """
schema: 1
steps:
  - background: {function: chebyschev-1, terms: 6}
    free: [scale, background, cell, zero]
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("advise") / "plain.recipe.yaml"
    file.write_text(RECIPE, encoding="utf-8")
    return file


def test_a_recipe_and_a_run_of_it_get_the_same_advice(recipe: Path, tmp_path: Path) -> None:
    found = advise(LBCO, recipe=recipe)
    assert {"scale", "background", "cell", "zero"} <= set(found.refined)
    assert found.gains[0].evidence > 100
    assert [gain.evidence for gain in found.gains] == sorted((gain.evidence for gain in found.gains), reverse=True)
    assert "zero" not in [gain.candidate.name for gain in found.gains]
    done = refine(LBCO, recipe, RefineRequest(backend="numpy", out=tmp_path / "run"))
    assert done.best is not None
    again = advise(done.folder)
    assert again.gains[0].candidate.name == found.gains[0].candidate.name
    assert again.stored_rwp == pytest.approx(again.rwp, abs=0.01)


def test_without_a_recipe_the_scale_is_refined_alone() -> None:
    found = advise(LBCO)
    assert found.refined == ("scale", "background")
    assert found.gains


def test_the_command_prints_a_table_or_json(recipe: Path) -> None:
    done = CliRunner().invoke(cli, ["advise", str(LBCO), "--recipe", str(recipe), "--top", "3"])
    assert done.exit_code == 0
    assert "expected Rwp" in done.output
    done = CliRunner().invoke(cli, ["advise", str(LBCO), "--recipe", str(recipe), "--json"])
    data = json.loads(done.output)
    assert data["schema"] == 1
    assert {"name", "free", "rwp", "bic", "variables", "changes"} <= data["gains"][0].keys()


@pytest.mark.parametrize(("name", "text"), [("none.gpx", "no such file or folder"), ("empty", "project")])
def test_a_mistake_is_one_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=text):
        advise(tmp_path / name)


def test_a_recipe_is_not_for_a_run(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="--recipe is for a project"):
        advise(tmp_path, recipe=recipe)


@pytest.mark.parametrize("command", [["run"], ["advise"], ["refine", "--recipe", "x"]])
def test_a_recipe_in_place_of_a_project_is_recognised(recipe: Path, command: list[str]) -> None:
    done = CliRunner().invoke(cli, [*command, str(recipe)])
    assert isinstance(done.exception, UserError)
    assert str(done.exception).endswith(": this is a recipe; use: autogsas refine PROJECT --recipe FILE")


@pytest.mark.parametrize("command", ["advise", "refine"])
def test_a_project_in_place_of_a_recipe_is_recognised(command: str) -> None:
    done = CliRunner().invoke(cli, [command, str(LBCO), "--recipe", str(LBCO / "project.yaml")])
    assert isinstance(done.exception, UserError)
    assert "this is a project, not a recipe" in str(done.exception)

"""The Le Bail floor of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autogsas.commands import verbs
from autogsas.engine.session import EngineSession
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Recipe, Step
from autogsas.search import floor
from autogsas.search.floor import TITLE, floor_recipe
from tests.engine.models import QUARTZ, XRAY, project, simulate, step, with_data

RECIPE = Recipe(
    steps=(
        step("scale", "background", terms=4),
        step("cell", "W"),
        Step(title="structure", free=(Free(group="uiso"),)),
    )
)


def wrong() -> Project:
    """Quartz with noise, and a model with oxygen 0.05 Angstrom off: the structure is what does not fit."""
    made = project((QUARTZ,), XRAY, (18.0, 90.0), 0.05)
    clean = simulate(made, (400.0,), np.full(made.histograms[0].pattern.x.size, 300.0))
    made = with_data(made, np.random.default_rng(5).poisson(clean).astype(float))
    x, y, z = QUARTZ.sites[1].xyz
    sites = (QUARTZ.sites[0], replace(QUARTZ.sites[1], xyz=(x + 0.01, y, z)))
    return replace(made, phases=(replace(QUARTZ, sites=sites),))


def test_only_intensities_and_background_are_refined_last() -> None:
    recipe = floor_recipe(RECIPE)
    assert recipe.steps[:-1] == RECIPE.steps
    last = recipe.steps[-1]
    assert (last.title, last.intensities, [free.group for free in last.free]) == (TITLE, "Le Bail", ["background"])
    assert {free.group for free in last.fix} == {"scale", "cell", "W", "uiso"}


def test_the_floor_is_below_what_a_wrong_structure_leaves_and_near_the_noise(tmp_path: Path) -> None:
    run = verbs.refine(
        (wrong(), Host(entry_points=False)), RECIPE, verbs.RefineRequest(backend="numpy", out=tmp_path / "r")
    )
    summary = run.summary
    assert summary.le_bail_floor is not None
    assert summary.le_bail_floor.note == ""
    assert summary.le_bail_floor.engine == "numpy"
    assert summary.rwp is not None
    assert summary.rexp is not None
    assert summary.le_bail_floor.rwp is not None
    assert summary.rwp > 1.3 * summary.rexp
    assert 0.95 * summary.rexp < summary.le_bail_floor.rwp < 1.1 * summary.rexp
    assert "Le Bail floor" in (run.folder / "best.cif").read_text()


def test_free_intensities_keep_the_pattern_at_first_and_then_lower_chi2() -> None:
    session = EngineSession(wrong(), "test")
    for item in RECIPE.steps:
        session.refine(item)
    before = session.result().engine_rwp
    last = floor_recipe(RECIPE).steps[-1]
    first = session.refine(last.model_copy(update={"cycles": 1}))
    assert first.n_variables == 4
    assert first.rwp < before
    after = [session.refine(last.model_copy(update={"cycles": 2})).rwp for _ in range(4)]
    assert all(two <= one * (1 + 1e-9) for one, two in zip([first.rwp, *after], after, strict=False))
    found = session.result()
    assert [phase.intensities for phase in found.phases] == ["Le Bail"]
    assert {p.group for p in found.parameters if p.name in found.varied} == {"background"}


@pytest.mark.parametrize("broken", ["recipe", "moved", "engine"])
def test_a_floor_that_fails_loses_nothing(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = Step(title="x", free=(Free(group="background"),), limits=(200.0, 201.0))
    if broken == "recipe":
        monkeypatch.setattr(floor, "floor_recipe", lambda recipe: recipe.model_copy(update={"steps": (last,)}))
    elif broken == "moved":
        steps = floor_recipe(RECIPE).steps
        monkeypatch.setattr(floor, "floor_recipe", lambda recipe: recipe.model_copy(update={"steps": steps[::3]}))
    else:
        monkeypatch.setattr(floor, "Workers", _refuse)
    host = Host(entry_points=False)
    run = verbs.refine((wrong(), host), RECIPE, verbs.RefineRequest(backend="numpy", out=tmp_path / "r"))
    assert run.exit_status == 0
    found = run.summary.le_bail_floor
    assert found is not None
    assert found.rwp is None
    assert found.note.startswith("not refined: ")


def _refuse(*_: object, **__: object) -> None:
    raise verbs.UserError("no worker")


def test_an_engine_without_free_intensities_gives_no_floor(fake_host: Host, tmp_path: Path) -> None:
    made = replace(wrong(), beyond=("rigid bodies",))
    run = verbs.run((made, fake_host), verbs.RunRequest(backend="fake", trials=1, out=tmp_path / "r"))
    assert run.summary.le_bail_floor is None

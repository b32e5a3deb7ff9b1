"""What the choices of a search can free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.hooks.host import Host
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Project
from autogsas.model.recipe import Free
from autogsas.testing.samples import make_project
from autogsas.trial.building import build_recipe
from autogsas.trial.choosers import PlainChoose, Recorder
from autogsas.trial.offered import offered_frees


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def groups(host: Host, project: Project) -> set[str]:
    return {free.group for free in offered_frees(host, project, NumpyBackend().capabilities())}


def test_each_option_of_each_choice_counts(project: Project) -> None:
    host = Host(entry_points=False)
    found = groups(host, project)
    assert {"scale", "background", "cell", "zero", "displacement", "U", "V", "W", "X", "Y", "size", "strain"} <= found
    assert {"positions", "uiso", "uiso_shared", "uaniso", "SH/L"} <= found
    assert not {"occupancy", "absorption", "Z", "size_mix"} & found
    plain = build_recipe(host, project, NumpyBackend().capabilities(), Recorder(PlainChoose()))
    assert {free.group for step in plain.steps for free in step.free} < found


def test_what_the_project_excludes_or_offers_is_left_out_or_added(project: Project) -> None:
    search = project.search.model_copy(
        update={"groups": project.search.groups.model_copy(update={"never": ("cell",), "offer": ("occupancy",)})}
    )
    changed = Project(**{**vars(project), "search": search})
    found = groups(Host(entry_points=False), changed)
    assert "cell" not in found
    assert "occupancy" in found


def test_choices_that_depend_on_others_and_endless_ones_end(project: Project) -> None:
    class Odd:
        count = 0

        @hookimpl
        def autogsas_choose_groups(self, choose: Any) -> list[Free]:
            Odd.count += 1
            choose.yes(f"name {Odd.count}")  # never the same choice
            first = choose.yes("first")
            return [Free(group="occupancy")] if first and choose.yes("second") else []

    host = Host(entry_points=False)
    host.register(Odd(), "odd")
    assert "occupancy" in groups(host, project)
    assert Odd.count < 100

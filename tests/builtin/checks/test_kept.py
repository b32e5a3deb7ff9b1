"""Values that are the project's own are said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.builtin.checks.kept import autogsas_check_result
from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.model.metrics import Metrics
from autogsas.model.project import Search
from autogsas.model.recipe import Background, Free, Step

METRICS = Metrics(rwp=8.0, rexp=8.0, gof=1.0, chi2=3e3, n_observations=3000, n_variables=20)
FIRST = ("scale", "background", "cell")


def said(*groups: str, never: tuple[str, ...] = (), sites: tuple[str, ...] = ()) -> str:
    """Return what is said of a short refinement of zincite."""
    project = given_project(next(one for one in SAMPLES if one.name == "zincite-plates"), Search())
    search = replace_never(project.search, never)
    session = NumpyBackend().open(project, Path())
    frees = [Free(group=group) for group in groups]
    frees += [Free(group="uiso", phase="zincite", site=site) for site in sites]
    session.refine(Step(background=(Background(function="chebyschev-1", terms=6),), free=tuple(frees), cycles=2))
    found = autogsas_check_result(replace(project, search=search), session.result(), METRICS)
    return found[0].message if found else ""


def replace_never(search: Search, never: tuple[str, ...]) -> Search:
    groups = search.groups.model_copy(update={"never": never})
    return search.model_copy(update={"groups": groups})


def test_what_is_refined_is_not_named() -> None:
    assert said(*FIRST, "uiso", "positions") == ""


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((*FIRST, "positions"), "U of all sites of zincite"),
        ((*FIRST, "uiso_shared"), "positions of all sites of zincite"),
        (("scale", "background", "uiso", "positions"), "cell of zincite"),
    ],
)
def test_what_is_not_refined_is_named(groups: tuple[str, ...], expected: str) -> None:
    assert expected in said(*groups)


def test_single_sites_are_named() -> None:
    message = said(*FIRST, "positions", sites=("Zn",))
    assert "U of O of zincite" in message
    assert "positions" not in message


def test_what_the_user_never_refines_is_not_named() -> None:
    assert said(*FIRST, "positions", never=("uiso", "uiso_shared", "uaniso")) == ""

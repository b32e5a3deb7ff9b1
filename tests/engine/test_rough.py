"""Steps that others follow end near the minimum, and no farther from it than matters."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.model.project import Search
from autogsas.model.recipe import Background, Free, Group, Step


@pytest.mark.parametrize("name", ["corundum-plain", "anglesite-neutrons"])
def test_a_limited_step_ends_where_a_further_one_would_gain_too_little(name: str) -> None:
    project = given_project(next(one for one in SAMPLES if one.name == name), Search())
    groups: tuple[Group, ...] = ("scale", "background", "cell", "Y", "uiso")
    reached = []
    for cycles in (30, None):
        session = NumpyBackend().open(project, Path())
        frees = tuple(Free(group=group) for group in groups)
        background = (Background(function="chebyschev-1", terms=8),)
        done = session.refine(Step(background=background, free=frees, cycles=cycles))
        result = session.result()
        points = sum(int((c.weights > 0).sum()) for c in result.curves)
        reached.append((sum(float((c.weights * (c.observed - c.calculated) ** 2).sum()) for c in result.curves), done))
    (rough, first), (exact, last) = reached
    assert (first.message, last.message) == ("close to convergence", "converged")
    assert first.cycles <= last.cycles
    # A step would have gained less than a tenth of chi^2/(N-P).
    assert rough - exact < 0.1 * exact / (points - last.n_variables)

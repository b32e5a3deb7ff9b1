"""How candidates stand to each other and to a model that has been refined."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogsas.benchmarks.truth.given import given_project
from autogsas.benchmarks.truth.samples import SAMPLES
from autogsas.builtin.numpy_engine.backend import NumpyBackend
from autogsas.guide.attempts import Attempts
from autogsas.guide.relations import covers, leaving_out, undetermined
from autogsas.guide.standing import Standing, standing
from autogsas.model.advice import Candidate
from autogsas.model.answers import LARGEST_ESD
from autogsas.model.project import Project, Search
from autogsas.model.recipe import Background, Free, SizeModel, Start, Step

W = Candidate("W", (Free(group="W"),))
UVW = Candidate("U, V, W", (Free(group="U"), Free(group="V"), Free(group="W")))
SIZE = Candidate("size", (Free(group="size", phase="corundum"),))
UNIAXIAL = Candidate(
    "uniaxial size",
    (Free(group="size", phase="corundum"),),
    (Start(phase="corundum", size=SizeModel(model="uniaxial")),),
    alternatives="uniaxial size",
)
POSITIONS = Candidate("positions", (Free(group="positions", phase="corundum"),))
U = Candidate("U", (Free(group="uiso", phase="corundum"),))


@pytest.fixture(scope="module")
def project() -> Project:
    return given_project(next(one for one in SAMPLES if one.name == "corundum-plain"), Search())


@pytest.fixture(scope="module")
def begun(project: Project) -> Standing:
    session = NumpyBackend().open(project, Path())
    groups = ("scale", "background", "cell", "Y")
    session.refine(
        Step(
            background=(Background(function="chebyschev-1", terms=6),),
            free=tuple(Free(group=group) for group in groups),
            cycles=3,
        )
    )
    return standing(session, (), {})


def more(attempts: Attempts, before: Standing, add: list[Candidate], remove: list[Candidate]) -> Standing:
    after = attempts.more(before, add, remove, cycles=1)
    assert isinstance(after, Standing), after
    return after


def test_a_model_by_direction_is_more_than_the_isotropic_one() -> None:
    assert covers(UVW, W)
    assert covers(UNIAXIAL, SIZE)
    assert not covers(SIZE, UNIAXIAL)
    assert covers(UNIAXIAL, UNIAXIAL)


def test_what_others_refine_too_is_not_fixed(project: Project, begun: Standing) -> None:
    attempts = Attempts(project, "chebyschev-1")
    both = more(attempts, more(attempts, begun, [W], []), [UVW], [])
    without = more(attempts, both, [], [W])
    assert without.n_variables == both.n_variables
    assert without.accepted == (UVW,)
    narrow = more(attempts, both, [], [UVW])
    assert narrow.n_variables == both.n_variables - 2
    assert narrow.values["pattern1:W"].esd
    assert narrow.values["pattern1:U"].value == project.histograms[0].instrument.U


def test_a_model_by_direction_gives_way_to_the_projects_where_that_is_refined(
    project: Project, begun: Standing
) -> None:
    attempts = Attempts(project, "chebyschev-1")
    isotropic = more(attempts, begun, [SIZE], [])
    uniaxial = more(attempts, isotropic, [UNIAXIAL], [])
    assert uniaxial.n_variables == isotropic.n_variables + 1
    back = more(attempts, uniaxial, [], [UNIAXIAL])
    assert back.n_variables == isotropic.n_variables
    assert back.result.phases[0].specimen.size.model == "isotropic"


def test_single_sites_are_left_out(begun: Standing) -> None:
    fewer = leaving_out(U, frozenset({"corundum:O:Uiso"}), begun)
    assert [free.site for free in fewer.free] == ["Al"]
    assert leaving_out(POSITIONS, frozenset({"corundum:Al:z"}), begun).free == (
        Free(group="positions", phase="corundum", site="O"),
    )
    assert not leaving_out(U, frozenset({"pattern1:W"}), begun).free
    assert not leaving_out(W, frozenset({"corundum:O:Uiso"}), begun).free


def test_what_the_data_do_not_determine_is_named(
    project: Project, begun: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = more(Attempts(project, "chebyschev-1"), begun, [POSITIONS], [])
    assert not undetermined(after, POSITIONS)
    assert not undetermined(after, W)
    monkeypatch.setitem(LARGEST_ESD, "positions", 1e-9)
    assert undetermined(after, POSITIONS) == {"corundum:Al:z", "corundum:O:x"}

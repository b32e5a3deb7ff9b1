"""How many independent values a refinement tells."""

from __future__ import annotations

from autogsas.crystal.phases import freedoms
from autogsas.model.answers import answered
from autogsas.model.recipe import Group
from autogsas.model.result import Parameter
from autogsas.model.structure import Cell, Phase, Site

# In P -3 m 1 the site (x, -x, z) has two independent coordinates, and the cell a and c.
PHASE = Phase(
    "p",
    "P -3 m 1",
    Cell(5.0, 5.0, 7.0, 90.0, 90.0, 120.0),
    (
        Site("A", "Fe", (0.0, 0.0, 0.0), occupancy=1.0, uiso=0.005),
        Site("B", "O", (0.17, -0.17, 0.24), occupancy=1.0, uiso=0.008),
    ),
)


def parameter(name: str, esd: float | None, group: Group, site: str | None = None) -> Parameter:
    return Parameter(f"p:{name}", 1.0, esd, "", group, "p", None, site)


CELL = [parameter(name, 1e-4 + i * 1e-14, "cell") for i, name in enumerate(("a", "b", "c", "volume"))]


def test_what_symmetry_ties_counts_once() -> None:
    assert answered(CELL, freedoms([PHASE])) == 2
    places = [parameter(f"B:{axis}", esd, "positions", "B") for axis, esd in (("x", 0.001), ("y", 0.001), ("z", 0.002))]
    assert answered(places, freedoms([PHASE])) == 2
    shared = [parameter(f"{site}:Uiso", 0.001, "uiso_shared", site) for site in "AB"]
    assert answered(shared, freedoms([PHASE])) == 1
    each = [parameter(f"{site}:Uiso", 0.001, "uiso", site) for site in "AB"]
    assert answered(each, freedoms([PHASE])) == 2


def test_what_is_not_determined_or_not_refined_does_not_count() -> None:
    places = [parameter("B:x", 0.1, "positions", "B"), parameter("B:z", None, "positions", "B")]
    assert answered(places, freedoms([PHASE])) == 0


def test_sites_at_one_position_have_one_set_of_values() -> None:
    mixed = Phase(
        "p",
        PHASE.space_group,
        PHASE.cell,
        (PHASE.sites[1], Site("C", "S", (0.17, -0.17, 0.24), occupancy=1.0, uiso=0.008)),
    )
    places = [parameter(f"{site}:x", 0.001, "positions", site) for site in "BC"]
    assert answered(places, freedoms([mixed])) == 1

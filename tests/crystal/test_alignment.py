"""Values of another refinement, superposed on the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autogsas.crystal.alignment import aligned, phases_of
from autogsas.model.result import Parameter
from autogsas.model.structure import Cell, Phase, Site

ESD = 1e-3


def described(phase: Phase, *, esd: float | None = ESD) -> tuple[list[Phase], list[Parameter]]:
    """Return a phase with its parameters as an engine lists them."""
    name = phase.name
    out = [
        Parameter(f"{name}:{key}", value, 1e-4, "", "cell", name)
        for key, value in zip(("a", "b", "c", "alpha", "beta", "gamma"), phase.cell.values(), strict=True)
    ]
    for site in phase.sites:
        where = f"{name}:{site.label}"
        places = zip("xyz", site.xyz, strict=True)
        out += [Parameter(f"{where}:{axis}", v, esd, "", "positions", name, None, site.label) for axis, v in places]
        out.append(Parameter(f"{where}:Uiso", site.uiso, 1e-4, "", "uiso", name, None, site.label))
        out.append(Parameter(f"{where}:U12", 0.002, 1e-4, "", "uaniso", name, None, site.label))
        out.append(Parameter(f"{where}:occupancy", site.occupancy, None, "", "occupancy", name, None, site.label))
    out.append(Parameter("H:zero", 0.1, 0.01, "", "zero", None, "H"))
    return [phase], out


def phase(group: str, cell: Cell, *sites: tuple[str, str, tuple[float, float, float]]) -> Phase:
    return Phase("p", group, cell, tuple(Site(label, element, xyz, 1.0, 0.01) for label, element, xyz in sites))


ZINCITE = phase(
    "P 63 m c",
    Cell(3.25, 3.25, 5.21, 90, 90, 120),
    ("Zn", "Zn", (1 / 3, 2 / 3, 0.0)),
    ("O", "O", (1 / 3, 2 / 3, 0.382)),
)
ANATASE = phase(
    "I 41/a m d:2", Cell(3.78, 3.78, 9.51, 90, 90, 90), ("Ti", "Ti", (0, 0.75, 0.125)), ("O", "O", (0, 0.75, 0.333))
)


def moved(found: Phase, *by: tuple[float, float, float]) -> Phase:
    sites = zip(found.sites, by, strict=True)
    return replace(
        found,
        sites=tuple(replace(s, xyz=tuple(float(v) for v in np.add(s.xyz, d))) for s, d in sites),  # type: ignore[arg-type]
    )


def test_the_same_refinement_has_its_own_values() -> None:
    ours = described(ZINCITE)
    found = aligned(ours, ours)
    assert found == {p.name: (pytest.approx(p.value), pytest.approx(p.esd or 0.0)) for p in ours[1]}


def test_whole_cells_are_no_difference() -> None:
    found = aligned(described(ANATASE), described(moved(ANATASE, (1, 0, 0), (0, -1, 1.002))))
    assert found["p:Ti:x"] == (pytest.approx(0.0, abs=1e-9), ESD)
    assert found["p:O:y"] == (pytest.approx(0.75), ESD)
    assert found["p:O:z"][0] == pytest.approx(0.335)
    assert "p:O:U12" in found


def test_the_origin_of_a_polar_group_is_no_difference() -> None:
    found = aligned(described(ZINCITE), described(moved(ZINCITE, (0, 0, 0.31), (0, 0, 0.311))))
    assert found["p:Zn:z"][0] == pytest.approx(0.0, abs=1e-9)
    assert found["p:O:z"][0] == pytest.approx(0.383)
    assert found["p:O:U12"] == (0.002, 1e-4)


def test_an_equivalent_description_is_no_difference_but_its_tensors_are_left_out() -> None:
    mirrored = replace(
        ANATASE,
        sites=tuple(replace(s, xyz=tuple(-v for v in s.xyz)) for s in ANATASE.sites),  # type: ignore[arg-type]
    )
    quartz = phase(
        "P 32 2 1",
        Cell(4.91, 4.91, 5.4, 90, 90, 120),
        ("Si", "Si", (0.4697, 0.0, 2 / 3)),
        ("O", "O", (0.4135, 0.2669, 0.7858)),
    )
    # Another equivalent position: x, y, z to -y, x-y, z+2/3.
    turned = replace(
        quartz,
        sites=tuple(replace(s, xyz=(-s.xyz[1], s.xyz[0] - s.xyz[1], s.xyz[2] + 2 / 3)) for s in quartz.sites),
    )
    for one, two in ((ANATASE, mirrored), (quartz, turned)):
        found = aligned(described(one), described(two))
        for site in one.sites:
            for axis, value in zip("xyz", site.xyz, strict=True):
                assert found[f"p:{site.label}:{axis}"][0] == pytest.approx(value, abs=1e-6)
    assert "p:O:U12" not in found
    assert found["H:zero"] == (0.1, 0.01)


def test_what_the_other_does_not_have_is_left_out_and_other_sites_go_by_name() -> None:
    ours = described(ZINCITE)
    other = described(replace(ZINCITE, sites=ZINCITE.sites[:1]))
    found = aligned(ours, other)
    assert "p:O:z" not in found
    assert found["p:a"] == (3.25, 1e-4)


def test_phases_follow_the_parameters() -> None:
    _, parameters = described(ZINCITE)
    changed = [replace(p, value={"p:c": 5.3, "p:O:z": 0.4, "p:O:Uiso": 0.02}.get(p.name, p.value)) for p in parameters]
    (found,) = phases_of([ZINCITE], changed)
    assert found.cell == Cell(3.25, 3.25, 5.3, 90, 90, 120)
    assert found.sites[1].xyz == (1 / 3, 2 / 3, 0.4)
    assert [site.uiso for site in found.sites] == [0.01, 0.02]
    assert phases_of([ZINCITE], []) == (ZINCITE,)

"""The figure of a unit cell: positions, shared sites, bonds and texts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from autogsas.crystal.unitcell import Occupant, Place
from autogsas.figures.elements import element_colour, element_radius
from autogsas.figures.structure import describe_structure, draw_structure, place_words, scene, sectors
from autogsas.report.payload import structure_payload
from autogsas.report.structures import structure_figures
from autogsas.runfolder.summary import CellPart, PhasePart, SitePart, Summary
from tests.runs import CELL, SITES

EVIL = "</script><b onclick='x'>&\"]]>\u202e磷"


def _phase(*sites: tuple[Any, ...], space_group: str = "P m -3 m", name: str = "test") -> PhasePart:
    keys = ("label", "element", "x", "y", "z", "occupancy")
    cell = {"a": 3.88, "b": 3.88, "c": 3.88, "alpha": 90, "beta": 90, "gamma": 90}
    made = [dict(zip(keys, site, strict=True)) | {"uiso": None} for site in sites]
    return PhasePart.model_validate({"name": name, "space_group": space_group, "cell": cell, "sites": made})


def _summary(phase: PhasePart) -> Summary:
    return Summary.model_construct(structure=[phase])


PEROVSKITE = _phase(
    ("La", "La", 0, 0, 0, 0.5),
    ("Ba", "Ba", 0, 0, 0, 0.4),
    ("Co", "Co", 0.5, 0.5, 0.5, 1.0),
    ("O", "O", 0, 0.5, 0.5, 1.0),
)
APATITE = PhasePart(
    name="apatite",
    space_group="P 63/m",
    cell=CellPart.model_validate(CELL),
    sites=[SitePart(label=s[0], element=s[1], x=s[2], y=s[3], z=s[4], occupancy=1.0, uiso=None) for s in SITES],
)


def test_an_atom_is_drawn_at_its_projection() -> None:
    seen = scene(APATITE.phase())
    assert seen is not None
    assert seen.along == "c"
    assert seen.axes[2][2] > 0.9 * CELL["c"] * 0.9  # c comes to the eye
    root = ET.fromstring(draw_structure(seen, 400, 300).file("t", "d"))
    circles = [item for item in root.iter() if item.tag.endswith("circle") and item.get("fill")]
    assert len(circles) == len(seen.atoms)
    assert {item.get("fill") for item in circles} == {element_colour(e) for e in ("Ca", "P", "O", "F")}
    # Differences between places on paper are those of the scene, times one scale, with y turned down.
    phosphorus = [
        i for i, atom in enumerate(seen.contents.atoms) if seen.contents.places[atom.place].main.label == "P1"
    ]
    paper = [(float(c.get("cx", 0)), float(c.get("cy", 0))) for c in circles if c.get("fill") == element_colour("P")]
    apart = np.ptp(seen.atoms[phosphorus][:, :2], axis=0)
    assert np.ptp(paper, axis=0)[0] / apart[0] == pytest.approx(np.ptp(paper, axis=0)[1] / apart[1], rel=0.01)
    assert all(0 < x < 400 and 0 < y < 300 for x, y in paper)


def test_rotation_keeps_lengths_and_handedness() -> None:
    seen = scene(APATITE.phase())
    assert seen is not None
    assert np.linalg.det(seen.axes) == pytest.approx(np.linalg.det(seen.contents.axes))
    for name, turn in seen.turns():
        axis = Rotation.from_quat(turn).apply(seen.axes["abc".index(name)])
        assert axis == pytest.approx([0, 0, np.linalg.norm(axis)], abs=1e-9)


def test_shared_sites_are_sectors_and_described() -> None:
    seen = scene(PEROVSKITE.phase())
    assert seen is not None
    shares = sectors(seen.contents.places[0])
    assert shares == [
        (element_colour("La"), pytest.approx(0.5)),
        (element_colour("Ba"), pytest.approx(0.4)),
        (None, pytest.approx(0.1)),
    ]
    assert place_words(seen.contents.places[0]) == "La (La 0.5) + Ba (Ba 0.4): 12 O at 2.744 Å"
    (figure,) = structure_figures(_summary(PEROVSKITE))
    assert "La 0.5 + Ba 0.4" in figure.notes[0]
    assert figure.svg.count('class="empty"') == 8  # one at each corner
    assert structure_payload(seen)["places"][0]["shares"][2] == [None, 0.1]


def test_occupancies_above_one_are_scaled() -> None:
    shares = sectors(Place((Occupant("A", "Fe", 0.9), Occupant("B", "Co", 0.3))))
    assert [share for _, share in shares] == pytest.approx([0.75, 0.25])


def test_the_viewer_gets_the_data_of_the_figure() -> None:
    seen = scene(APATITE.phase())
    assert seen is not None
    given = structure_payload(seen)
    assert len(given["atoms"]) == len(seen.atoms)
    assert len(given["bonds"]) == len(seen.contents.bonds)
    assert all(bond[1] is None or 0 <= bond[1] < len(given["atoms"]) for bond in given["bonds"])
    assert np.array([atom[:3] for atom in given["atoms"]]) == pytest.approx(seen.atoms, abs=6e-4)
    assert len(given["edges"]) == 12


def test_names_are_text() -> None:
    (figure,) = structure_figures(_summary(_phase((EVIL, EVIL, 0.1, 0.2, 0.3, 0.5), name=EVIL)))
    assert "<b" not in figure.svg
    assert ET.fromstring(figure.svg).get("aria-label", "").count("</script>") == 1
    assert figure.legend == (("#909090", "X"),)
    assert re.fullmatch(r"#[0-9a-f]{6}", figure.legend[0][0])


@pytest.mark.parametrize(
    "phase",
    [
        _phase(("A", "Fe", 0, 0, 0, 1), space_group="nonsense"),
        _phase(),
        _phase(*((f"A{i}", "Fe", i / 90 + 0.003, 0.21, 0.37, 1.0) for i in range(80)), space_group="F m -3 m"),
    ],
)
def test_a_structure_that_is_not_drawn_has_a_reason(phase: PhasePart) -> None:
    (figure,) = structure_figures(_summary(phase))
    assert figure.identity == ""
    assert "is not drawn" in figure.notes[0]


def test_elements_have_colours_and_sizes_of_their_own() -> None:
    assert element_colour("Hf") != element_colour("Ta")
    assert element_colour("Qq") == "#909090"
    assert element_radius("Ca") > element_radius("O") > element_radius("H")
    seen = scene(APATITE.phase())
    assert seen is not None
    assert describe_structure("apatite", seen) == "Unit cell of apatite, seen along c: 48 atoms of Ca, P, O, F."

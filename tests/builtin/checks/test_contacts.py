"""Published structures are let pass; what cannot be is caught, wherever in the cell it hides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autogsas.builtin.checks.contacts import check_contacts, contacts
from autogsas.model.result import Severity
from autogsas.model.structure import Cell, Phase, Site
from tests.runs import CELL, SITES

Rows = list[tuple[Any, ...]]


def phase(group: str, cell: tuple[float, ...], sites: Rows) -> Phase:
    """Return a phase; a site is label, element, x, y, z, and its occupancy where it is not 1."""
    made = tuple(Site(s[0], s[1], (s[2], s[3], s[4]), s[5] if len(s) > 5 else 1.0, 0.01) for s in sites)
    return Phase("one", group, Cell(*cell), made)


def cubic(a: float) -> tuple[float, ...]:
    return (a, a, a, 90, 90, 90)


def hexagonal(a: float, c: float) -> tuple[float, ...]:
    return (a, a, c, 90, 90, 120)


# Published values, rounded; most are in Wyckoff, Crystal Structures (1963).
PUBLISHED: dict[str, tuple[str, tuple[float, ...], Rows]] = {
    "halite": ("F m -3 m", cubic(5.6402), [("Na", "Na1+", 0, 0, 0), ("Cl", "Cl1-", 0.5, 0.5, 0.5)]),
    "quartz": (
        "P 32 2 1",
        hexagonal(4.913, 5.405),
        [("Si", "Si", 0.4697, 0, 2 / 3), ("O", "O", 0.4135, 0.2669, 0.7858)],
    ),
    "calcite": (
        "R -3 c:H",
        hexagonal(4.9896, 17.061),
        [("Ca", "Ca", 0, 0, 0), ("C", "C", 0, 0, 0.25), ("O", "O", 0.2568, 0, 0.25)],
    ),
    "nitratine": (
        "R -3 c:H",
        hexagonal(5.070, 16.82),
        [("Na", "Na", 0, 0, 0), ("N", "N", 0, 0, 0.25), ("O", "O", 0.245, 0, 0.25)],
    ),
    "rutile": ("P 42/m n m", (4.594, 4.594, 2.959, 90, 90, 90), [("Ti", "Ti", 0, 0, 0), ("O", "O", 0.3048, 0.3048, 0)]),
    "lanthanum hexaboride": ("P m -3 m", cubic(4.1569), [("La", "La", 0, 0, 0), ("B", "B", 0.1993, 0.5, 0.5)]),
    "silicon": ("F d -3 m:2", cubic(5.4311), [("Si", "Si", 0.125, 0.125, 0.125)]),
    "diamond": ("F d -3 m:1", cubic(3.5668), [("C", "C", 0, 0, 0)]),
    # Kuhs & Lehmann, Water Science Reviews 2, 1 (1986): every deuterium on one of two places.
    "ice Ih": (
        "P 63/m m c",
        hexagonal(4.497, 7.322),
        [
            ("O", "O", 1 / 3, 2 / 3, 0.0622),
            ("D1", "D", 1 / 3, 2 / 3, 0.1989, 0.5),
            ("D2", "D", 0.4542, 0.9084, 0.0173, 0.5),
        ],
    ),
    # Swaminathan, Craven & McMullan, Acta Cryst. B40, 300 (1984).
    "urea": (
        "P -4 21 m",
        (5.565, 5.565, 4.684, 90, 90, 90),
        [
            ("C", "C", 0, 0.5, 0.3280),
            ("O", "O", 0, 0.5, 0.5962),
            ("N", "N", 0.1447, 0.6447, 0.1785),
            ("H1", "H", 0.2557, 0.7557, 0.2841),
            ("H2", "H", 0.1428, 0.6428, -0.0339),
        ],
    ),
    "corundum": ("R -3 c:H", hexagonal(4.7589, 12.9919), [("Al", "Al", 0, 0, 0.3522), ("O", "O", 0.3064, 0, 0.25)]),
    "ceria": ("F m -3 m", cubic(5.4113), [("Ce", "Ce", 0, 0, 0), ("O", "O", 0.25, 0.25, 0.25)]),
    "zincite": (
        "P 63 m c",
        hexagonal(3.2498, 5.2066),
        [("Zn", "Zn", 1 / 3, 2 / 3, 0), ("O", "O", 1 / 3, 2 / 3, 0.3821)],
    ),
    "fluorite": ("F m -3 m", cubic(5.463), [("Ca", "Ca", 0, 0, 0), ("F", "F", 0.25, 0.25, 0.25)]),
    "fluorapatite": ("P 63/m", tuple(CELL.values()), [tuple(site[:5]) for site in SITES]),
    # Miyake, Minato, Morikawa & Iwai, Am. Mineral. 63, 506 (1978).
    "anglesite": (
        "P n m a",
        (8.482, 5.398, 6.959, 90, 90, 90),
        [
            ("Pb", "Pb", 0.1880, 0.25, 0.1670),
            ("S", "S", 0.0633, 0.25, 0.6842),
            ("O1", "O", 0.9160, 0.25, 0.5953),
            ("O2", "O", 0.1940, 0.25, 0.5430),
            ("O3", "O", 0.0819, 0.0274, 0.8089),
        ],
    ),
    # O'Connor & Valentine, Acta Cryst. B25, 2140 (1969).
    "yttria": (
        "I a -3",
        cubic(10.604),
        [("Y1", "Y", 0.25, 0.25, 0.25), ("Y2", "Y", 0.9673, 0, 0.25), ("O", "O", 0.391, 0.152, 0.380)],
    ),
    "lanthanum barium cobaltate": (
        "P m -3 m",
        cubic(3.887),
        [("La", "La", 0, 0, 0, 0.5), ("Ba", "Ba", 0, 0, 0, 0.5), ("Co", "Co", 0.5, 0.5, 0.5), ("O", "O", 0, 0.5, 0.5)],
    ),
    # Enjalbert & Galy, Acta Cryst. C42, 1467 (1986): V=O is 1.58 Angstrom.
    "vanadium pentoxide": (
        "P m m n:2",
        (11.512, 3.564, 4.368, 90, 90, 90),
        [
            ("V", "V", 0.1012, 0.25, 0.8917),
            ("O1", "O", 0.1043, 0.25, 0.531),
            ("O2", "O", 0.9311, 0.25, 0.003),
            ("O3", "O", 0.25, 0.25, 0.001),
        ],
    ),
    "dry ice": ("P a -3", cubic(5.624), [("C", "C", 0, 0, 0), ("O", "O", 0.1185, 0.1185, 0.1185)]),
    "pyrite": ("P a -3", cubic(5.4166), [("Fe", "Fe", 0, 0, 0), ("S", "S", 0.3848, 0.3848, 0.3848)]),
    "barium peroxide": (
        "I 4/m m m",
        (3.8154, 3.8154, 6.8513, 90, 90, 90),
        [("Ba", "Ba", 0, 0, 0), ("O", "O", 0, 0, 0.3911)],
    ),
    "lithium hydride": ("F m -3 m", cubic(4.083), [("Li", "Li", 0, 0, 0), ("H", "H", 0.5, 0.5, 0.5)]),
    "sodium oxide": ("F m -3 m", cubic(5.55), [("O", "O", 0, 0, 0), ("Na", "Na", 0.25, 0.25, 0.25)]),
    "tungsten": ("I m -3 m", cubic(3.1652), [("W", "W", 0, 0, 0)]),
    "caesium": ("I m -3 m", cubic(6.141), [("Cs", "Cs", 0, 0, 0)]),
    # Strock, Z. Phys. Chem. B25, 441 (1934): two silver ions over many places, some half an Angstrom from the next.
    "silver iodide": (
        "I m -3 m",
        cubic(5.062),
        [("I", "I", 0, 0, 0), ("Ag1", "Ag", 0, 0.25, 0.5, 0.12), ("Ag2", "Ag", 0, 0.375, 0.375, 0.05)],
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_structures_are_let_pass(name: str) -> None:
    assert list(check_contacts(phase(*PUBLISHED[name]))) == []


# The shortest of their kind that are known are let pass, what lies beyond is not.
PAIRS = [
    ("U", "O", 1.76, None),
    ("U", "O", 1.60, Severity.ERROR),
    ("Mn", "O", 1.61, None),
    ("Cr", "O", 1.55, None),
    ("Mo", "O", 1.68, None),
    ("Os", "O", 1.70, None),
    ("C", "O", 1.13, None),
    ("N", "N", 1.10, None),
    ("O", "H", 0.80, None),
    ("O", "H", 0.60, Severity.ERROR),
    ("C", "H", 0.93, None),
    ("H", "H", 0.74, None),
    ("O", "O", 1.49, None),
    ("O", "O", 0.90, Severity.ERROR),
    ("O", "O", 1.80, Severity.WARNING),
    ("O", "O", 2.16, None),
    ("F", "O", 1.90, Severity.WARNING),
    ("P", "O", 1.49, None),
    ("P", "O", 1.20, Severity.ERROR),
    ("Ca", "O", 2.20, None),
    ("Ca", "O", 1.70, Severity.ERROR),
    ("Na", "Cl", 2.70, None),
    ("Na", "Cl", 1.90, Severity.ERROR),
    ("Ca", "Ca", 3.20, None),
    ("Ca", "Ca", 2.50, Severity.ERROR),
    ("Ca", "Ti", 2.40, Severity.WARNING),
    ("Fe", "Fe", 2.48, None),
    ("Mo", "Mo", 2.10, Severity.WARNING),
    ("Li", "O", 1.75, None),
    ("S", "S", 2.05, None),
    ("I", "I", 2.90, None),
    ("K", "K", 3.3, None),
]


@pytest.mark.parametrize(("one", "other", "distance", "severity"), PAIRS)
def test_each_pair_has_its_least_distance(one: str, other: str, distance: float, severity: Severity | None) -> None:
    for start in (0.4, 0.97):  # within the cell and across its border
        sites = [("A", one, start, 0.1, 0.1), ("B", other, (start + distance / 12.0) % 1.0, 0.1, 0.1)]
        found = list(check_contacts(phase("P 1", cubic(12.0), sites)))
        assert [finding.severity for finding in found] == ([] if severity is None else [severity])
        for finding in found:
            assert finding.numbers["distance"] == pytest.approx(distance)
            assert finding.numbers["least"] > distance
            assert f"A and B are {distance:.2f} Å apart" in finding.message


def moved(name: str, label: str, xyz: tuple[float, float, float], **changes: Any) -> Phase:
    made = phase(*PUBLISHED[name])
    sites = tuple(replace(site, xyz=xyz, **changes) if site.label == label else site for site in made.sites)
    return replace(made, sites=sites)


@pytest.mark.parametrize(
    "made",
    [
        moved("anglesite", "O1", (0.01, 0.25, 0.64)),
        moved("anglesite", "O3", (0.0819, 0.20, 0.8089)),  # onto its own mirror image
        moved("fluorapatite", "O3", (0.33, 0.38, 0.15)),
        moved("fluorapatite", "F1", (0.0, 0.15, 0.25)),  # three where one should be
        moved("yttria", "O", (0.30, 0.20, 0.30)),
        moved("quartz", "O", (0.45, 0.12, 0.72)),
        moved("lanthanum barium cobaltate", "O", (0.25, 0.5, 0.5)),
        replace(phase(*PUBLISHED["halite"]), cell=Cell(3.8, 3.8, 3.8, 90, 90, 90)),
        replace(phase(*PUBLISHED["caesium"]), cell=Cell(3.9, 3.9, 3.9, 90, 90, 90)),
    ],
)
def test_impossible_ones_are_caught(made: Phase) -> None:
    assert "atoms-too-close" in [finding.code for finding in check_contacts(made)]


def test_a_place_holds_one_atom() -> None:
    (finding,) = check_contacts(moved("lanthanum barium cobaltate", "La", (0, 0, 0), occupancy=0.7))
    assert (finding.code, finding.severity) == ("place-overfull", Severity.ERROR)
    assert finding.numbers["total"] == pytest.approx(1.2)
    assert list(check_contacts(moved("lanthanum barium cobaltate", "La", (0, 0, 0), occupancy=0.52))) == []
    three = [(label, "Ca", 0.1, 0.2, 0.3, 0.4) for label in "ABC"]
    assert [f.code for f in check_contacts(phase("P 1", cubic(9.0), three))] == ["place-overfull"]


def test_alternatives_may_be_near_and_others_may_not() -> None:
    def split(occupancy: float) -> list[str]:
        sites: Rows = [("A", "O", 0.10, 0, 0, occupancy), ("B", "O", 0.16, 0, 0, 0.5)]
        return [finding.code for finding in check_contacts(phase("P 1", cubic(10.0), sites))]

    assert split(0.5) == []
    assert split(0.8) == ["atoms-too-close"]


def test_an_atom_near_its_special_position_is_one_atom() -> None:
    near = phase("P -1", cubic(9.0), [("A", "Ca", 0.005, 0, 0)])
    assert list(check_contacts(near)) == []
    assert [f.code for f in check_contacts(phase("P -1", cubic(9.0), [("A", "Ca", 0.05, 0, 0)]))] == ["atoms-too-close"]


def test_atoms_of_a_phase_without_structure_do_not_count() -> None:
    made = moved("quartz", "O", (0.45, 0.12, 0.72))
    assert list(check_contacts(replace(made, intensities="Le Bail"))) == []
    assert list(check_contacts(replace(made, sites=()))) == []


def test_contacts_of_a_skew_and_of_a_short_cell() -> None:
    # Each atom's nearest is its own image, along a and along the sum of all edges.
    skew = phase("P 1", (6.0, 6.0, 6.0, 115, 115, 115), [("A", "Ca", 0.1, 0.2, 0.3)])
    cell = np.cos(np.radians(115.0))
    assert contacts(skew, 7.0)[0].distance == pytest.approx(6.0 * np.sqrt(3.0 + 6.0 * cell))
    short = phase("P 1", (2.5, 9.0, 9.0, 90, 90, 90), [("A", "Ca", 0.1, 0.2, 0.3)])
    assert contacts(short, 7.0)[0].distance == pytest.approx(2.5)

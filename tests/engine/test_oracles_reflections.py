"""Lists, multiplicities, positions and structure factors against GSAS-II's lists of reflections."""

from __future__ import annotations

import numpy as np
import pytest

from autogsas.model.project import Project

from ..oracles import engine, plain

LISTS = plain.entries("reflections")
LAUE = plain.entries("laue")


def project(entry: plain.Entry) -> Project:
    low, high = entry["limits"]
    return plain.flat_project(plain.to_phase(entry["phase"]), plain.to_instrument(entry["instrument"]), (low, high))


def paired(entry: plain.Entry, found: engine.List) -> plain.Ints:
    """Where each of GSAS-II's reflections stands in the engine's list, which may take another of its equivalents."""
    ours = {engine.family(hkl, found.rotations): i for i, hkl in enumerate(found.hkl)}
    theirs = [engine.family(np.array(row[:3]), found.rotations) for row in entry["reflections"]]
    missing = [row[:3] for row, key in zip(entry["reflections"], theirs, strict=True) if key not in ours]
    assert missing == []
    return np.array([ours[key] for key in theirs])


@pytest.mark.parametrize("name", LISTS)
def test_lists_multiplicities_and_positions(name: str) -> None:
    entry = LISTS[name]
    found = engine.reflections(project(entry))
    rows = np.array(entry["reflections"])
    at = paired(entry, found)
    assert len(set(at.tolist())) == len(at)
    # GSAS-II lists nothing below the limits; stored d have eight digits.
    listed = (found.d > rows[-1, 4] * (1 - 1e-6)) & (found.two_theta > entry["limits"][0])
    assert np.count_nonzero(listed) == len(rows)
    assert np.array_equal(found.multiplicity[at], rows[:, 3])
    assert np.max(np.abs(found.two_theta[at] - rows[:, 5])) < 1e-4
    assert np.allclose(found.d[at], rows[:, 4], rtol=1e-6)


@pytest.mark.parametrize("name", LISTS)
def test_structure_factors(name: str) -> None:
    """|F| within 0.1 %; those that vanish by chance, within 1e-5 of the largest."""
    entry = LISTS[name]
    found = engine.reflections(project(entry))
    f2 = np.array([row[6] for row in entry["reflections"]])
    if "mate_f2" in entry:
        # GSAS-II takes one of the Friedel mates, which overlap in the pattern; the engine takes their mean.
        f2 = (f2 + np.array(entry["mate_f2"])) / 2.0
    expected = np.sqrt(f2)
    ours = np.sqrt(found.f2[paired(entry, found)])
    off = np.abs(ours - expected)
    wrong = off > 1e-3 * expected + 1e-5 * expected.max()
    worst = [
        (row[:3], round(float(a), 3), round(float(b), 3))
        for row, a, b, bad in zip(entry["reflections"], ours, expected, wrong, strict=True)
        if bad
    ]
    assert worst == [], f"{len(worst)} of {len(off)} differ (index, ours, GSAS-II's)"


def test_mates_differ_with_xrays_alone() -> None:
    """Neutron lengths of these elements are real, so the mates of a pair are equal; with X-rays zincite's are not."""
    apart = {}
    for name, entry in LISTS.items():
        if "mate_f2" in entry:
            f2, mates = np.array([row[6] for row in entry["reflections"]]), np.array(entry["mate_f2"])
            apart[name] = float(np.max(np.abs(f2 - mates)) / f2.max())
    assert apart["zincite, neutron"] < 1e-6
    assert apart["quartz, neutron"] < 1e-6
    assert apart["zincite, cu"] > 0.01


@pytest.mark.parametrize("name", LAUE)
def test_the_same_equivalents_are_listed(name: str) -> None:
    """Broadening about an axis that the symmetry does not keep depends on it."""
    entry = LAUE[name]
    assert engine.listed(name, entry["cell"], 1.2) == sorted(map(tuple, entry["reflections"]))

"""What people want to know of a sample: cells, positions and displacements, as far as the data determine them."""

from __future__ import annotations

from collections.abc import Iterable

from autogsas.model.result import Parameter

__all__ = ["LARGEST_ESD", "WORTH", "answered"]

LARGEST_ESD = {"positions": 0.03, "uiso": 0.02, "uiso_shared": 0.02}
"""The largest esds (fraction of the cell, Angstrom^2) of values that count as determined; not measured."""

WORTH = 9.0
"""What a value that people want to know may cost, in BIC; a variable that changes nothing costs the logarithm of the
number of points, 6 to 9. Not measured."""

_WANTED = ("cell", *LARGEST_ESD)


def answered(parameters: Iterable[Parameter]) -> int:
    """Return how many values that people want to know are refined and determined.

    What symmetry ties together, with one value and esd, counts once.
    """
    found = set()
    for one in parameters:
        if one.group not in _WANTED or not one.esd:
            continue
        if one.esd <= LARGEST_ESD.get(one.group, float("inf")):
            site = "" if one.group == "uiso_shared" else one.site
            found.add((one.group, one.phase, site, f"{one.esd:.9e}"))
    return len(found)

"""What people want to know of a sample: cells, positions and displacements, as far as the data determine them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from autogsas.model.result import Parameter

__all__ = ["LARGEST_ESD", "LARGEST_U", "WORTH", "answered"]

LARGEST_U = 0.1
"""Angstrom^2: atoms that move by more, 0.3 Angstrom root mean square, are hardly bound to a site; not measured."""

LARGEST_ESD = {"positions": 0.03, "uiso": 0.02, "uiso_shared": 0.02}
"""The largest esds (fraction of the cell, Angstrom^2) of values that count as determined; not measured."""

WORTH = 9.0
"""What a value that people want to know may cost, in BIC; a variable that changes nothing costs the logarithm of the
number of points, 6 to 9. Not measured."""

_WANTED = ("cell", *LARGEST_ESD)


def answered(parameters: Iterable[Parameter], freedoms: Mapping[tuple[str, str, str], int]) -> int:
    """Return how many independent values that people want to know are refined and determined.

    ``freedoms`` is how many symmetry leaves independent by group, phase and site (empty for cells): those of x, 2x, z
    are two. One where it says nothing, as for U.
    """
    found: Counter[tuple[str, str, str]] = Counter()
    for one in parameters:
        if one.group not in _WANTED or not one.esd or one.name.endswith(":volume"):
            continue
        if one.esd <= LARGEST_ESD.get(one.group, float("inf")):
            site = "" if one.group == "uiso_shared" else one.site or ""
            found[one.group, one.phase or "", site] += 1
    return sum(min(count, freedoms.get(place, 1)) for place, count in found.items())

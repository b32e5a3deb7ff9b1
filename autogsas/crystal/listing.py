"""The reflection that represents a set of equivalents: the one in GSAS-II's list of reflections (GenHLaue).

It matters where equivalents differ: if broadening is uniaxial about an axis that is not a symmetry axis, the width is
that of the reflection in the list, in GSAS-II and here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["listed"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def listed(hkl: Ints, rotations: Ints, laue: str, unique_axis: str, rhombohedral: bool) -> Ints:
    """Return for each of ``hkl`` (k, 3) its equivalent in GSAS-II's asymmetric unit; (k, 3).

    ``rotations`` (n, 3, 3) are the group's, ``laue`` its Laue class ("2/m", "-3m"), ``unique_axis`` that of a
    monoclinic group, ``rhombohedral`` is whether a trigonal group has rhombohedral axes.
    """
    images = np.einsum("ki,nij->knj", hkl, rotations)
    images = np.concatenate([images, -images], axis=1)
    h, k, el = (images[..., i] for i in range(3))
    if rhombohedral:
        h, k, el = h - k, k - el, h + k + el
    elif laue == "2/m":
        # The rule is written for the axis a; the others follow by cyclic exchange.
        h, k, el = {"a": (h, k, el), "b": (k, el, h), "c": (el, h, k)}[unique_axis]
    swaps = bool(
        np.any(
            np.all(np.abs(rotations) == [[0, 1, 0], [1, 0, 0], [0, 0, 1]], axis=(1, 2))
            & (rotations[:, 0, 1] == rotations[:, 2, 2])
        )
    )
    rule = _RULES["-31m" if laue == "-3m" and swaps and not rhombohedral else laue]
    inside = rule(h, k, el)
    chosen = np.where(np.any(inside, axis=1), np.argmax(inside, axis=1), 0)
    found = images[np.arange(len(hkl)), chosen]
    if rhombohedral:
        found = np.where(found[:, :1] < 0, -found, found)
    return np.asarray(found)


def _trigonal(h: Ints, k: Ints, el: Ints) -> Mask:
    least = -np.trunc((h - 1.0) / 2.0)
    return np.asarray((h >= np.where(el < 0, 1, 0)) & (k >= least) & (k <= h))


_RULES: Mapping[str, Callable[[Ints, Ints, Ints], Mask]] = {
    "-1": lambda h, k, el: (h > 0) | ((h == 0) & ((k > 0) | ((k == 0) & (el >= 0)))),
    "2/m": lambda h, k, el: (h >= 0) & (el >= np.where(k < 0, 1, 0)),
    "mmm": lambda h, k, el: (h >= 0) & (k >= 0) & (el >= 0),
    "4/m": lambda h, k, el: (el >= 0) & (h >= 0) & (k >= np.where(h == 0, 0, 1)),
    "6/m": lambda h, k, el: (el >= 0) & (h >= 0) & (k >= np.where(h == 0, 0, 1)),
    "4/mmm": lambda h, k, el: (el >= 0) & (k >= 0) & (h >= k),
    "6/mmm": lambda h, k, el: (el >= 0) & (k >= 0) & (h >= k),
    "-3": _trigonal,
    "-3m": lambda h, k, el: (h >= np.where(el < 0, 1, 0)) & (k >= 0) & (k <= np.where(el < 0, h - 1, h)),
    "-31m": lambda h, k, el: (h >= np.where(el < 0, 1, 0)) & (k >= np.where(el < 0, 1, 0)) & (k <= h),
    "m-3": lambda h, k, el: (el >= 0) & (k >= 0) & (h >= k) & (el <= np.where(h == k, h, h - 1)),
    "m-3m": lambda h, k, el: (el >= 0) & (k >= el) & (h >= k),
}

"""The data of the zoomable figures of the report, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autogsas.figures.elements import element_colour
from autogsas.figures.fit import Caption
from autogsas.figures.history import hand_label, rwp_window
from autogsas.figures.structure import Scene, place_words, radius, sectors
from autogsas.report.figures import captions
from autogsas.report.structures import scenes
from autogsas.runfolder.reader import Attempt, Marks, Profile, RunData

__all__ = ["payload"]

Array = npt.NDArray[np.float64]


def payload(run: RunData) -> dict[str, Any]:
    """Return curves, reflections, trials and structures for the zoomable figures; NaN and infinity become null."""
    return {
        "fits": [_fit(profile, marks, caption) for profile, marks, caption in captions(run)],
        "history": [_trial(item) for item in run.history],
        "window": rwp_window(run.history, run.by_hand),
        "hands": [{"label": hand_label(item), "rwp": item.rwp} for item in run.by_hand],
        "structures": [structure_payload(seen) for _, seen in scenes(run.summary) if seen is not None],
    }


def _fit(profile: Profile, marks: Sequence[Marks], caption: Caption) -> dict[str, Any]:
    return {
        "x": _numbers(profile.two_theta, 8),
        "observed": _numbers(profile.observed, 7),
        "calculated": _numbers(profile.calculated, 7),
        "background": _numbers(profile.background, 6),
        "weight": _numbers(np.where(profile.counted, profile.weight, 0.0), 6),
        "uncounted": profile.uncounted(caption.excluded),
        "intensity": caption.intensity,
        "marks": [
            {
                "phase": mark.phase,
                "x": _numbers(mark.two_theta, 8),
                "hkl": [" ".join(str(index) for index in hkl) for hkl in mark.hkl.tolist()],
                "d": _numbers(mark.d, 6),
            }
            for mark in marks
        ],
    }


def _trial(item: Attempt) -> dict[str, Any]:
    return {
        "number": item.number,
        "state": item.state,
        "origin": item.origin if item.seeded else "",
        "rwp": _finite(item.rwp),
        "best": _finite(item.best_so_far),
        "variables": item.n_variables,
    }


def structure_payload(seen: Scene) -> dict[str, Any]:
    """Return a unit cell for the viewer, in Angstrom, in the orientation of `autogsas.figures.structure`."""
    places = [
        {
            "label": " + ".join(item.label for item in place.occupants),
            "words": place_words(place),
            "radius": round(radius(place), 3),
            "colour": element_colour(place.main.element),
            "shares": [[colour, round(share, 4)] for colour, share in sectors(place)],
        }
        for place in seen.contents.places
    ]
    bonds = [
        [bond.first, None, *_place(end)] if bond.second is None else [bond.first, bond.second]
        for bond, end in zip(seen.contents.bonds, seen.ends, strict=True)
    ]
    return {
        "atoms": [[*_place(xyz), atom.place] for xyz, atom in zip(seen.atoms, seen.contents.atoms, strict=True)],
        "places": places,
        "bonds": bonds,
        "edges": [[_place(start), _place(end)] for start, end in seen.edges()],
        "names": {name: _place(at) for name, at in seen.names()},
        "views": {name: [round(value, 6) for value in turn] for name, turn in seen.turns()},
    }


def _place(xyz: Array) -> list[float]:
    return [round(float(value), 3) for value in xyz]


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _numbers(values: Array, digits: int) -> list[float | None]:
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()]

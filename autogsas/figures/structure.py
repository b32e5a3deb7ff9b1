"""The picture of a structure: a unit cell with its atoms and bonds, as it is seen before it can be turned."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from autogsas.crystal.unitcell import Contents, Place, unit_cell
from autogsas.figures.elements import element_colour, element_radius
from autogsas.figures.svg import Drawing, number
from autogsas.model.structure import Phase
from autogsas.text.formatting import general

__all__ = [
    "MOST_ATOMS",
    "Scene",
    "describe_structure",
    "draw_structure",
    "place_words",
    "radius",
    "scene",
    "sectors",
]

Array = npt.NDArray[np.float64]

MOST_ATOMS = 800  # more of them are a cloud, and a heavy page
_FULL = 0.995
_TILT = (math.radians(17.0), math.radians(-13.0))
_BOND = 0.075  # Angstrom, half the width
_PIECES = 6  # of a cell edge, each behind or before the atoms by itself
_AXES = "abc"
_BEYOND = 1.1  # Angstrom, so that atoms at the corners do not hide the names of the axes


@dataclass(frozen=True)
class Scene:
    """A unit cell turned to be looked at: x to the right, y up, z towards the eye, in Angstrom, the cell's centre at 0.

    ``axes`` (3, 3) has a, b and c as rows, ``origin`` (3,) is the cell's corner, ``atoms`` (n, 3) and ``ends``
    (m, 3), one for each bond, are places; ``along`` names the axis that points to the eye, nearly.
    """

    contents: Contents
    axes: Array
    origin: Array
    atoms: Array
    ends: Array
    along: str

    def edges(self) -> Iterator[tuple[Array, Array]]:
        """Return both ends of the twelve edges."""
        for axis in range(3):
            others = [self.axes[i] for i in range(3) if i != axis]
            for one in (0, 1):
                for two in (0, 1):
                    start = self.origin + one * others[0] + two * others[1]
                    yield start, start + self.axes[axis]

    def names(self) -> Iterator[tuple[str, Array]]:
        """Return a, b and c, and where to write them."""
        for name, axis in zip(_AXES, self.axes, strict=True):
            yield name, self.origin + axis * (1.0 + _BEYOND / float(np.linalg.norm(axis)))

    def turns(self) -> Iterator[tuple[str, list[float]]]:
        """Return a, b and c, and the quaternion (x, y, z, w) by which this axis points to the eye."""
        for name in _AXES:
            yield name, Rotation.from_matrix(_straight(self.axes, _AXES.index(name))).as_quat().tolist()


def scene(phase: Phase) -> Scene | None:
    """Return the scene of a phase of summary.json; None where there is nothing to draw, or over `MOST_ATOMS`."""
    contents = unit_cell(phase, MOST_ATOMS)
    if contents is None or len(contents.atoms) > MOST_ATOMS:
        return None
    turn, along = _view(contents.axes)
    centre = contents.axes.sum(axis=0) / 2
    atoms = np.array([atom.xyz for atom in contents.atoms]).reshape(-1, 3)
    ends = np.array([bond.end for bond in contents.bonds]).reshape(-1, 3)
    return Scene(
        contents, contents.axes @ turn.T, -centre @ turn.T, (atoms - centre) @ turn.T, (ends - centre) @ turn.T, along
    )


def _view(axes: Array) -> tuple[Array, str]:
    """Return the rotation to look nearly along the shortest axis, where the fewest atoms hide each other."""
    lengths = np.linalg.norm(axes, axis=1)
    along = 2 if lengths[2] <= lengths.min() * 1.001 else int(np.argmin(lengths))
    about_x, about_y = _TILT
    tilt_x = [[1, 0, 0], [0, math.cos(about_x), -math.sin(about_x)], [0, math.sin(about_x), math.cos(about_x)]]
    tilt_y = [[math.cos(about_y), 0, math.sin(about_y)], [0, 1, 0], [-math.sin(about_y), 0, math.cos(about_y)]]
    return np.array(tilt_x) @ np.array(tilt_y) @ _straight(axes, along), _AXES[along]


def _straight(axes: Array, along: int) -> Array:
    """Return the rotation that turns one axis to the eye and lays the next to the right."""
    forward = axes[along] / np.linalg.norm(axes[along])
    right = axes[(along + 1) % 3]
    right = right - (right @ forward) * forward
    right = right / np.linalg.norm(right)
    return np.array([right, np.cross(forward, right), forward])


def describe_structure(name: str, seen: Scene) -> str:
    """Return in one sentence what the picture shows."""
    elements = dict.fromkeys(item.element for place in seen.contents.places for item in place.occupants)
    return f"Unit cell of {name}, seen along {seen.along}: {len(seen.atoms)} atoms of {', '.join(elements)}."


def sectors(place: Place) -> list[tuple[str | None, float]]:
    """Return the shares of a place by colour, None for what is empty; one entry where it is full of one element."""
    shares: dict[str | None, float] = {}
    for item in sorted(place.occupants, key=lambda item: -item.occupancy):
        colour = element_colour(item.element)
        shares[colour] = shares.get(colour, 0.0) + max(item.occupancy, 0.0)
    total = sum(shares.values())
    if total < _FULL:
        shares[None] = 1.0 - total
    elif total > 1.0:
        shares = {colour: share / total for colour, share in shares.items()}
    return [(colour, share) for colour, share in shares.items() if share > 0.0]


def radius(place: Place) -> float:
    """Return how large an atom of a place is drawn, in Angstrom: as its largest occupant."""
    return max(element_radius(item.element) for item in place.occupants)


def place_words(place: Place) -> str:
    """Return what is said of an atom: labels and elements, occupancies where they are not one, and its bonds."""
    plain = len(place.occupants) == 1 and place.occupancy >= _FULL
    shares = ["" if plain else f" {general(item.occupancy, 3)}" for item in place.occupants]
    names = [f"{item.label} ({item.element}{share})" for item, share in zip(place.occupants, shares, strict=True)]
    found = [
        f"{len(lengths)} {element} at {' to '.join(dict.fromkeys(f'{end:.3f}' for end in (lengths[0], lengths[-1])))} Å"
        for element, lengths in _by_element(place).items()
    ]
    return f"{' + '.join(names)}: {', '.join(found) or 'no bonds'}"


def _by_element(place: Place) -> dict[str, list[float]]:
    grouped: dict[str, list[float]] = {}
    for element, length in place.bonds:
        grouped.setdefault(element, []).append(length)
    return grouped


def draw_structure(seen: Scene, width: float, height: float) -> Drawing:
    """Return the drawing: what is nearer covers what is behind."""
    drawing = Drawing(width, height)
    corners = np.array([end for edge in seen.edges() for end in edge])
    halves = [(seen.atoms[bond.first] + end) / 2 for bond, end in zip(seen.contents.bonds, seen.ends, strict=True)]
    names = [at for _, at in seen.names()]
    reach = np.concatenate((corners, seen.atoms, np.reshape(halves, (-1, 3)), names))
    low, high = reach.min(axis=0) - 0.8, reach.max(axis=0) + 0.8
    scale = float(min(width / (high[0] - low[0]), height / (high[1] - low[1])))
    middle = (low + high) / 2

    def at(place: Array) -> tuple[float, float]:
        return (
            width / 2 + float(place[0] - middle[0]) * scale,
            height / 2 - float(place[1] - middle[1]) * scale,
        )

    parts: list[tuple[float, int, Any]] = []
    for start, end in seen.edges():
        for piece in range(_PIECES):
            one, two = (start + (end - start) * step / _PIECES for step in (piece, piece + 1))
            parts.append((float(one[2] + two[2]) / 2, 0, (one, two)))
    radii = [radius(place) for place in seen.contents.places]
    for index, atom in enumerate(seen.contents.atoms):
        parts.append((float(seen.atoms[index][2]), 2, (index, atom.place)))
    for half in _halves(seen, radii):
        parts.append((float(half[0][2] + half[1][2]) / 2, 1, half))
    for _, kind, part in sorted(parts, key=lambda item: item[:2]):
        if kind == 0:
            _stroke(drawing, at(part[0]), at(part[1]), 1.1, class_="axis")
        elif kind == 1:
            _stroke(drawing, at(part[0]), at(part[1]), 2 * _BOND * scale, stroke=part[2])
        else:
            index, place = part
            _ball(drawing, at(seen.atoms[index]), radii[place] * scale, sectors(seen.contents.places[place]))
    for name, beyond in seen.names():
        x, y = at(beyond)
        drawing.text(x, y + 4, name, class_="strong", text_anchor="middle")
    return drawing


def _halves(seen: Scene, radii: Sequence[float]) -> Iterator[tuple[Array, Array, str]]:
    """Return each bond as two halves, each from its atom's surface to the middle in its atom's colour."""
    places, atoms = seen.contents.places, seen.contents.atoms
    for bond, far in zip(seen.contents.bonds, seen.ends, strict=True):
        ends = [(bond.first, seen.atoms[bond.first], far)]
        if bond.second is not None:
            ends.append((bond.second, seen.atoms[bond.second], seen.atoms[bond.first]))
        for index, near, other in ends:
            place = atoms[index].place
            start = near + (other - near) * min(0.45, 0.8 * radii[place] / bond.length)
            yield start, (near + other) / 2, element_colour(places[place].main.element)


def _stroke(drawing: Drawing, start: tuple[float, float], end: tuple[float, float], width: float, **look: str) -> None:
    path = f"M{number(start[0])} {number(start[1])}L{number(end[0])} {number(end[1])}"
    drawing.add("path", d=path, stroke_width=width, stroke_linecap="round", **look)


def _ball(drawing: Drawing, at: tuple[float, float], size: float, shares: Sequence[tuple[str | None, float]]) -> None:
    x, y = at
    turn = -0.25
    for colour, share in shares:
        fill = {"fill": colour} if colour else {"class_": "empty"}
        if share > _FULL:
            drawing.add("circle", cx=x, cy=y, r=size, **fill)
            continue
        start, turn = turn, turn + share
        ends = [(x + size * math.cos(2 * math.pi * t), y + size * math.sin(2 * math.pi * t)) for t in (start, turn)]
        arc = f"A{number(size)} {number(size)} 0 {int(share > 0.5)} 1 {number(ends[1][0])} {number(ends[1][1])}"
        drawing.add("path", d=f"M{number(x)} {number(y)}L{number(ends[0][0])} {number(ends[0][1])}{arc}Z", **fill)
    drawing.add("circle", class_="rim", cx=x, cy=y, r=size)
    drawing.add("circle", class_="shine", cx=x - 0.3 * size, cy=y - 0.32 * size, r=0.26 * size)

"""The figure of a structure: a unit cell with its atoms and bonds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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

MOST_ATOMS = 800
"""A cell with more atoms is not drawn: the atoms would hide each other, and the page would be large."""

_FULL = 0.995
_TILT = (math.radians(17.0), math.radians(-13.0))
_BOND = 0.075  # radius of a bond in Angstrom
_PIECES = 6  # parts of a cell edge, each drawn at its own depth
_AXES = "abc"
_BEYOND = 1.1  # distance of an axis name from the end of the axis in Angstrom, so that atoms do not hide it


@dataclass(frozen=True)
class Scene:
    """A unit cell in the orientation of the view: x to the right, y up, z towards the reader, in Angstrom.

    The centre of the cell is at zero. The rows of ``axes`` (3, 3) are a, b and c, ``origin`` (3,) is the corner of the
    cell; ``atoms`` (n, 3) and ``ends`` (m, 3), one for each bond, are positions. The axis ``along`` points roughly
    to the reader.
    """

    contents: Contents
    axes: Array
    origin: Array
    atoms: Array
    ends: Array
    along: str

    def edges(self) -> Iterator[tuple[Array, Array]]:
        """Return the two ends of each of the twelve edges."""
        for axis in range(3):
            others = [self.axes[i] for i in range(3) if i != axis]
            for one in (0, 1):
                for two in (0, 1):
                    start = self.origin + one * others[0] + two * others[1]
                    yield start, start + self.axes[axis]

    def names(self) -> Iterator[tuple[str, Array]]:
        """Return a, b and c with the position of each name."""
        for name, axis in zip(_AXES, self.axes, strict=True):
            yield name, self.origin + axis * (1.0 + _BEYOND / float(np.linalg.norm(axis)))

    def turns(self) -> Iterator[tuple[str, list[float]]]:
        """Return a, b and c with the quaternion (x, y, z, w) that turns this axis to the reader."""
        for name in _AXES:
            yield name, Rotation.from_matrix(_straight(self.axes, _AXES.index(name))).as_quat().tolist()


def scene(phase: Phase) -> Scene | None:
    """Return the scene of a phase; None if there is nothing to draw or there are more than `MOST_ATOMS` atoms."""
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
    """Return the rotation for a view roughly along the shortest axis, where the fewest atoms hide each other."""
    lengths = np.linalg.norm(axes, axis=1)
    along = 2 if lengths[2] <= lengths.min() * 1.001 else int(np.argmin(lengths))
    about_x, about_y = _TILT
    tilt_x = [[1, 0, 0], [0, math.cos(about_x), -math.sin(about_x)], [0, math.sin(about_x), math.cos(about_x)]]
    tilt_y = [[math.cos(about_y), 0, math.sin(about_y)], [0, 1, 0], [-math.sin(about_y), 0, math.cos(about_y)]]
    return np.array(tilt_x) @ np.array(tilt_y) @ _straight(axes, along), _AXES[along]


def _straight(axes: Array, along: int) -> Array:
    """Return the rotation that turns one axis to the reader and the next one to the right."""
    forward = axes[along] / np.linalg.norm(axes[along])
    right = axes[(along + 1) % 3]
    right = right - (right @ forward) * forward
    right = right / np.linalg.norm(right)
    return np.array([right, np.cross(forward, right), forward])


def describe_structure(name: str, seen: Scene) -> str:
    """Return a description of the figure in one sentence."""
    elements = dict.fromkeys(item.element for place in seen.contents.places for item in place.occupants)
    return f"Unit cell of {name}, seen along {seen.along}: {len(seen.atoms)} atoms of {', '.join(elements)}."


def sectors(place: Place) -> list[tuple[str | None, float]]:
    """Return the occupancy of a place by colour; None stands for the empty share."""
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
    """Return the radius of the atoms of a place in Angstrom, which is that of the largest occupant."""
    return max(element_radius(item.element) for item in place.occupants)


def place_words(place: Place) -> str:
    """Return a text about a place: labels, elements, occupancies if they are not one, and bond lengths."""
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


@dataclass(frozen=True)
class _Paper:
    """From a position in Angstrom to coordinates on paper."""

    middle: Array
    scale: float
    width: float
    height: float

    def at(self, position: Array) -> tuple[float, float]:
        return (
            self.width / 2 + float(position[0] - self.middle[0]) * self.scale,
            self.height / 2 - float(position[1] - self.middle[1]) * self.scale,
        )


Part = tuple[float, int, Callable[[], None]]
"""Depth of a part, its order at equal depth, and the function that draws it."""


def draw_structure(seen: Scene, width: float, height: float) -> Drawing:
    """Return the drawing; nearer parts cover those behind them."""
    drawing = Drawing(width, height)
    paper = _paper(seen, width, height)
    for _, _, draw in sorted(_parts(drawing, seen, paper), key=lambda part: part[:2]):
        draw()
    for name, beyond in seen.names():
        x, y = paper.at(beyond)
        drawing.text(x, y + 4, name, class_="strong", text_anchor="middle")
    return drawing


def _paper(seen: Scene, width: float, height: float) -> _Paper:
    corners = np.array([end for edge in seen.edges() for end in edge])
    halves = [(seen.atoms[bond.first] + end) / 2 for bond, end in zip(seen.contents.bonds, seen.ends, strict=True)]
    names = [at for _, at in seen.names()]
    extent = np.concatenate((corners, seen.atoms, np.reshape(halves, (-1, 3)), names))
    low, high = extent.min(axis=0) - 0.8, extent.max(axis=0) + 0.8
    scale = float(min(width / (high[0] - low[0]), height / (high[1] - low[1])))
    return _Paper((low + high) / 2, scale, width, height)


def _parts(drawing: Drawing, seen: Scene, paper: _Paper) -> Iterator[Part]:
    places = seen.contents.places
    radii = [radius(place) for place in places]
    for start, end in seen.edges():
        for piece in range(_PIECES):
            one, two = (start + (end - start) * step / _PIECES for step in (piece, piece + 1))
            stroke = partial(_stroke, drawing, paper.at(one), paper.at(two), 1.1, class_="axis")
            yield float(one[2] + two[2]) / 2, 0, stroke
    for index, atom in enumerate(seen.contents.atoms):
        xyz, size = seen.atoms[index], radii[atom.place] * paper.scale
        yield float(xyz[2]), 2, partial(_ball, drawing, paper.at(xyz), size, sectors(places[atom.place]))
    for near, middle, colour in _halves(seen, radii):
        width = 2 * _BOND * paper.scale
        stroke = partial(_stroke, drawing, paper.at(near), paper.at(middle), width, stroke=colour)
        yield float(near[2] + middle[2]) / 2, 1, stroke


def _halves(seen: Scene, radii: Sequence[float]) -> Iterator[tuple[Array, Array, str]]:
    """Return each bond as two halves: start at the surface of an atom, middle of the bond, colour of the atom."""
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

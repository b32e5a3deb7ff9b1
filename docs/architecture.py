"""The rooms of the package and the drawing of them, made from the imports by grimp.

A room is a package or module directly under ``autogsas``. Its floor is the length of the longest chain of imports
below it. The drawing leaves out an arrow where a longer chain of arrows leads to the same room, so that it can be read.
"""

from __future__ import annotations

import ast
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "autogsas"
PICTURE = DOCS / "developers" / "architecture.svg"

_BOX, _HEIGHT, _GAP, _FLOOR, _MARGIN = 104, 30, 34, 78, 40
_WAY = 14  # the width that an arrow takes where it passes a floor

Imports = dict[str, frozenset[str]]


@cache
def imports() -> Imports:
    """Return by room which other rooms it imports."""
    import grimp

    graph = grimp.build_graph("autogsas", cache_dir=None)
    children = sorted(graph.find_children("autogsas") - {"autogsas.__main__"})
    found: Imports = {}
    for name in children:
        own = {name, *graph.find_descendants(name)}
        there = {target for module in own for target in graph.find_modules_directly_imported_by(module)}
        rooms = {".".join(target.split(".")[:2]) for target in there if target.startswith("autogsas.")}
        found[name.removeprefix("autogsas.")] = frozenset(
            room.removeprefix("autogsas.") for room in rooms & set(children) - {name}
        )
    return found


@cache
def floors() -> dict[str, int]:
    """Return by room the length of the longest chain of imports below it."""
    below = imports()

    def floor(room: str) -> int:
        return max((floor(other) + 1 for other in below[room]), default=0)

    return {room: floor(room) for room in sorted(below)}


def arrows() -> list[tuple[str, str]]:
    """Return the imports between rooms that no longer chain of imports implies."""
    below = imports()

    @cache
    def reached(room: str) -> frozenset[str]:
        return below[room].union(*(reached(other) for other in below[room]))

    return [
        (room, other)
        for room in sorted(below)
        for other in sorted(below[room])
        if not any(other in reached(third) for third in below[room] - {other})
    ]


def count_sentence() -> str:
    """Return how many rooms, floors and imports there are."""
    below = imports()
    number = sum(map(len, below.values()))
    return (
        f"{len(below)} rooms on {max(floors().values()) + 1} floors, {number} imports from one room to another, "
        f"{len(arrows())} of them drawn."
    )


def room_rows() -> list[tuple[str, str, str]]:
    """Return each room from the top floor down, with the first paragraph of its docstring and the rooms it imports."""
    below, level = imports(), floors()
    rooms = sorted(below, key=lambda room: (-level[room], room))
    return [(f"`{room}`", _about(room), ", ".join(sorted(below[room])) or "none") for room in rooms]


def _about(room: str) -> str:
    file = PACKAGE / room / "__init__.py"
    if not file.is_file():
        file = PACKAGE / f"{room}.py"
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def drawing() -> str:
    """Return the drawing as SVG: floors from the bottom to the top, an arrow from each room to those it imports."""
    rows, chains = _rows()
    width = max(sum(_wide(node) for node in row) + _GAP * (len(row) - 1) for row in rows) + 2 * _MARGIN
    height = _FLOOR * len(rows) + _MARGIN
    place: dict[str, tuple[float, float]] = {}
    for index, row in enumerate(rows):
        taken = sum(_wide(node) for node in row) + _GAP * (len(row) - 1)
        x = (width - taken) / 2
        for node in row:
            place[node] = (x + _wide(node) / 2, height - _MARGIN - _FLOOR * index - _HEIGHT / 2)
            x += _wide(node) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        'font-family="sans-serif" font-size="13">',
        "<title>The rooms of autogsas and their imports</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5c6f82"/></marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
    ]
    for index in range(0, len(rows), 2):
        y = height - _MARGIN - _FLOOR * index - _HEIGHT / 2 - _FLOOR / 2
        parts.append(f'<rect y="{y:g}" width="{width:g}" height="{_FLOOR}" fill="#f3f6f9"/>')
    parts += [_curve([place[node] for node in chain]) for chain in chains]
    for node, (x, y) in sorted(place.items()):
        if "|" not in node:
            parts.append(
                f'<rect x="{x - _BOX / 2:g}" y="{y - _HEIGHT / 2:g}" width="{_BOX}" height="{_HEIGHT}" rx="5" '
                f'fill="#e3edf7" stroke="#38618c"/><text x="{x:g}" y="{y + 4.5:g}" text-anchor="middle" '
                f'fill="#14283c">{escape(node)}</text>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _wide(node: str) -> int:
    return _WAY if "|" in node else _BOX


def _rows() -> tuple[list[list[str]], list[list[str]]]:
    """Return the floors, each an ordered row of rooms and of places where arrows pass, and the arrows as chains."""
    level = floors()
    rows: list[list[str]] = [[] for _ in range(max(level.values()) + 1)]
    for room in sorted(level):
        rows[level[room]].append(room)
    chains = []
    for room, other in arrows():
        passed = [f"{room}|{other}|{floor}" for floor in range(level[room] - 1, level[other], -1)]
        for node in passed:
            rows[int(node.rsplit("|", 1)[1])].append(node)
        chains.append([room, *passed, other])
    pairs = [pair for chain in chains for pair in pairwise(chain)]
    near: dict[str, list[str]] = {node: [] for row in rows for node in row}
    for upper, lower in pairs:
        near[upper].append(lower)
        near[lower].append(upper)
    best, fewest = [list(row) for row in rows], _crossings(rows, pairs)
    for turn in range(40):
        upwards = turn % 2 == 0
        order = range(1, len(rows)) if upwards else range(len(rows) - 2, -1, -1)
        for index in order:
            side = rows[index - 1] if upwards else rows[index + 1]
            there = {node: i / max(1, len(side) - 1) for i, node in enumerate(side)}

            def mean(node: str, there: dict[str, float] = there) -> float:
                found = [there[other] for other in near[node] if other in there]
                return sum(found) / len(found) if found else 0.5

            rows[index].sort(key=lambda node: (round(mean(node), 6), node))
        number = _crossings(rows, pairs)
        if number < fewest:
            best, fewest = [list(row) for row in rows], number
    return best, chains


def _crossings(rows: list[list[str]], pairs: list[tuple[str, str]]) -> int:
    place = {node: (level, index) for level, row in enumerate(rows) for index, node in enumerate(row)}
    ends = [(place[upper], place[lower]) for upper, lower in pairs]
    return sum(
        one[0][0] == two[0][0] and (one[0][1] - two[0][1]) * (one[1][1] - two[1][1]) < 0
        for i, one in enumerate(ends)
        for two in ends[:i]
    )


def _curve(points: list[tuple[float, float]]) -> str:
    points = [(points[0][0], points[0][1] + _HEIGHT / 2), *points[1:-1], (points[-1][0], points[-1][1] - _HEIGHT / 2)]
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = (y1 - y0) / 2
        path += f"C{x0:g} {y0 + bend:g} {x1:g} {y1 - bend:g} {x1:g} {y1:g}"
    return f'<path d="{path}" fill="none" stroke="#5c6f82" stroke-width="1.2" marker-end="url(#tip)"/>'

"""How compared refinements are told apart in pictures and tables: by a letter, a colour, a shape of their dots."""

from __future__ import annotations

from autogsas.figures.svg import SIDES, Drawing, number

__all__ = ["SYMBOLS", "letter", "mark", "side", "versus"]

SYMBOLS = ("circle", "square", "diamond", "triangle-up")


def letter(place: int) -> str:
    """Return the letter of the refinement in this place of a comparison: A, B, C ... Z, A1."""
    return chr(ord("A") + place % 26) + (str(place // 26) if place >= 26 else "")


def versus(place: int) -> str:
    """Return what a difference of the first refinement and another is called."""
    return f"A − {letter(place)}"


def side(place: int) -> str:
    """Return the name of its colour in the palette, which is its class in drawings too."""
    return f"side{place % SIDES}"


def mark(drawing: Drawing, x: float, y: float, place: int) -> None:
    """Add the dot of a difference between the first refinement and another."""
    at = f"{number(x)} {number(y)}"
    shapes = {
        "circle": f"M{at}h0",
        "square": f"M{number(x - 2.5)} {number(y - 2.5)}h5v5h-5z",
        "diamond": f"M{number(x - 3.5)} {number(y)}l3.5 -3.5l3.5 3.5l-3.5 3.5z",
        "triangle-up": f"M{number(x - 3.5)} {number(y + 3)}h7l-3.5 -6z",
    }
    shape = SYMBOLS[(place - 1) % len(SYMBOLS)]
    drawing.add("path", class_=f"spot {side(place)}", d=shapes[shape], stroke_width=8.0 if shape == "circle" else 2.2)

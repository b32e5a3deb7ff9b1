"""How compared refinements are distinguished in figures and tables: by letter, colour and symbol."""

from __future__ import annotations

from autogsas.figures.palette import SERIES
from autogsas.figures.svg import Drawing, number

__all__ = ["SYMBOLS", "draw_symbol", "letter", "series", "versus"]

SYMBOLS = ("circle", "square", "diamond", "triangle-up")
"""Symbols of the differences, in the order of the refinements after the first; named as plotly names them."""


def letter(place: int) -> str:
    """Return the letter of the refinement at this place of a comparison: A, B, C ... Z, A1."""
    return chr(ord("A") + place % 26) + (str(place // 26) if place >= 26 else "")


def versus(place: int) -> str:
    """Return the label of the difference between the first refinement and another."""
    return f"A − {letter(place)}"


def series(place: int) -> str:
    """Return the name of the refinement's colour in the palette, which is also its CSS class."""
    return f"series{place % SERIES}"


def draw_symbol(drawing: Drawing, x: float, y: float, place: int) -> None:
    """Draw the symbol of a difference between the first refinement and the one at ``place``."""
    at = f"{number(x)} {number(y)}"
    shapes = {
        "circle": f"M{at}h0",
        "square": f"M{number(x - 2.5)} {number(y - 2.5)}h5v5h-5z",
        "diamond": f"M{number(x - 3.5)} {number(y)}l3.5 -3.5l3.5 3.5l-3.5 3.5z",
        "triangle-up": f"M{number(x - 3.5)} {number(y + 3)}h7l-3.5 -6z",
    }
    shape = SYMBOLS[(place - 1) % len(SYMBOLS)]
    width = 8.0 if shape == "circle" else 2.2
    drawing.add("path", class_=f"spot {series(place)}", d=shapes[shape], stroke_width=width)

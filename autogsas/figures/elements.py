"""Colours and radii of the elements in drawings of structures."""

from __future__ import annotations

import colorsys

import gemmi

__all__ = ["element_colour", "element_radius"]

# Non-metals in the usual colours of Corey, Pauling and Koltun; some metals in the colour
# that they are usually given.
_KNOWN = {
    "H": "#d9dee3",
    "D": "#d9dee3",
    "B": "#f0a58a",
    "C": "#6b6f75",
    "N": "#3a5ccc",
    "O": "#e0362c",
    "F": "#58b947",
    "Si": "#c9a06b",
    "P": "#f08a1d",
    "S": "#e8c51c",
    "Cl": "#1fb56b",
    "Se": "#c9842b",
    "Br": "#9c3b2a",
    "I": "#7a2fa0",
    "Li": "#b98af0",
    "Na": "#8c62d9",
    "K": "#6f45b8",
    "Mg": "#6fa33c",
    "Ca": "#3f9fae",
    "Sr": "#2f8f7a",
    "Ba": "#3d7a4d",
    "Al": "#a2b1c4",
    "Ti": "#7f93a8",
    "Fe": "#b9582e",
    "Co": "#3c66b8",
    "Ni": "#4aa57c",
    "Cu": "#c77a3a",
    "Zn": "#7d80b0",
    "Ag": "#aab3bb",
    "Au": "#d9ae2c",
    "Pb": "#575d7a",
    "Y": "#5aa7b5",
    "La": "#5fb0c9",
    "Zr": "#79b0b0",
}
_GOLDEN = 0.381966  # of a turn of the colour wheel: neighbours in the periodic table get very different hues
_SHARE = 0.33  # of the covalent radius, so that bonds stay visible
_UNKNOWN = 1.3


def element_colour(symbol: str) -> str:
    """Return the colour of an element as #rrggbb; grey for an unknown symbol."""
    if symbol in _KNOWN:
        return _KNOWN[symbol]
    number = gemmi.Element(symbol).atomic_number
    if not number:
        return "#909090"
    red, green, blue = colorsys.hls_to_rgb((number * _GOLDEN) % 1.0, 0.5, 0.42)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def element_radius(symbol: str) -> float:
    """Return the radius in Angstrom with which an atom is drawn, proportional to its covalent radius."""
    element = gemmi.Element(symbol)
    return _SHARE * (float(element.covalent_r) if element.atomic_number else _UNKNOWN)

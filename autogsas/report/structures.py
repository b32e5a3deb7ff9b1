"""The pictures of structures in the report: which there are, and what is said below each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from autogsas.crystal.unitcell import TOLERANCE, Place
from autogsas.figures.elements import element_colour
from autogsas.figures.structure import MOST_ATOMS, Scene, describe_structure, draw_structure, place_words, scene
from autogsas.pages.embed import markup
from autogsas.runfolder.summary import Summary
from autogsas.text.formatting import general
from autogsas.text.prose import joined

__all__ = ["StructureFigure", "scenes", "structure_figures"]

_WIDTH, _HEIGHT = 560.0, 440.0


@dataclass(frozen=True)
class StructureFigure:
    """A unit cell: ``svg`` stands until it can be turned; ``legend`` has colours with elements.

    Without ``identity`` there is no picture, and ``notes`` say why.
    """

    identity: str
    title: str
    svg: Markup
    description: str
    legend: tuple[tuple[str, str], ...]
    bonds: tuple[str, ...]
    notes: tuple[str, ...]


def scenes(summary: Summary) -> list[tuple[str, Scene | None]]:
    """Return each phase's name and its unit cell, ready to be drawn; None for one that is not drawn."""
    return [(phase.name, scene(phase.phase())) for phase in summary.structure]


def structure_figures(summary: Summary) -> tuple[StructureFigure, ...]:
    """Return the picture of each phase, in the order of `scenes`."""
    figures = []
    drawn = 0
    for name, seen in scenes(summary):
        if seen is None:
            why = f"{name} is not drawn: its space group is unknown, or it has no atoms or more than {MOST_ATOMS}."
            figures.append(StructureFigure("", name, Markup(""), "", (), (), (why,)))
            continue
        description = describe_structure(name, seen)
        drawing = draw_structure(seen, _WIDTH, _HEIGHT)
        places = seen.contents.places
        elements = dict.fromkeys(item.element for place in places for item in place.occupants)
        figures.append(
            StructureFigure(
                identity=f"structure-{drawn}",
                title=name,
                svg=markup(drawing.inline("The structure", description)),
                description=description,
                legend=tuple((element_colour(element), element) for element in elements),
                bonds=tuple(place_words(place) for place in places),
                notes=tuple(_notes(places)),
            )
        )
        drawn += 1
    return tuple(figures)


def _notes(places: tuple[Place, ...]) -> Iterator[str]:
    mixed = [
        " + ".join(f"{item.label} {general(item.occupancy, 3)}" for item in place.occupants)
        for place in places
        if len(place.occupants) > 1 or place.occupancy < 0.995
    ]
    if mixed:
        yield f"Atoms that share a place, or are not always there, are cut into sectors by occupancy: {joined(mixed)}."
    yield f"Bonds are drawn up to {general(TOLERANCE)} Å beyond the sum of the covalent radii."

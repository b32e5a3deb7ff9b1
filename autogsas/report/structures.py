"""The figures of the structures in the report with their captions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

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
    """A unit cell; ``svg`` is shown until the rotatable figure replaces it.

    ``legend`` are pairs of colour and element, ``bonds`` the texts about each place. Without ``identity`` there is no
    drawing, and ``notes`` give the reason.
    """

    identity: str
    title: str
    svg: Markup
    description: str
    legend: tuple[tuple[str, str], ...]
    bonds: tuple[str, ...]
    notes: tuple[str, ...]


def scenes(summary: Summary) -> list[tuple[str, Scene | None]]:
    """Return the name of each phase and its scene, which is None if the phase is not drawn."""
    return [(phase.name, scene(phase.phase())) for phase in summary.structure]


def structure_figures(summary: Summary) -> tuple[StructureFigure, ...]:
    """Return the figure of each phase, in the order of `scenes`."""
    figures = []
    drawn = count()
    for name, seen in scenes(summary):
        figures.append(_not_drawn(name) if seen is None else _figure(f"structure-{next(drawn)}", name, seen))
    return tuple(figures)


def _not_drawn(name: str) -> StructureFigure:
    why = f"{name} is not drawn: its space group is unknown, or it has no atoms or more than {MOST_ATOMS}."
    return StructureFigure("", name, Markup(""), "", (), (), (why,))


def _figure(identity: str, name: str, seen: Scene) -> StructureFigure:
    description = describe_structure(name, seen)
    places = seen.contents.places
    elements = dict.fromkeys(item.element for place in places for item in place.occupants)
    return StructureFigure(
        identity=identity,
        title=name,
        svg=markup(draw_structure(seen, _WIDTH, _HEIGHT).inline("The structure", description)),
        description=description,
        legend=tuple((element_colour(element), element) for element in elements),
        bonds=tuple(place_words(place) for place in places),
        notes=tuple(_notes(places)),
    )


def _notes(places: tuple[Place, ...]) -> Iterator[str]:
    mixed = [
        " + ".join(f"{item.label} {general(item.occupancy, 3)}" for item in place.occupants)
        for place in places
        if len(place.occupants) > 1 or place.occupancy < 0.995
    ]
    if mixed:
        yield f"Sites that are shared or partly occupied are divided into sectors by occupancy: {joined(mixed)}."
    yield f"Bonds are drawn up to {general(TOLERANCE)} Å beyond the sum of the covalent radii."

"""The amounts of the phases at the top of the report."""

from __future__ import annotations

from dataclasses import dataclass

from autogsas.figures.fractions import describe_fractions, draw_fractions
from autogsas.model.quantification import Quantification
from autogsas.pages.embed import markup
from autogsas.pages.parts import Figure
from autogsas.report.tables import Block, Table
from autogsas.runfolder.summary import Summary
from autogsas.text.amounts import amount_rows, describe_method

__all__ = ["Amounts", "amounts"]

_ESDS = (
    "The esds contain the correlation of the scales; they do not contain errors of all models alike, such as texture."
)


@dataclass(frozen=True)
class Amounts:
    """The bar chart of one histogram, and a table where the chart does not show everything."""

    figure: Figure
    table: Table | None = None


def amounts(summary: Summary) -> tuple[Amounts, ...]:
    """Return the amounts that each histogram gives; none for one phase, and for runs of earlier versions."""
    several = len(summary.histograms) > 1
    out = []
    for number, found in enumerate(summary.quantification):
        title = "Phase fractions" + (f" from {found.histogram}" if several else "")
        description = describe_fractions(found)
        svg = markup(draw_fractions(found, 640.0).inline(title, description))
        notes = tuple(note for note in (describe_method(found), _ESDS) if note)
        out.append(Amounts(Figure(f"amounts-{number}", title, svg, description, notes), _table(found)))
    return tuple(out)


def _table(found: Quantification) -> Table | None:
    header, rows = amount_rows(found)
    if len(header) == 2:
        return None
    words = {"Phase", "powder"}
    numeric = frozenset(i for i, name in enumerate(header) if name not in words)
    return Table("All shares of the mass", header, (Block(tuple(rows)),), numeric)

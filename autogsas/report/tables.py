"""The tables of the report: rows of text, with numbers written by `autogsas.text.formatting`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from autogsas.hooks.choices import Section
from autogsas.model.recipe import Recipe
from autogsas.runfolder.candidates import differences_words
from autogsas.runfolder.summary import CandidatePart, CellPart, ParameterPart, SitePart, StepPart, Summary
from autogsas.text.formatting import MISSING, count, duration, general, interval, percent, with_esd

__all__ = [
    "Block",
    "Table",
    "candidates_table",
    "correlations_table",
    "models_table",
    "parameters_tables",
    "patterns_table",
    "section_table",
    "steps_table",
    "structure_tables",
    "versions_table",
]

Row = tuple[str, ...]

_MOST_CORRELATIONS = 12
_MOST_NAMES = 10  # in one cell


@dataclass(frozen=True)
class Block:
    """Rows that belong together; ``label`` is their heading unless it is empty."""

    rows: tuple[Row, ...]
    label: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the page; ``numeric`` columns are aligned to the right; a ``folded`` table opens on demand."""

    caption: str
    header: Row
    blocks: tuple[Block, ...]
    numeric: frozenset[int] = field(default_factory=frozenset)
    folded: bool = False

    @property
    def size(self) -> int:
        """The number of rows."""
        return sum(len(block.rows) for block in self.blocks)


def _table(
    caption: str, header: Row, rows: Iterable[Row], numeric: Iterable[int] = (), *, folded: bool = False
) -> Table | None:
    """Return a table of one block; None if it has no rows."""
    block = Block(tuple(rows))
    return Table(caption, header, (block,), frozenset(numeric), folded) if block.rows else None


def parameters_tables(summary: Summary) -> list[Table]:
    """Return a table of the parameters that no structure table contains, by owner, and a folded table of all."""
    listed = _structure_esds(summary)
    phases = {phase.name for phase in summary.structure}
    owned: dict[str, list[Row]] = {}
    for item in summary.parameters:
        owner = _owner(item)
        in_structure = owner in phases and _structure_key(item) in listed
        if item.group != "background" and not in_structure:
            short = item.name.removeprefix(f"{owner}:").replace(":", " ") if owner else item.name
            owned.setdefault(owner, []).append((short, *_value(item), _state(item)))
    tables = []
    if owned:
        blocks = tuple(Block(tuple(rows), owner) for owner, rows in owned.items())
        header: Row = ("Parameter", "Value (esd)", "Unit", "")
        tables.append(Table("Scale, profile and corrections", header, blocks, frozenset({1})))
    every = _table(
        f"All {len(summary.parameters)} parameters, including the background",
        ("Parameter", "Value (esd)", "Esd as computed", "Unit", "Group", ""),
        (
            (item.name, _value(item)[0], _computed(item), item.unit, item.group, _state(item))
            for item in summary.parameters
        ),
        {1, 2},
        folded=True,
    )
    return tables if every is None else [*tables, every]


def _owner(item: ParameterPart) -> str:
    return item.phase or item.histogram or ""


def _value(item: ParameterPart) -> tuple[str, str]:
    return with_esd(item.value, item.esd), item.unit


def _computed(item: ParameterPart) -> str:
    # Runs of older versions have only the engine's own.
    return general(item.esd if item.esd_computed is None else item.esd_computed, 2) if item.esd else ""


def _state(item: ParameterPart) -> str:
    return "" if item.esd else "not refined"


def structure_tables(summary: Summary) -> list[Table]:
    """Return a table of the sites of each phase; the caption has its space group and cell. Values have their esds."""
    esds = _structure_esds(summary)
    tables = []
    for phase in summary.structure:
        axes = ", ".join(_axes(phase.cell, phase.name, esds))
        rows = []
        for site in phase.sites:
            values = _site_values(site).items()
            numbers = (with_esd(value, esds.get((phase.name, site.label, key))) for key, value in values)
            rows.append((site.label, site.element, *numbers))
        header = ("Site", "Element", "x", "y", "z", "Occupancy", "U_iso (Å²)")
        caption = f"{phase.name}: {phase.space_group}, {axes}"
        tables.append(Table(caption, header, (Block(tuple(rows)),), frozenset(range(2, 7))))
    return tables


StructureKey = tuple[str, str, str]
"""Phase, site ("" for the cell) and column of a value in a structure table."""

_SYMBOLS = {"alpha": "α", "beta": "β", "gamma": "γ"}
_CELL = ("a", "b", "c", *_SYMBOLS)
_SITE = ("x", "y", "z", "occupancy", "uiso")


def _axes(cell: CellPart, phase: str, esds: dict[StructureKey, float | None]) -> Iterator[str]:
    lengths, angles = (cell.a, cell.b, cell.c), (cell.alpha, cell.beta, cell.gamma)
    for key, value in zip(_CELL, (*lengths, *angles), strict=True):
        esd = esds.get((phase, "", key))
        angle = key in _SYMBOLS
        if angle and value == 90 and not esd:
            continue
        text = f"{_SYMBOLS.get(key, key)} = {with_esd(value, esd)}{'°' if angle else ' Å'}"
        yield text.replace(" ", "\u00a0")  # lines break between values, not inside


def _site_values(site: SitePart) -> dict[str, float | None]:
    return dict(zip(_SITE, (site.x, site.y, site.z, site.occupancy, site.uiso), strict=True))


def _structure_key(item: ParameterPart) -> StructureKey | None:
    """Return the position of a parameter in the structure tables; None if they do not contain it."""
    if item.group in ("uiso", "occupancy"):
        column = item.group
    elif item.group in ("cell", "positions"):
        column = item.name.rpartition(":")[2]
    else:
        return None
    if column not in (_SITE if item.site else _CELL):
        return None
    return (item.phase or "", item.site or "", column)


def _structure_esds(summary: Summary) -> dict[StructureKey, float | None]:
    keyed = ((_structure_key(item), item.esd) for item in summary.parameters)
    return {key: esd for key, esd in keyed if key is not None}


def patterns_table(summary: Summary) -> Table | None:
    """Return the agreement of each histogram; None if nothing usable was found."""
    if summary.rwp is None:
        return None
    rows = []
    for item in summary.histograms:
        by_phase = (
            ", ".join(f"{phase} {percent(value)}" for phase, value in values.items()) or MISSING
            for values in (item.r_bragg, item.r_f)
        )
        figures = (item.rwp, item.rwp_background_subtracted, item.rexp, item.gof)
        points = (count(item.n_observations), general(item.effective_points, 4))
        correlated = (percent(item.durbin_watson), *points)
        rows.append((item.name, *map(percent, figures), *by_phase, *correlated, interval(item.limits)))
    header = ("Pattern", "Rwp (%)", "without background", "Rexp (%)", "GoF", "R_Bragg (%)", "R_F (%)")
    return _table(
        "Agreement by pattern",
        (*header, "Durbin-Watson d", "Points", "effective", "2θ range"),
        rows,
        {1, 2, 3, 4, 7, 8, 9},
    )


def models_table(summary: Summary) -> Table | None:
    """Return the models that the esds include; None if there is no other than the best trial."""
    models = () if summary.uncertainty is None else summary.uncertainty.models
    if len(models) < 2:
        return None
    rows = [
        (
            f"trial {item.trial}{f': {item.name}' if item.name else ''}",
            count(item.n_variables),
            general(item.delta_bic, 3),
            percent(item.weight, 3),
        )
        for item in models
    ]
    return _table(
        "Models that the evidence cannot tell apart", ("Model", "Variables", "ΔBIC", "Weight"), rows, {1, 2, 3}
    )


def steps_table(summary: Summary, recipe: Recipe | None) -> Table | None:
    """Return the result of each step of the best trial."""
    planned = () if recipe is None else recipe.steps
    rows = []
    for number, step in enumerate(summary.steps, start=1):
        allowed = planned[number - 1].cycles if number <= len(planned) else None
        rows.append(
            (
                str(number),
                step.title,
                percent(step.rwp),
                count(step.n_variables),
                count(step.cycles),
                general(step.shift_esd, 2),
                duration(step.seconds),
                "; ".join(_remarks(step, allowed)),
            )
        )
    header = ("", "Step", "Rwp (%)", "Variables", "Cycles", "Shift/esd", "Time", "Remarks")
    return _table("Result of each step", header, rows, range(2, 7))


def _remarks(step: StepPart, allowed: int | None) -> Iterator[str]:
    if not step.converged:
        yield "stopped at the maximum number of cycles" if step.cycles == allowed else "not converged"
    if step.dropped:
        yield f"dropped as singular: {', '.join(step.dropped)}"


def candidates_table(summary: Summary) -> Table | None:
    """Return the distinct solutions of the run."""
    several = len(summary.structure) > 1
    header = ("Trial", "Rwp (%)", "Found by trials", "Findings", "Differences from the best")
    caption = "Distinct solutions"
    if summary.elsewhere:
        trials = "trial" if summary.elsewhere == 1 else "trials"
        caption += f"; {count(summary.elsewhere)} infeasible {trials} ended elsewhere"
    return _table(caption, header, (_candidate(item, several) for item in summary.candidates), {0, 1, 2})


def _candidate(item: CandidatePart, several: bool) -> Row:
    found = count(item.count)
    if item.infeasible:
        found += f" and {count(item.infeasible)} infeasible"
    # A run of an earlier version holds the names of the parameters that differ, but not by how much.
    differs = differences_words(item.differences, several) or item.differs
    return (count(item.trial), percent(item.rwp), found, _few(item.findings), _few(differs))


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def correlations_table(summary: Summary) -> Table | None:
    """Return the strongest correlations."""
    strongest = sorted(summary.correlations, key=lambda item: -abs(item.value))[:_MOST_CORRELATIONS]
    rows = ((item.a, item.b, percent(item.value, 3)) for item in strongest)
    return _table("Strongest correlations", ("Parameter", "and", "Correlation"), rows, {2})


def versions_table(summary: Summary) -> Table | None:
    """Return the versions of all programs that were used."""
    return _table("Versions", ("Program", "Version"), summary.versions.items())


def section_table(section: Section) -> Table | None:
    """Return the table of a section that a plugin adds; None if it has none."""
    rows = tuple(tuple(map(str, row)) for row in section.rows)
    return Table("", tuple(map(str, section.header)), (Block(rows),)) if rows or section.header else None

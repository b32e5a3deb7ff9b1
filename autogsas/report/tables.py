"""The tables of the report: rows of text, every number written by `autogsas.text.formatting`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from autogsas.hooks.choices import Section
from autogsas.runfolder.candidates import differences_words
from autogsas.runfolder.summary import CellPart, ParameterPart, ScoutPart, SitePart, Summary
from autogsas.text.formatting import MISSING, count, duration, general, interval, percent, with_esd

__all__ = [
    "Block",
    "Table",
    "candidates_table",
    "correlations_table",
    "parameters_tables",
    "patterns_table",
    "scout_section",
    "scout_words",
    "section_table",
    "sentence",
    "steps_table",
    "structure_tables",
    "versions_table",
]

Row = tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """Rows that belong together, under a label of their own where it is not empty."""

    rows: tuple[Row, ...]
    label: str = ""


@dataclass(frozen=True)
class Table:
    """A table as the page shows it; ``numeric`` columns are set to the right; ``folded`` ones open on demand."""

    caption: str
    header: Row
    blocks: tuple[Block, ...]
    numeric: frozenset[int] = field(default_factory=frozenset)
    folded: bool = False

    @property
    def size(self) -> int:
        """The number of rows."""
        return sum(len(block.rows) for block in self.blocks)


def parameters_tables(summary: Summary) -> list[Table]:
    """Return the parameters no structure table shows, by whom they belong to, and a folded table of all of them."""
    listed = _structure_esds(summary)
    phases = {phase.name for phase in summary.structure}
    owned: dict[str, list[Row]] = {}
    everything: list[Row] = []
    for item in summary.parameters:
        owner, name = item.phase or item.histogram or "", item.name
        row = (with_esd(item.value, item.esd), item.unit)
        state = "" if item.esd else "not refined"
        everything.append((name, *row, item.group, state))
        shown = item.group == "background" or (owner in phases and _structure_key(item) in listed)
        if not shown:
            short = name.removeprefix(f"{owner}:").replace(":", " ") if owner else name
            owned.setdefault(owner, []).append((short, *row, state))
    tables = []
    if owned:
        blocks = tuple(Block(tuple(rows), owner) for owner, rows in owned.items())
        header: Row = ("Parameter", "Value (esd)", "Unit", "")
        tables.append(Table("Scale, profile and corrections", header, blocks, frozenset({1})))
    if everything:
        header = ("Parameter", "Value (esd)", "Unit", "Group", "")
        caption = f"All {len(everything)} parameters, those of the background included"
        tables.append(Table(caption, header, (Block(tuple(everything)),), frozenset({1}), folded=True))
    return tables


def structure_tables(summary: Summary) -> list[Table]:
    """Return one table for each phase: its sites, under a caption with space group and cell, all with their esds."""
    esds = _structure_esds(summary)
    tables = []
    for phase in summary.structure:
        axes = []
        for key, symbol, unit in _CELL:
            value, esd = _cell_value(phase.cell, key), esds.get((phase.name, "", key))
            if unit == "°" and value == 90 and not esd:
                continue
            text = f"{symbol} = {with_esd(value, esd)}{'' if unit == '°' else ' '}{unit}"
            axes.append(text.replace(" ", "\u00a0"))  # a line may break between them, not inside
        rows = []
        for site in phase.sites:
            numbers = (with_esd(_site_value(site, key), esds.get((phase.name, site.label, key))) for key in _SITE)
            rows.append((site.label, site.element, *numbers))
        caption = f"{phase.name}: {phase.space_group}, {', '.join(axes)}"
        header = ("Site", "Element", "x", "y", "z", "Occupancy", "U_iso (Å²)")
        tables.append(Table(caption, header, (Block(tuple(rows)),), frozenset(range(2, 7))))
    return tables


_CELL = (
    ("a", "a", "Å"),
    ("b", "b", "Å"),
    ("c", "c", "Å"),
    ("alpha", "α", "°"),
    ("beta", "β", "°"),
    ("gamma", "γ", "°"),
)
_SITE = ("x", "y", "z", "occupancy", "uiso")


def _cell_value(cell: CellPart, key: str) -> float:
    value: float = getattr(cell, key)
    return value


def _site_value(site: SitePart, key: str) -> float | None:
    value: float | None = getattr(site, key)
    return value


def _structure_key(item: ParameterPart) -> tuple[str, str, str] | None:
    """Return whose place in a structure table a parameter has: phase, site ("" for the cell), column."""
    if item.group in ("uiso", "occupancy"):
        column = item.group
    elif item.group in ("cell", "positions"):
        column = item.name.rpartition(":")[2]
    else:
        return None
    if column not in (_SITE if item.site else [key for key, _, _ in _CELL]):
        return None
    return (item.phase or "", item.site or "", column)


def _structure_esds(summary: Summary) -> dict[tuple[str, str, str], float | None]:
    found: dict[tuple[str, str, str], float | None] = {}
    for item in summary.parameters:
        key = _structure_key(item)
        if key is not None:
            found[key] = item.esd
    return found


def patterns_table(summary: Summary) -> Table | None:
    """Return the agreement of each histogram, where there are several."""
    if len(summary.histograms) < 2:
        return None
    rows = []
    for item in summary.histograms:
        bragg = ", ".join(f"{phase} {percent(value)}" for phase, value in item.r_bragg.items())
        figures = (percent(item.rwp), percent(item.rexp), percent(item.gof))
        points, limits = count(item.n_observations), interval(item.limits)
        rows.append((item.name, *figures, bragg or MISSING, points, limits))
    header = ("Pattern", "Rwp (%)", "Rexp (%)", "GoF", "R_Bragg (%)", "Points", "2θ range")
    return Table("Agreement by pattern", header, (Block(tuple(rows)),), frozenset({1, 2, 3, 5}))


def steps_table(summary: Summary) -> Table | None:
    """Return what each step of the best trial did."""
    rows = []
    planned = (summary.recipe or {}).get("steps") or ()
    for number, step in enumerate(summary.steps, start=1):
        allowed = planned[number - 1].get("cycles") if number <= len(planned) else None
        remarks = [] if step.converged else ["not converged"]
        if remarks and allowed is not None and step.cycles == allowed:
            remarks = ["stopped after the cycles allowed"]
        if step.dropped:
            remarks.append(f"dropped as singular: {', '.join(step.dropped)}")
        rows.append(
            (
                str(number),
                step.title,
                percent(step.rwp),
                count(step.n_variables),
                count(step.cycles),
                general(step.shift_esd, 2),
                duration(step.seconds),
                "; ".join(remarks),
            )
        )
    header = ("", "Step", "Rwp (%)", "Variables", "Cycles", "Shift/esd", "Time", "Remarks")
    return Table("What each step did", header, (Block(tuple(rows)),), frozenset(range(2, 7))) if rows else None


def candidates_table(summary: Summary) -> Table | None:
    """Return the distinct solutions of the run."""
    several = len(summary.structure) > 1
    rows = []
    for item in summary.candidates:
        found, ruled_out = count(item.count), item.infeasible
        # A run of an earlier version holds the names of the parameters that differ, but not by how much.
        differs = differences_words(item.differences, several) or item.differs
        rows.append(
            (
                count(item.trial),
                percent(item.rwp),
                f"{found} and {count(ruled_out)} infeasible" if ruled_out else found,
                _few(item.findings),
                _few(differs),
            )
        )
    header = ("Trial", "Rwp (%)", "Found by", "Findings", "How it differs from the best")
    elsewhere = summary.elsewhere
    caption = f"Distinct solutions; {count(elsewhere)} infeasible trials ended elsewhere" if elsewhere else ""
    caption = caption.replace(" 1 infeasible trials", " 1 infeasible trial")
    return Table(caption or "Distinct solutions", header, (Block(tuple(rows)),), frozenset({0, 1, 2})) if rows else None


def _few(names: Sequence[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def correlations_table(summary: Summary) -> Table | None:
    """Return the strongest correlations."""
    rows = tuple(
        (item.a, item.b, percent(item.value, 3))
        for item in sorted(summary.correlations, key=lambda item: -abs(item.value))[:12]
    )
    header = ("Parameter", "and", "Correlation")
    return Table("Strongest correlations", header, (Block(rows),), frozenset({2})) if rows else None


def versions_table(summary: Summary) -> Table | None:
    """Return the versions of all that took part."""
    rows = tuple(summary.versions.items())
    return Table("Versions", ("Program", "Version"), (Block(rows),)) if rows else None


def scout_section(summary: Summary) -> list[Section]:
    """Return what the scout gave, as a section; none where there was no scout."""
    scout = summary.scout
    if scout is None:
        return []
    if scout.note and not scout.recipes:
        return [Section("The scout", (sentence(scout.note),))]
    return [Section("The scout", (scout_words(summary),), _SCOUT_HEADER, tuple(_scout_rows(scout)))]


_SCOUT_HEADER = ("Trial of the scout", "Rwp there (%)", "Trial here", "How it ended", "Rwp here (%)")


def _scout_rows(scout: ScoutPart) -> Iterator[Row]:
    for item in scout.recipes:
        yield (
            count(item.scout_trial),
            percent(item.scout_rwp),
            count(item.trial),
            item.state or "not tried",
            percent(item.rwp),
        )


def scout_words(summary: Summary) -> str:
    """Return in a sentence what the scout did and what became of its recipes; empty where there was none."""
    scout = summary.scout
    if scout is None:
        return ""
    if not scout.recipes:
        return sentence(scout.note)
    best = next((item for item in scout.recipes if item.trial == summary.best_trial), None)
    looked = f"{count(scout.trials)} trials in {duration(scout.seconds)}, the best at Rwp"
    found = f"A faster engine searched first: {looked} {percent(scout.rwp)} %."
    found += f" Its {len(scout.recipes)} best distinct recipes were handed over"
    if best is not None:
        return f"{found}; one of them, from its trial {count(best.scout_trial)}, is the best of this run."
    better = summary.best_trial is not None
    return f"{found}; the search went on from them to a better one." if better else f"{found}."


def sentence(text: str) -> str:
    """Return a note as a sentence."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def section_table(section: Section) -> Table | None:
    """Return the table of a plugin's section."""
    rows: Sequence[Row] = [tuple(map(str, row)) for row in section.rows]
    return Table("", tuple(map(str, section.header)), (Block(tuple(rows)),)) if rows or section.header else None

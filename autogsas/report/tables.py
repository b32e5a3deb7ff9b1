"""The tables of the report: rows of text, every number written by `autogsas.text.formatting`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autogsas.hooks.choices import Section
from autogsas.runfolder.candidates import differences_words
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

Summary = Mapping[str, Any]
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


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def parameters_tables(summary: Summary) -> list[Table]:
    """Return the parameters no structure table shows, by whom they belong to, and a folded table of all of them."""
    listed = _structure_esds(summary)
    phases = {_text(phase.get("name")) for phase in summary.get("structure") or ()}
    owned: dict[str, list[Row]] = {}
    everything: list[Row] = []
    for item in summary.get("parameters") or ():
        owner, name = _text(item.get("phase") or item.get("histogram")), _text(item.get("name"))
        row = (with_esd(item.get("value"), item.get("esd")), _text(item.get("unit")))
        state = "" if item.get("esd") else "not refined"
        everything.append((name, *row, _text(item.get("group")), state))
        shown = item.get("group") == "background" or (owner in phases and _structure_key(item) in listed)
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
    for phase in summary.get("structure") or ():
        name, cell = _text(phase.get("name")), phase.get("cell") or {}
        axes = []
        for key, symbol, unit in _CELL:
            value, esd = cell.get(key), esds.get((name, "", key))
            if unit == "°" and value == 90 and not esd:
                continue
            text = f"{symbol} = {with_esd(value, esd)}{'' if unit == '°' else ' '}{unit}"
            axes.append(text.replace(" ", "\u00a0"))  # a line may break between them, not inside
        rows = []
        for site in phase.get("sites") or ():
            label = _text(site.get("label"))
            numbers = (with_esd(site.get(key), esds.get((name, label, key))) for key in _SITE)
            rows.append((label, _text(site.get("element")), *numbers))
        caption = f"{name}: {_text(phase.get('space_group'))}, {', '.join(axes)}"
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


def _structure_key(item: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return whose place in a structure table a parameter has: phase, site ("" for the cell), column."""
    group = item.get("group")
    if group in ("uiso", "occupancy"):
        column = str(group)
    elif group in ("cell", "positions"):
        column = _text(item.get("name")).rpartition(":")[2]
    else:
        return None
    if column not in (_SITE if item.get("site") else [key for key, _, _ in _CELL]):
        return None
    return (_text(item.get("phase")), _text(item.get("site")), column)


def _structure_esds(summary: Summary) -> dict[tuple[str, str, str], float | None]:
    found: dict[tuple[str, str, str], float | None] = {}
    for item in summary.get("parameters") or ():
        key = _structure_key(item)
        if key is not None:
            found[key] = item.get("esd")
    return found


def patterns_table(summary: Summary) -> Table | None:
    """Return the agreement of each histogram, where there are several."""
    histograms = summary.get("histograms") or ()
    if len(histograms) < 2:
        return None
    rows = []
    for item in histograms:
        bragg = ", ".join(f"{phase} {percent(value)}" for phase, value in (item.get("r_bragg") or {}).items())
        figures = (percent(item.get(key)) for key in ("rwp", "rexp", "gof"))
        points, limits = count(item.get("n_observations")), interval(item.get("limits"))
        rows.append((_text(item.get("name")), *figures, bragg or MISSING, points, limits))
    header = ("Pattern", "Rwp (%)", "Rexp (%)", "GoF", "R_Bragg (%)", "Points", "2θ range")
    return Table("Agreement by pattern", header, (Block(tuple(rows)),), frozenset({1, 2, 3, 5}))


def steps_table(summary: Summary) -> Table | None:
    """Return what each step of the best trial did."""
    rows = []
    planned = (summary.get("recipe") or {}).get("steps") or ()
    for number, step in enumerate(summary.get("steps") or (), start=1):
        allowed = planned[number - 1].get("cycles") if number <= len(planned) else None
        remarks = [] if step.get("converged") else ["not converged"]
        if remarks and allowed is not None and step.get("cycles") == allowed:
            remarks = ["stopped after the cycles allowed"]
        if step.get("dropped"):
            remarks.append(f"dropped as singular: {', '.join(map(str, step['dropped']))}")
        rows.append(
            (
                str(number),
                _text(step.get("title")),
                percent(step.get("rwp")),
                count(step.get("n_variables")),
                count(step.get("cycles")),
                general(step.get("shift_esd"), 2),
                duration(step.get("seconds")),
                "; ".join(remarks),
            )
        )
    header = ("", "Step", "Rwp (%)", "Variables", "Cycles", "Shift/esd", "Time", "Remarks")
    return Table("What each step did", header, (Block(tuple(rows)),), frozenset(range(2, 7))) if rows else None


def candidates_table(summary: Summary) -> Table | None:
    """Return the distinct solutions of the run."""
    several = len(summary.get("structure") or ()) > 1
    rows = []
    for item in summary.get("candidates") or ():
        found, ruled_out = count(item.get("count")), item.get("infeasible")
        # A run of an earlier version says which parameters differ, and not by how much.
        differs = differences_words(item.get("differences") or (), several) or list(item.get("differs") or ())
        rows.append(
            (
                count(item.get("trial")),
                percent(item.get("rwp")),
                f"{found} and {count(ruled_out)} infeasible" if ruled_out else found,
                _few(item.get("findings") or ()),
                _few(differs),
            )
        )
    header = ("Trial", "Rwp (%)", "Found by", "Findings", "How it differs from the best")
    elsewhere = summary.get("elsewhere")
    caption = f"Distinct solutions; {count(elsewhere)} infeasible trials ended elsewhere" if elsewhere else ""
    caption = caption.replace(" 1 infeasible trials", " 1 infeasible trial")
    return Table(caption or "Distinct solutions", header, (Block(tuple(rows)),), frozenset({0, 1, 2})) if rows else None


def _few(names: Sequence[Any], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def correlations_table(summary: Summary) -> Table | None:
    """Return the strongest correlations."""
    rows = tuple(
        (_text(item.get("a")), _text(item.get("b")), percent(item.get("value"), 3))
        for item in sorted(summary.get("correlations") or (), key=lambda item: -abs(item.get("value") or 0.0))[:12]
    )
    header = ("Parameter", "and", "Correlation")
    return Table("Strongest correlations", header, (Block(rows),), frozenset({2})) if rows else None


def versions_table(summary: Summary) -> Table | None:
    """Return the versions of all that took part."""
    rows = tuple((_text(name), _text(version)) for name, version in (summary.get("versions") or {}).items())
    return Table("Versions", ("Program", "Version"), (Block(rows),)) if rows else None


def scout_section(summary: Summary) -> list[Section]:
    """Return what the scout gave, as a section; none where there was no scout."""
    scout = summary.get("scout")
    if not scout:
        return []
    if scout.get("note") and not scout.get("recipes"):
        return [Section("The scout", (sentence(str(scout["note"])),))]
    return [Section("The scout", (scout_words(summary),), _SCOUT_HEADER, tuple(_scout_rows(scout)))]


_SCOUT_HEADER = ("Trial of the scout", "Rwp there (%)", "Trial here", "How it ended", "Rwp here (%)")


def _scout_rows(scout: Mapping[str, Any]) -> Iterator[Row]:
    for item in scout.get("recipes") or ():
        yield (
            count(item.get("scout_trial")),
            percent(item.get("scout_rwp")),
            MISSING if item.get("trial") is None else count(item["trial"]),
            str(item.get("state") or "not tried"),
            MISSING if item.get("rwp") is None else percent(item["rwp"]),
        )


def scout_words(summary: Summary) -> str:
    """Return in a sentence what the scout did and what became of its recipes; empty where there was none."""
    scout = summary.get("scout") or {}
    recipes = scout.get("recipes") or ()
    if not recipes:
        return sentence(str(scout.get("note") or ""))
    best = next((item for item in recipes if item.get("trial") == summary.get("best_trial")), None)
    looked = f"{count(scout.get('trials'))} trials in {duration(scout['seconds'])}, the best at Rwp"
    found = f"The numpy engine looked first: {looked} {percent(scout.get('rwp'))} %."
    found += f" Its {len(recipes)} best distinct recipes were handed over"
    if best is not None:
        return f"{found}; one of them, from its trial {count(best.get('scout_trial'))}, is the best of this run."
    better = summary.get("best_trial") is not None
    return f"{found}; the search went on from them to a better one." if better else f"{found}."


def sentence(text: str) -> str:
    """Return a note as a sentence."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def section_table(section: Section) -> Table | None:
    """Return the table of a plugin's section."""
    rows: Sequence[Row] = [tuple(map(str, row)) for row in section.rows]
    return Table("", tuple(map(str, section.header)), (Block(tuple(rows)),)) if rows or section.header else None

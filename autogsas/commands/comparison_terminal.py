"""A comparison on the terminal: verdicts, figures of merit, parameters, refined groups and findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autogsas.comparison import Comparison, Figures, Gap, Pair, Refinement, Row
from autogsas.comparison.verdict import MANY_ESDS
from autogsas.figures.forest import SECTIONS
from autogsas.text.formatting import MISSING, count, general, interval, percent, severity_name, with_esd
from autogsas.text.prose import joined

__all__ = ["show_comparison"]

_STYLES = {
    "better and consistent": "bold green",
    "same": "bold cyan",
    "lower but unphysical": "bold red",
    "different structure": "bold yellow",
    "not comparable": "bold magenta",
}


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print a comparison to a rich console."""
    for pair in comparison.pairs:
        _verdict(pair, console)
    for warning in comparison.warnings:
        console.print(Text(f"warning: {warning}", "yellow"))
    _titled("Figures of merit", _figures(comparison), console)
    for number, pair in enumerate(comparison.pairs, start=1):
        if len(comparison.pairs) > 1:
            console.print(Text(f"{pair.one.label} and {pair.two.label}", "bold underline"))
        _common(pair, console)
        for section, title in SECTIONS.items():
            rows = [row for row in comparison.rows if row.section == section]
            if rows:
                _titled(title, _parameters(rows, pair, number), console)
    for item in comparison.refinements:
        _about(item, console)


def _verdict(pair: Pair, console: Console) -> None:
    verdict = pair.verdict
    head = Text.assemble(
        (f"{pair.one.label} against {pair.two.label}: ", "bold"), (verdict.word, _STYLES[verdict.word])
    )
    console.print(head)
    console.print(Text(f"  {verdict.sentence}"))
    for remark in verdict.remarks:
        console.print(Text(f"  {remark}", "yellow"))


def _table(heads: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if number else "left", overflow="fold")
    return table


def _titled(title: str, table: Table, console: Console) -> None:
    # rich would wrap the title of a table to the width of the table.
    console.print(Text(title, "bold"))
    console.print(table)


def _figures(comparison: Comparison) -> Table:
    everyone = comparison.refinements
    table = _table(["", *(item.label for item in everyone)])
    for name, cells in _figure_rows([item.figures for item in everyone]):
        table.add_row(name, *cells)
    for name in dict.fromkeys(fit.name for item in everyone for fit in item.fits):
        _histogram(table, name, everyone)
    for severity in ("error", "warning"):
        cells = [str(sum(finding.severity == severity for finding in item.findings)) for item in everyone]
        table.add_row(f"findings: {severity}s", *cells)
    return table


def _common(pair: Pair, console: Console) -> None:
    if pair.common is None or not pair.common.differ:
        return
    table = _table(["", pair.one.label, pair.two.label])
    for name, cells in _figure_rows([pair.common.one, pair.common.two]):
        table.add_row(name, *cells)
    _titled(
        f"Over the points that both count, {joined([interval(limits) for _, limits in pair.common.ranges])}",
        table,
        console,
    )


def _figure_rows(figures: Sequence[Figures]) -> Iterator[tuple[str, list[str]]]:
    for key, name in (("rwp", "Rwp (%)"), ("rexp", "Rexp (%)"), ("gof", "GoF")):
        yield name, [percent(getattr(item, key), 3) for item in figures]
    for key, name in (("n_variables", "variables"), ("n_observations", "observations"), ("bic", "BIC")):
        yield name, [count(getattr(item, key)) for item in figures]


def _histogram(table: Table, name: str, everyone: Sequence[Refinement]) -> None:
    fits = [next((fit for fit in item.fits if fit.name == name), None) for item in everyone]
    several = len({fit.name for item in everyone for fit in item.fits}) > 1
    lead = f"{name}: " if several else ""
    if several:
        table.add_row(f"{lead}Rwp (%)", *(MISSING if fit is None else percent(fit.rwp, 3) for fit in fits))
    bragg = [
        joined([f"{percent(value)} ({phase})" for phase, value in fit.r_bragg if value is not None]) if fit else ""
        for fit in fits
    ]
    table.add_row(f"{lead}R_Bragg (%)", *(text or MISSING for text in bragg))
    table.add_row(f"{lead}background", *(_background(fit.background, fit.terms) if fit else MISSING for fit in fits))
    table.add_row(f"{lead}limits", *(interval(fit.limits) if fit else MISSING for fit in fits))
    if any(fit is not None and fit.excluded for fit in fits):
        cells = [joined([interval(region) for region in fit.excluded]) if fit else MISSING for fit in fits]
        table.add_row(f"{lead}excluded", *(text or "none" for text in cells))


def _background(function: str, terms: int) -> str:
    return ", ".join(part for part in (function, f"{terms} terms" if terms else "") if part) or MISSING


def _parameters(rows: Sequence[Row], pair: Pair, number: int) -> Table:
    """Return one section of the parameters of a pair; ``number`` is the place of its second refinement."""
    table = _table(["", pair.one.label, pair.two.label, "difference", "esds"])
    owners = len({row.owner for row in rows}) > 1
    for row in rows:
        if row.cells[0] is None and row.cells[number] is None:
            continue
        name = f"{row.name} ({row.unit})" if row.unit else row.name
        name = f"{row.owner}: {name}" if owners else name
        table.add_row(name, _value(row, 0), _value(row, number), *_gap(row.gaps[number - 1]))
    return table


def _value(row: Row, number: int) -> str:
    cell = row.cells[number]
    return MISSING if cell is None else with_esd(cell.value, cell.esd)


def _gap(gap: Gap | None) -> tuple[str, str | Text]:
    if gap is None:
        return MISSING, MISSING
    esds = MISSING if gap.esds is None else f"{gap.esds:+.1f}"
    many = gap.esds is not None and abs(gap.esds) > MANY_ESDS
    return general(gap.value, 2), Text(esds, "bold") if many else esds


def _about(item: Refinement, console: Console) -> None:
    console.print(Text(item.label, "bold"), Text(f"({item.source}; {item.engine})", "dim"))
    if item.groups:
        console.print(Text(f"  refined: {joined(item.groups)}"))
    for number, sentence in enumerate(item.order, start=1):
        console.print(Text(f"  {number}. {sentence}"))
    for finding in item.findings:
        style = {"error": "red", "warning": "yellow"}.get(finding.severity, "dim")
        console.print(Text(f"  {severity_name(finding.severity)}: {finding.message} [{finding.code}]", style))

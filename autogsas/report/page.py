"""What the report says, put into words and tables; how it looks is the template's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from autogsas.errors import UserError
from autogsas.figures.publication import NAMES
from autogsas.hooks.choices import Section
from autogsas.model.recipe import Recipe
from autogsas.report.pictures import Figure, fit_figure, history_figure, importances_figure
from autogsas.report.structures import StructureFigure, structure_figures
from autogsas.report.tables import (
    Table,
    candidates_table,
    correlations_table,
    parameters_tables,
    patterns_table,
    scout_section,
    section_table,
    steps_table,
    structure_tables,
    versions_table,
)
from autogsas.report.words import CAUSES, FILES, NOTICES
from autogsas.runfolder.reader import Run
from autogsas.text.formatting import MISSING, count, duration, general, percent
from autogsas.text.prose import joined, recipe_words

__all__ = ["FindingLine", "Page", "Tile", "build_page"]

Summary = Mapping[str, Any]

_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Tile:
    """One of the key figures at the top."""

    label: str
    value: str
    unit: str = ""


@dataclass(frozen=True)
class FindingLine:
    """A finding as shown."""

    severity: str
    message: str
    code: str
    numbers: str


@dataclass(frozen=True)
class CauseLine:
    """What stopped so many trials, what to do about it, and the commonest message in the engine's own words."""

    cause: str
    number: str
    advice: str
    message: str


@dataclass(frozen=True)
class Page:
    """All that the template shows, as text; only ``svg`` of the figures is markup."""

    title: str
    lede: str
    notice: str
    created: str
    tiles: tuple[Tile, ...]
    findings: tuple[FindingLine, ...]
    causes: tuple[CauseLine, ...]
    fits: tuple[Figure, ...]
    history: Figure | None
    mattered: Figure | None
    structures: tuple[StructureFigure, ...]
    agreement: Table | None
    results: tuple[Table, ...]
    recipe_name: str
    recipe: tuple[str, ...]
    steps: Table | None
    candidates: Table | None
    sections: tuple[tuple[str, tuple[str, ...], Table | None], ...]
    command: str
    facts: tuple[tuple[str, str], ...]
    versions: Table | None
    files: tuple[tuple[str, str], ...]


def build_page(run: Run, sections: Sequence[Section] = ()) -> Page:
    """Return what the report of a run says. Raises UserError where its recipe is not one."""
    summary = run.summary
    recipe = _recipe(run)
    tables = [*structure_tables(summary), *parameters_tables(summary)]
    correlations = correlations_table(summary)
    return Page(
        title=str(summary.get("project") or run.folder.name),
        lede=_lede(summary),
        notice=NOTICES.get(str(summary.get("finished")), ""),
        created=_moment(str(summary.get("created") or "")),
        tiles=_tiles(summary),
        findings=_findings(summary),
        causes=_causes(run),
        fits=tuple(fit_figure(run, index) for index in range(len(run.profiles))),
        history=history_figure(run),
        mattered=importances_figure(summary),
        structures=structure_figures(summary),
        agreement=patterns_table(summary),
        results=tuple(tables if correlations is None else [*tables, correlations]),
        recipe_name=recipe.name if recipe else "",
        recipe=tuple(recipe_words(recipe)) if recipe else (),
        steps=steps_table(summary),
        candidates=candidates_table(summary),
        sections=tuple(
            (part.title, tuple(part.paragraphs), section_table(part)) for part in (*scout_section(summary), *sections)
        ),
        command=str(summary.get("command") or ""),
        facts=_facts(summary),
        versions=versions_table(summary),
        files=_files(run),
    )


def _recipe(run: Run) -> Recipe | None:
    plain = run.summary.get("recipe")
    if not plain:
        return None
    try:
        return Recipe.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, ("recipe", *first["loc"])))
        raise UserError(first["msg"], file=run.folder / "summary.json", key=key) from error


def _moment(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M %Z}".rstrip()
    except ValueError:
        return text


def _lede(summary: Summary) -> str:
    trials = summary.get("trials") or {}
    total = count(trials.get("total"))
    backend = summary.get("backend") or {}
    engine = " ".join(str(backend[key]) for key in ("name", "version") if backend.get(key))
    taken = f" in {duration(summary['seconds'])}" if summary.get("seconds") is not None else ""
    by = f" with {engine}" if engine else ""
    if summary.get("best_trial") is None:
        return f"None of {total} trials gave a usable refinement{by}{taken}. What stopped them is below."
    origin = summary.get("best_origin")
    found = "proposed by the search" if origin in (None, "search") else f"from the recipe “{origin}”"
    size = f"{count(summary.get('n_variables'))} variables on {count(summary.get('n_observations'))} observations"
    return f"The best of {total} trials is number {count(summary['best_trial'])}, {found}: {size}, refined{by}{taken}."


def _tiles(summary: Summary) -> tuple[Tile, ...]:
    if summary.get("best_trial") is None:
        return ()
    tiles = [
        Tile("Rwp", percent(summary.get("rwp")), "%"),
        Tile("GoF", percent(summary.get("gof"))),
        Tile("Rexp", percent(summary.get("rexp")), "%"),
    ]
    histograms: Sequence[Mapping[str, Any]] = summary.get("histograms") or ()
    if len(histograms) == 1:
        bragg = histograms[0].get("r_bragg") or {}
        for phase, value in bragg.items():
            tiles.append(Tile("R_Bragg" if len(bragg) == 1 else f"R_Bragg, {phase}", percent(value), "%"))
    tiles.append(Tile("variables", count(summary.get("n_variables"))))
    tiles.append(Tile("observations", count(summary.get("n_observations"))))
    return tuple(tiles)


def _findings(summary: Summary) -> tuple[FindingLine, ...]:
    lines = []
    for item in summary.get("findings") or ():
        numbers = ", ".join(f"{key} = {general(value, 4)}" for key, value in (item.get("numbers") or {}).items())
        severity = item.get("severity") if item.get("severity") in _SEVERITIES else "info"
        lines.append(FindingLine(str(severity), str(item.get("message") or ""), str(item.get("code") or ""), numbers))
    return tuple(sorted(lines, key=lambda line: _SEVERITIES.index(line.severity)))


def _causes(run: Run) -> tuple[CauseLine, ...]:
    causes = run.summary.get("causes") or {}
    return tuple(
        CauseLine(str(cause), count(number), CAUSES.get(str(cause), ""), run.messages.get(str(cause), ""))
        for cause, number in sorted(causes.items(), key=lambda item: -(item[1] or 0))
    )


def _files(run: Run) -> tuple[tuple[str, str], ...]:
    fixed = [(name, about) for name, about in FILES.items() if (run.folder / name).is_file()]
    figures = sorted(path.name for path in run.folder.iterdir() if NAMES.fullmatch(path.name))
    return (*fixed, *((name, "a figure for print") for name in figures))


def _facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    backend = summary.get("backend") or {}
    trials = summary.get("trials") or {}
    states = [
        f"{count(trials[key])} {key}" for key in ("complete", "infeasible", "pruned", "failed") if trials.get(key)
    ]
    facts = [
        ("Project file", str(summary.get("project_file") or "")),
        ("Backend", " ".join(str(backend[key]) for key in ("name", "version") if backend.get(key))),
        ("Seed", count(summary.get("seed"))),
        ("Trials", joined(states)),
        ("Time", duration(summary.get("seconds"))),
        ("χ²", general(summary.get("chi2"))),
        ("BIC", general(summary.get("bic"))),
        ("Rwp by the engine itself", f"{percent(summary.get('engine_rwp'))} %"),
    ]
    return tuple((label, text) for label, text in facts if text and not text.startswith(MISSING))

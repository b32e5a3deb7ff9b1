"""The content of the report as texts, tables and figures; the template decides on the layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import ValidationError

from autogsas.errors import UserError
from autogsas.figures.publication import NAMES
from autogsas.hooks.choices import Section
from autogsas.model.recipe import Recipe
from autogsas.pages.parts import Figure
from autogsas.report.amounts import Amounts, amounts
from autogsas.report.figures import fit_figure, history_figure, importances_figure
from autogsas.report.labels import CAUSES, FILES, NOTICES
from autogsas.report.scout import scout_section
from autogsas.report.structures import StructureFigure, structure_figures
from autogsas.report.tables import (
    Table,
    candidates_table,
    correlations_table,
    models_table,
    parameters_tables,
    patterns_table,
    section_table,
    steps_table,
    structure_tables,
    versions_table,
)
from autogsas.runfolder.nearest import as_shown
from autogsas.runfolder.reader import RunData
from autogsas.runfolder.summary import Summary
from autogsas.text.formatting import MISSING, count, counted, duration, general, percent
from autogsas.text.prose import describe_esds, describe_lowest, describe_recipe, joined

__all__ = ["FindingLine", "Page", "Tile", "build_page"]

_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Tile:
    """One of the numbers at the top."""

    label: str
    value: str
    unit: str = ""


@dataclass(frozen=True)
class FindingLine:
    """A finding of a check."""

    severity: str
    message: str
    code: str
    numbers: str


@dataclass(frozen=True)
class MissLines:
    """The nearest miss of a run without a usable trial: a title, why it is not usable, and what to try."""

    title: str
    why: tuple[str, ...]
    advice: tuple[str, ...]


@dataclass(frozen=True)
class CauseLine:
    """A cause of unusable trials: how many, advice, and the most frequent message of the engine."""

    cause: str
    number: str
    advice: str
    message: str


@dataclass(frozen=True)
class Page:
    """Everything that the template shows, as text; only ``svg`` of the figures is HTML."""

    title: str
    lede: str
    notice: str
    created: str
    tiles: tuple[Tile, ...]
    amounts: tuple[Amounts, ...]
    findings: tuple[FindingLine, ...]
    miss: MissLines | None
    causes: tuple[CauseLine, ...]
    fits: tuple[Figure, ...]
    history: Figure | None
    mattered: Figure | None
    structures: tuple[StructureFigure, ...]
    agreement: Table | None
    about_esds: str
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


def build_page(run: RunData, sections: Sequence[Section] = ()) -> Page:
    """Return the content of the report of a run. Raises UserError if its recipe is invalid."""
    given, summary = run.summary, as_shown(run.summary)
    run = replace(run, summary=summary)
    recipe = _recipe(run)
    tables = [*structure_tables(summary), *parameters_tables(summary)]
    tables += [found for found in (models_table(summary), correlations_table(summary)) if found is not None]
    return Page(
        title=summary.project or run.folder.name,
        lede=_lede(summary),
        notice=NOTICES.get(summary.finished, ""),
        created=_moment(summary.created),
        tiles=_tiles(summary),
        amounts=amounts(summary),
        findings=_findings(summary),
        miss=_miss(given),
        causes=_causes(run),
        fits=tuple(fit_figure(run, index) for index in range(len(run.profiles))),
        history=history_figure(run),
        mattered=importances_figure(summary),
        structures=structure_figures(summary),
        agreement=patterns_table(summary),
        about_esds=_about_esds(summary),
        results=tuple(tables),
        recipe_name=recipe.name if recipe else "",
        recipe=tuple(describe_recipe(recipe)) if recipe else (),
        steps=steps_table(summary, recipe),
        candidates=candidates_table(summary),
        sections=tuple(
            (part.title, tuple(part.paragraphs), section_table(part)) for part in (*scout_section(summary), *sections)
        ),
        command=summary.command,
        facts=_facts(summary),
        versions=versions_table(summary),
        files=_files(run),
    )


def _recipe(run: RunData) -> Recipe | None:
    plain = run.summary.recipe
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
    total = counted(summary.trials.total, "trial")
    engine = _engine(summary)
    taken = f" in {duration(summary.seconds)}"
    by = f" with {engine}" if engine else ""
    if summary.best_trial is None:
        near = "" if summary.nearest_miss is None else " This page shows the trial that came nearest."
        return f"None of {total} gave a usable refinement{by}{taken}. The reasons are listed below.{near}"
    origin = summary.best_origin
    found = "proposed by the search" if origin in (None, "search") else f"from the recipe “{origin}”"
    size = f"{count(summary.n_variables)} variables on {count(summary.n_observations)} observations"
    lowest = summary.lowest
    other = "" if lowest is None else " " + describe_lowest(lowest.trial, lowest.rwp, lowest.n_variables)
    return f"The best of {total} is number {count(summary.best_trial)}, {found}: {size}, refined{by}{taken}.{other}"


def _engine(summary: Summary) -> str:
    return " ".join(part for part in (summary.backend.name, summary.backend.version) if part)


def _tiles(summary: Summary) -> tuple[Tile, ...]:
    if summary.rwp is None:
        return ()
    tiles = [
        Tile("Rwp", percent(summary.rwp), "%"),
        *_floor(summary),
        Tile("GoF", percent(summary.gof)),
        Tile("Rexp", percent(summary.rexp), "%"),
    ]
    if len(summary.histograms) == 1:
        bragg = summary.histograms[0].r_bragg
        for phase, value in bragg.items():
            tiles.append(Tile("R_Bragg" if len(bragg) == 1 else f"R_Bragg, {phase}", percent(value), "%"))
    tiles.append(Tile("variables", count(summary.n_variables)))
    tiles.append(Tile("observations", count(summary.n_observations)))
    return tuple(tiles)


def _about_esds(summary: Summary) -> str:
    found = summary.uncertainty
    return "" if found is None else describe_esds(found.esd_factor, len(found.models))


def _floor(summary: Summary) -> list[Tile]:
    found = summary.le_bail_floor
    return [] if found is None or found.rwp is None else [Tile("Le Bail floor", percent(found.rwp), "%")]


def _findings(summary: Summary) -> tuple[FindingLine, ...]:
    lines = []
    for item in summary.findings:
        numbers = ", ".join(f"{key} = {general(value, 4)}" for key, value in item.numbers.items())
        lines.append(FindingLine(item.severity, item.message, item.code, numbers))
    return tuple(sorted(lines, key=lambda line: _SEVERITIES.index(line.severity)))


def _miss(summary: Summary) -> MissLines | None:
    miss = summary.nearest_miss
    if summary.best_trial is not None or miss is None:
        return None
    rwp = "" if miss.rwp is None else f", Rwp {percent(miss.rwp)} %"
    advice = miss.advice or [CAUSES[miss.cause]] if miss.cause in CAUSES else miss.advice
    return MissLines(f"The nearest miss: trial {miss.trial} ({miss.origin}){rwp}", tuple(miss.why), tuple(advice))


def _causes(run: RunData) -> tuple[CauseLine, ...]:
    return tuple(
        CauseLine(cause, count(number), CAUSES.get(cause, ""), run.messages.get(cause, ""))
        for cause, number in sorted(run.summary.causes.items(), key=lambda item: -item[1])
    )


def _files(run: RunData) -> tuple[tuple[str, str], ...]:
    fixed = [(name, about) for name, about in FILES.items() if (run.folder / name).is_file()]
    figures = sorted(path.name for path in run.folder.iterdir() if NAMES.fullmatch(path.name))
    return (*fixed, *((name, "figure for print") for name in figures))


def _facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    trials = summary.trials
    counts = (
        (trials.complete, "complete"),
        (trials.infeasible, "infeasible"),
        (trials.pruned, "pruned"),
        (trials.failed, "failed"),
    )
    states = [f"{count(number)} {state}" for number, state in counts if number]
    facts = [
        ("Project file", summary.project_file or ""),
        ("Backend", _engine(summary)),
        ("Seed", count(summary.seed)),
        ("Trials", joined(states)),
        ("Time", duration(summary.seconds)),
        ("χ²", general(summary.chi2)),
        ("BIC", general(summary.bic)),
        ("Le Bail floor", "" if summary.le_bail_floor is None else summary.le_bail_floor.note),
        ("Rwp computed by the engine", f"{percent(summary.engine_rwp)} %"),
    ]
    return tuple((label, text) for label, text in facts if text and not text.startswith(MISSING))

"""A refinement from the folder of a run: its best trial, by the files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from autogsas.comparison.refinement import Figures, Fit, Kind, Refinement
from autogsas.comparison.words import background_of, groups_of
from autogsas.crystal.endpoints import end_point
from autogsas.errors import UserError
from autogsas.model.recipe import Recipe
from autogsas.model.result import Finding, Parameter, Severity
from autogsas.runfolder.reader import Profile, Run, read_run
from autogsas.text.prose import recipe_words

__all__ = ["refinement_from_run"]

_FIGURES = ("rwp", "rexp", "gof", "chi2", "bic", "n_observations", "n_variables")


def refinement_from_run(folder: Path, label: str, kind: Kind = "run", source: str = "") -> Refinement:
    """Return the best trial of a run. Raises UserError where the folder is none of a run's, or none was usable."""
    run = read_run(folder)
    summary = run.summary
    if summary.get("best_trial") is None:
        raise UserError("the run found nothing usable, so there is nothing to compare", file=folder)
    parameters = tuple(Parameter(**item) for item in summary["parameters"])
    recipe = _recipe(run)
    ending = {"parameters": summary["parameters"], "structure": summary["structure"], "metrics": summary}
    backend = summary["backend"]
    return Refinement(
        label=label,
        kind=kind,
        source=source or str(folder),
        engine=f"{backend['name']} {backend['version']}".strip(),
        figures=Figures(**{key: summary[key] for key in _FIGURES}),
        fits=tuple(_fit(profile, run, recipe, parameters) for profile in run.profiles),
        findings=tuple(_finding(item) for item in summary["findings"]),
        parameters=parameters,
        structure=tuple(summary["structure"]),
        end=end_point(ending),
        groups=groups_of(parameters),
        order=tuple(recipe_words(recipe)) if recipe is not None else (),
    )


def _recipe(run: Run) -> Recipe | None:
    plain = run.summary.get("recipe")
    try:
        return Recipe.model_validate(plain) if plain else None
    except ValidationError as error:
        raise UserError(error.errors()[0]["msg"], file=run.folder / "summary.json", key="recipe") from error


def _fit(profile: Profile, run: Run, recipe: Recipe | None, parameters: Sequence[Parameter]) -> Fit:
    entry: Mapping[str, Any] = next(
        (item for item in run.summary["histograms"] if item["name"] == profile.histogram), {}
    )
    low, high = entry.get("limits") or (float(profile.two_theta[0]), float(profile.two_theta[-1]))
    function, terms = background_of(profile.histogram, recipe, parameters)
    return Fit(
        profile=profile,
        limits=(float(low), float(high)),
        excluded=tuple((float(a), float(b)) for a, b in entry.get("excluded") or ()),
        rwp=entry.get("rwp"),
        r_bragg=tuple((entry.get("r_bragg") or {}).items()),
        background=function,
        terms=terms,
        marks=tuple(mark for mark in run.marks if mark.histogram == profile.histogram),
    )


def _finding(item: Mapping[str, Any]) -> Finding:
    numbers = {key: value for key, value in item["numbers"].items() if value is not None}
    about = item.get("about") or {}
    return Finding(item["code"], Severity(item["severity"]), item["message"], numbers, dict(about))

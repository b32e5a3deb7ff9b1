"""A refinement from a run folder: the best trial, from the files of the folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from autogsas.comparison.labels import background_of, groups_of
from autogsas.comparison.refinement import Figures, Fit, Kind, Refinement
from autogsas.crystal.endpoints import end_point
from autogsas.errors import UserError
from autogsas.model.recipe import Recipe
from autogsas.model.result import Finding, Parameter, Severity, parameter_group
from autogsas.runfolder.reader import Profile, RunData, read_run
from autogsas.runfolder.summary import FindingPart, ParameterPart
from autogsas.text.prose import describe_recipe

__all__ = ["refinement_from_run"]

_FIGURES = ("rwp", "rexp", "gof", "chi2", "bic", "n_observations", "n_variables")


def refinement_from_run(folder: Path, label: str, kind: Kind = "run", source: str = "") -> Refinement:
    """Return the best trial of a run. Raises UserError if it is not a run folder or no trial was usable."""
    run = read_run(folder)
    summary = run.summary
    if summary.best_trial is None:
        raise UserError("the run has no usable trial to compare", file=folder)
    parameters = tuple(_parameter(item) for item in summary.parameters)
    recipe = _recipe(run)
    phases = [part.phase() for part in summary.structure]
    return Refinement(
        label=label,
        kind=kind,
        source=source or str(folder),
        engine=f"{summary.backend.name} {summary.backend.version}".strip(),
        figures=Figures(**{key: getattr(summary, key) for key in _FIGURES}),
        fits=tuple(_fit(profile, run, recipe, parameters) for profile in run.profiles),
        findings=tuple(_finding(item) for item in summary.findings),
        parameters=parameters,
        end=end_point(math.nan if summary.rwp is None else summary.rwp, phases, parameters),
        groups=groups_of(parameters),
        order=tuple(describe_recipe(recipe)) if recipe is not None else (),
    )


def _recipe(run: RunData) -> Recipe | None:
    plain = run.summary.recipe
    try:
        return Recipe.model_validate(plain) if plain else None
    except ValidationError as error:
        raise UserError(error.errors()[0]["msg"], file=run.folder / "summary.json", key="recipe") from error


def _fit(profile: Profile, run: RunData, recipe: Recipe | None, parameters: Sequence[Parameter]) -> Fit:
    entry = run.summary.histogram(profile.histogram)
    limits = (float(profile.two_theta[0]), float(profile.two_theta[-1])) if entry is None else entry.limits
    function, terms = background_of(profile.histogram, recipe, parameters)
    return Fit(
        profile=profile,
        limits=limits,
        excluded=() if entry is None else tuple(entry.excluded),
        rwp=None if entry is None else entry.rwp,
        r_bragg=() if entry is None else tuple(entry.r_bragg.items()),
        background=function,
        terms=terms,
        marks=tuple(mark for mark in run.marks if mark.histogram == profile.histogram),
    )


def _parameter(item: ParameterPart) -> Parameter:
    value = math.nan if item.value is None else item.value
    return Parameter(
        item.name, value, item.esd, item.unit, parameter_group(item.group), item.phase, item.histogram, item.site
    )


def _finding(item: FindingPart) -> Finding:
    numbers = {key: value for key, value in item.numbers.items() if value is not None}
    return Finding(item.code, Severity(item.severity), item.message, numbers, dict(item.about))

"""The trials that a run tries before the sampler proposes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from autogsas.errors import PluginError, UserError
from autogsas.hooks.backend import Backend
from autogsas.hooks.choices import Seed
from autogsas.hooks.host import Host
from autogsas.model.advice import Guide
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.trials import read_records
from autogsas.runfolder.writer import STUDY

__all__ = ["collect_seeds", "distinct", "seeds_like"]

# How many distinct recipes of an earlier run are tried. Not measured.
_FROM_EARLIER = 6


def collect_seeds(host: Host, project: Project, backend: Backend) -> tuple[Seed, ...]:
    """Return what to try before the sampler proposes: the project's own recipes, then the seeds of plugins.

    Empty for a strategy that is not seeded: then as many trials are as many proposals. Built-in seeds are not strict
    where another plugin makes choices. Raises PluginError for an answer that is not a seed.
    """
    if not host.strategy(project.search.space).seeded:
        return ()
    seeds = [Seed(name, recipe=recipe) for name, recipe in zip(project.recipe_names, project.recipes, strict=True)]
    for plugin, answer in host.call_each("seed_recipes", project=project, capabilities=backend.capabilities()):
        loose = host.chooses_otherwise and host.is_built_in(plugin)
        for seed in answer or ():
            if not isinstance(seed, Seed) or (seed.choices is None) == (seed.recipe is None):
                raise PluginError(
                    f"hook autogsas_seed_recipes ({plugin}) gave a wrong answer",
                    found=repr(seed),
                    allowed="Seed with choices or with a recipe",
                )
            if seed.guide is not None:
                seed = replace(seed, guide=_with_candidates(host, project, backend, seed.guide))
            seeds.append(replace(seed, strict=False) if loose else seed)
    return tuple(seeds)


def _with_candidates(host: Host, project: Project, backend: Backend, guide: Guide) -> Guide:
    """Return a guide with the candidates that plugins list."""
    answers = host.call("list_candidates", project=project, capabilities=backend.capabilities())
    listed = {one.name: one for one in (*guide.candidates, *(one for answer in reversed(answers) for one in answer))}
    return replace(guide, candidates=tuple(listed.values()))


def seeds_like(folder: Path) -> tuple[Seed, ...]:
    """Return the best distinct recipes of an earlier run as seeds, by their choices, for a similar sample.

    Raises UserError for a folder that does not hold a run, or whose run found nothing by choices.
    """
    if not (folder / STUDY).is_file():
        raise UserError("does not hold a run", file=folder, key="--like")
    usable = [record for record in read_records(folder) if record.state is TrialState.COMPLETE and record.choices]
    if not usable:
        raise UserError("the run found nothing that another run could start with", file=folder, key="--like")
    name = folder.resolve().name
    best = distinct(usable, _FROM_EARLIER)
    return tuple(Seed(f"{name}, trial {record.number}", choices=record.choices, strict=False) for record in best)


def distinct(records: Iterable[TrialRecord], count: int) -> list[TrialRecord]:
    """Return the best ``count`` finished trials that differ in what they refine or in their background functions.

    Recipes that differ only in the number of background terms or in the order of steps count as the same.
    """
    best: dict[object, TrialRecord] = {}
    for record in sorted((r for r in records if r.score is not None), key=lambda r: (r.score, r.number)):
        best.setdefault(_kind(record.recipe), record)
    return list(best.values())[:count]


def _kind(recipe: Recipe) -> object:
    frees = frozenset(free for step in recipe.steps for free in step.free)
    functions = {background.histogram: background.function for step in recipe.steps for background in step.background}
    return frees, tuple(sorted(functions.items(), key=str))

"""What a run tries before the sampler."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from autogsas.errors import PluginError, UserError
from autogsas.hooks.backend import Backend
from autogsas.hooks.choices import Seed
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.trials import read_records
from autogsas.runfolder.writer import STUDY

__all__ = ["collect_seeds", "distinct", "seeds_like"]

_FROM_ANOTHER = 6


def collect_seeds(host: Host, project: Project, backend: Backend) -> tuple[Seed, ...]:
    """Return what to try before the sampler: the project's own recipes, then what plugins bring.

    Nothing in the published space, so that as many trials are as many proposals.
    Raises PluginError for an answer that is no seed.
    """
    if project.search.space == "published-2020":
        return ()
    seeds = [Seed(recipe.name or f"recipe {i + 1}", recipe=recipe) for i, recipe in enumerate(project.recipes)]
    for answer in host.call("seed_recipes", project=project, capabilities=backend.capabilities()):
        for seed in answer or ():
            if not isinstance(seed, Seed) or (seed.choices is None) == (seed.recipe is None):
                whose = host.whose("autogsas_seed_recipes")
                raise PluginError(
                    f"hook autogsas_seed_recipes ({whose}) gave a wrong answer",
                    found=repr(seed),
                    allowed="Seed with choices or with a recipe",
                )
            seeds.append(seed)
    return tuple(seeds)


def seeds_like(folder: Path) -> tuple[Seed, ...]:
    """Return the best distinct recipes of an earlier run as seeds, by their choices, for a sample of the same kind.

    Raises UserError for a folder that holds no run, or none that found anything by choices.
    """
    if not (folder / STUDY).is_file():
        raise UserError("holds no run", file=folder, key="--like")
    usable = [record for record in read_records(folder) if record.state == TrialState.COMPLETE and record.choices]
    if not usable:
        raise UserError("the run found nothing that another could begin with", file=folder, key="--like")
    name = folder.resolve().name
    best = distinct(usable, _FROM_ANOTHER)
    return tuple(Seed(f"{name}, trial {record.number}", choices=record.choices, strict=False) for record in best)


def distinct(records: Iterable[TrialRecord], count: int) -> list[TrialRecord]:
    """Return the best ``count`` of finished trials, no two of which free the same with the same background functions.

    How many terms a background has, and in which order things were freed, makes no other recipe.
    """
    best: dict[object, TrialRecord] = {}
    for record in sorted((r for r in records if r.score is not None), key=lambda r: (r.score, r.number)):
        best.setdefault(_kind(record.recipe), record)
    return list(best.values())[:count]


def _kind(recipe: Recipe) -> object:
    frees = frozenset(free for step in recipe.steps for free in step.free)
    functions = {background.histogram: background.function for step in recipe.steps for background in step.background}
    return frees, tuple(sorted(functions.items(), key=str))

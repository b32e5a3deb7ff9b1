"""What a run tries before the sampler."""

from __future__ import annotations

from autogsas.backend import Backend
from autogsas.errors import PluginError
from autogsas.hookspecs import Seed
from autogsas.host import Host
from autogsas.project import Project

__all__ = ["collect_seeds"]


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

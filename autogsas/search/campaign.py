"""One run from its first trial to its last: given recipes, an earlier run's, the scout's, then the sampler's."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from autogsas.hooks.choices import Seed
from autogsas.model.project import Scout
from autogsas.model.trial import Finished
from autogsas.runfolder.summary import ScoutPart
from autogsas.search.context import RunContext
from autogsas.search.loop import search
from autogsas.search.options import Found
from autogsas.search.scout import run_scout, summary_of
from autogsas.search.settings import RunSettings

__all__ = ["Seeding", "explore"]


@dataclass(frozen=True)
class Seeding:
    """Where the first trials of a run come from: seeds, an earlier run's best (``like``), and the scout."""

    seeds: tuple[Seed, ...]
    earlier: tuple[Seed, ...] = ()
    scout: Scout = "off"
    like: Path | None = None


def explore(context: RunContext, plan: Seeding, settings: RunSettings) -> tuple[Found, ScoutPart | None]:
    """Run the scout, then search; return what was found, and the part of summary.json about the scout.

    Whole recipes and an earlier run's come first. If the scout found something, its recipes replace the other seeds,
    which it has tried. ``settings`` are stored in the run's database.
    """
    began = time.monotonic()
    # From here on the run can be resumed, even if it is stopped during the scout.
    context.database.set_settings(settings)
    given = tuple(seed for seed in plan.seeds if seed.recipe is not None and seed.guide is None)
    others = tuple(seed for seed in plan.seeds if seed not in given)
    first = len(given) + len(plan.earlier)
    scouted = run_scout(context, plan.scout, (*plan.earlier, *others))
    if scouted is not None and scouted.interrupted:
        return Found(Finished.INTERRUPTED, (), None), summary_of(scouted, first, ())
    spent = time.monotonic() - began
    options = context.options
    if options.timeout is not None:
        options = replace(options, timeout=max(1.0, options.timeout - spent))
    if scouted is not None and scouted.seeds and options.patience and not options.own_patience:
        # The scout has waited for a gain as long already, in the same space.
        options = replace(options, patience=(options.patience + 1) // 2)
    found = search(
        replace(context, options=options, elapsed=context.elapsed + spent),
        (*given, *plan.earlier, *(scouted.seeds if scouted is not None and scouted.seeds else others)),
        None if scouted is None else scouted.prior(first),
    )
    return found, summary_of(scouted, first, found.records)

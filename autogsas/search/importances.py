"""Which choices of a search mattered: what distinguishes its best trials from all trials, compared with chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from autogsas.hooks.strategy import Strategy
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.summary import ImportancePart, ImportancesPart
from autogsas.search.database import Database, divergences
from autogsas.text.formatting import counted

__all__ = ["FEWEST", "importances"]

# Trials; with fewer, chance is as large as any effect. Not measured.
FEWEST = 20
# The fraction of trials that counts as best: with Optuna's default, a tenth, four trials would decide in a run of 40.
_BEST = 0.25
# How often scores are shuffled to see what chance does. Not measured.
_SHUFFLES = 10
# Only the newest trials are used: more would take longer and change little. Not measured.
_MOST = 200


def importances(database: Database, records: Sequence[TrialRecord], seed: int, strategy: Strategy) -> ImportancesPart:
    """Return the part of summary.json about choices: the number of ``trials`` used, and ``items`` or a ``note``.

    Used are complete trials that made choices. Each item has its ``name`` for people, the ``choices`` behind it, its
    ``share`` of everything that distinguishes the best quarter of the trials from all (see `divergences`), and in
    ``chance`` the largest share it reached when the scores were shuffled among the trials ten times: a share that is
    not larger may mean nothing. Largest share first.
    """
    scores = {
        record.number: record.score
        for record in records
        if record.state is TrialState.COMPLETE and record.score is not None and record.choices
    }
    if len(scores) < FEWEST:
        known = counted(len(scores), "usable trial")
        note = f"{known} with choices: too few to show which choices mattered, {FEWEST} are needed"
        return ImportancesPart(trials=len(scores), note=note, items=[])
    trials = [trial for trial in database.usable().trials if trial.number in scores][-_MOST:]
    values = np.array([scores[trial.number] for trial in trials])
    found = _grouped(divergences(trials, values.tolist(), _BEST), strategy)
    total = sum(found.values())
    if not total > 0:
        return ImportancesPart(trials=len(trials), note="no choice made a difference", items=[])
    random = np.random.default_rng(seed)
    shuffled = [
        _grouped(divergences(trials, random.permutation(values).tolist(), _BEST), strategy) for _ in range(_SHUFFLES)
    ]
    names = sorted({name for trial in trials for name in trial.params})
    items = [
        ImportancePart(
            name=label,
            choices=[name for name in names if strategy.label(name) == label],
            share=value / total,
            chance=max(other.get(label, 0.0) for other in shuffled) / total,
        )
        for label, value in sorted(found.items(), key=lambda item: -item[1])
    ]
    return ImportancesPart(trials=len(trials), note="", items=items)


def _grouped(values: Mapping[str, float], strategy: Strategy) -> dict[str, float]:
    grouped: dict[str, float] = {}
    for name, value in values.items():
        label = strategy.label(name)
        grouped[label] = grouped.get(label, 0.0) + value
    return grouped

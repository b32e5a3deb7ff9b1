"""Which choices of a search mattered: what sets its best trials apart from all of them, and what chance would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.summary import ImportancePart, ImportancesPart
from autogsas.search.sampler import divergences, known_trials

__all__ = ["FEWEST", "choice_words", "importances"]

FEWEST = 20  # trials; below, chance is as large as anything
_BEST = 0.25  # of the trials: with the usual tenth, a run of 40 would be judged by four
_SHUFFLES = 10
_MOST = 200  # of the newest trials: more say the same and take longer

_WORDS = {
    "background.function": "background function",
    "background.terms": "background terms",
    "background.refine": "background",
    "profile.gaussian": "Gaussian widths",
    "profile.lorentzian": "Lorentzian widths",
    "profile.axial": "axial divergence",
    "axial.start": "axial divergence",
    "first.start": "range of the first steps",
    "first.width": "range of the first steps",
    "window.start": "range of the first steps",
    "window.end": "range of the first steps",
    "window.refine": "range of the first steps",
    "structure.positions": "atomic positions",
    "structure.u": "displacement parameters",
    "structure.orientation": "preferred orientation",
    "structure.axis": "preferred orientation",
    "order": "order of steps",
    "early.steps": "order of steps",
    "early.cycles": "cycles of the early steps",
    "start.cell": "cell to start from",
    "perturb": "moved starting structure",
    "geometry": "geometry",
    "shift": "line shifts",
}


def importances(study: Path, records: Sequence[TrialRecord], seed: int) -> ImportancesPart:
    """Return what summary.json says of a run's choices: how many ``trials`` it rests on, and ``items`` or a ``note``.

    What counts are finished trials of which no finding is an error, and that made choices. Each item has its ``name``
    in words, the ``choices`` behind it, its ``share`` of all that sets the best quarter of the trials apart from all of
    them (see `study.divergences`), and in ``chance`` the largest share it reached when the scores were shuffled among
    the trials ten times: what does not exceed it may be nothing. Largest share first.
    """
    scores = {
        record.number: record.score
        for record in records
        if record.state == TrialState.COMPLETE and record.score is not None and record.choices
    }
    if len(scores) < FEWEST:
        note = f"{len(scores)} usable trials with choices are too few to say what mattered; it takes {FEWEST}"
        return ImportancesPart(trials=len(scores), note=note, items=[])
    trials = [trial for trial in known_trials(study).trials if trial.number in scores][-_MOST:]
    told = np.array([scores[trial.number] for trial in trials])
    found = _grouped(divergences(trials, told.tolist(), _BEST))
    total = sum(found.values())
    if not total > 0:
        return ImportancesPart(trials=len(trials), note="no choice made a difference", items=[])
    random = np.random.default_rng(seed)
    shuffled = [_grouped(divergences(trials, random.permutation(told).tolist(), _BEST)) for _ in range(_SHUFFLES)]
    names = sorted({name for trial in trials for name in trial.params})
    items = [
        ImportancePart(
            name=about,
            choices=[name for name in names if choice_words(name) == about],
            share=value / total,
            chance=max(other.get(about, 0.0) for other in shuffled) / total,
        )
        for about, value in sorted(found.items(), key=lambda item: -item[1])
    ]
    return ImportancesPart(trials=len(trials), note="", items=items)


def choice_words(name: str) -> str:
    """Return a choice in words, several of one kind the same: "order.cell" and "early.steps" are "order of steps".

    A name that a plugin gave stands as it is; the histogram or phase it is made for comes after a comma.
    """
    base, bracket, whose = name.partition("[")
    kind = base.partition(".")[0]
    about = _WORDS.get(base) or _WORDS.get(kind, "")
    if not about and kind in ("offered", "free"):
        about = base.partition(".")[2].replace("_", " ")
    return f"{about or base}, {whose.removesuffix(']')}" if bracket else about or base


def _grouped(values: Mapping[str, float]) -> dict[str, float]:
    grouped: dict[str, float] = {}
    for name, value in values.items():
        about = choice_words(name)
        grouped[about] = grouped.get(about, 0.0) + value
    return grouped

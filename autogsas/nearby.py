"""Proposals next to the best trial: all its choices but a few, which the sampler makes anew.

A sampler that has seen a few dozen trials of twenty choices each still looks everywhere. With a slow engine there are
no more, and most of what can be gained lies one or two choices away from the best: another start of the axial
divergence, some more terms.
"""

from __future__ import annotations

import numpy as np

from autogsas.hookspecs import Seed, TrialRecord

__all__ = ["next_to"]

_FEWEST, _MOST = 2, 4


def next_to(best: TrialRecord, seed: int, number: int) -> Seed:
    """Return trial ``number`` of a run with this seed as the best one's choices but two to four.

    The answer depends on the arguments alone.
    """
    random = np.random.default_rng([seed, number])
    names = list(best.choices)
    count = min(int(random.integers(_FEWEST, _MOST + 1)), len(names))
    again = set(random.choice(len(names), count, replace=False))
    kept = {name: best.choices[name] for i, name in enumerate(names) if i not in again}
    return Seed("search", choices=kept, strict=False)

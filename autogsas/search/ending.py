"""Whether a search has found what it will find, so that it ends before all its trials are made."""

from __future__ import annotations

from collections.abc import Sequence

from autogsas.hooks.choices import Seed
from autogsas.model.trial import Finished, TrialRecord
from autogsas.search.noise import at_noise
from autogsas.search.options import Options
from autogsas.search.sampler import Proposer

__all__ = ["StoppingRules"]

# Asking Optuna's terminator takes time that grows with the number of trials. Not measured.
_TERMINATOR_EVERY = 5


class StoppingRules:
    """The rules of a run that begins with ``seeds``, of which the first ``own`` are the project's recipes."""

    def __init__(self, options: Options, seeds: Sequence[Seed], proposer: Proposer, own: int = 0) -> None:
        self._own = own
        self._guided = frozenset(seed.name for seed in seeds if seed.guide is not None)
        self._patience, self._terminator = options.patience, options.terminator
        self._seeds, self._proposer = len(seeds), proposer
        self._last_gain = 0

    def gained(self, number: int) -> None:
        """Note that a trial brought a gain."""
        self._last_gain = number

    def ended_by(self, count: int, restored: int, best: TrialRecord | None) -> Finished | None:
        """Return the rule that ends the search when ``count`` trials are reported, None if it goes on.

        ``restored`` of the trials are of an earlier session.
        """
        # What a longer run has found before is all reported first, and the user's own recipes are all tried.
        if self._patience and count >= max(restored, self._own):
            # A guided trial keeps what the data do not determine; another one what its recipe does not refine.
            decided = count >= self._seeds or (best is not None and best.origin in self._guided)
            if at_noise(best, decided=decided):
                return Finished.NOISE
        if best is not None and self._is_stuck(count):
            return Finished.NO_GAIN
        return Finished.TERMINATOR if self._expects_no_more(count) else None

    def _is_stuck(self, count: int) -> bool:
        """Whether the last ``patience`` proposals brought no gain.

        The seeds are all tried before: they are what people would try, and they are few.
        """
        if not self._patience:
            return False
        return count - 1 - max(self._last_gain, self._seeds - 1) >= self._patience

    def _expects_no_more(self, count: int) -> bool:
        """Whether Optuna's terminator, asked every few trials, expects no improvement."""
        due = self._terminator and count % _TERMINATOR_EVERY == 0 and count > self._seeds
        return due and self._proposer.expects_no_more()

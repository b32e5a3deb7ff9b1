"""The best trial of a run: which one it is, what is kept of it, and its files in the run folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autogsas.crystal.phases import freedoms
from autogsas.hooks.events import Notice, Progress
from autogsas.model.answers import answered
from autogsas.model.metrics import counted_points
from autogsas.model.result import Parameter, Severity
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.trials import StoredTrial
from autogsas.search.choosing import Best
from autogsas.search.context import RunContext
from autogsas.search.options import Refined
from autogsas.search.repeating import ended_alike
from autogsas.trial.assessment import Assessment, HistogramFigures, assess
from autogsas.trial.pool import Interrupt, Outcome, Workers

__all__ = ["BestTrial"]

# Of the lowest score: a fall by less is no gain. Not measured.
_GAIN = 0.0005


@dataclass(frozen=True)
class _Kept:
    """A trial of this session with what its files are written from."""

    record: TrialRecord
    assessment: Assessment
    outcome: Outcome


class BestTrial:
    """The best of the trials so far, whose files are in the run folder.

    The files are written from what the refinement returned. It is kept for the trials of this session that may still
    be chosen, but lost for those of an earlier one: `finish` refines such a trial once more. The database holds the
    number of the trial that the files belong to.
    """

    def __init__(self, context: RunContext, workers: Workers, emit: Progress) -> None:
        self._host, self._project, self._folder = context.host, context.project, context.folder
        self._database, self._workers, self._emit = context.database, workers, emit
        self._choice = Best(by_evidence=context.options.by_evidence)
        self._kept: dict[int, _Kept] = {}
        # The trial whose files are in the folder; None if that is not known, or if the earlier session stopped before
        # this trial was stored.
        self._written = self._database.best_written()
        if self._written is not None and self._written >= len(self._database.trials()):
            self._written = None

    @property
    def chosen(self) -> TrialRecord | None:
        """The trial that is reported as the best so far."""
        return self._choice.chosen

    @property
    def lowest(self) -> TrialRecord | None:
        """The usable trial with the lowest score, which need not be the best."""
        return self._choice.lowest

    @property
    def refined(self) -> Refined | None:
        """The result of the best trial, if it was refined in this session, for the first time or again."""
        kept = None if self.chosen is None else self._kept.get(self.chosen.number)
        return None if kept is None or kept.outcome.result is None else Refined(kept.assessment, kept.outcome.result)

    def restore(self, stored: StoredTrial) -> bool:
        """Take a trial of an earlier session into account; return whether it brought a gain."""
        return self._rank(stored.record, stored.histograms, stored.parameters)

    def add(self, record: TrialRecord, assessment: Assessment, outcome: Outcome) -> bool:
        """Take a trial of this session into account, and write its files if it is the best; return whether it gained.

        The files wait for `finish` if it makes a trial of an earlier session the best.
        """
        result = outcome.result
        gain = self._rank(record, assessment.histograms, () if result is None else result.parameters)
        self._kept[record.number] = _Kept(record, assessment, outcome)
        self._kept = {number: kept for number, kept in self._kept.items() if number in self._choice.near}
        if self.chosen is not None and self.chosen.number in self._kept:
            self._write(self._kept[self.chosen.number])
        return gain

    def finish(self) -> None:
        """Make sure that the files are those of the best trial, which is run again if an earlier session refined it.

        It needs an idle worker. Where the trial does not succeed this time, or does not end where it did, the user is
        told and the files stay as they are; so do they if the user has asked to stop.
        """
        best = self.chosen
        if best is None or best.number == self._written or self._workers.interrupted:
            return
        again = self._run_again(best)
        if again is not None:
            self._kept[best.number] = again
            self._write(again)

    def _rank(
        self, record: TrialRecord, histograms: Sequence[HistogramFigures], parameters: Iterable[Parameter]
    ) -> bool:
        """Choose anew; a gain is another best trial, or a lowest score that falls noticeably."""
        lowest = self.lowest
        chosen = self._choice.add(record, _points(histograms), answered(parameters, freedoms(self._project.phases)))
        score, before = record.score, None if lowest is None else lowest.score
        lower = score is not None and (before is None or score < (1.0 - _GAIN) * before)
        return chosen or (lower and record is self.lowest)

    def _write(self, kept: _Kept) -> None:
        if kept.record.number != self._written:
            self._database.set_best_written(None)  # a session that is killed while it writes leaves files of both
            self._folder.write_best(kept.record, kept.assessment, kept.outcome, self._project)
            self._database.set_best_written(kept.record.number)
            self._written = kept.record.number

    def _run_again(self, record: TrialRecord) -> _Kept | None:
        """Refine a trial by its recipe once more; None if that does not succeed, or the user asks to stop."""
        self._workers.submit(record.number, record.recipe)
        while True:
            event = self._workers.wait(None)
            if isinstance(event, Interrupt):
                return None
            if isinstance(event, Outcome) and event.number == record.number:
                break
        if event.result is None:
            self._not_written(record, event.message)
            return None
        again = assess(self._host, self._project, event.result)
        if again.state is not TrialState.COMPLETE or again.metrics is None:
            why = again.message or "; ".join(f.message for f in again.findings if f.severity is Severity.ERROR)
            self._not_written(record, f"its result is no longer usable when it is refined again ({why})")
            return None
        before = None if record.metrics is None else record.metrics.rwp
        if not ended_alike(again.metrics.rwp, before):
            end = f"its recipe ended at Rwp {again.metrics.rwp:.3f} % when it was repeated"
            self._not_written(record, end if before is None else f"{end}, and at {before:.3f} % before")
            return None
        return _Kept(record, again, event)

    def _not_written(self, record: TrialRecord, why: str) -> None:
        self._emit(Notice(f"the files of trial {record.number} could not be written: {why}"))


def _points(histograms: Sequence[HistogramFigures]) -> float:
    """Return how many independent points the residuals of a trial are worth; all of them where that is not known."""
    return sum(counted_points(item.effective_points, item.metrics.n_observations) for item in histograms)

"""The search loop: trials are proposed, run, assessed, reported to the sampler and stored, in a reproducible order.

Trials are reported in the order of their numbers, and trial n is proposed when all trials up to n - L are reported and
no later one is. So a proposal does not depend on which trial happens to end first, and a resumed run proposes what an
uninterrupted one would have. With one job L is 1; with J jobs it is 2 J, so that a worker whose trial is short finds
another one waiting while a long trial delays the reports.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import deque
from collections.abc import Set
from dataclasses import replace
from typing import Any

from autogsas.errors import PluginError, nearest
from autogsas.hooks.choices import Seed
from autogsas.hooks.events import (
    Event,
    Notice,
    RunFinished,
    RunStarted,
    StepFinished,
    TrialFinished,
    TrialStarted,
    describe,
)
from autogsas.model.trial import Cause, Choices, Finished, TrialRecord, TrialState
from autogsas.runfolder.trials import StoredTrial
from autogsas.search.best import BestTrial
from autogsas.search.context import RunContext
from autogsas.search.ending import StoppingRules
from autogsas.search.options import Found, Prior
from autogsas.search.proposed import Proposed, assess_outcome, identity
from autogsas.search.repairs import Repairer
from autogsas.search.sampler import Proposer
from autogsas.search.stopping import stop_signals
from autogsas.trial.assessment import Assessment
from autogsas.trial.building import build_recipe, fitting_choices
from autogsas.trial.cells import with_found_cells
from autogsas.trial.choosers import Dimension, Recorder
from autogsas.trial.cutting import fit_recipe
from autogsas.trial.messages import StepDone
from autogsas.trial.pool import Interrupt, Outcome, Workers
from autogsas.trial.pruning import TrialProgress, hopeless_above, progress_of, slow_after

__all__ = ["search"]

_TYPO = 0.87  # similarity of two names of eight characters that differ by one
# The same recipe may succeed the next time.
_TEMPORARY = frozenset({Cause.DISK_FULL, Cause.FILES})


def search(context: RunContext, seeds: tuple[Seed, ...] = (), prior: Prior | None = None) -> Found:
    """Run trials until ``options.trials`` are finished, the time is up or the user stops; finished trials are kept.

    Trials that the folder holds already are restored, and the search continues after them. ``prior`` are trials of
    another run that the sampler learns from once the seeds are reported.
    Raises PluginError for hooks that cannot be used, BackendMissing if the engine does not start, UserError for a
    sampler that cannot be used or a damaged folder.
    """
    zero = time.monotonic() - context.elapsed
    context = replace(context, project=with_found_cells(context.host, context.project))
    options = context.options
    proposer = Proposer(options.sampler, options.seed, context.host.own_samplers())
    with contextlib.ExitStack() as stack:
        workers = stack.enter_context(
            Workers(
                context.project,
                context.backend,
                context.host.files,
                jobs=options.jobs,
                trial_timeout=options.trial_timeout,
            )
        )
        stack.enter_context(stop_signals(workers.interrupt))
        return _Search(context, seeds, prior, proposer, workers, zero).run()


class _Search:
    def __init__(
        self,
        context: RunContext,
        seeds: tuple[Seed, ...],
        prior: Prior | None,
        proposer: Proposer,
        workers: Workers,
        zero: float,
    ) -> None:
        self.context = context
        self.host, self.project, self.options = context.host, context.project, context.options
        self.folder, self.database = context.folder, context.database
        self.capabilities = context.capabilities
        self.seeds, self.prior = seeds, prior
        self.proposer, self.workers, self.zero = proposer, workers, zero
        self.repairer = Repairer(self.host, self.project, self.capabilities)
        self.reported: list[TrialRecord] = []
        self.best = BestTrial(context, workers, self.emit)
        self.rules = StoppingRules(self.options, seeds, proposer, len(self.project.recipes))
        # By number: proposed trials, and trials restored from an earlier session, that are not reported yet.
        self._pending: dict[int, Proposed | StoredTrial] = {}
        # By what makes recipes the same: the first trial with that recipe.
        self._first: dict[str, int] = {}
        self._ranges: dict[str, Dimension] = {}
        self._learned_prior = prior is None
        self._waiting: deque[Proposed] = deque()
        self._progress: list[TrialProgress] = []
        # Choices that a seed has but that do not fit here, already reported to the user.
        self._unfit: set[str] = set()

    def run(self) -> Found:
        began = time.monotonic()
        limit = self.options.timeout
        until = None if limit is None else began + limit
        kept = self.database.trials()
        total = max(self.options.trials, len(kept))
        self.emit(
            RunStarted(
                self.folder.folder,
                self.project.name,
                self.context.backend.name,
                total,
                len(kept),
                self.options.jobs,
                limit,
                self.context.scouting,
                self.project.recipe_names,
            )
        )
        finished = Finished.COMPLETE
        proposed = 0
        while True:
            # How many trials are reported when trial n is proposed is always the same, so this is reproducible.
            if not self._learned_prior and len(self.reported) >= len(self.seeds):
                self.learn_prior()
            while proposed < min(total, len(self.reported) + self.options.lead):
                if proposed < len(kept):
                    self.restore(proposed, kept[proposed])
                else:
                    self.propose(proposed)
                proposed += 1
            number = len(self.reported)
            if number == proposed:
                break
            if self.has_ended(number):
                self.report(number, total)
                rule = self.rules.ended_by(len(self.reported), len(kept), self.best.chosen)
                if rule is not None:
                    finished = rule
                    break
                continue
            if self.workers.interrupted:
                finished = Finished.INTERRUPTED
                break
            self.dispatch()
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                finished = Finished.TIMEOUT
                break
            self.handle(self.workers.wait(left))
        # Trials that are still running are given up, so that a worker is free for the best one if it must run again.
        self.workers.close()
        self.best.finish()
        self.workers.close()
        self.emit(RunFinished(finished, self.best.chosen))
        return Found(finished, tuple(self.reported), self.best.chosen, self.best.refined, self.best.lowest)

    def handle(self, event: StepDone | Outcome | Interrupt | None) -> None:
        if isinstance(event, StepDone):
            self.running(event.number).steps.append(event.step)
            self.emit(StepFinished(event.number, event.step))
            self.notify("after_step", trial=event.number, step=event.step)
        elif isinstance(event, Outcome):
            self.running(event.number).outcome = event
            self.running(event.number).ended = self.now()

    def now(self) -> float:
        """Seconds since the run began."""
        return round(time.monotonic() - self.zero, 3)

    def running(self, number: int) -> Proposed:
        trial = self._pending[number]
        assert isinstance(trial, Proposed), "only trials proposed in this session are run"
        return trial

    def learn_prior(self) -> None:
        """Let the sampler learn from the other run, its scores moved by the difference for recipes that both tried.

        Call it when the seeds, which are these recipes, are reported. With several jobs the sampler has by then
        proposed trials without this knowledge.
        """
        assert self.prior is not None
        self._learned_prior = True
        scores = self.prior.scores
        shifts = [r.score - scores[r.number] for r in self.reported if r.number in scores and r.score is not None]
        self.proposer.add_prior(self.prior.trials, statistics.median(shifts) if shifts else 0.0)

    def restore(self, number: int, kept: Any) -> None:
        stored = self.folder.read_trial(number)
        record = stored.record
        # A session that was killed left no summary with the time it took.
        self.zero = min(self.zero, time.monotonic() - (record.ended or 0.0))
        if number >= len(self.seeds):
            self.repairer.next()
        self.repairer.tried(record.choices)
        self.proposer.restore(number, kept)
        self._first.setdefault(identity(record.recipe), number)
        self._pending[number] = stored

    def propose(self, number: int) -> None:
        seed = self.seeds[number] if number < len(self.seeds) else self.repairer.next() or Seed("search")
        origin = f"first recipe {seed.name!r}" if number < len(self.seeds) else seed.name
        fixed: Choices = seed.choices or {}
        if not seed.strict:
            fixed = fitting_choices(self.host, self.project, self.capabilities, fixed)
        choose = Recorder(self.proposer.propose(number, fixed, origin), self._ranges)
        if seed.recipe is not None:  # a guided trial has one too: how it begins
            recipe = fit_recipe(seed.recipe, self.project, self.capabilities)
        else:
            recipe = build_recipe(self.host, self.project, self.capabilities, choose)
            if self.host.chooses_otherwise:
                self.report_unfit(seed, choose.choices.keys() - fixed.keys())
            for name in fixed.keys() - choose.choices.keys():
                close = nearest(name, choose.choices, cutoff=_TYPO)
                hint = f"; did you mean {close!r}?" if close else ""
                self.emit(Notice(f"{origin}: the value of {name!r} is ignored, because it is not chosen here{hint}"))
        self.repairer.tried(choose.choices)
        trial = Proposed(number, seed.name, recipe, choose.choices, self.proposer.proposed(number), seed.guide)
        self._pending[number] = trial
        if seed.guide is not None:
            self.submit(trial)
            return
        if self.options.prune and seed.recipe is None:
            trial.hopeless = hopeless_above(self._progress)
        trial.same_as = self._first.setdefault(identity(recipe), number)
        if trial.same_as == number:
            trial.same_as = None
            self.submit(trial)

    def report_unfit(self, seed: Seed, proposed: Set[str]) -> None:
        """Name the choices that the sampler made because a seed's value does not fit, each once in a run."""
        names = sorted((seed.choices or {}).keys() & proposed - self._unfit)
        self._unfit.update(names)
        if names:
            text = (
                f"its values for {', '.join(names)} do not fit the hooks of this project; the sampler chooses instead"
            )
            self.emit(Notice(f"seed {seed.name!r}: {text}"))

    def submit(self, trial: Proposed) -> None:
        self._waiting.append(trial)
        self.dispatch()

    def dispatch(self) -> None:
        while self._waiting and self.workers.idle:
            trial = self._waiting.popleft()
            self.emit(TrialStarted(trial.number, trial.origin, len(trial.recipe.steps)))
            slow = slow_after(self.reported) if self.options.prune and trial.choices else None
            self.workers.submit(trial.number, trial.recipe, trial.hopeless, slow, trial.guide)

    def has_ended(self, number: int) -> bool:
        trial = self._pending[number]
        if isinstance(trial, StoredTrial) or trial.outcome is not None:
            return True
        if trial.same_as is None:
            return False
        if self.reported[trial.same_as].cause in _TEMPORARY:
            self._first[identity(trial.recipe)] = number
            trial.same_as = None
            self.submit(trial)
            return False
        return True

    def report(self, number: int, total: int) -> None:
        trial = self._pending.pop(number)
        if isinstance(trial, StoredTrial):
            self.proposer.report(trial.record)
            self.learn(trial.record)
            if self.best.restore(trial):
                self.rules.gained(number)
            return
        assessment = Assessment(TrialState.FAILED)
        if trial.same_as is not None:
            record = trial.repeating(self.reported[trial.same_as], self.now())
        else:
            assert trial.outcome is not None
            assessment = assess_outcome(self.host, self.project, trial.outcome)
            record = trial.record(trial.outcome, assessment)
        self.folder.write_trial(record, assessment, trial.outcome, trial.same_as)
        if trial.guide is not None:
            self._first.setdefault(identity(record.recipe), number)
        if trial.outcome is not None and self.best.add(record, assessment, trial.outcome):
            self.rules.gained(number)
        # From here on the trial counts: if the run stops earlier, it is run again after resuming.
        self.database.add(trial.proposed, record)
        self.proposer.report(record)
        self.learn(record)
        self.emit(TrialFinished(record, self.best.chosen, len(self.reported), total, trial.same_as))
        if trial.outcome is not None and trial.outcome.result is not None and trial.outcome.message:
            self.emit(Notice(f"trial {number}: {trial.outcome.message}"))
        self.notify("after_trial", record=record)

    def learn(self, record: TrialRecord) -> None:
        self.reported.append(record)
        self.repairer.learn(record, self.best.chosen)
        progress = progress_of(record)
        if progress is not None:
            self._progress.append(progress)

    def emit(self, event: Event) -> None:
        self.folder.log(describe(event))
        if self.context.progress is not None:
            self.context.progress(event)

    def notify(self, hook: str, **arguments: Any) -> None:
        # A mistake in a hook that only watches must not end a run of hours; it becomes a notice.
        try:
            self.host.call(hook, project=self.project, **arguments)
        except PluginError as error:
            self.emit(Notice(str(error)))

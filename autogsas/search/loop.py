"""The search: trials asked for, run, measured, told and kept, in an order that repeats itself.

Trials are told in order of their numbers, and trial n is asked for when all up to n - L are told and no later one is.
So what is proposed does not depend on which trial happens to end first, and a resumed run proposes what the
uninterrupted one would have. With one job L is 1; with J jobs it is 2 J, so that a worker whose trial is short finds
another one waiting while a long one still holds up the telling.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autogsas.errors import PluginError, nearest
from autogsas.hooks.backend import Backend
from autogsas.hooks.choices import Seed
from autogsas.hooks.events import (
    Event,
    Notice,
    Progress,
    RunFinished,
    RunStarted,
    StepFinished,
    TrialFinished,
    TrialStarted,
    describe,
)
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe
from autogsas.model.result import StepResult
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.summary import Finished
from autogsas.runfolder.writer import RunFolder
from autogsas.search.options import Found, Options, Recall
from autogsas.search.repairs import Mender
from autogsas.search.sampler import Database, Proposer
from autogsas.search.stopping import stop_signals
from autogsas.trial.assessment import Assessment, assess
from autogsas.trial.building import Recorder, build_recipe, fit_recipe, fitting_choices
from autogsas.trial.cells import with_found_cells
from autogsas.trial.child import PRUNED
from autogsas.trial.messages import StepDone
from autogsas.trial.pool import SLOW, Interrupt, Outcome, Workers
from autogsas.trial.pruning import Standing, hopeless_above, slow_after, standing

__all__ = ["search"]

# What may go better the next time with the same recipe.
_PASSING = ("disk-full", "files")
_TERMINATOR_EVERY = 5


def search(
    host: Host,
    project: Project,
    backend: Backend,
    folder: RunFolder,
    options: Options,
    *,
    seeds: tuple[Seed, ...],
    recall: Recall | None = None,
    progress: Progress | None = None,
    settings: Mapping[str, Any] | None = None,
    scouting: bool = False,
    elapsed: float = 0.0,
) -> Found:
    """Run trials until ``options.trials`` are over, the time is up or the user stops it; all that is over is kept.

    A folder that holds trials already is gone on with; ``settings`` are kept in its database. ``recall`` is what the
    sampler learns of another run when the seeds are told. ``scouting`` tells whoever watches that this only looks
    ahead. ``elapsed`` is how many seconds the run has taken before, for the times at which its trials end.
    Raises PluginError for hooks that cannot be used, BackendMissing for an engine that does not start, UserError for
    a sampler that cannot be used or a damaged folder.
    """
    zero = time.monotonic() - elapsed
    project = with_found_cells(host, project)
    proposer = Proposer(options.sampler, options.seed)
    with contextlib.ExitStack() as stack:
        database = Database(folder.study)
        stack.callback(database.close)
        database.set_settings(settings or {})
        workers = stack.enter_context(
            Workers(project, backend, host.files, jobs=options.jobs, trial_timeout=options.trial_timeout)
        )
        stack.enter_context(stop_signals(workers.interrupt))
        mender = Mender(host, project, backend.capabilities())
        at_work = (proposer, mender, database, workers, scouting, zero)
        return _Searching(host, project, backend, folder, options, seeds, recall, progress, *at_work).run()


@dataclass
class _Asked:
    """A trial that is not told yet."""

    number: int
    origin: str
    recipe: Recipe
    choices: dict[str, Any]
    proposed: Any
    same_as: int | None = None
    hopeless: float | None = None
    steps: list[StepResult] = field(default_factory=list)
    outcome: Outcome | None = None
    ended: float | None = None


@dataclass
class _Searching:
    host: Host
    project: Project
    backend: Backend
    folder: RunFolder
    options: Options
    seeds: tuple[Seed, ...]
    recall: Recall | None
    progress: Progress | None
    proposer: Proposer
    mender: Mender
    database: Database
    workers: Workers
    scouting: bool
    zero: float
    told: list[TrialRecord] = field(default_factory=list)
    best: TrialRecord | None = None
    _asked: dict[int, _Asked | TrialRecord] = field(default_factory=dict)
    _first: dict[str, int] = field(default_factory=dict)
    _ranges: dict[str, Any] = field(default_factory=dict)
    _waiting: deque[_Asked] = field(default_factory=deque)
    _known: list[Standing] = field(default_factory=list)

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
                self.backend.name,
                total,
                len(kept),
                self.options.jobs,
                limit,
                self.scouting,
            )
        )
        finished: Finished = "complete"
        asked = 0
        while True:
            while asked < min(total, len(self.told) + self.options.lead):
                if asked == len(self.seeds):
                    self.remember()
                if asked < len(kept):
                    self.restore(asked, kept[asked])
                else:
                    self.ask(asked)
                asked += 1
            number = len(self.told)
            if number == asked:
                break
            if self.is_over(number):
                self.tell(number, total)
                if self.is_stuck():
                    finished = "no gain"
                    break
                if self.is_worked_out():
                    finished = "terminator"
                    break
                continue
            if self.workers.interrupted:
                finished = "interrupted"
                break
            self.dispatch()
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                finished = "timeout"
                break
            self.handle(self.workers.wait(left))
        self.workers.close()
        self.emit(RunFinished(finished, self.best))
        return Found(finished, tuple(self.told), self.best)

    def handle(self, event: StepDone | Outcome | Interrupt | None) -> None:
        if isinstance(event, StepDone):
            self.asked(event.number).steps.append(event.step)
            self.emit(StepFinished(event.number, event.step))
            self.observe("after_step", trial=event.number, step=event.step)
        elif isinstance(event, Outcome):
            self.asked(event.number).outcome = event
            self.asked(event.number).ended = self.now()

    def now(self) -> float:
        """Seconds since the run began."""
        return round(time.monotonic() - self.zero, 3)

    def asked(self, number: int) -> _Asked:
        asked = self._asked[number]
        assert isinstance(asked, _Asked), "only trials asked for in this session are run"
        return asked

    def remember(self) -> None:
        """Let the sampler learn of the other run, moved by what the two differ in for the recipes both have tried."""
        if self.recall is None:
            return
        pairs = self.recall.pairs
        apart = [r.score - pairs[r.number] for r in self.told if r.number in pairs and r.score is not None]
        self.proposer.recall(self.recall.known, statistics.median(apart) if apart else 0.0)

    def restore(self, number: int, kept: Any) -> None:
        record = self.folder.read_trial(number).record
        # A session that was killed left no summary to say how long it took.
        self.zero = min(self.zero, time.monotonic() - (record.ended or 0.0))
        if number >= len(self.seeds):
            self.mender.next()
        self.mender.tried(record.choices)
        self.proposer.restore(number, kept)
        self._first.setdefault(_identity(record.recipe), number)
        self._asked[number] = record

    def ask(self, number: int) -> None:
        seed = self.seeds[number] if number < len(self.seeds) else self.mender.next() or Seed("search")
        capabilities = self.backend.capabilities()
        fixed = seed.choices or {}
        if not seed.strict:
            fixed = fitting_choices(self.host, self.project, capabilities, fixed)
        choose = Recorder(self.proposer.ask(number, fixed, f"seed {seed.name!r}"), self._ranges)
        if seed.recipe is not None:
            recipe = fit_recipe(seed.recipe, self.project, capabilities)
        else:
            recipe = build_recipe(self.host, self.project, capabilities, choose)
            for name in fixed.keys() - choose.choices.keys():
                close = nearest(name, choose.choices)
                hint = f"; did you mean {close!r}?" if close else ""
                self.emit(Notice(f"seed {seed.name!r} fixes {name!r}, which nobody asked for{hint}"))
        self.mender.tried(choose.choices)
        proposed = self.proposer.proposed(number)
        asked = self._asked[number] = _Asked(number, seed.name, recipe, choose.choices, proposed)
        if self.options.prune and seed.recipe is None:
            asked.hopeless = hopeless_above(self._known)
        asked.same_as = self._first.setdefault(_identity(recipe), number)
        if asked.same_as == number:
            asked.same_as = None
            self.submit(asked)

    def submit(self, asked: _Asked) -> None:
        self._waiting.append(asked)
        self.dispatch()

    def dispatch(self) -> None:
        while self._waiting and self.workers.idle:
            asked = self._waiting.popleft()
            self.emit(TrialStarted(asked.number, asked.origin, len(asked.recipe.steps)))
            slow = slow_after(self.told) if self.options.prune and asked.choices else None
            self.workers.submit(asked.number, asked.recipe, asked.hopeless, slow)

    def is_stuck(self) -> bool:
        """Whether the last ``patience`` trials have brought nothing; what came before the first fit is not counted."""
        patience = self.options.patience
        return patience is not None and self.best is not None and len(self.told) - 1 - self.best.number >= patience

    def is_over(self, number: int) -> bool:
        asked = self._asked[number]
        if isinstance(asked, TrialRecord) or asked.outcome is not None:
            return True
        if asked.same_as is None:
            return False
        if self.told[asked.same_as].cause in _PASSING:
            self._first[_identity(asked.recipe)] = number
            asked.same_as = None
            self.submit(asked)
            return False
        return True

    def tell(self, number: int, total: int) -> None:
        asked = self._asked.pop(number)
        if isinstance(asked, TrialRecord):
            self.proposer.tell(asked)
            self.learn(asked)
            if self.is_better(asked):
                self.best = asked
            return
        assessment = Assessment(TrialState.FAILED)
        if asked.same_as is not None:
            record = self.repeated(asked, self.told[asked.same_as])
        else:
            assert asked.outcome is not None
            if asked.outcome.result is None:
                state = TrialState.PRUNED if asked.outcome.cause in (PRUNED, SLOW) else TrialState.FAILED
                assessment = Assessment(state, cause=asked.outcome.cause, message=asked.outcome.message)
            else:
                assessment = assess(self.host, self.project, asked.outcome.result)
            record = self.record(asked, asked.outcome, assessment)
        self.folder.write_trial(record, assessment, asked.outcome, asked.same_as)
        if self.is_better(record):
            self.best = record
            assert asked.outcome is not None
            self.folder.write_best(record, assessment, asked.outcome, self.project)
        # The trial counts from here on: whatever stops the run before, it is run again on resuming.
        self.database.add(asked.proposed, record)
        self.proposer.tell(record)
        self.learn(record)
        self.emit(TrialFinished(record, self.best, len(self.told), total, asked.same_as))
        if asked.outcome is not None and asked.outcome.result is not None and asked.outcome.message:
            self.emit(Notice(f"trial {number}: {asked.outcome.message}"))
        self.observe("after_trial", record=record)

    def is_worked_out(self) -> bool:
        """Whether Optuna's terminator, asked every few trials, expects no more."""
        due = self.options.terminator and len(self.told) % _TERMINATOR_EVERY == 0 and len(self.told) > len(self.seeds)
        return due and self.proposer.expects_no_more()

    def learn(self, record: TrialRecord) -> None:
        self.told.append(record)
        self.mender.learn(record, self.best)
        stood = standing(record)
        if stood is not None:
            self._known.append(stood)

    def record(self, asked: _Asked, outcome: Outcome, assessment: Assessment) -> TrialRecord:
        return TrialRecord(
            number=asked.number,
            state=assessment.state,
            origin=asked.origin,
            recipe=asked.recipe,
            choices=asked.choices,
            score=assessment.score,
            metrics=assessment.metrics,
            steps=outcome.result.steps if outcome.result is not None else tuple(asked.steps),
            findings=assessment.findings,
            cause=assessment.cause,
            message=assessment.message,
            seconds=outcome.seconds,
            ended=asked.ended,
        )

    def repeated(self, asked: _Asked, earlier: TrialRecord) -> TrialRecord:
        return replace(
            earlier,
            number=asked.number,
            origin=asked.origin,
            recipe=asked.recipe,
            choices=asked.choices,
            message=earlier.message or f"the recipe of trial {earlier.number}",
            seconds=0.0,
            ended=self.now(),
        )

    def is_better(self, record: TrialRecord) -> bool:
        if record.state != TrialState.COMPLETE or record.score is None:
            return False
        return self.best is None or self.best.score is None or record.score < self.best.score

    def emit(self, event: Event) -> None:
        self.folder.log(describe(event))
        if self.progress is not None:
            self.progress(event)

    def observe(self, hook: str, **arguments: Any) -> None:
        # One who only watches does not end a run of hours by a mistake; it is said instead.
        try:
            self.host.call(hook, project=self.project, **arguments)
        except PluginError as error:
            self.emit(Notice(str(error)))


def _identity(recipe: Recipe) -> str:
    """What makes two recipes the same work: all but names and titles."""
    steps = [step.model_dump(mode="json", exclude={"title"}) for step in recipe.steps]
    return json.dumps(steps, sort_keys=True)
